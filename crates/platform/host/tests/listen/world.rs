//! Organizations at origins of this machine, each with a gateway, a transmitter and ears.

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request},
};
use http_body_util::BodyExt;
use legation_gateway::Gateway;
use legation_host::{Listening, Signals};
use legation_http_signature::{AgentDelegation, Message, Signing, join, sign};
use legation_keys::{Algorithm, SecretKey};
use legation_registry::{
    Profile, Registry, init,
    model::{Model, Target},
    partner::Partner,
    proof::prove,
    quarantine::{Rule, SignalOf, Then},
};
use legation_signer::Door;
use legation_store::{Location, Store, foreign::ShutOut, holder::Kind};
use legation_tests::{
    signer::Signer,
    upstream::{Plan, Upstream},
};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};
use tokio::{net::TcpListener, task::JoinHandle};
use tower::ServiceExt;

pub(crate) fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

/// Verbs block, which a thread that runs futures must not.
pub(crate) fn blocking<T>(verb: impl FnOnce() -> T) -> T {
    tokio::task::block_in_place(verb)
}

pub(crate) struct Organization {
    pub(crate) registry: Arc<Registry>,
    pub(crate) router: Router,
    upstream: Upstream,
    tasks: Vec<JoinHandle<()>>,
    _signer: Signer,
    _folder: tempfile::TempDir,
}

impl Drop for Organization {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Organization {
    pub(crate) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let domain = format!("localhost:{}", listener.local_addr().unwrap().port());
        let folder = tempfile::tempdir().unwrap();
        let signer = Signer::start(folder.path()).unwrap();
        let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
        let (registry, gateway, signals, listening) = blocking(|| {
            let store = Store::open(Location::Sqlite(folder.path().join("store.sqlite"))).unwrap();
            let registry =
                Arc::new(init(store, signer.client(Door::Registry).unwrap(), &domain, now()).unwrap());
            let client = || signer.client(Door::Gateway).unwrap();
            let gateway = Gateway::new(Arc::clone(&registry), client(), false).unwrap();
            let signals = Signals::new(Arc::clone(&registry), client(), false).unwrap();
            let listening =
                Listening::new(Arc::clone(&gateway), Arc::clone(&registry), client(), false).unwrap();
            (registry, gateway, signals, listening)
        });
        let router = legation_gateway::router(gateway)
            .merge(legation_host::published(Arc::clone(&registry)))
            .merge(signals.router())
            .merge(listening.router());
        let served = router.clone();
        let tasks = vec![
            tokio::spawn(async {
                legation_host::serve(listener, served, None, std::future::pending()).await.unwrap();
            }),
            tokio::spawn(signals.run(|error| panic!("{error}"))),
            tokio::spawn(listening.run(|_| ())),
        ];
        let one = Self { registry, router, upstream, tasks, _signer: signer, _folder: folder };
        one.model();
        one
    }

    fn model(&self) {
        let url = self.upstream.url().replace("127.0.0.1", "localhost");
        let model = Model {
            group: "standard".to_owned(),
            name: "small".to_owned(),
            protocol: serde_json::from_value(json!("openai")).unwrap(),
            targets: vec![Target::new(url, "gpt-scripted")],
            price: serde_json::from_value(json!({"currency": "USD", "input": 0, "output": 1})).ok(),
            max_output_tokens: 1000,
            max_input_tokens: 100_000,
        };
        blocking(|| self.registry.put_model(&model, now())).unwrap();
    }

    /// What lets its models be called, elsewhere.
    pub(crate) fn models(&self) -> String {
        format!("https://{}/models/standard/*", self.registry.host())
    }

    /// Agents that bring their keys, and may call the models of another organization.
    pub(crate) fn agents(&self, names: &[&str], there: &Self) -> Vec<Caller> {
        blocking(|| {
            let profile = Profile {
                actions: vec!["model:chat".to_owned()],
                resources: vec![there.models()],
                ..Profile::default()
            };
            self.registry.add_team("abroad", &profile, now()).unwrap();
            let add = |name: &&str| {
                let key = SecretKey::generate(Algorithm::EdDsa).unwrap();
                let proof = prove(&key, self.registry.did(), name, now()).unwrap();
                self.registry.add_agent_with_key(name, "abroad", &profile, &proof, now()).unwrap();
                Caller { key: Arc::new(key), chain: self.registry.chain(Kind::Agent, name).unwrap() }
            };
            names.iter().map(add).collect()
        })
    }

    /// A partner that is listened to: asked, or sent from.
    pub(crate) fn hears(&self, name: &str, did: &str, origin: &str, token: &str, push: bool) {
        let mut partner = json!({
            "name": name, "did": did, "models": ["standard"], "maxStatusAge": 300, "signals": {"secret": name},
        });
        blocking(|| {
            self.registry.set_secret(name, origin, token, now()).unwrap();
            if push {
                let secret = format!("{name}-push");
                self.registry.set_secret(&secret, origin, "shown-by-the-partner", now()).unwrap();
                partner["signals"]["push"] = json!(secret);
            }
            let partner: Partner = serde_json::from_value(partner).unwrap();
            self.registry.put_partner(&partner, now()).unwrap();
        });
    }

    /// The same of an organization that is one of these.
    pub(crate) fn hears_of(&self, name: &str, other: &Self, push: bool) {
        let token = blocking(|| {
            let audience = Some(self.registry.did().as_str());
            other.registry.add_receiver(("listener", audience), &[], 600, now()).unwrap().secret.to_string()
        });
        self.hears(name, other.registry.did().as_str(), &other.registry.origin(), &token, push);
    }

    /// A rule on the word of partners. Those that are not there yet are added, and not listened to.
    pub(crate) fn rule(&self, name: &str, events: &[&str], from: &[&str], then: Then) {
        let there: Vec<String> =
            blocking(|| self.registry.partners()).unwrap().into_iter().map(|one| one.name).collect();
        for name in from.iter().filter(|name| !there.iter().any(|one| one == *name)) {
            let did = format!("did:web:{name}.example");
            let partner = json!({"name": name, "did": did, "models": ["standard"], "maxStatusAge": 300});
            let partner: Partner = serde_json::from_value(partner).unwrap();
            blocking(|| self.registry.put_partner(&partner, now())).unwrap();
        }
        let list = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect();
        let rule = Rule {
            name: name.to_owned(),
            to: "organization".to_owned(),
            denials: None,
            spend: None,
            new_tool: None,
            signal: Some(SignalOf { events: list(events), from: list(from) }),
            then,
            most_agents: 3,
        };
        blocking(|| self.registry.put_quarantine_rule(&rule, now())).unwrap();
    }

    pub(crate) fn shut_out(&self) -> Vec<ShutOut> {
        blocking(|| self.registry.shut_out("", 1000)).unwrap()
    }

    /// The organization's events of a kind, each by its actor, its subject and its data.
    pub(crate) fn events(&self, kind: &str) -> Vec<(String, String, Value)> {
        let all = blocking(|| self.registry.events(0, 10_000)).unwrap().into_iter();
        let found = all.filter(|event| event.kind == kind);
        found.map(|one| (one.actor, one.subject, serde_json::from_str(&one.data).unwrap())).collect()
    }

    /// What a call of a model by somebody comes to: `200`, or the code.
    pub(crate) async fn asked_by(&self, caller: &Caller) -> String {
        static NONCE: AtomicUsize = AtomicUsize::new(0);
        let nonce = format!("n-{}", NONCE.fetch_add(1, Ordering::SeqCst));
        let body =
            json!({"model": "small", "max_tokens": 1, "messages": [{"role": "user", "content": "hello"}]});
        let (path, mut headers, body) = ("/v1/chat/completions", HeaderMap::new(), body.to_string());
        let links: Vec<&str> = caller.chain.iter().map(String::as_str).collect();
        headers.insert("agent-delegation", AgentDelegation::Chain(join(&links).unwrap()).to_header());
        headers.insert("content-type", "application/json".parse().unwrap());
        let occasion = Signing { created: now(), expires: now() + 60, nonce: &nonce, agent: None };
        let target_uri = format!("{}{path}", self.registry.origin());
        let message =
            Message { method: "POST", target_uri: &target_uri, headers: &headers, body: body.as_bytes() };
        sign(&message, occasion, &*caller.key).unwrap().apply(&mut headers);
        let mut request = Request::post(path).body(Body::from(body)).unwrap();
        *request.headers_mut() = headers;
        request.headers_mut().insert("host", self.registry.host().parse().unwrap());
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let json: Value = serde_json::from_slice(&body).unwrap_or_default();
        if status.is_success() {
            "200".to_owned()
        } else {
            json["error"]["code"].as_str().unwrap_or_default().to_owned()
        }
    }
}

/// Somebody with a key and a chain.
pub(crate) struct Caller {
    pub(crate) key: Arc<SecretKey>,
    pub(crate) chain: Vec<String>,
}

/// Waits for something.
pub(crate) async fn soon<T>(what: &str, mut found: impl AsyncFnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = found().await {
            return found;
        }
        assert!(begin.elapsed() < Duration::from_secs(30), "{what} never came to be");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
