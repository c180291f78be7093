//! An organization with an agent, a gateway in front of a provider, and who calls it.

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode, header},
};
use http_body_util::BodyExt;
use legation_gateway::{Gateway, Limits, Origins, authz_router, router};
use legation_registry::{
    Budget, FIRST_TEAM, Profile, Registry, init,
    model::{Model, Protocol, Target},
};
use legation_signer::Door;
use legation_store::{Location, Store, holder::Kind};
use legation_tests::{postgres, signer::Signer, upstream::Upstream};
use serde_json::{Value, json};
use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};
use tower::ServiceExt;

/// A cent a token of the answer, and nothing for the prompt: what a call costs at its most is its `max_tokens` in cents.
pub(crate) const CENT: u64 = 1_000_000;

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
    pub(crate) location: Location,
    gateways: Vec<(Arc<Gateway>, Router)>,
    signer: Signer,
    pub(crate) folder: tempfile::TempDir,
}

impl World {
    fn new(engine: &'static str, location: impl FnOnce(&std::path::Path) -> Location) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let signer = Signer::start(folder.path()).unwrap();
        let location = location(folder.path());
        let store = Store::open(location.clone()).unwrap();
        let registry = init(store, signer.client(Door::Registry).unwrap(), "acme.example", now()).unwrap();
        let mut world =
            Self { engine, registry: Arc::new(registry), location, gateways: Vec::new(), signer, folder };
        world.add_gateway();
        world
    }

    /// One more gateway, as another process has it: with connections and a memory of its own.
    pub(crate) fn add_gateway(&mut self) {
        let store = Store::open(self.location.clone()).unwrap();
        let registry = Registry::open(store, self.signer.client(Door::Registry).unwrap(), None).unwrap();
        let gateway =
            Gateway::new(Arc::new(registry), self.signer.client(Door::Gateway).unwrap(), false).unwrap();
        self.gateways.push((Arc::clone(&gateway), router(gateway)));
    }

    /// An agent that may call all models, and its key.
    pub(crate) fn agent(&self, name: &str, budget: &str) -> String {
        let profile = Profile {
            groups: vec!["standard".to_owned()],
            budgets: vec![Budget::parse(budget).unwrap()],
            ..Profile::default()
        };
        self.add(name, &profile)
    }

    pub(crate) fn add(&self, name: &str, profile: &Profile) -> String {
        blocking(|| {
            self.registry.add_agent(name, FIRST_TEAM, profile, now()).unwrap();
            self.registry.create_key(name, "test", None, now()).unwrap().secret.to_string()
        })
    }

    /// A model of the provider, whose tokens cost so many millionths of a cent.
    pub(crate) fn model(&self, name: &str, upstream: &Upstream, output: u64) -> Model {
        self.model_of(name, Protocol::OpenAi, upstream, output)
    }

    /// The same, by the interface that it speaks.
    pub(crate) fn model_of(&self, name: &str, protocol: Protocol, upstream: &Upstream, output: u64) -> Model {
        let model = Model {
            group: "standard".to_owned(),
            name: name.to_owned(),
            protocol,
            targets: vec![Target::new(local(&upstream.url()), "gpt-scripted")],
            price: serde_json::from_value(json!({"currency": "USD", "input": 0, "output": output})).ok(),
            max_output_tokens: 1000,
            max_input_tokens: 100_000,
        };
        assert!(model.price.is_some());
        blocking(|| self.registry.put_model(&model, now())).unwrap();
        model
    }

    /// The begin of what a gateway answers.
    pub(crate) async fn begin(&self, gateway: usize, request: Request<Body>) -> axum::response::Response {
        self.gateways[gateway].1.clone().oneshot(request).await.unwrap()
    }

    /// Sends a request to a gateway.
    pub(crate) async fn send(&self, gateway: usize, request: Request<Body>) -> Answer {
        let response = self.begin(gateway, request).await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// A chat of an agent with a model, with further members.
    pub(crate) async fn chat(&self, gateway: usize, key: &str, members: Value) -> Answer {
        self.send(gateway, chat(key, members)).await
    }

    /// Where proxies of these origins ask.
    pub(crate) fn for_proxies(&self, origins: &[&str]) -> Router {
        authz_router(Arc::clone(&self.gateways[0].0), Origins::new(origins).unwrap())
    }

    pub(crate) fn gateway(&self, number: usize) -> Arc<Gateway> {
        Arc::clone(&self.gateways[number].0)
    }

    pub(crate) fn require_dpop(&self) {
        self.gateways.iter().for_each(|(gateway, _)| gateway.require_dpop());
    }

    pub(crate) fn limit(&self, gateway: usize, limits: Limits) {
        self.gateways[gateway].0.limit(limits);
    }

    pub(crate) fn metrics(&self, gateway: usize) -> String {
        self.gateways[gateway].0.metrics()
    }

    /// What a gateway has counted of an outcome.
    pub(crate) fn counted(&self, gateway: usize, outcome: &str) -> u64 {
        let text = self.gateways[gateway].0.metrics();
        let line = text.lines().find(|line| line.contains(&format!("outcome=\"{outcome}\"")));
        line.map_or(0, |line| line.rsplit_once(' ').unwrap().1.parse().unwrap())
    }

    /// The receipts, the first first: kind, code and amount.
    pub(crate) fn receipts(&self) -> Vec<(String, String, Option<i64>)> {
        let mut receipts = blocking(|| self.registry.receipts(None, 1000)).unwrap();
        receipts.reverse();
        receipts.into_iter().map(|one| (one.kind, one.code, one.amount)).collect()
    }

    /// The bodies of what was decided, the first first.
    pub(crate) fn bodies(&self) -> Vec<Value> {
        let mut receipts = blocking(|| self.registry.receipts(None, 1000)).unwrap();
        receipts.reverse();
        let decided = receipts.into_iter().filter(|one| one.kind != "settle");
        decided.map(|one| serde_json::from_slice(&one.body).unwrap()).collect()
    }

    /// Waits until as many receipts are there: those of settlements are not waited for by answers.
    pub(crate) async fn wait_for_receipts(&self, count: usize) -> Vec<(String, String, Option<i64>)> {
        for _ in 0..500 {
            let receipts = self.receipts();
            if receipts.len() >= count {
                return receipts;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{}: {:?}", self.engine, self.receipts())
    }

    pub(crate) fn block(&self, agent: &str) {
        blocking(|| {
            for (_, key) in self.registry.list_keys(Some(agent)).unwrap() {
                self.registry.block_key(&key.id, now()).unwrap();
            }
        });
    }

    pub(crate) fn suspend(&self, agent: &str) {
        blocking(|| self.registry.suspend(Kind::Agent, agent, now())).unwrap();
    }
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: header::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Status and code.
    pub(crate) fn told(&self) -> (u16, String) {
        let code = self.json()["error"]["code"].as_str().unwrap_or_default().to_owned();
        (self.status.as_u16(), code)
    }
}

pub(crate) fn chat(key: &str, members: Value) -> Request<Body> {
    let mut body = json!({"model": "small", "messages": [{"role": "user", "content": "hello"}]});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    post(key, body.to_string())
}

pub(crate) fn post(key: &str, body: String) -> Request<Body> {
    post_to("/v1/chat/completions", key, body)
}

pub(crate) fn post_to(path: &str, key: &str, body: String) -> Request<Body> {
    Request::post(path)
        .header(header::AUTHORIZATION, format!("Bearer {key}"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body))
        .unwrap()
}

pub(crate) fn get(key: &str, path: &str) -> Request<Body> {
    Request::get(path).header(header::AUTHORIZATION, format!("Bearer {key}")).body(Body::empty()).unwrap()
}

/// Plain http is spoken with what is called `localhost` only.
pub(crate) fn local(url: &str) -> String {
    url.replace("127.0.0.1", "localhost")
}

pub(crate) fn sqlite() -> World {
    blocking(|| World::new("SQLite", |folder| Location::Sqlite(folder.join("store.sqlite"))))
}

pub(crate) fn on_postgres(url: String) -> World {
    blocking(|| World::new("PostgreSQL", |_| Location::Postgres(url)))
}

/// A world on each engine; where no PostgreSQL is at hand, that is told, and SQLite alone.
pub(crate) fn both() -> Vec<World> {
    let mut worlds = vec![sqlite()];
    if postgres::is_at_hand() {
        let url = postgres::shared().unwrap().database("gateway").unwrap();
        worlds.push(on_postgres(url));
    }
    worlds
}
