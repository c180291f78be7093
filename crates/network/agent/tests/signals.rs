//! What a transmitter tells makes a service look again: a revocation shows as soon as it is told, and nothing else comes of
//! an event, whoever tells it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod world;

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use axum::{Router, routing::get};
use http::HeaderMap;
use legation_agent::{
    Agent, Carry, Gate, Poller, Signals,
    gate::Incoming,
    signals::{Heeded, Received, signals_router},
};
use legation_credential::{Authority, Request, request::split_query};
use legation_keys::base64url;
use legation_registry::{Profile, Registry, init, proof, signals::Wanted};
use legation_resolver::{Call, call::Method};
use legation_signer::Door;
use legation_store::{Location, Store, holder::Kind};
use legation_tests::signer::Signer;
use legation_verifier::SignalSource;
use serde_json::{Value, json};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::net::TcpListener;
use world::{ACTION, Party, Shop, now, open_with};

const REVOKED: &str = "https://schemas.openid.net/secevent/caep/event-type/credential-change";
const AUTHORIZATION: &str = "Bearer of the shop";

fn blocking<T>(verb: impl FnOnce() -> T) -> T {
    tokio::task::block_in_place(verb)
}

/// An organization at an origin of this machine, with its signals.
struct Organization {
    registry: Arc<Registry>,
    signals: Arc<legation_host::Signals>,
    bot: Party,
    server: tokio::task::JoinHandle<()>,
    _signer: Signer,
    _folder: tempfile::TempDir,
}

impl Organization {
    /// `goods` is where its agent `bot` may book.
    async fn open(goods: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let domain = format!("localhost:{}", listener.local_addr().unwrap().port());
        let folder = tempfile::tempdir().unwrap();
        let (registry, signals, signer, bot) = blocking(|| {
            let signer = Signer::start(folder.path()).unwrap();
            let store = Store::open(Location::Sqlite(folder.path().join("store.sqlite"))).unwrap();
            let registry = init(store, signer.client(Door::Registry).unwrap(), &domain, now()).unwrap();
            let registry = Arc::new(registry);
            let client = signer.client(Door::Gateway).unwrap();
            let signals = legation_host::Signals::new(Arc::clone(&registry), client, false).unwrap();
            let may = Profile {
                actions: vec![ACTION.to_owned()],
                resources: vec![format!("{goods}/*")],
                ..Profile::default()
            };
            registry.add_team("sales", &may, now()).unwrap();
            let bot = Party::new();
            let proof = proof::prove(&*bot.key, registry.did(), "bot", now()).unwrap();
            let agent = registry.add_agent_with_key("bot", "sales", &may, &proof, now()).unwrap();
            let bot = Party { did: agent.did.parse().unwrap(), key: bot.key };
            (registry, signals, signer, bot)
        });
        let router = legation_host::published(Arc::clone(&registry)).merge(signals.router());
        let server = tokio::spawn(async {
            legation_host::serve(listener, router, None, std::future::pending()).await.unwrap()
        });
        Self { registry, signals, bot, server, _signer: signer, _folder: folder }
    }

    fn source(&self) -> SignalSource {
        SignalSource {
            issuer: self.registry.origin(),
            jwks: format!("{}/.well-known/jwks.json", self.registry.origin()),
            events: SignalSource::EVENTS.map(str::to_owned).to_vec(),
        }
    }

    fn agent(&self) -> Agent {
        let chain = blocking(|| self.registry.chain(Kind::Agent, "bot")).unwrap();
        let chain: Vec<&str> = chain.iter().map(String::as_str).collect();
        self.bot.agent(&chain)
    }

    fn revoke(&self) {
        blocking(|| {
            let (_, link) = self.registry.delegations(Some((Kind::Agent, "bot"))).unwrap().remove(0);
            self.registry.revoke(&link.id, "", now()).unwrap();
        });
    }
}

/// A shop that trusts an organization, and listens to it and to others.
async fn shop(organization: &Organization, sources: Vec<SignalSource>) -> (Shop, Arc<Signals>, Gate) {
    let shop = open_with(organization.registry.did(), false, |mut trust| {
        trust.roots.insert(organization.registry.did().clone(), Authority::everything());
        trust.signals = sources;
        trust
    });
    let shop = shop.await;
    let signals = Arc::new(Signals::new(shop.desk.clone()));
    let gate = Gate::new(shop.desk.clone(), shop.origin.clone()).unwrap();
    (shop, signals, gate)
}

/// What a gate says to a request: `permit` or the code.
async fn asks(gate: &Gate, agent: &Agent, shop: &Shop, now: i64) -> &'static str {
    let mut headers = HeaderMap::new();
    agent.sign("GET", &shop.goods(), &mut headers, b"", Carry::Chain, now).unwrap();
    let incoming = Incoming { method: "GET", path_and_query: "/api/rooms", headers: &headers, body: b"" };
    let map = |message: &legation_http_signature::Message<'_>| {
        let (_, facts) = split_query(message.target_uri)?;
        Request::new(ACTION, "https://goods.example/rooms", facts)
    };
    gate.admit(&incoming, map, now).await.map_or_else(|refused| refused.code(), |_| "permit")
}

async fn soon(gate: &Gate, agent: &Agent, shop: &Shop, wanted: &str) -> Duration {
    let begin = Instant::now();
    while asks(gate, agent, shop, now()).await != wanted {
        assert!(begin.elapsed() < Duration::from_secs(20), "{wanted} never came to be");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    begin.elapsed()
}

/// Where the shop takes what is sent to it.
async fn events(signals: &Arc<Signals>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://localhost:{}/events", listener.local_addr().unwrap().port());
    let router = signals_router(Arc::clone(signals), "/events", Some(AUTHORIZATION));
    tokio::spawn(legation_host::serve(listener, router, None, std::future::pending()));
    url
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_that_is_sent_shows_at_once_and_one_that_is_not_as_late_as_the_trust_allows() {
    let organization = Organization::open("https://goods.example").await;
    let (shop, signals, gate) = shop(&organization, vec![organization.source()]).await;
    let (deaf, _, deaf_gate) = self::shop(&organization, vec![]).await;
    let agent = organization.agent();
    for (gate, shop) in [(&gate, &shop), (&deaf_gate, &deaf)] {
        assert_eq!(asks(gate, &agent, shop, now()).await, "permit");
    }
    let url = events(&signals).await;
    blocking(|| {
        let audience = shop.party.did.as_str();
        let added = organization.registry.add_receiver(("shop", Some(audience)), &[], 600, now()).unwrap();
        let delivery =
            legation_registry::signals::Delivery::Push { url, authorization: Some(AUTHORIZATION.to_owned()) };
        let wanted = Wanted { delivery: Some(delivery), ..Wanted::default() };
        organization.registry.create_stream(&added.receiver, wanted, now()).unwrap();
    });
    let sends = tokio::spawn(Arc::clone(&organization.signals).run(|error| panic!("{error}")));
    organization.revoke();
    soon(&gate, &agent, &shop, "link_revoked").await;
    assert_eq!(asks(&deaf_gate, &agent, &deaf, now()).await, "permit", "its list is fresh enough");
    // Past its bound it denies: what it has is too old, and what it fetches tells.
    sends.abort();
    organization.server.abort();
    assert_eq!(asks(&deaf_gate, &agent, &deaf, now() + 3700).await, "did_unresolved");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_polled_is_heeded_and_acknowledged_and_nothing_is_permitted_by_it() {
    let organization = Organization::open("https://goods.example").await;
    let (shop, signals, gate) = shop(&organization, vec![organization.source()]).await;
    let agent = organization.agent();
    let mut poller = blocking(|| {
        let audience = shop.party.did.as_str();
        let added = organization.registry.add_receiver(("shop", Some(audience)), &[], 600, now()).unwrap();
        let made = organization.registry.create_stream(&added.receiver, Wanted::default(), now()).unwrap();
        let url = made.configuration["delivery"]["endpoint_url"].as_str().unwrap().to_owned();
        Poller::new(&url, &added.secret)
    });
    let follow = || blocking(|| organization.registry.follow_events(now()).unwrap());
    assert_eq!(asks(&gate, &agent, &shop, now()).await, "permit");
    blocking(|| organization.registry.suspend(Kind::Agent, "bot", now())).unwrap();
    follow();
    assert_eq!(poller.turn(&signals, false, now()).await.unwrap(), 2);
    assert_eq!(asks(&gate, &agent, &shop, now()).await, "link_suspended");
    assert_eq!(poller.turn(&signals, false, now()).await.unwrap(), 0, "they were acknowledged");
    blocking(|| organization.registry.resume(Kind::Agent, "bot", now())).unwrap();
    follow();
    poller.turn(&signals, false, now()).await.unwrap();
    assert_eq!(asks(&gate, &agent, &shop, now()).await, "permit", "as the list says");
    organization.revoke();
    follow();
    poller.turn(&signals, false, now()).await.unwrap();
    assert_eq!(asks(&gate, &agent, &shop, now()).await, "link_revoked");
    // The stream is cut: nothing comes of it but that.
    organization.server.abort();
    assert_eq!(poller.turn(&signals, false, now()).await.unwrap_err().code(), "later");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_that_is_known_by_its_digest_is_known_no_longer() {
    let organization = Organization::open("https://goods.example").await;
    let forger = Forger::open(&organization.registry.origin()).await;
    let (shop, signals, gate) = shop(&organization, vec![forger.source()]).await;
    let agent = organization.agent();
    assert_eq!(asks(&gate, &agent, &shop, now()).await, "permit");
    let chain = blocking(|| organization.registry.chain(Kind::Agent, "bot")).unwrap();
    let digest =
        |link: &str| base64url::encode(&<[u8; 32]>::from(<sha2::Sha256 as sha2::Digest>::digest(link)));
    for (what, subject, known) in [
        ("another link", json!({"format": "opaque", "id": digest("x")}), 0),
        (
            "another agent",
            json!({"format": "did", "url": format!("{}:other", organization.registry.did())}),
            0,
        ),
        ("the team's link", json!({"format": "opaque", "id": digest(&chain[0])}), 1),
        (
            "the team",
            json!({"format": "did", "url": format!("{}:teams:sales", organization.registry.did())}),
            1,
        ),
        (
            "the agent",
            json!({"format": "complex", "application": {"format": "did", "url": organization.bot.did.as_str()}}),
            1,
        ),
        (
            "the root",
            json!({"format": "complex", "user": {"format": "did", "url": organization.registry.did().as_str()}}),
            1,
        ),
    ] {
        assert_eq!(asks(&gate, &agent, &shop, now()).await, "permit");
        let received = signals.receive(&forger.set(&shop, &subject, &json!({})), now()).await.unwrap();
        let Received::Heeded(Heeded { chains, .. }) = received else { panic!("{what}: {received:?}") };
        assert_eq!(chains, known, "{what}");
    }
}

/// A transmitter of whatever it likes, with a key of its own.
struct Forger {
    issuer: String,
    jwks: String,
    key: KeyPair,
}

impl Forger {
    async fn open(issuer: &str) -> Self {
        let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
        // `RSAPublicKey` of 2048 bits: the modulus stands at byte 9.
        let n = base64url::encode(&key.public_key().as_ref()[9..265]);
        let set = json!({"keys": [{"kty": "RSA", "kid": "k", "n": n, "e": "AQAB"}]});
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let jwks = format!("http://localhost:{}/jwks", listener.local_addr().unwrap().port());
        let kind = [("content-type", "application/json")];
        let router = Router::new().route("/jwks", get(async move || (kind, set.to_string())));
        tokio::spawn(legation_host::serve(listener, router, None, std::future::pending()));
        Self { issuer: issuer.to_owned(), jwks, key }
    }

    fn source(&self) -> SignalSource {
        let events = SignalSource::EVENTS.map(str::to_owned).to_vec();
        SignalSource { issuer: self.issuer.clone(), jwks: self.jwks.clone(), events }
    }

    fn sign(&self, header: &Value, claims: &str) -> String {
        let part = |text: String| base64url::encode(text.as_bytes());
        let input = format!("{}.{}", part(header.to_string()), part(claims.to_owned()));
        let mut signature = vec![0; 256];
        self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), input.as_bytes(), &mut signature).unwrap();
        format!("{input}.{}", base64url::encode(&signature))
    }

    /// A good token of a subject, with other members where some are given; `null` takes one away.
    fn set(&self, shop: &Shop, subject: &Value, more: &Value) -> String {
        self.sign(
            &json!({"alg": "RS256", "typ": "secevent+jwt", "kid": "k"}),
            &self.claims(shop, subject, more).to_string(),
        )
    }

    fn claims(&self, shop: &Shop, subject: &Value, more: &Value) -> Value {
        static NUMBER: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let mut claims = json!({
            "iss": self.issuer, "aud": shop.party.did.as_str(), "jti": format!("j-{number}"), "iat": now(),
            "sub_id": subject, "events": {REVOKED: {"change_type": "revoke"}}, "unknown": {"a": 1.5},
        });
        for (name, value) in more.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        claims
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_tells_of_what_is_not_its_own_is_not_heeded() {
    let organization = Organization::open("https://goods.example").await;
    let other = Forger::open("https://other.example").await;
    let (shop, signals, gate) = shop(&organization, vec![organization.source(), other.source()]).await;
    let agent = organization.agent();
    assert_eq!(asks(&gate, &agent, &shop, now()).await, "permit");
    organization.revoke();
    let chain = blocking(|| organization.registry.chain(Kind::Team, "sales")).unwrap();
    let link = base64url::encode(&<[u8; 32]>::from(<sha2::Sha256 as sha2::Digest>::digest(&chain[0])));
    for subject in [
        json!({"format": "did", "url": organization.bot.did.as_str()}),
        json!({"format": "did", "url": organization.registry.did().as_str()}),
        json!({"format": "opaque", "id": link}),
        json!({"format": "complex", "application": {"format": "did", "url": organization.bot.did.as_str()}, "session": {"format": "opaque", "id": link}}),
        json!({"format": "email", "email": "a@b.example"}),
        json!({"format": "did", "url": "no did"}),
    ] {
        let received = signals.receive(&other.set(&shop, &subject, &json!({})), now()).await.unwrap();
        let nothing =
            matches!(received, Received::Nothing | Received::Heeded(Heeded { chains: 0, evidence: 0 }));
        assert!(nothing, "{subject}: {received:?}");
        assert_eq!(asks(&gate, &agent, &shop, now()).await, "permit", "{subject}: its list is fresh enough");
    }
    // Nor can it sign for the organization.
    let posing = Forger { issuer: organization.registry.origin(), ..other };
    let subject = json!({"format": "did", "url": organization.bot.did.as_str()});
    let refused = signals.receive(&posing.set(&shop, &subject, &json!({})), now()).await.unwrap_err();
    assert_eq!(refused.code(), "invalid_key");
    assert_eq!(asks(&gate, &agent, &shop, now()).await, "permit");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_token_for_this_service_now_is_refused_by_its_rule() {
    let forger = Forger::open("https://acme.example").await;
    let acme = "did:web:acme.example".parse().unwrap();
    let shop_of = open_with(&acme, false, |mut trust| {
        trust.signals = vec![forger.source()];
        trust
    });
    let shop = shop_of.await;
    let signals = Signals::new(shop.desk.clone());
    let subject = json!({"format": "did", "url": "did:web:acme.example:bot"});
    let good = forger.set(&shop, &subject, &json!({}));
    assert!(matches!(signals.receive(&good, now()).await, Ok(Received::Heeded(_))));
    assert_eq!(signals.receive(&good, now()).await, Ok(Received::Again), "a replay does nothing");
    let verification =
        json!({"events": {"https://schemas.openid.net/secevent/ssf/event-type/verification": {}}});
    assert_eq!(
        signals.receive(&forger.set(&shop, &subject, &verification), now()).await,
        Ok(Received::Verified)
    );
    let other =
        json!({"events": {"https://schemas.openid.net/secevent/caep/event-type/session-established": {}}});
    assert_eq!(signals.receive(&forger.set(&shop, &subject, &other), now()).await, Ok(Received::Nothing));
    let several = json!({"aud": ["https://x.example", shop.party.did.as_str()]});
    assert!(signals.receive(&forger.set(&shop, &subject, &several), now()).await.is_ok());
    for (more, code) in [
        (json!({"aud": "https://x.example"}), "invalid_audience"),
        (json!({"aud": []}), "invalid_audience"),
        (json!({"aud": null}), "invalid_audience"),
        (json!({"iss": "https://x.example"}), "invalid_issuer"),
        (json!({"iss": "https://acme.example/"}), "invalid_issuer"),
        (json!({"iss": null}), "invalid_issuer"),
        (json!({"exp": now() + 60}), "invalid_request"),
        (json!({"sub": "did:web:acme.example:bot"}), "invalid_request"),
        (json!({"iat": now() - 3700}), "invalid_request"),
        (json!({"iat": now() + 120}), "invalid_request"),
        (json!({"iat": "now"}), "invalid_request"),
        (json!({"iat": null}), "invalid_request"),
        (json!({"jti": null}), "invalid_request"),
        (json!({"jti": ""}), "invalid_request"),
        (json!({"jti": "x".repeat(600)}), "invalid_request"),
        (json!({"events": []}), "invalid_request"),
        (json!({"events": null}), "invalid_request"),
    ] {
        let refused = signals.receive(&forger.set(&shop, &subject, &more), now()).await.unwrap_err();
        assert_eq!(refused.code(), code, "{more}: {refused}");
    }
    let claims = forger.claims(&shop, &subject, &json!({})).to_string();
    for (header, code) in [
        (json!({"alg": "none", "typ": "secevent+jwt", "kid": "k"}), "invalid_request"),
        (json!({"alg": "HS256", "typ": "secevent+jwt", "kid": "k"}), "invalid_request"),
        (json!({"alg": "PS256", "typ": "secevent+jwt", "kid": "k"}), "invalid_request"),
        (json!({"alg": "EdDSA", "typ": "secevent+jwt", "kid": "k"}), "invalid_request"),
        (json!({"alg": "RS256", "typ": "JWT", "kid": "k"}), "invalid_request"),
        (json!({"alg": "RS256", "kid": "k"}), "invalid_request"),
        (json!({"alg": "RS256", "typ": "secevent+jwt"}), "invalid_request"),
        (json!({"alg": "RS256", "typ": "secevent+jwt", "kid": "k", "jwk": {}}), "invalid_request"),
        (json!({"alg": "RS256", "typ": "secevent+jwt", "kid": "other"}), "invalid_key"),
    ] {
        let refused = signals.receive(&forger.sign(&header, &claims), now()).await.unwrap_err();
        assert_eq!(refused.code(), code, "{header}: {refused}");
    }
    let mut changed: Vec<&str> = good.split('.').collect();
    let body = base64url::encode(claims.as_bytes());
    changed[1] = &body;
    assert_eq!(signals.receive(&changed.join("."), now()).await.unwrap_err().code(), "invalid_key");
    let twice = claims.replacen('{', r#"{"aud":"https://x.example","#, 1);
    let header = json!({"alg": "RS256", "typ": "secevent+jwt", "kid": "k"});
    for text in ["", "a", "a.b.c", "..", &forger.sign(&header, &twice), &"x".repeat(70_000)] {
        assert_eq!(signals.receive(text, now()).await.unwrap_err().code(), "invalid_request", "{text:.40}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http_a_token_is_answered_as_senders_expect_it() {
    let forger = Forger::open("https://acme.example").await;
    let acme = "did:web:acme.example".parse().unwrap();
    let shop = open_with(&acme, false, |mut trust| {
        trust.signals = vec![forger.source()];
        trust
    });
    let shop = shop.await;
    let url = events(&Arc::new(Signals::new(shop.desk.clone()))).await;
    let subject = json!({"format": "did", "url": "did:web:acme.example:bot"});
    let sends = async |authorization: &str, kind: &str, body: String| {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", kind.parse().unwrap());
        if !authorization.is_empty() {
            headers.insert("authorization", authorization.parse().unwrap());
        }
        let call = Call { method: Method::POST, url: &url, headers, body: body.into_bytes() };
        let reply = world::fetcher().call(call).await.unwrap();
        let json: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        (reply.status, json["err"].as_str().unwrap_or_default().to_owned())
    };
    let good = || forger.set(&shop, &subject, &json!({}));
    let kind = "application/secevent+jwt";
    let told = |status: u16, err: &str| (status, err.to_owned());
    let one = good();
    assert_eq!(sends(AUTHORIZATION, kind, one.clone()).await, told(202, ""));
    assert_eq!(sends(AUTHORIZATION, kind, one).await, told(202, ""), "it has come before");
    assert_eq!(sends("", kind, good()).await, told(400, "authentication_failed"));
    assert_eq!(sends("Bearer of another", kind, good()).await, told(400, "authentication_failed"));
    assert_eq!(sends(AUTHORIZATION, "application/json", good()).await, told(400, "invalid_request"));
    assert_eq!(sends(AUTHORIZATION, kind, "{}".to_owned()).await, told(400, "invalid_request"));
    let elsewhere = forger.set(&shop, &subject, &json!({"aud": "https://x.example"}));
    assert_eq!(sends(AUTHORIZATION, kind, elsewhere).await, told(400, "invalid_audience"));
    assert_eq!(sends(AUTHORIZATION, kind, "x".repeat(70_000)).await.0, 413);
}
