//! Streams as their receivers make and change them.

use crate::world::{ISSUER, Receiver, World, blocking, both, event, now, soon, sqlite};
use axum::http::Request;
use legation_host::Signals;
use legation_registry::signals::Scope;
use legation_signer::Door;
use serde_json::{Value, json};
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_receiver_needs_is_found_by_the_issuer_alone() {
    let world = sqlite();
    let found = world.ask("", "GET", "/.well-known/ssf-configuration", &Value::Null).await;
    assert_eq!((found.status, &found.json["issuer"]), (200, &json!(ISSUER)));
    assert_eq!(found.headers["access-control-allow-origin"], "*");
    for member in [
        "jwks_uri",
        "configuration_endpoint",
        "status_endpoint",
        "add_subject_endpoint",
        "remove_subject_endpoint",
        "verification_endpoint",
    ] {
        let path = found.json[member].as_str().unwrap().strip_prefix(ISSUER).unwrap();
        let answer = world.ask("", "OPTIONS", path, &Value::Null).await;
        assert_ne!(answer.status, 404, "{member}");
    }
    let jwks = world.ask("", "GET", "/.well-known/jwks.json", &Value::Null).await.json;
    let key = &jwks["keys"][0];
    assert_eq!(
        (&key["kty"], &key["alg"], &key["use"], &key["e"]),
        (&json!("RSA"), &json!("RS256"), &json!("sig"), &json!("AQAB"))
    );
    assert!(key.get("d").is_none());
    // The same each time: it is made once.
    assert_eq!(world.ask("", "GET", "/.well-known/jwks.json", &Value::Null).await.json, jwks);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_no_token_or_another_one_gets_nothing() {
    let world = sqlite();
    let other = sqlite();
    let (reads, manages) = (world.receiver("reads", &[Scope::Read]), world.receiver("shop", &[]));
    let elsewhere = other.receiver("shop", &[]);
    let cut = manages.get(..manages.len() - 1).unwrap();
    for (token, method, path, wanted) in [
        ("", "GET", "/ssf/stream", 401),
        ("", "POST", "/ssf/stream", 401),
        ("", "POST", "/ssf/poll/x", 401),
        ("", "POST", "/ssf/verify", 401),
        ("legation_x", "GET", "/ssf/stream", 401),
        (cut, "GET", "/ssf/stream", 401),
        (&elsewhere, "GET", "/ssf/stream", 401),
        (&reads, "GET", "/ssf/stream", 200),
        (&reads, "POST", "/ssf/stream", 403),
        (&reads, "DELETE", "/ssf/stream?stream_id=x", 403),
        (&reads, "POST", "/ssf/verify", 403),
        (&manages, "GET", "/ssf/status?stream_id=x", 404),
        (&manages, "GET", "/ssf/status", 400),
    ] {
        let answer = world.ask(token, method, path, &Value::Null).await;
        assert_eq!(answer.status, wanted, "{token:.9} {method} {path}: {answer:?}");
        if matches!(wanted, 401 | 403) {
            assert!(answer.headers["www-authenticate"].to_str().unwrap().starts_with("Bearer"), "{answer:?}");
        }
    }
    // An agent's API key is no receiver's token, nor the other way round.
    let key = blocking(|| world.registry.create_key("bot", "", None, now())).unwrap().secret;
    assert_eq!(world.ask(&key, "GET", "/ssf/stream", &Value::Null).await.status, 401);
    let digest = legation_registry::api_keys::digest(&manages).unwrap();
    assert_eq!(blocking(|| world.registry.caller(digest, now())).unwrap_err().code(), "api_key_unknown");
    // What has ended, and what was taken away.
    let ended = blocking(|| world.registry.add_receiver(("ended", None), &[], 0, now())).unwrap().secret;
    assert_eq!(world.ask(&ended, "GET", "/ssf/stream", &Value::Null).await.status, 401);
    let stream = world.stream(&manages, json!({})).await;
    let id = blocking(|| world.registry.receivers("", 10)).unwrap();
    let id = &id.iter().find(|one| one.name == "shop").unwrap().id;
    blocking(|| world.registry.remove_receiver(id, now())).unwrap();
    assert_eq!(world.ask(&manages, "POST", &format!("/ssf/poll/{stream}"), &json!({})).await.status, 401);
    assert!(blocking(|| world.registry.streams("", 10)).unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_made_changed_and_deleted_by_its_receiver_alone() {
    for world in both() {
        let (shop, rival) = (world.receiver("shop", &[]), world.receiver("rival", &[]));
        let push = json!({"method": "urn:ietf:rfc:8935", "endpoint_url": "https://shop.example/events", "authorization_header": "Bearer s3cret"});
        let risk = "https://schemas.openid.net/secevent/caep/event-type/risk-level-change";
        let asked =
            json!({"delivery": push, "events_requested": [risk, "https://x.example/other"], "more": 1});
        let made = world.ask(&shop, "POST", "/ssf/stream", &asked).await;
        assert_eq!(made.status, 201, "{made:?}");
        let id = made.json["stream_id"].as_str().unwrap().to_owned();
        assert_eq!((&made.json["iss"], &made.json["aud"]), (&json!(ISSUER), &json!("https://shop.example")));
        assert_eq!(made.json["events_delivered"], json!([risk]));
        assert!(!made.json.to_string().contains("s3cret"), "{made:?}");
        // One for each receiver, and another's does not exist.
        assert_eq!(world.ask(&shop, "POST", "/ssf/stream", &json!({})).await.status, 409);
        let named = format!("/ssf/stream?stream_id={id}");
        let status = format!("/ssf/status?stream_id={id}");
        for (method, path, body) in [
            ("GET", named.as_str(), Value::Null),
            ("GET", &status, Value::Null),
            ("DELETE", &named, Value::Null),
            ("PATCH", "/ssf/stream", json!({"stream_id": id, "description": "mine"})),
            ("PUT", "/ssf/stream", json!({"stream_id": id})),
            ("POST", "/ssf/status", json!({"stream_id": id, "status": "disabled"})),
            ("POST", "/ssf/verify", json!({"stream_id": id})),
            (
                "POST",
                "/ssf/subjects/remove",
                json!({"stream_id": id, "subject": {"format": "did", "url": "did:key:x"}}),
            ),
            ("POST", &format!("/ssf/poll/{id}"), json!({})),
        ] {
            assert_eq!(world.ask(&rival, method, path, &body).await.status, 404, "{method} {path}");
        }
        assert_eq!(world.ask(&rival, "GET", "/ssf/stream", &Value::Null).await.json, json!([]));
        // PATCH changes what it says, PUT says all anew.
        let patched = json!({"stream_id": id, "description": "the shop's", "iss": ISSUER, "aud": "https://shop.example"});
        let patched = world.ask(&shop, "PATCH", "/ssf/stream", &patched).await;
        assert_eq!((patched.status, &patched.json["events_delivered"]), (200, &json!([risk])));
        assert_eq!(patched.json["delivery"]["endpoint_url"], "https://shop.example/events");
        for (wrong, member) in [
            (json!({"stream_id": id, "iss": "https://x.example"}), "iss"),
            (json!({"stream_id": id, "aud": "https://x.example"}), "aud"),
            (json!({"stream_id": id, "delivery": {"method": "urn:ietf:rfc:8935"}}), "delivery"),
            (json!({"stream_id": id, "delivery": {"method": "carrier-pigeon"}}), "delivery"),
            (json!({"description": "which"}), "stream_id"),
        ] {
            let answer = world.ask(&shop, "PATCH", "/ssf/stream", &wrong).await;
            assert_eq!(answer.status, 400, "{wrong}: {answer:?}");
            assert!(answer.json["detail"].as_str().unwrap().contains(member), "{answer:?}");
        }
        let put = world.ask(&shop, "PUT", "/ssf/stream", &json!({"stream_id": id})).await;
        assert_eq!(put.json["delivery"]["endpoint_url"], format!("{ISSUER}/ssf/poll/{id}"));
        assert_eq!(put.json["events_delivered"].as_array().unwrap().len(), 3);
        assert_eq!(world.ask(&shop, "GET", &named, &Value::Null).await.json, put.json);
        assert_eq!(world.ask(&shop, "GET", "/ssf/stream", &Value::Null).await.json, json!([put.json]));
        assert_eq!(world.ask(&shop, "DELETE", &named, &Value::Null).await.status, 204);
        assert_eq!(world.ask(&shop, "GET", &named, &Value::Null).await.status, 404);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_sent_where_the_guard_forbids_it() {
    let world = sqlite();
    let shop = world.receiver("shop", &[]);
    // As it is where nobody allows more.
    let client = world.signer.client(Door::Gateway).unwrap();
    let signals = Signals::new(Arc::clone(&world.registry), client, false).unwrap();
    let asked = async |delivery: Value| {
        let request = Request::post("/ssf/stream").header("authorization", format!("Bearer {shop}"));
        let body = json!({ "delivery": delivery }).to_string();
        world.send(&signals, request.body(body.into()).unwrap()).await
    };
    for url in [
        "http://shop.example/events",
        "https://10.0.0.1/events",
        "https://[::1]/events",
        "https://169.254.169.254/latest",
        "http://127.0.0.1:1/events",
        "http://localhost:8081/v1/agents",
        "https://user@shop.example/",
        "ftp://shop.example/",
        "shop.example",
    ] {
        let answer = asked(json!({"method": "urn:ietf:rfc:8935", "endpoint_url": url})).await;
        assert_eq!(answer.status, 400, "{url}: {answer:?}");
    }
    let header = json!({"method": "urn:ietf:rfc:8935", "endpoint_url": "https://shop.example/", "authorization_header": "a\r\nb: c"});
    assert_eq!(asked(header).await.status, 400);
    // A name that leads to this machine is not found out before it is looked up; nothing is sent there all the same.
    let receiver = Receiver::start(|_| (202, "")).await;
    let secure = receiver.url.replace("http://", "https://");
    assert_eq!(asked(json!({"method": "urn:ietf:rfc:8935", "endpoint_url": secure})).await.status, 201);
    world.run_also(&signals);
    blocking(|| world.registry.suspend(legation_store::holder::Kind::Agent, "bot", now())).unwrap();
    let failed = || blocking(|| world.registry.streams("", 1)).unwrap()[0].subscription.failures > 0;
    soon("a failure", failed).await;
    assert!(receiver.got().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_verification_comes_over_the_stream_and_not_too_often() {
    for world in both() {
        let shop = world.receiver("shop", &[]);
        let id = world.stream(&shop, json!({})).await;
        let verify = json!({"stream_id": id, "state": "a state"});
        assert_eq!(world.ask(&shop, "POST", "/ssf/verify", &verify).await.status, 204);
        let again = world.ask(&shop, "POST", "/ssf/verify", &verify).await;
        assert_eq!((again.status, again.headers.contains_key("retry-after")), (429, true), "{again:?}");
        let got = world.poll(&shop, &id, &[]).await;
        assert_eq!(got.len(), 1);
        assert_eq!(event(&got[0].0), ("verification", &json!({"state": "a state"})));
        assert_eq!(got[0].0["sub_id"], json!({"format": "opaque", "id": id}));
        for member in ["sub", "exp"] {
            assert!(got[0].0.get(member).is_none(), "{member}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_json_or_too_much_of_it_is_refused_and_changes_nothing() {
    let world: World = sqlite();
    let shop = world.receiver("shop", &[]);
    let id = world.stream(&shop, json!({})).await;
    for (body, wanted) in [
        (json!([]), 400),
        (json!({"stream_id": 1, "status": "enabled"}), 400),
        (json!({"stream_id": id, "status": "gone"}), 400),
        (json!({"stream_id": id, "status": "paused", "reason": "x".repeat(3000)}), 400),
        (json!({"stream_id": id, "status": "paused", "reason": "x".repeat(70_000)}), 413),
    ] {
        let answer = world.ask(&shop, "POST", "/ssf/status", &body).await;
        assert_eq!(answer.status, wanted, "{answer:?}");
    }
    for subject in
        [json!("x"), json!({}), json!({"format": 1}), json!({"format": "opaque", "id": "x".repeat(5000)})]
    {
        let body = json!({"stream_id": id, "subject": subject});
        assert_eq!(world.ask(&shop, "POST", "/ssf/subjects/remove", &body).await.status, 400, "{body}");
    }
    assert_eq!(
        world.ask(&shop, "GET", &format!("/ssf/status?stream_id={id}"), &Value::Null).await.json["status"],
        "enabled"
    );
    let many: Vec<String> = (0..1001).map(|number| number.to_string()).collect();
    let answer = world.ask(&shop, "POST", &format!("/ssf/poll/{id}"), &json!({ "ack": many })).await;
    assert_eq!(answer.status, 400);
    // Each change is an event that stays, so that there are not too many of them.
    let subject = json!({"stream_id": id, "subject": {"format": "did", "url": "did:key:x"}});
    let mut last = 0;
    for _ in 0..61 {
        last = world.ask(&shop, "POST", "/ssf/subjects/add", &subject).await.status;
    }
    assert_eq!(last, 429);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_put_back_tells_nobody_and_no_token_of_before_opens_it_again() {
    for world in both() {
        let shop = world.receiver("shop", &[]);
        let id = world.stream(&shop, json!({})).await;
        let verify = json!({"stream_id": id});
        assert_eq!(world.ask(&shop, "POST", "/ssf/verify", &verify).await.status, 204);
        let (store, organization) = (world.registry.store(), world.registry.id());
        let hook = blocking(|| world.registry.add_alert("https://pager.example/", &[], now())).unwrap();
        blocking(|| store.write(|tx| legation_store::restored::close(tx, organization, "a backup", now())))
            .unwrap();
        for (method, path) in
            [("GET", "/ssf/stream"), ("GET", "/.well-known/jwks.json"), ("POST", "/ssf/verify")]
        {
            let answer = world.ask(&shop, method, path, &Value::Null).await;
            assert!(answer.status >= 500, "{method} {path}: {answer:?}");
        }
        assert_eq!(blocking(|| world.registry.follow_events(now())).unwrap(), Some(0));
        assert_eq!(blocking(|| world.registry.look_out(now() + 3000)).unwrap(), 0);
        let later = now() + 1;
        blocking(|| store.write(|tx| legation_store::restored::reopen(tx, organization, None, later)))
            .unwrap();
        blocking(|| while world.registry.follow_events(now()).unwrap().is_some_and(|more| more > 0) {});
        let streams = blocking(|| world.registry.streams("", 10)).unwrap();
        let stream = &streams[0].subscription;
        assert_eq!((stream.state.as_str(), stream.waiting), ("disabled", 0), "{}", world.engine);
        let receiver = blocking(|| world.registry.receivers("", 10)).unwrap().remove(0);
        assert_eq!(receiver.expires, later);
        assert_eq!(blocking(|| world.registry.alerts("", 10)).unwrap()[0].state, hook.state);
    }
}
