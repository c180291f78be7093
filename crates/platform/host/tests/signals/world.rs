//! An organization with its signals, and receivers.

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderMap, Request, StatusCode},
    routing::post,
};
use http_body_util::BodyExt;
use legation_agent_card::{CardAlgorithm, jwks::JwkSet};
use legation_host::Signals;
use legation_keys::{base64url, jws};
use legation_registry::{Profile, Registry, init, signals::Scope};
use legation_signer::Door;
use legation_store::{Location, Store};
use legation_tests::{postgres, signer::Signer};
use serde_json::{Value, json};
use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime},
};
use tower::ServiceExt;

pub(crate) const ISSUER: &str = "https://acme.example";

pub(crate) fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

/// Verbs block, which a thread that runs futures must not.
pub(crate) fn blocking<T>(verb: impl FnOnce() -> T) -> T {
    tokio::task::block_in_place(verb)
}

pub(crate) struct World {
    pub(crate) engine: &'static str,
    pub(crate) registry: Arc<Registry>,
    pub(crate) signals: Arc<Signals>,
    pub(crate) signer: Signer,
    running: Mutex<Vec<tokio::task::JoinHandle<()>>>,
    _folder: tempfile::TempDir,
}

impl Drop for World {
    fn drop(&mut self) {
        self.running.get_mut().unwrap().iter().for_each(tokio::task::JoinHandle::abort);
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) json: Value,
}

impl World {
    fn new(engine: &'static str, location: impl FnOnce(&Path) -> Location) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let signer = Signer::start(folder.path()).unwrap();
        let store = Store::open(location(folder.path())).unwrap();
        let registry = init(store, signer.client(Door::Registry).unwrap(), "acme.example", now()).unwrap();
        let registry = Arc::new(registry);
        let signals =
            Signals::new(Arc::clone(&registry), signer.client(Door::Gateway).unwrap(), true).unwrap();
        let profile = Profile { groups: vec!["*".to_owned()], ..Profile::default() };
        registry.add_agent("bot", "default", &profile, now()).unwrap();
        let running = Mutex::default();
        Self { engine, registry, signals, signer, running, _folder: folder }
    }

    /// Sends what there is to be sent from now on.
    pub(crate) fn run(&self) {
        self.run_also(&self.signals);
    }

    pub(crate) fn run_also(&self, signals: &Arc<Signals>) {
        let task = tokio::spawn(Arc::clone(signals).run(|error| panic!("{error}")));
        self.running.lock().unwrap().push(task);
    }

    pub(crate) fn receiver(&self, name: &str, scopes: &[Scope]) -> String {
        let audience = format!("https://{name}.example");
        let add = || self.registry.add_receiver((name, Some(&audience)), scopes, 600, now()).unwrap();
        blocking(add).secret.to_string()
    }

    pub(crate) async fn ask(&self, token: &str, method: &str, path: &str, body: &Value) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        self.send(&self.signals, request.body(body).unwrap()).await
    }

    pub(crate) async fn send(&self, signals: &Arc<Signals>, request: Request<Body>) -> Answer {
        let response = signals.router().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let json = serde_json::from_slice(&body).unwrap_or_default();
        Answer { status: parts.status.as_u16(), headers: parts.headers, json }
    }

    /// Makes a stream, and gives its id.
    pub(crate) async fn stream(&self, token: &str, body: Value) -> String {
        let made = self.ask(token, "POST", "/ssf/stream", &body).await;
        assert_eq!(made.status, 201, "{}: {made:?}", self.engine);
        made.json["stream_id"].as_str().unwrap().to_owned()
    }

    /// The claims of the tokens that a poll gives at once, each with its text.
    pub(crate) async fn poll(&self, token: &str, stream: &str, ack: &[String]) -> Vec<(Value, String)> {
        let body = json!({"returnImmediately": true, "ack": ack});
        let polled = self.ask(token, "POST", &format!("/ssf/poll/{stream}"), &body).await;
        assert_eq!(polled.status, 200, "{polled:?}");
        let keys = self.keys().await;
        let mut all: Vec<(Value, String)> = Vec::new();
        for (jti, set) in polled.json["sets"].as_object().unwrap() {
            let claims = claims(set.as_str().unwrap(), &keys);
            assert_eq!(claims["jti"], json!(jti));
            all.push((claims, set.as_str().unwrap().to_owned()));
        }
        all
    }

    pub(crate) async fn keys(&self) -> JwkSet {
        let jwks = self.ask("", "GET", "/.well-known/jwks.json", &Value::Null).await;
        assert_eq!(jwks.status, 200, "{jwks:?}");
        JwkSet::parse(jwks.json.to_string().as_bytes()).unwrap()
    }
}

/// What a token says, whose signature fits one of the keys.
pub(crate) fn claims(set: &str, keys: &JwkSet) -> Value {
    let parts = jws::split(set).unwrap();
    let part = |text: &str| serde_json::from_slice::<Value>(&base64url::decode(text).unwrap()).unwrap();
    let header = part(parts.header);
    assert_eq!((&header["typ"], &header["alg"]), (&json!("secevent+jwt"), &json!("RS256")));
    let signature = base64url::decode(parts.signature).unwrap();
    let kid = header["kid"].as_str().unwrap();
    assert!(keys.verifies(kid, CardAlgorithm::Rs256, parts.signing_input.as_bytes(), &signature).unwrap());
    part(parts.payload)
}

/// The type of the one event of a token, and what it says.
pub(crate) fn event(claims: &Value) -> (&str, &Value) {
    let events = claims["events"].as_object().unwrap();
    assert_eq!(events.len(), 1, "{claims}");
    let (name, said) = events.iter().next().unwrap();
    (name.rsplit('/').next().unwrap(), said)
}

/// Waits until something is so.
pub(crate) async fn soon(what: &str, is_so: impl Fn() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < Duration::from_secs(20), "{what} never came to be");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(crate) fn sqlite() -> World {
    blocking(|| World::new("SQLite", |folder| Location::Sqlite(folder.join("store.sqlite"))))
}

/// A world on each engine; where no PostgreSQL is at hand, that is told, and SQLite alone.
pub(crate) fn both() -> Vec<World> {
    let mut worlds = vec![sqlite()];
    if postgres::is_at_hand() {
        let url = postgres::shared().unwrap().database("signals").unwrap();
        worlds.push(blocking(|| World::new("PostgreSQL", |_| Location::Postgres(url))));
    }
    worlds
}

/// How a receiver answers its n-th request.
pub(crate) type Answers = fn(usize) -> (u16, &'static str);

/// A receiver that is sent to.
#[derive(Clone)]
pub(crate) struct Receiver {
    pub(crate) url: String,
    answers: Answers,
    got: Arc<Mutex<Vec<(HeaderMap, String)>>>,
}

impl Receiver {
    pub(crate) async fn start(answers: Answers) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://localhost:{}/events", listener.local_addr().unwrap().port());
        let receiver = Self { url, answers, got: Arc::default() };
        let router = Router::new().route("/events", post(take)).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        receiver
    }

    pub(crate) fn got(&self) -> Vec<(HeaderMap, String)> {
        self.got.lock().unwrap().clone()
    }
}

async fn take(
    State(receiver): State<Receiver>,
    headers: HeaderMap,
    body: String,
) -> (StatusCode, [(&'static str, String); 1], &'static str) {
    let number = {
        let mut got = receiver.got.lock().unwrap();
        got.push((headers, body));
        got.len() - 1
    };
    let (status, body) = (receiver.answers)(number);
    if status == 0 {
        std::future::pending::<()>().await;
    }
    (StatusCode::from_u16(status).unwrap(), [("location", receiver.url.clone())], body)
}
