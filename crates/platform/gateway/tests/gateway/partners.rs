//! Agents of another organization: let in where the organization says so, under its ceiling, and as long as theirs stands by them.

use crate::world::{World, blocking, both, now};
use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderMap, Request, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use legation_http_signature::{AgentDelegation, Message, Signing, join, sign};
use legation_keys::{Algorithm, SecretKey};
use legation_policy::Target;
use legation_registry::{FIRST_TEAM, Profile, Registry, init, partner::Partner, proof::prove};
use legation_signer::Door;
use legation_store::{Location, Store, holder::Kind};
use legation_tests::{
    signer::Signer,
    upstream::{Plan, Upstream},
};
use serde_json::{Value, json};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Another organization, which publishes what verifiers need.
struct Shop {
    registry: Arc<Registry>,
    key: SecretKey,
    asked: Arc<AtomicUsize>,
    _signer: Signer,
    _folder: tempfile::TempDir,
}

/// Documents and status lists as a host publishes them.
async fn publish(State((registry, asked)): State<(Arc<Registry>, Arc<AtomicUsize>)>, uri: Uri) -> Response {
    asked.fetch_add(1, Ordering::SeqCst);
    let path = uri.path().trim_matches('/').to_owned();
    let found = tokio::task::spawn_blocking(move || {
        if let Some(number) = path.strip_prefix("status/") {
            return registry
                .status_list(number.parse().unwrap())
                .ok()
                .map(|list| ("application/vc+jwt", list));
        }
        let holder = path.strip_suffix("did.json").unwrap().trim_end_matches('/').replace('/', ":");
        let did = match holder.as_str() {
            ".well-known" => registry.did().to_string(),
            holder => format!("{}:{holder}", registry.did()),
        };
        registry.document(&did).ok().map(|document| ("application/did+json", document.to_json().to_string()))
    });
    match found.await.unwrap() {
        Some((kind, text)) => ([("content-type", kind)], text).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

impl Shop {
    async fn open() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let domain = format!("localhost:{}", listener.local_addr().unwrap().port());
        let (folder, asked) = (tempfile::tempdir().unwrap(), Arc::new(AtomicUsize::new(0)));
        let signer = Signer::start(folder.path()).unwrap();
        let key = SecretKey::generate(Algorithm::EdDsa).unwrap();
        let registry = blocking(|| {
            let store = Store::open(Location::Sqlite(folder.path().join("store.sqlite"))).unwrap();
            let registry = init(store, signer.client(Door::Registry).unwrap(), &domain, now()).unwrap();
            let may = |actions: &[&str], resource: &str| Profile {
                actions: actions.iter().map(|action| (*action).to_owned()).collect(),
                resources: vec![resource.to_owned()],
                ..Profile::default()
            };
            let all = may(&["model:*", "http:*"], "https://acme.example/*");
            registry.set_profile((Kind::Team, FIRST_TEAM), &all, now()).unwrap();
            let own = may(&["model:chat"], "https://acme.example/models/standard/*");
            // Each link has to be within the ceiling there: whoever works for a partner is in a team of its own.
            registry.add_team("for-acme", &own, now()).unwrap();
            for (name, team, profile) in [("buyer", "for-acme", own), ("greedy", FIRST_TEAM, all)] {
                let proof = prove(&key, registry.did(), name, now()).unwrap();
                registry.add_agent_with_key(name, team, &profile, &proof, now()).unwrap();
            }
            Arc::new(registry)
        });
        let router = Router::new().fallback(publish).with_state((Arc::clone(&registry), Arc::clone(&asked)));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { registry, key, asked, _signer: signer, _folder: folder }
    }

    fn partner(&self) -> Partner {
        serde_json::from_value(json!({
            "name": "shop", "did": self.registry.did().as_str(), "models": ["standard"], "maxStatusAge": 0,
        }))
        .unwrap()
    }

    /// A call of its agent, signed.
    fn chat(&self, model: &str) -> Request<Body> {
        self.signed_by("buyer", &self.key, model)
    }

    fn signed_by(&self, agent: &str, key: &SecretKey, model: &str) -> Request<Body> {
        static NONCE: AtomicUsize = AtomicUsize::new(0);
        let nonce = format!("shop-{}", NONCE.fetch_add(1, Ordering::SeqCst));
        let links = blocking(|| self.registry.chain(Kind::Agent, agent)).unwrap();
        let links: Vec<&str> = links.iter().map(String::as_str).collect();
        let body =
            json!({"model": model, "max_tokens": 1, "messages": [{"role": "user", "content": "hello"}]})
                .to_string();
        let (path, mut headers) = ("/v1/chat/completions", HeaderMap::new());
        headers.insert("agent-delegation", AgentDelegation::Chain(join(&links).unwrap()).to_header());
        headers.insert("content-type", "application/json".parse().unwrap());
        let occasion = Signing { created: now(), expires: now() + 60, nonce: &nonce, agent: None };
        let target_uri = format!("https://acme.example{path}");
        let message =
            Message { method: "POST", target_uri: &target_uri, headers: &headers, body: body.as_bytes() };
        sign(&message, occasion, key).unwrap().apply(&mut headers);
        let mut request = Request::post(path).body(Body::from(body)).unwrap();
        *request.headers_mut() = headers;
        request
    }
}

/// Lets a partner in. That takes a second at most to be known where only strangers ask, and ending it none.
async fn set(world: &World, partner: &Partner) {
    blocking(|| world.registry.put_partner(partner, now())).unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_of_a_partner_calls_under_the_ceiling_and_nobody_elses_does() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    for world in both() {
        let shop = Shop::open().await;
        world.model("small", &upstream, 1);
        let mut board = world.model("secret", &upstream, 1);
        board.group = "board".to_owned();
        blocking(|| world.registry.put_model(&board, now())).unwrap();
        // By default nobody, and nobody is fetched for.
        let told = world.send(0, shop.chat("small")).await.told();
        assert_eq!(told, (401, "root_untrusted".to_owned()), "{}", world.engine);
        assert_eq!(shop.asked.load(Ordering::SeqCst), 0);
        set(&world, &shop.partner()).await;
        let passed = world.send(0, shop.chat("small")).await;
        assert_eq!(passed.status, 200, "{}: {}", world.engine, passed.text());
        assert_eq!(world.send(0, shop.chat("secret")).await.told(), (403, "not_granted".to_owned()));
        // What its own organization gives beyond the ceiling is of no use here.
        for model in ["small", "secret"] {
            let told = world.send(0, shop.signed_by("greedy", &shop.key, model)).await.told();
            assert!(["action_widened", "resource_widened"].contains(&told.1.as_str()), "{told:?}");
        }
        // Who signs by another key is not it.
        let mallory = SecretKey::generate(Algorithm::EdDsa).unwrap();
        assert_eq!(world.send(0, shop.signed_by("buyer", &mallory, "small")).await.told().0, 401);
        // A ceiling of a partner's counts all that its agents take.
        let two = Partner {
            constraints: vec![json!({"type": "rate", "seconds": 3600, "max": 2})],
            ..shop.partner()
        };
        set(&world, &two).await;
        assert_eq!(world.send(0, shop.chat("small")).await.status, 200);
        assert_eq!(world.send(0, shop.chat("small")).await.status, 200);
        assert_eq!(world.send(0, shop.chat("small")).await.told().1, "rate_exceeded");
        set(&world, &shop.partner()).await;
        // What its own organization has revoked passes no more, at once where that is asked for each time.
        let (_, link) =
            blocking(|| shop.registry.delegations(Some((Kind::Agent, "buyer")))).unwrap().remove(0);
        let call = shop.chat("small");
        blocking(|| shop.registry.revoke(&link.id, "test", now())).unwrap();
        assert_eq!(world.send(0, call).await.told().1, "link_revoked");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_no_partner_any_more_is_denied_on_the_next_call_by_every_gateway() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    for mut world in both() {
        let shop = Shop::open().await;
        blocking(|| world.add_gateway());
        world.model("small", &upstream, 1);
        set(&world, &Partner { max_status_age: 60, ..shop.partner() }).await;
        for gateway in [0, 1] {
            assert_eq!(world.send(gateway, shop.chat("small")).await.status, 200);
        }
        let fetched = shop.asked.load(Ordering::SeqCst);
        assert_eq!(world.send(0, shop.chat("small")).await.status, 200);
        assert_eq!(shop.asked.load(Ordering::SeqCst), fetched, "what was fetched serves for a minute");
        blocking(|| world.registry.remove_partner("shop", now())).unwrap();
        for gateway in [0, 1] {
            assert_eq!(
                world.send(gateway, shop.chat("small")).await.told(),
                (401, "root_untrusted".to_owned())
            );
        }
        set(&world, &shop.partner()).await;
        assert_eq!(world.send(1, shop.chat("small")).await.status, 200);
        // One delegation of theirs can be blocked here.
        let (_, link) =
            blocking(|| shop.registry.delegations(Some((Kind::Agent, "buyer")))).unwrap().remove(0);
        let digest =
            legation_keys::base64url::encode(&legation_credential::delegation::link_digest(&link.secured));
        blocking(|| world.registry.block_link(&digest, "test", now())).unwrap();
        assert_eq!(world.send(0, shop.chat("small")).await.told().1, "link_revoked");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn policies_tell_a_foreign_agent_apart() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    for world in both() {
        let shop = Shop::open().await;
        world.model("small", &upstream, 1);
        set(&world, &shop.partner()).await;
        let own = world.agent("mail", "1USD/day");
        let text = format!(
            "forbid (principal is Foreign in Organization::\"{}\", action, resource);",
            shop.registry.did()
        );
        blocking(|| {
            world.registry.put_policy("no-shop", &text, now()).unwrap();
            world.registry.bind_policy("no-shop", None, &Target::Organization, now()).unwrap();
        });
        assert_eq!(world.send(0, shop.chat("small")).await.told(), (403, "policy_denied".to_owned()));
        assert_eq!(world.chat(0, &own, json!({"max_tokens": 1})).await.status, 200);
        let receipts = blocking(|| world.registry.receipts(None, 100)).unwrap();
        let denied = receipts.iter().find(|one| one.code == "policy_denied").unwrap();
        let body: Value = serde_json::from_slice(&denied.body).unwrap();
        assert_eq!(body["policy"]["of"][0]["kind"], "Foreign");
        assert_eq!(body["principal"], shop.registry.did().as_str());
        // Whoever is forbidden it can't have it done by somebody below.
        blocking(|| world.registry.unbind_policy("no-shop", None, now())).unwrap();
        assert_eq!(world.send(0, shop.chat("small")).await.status, 200);
        let team = blocking(|| shop.registry.show(Kind::Team, "for-acme")).unwrap().holder.did;
        let text = format!("forbid (principal == Foreign::\"{team}\", action, resource);");
        blocking(|| {
            world.registry.put_policy("no-team", &text, now()).unwrap();
            world.registry.bind_policy("no-team", None, &Target::Organization, now()).unwrap();
        });
        assert_eq!(world.send(0, shop.chat("small")).await.told(), (403, "policy_denied".to_owned()));
    }
}

#[test]
fn what_can_be_no_partner_is_refused() {
    let own = "did:web:acme.example".parse().unwrap();
    let partner = |json: Value| {
        serde_json::from_value::<Partner>(json).map(|one| one.validate(&own).is_ok()).unwrap_or(false)
    };
    let good = json!({"name": "shop", "did": "did:web:shop.example", "routes": ["crm"]});
    assert!(partner(good.clone()));
    // Its name begins as the organization's does, and is another one.
    let mut alike = good.clone();
    alike["did"] = json!("did:web:acme.example.net");
    assert!(partner(alike));
    for (member, value) in [
        ("did", json!("did:web:acme.example")),
        ("did", json!("did:web:acme.example:agents:bot")),
        ("did", json!("shop.example")),
        ("constraints", json!("none")),
        ("name", json!("Shop")),
        ("name", json!("")),
        ("routes", json!([])),
        ("models", json!(["A"])),
        ("maxStatusAge", json!(-1)),
        ("maxStatusAge", json!(3601)),
        ("constraints", json!([{"type": "mood"}])),
        ("ceiling", json!({})),
    ] {
        let mut bad = good.clone();
        bad[member] = value;
        assert!(!partner(bad.clone()), "{bad}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restore_no_partner_is_let_in_until_somebody_confirms_the_organization() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    for world in both() {
        let shop = Shop::open().await;
        world.model("small", &upstream, 1);
        set(&world, &shop.partner()).await;
        assert_eq!(world.send(0, shop.chat("small")).await.status, 200);
        blocking(|| {
            let (store, id) = (world.registry.store(), world.registry.id());
            store.write(|tx| legation_store::restored::close(tx, id, "a backup", now())).unwrap();
            world.registry.reopen(&[], now()).unwrap();
        });
        tokio::time::sleep(std::time::Duration::from_millis(2100)).await;
        // Whom a rule had shut out since the backup nobody knows.
        let told = world.send(0, shop.chat("small")).await.told();
        assert_eq!(told, (401, "root_untrusted".to_owned()), "{}", world.engine);
        blocking(|| world.registry.confirm(legation_registry::restored::Confirm::All, now())).unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
        assert_eq!(world.send(0, shop.chat("small")).await.status, 200, "{}", world.engine);
    }
}
