//! Decisions that others ask for (AuthZEN 1.0).

mod certification;
mod interop;
mod search;

use crate::world::{Answer, World, blocking, now, post_to, sqlite};
use legation_registry::Profile;
use legation_store::holder::Kind;
use serde_json::{Value, json};

const SHOP: &str = "https://shop.example/api";

struct Asked {
    world: World,
}

impl Asked {
    fn new() -> Self {
        let world = sqlite();
        let all = vec!["a2a:*".to_owned(), "access:evaluate".to_owned()];
        let resources = vec![SHOP.to_owned(), "https://acme.example/access/v1".to_owned()];
        let team = Profile { actions: all, resources, ..Profile::default() };
        blocking(|| world.registry.add_team("travel", &team, now())).unwrap();
        Self { world }
    }

    /// An agent: its key and its DID.
    fn agent(
        &self,
        name: &str,
        (action, resource): (&str, &str),
        constraints: Vec<Value>,
    ) -> (String, String) {
        let (actions, resources) = (vec![action.to_owned()], vec![resource.to_owned()]);
        let profile = Profile { actions, resources, constraints, ..Profile::default() };
        blocking(|| {
            let registry = &self.world.registry;
            let did = registry.add_agent(name, "travel", &profile, now()).unwrap().did;
            (registry.create_key(name, "test", None, now()).unwrap().secret.to_string(), did)
        })
    }

    async fn one(&self, key: &str, body: &Value) -> Answer {
        self.at("evaluation", key, body).await
    }

    async fn several(&self, key: &str, body: &Value) -> Answer {
        self.at("evaluations", key, body).await
    }

    async fn at(&self, path: &str, key: &str, body: &Value) -> Answer {
        self.world.send(0, post_to(&format!("/access/v1/{path}"), key, body.to_string())).await
    }

    /// Whoever may ask about everybody.
    fn gate(&self) -> String {
        self.agent("gate", ("access:evaluate", "https://acme.example/access/v1"), vec![]).0
    }

    /// A team whose agents act for the users of a service, with a policy of the organization.
    fn users(&self, profile: &Profile, policy: &str) {
        blocking(|| {
            let registry = &self.world.registry;
            registry.add_team("users", profile, now()).unwrap();
            registry.put_policy("service", policy, now()).unwrap();
            registry.bind_policy("service", None, &legation_policy::Target::Organization, now()).unwrap();
        });
    }

    fn user(&self, name: &str, profile: &Profile) {
        blocking(|| self.world.registry.add_agent(name, "users", profile, now()).unwrap());
    }
}

fn book(did: &str, nights: i64) -> Value {
    json!({
        "subject": {"type": "agent", "id": did, "properties": {"ignored": true}},
        "action": {"name": "a2a:skill:book"},
        "resource": {"type": "url", "id": SHOP},
        "context": {"facts": {"nights": nights}, "time": "ignored"},
        "unknown": 1,
    })
}

fn nights() -> Vec<Value> {
    vec![json!({"type": "argument", "name": "nights", "max": 3})]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_asks_about_itself_and_a_denial_is_no_error() {
    let asked = Asked::new();
    let (key, did) = asked.agent("mail", ("a2a:skill:book", SHOP), nights());
    assert_eq!(asked.one(&key, &book(&did, 3)).await.json(), json!({"decision": true}));
    let denied = asked.one(&key, &book(&did, 4)).await;
    assert_eq!((denied.status.as_u16(), &denied.json()["decision"]), (200, &json!(false)));
    assert_eq!(denied.json()["context"]["code"], "constraint_violated");
    assert!(asked.world.receipts().is_empty(), "nothing was done");
    let nobody = asked.one("legation_nobody", &book(&did, 3)).await;
    assert_eq!(nobody.status, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_asks_about_another_one_needs_to_be_granted_that() {
    let asked = Asked::new();
    let (key, did) = asked.agent("mail", ("a2a:skill:book", SHOP), nights());
    let (other, _) = asked.agent("eve", ("a2a:skill:book", SHOP), vec![]);
    assert_eq!(asked.one(&other, &book(&did, 3)).await.told(), (403, "not_granted".to_owned()));
    let (gate, gate_did) = asked.agent("gate", ("access:evaluate", "https://acme.example/access/v1"), vec![]);
    assert_eq!(asked.one(&gate, &book(&did, 3)).await.json(), json!({"decision": true}));
    assert_eq!(asked.one(&gate, &book(&did, 4)).await.json()["context"]["code"], "constraint_violated");
    // What it may ask it may not do.
    assert_eq!(asked.one(&gate, &book(&gate_did, 3)).await.json()["context"]["code"], "not_granted");
    for nobody in [
        "did:web:acme.example:agents:nobody",
        "did:web:other.example",
        "did:key:z6MkpTHR8VNsBxYAAWHut2Geadd9jSwuBV8xRoAnwWsdvktH",
    ] {
        assert_eq!(
            asked.one(&gate, &book(nobody, 3)).await.json()["context"]["code"],
            "no_delegation",
            "{nobody}"
        );
    }
    // To ask is an action as others are: policies say who does.
    blocking(|| {
        let text = "forbid (principal, action, resource) when { context.action == \"access:evaluate\" };";
        asked.world.registry.put_policy("no-asking", text, now()).unwrap();
        let all = &legation_policy::Target::Organization;
        asked.world.registry.bind_policy("no-asking", None, all, now()).unwrap();
    });
    let mut counted = book(&did, 3);
    counted["options"] = json!({"commit": true});
    for body in [&book(&did, 3), &counted] {
        assert_eq!(asked.one(&gate, body).await.told(), (403, "policy_denied".to_owned()));
    }
    let context = |answer: Answer| answer.json()["context"].clone();
    blocking(|| {
        let text = "forbid (principal, action, resource) when { context.action like \"a2a:*\" };";
        asked.world.registry.put_policy("no-a2a", text, now()).unwrap();
        let all = &legation_policy::Target::Organization;
        asked.world.registry.bind_policy("no-a2a", None, all, now()).unwrap();
    });
    // Whoever shows lists is told that no facts would help.
    let never = context(asked.one(&key, &book(&did, 3)).await);
    assert_eq!((&never["code"], &never["always"]), (&json!("policy_denied"), &json!(true)));
    assert_eq!(
        context(asked.one(&key, &book(&did, 4)).await).get("always"),
        None,
        "its chain denies that one"
    );
    blocking(|| asked.world.registry.unbind_policy("no-a2a", None, now())).unwrap();
    assert!(asked.world.receipts().iter().all(|(kind, _, _)| kind != "permit"), "nothing was done");
    blocking(|| asked.world.registry.unbind_policy("no-asking", None, now())).unwrap();
    blocking(|| asked.world.registry.suspend(Kind::Agent, "mail", now())).unwrap();
    assert_eq!(asked.one(&gate, &book(&did, 3)).await.json()["context"]["code"], "link_suspended");
    assert_eq!(asked.one(&key, &book(&did, 3)).await.status, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_committed_is_counted_and_leaves_a_receipt() {
    let asked = Asked::new();
    let rate = json!({"type": "rate", "seconds": 3600, "max": 2});
    let (key, did) = asked.agent("mail", ("a2a:skill:book", SHOP), vec![rate]);
    let mut body = book(&did, 3);
    assert_eq!(asked.one(&key, &body).await.json()["decision"], true);
    body["options"] = json!({"commit": true});
    for _ in 0..2 {
        let permitted = asked.one(&key, &body).await.json();
        assert_eq!(permitted["decision"], true);
        assert_eq!(permitted["context"]["receipt"].as_str().unwrap().len(), 43);
    }
    let third = asked.one(&key, &body).await.json();
    assert_eq!((&third["decision"], &third["context"]["code"]), (&json!(false), &json!("rate_exceeded")));
    // Whoever may ask spends of the subject's own account, and not of its own.
    let (gate, _) = asked.agent("gate", ("access:evaluate", "https://acme.example/access/v1"), vec![]);
    assert_eq!(asked.one(&gate, &body).await.json()["context"]["code"], "rate_exceeded");
    let kinds: Vec<String> = asked.world.receipts().into_iter().map(|(kind, _, _)| kind).collect();
    assert_eq!(
        kinds.iter().filter(|kind| *kind == "permit").count(),
        3,
        "two of the agent, and that it was asked about: {kinds:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_answered_in_order_and_ends_where_it_is_asked_to() {
    let asked = Asked::new();
    let (key, did) = asked.agent("mail", ("a2a:skill:book", SHOP), nights());
    let facts = |nights: i64| json!({"context": {"facts": {"nights": nights}}});
    let mut body = book(&did, 9);
    body["evaluations"] = json!([facts(1), facts(4), {"action": {}}, facts(2), {}]);
    let decisions = |answer: &Answer| -> Vec<Value> {
        answer.json()["evaluations"].as_array().unwrap().iter().map(|one| one["decision"].clone()).collect()
    };
    let answer = asked.several(&key, &body).await;
    assert_eq!(decisions(&answer), [json!(true), json!(false), json!(false), json!(true), json!(false)]);
    assert_eq!(answer.json()["evaluations"][2]["context"]["error"]["status"], 400);
    for (semantic, expected) in
        [("deny_on_first_deny", vec![true, false]), ("permit_on_first_permit", vec![true])]
    {
        body["options"] = json!({"evaluations_semantic": semantic});
        assert_eq!(decisions(&asked.several(&key, &body).await), expected, "{semantic}");
    }
    body["evaluations"] = json!([]);
    assert_eq!(asked.several(&key, &body).await.json()["decision"], false, "one, as at the other end point");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_missing_is_an_error_of_the_asking() {
    let asked = Asked::new();
    let (key, did) = asked.agent("mail", ("a2a:skill:book", SHOP), vec![]);
    for path in ["subject", "action", "resource"] {
        for wrong in [Value::Null, json!({}), json!("text"), json!({"type": 7, "id": 7, "name": 7})] {
            let mut body = book(&did, 1);
            body[path] = wrong;
            assert_eq!(asked.one(&key, &body).await.status, 400, "{body}");
        }
    }
    for body in ["", "[]", "{\"subject\":1,\"subject\":2}"] {
        let answer = asked.world.send(0, post_to("/access/v1/evaluation", &key, body.to_owned())).await;
        assert_eq!(answer.status, 400, "{body}");
    }
    let mut request = post_to("/access/v1/evaluation", &key, book(&did, 1).to_string());
    request.headers_mut().insert("x-request-id", "r-1".parse().unwrap());
    assert_eq!(asked.world.send(0, request).await.headers["x-request-id"], "r-1");
}
