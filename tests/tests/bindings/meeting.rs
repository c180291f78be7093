//! A callee of the handshake, the real one, on a socket: what a program in another language meets.

use legation_agent_card::{UnverifiedCard, extension, sign};
use legation_credential::{Authority, Terms, issue};
use legation_did::{Did, key, method_id, web};
use legation_handshake::{Callee, ChallengeKey, Message, conclude};
use legation_keys::{Algorithm, SecretKey, Signer};
use legation_verifier::{Evidence, MemoryLedger, Trust, receipt, verify};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::{SystemTime, UNIX_EPOCH},
};

const DID: &str = "did:web:shop.example";
const ENDPOINT: &str = "https://shop.example/handshake";

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

/// A service that can be met, and the file of an agent that it trusts.
pub(super) struct Service {
    pub(super) port: u16,
    pub(super) agent_file: String,
    pub(super) agent: Did,
}

struct Inside {
    card: String,
    document: String,
    callee: Callee,
    key: SecretKey,
    key_id: String,
    trust: Trust,
    ledger: MemoryLedger,
}

pub(super) fn serve() -> Service {
    let generate = || SecretKey::generate(Algorithm::EdDsa).unwrap();
    let (acme, agent, key) = (generate(), generate(), generate());
    let (principal, holder) = (key::did(acme.public_key()), key::did(agent.public_key()));
    let authority = r#"{"grants":[{"actions":["a2a:skill:book"],"resources":["https://shop.example/*"]}]}"#;
    let terms = Terms {
        id: None,
        subject: holder.clone(),
        valid_from: now() - 60,
        valid_until: now() + 3600,
        max_depth: 0,
        account: None,
        authority: Authority::parse(authority).unwrap(),
        status: Vec::new(),
    };
    let link = issue(terms, &principal, &key::method_id(&principal), &acme).unwrap();
    let mut file: serde_json::Value = serde_json::from_str(&agent.to_jwk().unwrap()).unwrap();
    file["chain"] = link.into();

    let did: Did = DID.parse().unwrap();
    let document = web::document(&did, &[key.public_key().clone()]);
    let key_id = method_id(&did, key.public_key());
    let mut card = json!({
        "name": "Shop", "description": "Sells.", "version": "1.0.0",
        "supportedInterfaces": [{"url": "https://shop.example/a2a", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}],
        "capabilities": {"streaming": false}, "defaultInputModes": ["text/plain"], "defaultOutputModes": ["text/plain"],
        "skills": [],
    });
    extension::declare_identity(&mut card, &did).unwrap();
    extension::declare_delegation(&mut card, true, Some(ENDPOINT)).unwrap();
    let text = card.to_string();
    let card = sign(&UnverifiedCard::parse(text.as_bytes()).unwrap(), &key_id, &key).unwrap();
    let canonical =
        UnverifiedCard::parse(card.as_bytes()).unwrap().canonical(legation_agent_card::Form::Spec);
    let callee = Callee::new(
        did,
        ENDPOINT.to_owned(),
        Sha256::digest(canonical).into(),
        ChallengeKey::generate().unwrap(),
    );
    let mut trust = Trust::new(DID);
    trust.roots.insert(principal, Authority::parse(authority).unwrap());
    trust.max_unrevocable = 86_400;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let document = document.to_json().to_string();
    let mut inside = Inside { card, document, callee, key, key_id, trust, ledger: MemoryLedger::new() };
    thread::spawn(move || listener.incoming().for_each(|stream| answer(&mut inside, stream.unwrap())));
    Service { port, agent_file: file.to_string(), agent: holder }
}

/// Answers one request of HTTP/1.1, and closes.
fn answer(inside: &mut Inside, mut stream: TcpStream) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).unwrap();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let said = match first.split(' ').nth(1).unwrap() {
        "/.well-known/agent-card.json" => inside.card.clone(),
        "/.well-known/did.json" => inside.document.clone(),
        "/handshake" => reply(inside, &body),
        other => panic!("{other} was asked for"),
    };
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length:";
    write!(stream, "{head} {}\r\n\r\n{said}", said.len()).unwrap();
}

fn reply(inside: &mut Inside, body: &[u8]) -> String {
    let Inside { callee, key, key_id, trust, ledger, .. } = inside;
    let message = match Message::parse(body, 1 << 20).unwrap() {
        Message::Hello(hello) => Message::Challenge(callee.challenge(&hello, key_id, key, now()).unwrap()),
        Message::Presentation(answer) => {
            let opened = callee.open(&answer, trust, now());
            let outcome = opened.and_then(|opened| {
                let shown = opened.presentation();
                verify(shown, trust, &Evidence::new(), shown.nonce(), now())
            });
            let concluded = conclude(outcome, &answer, trust, ledger, now());
            Message::Receipt(receipt::sign(&concluded.receipt, key_id, key).unwrap())
        }
        other => panic!("{} was sent", other.kind()),
    };
    message.to_json().to_string()
}
