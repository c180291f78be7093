//! Services that are no models, and callers that sign.

use crate::world::{World, blocking, get, local, now, sqlite};
use axum::{
    body::Body,
    http::{HeaderMap, Request},
};
use legation_credential::{Terms, issue, pass_on};
use legation_http_signature::{AgentDelegation, Message, Signing, join, sign};
use legation_keys::{Algorithm, SecretKey, Signer};
use legation_registry::{Profile, proof::prove, route::Route};
use legation_store::holder::Kind;
use legation_tests::upstream::{Plan, Upstream};

/// A request that whoever has a chain and the key of its last subject signs.
fn signed(chain: &[String], key: &SecretKey, nonce: &str) -> Request<Body> {
    let mut headers = HeaderMap::new();
    let links: Vec<&str> = chain.iter().map(String::as_str).collect();
    headers.insert("agent-delegation", AgentDelegation::Chain(join(&links).unwrap()).to_header());
    let occasion = Signing { created: now(), expires: now() + 60, nonce, agent: None };
    let target_uri = "https://acme.example/crm/models";
    let message = Message { method: "GET", target_uri, headers: &headers, body: b"" };
    sign(&message, occasion, key).unwrap().apply(&mut headers);
    let mut request = Request::get("/crm/models").body(Body::empty()).unwrap();
    *request.headers_mut() = headers;
    request
}

fn routed(upstream: &Upstream, secret: Option<&str>) -> World {
    let world = sqlite();
    let route = Route {
        name: "crm".to_owned(),
        path: "/crm/".to_owned(),
        upstream: format!("{}/v1/", local(&upstream.origin())),
        secret: secret.map(str::to_owned),
        ..Route::default()
    };
    blocking(|| world.registry.put_route(&route, now())).unwrap();
    world
}

fn profile(upstream: &Upstream) -> Profile {
    let resource = format!("{}/v1/*", local(&upstream.origin()));
    Profile { actions: vec!["http:GET".to_owned()], resources: vec![resource], ..Profile::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_passes_what_is_granted_with_its_own_key_and_nothing_of_the_callers() {
    let upstream = Upstream::always(Plan::body(200, "text/plain", "from the service")).unwrap();
    let world = routed(&upstream, Some("crm"));
    blocking(|| world.registry.set_secret("crm", &local(&upstream.origin()), "crm-secret", now())).unwrap();
    let mut team = profile(&upstream);
    team.actions = vec!["http:*".to_owned()];
    blocking(|| world.registry.add_team("crm", &team, now())).unwrap();
    let key = blocking(|| {
        world.registry.add_agent("mail", "crm", &profile(&upstream), now()).unwrap();
        world.registry.create_key("mail", "test", None, now()).unwrap().secret.to_string()
    });
    let mut request = get(&key, "/crm/models?page=2");
    for (name, value) in [("cookie", "a=b"), ("x-forwarded-user", "root"), ("legation-identity", "forged")] {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let answer = world.send(0, request).await;
    assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, "from the service"));
    let seen = &upstream.requests()[0];
    assert_eq!(seen.path, "/v1/models?page=2");
    assert_eq!(seen.header("authorization"), Some("Bearer crm-secret"));
    for name in ["cookie", "x-forwarded-user", "legation-identity"] {
        assert_eq!(seen.header(name), None, "{name}");
    }
    // The address of a route is one with and without its last `/`; another one that begins so is not.
    let answer = world.send(0, get(&key, "/crm")).await;
    assert_eq!(
        answer.told(),
        (403, "not_granted".to_owned()),
        "what is below it is granted, and not that itself"
    );
    for path in ["/crm/../admin", "/crm/a/../../b", "/crm/%2e%2e/b", "/other/x", "/crmx", "/cr"] {
        let answer = world.send(0, get(&key, path)).await;
        assert!(answer.status.is_client_error(), "{path} {}", answer.text());
    }
    let post = Request::post("/crm/models").header("authorization", format!("Bearer {key}"));
    let answer = world.send(0, post.body(Body::from("{}")).unwrap()).await;
    assert_eq!(answer.told(), (403, "not_granted".to_owned()));
    assert_eq!(upstream.count(), 1);
}

/// An agent that brought its key, and a child that it made itself, offline.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_keeps_its_own_key_calls_by_signing_once_and_so_does_a_child_that_it_made() {
    let upstream = Upstream::always(Plan::body(200, "text/plain", "from the service")).unwrap();
    let world = routed(&upstream, None);
    let key = || SecretKey::generate(Algorithm::EdDsa).unwrap();
    let (own, child, other) = (key(), key(), key());
    let mut may = profile(&upstream);
    may.max_depth = 1;
    let did = blocking(|| {
        world.registry.add_team("outside", &may, now()).unwrap();
        let proof = prove(&own, world.registry.did(), "mail", now()).unwrap();
        world.registry.add_agent_with_key("mail", "outside", &may, &proof, now()).unwrap().did
    });
    let chain = blocking(|| world.registry.chain(Kind::Agent, "mail")).unwrap();
    let answer = world.send(0, signed(&chain, &own, "n-1")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(world.send(0, signed(&chain, &own, "n-1")).await.told(), (401, "nonce_replayed".to_owned()));
    assert_eq!(world.send(0, signed(&chain, &own, "n-2")).await.status, 200);
    assert_eq!(world.send(0, signed(&chain, &other, "n-3")).await.status, 401, "another key");
    let issuer = did.parse().unwrap();
    let terms = |hours: i64| Terms {
        id: None,
        subject: legation_did::key::did(child.public_key()),
        valid_from: now() - 10,
        valid_until: now() + hours * 3600,
        max_depth: 0,
        account: None,
        authority: profile(&upstream).authority("acme.example").unwrap(),
        status: vec![],
    };
    let parents: Vec<&str> = chain.iter().map(String::as_str).collect();
    let made = |hours: i64| {
        let link = pass_on(&parents, terms(hours), &legation_did::method_id(&issuer, own.public_key()), &own)
            .unwrap();
        [chain.clone(), vec![link]].concat()
    };
    assert_eq!(world.send(0, signed(&made(1), &child, "n-4")).await.status, 200);
    let long = world.send(0, signed(&made(24), &child, "n-5")).await;
    assert_eq!(long.told().0, 401, "one that nobody could stop for a day: {}", long.text());
    blocking(|| world.registry.suspend(Kind::Agent, "mail", now())).unwrap();
    for (chain, key) in [(&chain, &own), (&made(1), &child)] {
        assert_eq!(world.send(0, signed(chain, key, "n-6")).await.told(), (401, "link_suspended".to_owned()));
    }
    assert_eq!(upstream.count(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_of_somebody_else_learns_nothing_and_leaves_no_receipt() {
    let upstream = Upstream::always(Plan::body(200, "text/plain", "from the service")).unwrap();
    let world = routed(&upstream, None);
    let key = SecretKey::generate(Algorithm::EdDsa).unwrap();
    let did = legation_did::key::did(key.public_key());
    let terms = Terms {
        id: None,
        subject: did.clone(),
        valid_from: now() - 10,
        valid_until: now() + 3600,
        max_depth: 0,
        account: None,
        authority: profile(&upstream).authority("acme.example").unwrap(),
        status: vec![],
    };
    let link = issue(terms, &did, &legation_did::key::method_id(&did), &key).unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("agent-delegation", AgentDelegation::Chain(join(&[&link]).unwrap()).to_header());
    let occasion = Signing { created: now(), expires: now() + 60, nonce: "n", agent: None };
    let target_uri = "https://acme.example/crm/models";
    let message = Message { method: "GET", target_uri, headers: &headers, body: b"" };
    sign(&message, occasion, &key).unwrap().apply(&mut headers);
    let mut request = Request::get("/crm/models").body(Body::empty()).unwrap();
    *request.headers_mut() = headers;
    let answer = world.send(0, request).await;
    assert!(answer.status.is_client_error());
    assert!(!answer.text().contains("acme.example"), "{}", answer.text());
    assert_eq!(world.receipts(), []);
    assert_eq!(upstream.count(), 0);
}

/// Keys are replaced above an agent that signs and one with an API key: nobody notices, unless others may have the key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_replaced_is_noticed_by_nobody_and_what_a_stolen_one_signed_holds_no_more() {
    let upstream = Upstream::always(Plan::body(200, "text/plain", "from the service")).unwrap();
    let world = routed(&upstream, None);
    let own = SecretKey::generate(Algorithm::EdDsa).unwrap();
    let may = profile(&upstream);
    blocking(|| {
        world.registry.add_team("outside", &may, now()).unwrap();
        let proof = prove(&own, world.registry.did(), "mail", now()).unwrap();
        world.registry.add_agent_with_key("mail", "outside", &may, &proof, now()).unwrap();
        world.registry.add_agent("bot", "outside", &may, now()).unwrap();
    });
    let key = blocking(|| world.registry.create_key("bot", "test", None, now())).unwrap().secret.to_string();
    let chain = || blocking(|| world.registry.chain(Kind::Agent, "mail")).unwrap();
    let keys_of = |did: &str| {
        let document = blocking(|| world.registry.document(did)).unwrap();
        document.usable(legation_did::Purpose::AssertionMethod, now()).count()
    };
    let rotate = |kind: Kind, name: &str, compromised: bool| {
        blocking(|| world.registry.rotate((kind, name), compromised, now())).unwrap()
    };
    let first = chain();
    let (team, top) = ("did:web:acme.example:teams:outside", "did:web:acme.example");
    assert_eq!(world.send(0, signed(&first, &own, "n-1")).await.status, 200);
    let until = rotate(Kind::Team, "outside", false).until.unwrap();
    rotate(Kind::Organization, "acme.example", false);
    rotate(Kind::Agent, "bot", false);
    assert_eq!((keys_of(team), keys_of(top)), (2, 2));
    assert_eq!(chain(), first, "nothing is issued anew");
    assert_eq!(world.send(0, signed(&first, &own, "n-2")).await.status, 200);
    assert_eq!(world.send(0, get(&key, "/crm/models")).await.status, 200);
    // A new delegation is by the new key, beside which the old ones hold.
    let (_, link) = blocking(|| world.registry.delegations(Some((Kind::Agent, "bot")))).unwrap().remove(0);
    assert!(blocking(|| world.registry.renew(&link.id, now())).unwrap());
    assert_eq!(world.send(0, get(&key, "/crm/models")).await.status, 200);
    // It is published until what it signed has ended.
    assert_eq!(
        blocking(|| world.registry.end_keys(until - 1)).unwrap(),
        1,
        "that of the agent, who signed nothing"
    );
    assert_eq!(keys_of(team), 2);
    assert!(blocking(|| world.registry.end_keys(until)).unwrap() >= 1);
    assert_eq!(keys_of(team), 1);

    // Others may have the team's key: what it signed is denied, and those who should go on do.
    let before = chain();
    rotate(Kind::Team, "outside", true);
    assert_eq!(keys_of(team), 1);
    let denied = world.send(0, signed(&before, &own, "n-3")).await.told();
    assert_eq!(denied.0, 401, "{denied:?}");
    assert_eq!(world.send(0, signed(&chain(), &own, "n-4")).await.status, 200, "with what it fetches anew");
    assert_eq!(world.send(0, get(&key, "/crm/models")).await.status, 200);
    // And the organization's own.
    let before = chain();
    rotate(Kind::Organization, "acme.example", true);
    assert_eq!(world.send(0, signed(&before, &own, "n-5")).await.told().0, 401);
    assert_eq!(world.send(0, signed(&chain(), &own, "n-6")).await.status, 200);
    assert_eq!(world.send(0, get(&key, "/crm/models")).await.status, 200);
    // What was signed before is still known as such.
    blocking(|| world.registry.sign_receipts(1000, now())).unwrap();
    assert!(blocking(|| world.registry.signed_receipt(1)).unwrap().is_some());
    rotate(Kind::Organization, "acme.example", true);
    assert!(blocking(|| world.registry.signed_receipt(1)).unwrap().is_some());
    let kept = blocking(|| world.registry.rotate((Kind::Agent, "mail"), false, now())).unwrap_err();
    assert!(kept.code() == "wrong_state" && kept.to_string().contains("its own key"), "{kept}");
}

/// What a service answers for long ends with its caller, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_of_a_service_that_goes_on_ends_when_its_caller_is_stopped() {
    use http_body_util::BodyExt;
    let words = "word ".repeat(600);
    let slow = Plan::says(&words).every(std::time::Duration::from_millis(100));
    let upstream = Upstream::always(slow).unwrap();
    let world = sqlite();
    let route = Route {
        name: "chat".to_owned(),
        path: "/chat/".to_owned(),
        upstream: format!("{}/v1/", local(&upstream.origin())),
        secret: None,
        ..Route::default()
    };
    let resource = format!("{}/v1/*", local(&upstream.origin()));
    let may =
        Profile { actions: vec!["http:POST".to_owned()], resources: vec![resource], ..Profile::default() };
    let key = blocking(|| {
        world.registry.put_route(&route, now()).unwrap();
        world.registry.add_team("chat", &may, now()).unwrap();
        world.registry.add_agent("mail", "chat", &may, now()).unwrap();
        world.registry.create_key("mail", "test", None, now()).unwrap().secret.to_string()
    });
    let asked = r#"{"model":"m","messages":[],"stream":true}"#;
    let request = Request::post("/chat/chat/completions").header("authorization", format!("Bearer {key}"));
    let mut body = world.begin(0, request.body(Body::from(asked)).unwrap()).await.into_body();
    assert!(body.frame().await.unwrap().is_ok());
    blocking(|| world.registry.suspend(Kind::Agent, "mail", now())).unwrap();
    let begin = std::time::Instant::now();
    assert!(body.collect().await.is_err(), "it breaks off");
    assert!(begin.elapsed() < std::time::Duration::from_secs(1), "{:?}", begin.elapsed());
}

/// An approval is of a request with its body: one whose body is not known yet can't be approved.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_need_an_approval_does_not_pass_with_a_body_that_nobody_has_seen() {
    let upstream = Upstream::always(Plan::body(200, "text/plain", "from the service")).unwrap();
    let world = routed(&upstream, None);
    let boss = legation_did::key::did(SecretKey::generate(Algorithm::EdDsa).unwrap().public_key());
    let approval = serde_json::json!({"type": "approval", "above": 0, "currency": "USD", "approver": boss.as_str(), "actions": ["http:POST"]});
    let mut team = profile(&upstream);
    team.actions = vec!["http:*".to_owned()];
    let may = Profile { constraints: vec![approval], ..team.clone() };
    let keys = blocking(|| {
        world.registry.add_team("crm", &team, now()).unwrap();
        let key = |name: &str, may: &Profile| {
            world.registry.add_agent(name, "crm", may, now()).unwrap();
            world.registry.create_key(name, "test", None, now()).unwrap().secret.to_string()
        };
        [key("mail", &may), key("bot", &team)]
    });
    let post = |key: &str, body: Body| {
        let request = Request::post("/crm/pay").header("authorization", format!("Bearer {key}"));
        request.body(body).unwrap()
    };
    let flowing = || Body::from_stream(futures::stream::iter([Ok::<_, std::io::Error>("pay all")]));
    let [mail, bot] = keys;
    // What has no amount can be approved by nobody.
    assert_eq!(world.send(0, post(&mail, Body::from("pay"))).await.status, 403);
    let answer = world.send(0, post(&mail, flowing())).await;
    assert_eq!(answer.told(), (413, "input_too_large".to_owned()), "{}", answer.text());
    assert_eq!(upstream.count(), 0);
    assert_eq!(world.send(0, post(&bot, flowing())).await.status, 200, "who needs none streams");
    assert_eq!(upstream.requests()[0].body, b"pay all");
}

/// What one agent hands on to another is not widened by the other's being watched: nobody watches the first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_in_shadow_has_of_what_another_one_handed_it_no_more_than_that() {
    let upstream = Upstream::always(Plan::body(200, "text/plain", "from the service")).unwrap();
    let world = routed(&upstream, None);
    let (mail, eve) =
        (SecretKey::generate(Algorithm::EdDsa).unwrap(), SecretKey::generate(Algorithm::EdDsa).unwrap());
    let may = Profile { max_depth: 1, ..profile(&upstream) };
    let few = vec![format!("{}/v1/other", local(&upstream.origin()))];
    let few = Profile { resources: few, ..profile(&upstream) };
    let (issuer, subject) = blocking(|| {
        world.registry.add_team("outside", &may, now()).unwrap();
        let add = |name: &str, key: &SecretKey, profile: &Profile| {
            let proof = prove(key, world.registry.did(), name, now()).unwrap();
            world.registry.add_agent_with_key(name, "outside", profile, &proof, now()).unwrap().did
        };
        let dids = (add("mail", &mail, &may), add("eve", &eve, &few));
        world.registry.shadow("eve", now() + 600, now()).unwrap();
        dids
    });
    let of = |name: &str| blocking(|| world.registry.chain(Kind::Agent, name)).unwrap();
    assert_eq!(world.send(0, signed(&of("eve"), &eve, "e-1")).await.status, 200, "what its team has");
    let terms = Terms {
        id: None,
        subject: subject.parse().unwrap(),
        valid_from: now() - 10,
        valid_until: now() + 3600,
        max_depth: 0,
        account: None,
        authority: few.authority("acme.example").unwrap(),
        status: vec![],
    };
    let handed = of("mail");
    let parents: Vec<&str> = handed.iter().map(String::as_str).collect();
    let key_id = legation_did::method_id(&issuer.parse().unwrap(), mail.public_key());
    let link = pass_on(&parents, terms, &key_id, &mail).unwrap();
    let told = world.send(0, signed(&[handed.clone(), vec![link]].concat(), &eve, "e-2")).await.told();
    assert_eq!(told, (403, "not_granted".to_owned()));
    assert_eq!(upstream.count(), 1);
}
