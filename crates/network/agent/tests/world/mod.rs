//! Real servers on this machine: a shop with its document, its card, a handshake and goods; an
//! organization that it trusts, and agents of that organization.

#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(clippy::unwrap_used, reason = "tests")]

use axum::{Extension, Router, routing::any};
use legation_agent::{Admitted, Agent, Desk, Gate, Identity, Responder, guard, handshake_router};
use legation_agent_card::{Form, Keys, UnverifiedCard, VerifiedCard, extension, sign, verify};
use legation_credential::{Authority, Request, Terms, issue, pass_on, request::split_query};
use legation_did::{Did, Document, key, method_id, web};
use legation_handshake::ChallengeKey;
use legation_keys::{Algorithm, SecretKey, Signer};
use legation_resolver::{Fetcher, Options};
use legation_verifier::Trust;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::net::TcpListener;

pub(crate) const ACTION: &str = "a2a:skill:book";

pub(crate) fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

pub(crate) fn secret(algorithm: Algorithm) -> Arc<SecretKey> {
    Arc::new(SecretKey::generate(algorithm).unwrap())
}

pub(crate) fn fetcher() -> Fetcher {
    Fetcher::new(Options { http_on_loopback: true, ..Options::default() }).unwrap()
}

/// An agent or an organization by a did:key.
#[derive(Clone)]
pub(crate) struct Party {
    pub(crate) did: Did,
    pub(crate) key: Arc<SecretKey>,
}

impl Party {
    pub(crate) fn new() -> Self {
        Self::of(Algorithm::EdDsa)
    }

    pub(crate) fn of(algorithm: Algorithm) -> Self {
        let key = secret(algorithm);
        Self { did: key::did(key.public_key()), key }
    }

    pub(crate) fn key_id(&self) -> String {
        method_id(&self.did, self.key.public_key())
    }

    pub(crate) fn identity(&self) -> Identity {
        Identity::new(self.did.clone(), self.key.clone())
    }

    pub(crate) fn agent(&self, chain: &[&str]) -> Agent {
        Agent::new(self.identity(), chain, fetcher()).unwrap()
    }
}

/// What may be done at a shop.
pub(crate) fn authority(origin: &str) -> Authority {
    let text = format!(r#"{{"grants":[{{"actions":["{ACTION}"],"resources":["{origin}/api/*"]}}]}}"#);
    Authority::parse(&text).unwrap()
}

fn terms(to: &Did, origin: &str, max_depth: u8) -> Terms {
    Terms {
        id: None,
        subject: to.clone(),
        valid_from: now() - 60,
        valid_until: now() + 3000 - i64::from(9 - max_depth),
        max_depth: max_depth.into(),
        account: None,
        authority: authority(origin),
        status: vec![],
    }
}

/// A root link.
pub(crate) fn grant(from: &Party, to: &Did, origin: &str) -> String {
    issue(terms(to, origin, 3), &from.did, &from.key_id(), &*from.key).unwrap()
}

/// A link below `chain`.
pub(crate) fn hand_on(chain: &[&str], from: &Party, to: &Did, origin: &str, depth: u8) -> String {
    pass_on(chain, terms(to, origin, depth), &from.key_id(), &*from.key).unwrap()
}

/// A shop that runs.
pub(crate) struct Shop {
    pub(crate) party: Party,
    pub(crate) origin: String,
    pub(crate) document: Document,
    pub(crate) card: VerifiedCard,
    pub(crate) responder: Arc<Responder>,
    pub(crate) desk: Arc<Desk>,
    pub(crate) folder: TempDir,
}

impl Shop {
    pub(crate) fn endpoint(&self) -> String {
        format!("{}/handshake", self.origin)
    }

    pub(crate) fn goods(&self) -> String {
        format!("{}/api/rooms", self.origin)
    }

    /// Publishes a card, signed by a key or as it stands.
    pub(crate) fn publish(&self, card: &str) {
        std::fs::write(self.folder.path().join(".well-known/agent-card.json"), card).unwrap();
    }

    pub(crate) fn published(&self) -> String {
        std::fs::read_to_string(self.folder.path().join(".well-known/agent-card.json")).unwrap()
    }
}

pub(crate) fn card_json(did: &Did, origin: &str) -> serde_json::Value {
    let mut card = serde_json::json!({
        "name": "Shop", "description": "Books rooms.", "version": "1.0.0",
        "supportedInterfaces": [
            {"url": format!("{origin}/a2a"), "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}],
        "capabilities": {}, "skills": [],
        "defaultInputModes": ["text/plain"], "defaultOutputModes": ["text/plain"],
    });
    extension::declare_identity(&mut card, did).unwrap();
    extension::declare_delegation(&mut card, true, Some(&format!("{origin}/handshake"))).unwrap();
    card
}

pub(crate) fn sign_card(card: &serde_json::Value, party: &Party) -> String {
    let text = card.to_string();
    sign(&UnverifiedCard::parse(text.as_bytes()).unwrap(), &party.key_id(), &*party.key).unwrap()
}

/// Which request is which action: all of them book.
pub(crate) fn map(
    message: &legation_http_signature::Message<'_>,
) -> Result<Request, legation_credential::RequestError> {
    let (resource, facts) = split_query(message.target_uri)?;
    Request::new(ACTION, resource, facts)
}

/// Opens a shop that trusts `root`. `handshaken` lets only those in who came with a handshake.
pub(crate) async fn open(root: &Did, handshaken: bool) -> Shop {
    open_with(root, handshaken, |trust| trust).await
}

pub(crate) async fn open_with(root: &Did, handshaken: bool, change: impl FnOnce(Trust) -> Trust) -> Shop {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (origin, key) = (format!("http://localhost:{port}"), secret(Algorithm::EdDsa));
    let did = web::did(&format!("localhost:{port}")).unwrap();
    let document = web::document(&did, &[key.public_key().clone()]);
    let party = Party { did: did.clone(), key };
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join(".well-known")).unwrap();
    let written = document.to_json().to_string();
    std::fs::write(folder.path().join(".well-known/did.json"), written).unwrap();

    let signed = sign_card(&card_json(&did, &origin), &party);
    std::fs::write(folder.path().join(".well-known/agent-card.json"), &signed).unwrap();
    let received = UnverifiedCard::parse(signed.as_bytes()).unwrap();
    let card = verify(&received, Keys::Document { document: &document, now: now() }, &Form::ALL).unwrap();

    let mut trust = Trust::new(did.as_str());
    trust.roots.insert(root.clone(), authority(&origin));
    trust.max_unrevocable = 4000;
    let desk = Arc::new(Desk::new(party.identity(), change(trust), fetcher()).unwrap());
    let responder = Arc::new(Responder::new(desk.clone(), &card, ChallengeKey::generate().unwrap()).unwrap());
    let mut gate = Gate::new(desk.clone(), origin.clone()).unwrap();
    if handshaken {
        gate = gate.handshaken_only(format!("{origin}/handshake"));
    }
    let goods = any(async |Extension(admitted): Extension<Admitted>, body: String| {
        format!("{} for {}: {body}", admitted.agent, admitted.principal)
    });
    let goods = guard(Router::new().route("/api/{*path}", goods), gate, map);
    let router = legation_host::router(folder.path().to_owned())
        .merge(handshake_router(responder.clone(), "/handshake"))
        .merge(goods);
    tokio::spawn(legation_host::serve(listener, router, None, std::future::pending()));
    Shop { party, origin, document, card, responder, desk, folder }
}
