//! Real servers on this machine: an A2A agent with its document, its card and the extension; an
//! organization that it trusts, and agents of that organization.

#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(clippy::unwrap_used, reason = "tests")]

pub(crate) mod by_hand;

use a2a::{A2AError, Message, Part, Role, StreamResponse};
use a2a_server::{AgentExecutor, DefaultRequestHandler, ExecutorContext, InMemoryTaskStore};
use axum::{Router, http::HeaderValue, middleware, response::Response};
use legation_a2a::{Settings, layer};
use legation_agent::{Agent, Desk, Identity, Responder};
use legation_agent_card::{Form, Keys, UnverifiedCard, extension, sign, verify};
use legation_credential::{Authority, Terms, issue};
use legation_did::{Did, Document, key, method_id, web};
use legation_handshake::ChallengeKey;
use legation_keys::{Algorithm, SecretKey, Signer};
use legation_resolver::{FetchedCard, Fetcher, Options};
use legation_verifier::Trust;
use std::{path::Path, sync::Arc};
use tempfile::TempDir;
use tokio::net::TcpListener;

pub(crate) const ACTION: &str = "a2a:skill:book";

pub(crate) fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

pub(crate) fn fetcher() -> Fetcher {
    Fetcher::new(Options { http_on_loopback: true, ..Options::default() }).unwrap()
}

/// An agent or an organization by a DID and its key.
#[derive(Clone)]
pub(crate) struct Party {
    pub(crate) did: Did,
    pub(crate) key: Arc<SecretKey>,
}

impl Party {
    pub(crate) fn new() -> Self {
        let key = Arc::new(SecretKey::generate(Algorithm::EdDsa).unwrap());
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

/// What may be done at any agent of this machine.
pub(crate) fn authority() -> Authority {
    let text = format!(r#"{{"grants":[{{"actions":["{ACTION}"],"resources":["https://shop.example/*"]}}]}}"#);
    Authority::parse(&text).unwrap()
}

/// A root link that is good for a while.
pub(crate) fn grant(from: &Party, to: &Did) -> String {
    let terms = Terms {
        id: None,
        subject: to.clone(),
        valid_from: now() - 60,
        valid_until: now() + 3000,
        max_depth: 0,
        account: None,
        authority: authority(),
        status: vec![],
    };
    issue(terms, &from.did, &from.key_id(), &*from.key).unwrap()
}

/// An A2A agent that repeats what it is told.
struct Parrot;

impl AgentExecutor for Parrot {
    fn execute(
        &self,
        context: ExecutorContext,
    ) -> futures::stream::BoxStream<'static, Result<StreamResponse, A2AError>> {
        let text = context.message.as_ref().and_then(Message::text).unwrap_or_default().to_owned();
        let message = Message::new(Role::Agent, vec![Part::text(format!("the agent heard: {text}"))]);
        Box::pin(futures::stream::iter([Ok(StreamResponse::Message(message))]))
    }

    fn cancel(
        &self,
        _: ExecutorContext,
    ) -> futures::stream::BoxStream<'static, Result<StreamResponse, A2AError>> {
        Box::pin(futures::stream::empty())
    }
}

/// A shop that runs.
pub(crate) struct Shop {
    pub(crate) party: Party,
    pub(crate) origin: String,
    pub(crate) document: Document,
    pub(crate) responder: Arc<Responder>,
    folder: TempDir,
}

impl Shop {
    pub(crate) fn interface(&self) -> String {
        format!("{}/a2a", self.origin)
    }

    pub(crate) fn publish(&self, card: &str) {
        publish(self.folder.path(), "agent-card.json", card);
    }

    pub(crate) fn published(&self) -> String {
        std::fs::read_to_string(self.folder.path().join(".well-known/agent-card.json")).unwrap()
    }

    pub(crate) async fn card(&self) -> FetchedCard {
        fetcher().card(&self.origin, now()).await.unwrap()
    }

    pub(crate) async fn meet(
        &self,
        agent: &Agent,
    ) -> Result<legation_agent::Acquaintance, legation_agent::MeetError> {
        legation_a2a::meet(agent, &fetcher(), &self.origin, now()).await
    }
}

pub(crate) fn card_json(did: &Did, origin: &str, required: bool) -> serde_json::Value {
    let skill =
        serde_json::json!({"id": "book", "name": "Book", "description": "Books a room.", "tags": ["rooms"]});
    let interface = format!("{origin}/a2a");
    let mut card = serde_json::json!({
        "name": "Shop", "description": "Books rooms.", "version": "1.0.0",
        "supportedInterfaces": [
            {"url": interface, "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}],
        "capabilities": {}, "skills": [skill],
        "defaultInputModes": ["text/plain"], "defaultOutputModes": ["text/plain"],
    });
    extension::declare_identity(&mut card, did).unwrap();
    extension::declare_delegation(&mut card, required, Some(&interface)).unwrap();
    card
}

pub(crate) fn sign_card(text: &str, party: &Party) -> String {
    sign(&UnverifiedCard::parse(text.as_bytes()).unwrap(), &party.key_id(), &*party.key).unwrap()
}

/// Opens a shop that trusts `root`.
pub(crate) async fn open(root: &Did, required: bool) -> Shop {
    open_with(root, required, |interface, _| interface).await
}

/// Opens a shop whose A2A interface is changed by somebody who may have its key.
pub(crate) async fn open_with(
    root: &Did,
    required: bool,
    change: impl FnOnce(Router, &Party) -> Router,
) -> Shop {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let origin = format!("http://localhost:{port}");
    let key = Arc::new(SecretKey::generate(Algorithm::EdDsa).unwrap());
    let did = web::did(&format!("localhost:{port}")).unwrap();
    let document = web::document(&did, &[key.public_key().clone()]);
    let party = Party { did: did.clone(), key };
    let text = card_json(&did, &origin, required).to_string();
    let signed =
        sign(&UnverifiedCard::parse(text.as_bytes()).unwrap(), &party.key_id(), &*party.key).unwrap();
    let folder = tempfile::tempdir().unwrap();
    publish(folder.path(), "did.json", &document.to_json().to_string());
    publish(folder.path(), "agent-card.json", &signed);
    let received = UnverifiedCard::parse(signed.as_bytes()).unwrap();
    let card = verify(&received, Keys::Document { document: &document, now: now() }, &Form::ALL).unwrap();

    let mut trust = Trust::new(did.as_str());
    trust.roots.insert(root.clone(), authority());
    trust.max_unrevocable = 4000;
    let desk = Arc::new(Desk::new(party.identity(), trust, fetcher()).unwrap());
    let responder = Arc::new(Responder::new(desk, &card, ChallengeKey::generate().unwrap()).unwrap());
    let handler = Arc::new(DefaultRequestHandler::new(Parrot, InMemoryTaskStore::new()));
    let agent = a2a_server::jsonrpc::jsonrpc_router(handler);
    // Another extension of the agent's own, whose echo must survive.
    let agent = agent.layer(middleware::map_response(async |mut response: Response| {
        response.headers_mut().insert("a2a-extensions", HeaderValue::from_static("https://other.example/v1"));
        response
    }));
    let settings = Settings { required, ..Settings::default() };
    let interface = change(layer(agent, settings, responder.clone()), &party);
    let router = legation_host::router(folder.path().to_owned()).merge(Router::new().nest("/a2a", interface));
    tokio::spawn(legation_host::serve(listener, router, None, std::future::pending()));
    Shop { party, origin, document, responder, folder }
}

fn publish(folder: &Path, name: &str, text: &str) {
    std::fs::create_dir_all(folder.join(".well-known")).unwrap();
    std::fs::write(folder.join(".well-known").join(name), text).unwrap();
}
