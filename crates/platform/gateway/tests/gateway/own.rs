//! What an agent asks about itself, and when a window frees what it was denied.

use crate::world::{CENT, World, blocking, get, now, sqlite};
use axum::{
    body::Body,
    http::{HeaderMap, Request},
};
use legation_http_signature::{AgentDelegation, Message, Signing, join, sign};
use legation_keys::{Algorithm, SecretKey};
use legation_registry::{Budget, FIRST_TEAM, Profile, proof::prove};
use legation_store::holder::Kind;
use legation_tests::upstream::{Plan, Upstream};
use serde_json::json;

fn signed(path: &str, named: &AgentDelegation, key: &SecretKey, nonce: &str) -> Request<Body> {
    let mut headers = HeaderMap::new();
    headers.insert("agent-delegation", named.to_header());
    let occasion = Signing { created: now(), expires: now() + 60, nonce, agent: None };
    let target_uri = format!("https://acme.example{path}");
    let message = Message { method: "GET", target_uri: &target_uri, headers: &headers, body: b"" };
    sign(&message, occasion, key).unwrap().apply(&mut headers);
    let mut request = Request::get(path).body(Body::empty()).unwrap();
    *request.headers_mut() = headers;
    request
}

fn chain(links: &[String]) -> AgentDelegation {
    let links: Vec<&str> = links.iter().map(String::as_str).collect();
    AgentDelegation::Chain(join(&links).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_left_is_told_and_so_is_when_a_window_frees_what_was_denied() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 6)).unwrap();
    let world = sqlite();
    world.model("small", &upstream, CENT);
    let key = world.agent("mail", "0.10USD/1h");
    let team = Budget::parse("5USD/month").unwrap();
    blocking(|| world.registry.set_budget((Kind::Team, FIRST_TEAM), Some(team), now())).unwrap();
    let begun = now();
    assert_eq!(world.chat(0, &key, json!({"max_tokens": 6})).await.status, 200);
    let left = world.send(0, get(&key, "/v1/self/budget")).await.json();
    let of = |index: usize| {
        let budget = &left["budgets"][index];
        (
            budget["of"].as_str().unwrap().to_owned(),
            budget["mostMicros"].as_i64(),
            budget["leftMicros"].as_i64(),
        )
    };
    assert_eq!(
        of(0),
        ("did:web:acme.example:teams:default".to_owned(), Some(500_000_000), Some(494_000_000)),
        "{left}"
    );
    assert_eq!(of(1), ("did:web:acme.example:mail".to_owned(), Some(10_000_000), Some(4_000_000)), "{left}");
    let denied = world.chat(0, &key, json!({"max_tokens": 5})).await;
    assert_eq!(denied.told(), (429, "budget_exceeded".to_owned()));
    let seconds: i64 = denied.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((3590..=3600).contains(&(seconds + now() - begun)), "an hour after the first: {seconds}");
    assert!(denied.text().contains("it fits from"), "{}", denied.text());
    assert_eq!(denied.headers["x-should-retry"], "false");
    // What never fits has no such time.
    let never = world.chat(0, &key, json!({"max_tokens": 11})).await;
    assert_eq!((never.status.as_u16(), never.headers.get("retry-after")), (429, None));
    assert_eq!(world.send(0, get("legation_nobody", "/v1/self/budget")).await.told().0, 401);
}

/// An agent gets its delegations by its key alone: what it holds may have been replaced. Nobody else gets them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_gets_its_own_delegations_by_its_key_and_nobody_elses() {
    let world: World = sqlite();
    let (own, other) =
        (SecretKey::generate(Algorithm::EdDsa).unwrap(), SecretKey::generate(Algorithm::Es256).unwrap());
    let profile = Profile { groups: vec!["standard".to_owned()], ..Profile::default() };
    let current = |name: &str| blocking(|| world.registry.chain(Kind::Agent, name)).unwrap();
    blocking(|| {
        for (name, key) in [("mail", &own), ("sales", &other)] {
            let proof = prove(key, world.registry.did(), name, now()).unwrap();
            world.registry.add_agent_with_key(name, FIRST_TEAM, &profile, &proof, now()).unwrap();
        }
    });
    let (before, of_sales) = (current("mail"), current("sales"));
    let path = "/v1/self/delegation";
    let answer = world.send(0, signed(path, &chain(&before), &own, "n-1")).await;
    assert_eq!(answer.json(), json!({"agent": "mail", "did": "did:web:acme.example:mail", "chain": before}));
    // It was replaced, and what it replaced was revoked.
    let budget = Budget::parse("1USD/day").unwrap();
    blocking(|| world.registry.set_budget((Kind::Agent, "mail"), Some(budget), now())).unwrap();
    assert_eq!(
        world.send(0, signed("/v1/models", &chain(&before), &own, "n-2")).await.told().1,
        "link_revoked"
    );
    let answer = world.send(0, signed(path, &chain(&before), &own, "n-3")).await;
    assert_eq!(answer.json()["chain"], json!(current("mail")));
    assert_ne!(current("mail"), before);
    // Another's key under this agent's name, this agent's key under another's, a key or chain of nobody.
    assert_eq!(
        world.send(0, signed(path, &chain(&before), &other, "n-4")).await.told(),
        (404, "not_renewable".to_owned())
    );
    assert_eq!(
        world.send(0, signed(path, &chain(&of_sales), &own, "n-5")).await.told(),
        (404, "not_renewable".to_owned())
    );
    let digest = AgentDelegation::Digest(chain(&before).digest());
    assert_eq!(
        world.send(0, signed(path, &digest, &own, "n-6")).await.told(),
        (401, "chain_unknown".to_owned())
    );
    let key = world.agent("bot", "1USD/day");
    assert!(world.send(0, get(&key, path)).await.status.is_client_error(), "by an API key");
    // A signature for another place.
    let mut moved = signed("/v1/models", &chain(&before), &own, "n-7");
    *moved.uri_mut() = path.parse().unwrap();
    assert_eq!(world.send(0, moved).await.told(), (404, "not_renewable".to_owned()));
    // One that was revoked for good, and a retired agent, have none.
    let all = blocking(|| world.registry.delegations(Some((Kind::Agent, "mail")))).unwrap();
    let (_, link) = all.into_iter().find(|(_, link)| link.state == "current").unwrap();
    blocking(|| world.registry.revoke(&link.id, "", now())).unwrap();
    assert_eq!(
        world.send(0, signed(path, &chain(&before), &own, "n-8")).await.told(),
        (401, "no_delegation".to_owned())
    );
}

/// A chain is named by its digest once it has verified, by one gateway; another asks for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_that_has_verified_is_known_by_its_digest() {
    let mut world: World = sqlite();
    blocking(|| world.add_gateway());
    let own = SecretKey::generate(Algorithm::EdDsa).unwrap();
    let profile = Profile { groups: vec!["standard".to_owned()], ..Profile::default() };
    let links = blocking(|| {
        let proof = prove(&own, world.registry.did(), "mail", now()).unwrap();
        world.registry.add_agent_with_key("mail", FIRST_TEAM, &profile, &proof, now()).unwrap();
        world.registry.chain(Kind::Agent, "mail").unwrap()
    });
    let whole = chain(&links);
    let digest = AgentDelegation::Digest(whole.digest());
    let ask = async |gateway, named: &AgentDelegation, nonce: &str| {
        world.send(gateway, signed("/v1/models", named, &own, nonce)).await.told()
    };
    assert_eq!(ask(0, &digest, "n-1").await, (401, "chain_unknown".to_owned()));
    assert_eq!(ask(0, &whole, "n-1").await.0, 200);
    assert_eq!(ask(0, &digest, "n-2").await.0, 200);
    assert_eq!(ask(1, &digest, "n-3").await, (401, "chain_unknown".to_owned()));
    // Known or not, it is judged each time.
    blocking(|| world.registry.suspend(Kind::Agent, "mail", now())).unwrap();
    assert_eq!(ask(0, &digest, "n-4").await, (401, "link_suspended".to_owned()));
}
