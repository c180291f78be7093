//! The official Python SDK on one end of the handshake, in each direction.
//!
//! Ignored unless asked for: they need the packages that `tests/sdks/install` installs, and the `legation`
//! command built, as `cargo test --workspace` leaves it. Then: `cargo test -p legation-a2a --test sdks --
//! --ignored`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod world;

use axum::{
    Router,
    body::{Body, to_bytes},
    middleware,
    response::Response,
};
use legation_a2a::URI;
use legation_agent::MeetError;
use legation_handshake::{Message, begin};
use legation_keys::{base64url, jws};
use legation_resolver::FetchedCard;
use legation_verifier::receipt;
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use world::{Party, by_hand::ByHand, fetcher, grant, now, open, open_with};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..").canonicalize().unwrap()
}

/// A script of the example, with the packages that `tests/sdks/install` leaves.
fn python(script: &str) -> Command {
    let place = root().join("target/sdks");
    assert!(place.join("installed").exists(), "the Python SDK is missing: run tests/sdks/install");
    let mut command = Command::new("python3");
    command.arg(root().join("examples/python").join(script)).env("PYTHONPATH", place.join("python"));
    command.env("PYTHONDONTWRITEBYTECODE", "1").stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// The command, where cargo puts it beside the tests.
fn legation() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let command = tests.parent().and_then(Path::parent).unwrap().join("legation");
    assert!(command.exists(), "run cargo build -p legation-cli first: `{}` is missing", command.display());
    command
}

fn write(folder: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn write_key(folder: &TempDir, name: &str, party: &Party) -> PathBuf {
    write(folder, name, &party.key.to_jwk().unwrap())
}

/// A Python agent that runs.
struct PythonShop {
    origin: String,
    _process: Child,
    _folder: TempDir,
}

impl PythonShop {
    async fn open(principal: &Party) -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (origin, folder) = (format!("http://localhost:{free}"), tempfile::tempdir().unwrap());
        let trust = json!({"audience": format!("did:web:localhost%3A{free}"), "maxUnrevocable": 4000,
            "roots": [{"did": principal.did.as_str(), "ceiling": "everything"}]});
        let process = python("callee.py")
            .args(["--origin", &origin, "--port", &free.to_string(), "--http-on-loopback"])
            .arg("--key")
            .arg(write_key(&folder, "shop.key", &Party::new()))
            .arg("--trust")
            .arg(write(&folder, "trust.json", &trust.to_string()))
            .arg("--legation")
            .arg(legation())
            .spawn()
            .unwrap();
        for _ in 0..300 {
            if tokio::net::TcpStream::connect(("127.0.0.1", free)).await.is_ok() {
                return Self { origin, _process: process, _folder: folder };
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the Python agent did not start");
    }

    async fn card(&self) -> FetchedCard {
        fetcher().card(&self.origin, now()).await.unwrap()
    }
}

#[tokio::test]
#[ignore = "needs tests/sdks/install"]
async fn a_rust_agent_meets_a_python_agent() {
    let (acme, alice) = (Party::new(), Party::new());
    let shop = PythonShop::open(&acme).await;
    let card = shop.card().await;
    let agent = alice.agent(&[&grant(&acme, &alice.did)]);
    let met = legation_a2a::meet(&agent, &fetcher(), &shop.origin, now()).await.unwrap();
    let said = receipt::verify(met.met.receipt(), &card.document).unwrap();
    assert_eq!((&said["principal"], &said["decision"]), (&acme.did.as_str().into(), &"valid".into()));
    assert_eq!(said["effective"]["grants"][0]["actions"][0], world::ACTION);
}

#[tokio::test]
#[ignore = "needs tests/sdks/install"]
async fn a_python_agent_signs_why_a_chain_does_not_hold() {
    let (acme, alice, mallory) = (Party::new(), Party::new(), Party::new());
    let shop = PythonShop::open(&acme).await;
    let card = shop.card().await;
    let (stolen, foreign) = (grant(&acme, &alice.did), grant(&mallory, &mallory.did));
    for (chain, wanted) in [(stolen, "holder_mismatch"), (foreign, "root_untrusted")] {
        match legation_a2a::meet(&mallory.agent(&[&chain]), &fetcher(), &shop.origin, now()).await {
            Err(MeetError::Refused { code, receipt, .. }) => {
                assert_eq!(code, wanted);
                assert_eq!(receipt::verify(&receipt, &card.document).unwrap()["decision"], "deny");
            }
            other => panic!("{wanted}: {other:?}"),
        }
    }
}

#[tokio::test]
#[ignore = "needs tests/sdks/install"]
async fn a_python_agent_takes_only_answers_to_its_own_challenges_and_each_once() {
    let (acme, alice) = (Party::new(), Party::new());
    let (one, other) = (PythonShop::open(&acme).await, open(&acme.did, true).await);
    let link = grant(&acme, &alice.did);
    let here = ByHand::new(one.card().await, alice.clone(), link.clone());
    let there = ByHand::new(other.card().await, alice, link);
    let answer = here.answer().await;
    for (message, decision, code) in [
        (there.answer().await, "deny", "audience_mismatch"),
        (here.altered_answer().await, "deny", "nonce_mismatch"),
        (answer.clone(), "valid", ""),
        (answer, "deny", "nonce_replayed"),
    ] {
        assert_eq!(here.decision(message).await, (decision.to_owned(), code.to_owned()));
    }
    for message in [Message::Challenge("a.b.c".into()), Message::Receipt("a.b.c".into())] {
        assert_eq!(here.send(message).await.unwrap_err().code(), "malformed");
    }
}

#[tokio::test]
#[ignore = "needs tests/sdks/install"]
async fn a_python_agent_asks_for_the_extension_and_echoes_it() {
    let shop = PythonShop::open(&Party::new()).await;
    let hello = Message::Hello(begin(Party::new().did).unwrap().hello().clone()).to_json();
    let post = async |active: bool, metadata: Value| {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": {"message": {
            "messageId": "m1", "role": "ROLE_USER", "parts": [{"text": "Hi."}], "metadata": metadata}}});
        let request = reqwest::Client::new().post(format!("{}/a2a", shop.origin)).body(body.to_string());
        let request = request.header("a2a-version", "1.0").header("content-type", "application/json");
        let request = if active { request.header("a2a-extensions", URI) } else { request };
        let response = request.send().await.unwrap();
        let echo = response.headers().get("a2a-extensions").map(|echo| echo.to_str().unwrap().to_owned());
        (response.status().as_u16(), echo.as_deref() == Some(URI), response.text().await.unwrap())
    };
    let (_, echo, body) = post(false, json!({URI: hello})).await;
    assert!(!echo && body.contains("-32008"), "{body}");
    let (_, echo, body) = post(true, json!({})).await;
    assert!(echo && body.contains("the agent heard: Hi."), "{body}");
    let (_, echo, body) = post(true, json!({URI: hello})).await;
    assert!(echo && body.contains(r#""challenge""#), "{body}");
    let (_, echo, body) = post(true, json!({URI: {"type": "hello", "caller": 7}})).await;
    assert!(echo && body.contains(r#""refusal""#) && body.contains("malformed"), "{body}");
    let (status, _, body) = post(true, json!({URI: {"type": "x".repeat(5 << 20)}})).await;
    assert_eq!(status, 413, "{body}");
}

/// Runs the Python caller and gives what it prints.
async fn call(origin: &str, caller: &Party, chain: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let mut command = python("caller.py");
    command.args([origin, "--http-on-loopback", "--key"]).arg(write_key(&folder, "alice.key", caller));
    command.arg("--chain").arg(write(&folder, "chain.jwt", chain));
    let output = command.output().await.unwrap();
    let said: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    assert_eq!(output.status.success(), said["decision"] == "valid", "{said}");
    said
}

#[tokio::test]
#[ignore = "needs tests/sdks/install"]
async fn a_python_agent_meets_a_rust_agent() {
    let (acme, alice) = (Party::new(), Party::new());
    let shop = open(&acme.did, true).await;
    let said = call(&shop.origin, &alice, &grant(&acme, &alice.did)).await;
    assert_eq!(said["decision"], "valid", "{said}");
    assert_eq!(
        (&said["principal"], &said["callee"]),
        (&acme.did.as_str().into(), &shop.party.did.as_str().into())
    );
    assert_eq!(said["activated"], true);
}

#[tokio::test]
#[ignore = "needs tests/sdks/install"]
async fn a_python_agent_is_told_in_a_signed_receipt_why_its_chain_does_not_hold() {
    let (acme, alice, mallory) = (Party::new(), Party::new(), Party::new());
    let shop = open(&acme.did, true).await;
    let (stolen, foreign) = (grant(&acme, &alice.did), grant(&mallory, &mallory.did));
    for (chain, code) in [(stolen, "holder_mismatch"), (foreign, "root_untrusted")] {
        let said = call(&shop.origin, &mallory, &chain).await;
        assert_eq!((&said["decision"], &said["code"]), (&"deny".into(), &code.into()), "{said}");
    }
}

/// What a hostile callee makes of its answers.
type Tamper = Arc<dyn Fn(&mut Value, &Party) + Send + Sync>;

/// An interface whose answers are changed on their way.
fn tampered(interface: Router, party: &Party, tamper: Tamper) -> Router {
    let party = party.clone();
    interface.layer(middleware::map_response(move |response: Response| {
        let (party, tamper) = (party.clone(), tamper.clone());
        async move {
            let (mut head, body) = response.into_parts();
            let mut answer: Value = serde_json::from_slice(&to_bytes(body, 1 << 20).await.unwrap()).unwrap();
            tamper(&mut answer["result"]["message"]["metadata"][URI], &party);
            head.headers.remove("content-length");
            Response::from_parts(head, Body::from(answer.to_string()))
        }
    }))
}

/// Changes what a JWS says, and signs it with the callee's own key.
fn resigned(kind: &'static str, member: &'static str, change: fn(&mut Value)) -> Tamper {
    Arc::new(move |carried, party| {
        let Some(text) = carried[member].as_str().map(str::to_owned) else { return };
        let mut said: Value =
            serde_json::from_slice(&base64url::decode(text.split('.').nth(1).unwrap()).unwrap()).unwrap();
        change(&mut said);
        carried[member] =
            jws::sign(kind, &party.key_id(), said.to_string().as_bytes(), &*party.key).unwrap().into();
    })
}

fn challenge(change: fn(&mut Value)) -> Tamper {
    resigned("legation-challenge+jwt", "challenge", change)
}

fn receipt_of(change: fn(&mut Value)) -> Tamper {
    resigned("legation-receipt+jwt", "receipt", change)
}

#[tokio::test]
#[ignore = "needs tests/sdks/install"]
async fn a_python_agent_believes_no_answer_but_its_callees_own_to_itself() {
    let (acme, alice) = (Party::new(), Party::new());
    let link = grant(&acme, &alice.did);
    let earlier = Arc::new(Mutex::new(None));
    let replayed: Tamper = Arc::new(move |carried: &mut Value, _: &Party| {
        let Some(text) = carried["challenge"].as_str().map(str::to_owned) else { return };
        carried["challenge"] = earlier.lock().unwrap().get_or_insert(text).clone().into();
    });
    let unsigned: Tamper = Arc::new(|carried: &mut Value, _: &Party| {
        let Some(text) = carried["challenge"].as_str() else { return };
        let (rest, _) = text.rsplit_once('.').unwrap();
        carried["challenge"] = format!("{rest}.{}", base64url::encode(&[0; 64])).into();
    });
    let stale: fn(&mut Value) = |said| {
        said["iat"] = (now() - 500).into();
        said["exp"] = (now() - 400).into();
    };
    for (tamper, code) in [
        (challenge(|_| ()), None),
        (unsigned, Some("signature_invalid")),
        (challenge(|said| said["iss"] = "did:web:other.example".into()), Some("issuer_mismatch")),
        (challenge(|said| said["aud"] = "did:web:other.example".into()), Some("audience_mismatch")),
        (
            challenge(|said| said["endpoint"] = "http://localhost/a2a".into()),
            Some("request_binding_mismatch"),
        ),
        (
            challenge(|said| said["card"] = base64url::encode(&[7; 32]).into()),
            Some("request_binding_mismatch"),
        ),
        (challenge(stale), Some("presentation_stale")),
        (challenge(|said| said["exp"] = (now() + 9000).into()), Some("presentation_stale")),
        (challenge(|said| said["session"] = "1".into()), Some("unknown_member")),
        (resigned("vp+jwt", "challenge", |_| ()), Some("type_mismatch")),
        (receipt_of(|_| ()), None),
        (receipt_of(|said| said["transcript"] = base64url::encode(&[7; 32]).into()), Some("nonce_mismatch")),
        (receipt_of(|said| said["presentation"] = "x".into()), Some("request_binding_mismatch")),
        (receipt_of(|said| said["agent"] = "did:web:other.example".into()), Some("holder_mismatch")),
        (receipt_of(|said| said["verifier"] = "did:web:other.example".into()), Some("issuer_mismatch")),
        (receipt_of(|said| said["decision"] = "permit".into()), Some("type_mismatch")),
    ] {
        let shop = open_with(&acme.did, true, |interface, party| tampered(interface, party, tamper)).await;
        let said = call(&shop.origin, &alice, &link).await;
        assert_eq!(said["code"].as_str(), code, "{said}");
    }
    let shop = open_with(&acme.did, true, |interface, party| tampered(interface, party, replayed)).await;
    assert_eq!(call(&shop.origin, &alice, &link).await["decision"], "valid");
    assert_eq!(call(&shop.origin, &alice, &link).await["code"], "nonce_mismatch");
}

#[tokio::test]
#[ignore = "needs tests/sdks/install"]
async fn a_python_agent_believes_no_card_that_was_changed() {
    let (acme, alice) = (Party::new(), Party::new());
    let shop = open(&acme.did, true).await;
    shop.publish(&shop.published().replace("Books rooms.", "Books more."));
    let said = call(&shop.origin, &alice, &grant(&acme, &alice.did)).await;
    assert_eq!(said["code"], "signature_invalid", "{said}");
}
