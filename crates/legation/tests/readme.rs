//! The guide's code, in one program and with its own line of dependencies, judging the guide's own delegation.
#![allow(dead_code, reason = "the guide's caller needs a network")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::expect_used,
    reason = "tests"
)]

// Both blocks as they stand, together: what one of them imports must not be in the other's way.
include!("readme/blocks.rs");

use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, Request as HttpRequest},
    routing::post,
};
use legation::{
    Algorithm, Authority, Did, Occasion, SecretKey, Signer, Terms,
    agent::Carry,
    agent_card::{Form, Keys, UnverifiedCard, VerifiedCard, extension, sign},
    did::{key, method_id, web},
    handshake::{ChallengeKey, Ended, Message, Peer, begin},
    issue, present,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{fs, path::Path};
use tower::ServiceExt as _;

const SHOP: &str = "did:web:shop.example";
const ENDPOINT: &str = "https://shop.example/handshake";
const GOODS: &str = "https://shop.example/api/rooms";

fn page(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("guide").join(name)).unwrap()
}

/// The blocks of both pages with code: of a service, and of two agents that meet.
fn blocks(language: &str) -> Vec<String> {
    let pages = page("services.md") + &page("meeting.md");
    let start = format!("```{language}\n");
    let after = pages.split(&start).skip(1);
    after.map(|rest| rest.split_once("```").unwrap().0.to_owned()).collect()
}

#[test]
fn the_blocks_that_are_compiled_here_are_those_of_the_guide() {
    assert_eq!(blocks("rust").join("\n"), include_str!("readme/blocks.rs"), "copy the guide's blocks");
}

#[test]
fn the_line_of_dependencies_names_the_features_that_the_blocks_are_compiled_with() {
    let toml = blocks("toml").concat();
    let features = |line: &str| {
        let (_, list) = line.split_once("features = [").unwrap();
        list.split_once(']').unwrap().0.to_owned()
    };
    let line =
        |text: &str, start: &str| text.lines().find(|line| line.starts_with(start)).unwrap().to_owned();
    let own = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    assert_eq!(features(&line(&toml, "legation =")), features(&line(&own, "legation = { workspace")));
    let workspace =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.toml")).unwrap();
    let own = line(&toml, "axum =");
    let version = own.split('"').nth(1).unwrap();
    assert!(line(&workspace, "axum =").contains(&format!("\"{version}\"")), "{version}");
}

/// What the delegation of the chain by hand says, from what is typed there.
fn delegated() -> Authority {
    let page = page("first-chain.md").replace(" \\\n ", "");
    let line = page.lines().find(|line| line.starts_with("legation delegate --key acme.key")).unwrap();
    let all = |flag: &str| -> Vec<&str> {
        line.split(&format!("--{flag} '")).skip(1).map(|rest| rest.split_once('\'').unwrap().0).collect()
    };
    let flag = |flag: &str| line.split(&format!("--{flag} ")).nth(1).unwrap().split(' ').next().unwrap();
    let amount = flag("spend").strip_suffix("USD").unwrap().replace('.', "");
    let spend = json!({"type": "spend", "currency": "USD", "perAction": amount.parse::<u64>().unwrap()});
    let constraints = json!([spend, {"type": "audience", "allow": [flag("audience")]}]);
    let (actions, resources) = (all("action"), all("resource"));
    let grants = json!([{"actions": actions, "resources": resources}]);
    Authority::parse(&format!(r#"{{"grants":{grants},"constraints":{constraints}}}"#)).unwrap()
}

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

/// The delegation and who holds it. Its principal is a did:key without a status, so that nothing is fetched.
struct Held {
    acme: Did,
    link: String,
    agent: Arc<SecretKey>,
    did: Did,
}

fn held() -> Held {
    let (acme, agent) = (
        SecretKey::generate(Algorithm::EdDsa).unwrap(),
        Arc::new(SecretKey::generate(Algorithm::EdDsa).unwrap()),
    );
    let (principal, did) = (key::did(acme.public_key()), key::did(agent.public_key()));
    let terms = Terms {
        id: None,
        subject: did.clone(),
        valid_from: now() - 60,
        valid_until: now() + 3000,
        max_depth: 1,
        account: None,
        authority: delegated(),
        status: vec![],
    };
    let link = issue(terms, &principal, &key::method_id(&principal), &acme).unwrap();
    Held { acme: principal, link, agent, did }
}

/// What the shop trusts it with: no more than the delegation says.
fn trust(held: &Held) -> Trust {
    let mut trust = Trust::new(SHOP);
    let ceiling = r#"{"grants":[{"actions":["a2a:skill:*"],"resources":["https://shop.example/*"]}]}"#;
    trust.roots.insert(held.acme.clone(), Authority::parse(ceiling).unwrap());
    trust.max_unrevocable = 4000;
    trust
}

#[test]
fn book_decides_on_the_guide_s_delegation_by_the_body() {
    let held = held();
    let folder = tempfile::tempdir().unwrap();
    let written = json!({
        "audience": SHOP, "maxUnrevocable": 4000,
        "roots": [{"did": held.acme.as_str(), "ceiling": {
            "grants": [{"actions": ["a2a:skill:*"], "resources": ["https://shop.example/*"]}]}}],
    });
    fs::write(folder.path().join("trust.json"), written.to_string()).unwrap();
    std::env::set_current_dir(folder.path()).unwrap();
    let mut ledger = MemoryLedger::new();
    let mut ask = |nonce: &str, body: &str| {
        let occasion =
            Occasion { audience: SHOP, nonce, issued_at: now(), expires_at: now() + 60, transcript: None };
        let key_id = key::method_id(&held.did);
        let presented = present(&[&held.link], &held.did, occasion, &key_id, &*held.agent).unwrap();
        book(presented.as_bytes(), nonce, body.as_bytes(), &Evidence::new(), &mut ledger, now())
            .map_err(|error| error.to_string())
    };
    let said = ask("n-1", r#"{"amount":1800,"currency":"USD"}"#).unwrap();
    assert_eq!(said, format!("{} acts for {}", held.did, held.acme));
    for (body, wanted) in [
        (r#"{"amount":5001,"currency":"USD"}"#, "constraint_violated"),
        (r#"{"currency":"USD"}"#, "missing_fact"),
        ("amount=1800", "the body can't be read"),
    ] {
        let refused = ask("n-2", body).unwrap_err();
        assert!(refused.contains(wanted), "{body}: {refused}");
    }
}

/// The shop's own card, which says where its handshake is.
fn card(did: &Did, signer: &SecretKey) -> VerifiedCard {
    let mut card = json!({
        "name": "Shop", "description": "Books rooms.", "version": "1.0.0",
        "supportedInterfaces": [
            {"url": "https://shop.example/a2a", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}],
        "capabilities": {}, "skills": [],
        "defaultInputModes": ["text/plain"], "defaultOutputModes": ["text/plain"],
    });
    extension::declare_identity(&mut card, did).unwrap();
    extension::declare_delegation(&mut card, true, Some(ENDPOINT)).unwrap();
    let text = card.to_string();
    let card = UnverifiedCard::parse(text.as_bytes()).unwrap();
    let signed = sign(&card, &method_id(did, signer.public_key()), signer).unwrap();
    let document = web::document(did, &[signer.public_key().clone()]);
    let keys = Keys::Document { document: &document, now: now() };
    legation::agent_card::verify(&UnverifiedCard::parse(signed.as_bytes()).unwrap(), keys, &Form::ALL)
        .unwrap()
}

/// What is answered to a post: the status and the body.
async fn ask(service: &axum::Router, path: &str, headers: HeaderMap, body: &str) -> (u16, String) {
    let mut request = HttpRequest::post(path).body(Body::from(body.to_owned())).unwrap();
    *request.headers_mut() = headers;
    request.headers_mut().insert("content-type", "application/json".parse().unwrap());
    let answer = service.clone().oneshot(request).await.unwrap();
    let status = answer.status().as_u16();
    let bytes = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    (status, String::from_utf8(bytes.to_vec()).unwrap())
}

#[tokio::test]
async fn service_decides_on_the_guide_s_delegation_by_the_body() {
    let (held, did) = (held(), SHOP.parse::<Did>().unwrap());
    let shop = Arc::new(SecretKey::generate(Algorithm::EdDsa).unwrap());
    let (document, card) = (web::document(&did, &[shop.public_key().clone()]), card(&did, &shop));
    let fetcher = || Fetcher::new(Options::default()).unwrap();
    let desk = Arc::new(Desk::new(Identity::new(did, shop), trust(&held), fetcher()).unwrap());
    let responder = Arc::new(Responder::new(desk.clone(), &card, ChallengeKey::generate().unwrap()).unwrap());
    let rooms = axum::Router::new().route("/api/rooms", post(async || "booked"));
    let service = service(rooms, responder, desk).unwrap();

    // They meet.
    let send = async |message: Message| {
        let (status, text) =
            ask(&service, "/handshake", HeaderMap::new(), &message.to_json().to_string()).await;
        assert_eq!(status, 200, "{text}");
        Message::parse(text.as_bytes(), 1 << 20).unwrap()
    };
    let begun = begin(held.did.clone()).unwrap();
    let Message::Challenge(challenge) = send(Message::Hello(begun.hello().clone())).await else {
        panic!("no challenge")
    };
    let digest = Sha256::digest(card.canonical()).into();
    let peer = Peer { document: &document, endpoint: ENDPOINT, card: digest };
    let challenged = begun.receive(&challenge, peer, 60, now()).unwrap();
    let key_id = key::method_id(&held.did);
    let answered = challenged.answer(&[&held.link], &key_id, &*held.agent, now()).unwrap();
    let Message::Receipt(receipt) = send(Message::Presentation(answered.message().clone())).await else {
        panic!("no receipt")
    };
    assert!(matches!(answered.finish(&receipt, &document).unwrap(), Ended::Met(_)));

    // And the agent books.
    let identity = Identity::new(held.did.clone(), held.agent.clone());
    let agent = Agent::new(identity, &[&held.link], fetcher()).unwrap();
    for (body, status, code) in [
        (r#"{"amount":1800,"currency":"USD"}"#, 200, ""),
        (r#"{"amount":5001,"currency":"USD"}"#, 403, "constraint_violated"),
        (r#"{"amount":1800,"currency":"EUR"}"#, 403, "constraint_violated"),
        (r#"{"nights":2}"#, 403, "missing_fact"),
        (r#"{"amount":1,"amount":9000,"currency":"USD"}"#, 401, "malformed"),
        ("amount=1800", 401, "malformed"),
    ] {
        let mut headers = HeaderMap::new();
        agent.sign("POST", GOODS, &mut headers, body.as_bytes(), Carry::Chain, now()).unwrap();
        let (found, text) = ask(&service, "/api/rooms", headers, body).await;
        let told: Value = serde_json::from_str(&text).unwrap_or_default();
        assert_eq!(told["code"].as_str().unwrap_or_default(), code, "{body}: {text}");
        assert_eq!(found, status, "{body}: {text}");
    }
}
