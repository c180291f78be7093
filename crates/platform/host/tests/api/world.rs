//! An organization with its API, and admins who sign.

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode},
};
use http_body_util::BodyExt;
use legation_gateway::Gateway;
use legation_http_signature::{AgentDelegation, Message, Signing, join, sign};
use legation_keys::{Algorithm, SecretKey, Signer as _};
use legation_registry::{Registry, init};
use legation_signer::Door;
use legation_store::{Location, Store};
use legation_tests::{postgres, signer::Signer};
use serde_json::{Value, json};
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};
use tower::ServiceExt;

pub(crate) fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

/// Verbs block, which a thread that runs futures must not.
pub(crate) fn blocking<T>(verb: impl FnOnce() -> T) -> T {
    tokio::task::block_in_place(verb)
}

/// Whoever signs requests: a key, and a chain that ends with its DID.
#[derive(Clone)]
pub(crate) struct Admin {
    pub(crate) did: String,
    pub(crate) chain: Vec<String>,
    pub(crate) key: Arc<SecretKey>,
}

/// A request that is not sent yet.
pub(crate) struct Draft<'a> {
    pub(crate) method: &'a str,
    pub(crate) target: &'a str,
    pub(crate) body: String,
    pub(crate) nonce: String,
    pub(crate) origin: &'a str,
}

static NONCES: AtomicU64 = AtomicU64::new(1);

impl<'a> Draft<'a> {
    pub(crate) fn new(method: &'a str, target: &'a str, body: &Value) -> Self {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let nonce = format!("n-{}", NONCES.fetch_add(1, Ordering::Relaxed));
        Self { method, target, body, nonce, origin: "https://acme.example" }
    }
}

impl Admin {
    pub(crate) fn new() -> Self {
        let key = SecretKey::generate(Algorithm::EdDsa).unwrap();
        let did = legation_did::key::did(key.public_key()).to_string();
        Self { did, chain: Vec::new(), key: Arc::new(key) }
    }

    /// Somebody with a chain and a key.
    pub(crate) fn with(did: &str, chain: Vec<String>, key: SecretKey) -> Self {
        Self { did: did.to_owned(), chain, key: Arc::new(key) }
    }

    pub(crate) fn sign(&self, draft: &Draft<'_>) -> Request<Body> {
        let mut headers = HeaderMap::new();
        let links: Vec<&str> = self.chain.iter().map(String::as_str).collect();
        headers.insert("agent-delegation", AgentDelegation::Chain(join(&links).unwrap()).to_header());
        let occasion = Signing { created: now(), expires: now() + 60, nonce: &draft.nonce, agent: None };
        let target_uri = format!("{}{}", draft.origin, draft.target);
        let message = Message {
            method: draft.method,
            target_uri: &target_uri,
            headers: &headers,
            body: draft.body.as_bytes(),
        };
        sign(&message, occasion, self.key.as_ref()).unwrap().apply(&mut headers);
        let request = Request::builder().method(draft.method).uri(draft.target);
        let mut request = request.body(Body::from(draft.body.clone())).unwrap();
        *request.headers_mut() = headers;
        request
    }
}

pub(crate) struct World {
    pub(crate) engine: &'static str,
    pub(crate) registry: Arc<Registry>,
    gateway: Arc<Gateway>,
    pub(crate) router: Router,
    /// Who may do everything.
    pub(crate) admin: Admin,
    _signer: Signer,
    _folder: tempfile::TempDir,
}

impl World {
    fn new(engine: &'static str, location: impl FnOnce(&Path) -> Location) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let signer = Signer::start(folder.path()).unwrap();
        let store = Store::open(location(folder.path())).unwrap();
        let registry = init(store, signer.client(Door::Registry).unwrap(), "acme.example", now()).unwrap();
        let registry = Arc::new(registry);
        let gateway =
            Gateway::new(Arc::clone(&registry), signer.client(Door::Gateway).unwrap(), false).unwrap();
        let router = legation_host::api(Arc::clone(&gateway), Arc::clone(&registry));
        let admin = admit(&registry, &["admin:*"]);
        Self { engine, registry, gateway, router, admin, _signer: signer, _folder: folder }
    }

    /// The same, asked as often as rates say.
    pub(crate) fn limited(self, rates: legation_host::api::Rates) -> Self {
        self.with(legation_host::api::Settings { rates, ..Default::default() })
    }

    /// The same, served by settings.
    pub(crate) fn with(self, settings: legation_host::api::Settings) -> Self {
        let router =
            legation_host::api::api_with(Arc::clone(&self.gateway), Arc::clone(&self.registry), settings);
        Self { router, ..self }
    }

    /// Another organization of the same store, which nobody administers yet.
    pub(crate) fn without_admins(self) -> Self {
        let (store, signer) = (Arc::clone(self.registry.store()), &self._signer);
        let registry = blocking(|| {
            Arc::new(init(store, signer.client(Door::Registry).unwrap(), "new.example", now()).unwrap())
        });
        let gateway =
            Gateway::new(Arc::clone(&registry), signer.client(Door::Gateway).unwrap(), false).unwrap();
        let router = legation_host::api(Arc::clone(&gateway), Arc::clone(&registry));
        Self { registry, gateway, router, ..self }
    }

    /// One more admin.
    pub(crate) fn admin_for(&self, actions: &[&str]) -> Admin {
        blocking(|| admit(&self.registry, actions))
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// What somebody asks for, signed.
    pub(crate) async fn ask(&self, who: &Admin, method: &str, target: &str, body: &Value) -> Answer {
        let origin = self.registry.origin();
        self.send(who.sign(&Draft { origin: &origin, ..Draft::new(method, target, body) })).await
    }

    /// What the first admin asks for, which is done.
    pub(crate) async fn done(&self, method: &str, target: &str, body: Value) -> Value {
        let answer = self.ask(&self.admin, method, target, &body).await;
        let engine = self.engine;
        assert!(answer.status.is_success(), "{engine}: {method} {target}: {}", answer.text());
        answer.json()
    }

    /// The same, with a key by which it may be asked again.
    pub(crate) async fn once(&self, who: &Admin, key: &str, target: &str, body: &Value) -> Answer {
        let mut request = who.sign(&Draft::new("POST", target, body));
        request.headers_mut().insert("idempotency-key", key.parse().unwrap());
        self.send(request).await
    }
}

fn admit(registry: &Registry, actions: &[&str]) -> Admin {
    let mut admin = Admin::new();
    let actions: Vec<String> = actions.iter().map(|action| (*action).to_owned()).collect();
    let added = registry.add_admin(&admin.did.parse().unwrap(), &actions, now()).unwrap();
    admin.chain = vec![added.link.unwrap().secured];
    admin
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Status and code of a problem, which is one.
    pub(crate) fn problem(&self) -> (u16, String) {
        let json = self.json();
        assert_eq!(self.headers["content-type"], "application/problem+json", "{}", self.text());
        assert_eq!(json["status"], json!(self.status.as_u16()));
        (self.status.as_u16(), json["code"].as_str().unwrap().to_owned())
    }
}

pub(crate) fn told(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

pub(crate) fn sqlite() -> World {
    blocking(|| World::new("SQLite", |folder| Location::Sqlite(folder.join("store.sqlite"))))
}

/// A world on each engine; where no PostgreSQL is at hand, that is told, and SQLite alone.
pub(crate) fn both() -> Vec<World> {
    let mut worlds = vec![sqlite()];
    if postgres::is_at_hand() {
        let url = postgres::shared().unwrap().database("api").unwrap();
        worlds.push(blocking(|| World::new("PostgreSQL", |_| Location::Postgres(url))));
    }
    worlds
}
