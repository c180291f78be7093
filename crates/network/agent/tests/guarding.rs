//! What stands behind a gate, and what does not.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod world;

use axum::{Router, routing::post};
use http::{HeaderMap, HeaderValue};
use legation_agent::{Admitted, Agent, Carry, Gate, Incoming, Refused, guard};
use legation_credential::{Approval, Authority, Request, Securing, Terms, Value as Fact, approve, issue};
use legation_http_signature::{
    AgentDelegation, Message, approval_header::AGENT_APPROVAL, read, write_approvals,
};
use legation_keys::base64url;
use legation_resolver::{Call, call::Method};
use legation_verifier::{Code, receipt};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use world::{ACTION, Party, authority, fetcher, grant, map, now, open, open_with};

async fn ask(agent: Option<&Agent>, method: Method, url: &str, signed_for: &str) -> (u16, String) {
    let mut call = Call { method, url, headers: HeaderMap::new(), body: b"x".to_vec() };
    if let Some(agent) = agent {
        let method = call.method.clone();
        agent.sign(method.as_str(), signed_for, &mut call.headers, &call.body, Carry::Chain, now()).unwrap();
    }
    let reply = fetcher().call(call).await.unwrap();
    let text = String::from_utf8(reply.body).unwrap();
    let problem: Value = serde_json::from_str(&text).unwrap_or_default();
    (reply.status, problem["code"].as_str().map_or(text, str::to_owned))
}

#[tokio::test]
async fn a_gate_covers_routes_methods_fallback_and_nesting_and_nothing_that_is_added_later() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    let (acme, alice) = (Party::new(), Party::new());
    let shop = open_with(&acme.did, false, |mut trust| {
        trust.roots.insert(acme.did.clone(), authority(&origin));
        trust
    });
    let gate = Gate::new(shop.await.desk, origin.clone()).unwrap();
    let inner = Router::new().route("/rooms", post(async || "inner"));
    let routes = Router::new().route("/api/rooms", post(async || "rooms")).fallback(async || "fallback");
    let router = guard(routes, gate.clone(), map)
        .nest("/api/inner", guard(inner, gate, map))
        .route("/api/later", post(async || "later"));
    tokio::spawn(legation_host::serve(listener, router, None, std::future::pending()));

    let agent = alice.agent(&[&grant(&acme, &alice.did, &origin)]);
    for (method, path, status, answer) in [
        (Method::POST, "/api/rooms", 200, "rooms"),
        (Method::GET, "/api/rooms", 405, ""),
        (Method::POST, "/api/none", 200, "fallback"),
        (Method::POST, "/api//rooms", 200, "fallback"),
        (Method::POST, "/api/inner/rooms", 200, "inner"),
        (Method::POST, "/api/inner/rooms?beds=2", 200, "inner"),
    ] {
        let url = format!("{origin}{path}");
        let stranger = ask(None, method.clone(), &url, &url).await;
        assert_eq!(stranger, (401, "chain_empty".to_owned()), "{method} {path}");
        let met = ask(Some(&agent), method.clone(), &url, &url).await;
        assert_eq!(met, (status, answer.to_owned()), "{method} {path}");
    }
    // A path inside a nested router is signed as a whole, and a path is signed byte for byte.
    let whole = format!("{origin}/api/inner/rooms");
    for other in
        ["/rooms", "/api/inner/rooms/", "/api//inner/rooms", "/api/inner/%72ooms", "/api/inner/rooms?"]
    {
        let told = ask(Some(&agent), Method::POST, &whole, &format!("{origin}{other}")).await;
        assert_eq!(told, (401, "signature_invalid".to_owned()), "{other}");
    }
    // What has two spellings is no resource, whoever signed it.
    for path in ["/api/inner/%72ooms", "/api/a%2fb", "/api/x/..;/rooms"] {
        let url = format!("{origin}{path}");
        let told = ask(Some(&agent), Method::POST, &url, &url).await;
        assert_eq!(told, (401, "resource_not_normalized".to_owned()), "{path}");
    }
    let later = format!("{origin}/api/later");
    assert_eq!(ask(None, Method::POST, &later, &later).await, (200, "later".to_owned()));
}

/// Signs a request for rooms and shows it to a gate.
async fn admit(agent: &Agent, gate: &Gate, carry: Carry) -> (HeaderMap, Result<Admitted, Refused>) {
    let (mut headers, path) = (HeaderMap::new(), "/api/rooms");
    let incoming = Incoming { method: "GET", path_and_query: path, headers: &headers, body: b"" };
    let url = gate.target_uri(&incoming);
    agent.sign("GET", &url, &mut headers, b"", carry, now()).unwrap();
    let incoming = Incoming { method: "GET", path_and_query: path, headers: &headers, body: b"" };
    let outcome = gate.admit(&incoming, map, now()).await;
    (headers, outcome)
}

#[tokio::test]
async fn an_answer_brings_the_receipt_of_what_was_decided() {
    let (acme, alice) = (Party::new(), Party::new());
    let shop = open(&acme.did, false).await;
    let agent = alice.agent(&[&grant(&acme, &alice.did, &shop.origin)]);
    let url = shop.goods();
    let mut call = Call { method: Method::GET, url: &url, headers: HeaderMap::new(), body: Vec::new() };
    agent.sign("GET", &url, &mut call.headers, b"", Carry::Chain, now()).unwrap();
    // Sent again, it is denied: that has a receipt, too.
    for decision in ["permit", "deny"] {
        let reply = fetcher().call(call.clone()).await.unwrap();
        let secured = reply.headers[legation_http_signature::RECEIPT].to_str().unwrap();
        let receipt = receipt::verify(secured, &shop.document).unwrap();
        assert_eq!((&receipt["decision"], &receipt["agent"]), (&decision.into(), &alice.did.as_str().into()));
    }
    let stranger = Call { method: Method::GET, url: &url, headers: HeaderMap::new(), body: Vec::new() };
    let reply = fetcher().call(stranger).await.unwrap();
    let receipt =
        receipt::verify(reply.headers["legation-receipt"].to_str().unwrap(), &shop.document).unwrap();
    assert_eq!((&receipt["decision"], receipt.get("agent")), (&"deny".into(), None));
}

#[tokio::test]
async fn a_header_that_there_is_one_of_is_there_once() {
    let (acme, alice) = (Party::new(), Party::new());
    let shop = open(&acme.did, false).await;
    let gate = Gate::new(shop.desk.clone(), shop.origin.clone()).unwrap();
    let agent = alice.agent(&[&grant(&acme, &alice.did, &shop.origin)]);
    let url = shop.goods();
    for (name, second, status) in [
        ("host", Some("evil.example"), 400),
        ("host", Some("localhost"), 400),
        ("content-type", Some("text/plain"), 400),
        ("authorization", Some("Bearer x"), 400),
        ("accept", Some("text/plain"), 200),
        ("host", None, 200),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_static("localhost"));
        agent.sign("GET", &url, &mut headers, b"", Carry::Chain, now()).unwrap();
        if let Some(second) = second {
            headers.append(name, second.parse().unwrap());
        }
        let incoming = Incoming { method: "GET", path_and_query: "/api/rooms", headers: &headers, body: b"" };
        let found = gate.admit(&incoming, map, now()).await.map_or_else(|refused| refused.status(), |_| 200);
        assert_eq!(found, status, "{name} {second:?}");
    }
}

#[tokio::test]
async fn a_chain_that_only_came_with_requests_has_not_been_met() {
    let (acme, alice) = (Party::new(), Party::new());
    let shop = open(&acme.did, false).await;
    let for_all = Gate::new(shop.desk.clone(), shop.origin.clone()).unwrap();
    let for_met = for_all.clone().handshaken_only(shop.endpoint());
    let agent = alice.agent(&[&grant(&acme, &alice.did, &shop.origin)]);
    assert!(admit(&agent, &for_all, Carry::Chain).await.1.is_ok());
    // Both gates share one memory of chains.
    for carry in [Carry::Chain, Carry::Digest] {
        let refused = admit(&agent, &for_met, carry).await.1.unwrap_err();
        assert_eq!(refused.code(), "handshake_required");
    }
    agent.meet(&shop.origin, now()).await.unwrap();
    assert!(admit(&agent, &for_met, Carry::Digest).await.1.is_ok());
}

#[tokio::test]
async fn a_ceiling_is_told_only_to_whoever_shows_the_roots_signature_and_by_no_receipt() {
    let (acme, alice, mallory) = (Party::new(), Party::new(), Party::new());
    let shop = open(&acme.did, false).await;
    let gate = Gate::new(shop.desk.clone(), shop.origin.clone()).unwrap();
    let wider = || {
        let terms = Terms {
            id: None,
            subject: alice.did.clone(),
            valid_from: now() - 60,
            valid_until: now() + 600,
            max_depth: 0,
            account: None,
            authority: authority("https://elsewhere.example"),
            status: vec![],
        };
        issue(terms, &acme.did, &acme.key_id(), &*acme.key).unwrap()
    };
    // With the signature of another link.
    let (signed, other) = (wider(), grant(&mallory, &alice.did, &shop.origin));
    let signature = other.rsplit_once('.').unwrap().1;
    let forged = format!("{}.{signature}", signed.rsplit_once('.').unwrap().0);
    for (link, code, told) in
        [(&signed, Code::ResourceWidened, true), (&forged, Code::SignatureInvalid, false)]
    {
        let agent = alice.agent(&[link]);
        let refused = admit(&agent, &gate, Carry::Chain).await.1.unwrap_err();
        let Refused::Denied { denial, receipt, .. } = refused else { panic!("{refused}") };
        assert_eq!((denial.code, denial.expected.contains(&shop.origin)), (code, told));
        let receipt = receipt::verify(&receipt.unwrap(), &shop.document).unwrap();
        assert_eq!(receipt["code"], code.as_str());
        assert!(!receipt.to_string().contains(&format!("{}/api", shop.origin)), "{receipt}");
    }
}

#[tokio::test]
async fn a_receipt_names_what_was_presented_whether_it_permits_or_denies() {
    let (acme, alice) = (Party::new(), Party::new());
    let shop = open(&acme.did, false).await;
    let gate = Gate::new(shop.desk.clone(), shop.origin.clone()).unwrap();
    let link = grant(&acme, &alice.did, &shop.origin);
    let agent = alice.agent(&[&link]);
    let url = shop.goods();
    let (headers, permitted) = admit(&agent, &gate, Carry::Chain).await;
    let message = Message { method: "GET", target_uri: &url, headers: &headers, body: b"" };
    let record = read(&message).unwrap().record(&link);
    let presented = base64url::encode(&Sha256::digest(record));
    let incoming = Incoming { method: "GET", path_and_query: "/api/rooms", headers: &headers, body: b"" };
    let Err(Refused::Denied { denial, receipt: Some(denied), .. }) = gate.admit(&incoming, map, now()).await
    else {
        panic!("admitted twice")
    };
    assert_eq!(denial.code.as_str(), "nonce_replayed");
    for (signed, decision) in [(permitted.unwrap().receipt, "permit"), (denied, "deny")] {
        let said = receipt::verify(&signed, &shop.document).unwrap();
        assert_eq!(
            (&said["decision"], &said["presentation"]),
            (&decision.into(), &presented.as_str().into())
        );
    }
}

#[tokio::test]
async fn a_chain_that_fits_no_header_is_too_large() {
    let acme = Party::new();
    let shop = open(&acme.did, false).await;
    let gate = Gate::new(shop.desk.clone(), shop.origin.clone()).unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("agent-delegation", HeaderValue::try_from("e".repeat(48 * 1024 + 1)).unwrap());
    assert!(AgentDelegation::parse(&headers).is_err());
    let incoming = Incoming { method: "GET", path_and_query: "/api/rooms", headers: &headers, body: b"" };
    let refused = gate.admit(&incoming, map, now()).await.unwrap_err();
    assert_eq!((refused.code(), refused.status()), ("input_too_large", 413));
}

#[tokio::test]
async fn a_chain_that_is_known_is_verified_again_and_ends_like_any_other() {
    let (acme, alice) = (Party::new(), Party::new());
    let shop = open(&acme.did, false).await;
    let gate = Gate::new(shop.desk.clone(), shop.origin.clone()).unwrap();
    let agent = alice.agent(&[&grant(&acme, &alice.did, &shop.origin)]);
    assert!(admit(&agent, &gate, Carry::Chain).await.1.is_ok());
    assert!(admit(&agent, &gate, Carry::Digest).await.1.is_ok());
    let (mut headers, later) = (HeaderMap::new(), now() + 4000);
    agent.sign("GET", &shop.goods(), &mut headers, b"", Carry::Digest, later).unwrap();
    let incoming = Incoming { method: "GET", path_and_query: "/api/rooms", headers: &headers, body: b"" };
    assert_eq!(gate.admit(&incoming, map, later).await.unwrap_err().code(), "expired");
}

#[tokio::test]
async fn a_gate_needs_an_origin_as_callers_write_it() {
    let shop = open(&Party::new().did, false).await;
    for (origin, meant) in [
        ("https://shop.example/", "`https://shop.example`"),
        ("https://shop.example/api", "`https://shop.example`"),
        ("https://shop.example?", "`https://shop.example`"),
        ("https://shop.example:443", "`https://shop.example`"),
        ("https://Shop.example", "`https://shop.example`"),
        ("https://me@shop.example", "`https://shop.example`"),
        ("ftp://shop.example", "such as"),
        ("shop.example", "such as"),
        ("", "such as"),
    ] {
        let error = Gate::new(shop.desk.clone(), origin).unwrap_err();
        assert!(error.to_string().contains(meant), "{origin}: {error}");
    }
    for origin in ["https://shop.example", "https://shop.example:8443", "http://[::1]:80"] {
        let expected = if origin.ends_with(":80") { "http://[::1]" } else { origin };
        assert_eq!(Gate::new(shop.desk.clone(), origin).is_ok(), expected == origin, "{origin}");
    }
}

/// The approver is a did:web, whose document the gate fetches; the approval is of the body, too.
#[tokio::test]
async fn what_needs_an_approval_passes_with_it_and_once() {
    let (acme, alice) = (Party::new(), Party::new());
    let shop = open_with(&acme.did, false, |mut trust| {
        let mut ceiling = trust.roots[&acme.did].to_json();
        ceiling["constraints"] = json!([
            {"type": "approval", "above": 2500, "currency": "USD", "approver": trust.audience},
        ]);
        trust.roots.insert(acme.did.clone(), Authority::parse(&ceiling.to_string()).unwrap());
        trust
    })
    .await;
    let gate = Gate::new(shop.desk.clone(), shop.origin.clone()).unwrap();
    let agent = alice.agent(&[&grant(&acme, &alice.did, &shop.origin)]);
    let map = |message: &Message<'_>| {
        let facts = [("amount".to_owned(), Fact::Integer(9000)), ("currency".to_owned(), "USD".into())];
        Request::new(ACTION, message.target_uri, facts.into())
    };
    let ask = async |body: &[u8], approval: Option<&str>| {
        let (mut headers, path_and_query, url) = (HeaderMap::new(), "/api/rooms", shop.goods());
        agent.sign("POST", &url, &mut headers, body, Carry::Chain, now()).unwrap();
        if let Some(approval) = approval {
            headers.insert(AGENT_APPROVAL, write_approvals(&[approval]).unwrap());
        }
        gate.admit(&Incoming { method: "POST", path_and_query, headers: &headers, body }, map, now()).await
    };
    let Err(Refused::Denied { denial, approval: Some(asked), .. }) = ask(b"two rooms", None).await else {
        panic!("admitted")
    };
    assert_eq!(denial.code.as_str(), "approval_required");
    assert_eq!(asked.request.body(), Some(&Sha256::digest(b"two rooms").into()));
    let approval = Approval {
        issuer: shop.party.did.clone(),
        agent: asked.agent.clone(),
        request: asked.digest(),
        valid_from: now(),
        valid_until: now() + 300,
    };
    let text = approve(Securing::Jwt, &approval, &shop.party.key_id(), &*shop.party.key).unwrap();
    let refused = ask(b"three rooms", Some(&text)).await.unwrap_err();
    assert_eq!(refused.code(), "approval_required");
    assert!(ask(b"two rooms", Some(&text)).await.is_ok());
    let Err(Refused::Denied { denial, .. }) = ask(b"two rooms", Some(&text)).await else { panic!("twice") };
    assert!(denial.found.contains("used before"), "{denial}");
    let refused = ask(b"two rooms", Some("a.b")).await.unwrap_err();
    assert_eq!(refused.code(), "approval_required", "what is none counts for nothing");
}
