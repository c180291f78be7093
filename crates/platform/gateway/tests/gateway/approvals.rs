//! Requests that need an approval: held, granted, refused, passed once.

use crate::world::{Answer, World, blocking, local, now, post_to, sqlite};
use legation_credential::{Approval, ApprovalRequest, Securing, approve};
use legation_keys::{Algorithm, SecretKey, Signer};
use legation_registry::{
    Profile,
    route::{Route, RouteProtocol},
};
use legation_store::holder::Kind;
use legation_tests::upstream::{Plan, Seen, Upstream};
use serde_json::{Value, json};

struct Shop {
    world: World,
    upstream: Upstream,
    key: String,
    boss: SecretKey,
}

impl Shop {
    /// An agent that pays up to 50.00 USD by itself, and more with the boss.
    fn new() -> Self {
        let mut world = sqlite();
        world.add_gateway();
        let answer = |seen: &Seen, _: usize| {
            let result = json!({"jsonrpc": "2.0", "id": seen.json()["id"], "result": {"content": []}});
            Plan::body(200, "application/json", result.to_string())
        };
        let upstream = Upstream::start(answer).unwrap();
        let boss = SecretKey::generate(Algorithm::EdDsa).unwrap();
        let route = Route {
            name: "shop".to_owned(),
            path: "/shop/".to_owned(),
            upstream: format!("{}/", local(&upstream.origin())),
            secret: None,
            protocol: RouteProtocol::Mcp,
            ..Route::default()
        };
        let resources = vec![format!("{}mcp", route.upstream)];
        let approver = legation_did::key::did(boss.public_key());
        let above = json!({"type": "approval", "above": 5000, "currency": "USD", "approver": approver.as_str(),
            "actions": ["mcp:tools/call:pay"]});
        let team = Profile { actions: vec!["mcp:*".to_owned()], resources, ..Profile::default() };
        let may = Profile {
            actions: vec!["mcp:tools/call:pay".to_owned()],
            constraints: vec![above],
            ..team.clone()
        };
        let key = blocking(|| {
            world.registry.put_route(&route, now()).unwrap();
            world.registry.add_team("sales", &team, now()).unwrap();
            world.registry.add_agent("mail", "sales", &may, now()).unwrap();
            world.registry.create_key("mail", "test", None, now()).unwrap().secret.to_string()
        });
        Self { world, upstream, key, boss }
    }

    async fn pay(&self, gateway: usize, id: i64, amount: i64, to: &str) -> Answer {
        let arguments = json!({"amount": amount, "currency": "USD", "to": to});
        let params = json!({"name": "pay", "arguments": arguments, "_meta": {"progressToken": id}});
        let body = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params});
        self.world.send(gateway, post_to("/shop/mcp", &self.key, body.to_string())).await
    }

    /// What the boss signs of a request that is held.
    fn signed(&self, id: &str, key: &SecretKey) -> String {
        let (held, _) = blocking(|| self.world.registry.approval(id)).unwrap();
        let asked = ApprovalRequest::parse(&held.request).unwrap();
        let issuer = legation_did::key::did(key.public_key());
        let key_id = legation_did::method_id(&issuer, key.public_key());
        let (agent, request) = (asked.agent.clone(), asked.digest());
        let approval = Approval { issuer, agent, request, valid_from: now(), valid_until: now() + 600 };
        approve(Securing::Jwt, &approval, &key_id, key).unwrap()
    }

    fn grant(&self, id: &str, text: &str) -> Result<(), String> {
        let granted = blocking(|| self.world.registry.grant_approval(id, text, now()));
        granted.map(drop).map_err(|error| error.to_string())
    }
}

/// A call as clients of 2026-07-28 make it: what they can do, and what they bring along.
struct Newer<'a> {
    capabilities: Value,
    brings: &'a [(&'a str, Value)],
}

impl Newer<'_> {
    async fn pay(&self, shop: &Shop, id: i64, amount: i64) -> Answer {
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": self.capabilities,
        });
        let arguments = json!({"amount": amount, "currency": "USD", "to": "bob"});
        let mut params = json!({"name": "pay", "arguments": arguments, "_meta": meta});
        for (name, value) in self.brings {
            params[*name] = value.clone();
        }
        let body = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params});
        let mut request = post_to("/shop/mcp", &shop.key, body.to_string());
        for (name, value) in
            [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", "pay")]
        {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        shop.world.send(0, request).await
    }
}

const APPROVAL: &str = "org.w3id.legation/approval";

/// What a client is asked for before there is an answer.
fn asked(answer: &Answer) -> Option<Value> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let result = &answer.json()["result"];
    (result["resultType"] == "input_required").then(|| result["inputRequests"][APPROVAL].clone())
}

/// MCP 2026-07-28, basic/patterns/mrtr: where to ask is told by a form that asks for nothing, and the same request passes once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_can_ask_is_told_where_and_comes_again() {
    let shop = Shop::new();
    let answers = |action: &str| [("inputResponses", json!({APPROVAL: {"action": action}}))];
    let form = || json!({"elicitation": {}});
    let first = Newer { capabilities: form(), brings: &[] };
    assert!(passed(&first.pay(&shop, 1, 5000).await));
    let waits = first.pay(&shop, 2, 5001).await;
    let (code, id) = held(&waits);
    let form_asked = asked(&waits).unwrap();
    assert_eq!(
        (code.as_str(), form_asked["method"].as_str()),
        ("approval_required", Some("elicitation/create"))
    );
    let params = &form_asked["params"];
    assert_eq!(params["requestedSchema"], json!({"type": "object", "properties": {}}));
    let text = params["message"].as_str().unwrap();
    assert!(text.contains(&format!("legation approval show {id}")), "{text}");
    // To accept is no approval; who declines is answered by the denial.
    let accepted = answers("accept");
    let again = Newer { capabilities: form(), brings: &accepted };
    let still = again.pay(&shop, 3, 5001).await;
    assert_eq!(held(&still).1, id, "the same request");
    assert!(
        asked(&still).unwrap()["params"]["message"].as_str().unwrap().starts_with("It was not granted yet")
    );
    for action in ["decline", "cancel"] {
        let declined = Newer { capabilities: form(), brings: &answers(action) }.pay(&shop, 4, 5001).await;
        assert_eq!(
            (asked(&declined), &declined.json()["result"]["isError"]),
            (None, &json!(true)),
            "{action}"
        );
    }
    shop.grant(&id, &shop.signed(&id, &shop.boss)).unwrap();
    let before = shop.upstream.count();
    let declined = Newer { capabilities: form(), brings: &answers("decline") }.pay(&shop, 4, 5001).await;
    assert_eq!(
        held(&declined).0,
        "approval_refused",
        "who declines does not want what was granted meanwhile"
    );
    assert_eq!(shop.upstream.count(), before);
    assert!(passed(&again.pay(&shop, 5, 5001).await), "and uses nothing up");
    assert_ne!(held(&again.pay(&shop, 6, 5001).await).1, id, "it was used");
    // The server gets nothing of what it did not ask for.
    assert_eq!(shop.upstream.count(), 2);
    let sent = shop.upstream.requests().last().unwrap().json();
    assert_eq!(
        (&sent["params"]["arguments"]["amount"], sent["params"].get("inputResponses")),
        (&json!(5001), None)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_can_not_be_asked_or_brings_what_the_server_asked_for_gets_the_denial() {
    let shop = Shop::new();
    let form = || json!({"elicitation": {"form": {}, "url": {}}});
    assert!(asked(&Newer { capabilities: form(), brings: &[] }.pay(&shop, 1, 6000).await).is_some());
    let others = [("inputResponses", json!({"login": {"action": "accept"}}))];
    let state = [
        ("requestState", json!("of the server")),
        ("inputResponses", json!({APPROVAL: {"action": "accept"}})),
    ];
    for (capabilities, brings) in [
        (json!({}), &[] as &[(&str, Value)]),
        (json!({"elicitation": {"url": {}}}), &[]),
        (json!({"elicitation": true}), &[]),
        (form(), &others),
        (form(), &state),
    ] {
        let answer = Newer { capabilities, brings }.pay(&shop, 2, 6000).await;
        assert_eq!(
            (asked(&answer), held(&answer).0.as_str()),
            (None, "approval_required"),
            "{}",
            answer.text()
        );
    }
    // What was refused waits for nobody.
    let id = held(&shop.pay(0, 3, 6000, "bob").await).1;
    blocking(|| shop.world.registry.refuse_approval(&id, "no", now())).unwrap();
    let refused = Newer { capabilities: form(), brings: &[] }.pay(&shop, 4, 6000).await;
    assert_eq!((asked(&refused), held(&refused).0.as_str()), (None, "approval_refused"));
    assert_eq!(shop.upstream.count(), 0);
}

/// The code of a denial, and the approval that it waits as.
fn held(answer: &Answer) -> (String, String) {
    let json = answer.json();
    let denial = &json["result"]["_meta"]["org.w3id.legation/denial"];
    let text = |name: &str| denial[name].as_str().unwrap_or_default().to_owned();
    (text("code"), text("approval"))
}

fn passed(answer: &Answer) -> bool {
    answer.json()["result"] == json!({"content": []})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_above_the_limit_waits_and_passes_once_when_it_was_approved() {
    let shop = Shop::new();
    assert!(passed(&shop.pay(0, 1, 5000, "bob").await));
    let (code, id) = held(&shop.pay(0, 2, 5001, "bob").await);
    assert_eq!(code, "approval_required");
    assert_eq!(
        held(&shop.pay(1, 3, 5001, "bob").await).1,
        id,
        "the same call is the same request, at any gateway"
    );
    let other = held(&shop.pay(0, 4, 5001, "eve").await).1;
    assert_ne!(other, id);
    let waiting = blocking(|| shop.world.registry.approvals("pending", "", 10)).unwrap();
    assert_eq!(
        waiting.iter().map(|held| held.id.as_str()).collect::<Vec<_>>(),
        [id.as_str(), other.as_str()]
    );
    assert!(waiting[0].request.contains("bob"), "{}", waiting[0].request);
    // Those that nobody decided in time keep no others from waiting.
    let asked = ApprovalRequest::parse(&waiting[0].request).unwrap();
    let holder = &asked.agent;
    blocking(|| {
        for number in 0..110 {
            let mut one = asked.clone();
            one.audience = format!("did:web:acme{number}.example");
            shop.world.registry.hold(&one, (holder, "test"), now() - 20_000 + number * 120).unwrap();
        }
    });
    shop.grant(&id, &shop.signed(&id, &shop.boss)).unwrap();
    // One more finds place.
    assert_eq!(held(&shop.pay(0, 5, 5002, "bob").await).0, "approval_required", "another amount");
    let (one, two) = tokio::join!(shop.pay(0, 6, 5001, "bob"), shop.pay(1, 7, 5001, "bob"));
    assert_eq!(
        [passed(&one), passed(&two)].iter().filter(|passed| **passed).count(),
        1,
        "{} {}",
        one.text(),
        two.text()
    );
    for gateway in [0, 1] {
        assert_eq!(held(&shop.pay(gateway, 8, 5001, "bob").await).0, "approval_required", "it was used");
    }
    assert_eq!(shop.upstream.count(), 2);
    let receipts = blocking(|| shop.world.registry.receipts(None, 100)).unwrap();
    let approver = legation_did::key::did(shop.boss.public_key());
    let used = |one: &legation_store::receipt::Receipt| -> Vec<Value> {
        let body: Value = serde_json::from_slice(&one.body).unwrap();
        body["consumed"]["approvals"].as_array().cloned().unwrap_or_default()
    };
    let used: Vec<Value> = receipts.iter().filter(|one| one.kind == "permit").flat_map(used).collect();
    assert_eq!(used.len(), 1, "who approved is in the receipt: {used:?}");
    assert!(used[0].to_string().contains(approver.as_str()), "{used:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approval_of_another_request_or_by_somebody_else_approves_nothing() {
    let shop = Shop::new();
    let id = held(&shop.pay(0, 1, 9000, "bob").await).1;
    let other = held(&shop.pay(0, 2, 9000, "eve").await).1;
    let told = shop.grant(&id, &shop.signed(&other, &shop.boss)).unwrap_err();
    assert!(told.contains("another request"), "{told}");
    let stranger = SecretKey::generate(Algorithm::EdDsa).unwrap();
    shop.grant(&id, &shop.signed(&id, &stranger)).unwrap();
    assert_eq!(held(&shop.pay(0, 3, 9000, "bob").await).0, "approval_required", "nobody named that one");
    for text in ["", "a.b.c", "{}", &"a".repeat(20_000)] {
        assert!(shop.grant(&id, text).is_err());
    }
    shop.grant(&id, &shop.signed(&id, &shop.boss)).unwrap();
    assert!(passed(&shop.pay(0, 4, 9000, "bob").await));
    assert!(shop.grant("nothing", &shop.signed(&other, &shop.boss)).is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_is_remembered() {
    let shop = Shop::new();
    let id = held(&shop.pay(0, 1, 9000, "bob").await).1;
    let signed = shop.signed(&id, &shop.boss);
    blocking(|| shop.world.registry.refuse_approval(&id, "not bob", now())).unwrap();
    for gateway in [0, 1] {
        let refused = shop.pay(gateway, 2, 9000, "bob").await;
        assert_eq!(held(&refused), ("approval_refused".to_owned(), id.clone()));
        assert!(refused.text().contains("not bob"), "{}", refused.text());
    }
    assert!(shop.grant(&id, &signed).is_err(), "who refused has decided");
    assert!(blocking(|| shop.world.registry.refuse_approval(&id, "", now())).is_err());
    assert_eq!(shop.upstream.count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_asks_for_ever_more_fills_no_list() {
    let shop = Shop::new();
    let agent = blocking(|| shop.world.registry.approvals("pending", "", 10)).unwrap();
    assert!(agent.is_empty());
    let first = held(&shop.pay(0, 0, 9000, "bob").await).1;
    let (mut asked, _) = blocking(|| shop.world.registry.approval(&first))
        .map(|(held, given)| (ApprovalRequest::parse(&held.request).unwrap(), given))
        .unwrap();
    // Its own requests and those of children that it makes itself count together.
    let (holder, key) = (asked.agent.clone(), || SecretKey::generate(Algorithm::EdDsa).unwrap());
    let told = blocking(|| {
        (0..200).find_map(|_| {
            asked.agent = legation_did::key::did(key().public_key());
            shop.world.registry.hold(&asked, (&holder, "too much"), now()).err()
        })
    });
    assert!(told.unwrap().to_string().contains("too many"), "at some time it ends");
    let denied = shop.pay(0, 1, 9999, "bob").await;
    assert_eq!(held(&denied), ("approval_required".to_owned(), String::new()), "{}", denied.text());
    let json: Value = denied.json();
    assert!(
        json["result"]["content"][0]["text"].as_str().unwrap().contains("wait for an approval"),
        "{json}"
    );
}

/// A list is no fact, so that no limit of the chain looks at it: whoever approves has seen its digest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_fact_says_is_approved_too() {
    let shop = Shop::new();
    let pay = async |copies: &[&str]| {
        let arguments = json!({"amount": 9000, "currency": "USD", "to": "bob", "copies": copies});
        let params = json!({"name": "pay", "arguments": arguments});
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        shop.world.send(0, post_to("/shop/mcp", &shop.key, body.to_string())).await
    };
    let id = held(&pay(&["ann"]).await).1;
    shop.grant(&id, &shop.signed(&id, &shop.boss)).unwrap();
    assert_eq!(held(&pay(&["eve"]).await).0, "approval_required");
    assert!(passed(&pay(&["ann"]).await));
    assert_eq!(shop.upstream.count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_needs_an_approval_needs_it_in_shadow_too() {
    let shop = Shop::new();
    blocking(|| shop.world.registry.shadow("mail", now() + 60, now())).unwrap();
    assert_eq!(held(&shop.pay(0, 1, 5001, "bob").await).0, "approval_required");
    assert_eq!(shop.upstream.count(), 0);
    // Nothing else of it holds, and its list shows what its team may.
    let cancel = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "cancel", "arguments": {}}});
    let cancelled = shop.world.send(0, post_to("/shop/mcp", &shop.key, cancel.to_string())).await;
    assert!(passed(&cancelled), "{}", cancelled.text());
    // Nor does another rule that it breaks make it pass without.
    let mut both = blocking(|| shop.world.registry.show(Kind::Agent, "mail")).unwrap().profile;
    let most = json!({"type": "argument", "name": "amount", "max": 100, "actions": ["mcp:tools/call:pay"]});
    both.constraints.push(most);
    blocking(|| shop.world.registry.set_profile((Kind::Agent, "mail"), &both, now())).unwrap();
    assert!(passed(&shop.pay(0, 3, 5000, "bob").await), "more than it may, and no approval is needed");
    assert_eq!(held(&shop.pay(0, 4, 5001, "bob").await).0, "constraint_violated");
    // What a policy forbids is not held: an approval would make a permit as any other of it.
    blocking(|| {
        let text = "forbid (principal, action, resource) when { context.text.hasTag(\"to\") && context.text.getTag(\"to\") == \"eve\" };";
        shop.world.registry.put_policy("not-eve", text, now()).unwrap();
        let all = &legation_policy::Target::Organization;
        shop.world.registry.bind_policy("not-eve", None, all, now()).unwrap();
        both.constraints.pop();
        shop.world.registry.set_profile((Kind::Agent, "mail"), &both, now()).unwrap();
    });
    assert_eq!(held(&shop.pay(0, 5, 5001, "eve").await), ("policy_denied".to_owned(), String::new()));
    assert_eq!(shop.upstream.count(), 2);
}
