//! What runs when its caller is stopped, and several targets of a model.

use crate::world::{CENT, World, blocking, chat, local, now, sqlite};
use axum::{
    body::Body,
    http::{HeaderMap, Request},
};
use http_body_util::BodyExt;
use legation_http_signature::{AgentDelegation, Message, Signing, join, sign};
use legation_keys::{Algorithm, SecretKey};
use legation_registry::{FIRST_TEAM, Profile, model::Target, proof::prove};
use legation_store::holder::Kind;
use legation_tests::upstream::{Plan, Upstream};
use serde_json::json;
use std::time::{Duration, Instant};

/// A stream of a minute, of which some has come; how long the rest of it takes to end, and what it ends with.
async fn ends(world: &World, request: Request<Body>, stop: impl FnOnce(&World)) -> (Duration, String) {
    let mut body = world.begin(0, request).await.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert!(first.starts_with(b"data: "), "{first:?}");
    stop(world);
    let begin = Instant::now();
    let rest = body.collect().await.unwrap().to_bytes();
    (begin.elapsed(), String::from_utf8(rest.to_vec()).unwrap())
}

fn slow() -> Upstream {
    let words = "word ".repeat(600);
    Upstream::always(Plan::says(&words).tokens(1, 1).every(Duration::from_millis(100))).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_stream_ends_within_a_second_of_its_caller_being_stopped_and_of_nothing_else() {
    let upstream = slow();
    let world = sqlite();
    world.model("small", &upstream, CENT);
    let ask = |key: &str| chat(key, json!({"stream": true, "max_tokens": 1}));
    type Stop = fn(&World);
    let stops: [(&str, Stop); 3] = [
        ("api_key_blocked", |world| world.block("mail")),
        ("link_suspended", |world| world.suspend("mail")),
        ("no_delegation", |world| {
            blocking(|| {
                let (_, link) = world.registry.delegations(Some((Kind::Agent, "mail"))).unwrap().remove(0);
                world.registry.revoke(&link.id, "", now()).unwrap();
            });
        }),
    ];
    for (code, stop) in stops {
        let world = sqlite();
        world.model("small", &upstream, CENT);
        let key = world.agent("mail", "1USD/day");
        world.agent("other", "1USD/day");
        let (took, rest) = ends(&world, ask(&key), |world| {
            // Others are stopped, and it goes on.
            world.suspend("other");
            std::thread::sleep(Duration::from_millis(600));
            stop(world);
        })
        .await;
        assert!(took < Duration::from_secs(1), "{code}: {took:?}");
        assert!(rest.matches("word").count() > 3, "{code}: it went on while others were stopped");
        assert!(rest.contains(code), "{code}: {rest}");
    }
    drop(world);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_an_agent_that_signs_ends_likewise_and_goes_on_where_its_delegation_is_renewed() {
    let upstream = slow();
    let world = sqlite();
    world.model("small", &upstream, CENT);
    let own = SecretKey::generate(Algorithm::EdDsa).unwrap();
    let profile = Profile { groups: vec!["standard".to_owned()], ..Profile::default() };
    let chain = blocking(|| {
        let proof = prove(&own, world.registry.did(), "mail", now()).unwrap();
        world.registry.add_agent_with_key("mail", FIRST_TEAM, &profile, &proof, now()).unwrap();
        world.registry.chain(Kind::Agent, "mail").unwrap()
    });
    let links: Vec<&str> = chain.iter().map(String::as_str).collect();
    let body = json!({"model": "small", "messages": [{"role": "user", "content": "hello"}], "stream": true, "max_tokens": 1});
    let body = body.to_string();
    let mut headers = HeaderMap::new();
    headers.insert("agent-delegation", AgentDelegation::Chain(join(&links).unwrap()).to_header());
    let occasion = Signing { created: now(), expires: now() + 60, nonce: "n-1", agent: None };
    let target_uri = "https://acme.example/v1/chat/completions";
    let message = Message { method: "POST", target_uri, headers: &headers, body: body.as_bytes() };
    sign(&message, occasion, &own).unwrap().apply(&mut headers);
    let request = |body: &str| {
        let mut request = Request::post("/v1/chat/completions").body(Body::from(body.to_owned())).unwrap();
        *request.headers_mut() = headers.clone();
        request
    };
    // A body that was swapped after signing.
    let swapped = world.send(0, request(&body.replace("hello", "hallo"))).await;
    assert_eq!(swapped.status, 401, "{}", swapped.text());
    let (took, rest) = ends(&world, request(&body), |world| {
        let budget = legation_registry::Budget::parse("2USD/day").unwrap();
        blocking(|| world.registry.set_budget((Kind::Agent, "mail"), Some(budget), now())).unwrap();
        std::thread::sleep(Duration::from_millis(600));
        world.suspend("mail");
    })
    .await;
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert!(rest.matches("word").count() > 3, "another budget ends nothing: {rest}");
    assert!(rest.contains("link_suspended"), "{rest}");
    // Signed once.
    assert_eq!(world.send(0, request(&body)).await.status, 401);
    assert_eq!(upstream.count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_targets_the_next_is_asked_only_where_nothing_was_sent() {
    let (one, other) = (
        Upstream::always(Plan::says("one").tokens(1, 1)).unwrap(),
        Upstream::always(Plan::says("other").tokens(1, 1)).unwrap(),
    );
    let cuts = Upstream::always(Plan::says("cut").cut_after(10)).unwrap();
    let world = sqlite();
    let mut model = world.model("small", &one, CENT);
    let key = world.agent("mail", "10USD/day");
    let target = |upstream: &Upstream, weight| Target { weight, ..Target::new(local(&upstream.url()), "m") };
    let gone = Target::new("http://localhost:1/v1", "m");
    let mut put = |targets: Vec<Target>| {
        model.targets = targets;
        blocking(|| world.registry.put_model(&model, now())).unwrap();
    };
    let ask = async || {
        let answer = world.chat(0, &key, json!({"max_tokens": 1})).await;
        (answer.status.as_u16(), answer.json()["choices"][0]["message"]["content"].clone())
    };
    put(vec![gone.clone(), target(&other, None)]);
    for _ in 0..3 {
        assert_eq!(ask().await, (200, json!("other")), "the first can't be reached");
    }
    put(vec![target(&cuts, None), target(&other, None)]);
    assert_eq!(ask().await.0, 502, "what was sent is not sent elsewhere");
    assert_eq!((cuts.count(), other.count()), (1, 3));
    put(vec![target(&one, Some(1)), target(&other, Some(1))]);
    for _ in 0..40 {
        assert_eq!(ask().await.0, 200);
    }
    let (first, second) = (one.count(), other.count() - 3);
    assert!(first >= 5 && second >= 5 && first + second == 40, "{first} and {second}");
    put(vec![gone.clone(), gone]);
    assert_eq!(ask().await.0, 503, "nothing was sent");
    let wrong = blocking(|| {
        let mut model = model.clone();
        model.targets[0].weight = Some(0);
        world.registry.put_model(&model, now())
    });
    assert!(wrong.unwrap_err().to_string().contains("weight of target 1"));
}
