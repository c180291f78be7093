//! Keys that open nothing.

use crate::world::{CENT, both, chat, get, now, post, sqlite};
use axum::{body::Body, http::Request};
use legation_tests::upstream::{Plan, Upstream};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_wrong_cut_blocked_or_over_opens_nothing_and_nothing_is_sent() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    for world in both() {
        world.model("small", &upstream, CENT);
        let key = world.agent("mail", "1USD/day");
        let sent = upstream.count();
        let cut = key.strip_suffix(|_: char| true).unwrap();
        let mut wrong = key.clone().into_bytes();
        let last = wrong.last_mut().unwrap();
        *last = if *last == b'A' { b'B' } else { b'A' };
        let wrong = String::from_utf8(wrong).unwrap();
        for key in ["", "x", "legation_", cut, &wrong, "sk-proj-abc", &key.to_uppercase()] {
            let answer = world.chat(0, key, json!({})).await;
            assert_eq!(answer.told().0, 401, "{key} {}", answer.text());
            assert_eq!(answer.headers["x-should-retry"], "false");
        }
        for scheme in ["Basic", "bearer:", "DPoP"] {
            let request =
                Request::post("/v1/chat/completions").header("authorization", format!("{scheme} {key}"));
            let answer = world.send(0, request.body(Body::from("{}")).unwrap()).await;
            assert_eq!(answer.told(), (401, "api_key_missing".to_owned()));
        }
        assert_eq!(world.receipts(), [], "what comes from nobody known leaves no receipt");
        let short =
            crate::world::blocking(|| world.registry.create_key("mail", "short", Some(0), now())).unwrap();
        let answer = world.chat(0, &short.secret, json!({})).await;
        assert_eq!(answer.told(), (401, "api_key_expired".to_owned()), "{}", world.engine);
        world.block("mail");
        assert_eq!(world.chat(0, &key, json!({})).await.told(), (401, "api_key_blocked".to_owned()));
        assert_eq!(upstream.count(), sent);
        let codes: Vec<String> = world.receipts().into_iter().map(|(_, code, _)| code).collect();
        assert_eq!(codes, ["api_key_expired", "api_key_blocked"], "of known callers denials are kept");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotated_key_is_taken_for_as_long_as_its_grace() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    let world = sqlite();
    world.model("small", &upstream, CENT);
    let key = world.agent("mail", "1USD/day");
    let id = crate::world::blocking(|| world.registry.list_keys(None)).unwrap()[0].1.id.clone();
    let second = crate::world::blocking(|| world.registry.rotate_key(&id, 3600, now())).unwrap();
    for key in [&key, second.secret.as_str()] {
        assert_eq!(world.chat(0, key, json!({"max_tokens": 1})).await.status, 200);
    }
    let third = crate::world::blocking(|| world.registry.rotate_key(&second.key.id, 0, now())).unwrap();
    let over = world.chat(0, &second.secret, json!({"max_tokens": 1})).await;
    assert_eq!(over.told(), (401, "api_key_expired".to_owned()));
    assert_eq!(world.chat(0, &third.secret, json!({"max_tokens": 1})).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_shows_no_key_has_nothing_of_a_body_read() {
    let world = sqlite();
    let request = Request::post("/v1/chat/completions").body(Body::from("{\"a\":1,\"a\":2")).unwrap();
    assert_eq!(world.send(0, request).await.told(), (401, "api_key_missing".to_owned()));
    let request = Request::post("/v1/anything").body(Body::from("x")).unwrap();
    assert_eq!(world.send(0, request).await.told(), (401, "api_key_missing".to_owned()));
    let key = world.agent("mail", "1USD/day");
    assert_eq!(world.send(0, post(&key, "{\"a\":1,\"a\":2".to_owned())).await.status, 400);
    assert_eq!(world.send(0, get(&key, "/v1/other")).await.told(), (404, "not_found".to_owned()));
    assert_eq!(world.send(0, chat(&key, json!({"store": true}))).await.status, 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_of_each_request_is_counted_once() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    let world = sqlite();
    world.model("small", &upstream, CENT);
    let key = world.agent("mail", "1USD/day");
    let nobody = Request::post("/v1/chat/completions").body(Body::from("{}")).unwrap();
    world.send(0, nobody).await;
    world.chat(0, "legation_x", json!({})).await;
    world.send(0, post(&key, " ".repeat(5 << 20))).await;
    world.send(0, get(&key, "/v1/models/none")).await;
    world.send(0, get(&key, "/elsewhere")).await;
    world.chat(0, &key, json!({"max_tokens": 1})).await;
    let outcomes = [
        "api_key_missing",
        "api_key_unknown",
        "input_too_large",
        "model_not_found",
        "not_found",
        "permit",
        "settled",
    ];
    for outcome in outcomes {
        assert_eq!(world.counted(0, outcome), 1, "{outcome}");
    }
}
