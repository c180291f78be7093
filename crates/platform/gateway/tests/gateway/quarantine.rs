//! Quarantine: who is denied too often is suspended, for what it asked itself and for nothing that others do.

use crate::world::{Answer, CENT, World, blocking, both, now, post_to, sqlite};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Request, header},
};
use legation_credential::{Terms, pass_on};
use legation_http_signature::{AgentDelegation, Message, Signing, join, sign};
use legation_keys::{Algorithm, SecretKey, base64url};
use legation_registry::{
    Budget, FIRST_TEAM, Profile,
    proof::prove,
    quarantine::{Denials, Rule, Then},
};
use legation_store::{holder::Kind, quarantine};
use legation_tests::upstream::{Plan, Upstream};
use serde_json::{Value, json};
use std::time::Duration;

const CHAT: &str = "/v1/chat/completions";

/// More than three denials within a minute.
fn rule(then: Then) -> Rule {
    let denials = Denials { most: 3, seconds: 60, codes: Vec::new() };
    Rule {
        name: "nosy".to_owned(),
        to: "organization".to_owned(),
        denials: Some(denials),
        spend: None,
        new_tool: None,
        signal: None,
        then,
        most_agents: 10,
    }
}

fn suspends(world: &World) {
    blocking(|| world.registry.put_quarantine_rule(&rule(Then::Suspend), now())).unwrap();
}

/// An agent may ask for ten tokens.
fn may() -> Profile {
    Profile {
        groups: vec!["standard".to_owned()],
        budgets: vec![Budget::parse("5USD/day").unwrap()],
        constraints: vec![json!({"type": "argument", "name": "max_tokens", "max": 10})],
        ..Profile::default()
    }
}

async fn too_much(world: &World, key: &str, times: usize) {
    for _ in 0..times {
        let told = world.chat(0, key, json!({"max_tokens": 11})).await.told();
        assert_eq!(told.1, "constraint_violated", "{}", world.engine);
    }
}

fn enforce(world: &World) -> usize {
    blocking(|| world.registry.enforce_quarantine(now())).unwrap()
}

/// How many denials count against an agent.
pub(crate) fn counted(world: &World, agent: &str) -> usize {
    let did = blocking(|| world.registry.show(Kind::Agent, agent)).unwrap().holder.did;
    let codes = legation_registry::quarantine::COUNTED.map(str::to_owned);
    let (id, of) = (world.registry.id(), (now() - 3600, 10_000));
    let found = blocking(|| {
        world.registry.store().read(|tx| quarantine::denials(tx, id, (&did, codes.as_slice()), of))
    });
    found.unwrap().len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_is_denied_too_often_is_suspended_once_and_told_why_until_it_is_resumed() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    for mut world in both() {
        blocking(|| world.add_gateway());
        world.model("small", &upstream, CENT);
        let (key, other) = (world.add("mail", &may()), world.add("crm", &may()));
        suspends(&world);
        too_much(&world, &key, 3).await;
        assert_eq!(enforce(&world), 0, "{}: three are tolerated", world.engine);
        too_much(&world, &key, 1).await;
        // However many look, one does it.
        let done: usize = blocking(|| {
            std::thread::scope(|scope| {
                let looks: Vec<_> = (0..4)
                    .map(|_| scope.spawn(|| world.registry.enforce_quarantine(now()).unwrap()))
                    .collect();
                looks.into_iter().map(|look| look.join().unwrap()).sum()
            })
        });
        assert_eq!((done, enforce(&world)), (1, 0), "{}", world.engine);
        for gateway in [0, 1] {
            let told = world.chat(gateway, &key, json!({"max_tokens": 1})).await.told();
            assert_eq!(told.1, "link_suspended", "{}", world.engine);
            assert_eq!(world.chat(gateway, &other, json!({"max_tokens": 1})).await.status, 200);
        }
        let events = blocking(|| world.registry.events(0, 1000)).unwrap();
        let of: Vec<_> = events.iter().filter(|one| one.kind == "agent.suspended").collect();
        let [event] = of[..] else { panic!("{of:?}") };
        let data: Value = serde_json::from_str(&event.data).unwrap();
        assert_eq!((&*event.actor, &*event.subject), ("quarantine-rule:nosy", "mail"));
        assert_eq!(data["quarantine"]["rule"], "nosy");
        let held = blocking(|| world.registry.quarantined("", 10)).unwrap();
        let [one] = &held[..] else { panic!("{held:?}") };
        assert_eq!((&*one.agent, &*one.rule), ("mail", "nosy"));
        assert!(one.reason.contains("constraint_violated 4"), "{}", one.reason);
        blocking(|| world.registry.resume(Kind::Agent, "mail", now())).unwrap();
        assert_eq!(enforce(&world), 0, "{}: what was before counts no more", world.engine);
        assert!(blocking(|| world.registry.quarantined("", 10)).unwrap().is_empty());
        assert_eq!(world.chat(1, &key, json!({"max_tokens": 1})).await.status, 200);
        tokio::time::sleep(Duration::from_millis(1100)).await;
        too_much(&world, &key, 3).await;
        assert_eq!(enforce(&world), 0, "{}: it is counted from the resumption on", world.engine);
        too_much(&world, &key, 1).await;
        assert_eq!(enforce(&world), 1, "{}", world.engine);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_that_is_too_low_does_not_stop_everybody() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    let world = sqlite();
    world.model("small", &upstream, CENT);
    blocking(|| world.registry.put_quarantine_rule(&Rule { most_agents: 2, ..rule(Then::Suspend) }, now()))
        .unwrap();
    for agent in ["one", "two", "three", "four"] {
        let key = world.add(agent, &may());
        too_much(&world, &key, 4).await;
    }
    assert_eq!(enforce(&world), 4, "two are suspended, two told of");
    assert_eq!(blocking(|| world.registry.quarantined("", 10)).unwrap().len(), 2);
    assert_eq!(enforce(&world), 0, "told once");
    let events = blocking(|| world.registry.events(0, 1000)).unwrap();
    let told = events.iter().filter(|one| one.kind == "quarantine.told" && one.data.contains("held back"));
    assert_eq!(told.count(), 2);
    // One that alerts suspends nobody.
    blocking(|| world.registry.put_quarantine_rule(&rule(Then::Alert), now())).unwrap();
    assert_eq!((enforce(&world), enforce(&world)), (2, 0), "a new version is told anew");
    assert_eq!(blocking(|| world.registry.quarantined("", 10)).unwrap().len(), 2);
}

/// An agent that keeps its own key.
struct Own {
    key: SecretKey,
    chain: Vec<String>,
}

impl Own {
    fn new(world: &World, name: &str, profile: &Profile) -> Self {
        let key = SecretKey::generate(Algorithm::Es256).unwrap();
        let chain = blocking(|| {
            let proof = prove(&key, world.registry.did(), name, now()).unwrap();
            world.registry.add_agent_with_key(name, FIRST_TEAM, profile, &proof, now()).unwrap();
            world.registry.chain(Kind::Agent, name).unwrap()
        });
        Self { key, chain }
    }

    fn signed(&self, nonce: &str, most: u64) -> (HeaderMap, String) {
        let messages = json!([{"role": "user", "content": "hello"}]);
        let body = json!({"model": "small", "max_tokens": most, "messages": messages}).to_string();
        let mut headers = HeaderMap::new();
        let links: Vec<&str> = self.chain.iter().map(String::as_str).collect();
        headers.insert("agent-delegation", AgentDelegation::Chain(join(&links).unwrap()).to_header());
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let occasion = Signing { created: now(), expires: now() + 60, nonce, agent: None };
        let target_uri = &format!("https://acme.example{CHAT}");
        let message = Message { method: "POST", target_uri, headers: &headers, body: body.as_bytes() };
        sign(&message, occasion, &self.key).unwrap().apply(&mut headers);
        (headers, body)
    }
}

fn posted((headers, body): &(HeaderMap, String)) -> Request<Body> {
    let mut request = Request::post(CHAT).body(Body::from(body.clone())).unwrap();
    *request.headers_mut() = headers.clone();
    request
}

async fn send(world: &World, gateway: usize, signed: &(HeaderMap, String)) -> Answer {
    world.send(gateway, posted(signed)).await
}

/// The same signature by P-256 in its other form, which anybody can make: `n - s` for `s`.
fn other_form((headers, body): &(HeaderMap, String)) -> (HeaderMap, String) {
    const ORDER: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
        0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let text = headers["signature"].to_str().unwrap();
    let (label, rest) = text.split_once("=:").unwrap();
    let standard = rest.trim_end_matches(':').trim_end_matches('=').replace('+', "-").replace('/', "_");
    let mut signature = base64url::decode(&standard).unwrap();
    let mut borrow = 0_i16;
    for place in (0..32).rev() {
        let mut digit = i16::from(ORDER[place]) - i16::from(signature[32 + place]) - borrow;
        borrow = i16::from(digit < 0);
        digit += borrow * 256;
        signature[32 + place] = u8::try_from(digit).unwrap();
    }
    let text = base64url::encode(&signature).replace('-', "+").replace('_', "/");
    let mut headers = headers.clone();
    headers.insert("signature", format!("{label}=:{text}==:").parse().unwrap());
    (headers, body.clone())
}

/// Somebody has captured a request of another agent that was denied.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_captured_denial_that_is_sent_again_has_nobody_suspended_in_whatever_form() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    for mut world in both() {
        blocking(|| world.add_gateway());
        world.model("small", &upstream, CENT);
        let victim = Own::new(&world, "mail", &may());
        suspends(&world);
        let captured = victim.signed("n-1", 11);
        let other = other_form(&captured);
        assert_ne!(captured.0["signature"], other.0["signature"]);
        for number in 0..8 {
            for form in [&captured, &other] {
                let told = send(&world, number % 2, form).await.told();
                assert_eq!(told.1, "constraint_violated", "{}", world.engine);
            }
        }
        // What nobody has signed is nobody's.
        let mut forged = victim.signed("n-2", 11);
        forged.1 = forged.1.replace("hello", "hallo");
        for _ in 0..8 {
            assert_ne!(send(&world, 0, &forged).await.told().1, "constraint_violated");
        }
        assert_eq!((counted(&world, "mail"), enforce(&world)), (1, 0), "{}", world.engine);
        for number in 3..6 {
            send(&world, 1, &victim.signed(&format!("n-{number}"), 11)).await;
        }
        assert_eq!(enforce(&world), 1, "{}: four requests of its own", world.engine);
    }
}

/// Somebody has captured a request that passed, and sends it again once it does not any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_passed_counts_against_nobody_when_it_is_sent_again_and_denied() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    for world in both() {
        world.model("small", &upstream, CENT);
        let victim = Own::new(&world, "mail", &may());
        suspends(&world);
        let captured: Vec<_> = (0..6).map(|number| victim.signed(&format!("n-{number}"), 10)).collect();
        for one in &captured {
            assert_eq!(send(&world, 0, one).await.status, 200, "{}", world.engine);
            assert_eq!(send(&world, 0, one).await.told().1, "nonce_replayed");
        }
        blocking(|| {
            world.registry.put_policy("no", "forbid (principal, action, resource);", now()).unwrap();
            let all = "organization".parse().unwrap();
            world.registry.bind_policy("no", None, &all, now()).unwrap();
        });
        for one in &captured {
            assert_eq!(send(&world, 0, one).await.told().1, "policy_denied", "{}", world.engine);
        }
        assert_eq!((counted(&world, "mail"), enforce(&world)), (0, 0), "{}", world.engine);
        send(&world, 0, &victim.signed("n-9", 10)).await;
        assert_eq!(counted(&world, "mail"), 1, "{}: a fresh one is its own", world.engine);
    }
}

/// An agent spends what its team has, so that the calls of another one are denied.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_siblings_took_of_their_team_counts_against_nobody_and_ones_own_budget_does() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    for world in both() {
        world.model("small", &upstream, CENT);
        let budget = |text: &str| Profile {
            groups: vec!["standard".to_owned()],
            budgets: vec![Budget::parse(text).unwrap()],
            ..Profile::default()
        };
        suspends(&world);
        let keys: Vec<String> = blocking(|| {
            world.registry.add_team("shared", &budget("0.10USD/day"), now()).unwrap();
            ["greedy", "victim"]
                .map(|name| {
                    world.registry.add_agent(name, "shared", &budget("0.10USD/day"), now()).unwrap();
                    world.registry.create_key(name, "test", None, now()).unwrap().secret.to_string()
                })
                .to_vec()
        });
        for _ in 0..4 {
            assert_eq!(world.chat(0, &keys[0], json!({"max_tokens": 1})).await.status, 200);
        }
        for _ in 0..8 {
            // Its own budget has room for ten.
            let told = world.chat(0, &keys[1], json!({"max_tokens": 10})).await.told();
            assert_eq!(told.1, "budget_exceeded", "{}", world.engine);
        }
        assert_eq!((counted(&world, "victim"), enforce(&world)), (0, 0), "{}", world.engine);
        let own = world.agent("own", "0.01USD/day");
        for _ in 0..4 {
            assert_eq!(world.chat(0, &own, json!({"max_tokens": 2})).await.told().1, "budget_exceeded");
        }
        assert_eq!((counted(&world, "own"), enforce(&world)), (4, 1), "{}", world.engine);
    }
}

/// Whoever may ask about others has nobody suspended by asking.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_else_asks_about_an_agent_counts_against_nobody() {
    const SHOP: &str = "https://shop.example/api";
    let world = sqlite();
    let at = "https://acme.example/access/v1";
    let profile = |action: &str, resource: &str| Profile {
        actions: vec![action.to_owned()],
        resources: vec![resource.to_owned()],
        ..Profile::default()
    };
    suspends(&world);
    let (gate, own, did) = blocking(|| {
        let all = Profile {
            actions: vec!["a2a:*".to_owned(), "access:evaluate".to_owned()],
            resources: vec![SHOP.to_owned(), at.to_owned()],
            ..Profile::default()
        };
        let registry = &world.registry;
        registry.add_team("travel", &all, now()).unwrap();
        let key = |name: &str| registry.create_key(name, "test", None, now()).unwrap().secret.to_string();
        registry.add_agent("gate", "travel", &profile("access:evaluate", at), now()).unwrap();
        let did = registry.add_agent("mail", "travel", &profile("a2a:skill:book", SHOP), now()).unwrap().did;
        (key("gate"), key("mail"), did)
    });
    let body = json!({
        "subject": {"type": "agent", "id": did}, "action": {"name": "a2a:skill:pay"},
        "resource": {"type": "url", "id": SHOP}, "options": {"commit": true},
    });
    let ask = |key: String| world.send(0, post_to("/access/v1/evaluation", &key, body.to_string()));
    for _ in 0..8 {
        assert_eq!(ask(gate.clone()).await.json()["context"]["code"], "not_granted");
    }
    assert_eq!((counted(&world, "mail"), counted(&world, "gate"), enforce(&world)), (0, 0, 0));
    for _ in 0..4 {
        assert_eq!(ask(own.clone()).await.json()["context"]["code"], "not_granted");
    }
    assert_eq!((counted(&world, "mail"), enforce(&world)), (4, 1), "what it asks itself is its own");
}

impl Own {
    /// A child of its own making, which may what it may itself.
    fn child(&self, world: &World, name: &str, profile: &Profile) -> Self {
        let did = blocking(|| world.registry.show(Kind::Agent, name)).unwrap().holder.did.parse().unwrap();
        let key = SecretKey::generate(Algorithm::EdDsa).unwrap();
        let terms = Terms {
            id: None,
            subject: legation_did::key::did(legation_keys::Signer::public_key(&key)),
            valid_from: now() - 10,
            valid_until: now() + 3600,
            max_depth: 0,
            account: None,
            authority: profile.authority("acme.example").unwrap(),
            status: vec![],
        };
        let parents: Vec<&str> = self.chain.iter().map(String::as_str).collect();
        let public = legation_keys::Signer::public_key(&self.key);
        let link = pass_on(&parents, terms, &legation_did::method_id(&did, public), &self.key).unwrap();
        Self { key, chain: [self.chain.clone(), vec![link]].concat() }
    }
}

/// An agent hands its authority on to children of its own making, one for each call.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_children_are_denied_counts_against_the_agent_that_made_them() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    let world = sqlite();
    world.model("small", &upstream, CENT);
    let profile = Profile { max_depth: 1, ..may() };
    suspends(&world);
    let parent = Own::new(&world, "mail", &profile);
    for number in 0..4 {
        let child = parent.child(&world, "mail", &profile);
        let told = send(&world, 0, &child.signed(&format!("n-{number}"), 11)).await.told();
        assert_eq!(told.1, "constraint_violated");
    }
    assert_eq!((counted(&world, "mail"), enforce(&world)), (4, 1));
    assert_eq!(blocking(|| world.registry.quarantined("", 10)).unwrap()[0].agent, "mail");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_children_spend_counts_for_the_agent_that_made_them() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 6)).unwrap();
    for world in both() {
        world.model("small", &upstream, CENT);
        let profile = Profile { max_depth: 1, ..may() };
        let spend = Some("0.05USD/10m".to_owned());
        let rule = Rule { denials: None, spend, ..rule(Then::Suspend) };
        blocking(|| world.registry.put_quarantine_rule(&rule, now())).unwrap();
        let parent = Own::new(&world, "mail", &profile);
        let child = parent.child(&world, "mail", &profile);
        assert_eq!(enforce(&world), 0);
        assert_eq!(send(&world, 0, &child.signed("n-1", 10)).await.status, 200, "{}", world.engine);
        world.wait_for_receipts(2).await;
        assert_eq!((enforce(&world), enforce(&world)), (1, 0), "{}", world.engine);
        let held = blocking(|| world.registry.quarantined("", 10)).unwrap();
        assert!(held[0].agent == "mail" && held[0].reason.contains("0.06 USD"), "{held:?}");
        assert_ne!(send(&world, 0, &child.signed("n-2", 1)).await.status, 200, "its child, too");
    }
}
