//! Requests after the handshake, over real HTTP: signed, changed, stolen, sent twice.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod world;

use axum::Router;
use http::{HeaderMap, HeaderValue, StatusCode};
use legation_agent::{Agent, Carry, Gate, Incoming};
use legation_keys::Algorithm;
use legation_resolver::{
    Call, Reply,
    call::{Method, header},
};
use legation_verifier::receipt;
use serde_json::Value;
use std::sync::{Arc, Mutex};
use world::{Party, Shop, fetcher, grant, hand_on, now, open, open_with};

fn post<'a>(url: &'a str, body: &str) -> Call<'a> {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    Call { method: Method::POST, url, headers, body: body.as_bytes().to_vec() }
}

/// The status, and the code of the problem; empty where there is none.
fn told(reply: &Reply) -> (u16, String) {
    let problem: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    (reply.status, problem["code"].as_str().unwrap_or_default().to_owned())
}

async fn signed(agent: &Agent, url: &str, carry: Carry, change: impl FnOnce(&mut Call<'_>)) -> Reply {
    let mut call = post(url, "two beds");
    agent.sign("POST", url, &mut call.headers, &call.body, carry, now()).unwrap();
    change(&mut call);
    fetcher().call(call).await.unwrap()
}

fn ok(reply: &Reply) {
    assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
}

#[tokio::test]
async fn a_handshaken_agent_is_served_and_a_stranger_is_sent_to_the_handshake() {
    for algorithm in Algorithm::ALL {
        let (acme, alice) = (Party::new(), Party::of(algorithm));
        let shop = open(&acme.did, true).await;
        let link = grant(&acme, &alice.did, &shop.origin);
        let agent = alice.agent(&[&link]);
        for carry in [Carry::Chain, Carry::Digest] {
            let reply = signed(&agent, &shop.goods(), carry, |_| {}).await;
            assert_eq!(told(&reply), (401, "handshake_required".to_owned()));
            let problem: Value = serde_json::from_slice(&reply.body).unwrap();
            assert_eq!(problem["handshake"], shop.endpoint());
            assert_eq!(reply.headers["www-authenticate"], "Signature");
        }
        agent.meet(&shop.origin, now()).await.unwrap();
        for carry in [Carry::Chain, Carry::Digest] {
            ok(&signed(&agent, &shop.goods(), carry, |_| {}).await);
        }
        let reply = agent.call(post(&shop.goods(), "two beds"), now()).await.unwrap();
        let wanted = format!("{} for {}: two beds", alice.did, acme.did);
        assert_eq!(String::from_utf8(reply.body).unwrap(), wanted);
    }
}

#[tokio::test]
async fn a_chain_is_sent_where_its_digest_is_not_known() {
    let (acme, alice) = (Party::new(), Party::new());
    let shop = open(&acme.did, false).await;
    let agent = alice.agent(&[&grant(&acme, &alice.did, &shop.origin)]);
    let reply = signed(&agent, &shop.goods(), Carry::Digest, |_| {}).await;
    assert_eq!(told(&reply), (401, "chain_unknown".to_owned()));
    for _ in 0..3 {
        ok(&agent.call(post(&shop.goods(), "x"), now()).await.unwrap());
    }
    ok(&signed(&agent, &shop.goods(), Carry::Digest, |_| {}).await);
    // The other shop has not seen it, and the agent knows of neither.
    let again = alice.agent(&[&grant(&acme, &alice.did, &shop.origin)]);
    ok(&again.call(post(&shop.goods(), "x"), now()).await.unwrap());
}

#[tokio::test]
async fn whoever_asks_for_the_chain_again_holds_two_requests_of_which_one_counts() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    // Mallory stands before the service and keeps what passes: she lets the first request through, and
    // then pretends that the service knows no chain.
    let kept: Arc<Mutex<Vec<HeaderMap>>> = Arc::default();
    let router = Router::new().fallback({
        let kept = kept.clone();
        async move |headers: HeaderMap| {
            let mut kept = kept.lock().unwrap();
            kept.push(headers);
            let status = if kept.len() == 1 { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
            (status, r#"{"code":"chain_unknown"}"#)
        }
    });
    tokio::spawn(legation_host::serve(listener, router, None, std::future::pending()));
    let (acme, alice) = (Party::new(), Party::new());
    let shop = open_with(&acme.did, false, |mut trust| {
        trust.roots.insert(acme.did.clone(), world::authority(&origin));
        trust
    });
    let honest = Gate::new(shop.await.desk, origin.clone()).unwrap();
    let agent = alice.agent(&[&grant(&acme, &alice.did, &origin)]);
    let url = format!("{origin}/api/rooms");
    ok(&agent.call(post(&url, "two beds"), now()).await.unwrap());
    assert_eq!(agent.call(post(&url, "two beds"), now()).await.unwrap().status, 401);

    let kept = kept.lock().unwrap().clone();
    let mut told = Vec::new();
    for headers in &kept {
        let incoming = Incoming { method: "POST", path_and_query: "/api/rooms", headers, body: b"two beds" };
        let outcome = honest.admit(&incoming, world::map, now()).await;
        told.push(outcome.map_or_else(|refused| refused.code(), |_| "admitted"));
    }
    assert_eq!(told, ["admitted", "admitted", "nonce_replayed"]);
}

/// How an agent's requests named their chain, in three calls of a service that answers all of them so.
async fn carried(answers: &'static [u16]) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    let kept: Arc<Mutex<String>> = Arc::default();
    let router = Router::new().fallback({
        let kept = kept.clone();
        async move |headers: HeaderMap| {
            let mut kept = kept.lock().unwrap();
            let status = answers.get(kept.len()).copied().unwrap_or(200);
            kept.push(if headers["agent-delegation"].as_bytes().starts_with(b":") { 'd' } else { 'c' });
            (StatusCode::from_u16(status).unwrap(), r#"{"code":"chain_unknown"}"#)
        }
    });
    tokio::spawn(legation_host::serve(listener, router, None, std::future::pending()));
    let (acme, alice) = (Party::new(), Party::new());
    let agent = alice.agent(&[&grant(&acme, &alice.did, &origin)]);
    for _ in 0..3 {
        agent.call(post(&format!("{origin}/api/rooms"), "x"), now()).await.unwrap();
    }
    kept.lock().unwrap().clone()
}

#[tokio::test]
async fn a_chain_is_named_by_its_digest_only_where_it_was_accepted() {
    assert_eq!(carried(&[]).await, "cdd", "a word in an answer of 200 asks for nothing");
    assert_eq!(carried(&[401, 401, 401]).await, "ccc", "who refused has not learnt it");
    assert_eq!(carried(&[200, 401, 401]).await, "cdcc", "who has forgotten it gets it anew");
    assert_eq!(carried(&[200, 401, 200]).await, "cdcd");
}

#[tokio::test]
async fn a_request_that_is_not_what_was_signed_is_refused() {
    let (acme, alice) = (Party::new(), Party::new());
    let shop = open(&acme.did, false).await;
    let agent = alice.agent(&[&grant(&acme, &alice.did, &shop.origin)]);
    let goods = shop.goods();
    let other = format!("{}/api/suites", shop.origin);
    let query = format!("{goods}?beds=9");
    type Change<'c> = &'c dyn Fn(&mut Call<'_>);
    let header = |name: &'static str, value: &'static str| {
        move |call: &mut Call<'_>| {
            call.headers.insert(name, HeaderValue::from_static(value));
        }
    };
    let cases: [(&str, Change<'_>, u16, &str); 12] = [
        ("nothing", &|_| {}, 200, ""),
        ("the body", &|call| call.body = b"nine beds".to_vec(), 401, "request_binding_mismatch"),
        ("no body", &|call| call.body.clear(), 401, "request_binding_mismatch"),
        ("the method", &|call| call.method = Method::PUT, 401, "signature_invalid"),
        ("the digest", &header("content-digest", "sha-256=:AAAA:"), 401, "request_binding_mismatch"),
        ("no digest", &|call| drop(call.headers.remove("content-digest")), 401, "request_binding_mismatch"),
        ("no signature", &|call| drop(call.headers.remove("signature")), 401, "request_binding_mismatch"),
        ("no input", &|call| drop(call.headers.remove("signature-input")), 401, "request_binding_mismatch"),
        ("no chain", &|call| drop(call.headers.remove("agent-delegation")), 401, "chain_empty"),
        ("no chain but a word", &header("agent-delegation", "hello"), 401, "malformed"),
        (
            "an algorithm",
            &change_input(r#"alg="ed25519""#, r#"alg="ecdsa-p256-sha256""#),
            401,
            "algorithm_key_mismatch",
        ),
        (
            "a secret for all",
            &change_input(r#"alg="ed25519""#, r#"alg="hmac-sha256""#),
            401,
            "algorithm_not_allowed",
        ),
    ];
    for (name, change, status, code) in cases {
        let reply = signed(&agent, &goods, Carry::Chain, |call| change(call)).await;
        assert_eq!(told(&reply), (status, code.to_owned()), "{name}");
    }
    for (signed_for, sent_to) in [(&goods, &other), (&goods, &query), (&query, &goods)] {
        let mut call = post(sent_to, "two beds");
        agent.sign("POST", signed_for, &mut call.headers, &call.body, Carry::Chain, now()).unwrap();
        let reply = fetcher().call(call).await.unwrap();
        assert_eq!(told(&reply), (401, "signature_invalid".to_owned()), "{signed_for} {sent_to}");
    }
}

/// Replaces a part of `Signature-Input`.
fn change_input(from: &'static str, to: &'static str) -> impl Fn(&mut Call<'_>) {
    move |call| {
        let input = call.headers["signature-input"].to_str().unwrap();
        assert!(input.contains(from), "{input}");
        let changed = HeaderValue::try_from(input.replace(from, to)).unwrap();
        call.headers.insert("signature-input", changed);
    }
}

#[tokio::test]
async fn a_request_counts_once_and_for_a_minute() {
    let (acme, alice) = (Party::new(), Party::new());
    let shop = open(&acme.did, false).await;
    let agent = alice.agent(&[&grant(&acme, &alice.did, &shop.origin)]);
    let goods = shop.goods();
    let mut call = post(&goods, "two beds");
    agent.sign("POST", &goods, &mut call.headers, &call.body, Carry::Chain, now()).unwrap();
    ok(&fetcher().call(call.clone()).await.unwrap());
    assert_eq!(told(&fetcher().call(call).await.unwrap()), (401, "nonce_replayed".to_owned()));
    for moment in [now() - 3600, now() + 3600] {
        let mut call = post(&goods, "two beds");
        agent.sign("POST", &goods, &mut call.headers, &call.body, Carry::Chain, moment).unwrap();
        let reply = fetcher().call(call).await.unwrap();
        assert_eq!(told(&reply), (401, "presentation_stale".to_owned()), "{moment}");
    }
}

#[tokio::test]
async fn a_request_that_comes_sixteen_times_at_once_counts_once() {
    let (acme, alice) = (Party::new(), Party::new());
    let shop = open(&acme.did, false).await;
    let agent = alice.agent(&[&grant(&acme, &alice.did, &shop.origin)]);
    let url = shop.goods();
    let mut headers = HeaderMap::new();
    agent.sign("POST", &url, &mut headers, b"two beds", Carry::Chain, now()).unwrap();
    let mut replies = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let (url, headers, fetcher) = (url.clone(), headers.clone(), fetcher());
        replies.spawn(async move {
            let call = Call { method: Method::POST, url: &url, headers, body: b"two beds".to_vec() };
            told(&fetcher.call(call).await.unwrap())
        });
    }
    let mut admitted = 0;
    while let Some(reply) = replies.join_next().await {
        match reply.unwrap() {
            (200, _) => admitted += 1,
            other => assert_eq!(other, (401, "nonce_replayed".to_owned())),
        }
    }
    assert_eq!(admitted, 1);
}

#[tokio::test]
async fn a_stolen_chain_opens_nothing() {
    let (acme, alice, mallory) = (Party::new(), Party::new(), Party::new());
    let shop = open(&acme.did, false).await;
    let link = grant(&acme, &alice.did, &shop.origin);
    ok(&alice.agent(&[&link]).call(post(&shop.goods(), "x"), now()).await.unwrap());
    // Known by now, and still somebody else's.
    for carry in [Carry::Chain, Carry::Digest] {
        let reply = signed(&mallory.agent(&[&link]), &shop.goods(), carry, |_| {}).await;
        assert_eq!(told(&reply), (401, "key_not_found".to_owned()));
    }
    let foreign = grant(&mallory, &mallory.did.clone(), &shop.origin);
    let reply = signed(&mallory.agent(&[&foreign]), &shop.goods(), Carry::Chain, |_| {}).await;
    assert_eq!(told(&reply), (401, "root_untrusted".to_owned()));
    // A helper's chain, met by the one above it: each chain is met by itself.
    let guarded = open(&acme.did, true).await;
    let link = grant(&acme, &alice.did, &guarded.origin);
    alice.agent(&[&link]).meet(&guarded.origin, now()).await.unwrap();
    let deeper = hand_on(&[&link], &alice, &mallory.did, &guarded.origin, 0);
    let reply = signed(&mallory.agent(&[&link, &deeper]), &guarded.goods(), Carry::Chain, |_| {}).await;
    assert_eq!(told(&reply), (401, "handshake_required".to_owned()));
}

#[tokio::test]
async fn what_is_not_granted_is_refused_with_a_receipt_that_names_the_request() {
    let (acme, alice) = (Party::new(), Party::new());
    let shop = open(&acme.did, false).await;
    let agent = alice.agent(&[&grant(&acme, &alice.did, "https://elsewhere.example")]);
    let reply = signed(&agent, &shop.goods(), Carry::Chain, |_| {}).await;
    assert_eq!(told(&reply), (401, "resource_widened".to_owned()));

    let other = open_with(&acme.did, false, |mut trust| {
        // A ceiling that is wider than what this agent holds.
        trust.roots.insert(acme.did.clone(), world::authority("https://elsewhere.example"));
        trust
    });
    let other = other.await;
    let reply = signed(&agent, &other.goods(), Carry::Chain, |_| {}).await;
    assert_eq!(told(&reply), (403, "not_granted".to_owned()));
    let problem: Value = serde_json::from_slice(&reply.body).unwrap();
    let said = receipt::verify(problem["receipt"].as_str().unwrap(), &other.document).unwrap();
    assert_eq!(said["request"]["resource"], other.goods());
    assert_eq!((&said["agent"], &said["code"]), (&alice.did.as_str().into(), &"not_granted".into()));
}

#[tokio::test]
async fn a_message_of_a_hundred_megabytes_is_cut_off_and_the_next_one_served() {
    let (acme, alice) = (Party::new(), Party::new());
    let shop = open(&acme.did, false).await;
    let agent = alice.agent(&[&grant(&acme, &alice.did, &shop.origin)]);
    for url in [shop.endpoint(), shop.goods()] {
        let mut call = post(&url, "");
        call.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        call.body = vec![b' '; 100 << 20];
        // The connection may be closed before all of it was sent; then there is no answer to read.
        if let Ok(reply) = fetcher().call(call).await {
            assert_eq!(told(&reply), (413, "input_too_large".to_owned()), "{url}");
        }
    }
    ok(&agent.call(post(&shop.goods(), "x"), now()).await.unwrap());
}

#[tokio::test]
async fn what_is_no_message_is_answered_with_a_problem() {
    let acme = Party::new();
    let shop: Shop = open(&acme.did, false).await;
    let hello = r#"{"type":"hello","caller":"did:web:a.example","nonce":"7dZpVbCkP4y0vN1mQx9rTg"}"#;
    let json = "application/json";
    for (kind, body, status, code) in [
        (json, hello, 200, ""),
        ("application/json; charset=utf-8", hello, 200, ""),
        ("text/plain", hello, 415, "content_type"),
        (json, "", 400, "malformed"),
        (json, "{", 400, "malformed"),
        (json, r#"{"type":"hello","type":"hello"}"#, 400, "duplicate_member"),
        (json, r#"{"type":"receipt","receipt":"a.b.c"}"#, 400, "malformed"),
        (json, r#"{"type":"challenge","challenge":"a.b.c"}"#, 400, "malformed"),
        // What can be signed is answered with a receipt that says no.
        (json, r#"{"type":"presentation","challenge":"a.b.c","presentation":"a.b.c"}"#, 200, ""),
    ] {
        let endpoint = shop.endpoint();
        let mut call = post(&endpoint, body);
        call.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        let reply = fetcher().call(call).await.unwrap();
        assert_eq!(told(&reply), (status, code.to_owned()), "{kind} {body}");
    }
    let endpoint = shop.endpoint();
    let get = Call { method: Method::GET, url: &endpoint, headers: HeaderMap::new(), body: Vec::new() };
    assert_eq!(fetcher().call(get).await.unwrap().status, 405);
}

/// Kilobytes of memory that this process holds.
#[cfg(target_os = "linux")]
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4
}

/// Ten thousand callers say hello and never answer. Each of them got a challenge; nothing of them is
/// kept, and whoever comes then is met.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn ten_thousand_half_open_handshakes_leave_room_for_an_honest_one() {
    let (acme, alice) = (Party::new(), Party::new());
    let shop = open(&acme.did, true).await;
    let agent = alice.agent(&[&grant(&acme, &alice.did, &shop.origin)]);
    agent.meet(&shop.origin, now()).await.unwrap();
    let hello = |number: usize| {
        format!(r#"{{"type":"hello","caller":"did:web:a{number}.example","nonce":"{number:022}"}}"#)
    };
    let flood = async |from: usize, until: usize| {
        let (fetcher, endpoint) = (fetcher(), shop.endpoint());
        for number in from..until {
            let mut call = post(&endpoint, &hello(number));
            call.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            assert_eq!(fetcher.call(call).await.unwrap().status, 200, "{number}");
        }
    };
    flood(0, 500).await;
    let before = resident();
    flood(500, 10_000).await;
    let grown = resident().saturating_sub(before);
    assert!(grown < 8 << 10, "{grown} KiB for 9,500 half-open handshakes");
    agent.meet(&shop.origin, now()).await.unwrap();
    ok(&agent.call(post(&shop.goods(), "x"), now()).await.unwrap());
}
