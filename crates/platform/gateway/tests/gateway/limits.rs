//! Limits: whoever opens calls, sends bodies slowly or too much of them takes no more than its share.

use crate::world::{blocking, both, chat, local, now, post, sqlite};
use axum::{
    body::{Body, Bytes},
    http::{Request, header},
};
use futures::{StreamExt, stream};
use legation_gateway::Limits;
use legation_registry::{Budget, Profile, model::Target};
use legation_tests::upstream::{Plan, Upstream};
use serde_json::json;
use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// A provider that hangs where the prompt says so.
fn provider() -> Upstream {
    Upstream::start(|seen, _| {
        let hangs = String::from_utf8_lossy(&seen.body).contains("hang");
        if hangs { Plan::hangs() } else { Plan::says("hello").tokens(1, 1) }
    })
    .unwrap()
}

fn hanging(key: &str) -> Request<Body> {
    post(
        key,
        json!({"model": "small", "max_tokens": 1, "messages": [{"role": "user", "content": "hang"}]})
            .to_string(),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_opens_calls_and_never_ends_them_takes_its_share_and_no_sibling_is_kept_out() {
    for world in both() {
        let upstream = provider();
        world.model("small", &upstream, 0);
        let (greedy, other) = (world.agent("greedy", "5USD/day"), world.agent("other", "5USD/day"));
        world.limit(0, Limits { calls: 5, calls_of_one: 3 });
        let world = Arc::new(world);
        let open: Vec<_> = (0..3)
            .map(|_| {
                let (world, request) = (Arc::clone(&world), hanging(&greedy));
                tokio::spawn(async move { world.send(0, request).await.status })
            })
            .collect();
        assert!(blocking(|| upstream.wait_for(3, Duration::from_secs(20))), "{}", world.engine);
        let refused = world.chat(0, &greedy, json!({})).await;
        assert_eq!(refused.told(), (429, "too_many_calls".to_owned()), "{}", refused.text());
        assert_eq!(refused.headers[header::RETRY_AFTER], "1");
        assert_eq!(refused.headers.get("x-should-retry"), None, "SDKs may try it again");
        assert_eq!(upstream.count(), 3);
        // Nothing was reserved for it, and it is recorded.
        let receipts = world.receipts();
        assert_eq!(receipts.iter().filter(|(kind, ..)| kind == "permit").count(), 3, "{receipts:?}");
        assert!(receipts.iter().any(|(kind, code, _)| kind == "deny" && code == "too_many_calls"));
        for _ in 0..4 {
            assert_eq!(
                world.chat(0, &other, json!({})).await.status,
                200,
                "its calls end, and their turns with them"
            );
        }
        assert!(world.metrics(0).contains("legation_gateway_calls_open 3"), "{}", world.metrics(0));
        // Two of another's fill up all turns.
        let others: Vec<_> = (0..2)
            .map(|_| {
                let (world, request) = (Arc::clone(&world), hanging(&other));
                tokio::spawn(async move { world.send(0, request).await.status })
            })
            .collect();
        assert!(blocking(|| upstream.wait_for(9, Duration::from_secs(20))));
        let full = world.chat(0, &other, json!({})).await;
        assert_eq!(full.told(), (503, "overloaded".to_owned()));
        assert_eq!(full.headers[header::RETRY_AFTER], "1");
        // They end, and there is room again.
        upstream.let_go();
        for call in open.into_iter().chain(others) {
            call.await.unwrap();
        }
        assert_eq!(world.chat(0, &greedy, json!({})).await.status, 200);
    }
}

/// A call whose caller has gone goes on at the provider, and keeps its turn until it has ended there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_goes_away_has_no_more_turns_by_that() {
    let world = sqlite();
    let upstream = provider();
    world.model("small", &upstream, 0);
    let key = world.agent("greedy", "5USD/day");
    world.limit(0, Limits { calls: 5, calls_of_one: 2 });
    for count in 1..=2 {
        let gone = tokio::time::timeout(Duration::from_millis(300), world.send(0, hanging(&key))).await;
        assert!(gone.is_err());
        assert!(blocking(|| upstream.wait_for(count, Duration::from_secs(20))));
    }
    assert_eq!(world.chat(0, &key, json!({})).await.told().1, "too_many_calls");
}

/// A body that never ends, and how many of its pieces were asked for.
fn endless(piece: usize, most: usize, every: Duration) -> (Body, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let pieces = stream::iter(0..most).then(move |_| {
        let count = Arc::clone(&count);
        async move {
            tokio::time::sleep(every).await;
            count.fetch_add(1, Ordering::Relaxed);
            Ok::<_, Infallible>(Bytes::from(vec![b' '; piece]))
        }
    });
    (Body::from_stream(pieces), asked)
}

fn with_body(request: Request<Body>, body: Body) -> Request<Body> {
    request.map(|_| body)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_body_of_a_hundred_megabytes_no_more_than_four_are_read() {
    let world = sqlite();
    let upstream = provider();
    world.model("small", &upstream, 0);
    let key = world.agent("mail", "5USD/day");
    let (body, asked) = endless(1 << 20, 100, Duration::ZERO);
    let answer = world.send(0, with_body(post(&key, String::new()), body)).await;
    assert_eq!(answer.told(), (413, "input_too_large".to_owned()));
    assert!(asked.load(Ordering::Relaxed) <= 6, "{asked:?} megabytes");
    // One that says itself how long it is, is not read at all.
    let whole = Body::from(vec![b' '; 100 << 20]);
    let answer = world.send(0, with_body(post(&key, String::new()), whole)).await;
    assert_eq!(answer.told(), (413, "input_too_large".to_owned()));
    // Of nobody nothing is read.
    let (body, asked) = endless(1 << 20, 100, Duration::ZERO);
    let nobody = key.replace("legation_", "legation_x");
    assert_eq!(world.send(0, with_body(post(&nobody, String::new()), body)).await.status, 401);
    assert_eq!(asked.load(Ordering::Relaxed), 0);
    assert_eq!(upstream.count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_come_slowly_keep_nobody_else_waiting() {
    let world = Arc::new(sqlite());
    let upstream = provider();
    world.model("small", &upstream, 0);
    let (slow, other) = (world.agent("slow", "5USD/day"), world.agent("other", "5USD/day"));
    let send = |request: Request<Body>| {
        let world = Arc::clone(&world);
        tokio::spawn(async move { world.send(0, request).await.told() })
    };
    let dripping = || endless(1, 100_000, Duration::from_millis(50)).0;
    // One agent has a quarter of the places.
    let of_one: Vec<_> = (0..20).map(|_| send(with_body(post(&slow, String::new()), dripping()))).collect();
    // Those who sign may be anybody: there are as many again as have room.
    let signed = || {
        let request = Request::post("/v1/chat/completions").header("signature-input", "sig1=()");
        request.body(dripping()).unwrap()
    };
    let of_nobody: Vec<_> = (0..64).map(|_| send(signed())).collect();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let begin = Instant::now();
    assert_eq!(world.chat(0, &other, json!({})).await.status, 200);
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
    let begin = Instant::now();
    let request = Request::post("/v1/chat/completions").header("signature-input", "sig1=()");
    let judged = world.send(0, request.body(Body::from("{}")).unwrap()).await.told();
    assert!(judged.1 != "overloaded", "it is read and judged: {judged:?}");
    assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
    tokio::time::sleep(Duration::from_secs(3)).await;
    let mut overloaded = 0;
    for call in of_one {
        if call.is_finished() {
            assert_eq!(call.await.unwrap(), (503, "overloaded".to_owned()));
            overloaded += 1;
        } else {
            call.abort();
        }
    }
    assert_eq!(overloaded, 4, "sixteen places are its share");
    of_nobody.iter().for_each(tokio::task::JoinHandle::abort);
}

/// Whoever makes itself children has no more turns by them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn children_that_an_agent_makes_have_their_turns_from_its_share() {
    use legation_credential::{Terms, pass_on};
    use legation_http_signature::{AgentDelegation, Message, Signing, join, sign};
    use legation_keys::{Algorithm, SecretKey, Signer};
    use legation_registry::proof::prove;
    use legation_store::holder::Kind;

    let world = Arc::new(sqlite());
    let upstream = provider();
    world.model("small", &upstream, 0);
    world.limit(0, Limits { calls: 50, calls_of_one: 2 });
    let own = SecretKey::generate(Algorithm::EdDsa).unwrap();
    let may = Profile {
        groups: vec!["standard".to_owned()],
        budgets: vec![Budget::parse("5USD/day").unwrap()],
        max_depth: 1,
        ..Profile::default()
    };
    let did = blocking(|| {
        world.registry.add_team("outside", &may, now()).unwrap();
        let proof = prove(&own, world.registry.did(), "mail", now()).unwrap();
        world.registry.add_agent_with_key("mail", "outside", &may, &proof, now()).unwrap().did
    });
    let chain = blocking(|| world.registry.chain(Kind::Agent, "mail")).unwrap();
    let issuer = did.parse().unwrap();
    let by_child = |number: usize| {
        let child = SecretKey::generate(Algorithm::EdDsa).unwrap();
        let terms = Terms {
            id: None,
            subject: legation_did::key::did(child.public_key()),
            valid_from: now() - 10,
            valid_until: now() + 3600,
            max_depth: 0,
            account: None,
            authority: may.authority("acme.example").unwrap(),
            status: vec![],
        };
        let parents: Vec<&str> = chain.iter().map(String::as_str).collect();
        let link =
            pass_on(&parents, terms, &legation_did::method_id(&issuer, own.public_key()), &own).unwrap();
        let links = [chain.clone(), vec![link]].concat();
        let links: Vec<&str> = links.iter().map(String::as_str).collect();
        let body =
            json!({"model": "small", "max_tokens": 1, "messages": [{"role": "user", "content": "hang"}]})
                .to_string();
        let mut headers = header::HeaderMap::new();
        headers.insert("agent-delegation", AgentDelegation::Chain(join(&links).unwrap()).to_header());
        headers.insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
        let nonce = format!("n-{number}");
        let occasion = Signing { created: now(), expires: now() + 60, nonce: &nonce, agent: None };
        let target_uri = "https://acme.example/v1/chat/completions";
        let message = Message { method: "POST", target_uri, headers: &headers, body: body.as_bytes() };
        sign(&message, occasion, &child).unwrap().apply(&mut headers);
        let mut request = Request::post("/v1/chat/completions").body(Body::from(body)).unwrap();
        *request.headers_mut() = headers;
        request
    };
    let calls: Vec<_> = (0..2)
        .map(|number| {
            let (world, request) = (Arc::clone(&world), by_child(number));
            tokio::spawn(async move { world.send(0, request).await.told() })
        })
        .collect();
    assert!(blocking(|| upstream.wait_for(2, Duration::from_secs(20))));
    assert_eq!(world.send(0, by_child(2)).await.told().1, "too_many_calls");
    calls.iter().for_each(tokio::task::JoinHandle::abort);
}

/// Nothing is fetched from a private network, and no redirect is followed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_at_an_address_of_a_private_network_or_one_that_redirects_there_is_not_reached() {
    let world = sqlite();
    let inside = Upstream::always(Plan::says("from inside")).unwrap();
    let redirects = Plan::body(307, "text/plain", "x").header("location", &local(&inside.url()));
    let outside = Upstream::always(redirects).unwrap();
    let key = world.agent("mail", "5USD/day");
    let model = world.model("small", &outside, 0);
    let answer = world.chat(0, &key, json!({})).await;
    assert_eq!((answer.told(), inside.count()), ((502, "upstream_failed".to_owned()), 0));
    for address in ["https://10.1.2.3/v1", "https://169.254.169.254/v1", "https://[fd00::1]/v1"] {
        let mut model = model.clone();
        model.targets = vec![Target::new(address, "m")];
        blocking(|| world.registry.put_model(&model, now())).unwrap();
        let answer = world.send(0, chat(&key, json!({}))).await;
        assert_eq!(answer.told(), (503, "upstream_unreachable".to_owned()), "{address}");
    }
}
