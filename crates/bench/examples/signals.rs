//! How soon a revocation is known to a hundred foreign subscribers, from the moment that the verb returned.
//!
//! `cargo run --release -p legation-bench --example signals`: an organization with its store, signer and signals, and a
//! hundred services of others, each with a trust, a desk and a stream of its own, on this machine. Each round an agent that
//! all of them have admitted is revoked; a subscriber knows of it once its receiver has heeded the event, and its next call
//! must then be denied. Half of the rounds events are sent (RFC 8935), half they are polled (RFC 8936).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    missing_docs
)]

use axum::{Router, http::HeaderMap, routing::post};
use legation_agent::{
    Agent, Carry, Desk, Gate, Identity, Poller, Signals, gate::Incoming, signals::Received,
};
use legation_credential::{Authority, Facts, Request};
use legation_did::{Did, key};
use legation_keys::{Algorithm, SecretKey, Signer as _};
use legation_registry::{
    Profile, Registry, init, proof,
    signals::{Delivery, Wanted},
};
use legation_resolver::{Fetcher, Options};
use legation_signer::Door;
use legation_store::{Location, Store, holder::Kind};
use legation_tests::{postgres, signer::Signer};
use legation_verifier::{SignalSource, Trust};
use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime},
};
use tokio::{net::TcpListener, task::block_in_place};

const SUBSCRIBERS: usize = 100;
const ROUNDS: usize = 40;
const ACTION: &str = "a2a:skill:book";

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

/// When a subscriber heard of each event that counted.
type Heard = Arc<Mutex<Vec<Instant>>>;

struct Subscriber {
    gate: Gate,
    origin: String,
    heard: Heard,
}

impl Subscriber {
    async fn open(registry: &Registry, number: usize, pushed: bool) -> Self {
        let key = Arc::new(SecretKey::generate(Algorithm::EdDsa).unwrap());
        let did = key::did(key.public_key());
        let mut trust = Trust::new(did.as_str());
        trust.roots.insert(registry.did().clone(), Authority::everything());
        trust.signals.push(SignalSource {
            issuer: registry.origin(),
            jwks: format!("{}/.well-known/jwks.json", registry.origin()),
            events: SignalSource::EVENTS.map(str::to_owned).to_vec(),
        });
        let fetcher = Fetcher::new(Options { http_on_loopback: true, ..Options::default() }).unwrap();
        let desk = Arc::new(Desk::new(Identity::new(did.clone(), key), trust, fetcher).unwrap());
        let (signals, heard) = (Arc::new(Signals::new(Arc::clone(&desk))), Heard::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let delivery = if pushed {
            Delivery::Push { url: format!("{origin}/events"), authorization: None }
        } else {
            Delivery::Poll
        };
        let made = block_in_place(|| {
            let named = (format!("s-{number}-{pushed}"), did.to_string());
            let added = registry.add_receiver((&named.0, Some(&named.1)), &[], 3600, now()).unwrap();
            let wanted = Wanted { delivery: Some(delivery), ..Wanted::default() };
            let made = registry.create_stream(&added.receiver, wanted, now()).unwrap();
            (
                made.configuration["delivery"]["endpoint_url"].as_str().unwrap().to_owned(),
                added.secret.to_string(),
            )
        });
        if pushed {
            let heard = Arc::clone(&heard);
            let take = async move |set: String| {
                let received = signals.receive(&set, now()).await.unwrap();
                if matches!(received, Received::Heeded(_)) {
                    heard.lock().unwrap().push(Instant::now());
                }
                axum::http::StatusCode::ACCEPTED
            };
            let router = Router::new().route("/events", post(take));
            tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        } else {
            let heard = Arc::clone(&heard);
            tokio::spawn(async move {
                let mut poller = Poller::new(&made.0, &made.1);
                loop {
                    match poller.turn(&signals, true, now()).await {
                        Ok(0) => {}
                        Ok(_) => heard.lock().unwrap().push(Instant::now()),
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
        Self { gate: Gate::new(desk, origin.clone()).unwrap(), origin, heard }
    }

    /// What its gate says to a request: `permit` or the code.
    async fn asked(&self, agent: &Agent) -> &'static str {
        let mut headers = HeaderMap::new();
        let url = format!("{}/rooms", self.origin);
        agent.sign("GET", &url, &mut headers, b"", Carry::Chain, now()).unwrap();
        let incoming = Incoming { method: "GET", path_and_query: "/rooms", headers: &headers, body: b"" };
        let map = |_: &legation_http_signature::Message<'_>| {
            Request::new(ACTION, "https://goods.example/rooms", Facts::new())
        };
        self.gate.admit(&incoming, map, now()).await.map_or_else(|refused| refused.code(), |_| "permit")
    }
}

/// A new agent that keeps its own key.
fn agent(registry: &Registry, name: &str, may: &Profile) -> Agent {
    let key = Arc::new(SecretKey::generate(Algorithm::EdDsa).unwrap());
    let proof = proof::prove(&*key, registry.did(), name, now()).unwrap();
    let added = registry.add_agent_with_key(name, "sales", may, &proof, now()).unwrap();
    let did: Did = added.did.parse().unwrap();
    let chain = registry.chain(Kind::Agent, name).unwrap();
    let chain: Vec<&str> = chain.iter().map(String::as_str).collect();
    let fetcher = Fetcher::new(Options { http_on_loopback: true, ..Options::default() }).unwrap();
    Agent::new(Identity::new(did, key), &chain, fetcher).unwrap()
}

fn told(what: &str, mut all: Vec<Duration>) {
    all.sort();
    let at = |share: f64| {
        let last = all.len() - 1;
        let index = (share * f64::from(u32::try_from(last).unwrap())).ceil();
        all[(index as usize).min(last)].as_secs_f64() * 1000.0
    };
    println!(
        "{what}: {} events at {SUBSCRIBERS} subscribers; from the verb's return, ms: median {:.1}, p90 {:.1}, p99 {:.1}, most {:.1}",
        all.len(),
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0)
    );
}

async fn measure(engine: &str, location: impl FnOnce(&Path) -> Location, pushed: bool) {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let domain = format!("localhost:{}", listener.local_addr().unwrap().port());
    let may = Profile {
        actions: vec![ACTION.to_owned()],
        resources: vec!["https://goods.example/*".to_owned()],
        ..Profile::default()
    };
    let (registry, signals, _signer) = block_in_place(|| {
        let signer = Signer::start(folder.path()).unwrap();
        let store = Store::open(location(folder.path())).unwrap();
        let registry = Arc::new(init(store, signer.client(Door::Registry).unwrap(), &domain, now()).unwrap());
        let client = signer.client(Door::Gateway).unwrap();
        let signals = legation_host::Signals::new(Arc::clone(&registry), client, false).unwrap();
        registry.add_team("sales", &may, now()).unwrap();
        (registry, signals, signer)
    });
    let router = legation_host::published(Arc::clone(&registry)).merge(signals.router());
    tokio::spawn(legation_host::serve(listener, router, None, std::future::pending()));
    let sends = tokio::spawn(Arc::clone(&signals).run(|error| println!("{error}")));
    let mut subscribers = Vec::new();
    for number in 0..SUBSCRIBERS {
        subscribers.push(Subscriber::open(&registry, number, pushed).await);
    }
    let mut all = Vec::new();
    for round in 0..ROUNDS {
        let name = format!("bot-{round}");
        let agent = block_in_place(|| agent(&registry, &name, &may));
        for subscriber in &subscribers {
            assert_eq!(subscriber.asked(&agent).await, "permit");
            subscriber.heard.lock().unwrap().clear();
        }
        let (_, link) =
            block_in_place(|| registry.delegations(Some((Kind::Agent, &name)))).unwrap().remove(0);
        block_in_place(|| registry.revoke(&link.id, "", now())).unwrap();
        let returned = Instant::now();
        let begin = Instant::now();
        while subscribers.iter().any(|one| one.heard.lock().unwrap().is_empty()) {
            assert!(begin.elapsed() < Duration::from_secs(20), "somebody was not told");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let took: Vec<Duration> = subscribers
            .iter()
            .map(|one| one.heard.lock().unwrap()[0].saturating_duration_since(returned))
            .collect();
        let most = took.iter().max().unwrap().as_secs_f64() * 1000.0;
        println!(
            "{engine}, {}, round {round}: the last after {most:.1} ms",
            if pushed { "sent" } else { "polled" }
        );
        all.extend(took);
        for subscriber in &subscribers {
            assert_eq!(subscriber.asked(&agent).await, "link_revoked", "the next call");
        }
    }
    sends.abort();
    told(&format!("{engine}, {}", if pushed { "sent" } else { "polled" }), all);
}

/// How busy the machine is with other things.
fn load(when: &str) {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("load {when}: {}", load.trim());
}

fn main() {
    load("when it began");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        tokio::spawn(async {
            for pushed in [true, false] {
                measure("SQLite", |folder| Location::Sqlite(folder.join("store.sqlite")), pushed).await;
                if postgres::is_at_hand() {
                    let url = block_in_place(|| postgres::shared().unwrap().database("signals").unwrap());
                    measure("PostgreSQL", |_| Location::Postgres(url), pushed).await;
                }
            }
        })
        .await
        .unwrap();
    });
    load("when it ended");
}
