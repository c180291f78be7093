//! Agents in shadow: what is denied them passes and is told, what their team lacks or whoever was stopped does not.

use crate::world::{CENT, World, blocking, both, now, post_to, sqlite};
use legation_policy::Target;
use legation_registry::{Budget, FIRST_TEAM, Profile};
use legation_store::holder::Kind;
use legation_tests::upstream::{Plan, Upstream};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

fn shadow(world: &World, agent: &str, seconds: i64) {
    blocking(|| world.registry.shadow(agent, now() + seconds, now())).unwrap();
}

fn enforce(world: &World, agent: &str) {
    assert!(blocking(|| world.registry.enforce(agent, now())).unwrap());
}

/// An agent that may call the models of one group alone, for at most so much.
fn narrow(world: &World, team: &str, name: &str, group: &str, budget: &str) -> String {
    let profile = Profile {
        groups: vec![group.to_owned()],
        budgets: vec![Budget::parse(budget).unwrap()],
        ..Profile::default()
    };
    blocking(|| {
        world.registry.add_agent(name, team, &profile, now()).unwrap();
        world.registry.create_key(name, "test", None, now()).unwrap().secret.to_string()
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_granted_passes_in_shadow_and_the_receipt_says_so_until_it_is_enforced() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    for mut world in both() {
        blocking(|| world.add_gateway());
        world.model("small", &upstream, CENT);
        let (key, other) = (
            narrow(&world, FIRST_TEAM, "mail", "cheap", "1USD/day"),
            narrow(&world, FIRST_TEAM, "crm", "cheap", "1USD/day"),
        );
        let call = json!({"max_tokens": 1});
        assert_eq!(world.chat(0, &key, call.clone()).await.told().1, "not_granted");
        shadow(&world, "mail", 60);
        for gateway in [0, 1] {
            assert_eq!(world.chat(gateway, &key, call.clone()).await.status, 200, "{}", world.engine);
            assert_eq!(world.chat(gateway, &other, call.clone()).await.told().1, "not_granted");
        }
        enforce(&world, "mail");
        for gateway in [0, 1] {
            assert_eq!(world.chat(gateway, &key, call.clone()).await.told().1, "not_granted");
        }
        let decided = world.bodies();
        let passed: Vec<&Value> = decided.iter().filter(|one| one["decision"] == "permit").collect();
        assert_eq!(passed.len(), 2);
        for one in passed {
            assert_eq!((&one["shadow"], &one["code"]), (&json!(true), &json!("not_granted")));
            assert!(one["expected"].as_str().unwrap().contains("/models/cheap/"), "{one}");
            assert!(
                !one["consumed"]["debits"].as_array().unwrap().is_empty(),
                "its own budget counts: {one}"
            );
        }
        assert!(
            decided.iter().filter(|one| one["decision"] == "deny").all(|one| one.get("shadow").is_none())
        );
        let spent = blocking(|| world.registry.spent(0)).unwrap();
        assert_eq!((spent[0].calls, spent[0].amount), (2, 2_000_000), "what passes in shadow is paid for");
        // The kind is that of a permit, whose code is that of the rule.
        assert!(world.receipts().iter().any(|(kind, code, _)| kind == "permit" && code == "not_granted"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_own_budget_is_passed_by_and_that_of_its_team_is_not() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    for world in both() {
        world.model("small", &upstream, CENT);
        let team = Profile {
            groups: vec!["*".to_owned()],
            budgets: vec![Budget::parse("0.05USD/day").unwrap()],
            ..Profile::default()
        };
        blocking(|| world.registry.add_team("sales", &team, now())).unwrap();
        let key = narrow(&world, "sales", "mail", "standard", "0.02USD/day");
        shadow(&world, "mail", 60);
        let mut told = Vec::new();
        for _ in 0..8 {
            told.push(world.chat(0, &key, json!({"max_tokens": 1})).await.status.as_u16());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(
            told,
            [200, 200, 200, 200, 200, 429, 429, 429],
            "{}: a ceiling is a ceiling",
            world.engine
        );
        let codes: Vec<Value> = world.bodies().iter().map(|one| one["code"].clone()).collect();
        let over = json!("budget_exceeded");
        assert_eq!(codes[..2], [Value::Null, Value::Null], "what fits is a permit as any other");
        assert_eq!(codes[2..5], [over.clone(), over.clone(), over]);
        let taken = blocking(|| world.registry.budgets(Kind::Agent, "mail", now())).unwrap();
        assert_eq!(taken[0].budgets[0].micros, Some(2_000_000), "no more is taken of its own than there is");
        assert_eq!(taken[1].budgets[0].micros, Some(5_000_000));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_its_team_lacks_is_denied_in_shadow_too() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    let world = sqlite();
    world.model("small", &upstream, CENT);
    let team = Profile { groups: vec!["cheap".to_owned()], ..Profile::default() };
    blocking(|| world.registry.add_team("sales", &team, now())).unwrap();
    let key = narrow(&world, "sales", "mail", "cheap", "1USD/day");
    shadow(&world, "mail", 60);
    assert_eq!(world.chat(0, &key, json!({"max_tokens": 1})).await.told().1, "not_granted");
    assert_eq!(upstream.count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_policies_deny_passes_in_shadow_with_their_names() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    for world in both() {
        world.model("small", &upstream, CENT);
        let key = narrow(&world, FIRST_TEAM, "mail", "standard", "1USD/day");
        let to: Target = "organization".parse().unwrap();
        blocking(|| {
            let text = r#"forbid (principal, action in Action::"model", resource);"#;
            world.registry.put_policy("none", text, now()).unwrap();
            world.registry.bind_policy("none", None, &to, now()).unwrap();
        });
        assert_eq!(world.chat(0, &key, json!({"max_tokens": 1})).await.told().1, "policy_denied");
        shadow(&world, "mail", 60);
        assert_eq!(world.chat(0, &key, json!({"max_tokens": 1})).await.status, 200, "{}", world.engine);
        let last = world.bodies().pop().unwrap();
        assert_eq!((&last["decision"], &last["code"]), (&json!("permit"), &json!("policy_denied")));
        assert_eq!(last["policy"]["decided"], json!(["none@1"]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_who_was_stopped_passes_in_shadow() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    for world in both() {
        world.model("small", &upstream, CENT);
        let key = narrow(&world, FIRST_TEAM, "mail", "cheap", "1USD/day");
        shadow(&world, "mail", 60);
        let call = json!({"max_tokens": 1});
        assert_eq!(world.chat(0, &key, call.clone()).await.status, 200, "{}", world.engine);
        let unpriced = world.chat(0, &key, json!({"max_tokens": 1, "model": "unknown"})).await.told().1;
        assert_eq!(unpriced, "model_not_found", "what can't be bounded does not pass");
        assert_eq!(world.chat(0, "legation_x", call.clone()).await.told().1, "api_key_unknown");
        world.suspend("mail");
        assert_eq!(world.chat(0, &key, call.clone()).await.told().1, "link_suspended");
        blocking(|| world.registry.resume(Kind::Agent, "mail", now())).unwrap();
        let (_, link) =
            blocking(|| world.registry.delegations(Some((Kind::Agent, "mail")))).unwrap().remove(0);
        blocking(|| world.registry.revoke(&link.id, "test", now())).unwrap();
        assert_eq!(world.chat(0, &key, call.clone()).await.told().1, "no_delegation");
        blocking(|| world.registry.delegate_again(Kind::Agent, "mail", now())).unwrap();
        assert_eq!(world.chat(0, &key, call.clone()).await.status, 200);
        world.block("mail");
        assert_eq!(world.chat(0, &key, call.clone()).await.told().1, "api_key_blocked");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shadow_ends_at_its_time_at_every_gateway_without_anybody_asking_for_it() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    for mut world in both() {
        blocking(|| world.add_gateway());
        world.model("small", &upstream, CENT);
        let key = narrow(&world, FIRST_TEAM, "mail", "cheap", "1USD/day");
        let until = now() + 3;
        blocking(|| world.registry.shadow("mail", until, now())).unwrap();
        let call = json!({"max_tokens": 1});
        for gateway in [0, 1] {
            assert_eq!(world.chat(gateway, &key, call.clone()).await.status, 200, "{}", world.engine);
        }
        while now() < until {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        for gateway in [0, 1] {
            assert_eq!(world.chat(gateway, &key, call.clone()).await.told().1, "not_granted");
        }
        assert!(blocking(|| world.registry.shadows(now())).unwrap().is_empty());
        let longer = blocking(|| world.registry.shadow("mail", now() + 31 * 86_400, now()));
        assert_eq!(longer.unwrap_err().code(), "value_invalid", "no shadow is for ever");
        let ended = blocking(|| world.registry.shadow("mail", now(), now()));
        assert_eq!(ended.unwrap_err().code(), "value_invalid");
    }
}

/// Calls go on while the agent is enforced: none that begins after that has returned passes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_that_begins_after_it_was_enforced_passes() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    for mut world in both() {
        blocking(|| world.add_gateway());
        world.model("small", &upstream, 1);
        let key = narrow(&world, FIRST_TEAM, "mail", "cheap", "1USD/day");
        shadow(&world, "mail", 60);
        let (world, enforced) = (Arc::new(world), Arc::new(AtomicBool::new(false)));
        let calls: Vec<_> = (0..4)
            .map(|number| {
                let (world, key, enforced) = (Arc::clone(&world), key.clone(), Arc::clone(&enforced));
                tokio::spawn(async move {
                    let (mut before, mut after) = (0, 0);
                    while after < 10 {
                        let was = enforced.load(Ordering::SeqCst);
                        let status = world.chat(number % 2, &key, json!({"max_tokens": 1})).await.status;
                        match status.as_u16() {
                            200 if was => panic!("{}: passed after it was enforced", world.engine),
                            200 => before += 1,
                            _ if was => after += 1,
                            _ => {}
                        }
                    }
                    before
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(300)).await;
        enforce(&world, "mail");
        enforced.store(true, Ordering::SeqCst);
        let mut before = 0;
        for one in calls {
            before += one.await.unwrap();
        }
        assert!(before > 0, "{}", world.engine);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_asks_about_others_or_does_what_is_no_call_of_a_service_by_a_shadow() {
    let world = sqlite();
    let resources = vec!["https://shop.example/*".to_owned(), "https://acme.example/access/v1".to_owned()];
    let actions = ["a2a:*", "app:*", "access:evaluate"].map(str::to_owned).to_vec();
    let may = |actions: Vec<String>| Profile { actions, resources: resources.clone(), ..Profile::default() };
    blocking(|| world.registry.add_team("travel", &may(actions), now())).unwrap();
    let (key, did, other) = blocking(|| {
        let booking = may(vec!["a2a:skill:book".to_owned()]);
        let did = world.registry.add_agent("mail", "travel", &booking, now()).unwrap().did;
        let other = world.registry.add_agent("crm", "travel", &booking, now()).unwrap().did;
        (world.registry.create_key("mail", "test", None, now()).unwrap().secret.to_string(), did, other)
    });
    shadow(&world, "mail", 60);
    let asks = |about: &str, action: &str| {
        let body = json!({
            "subject": {"type": "agent", "id": about}, "action": {"name": action},
            "resource": {"type": "url", "id": "https://shop.example/rooms"}, "options": {"commit": true},
        });
        world.send(0, post_to("/access/v1/evaluation", &key, body.to_string()))
    };
    assert_eq!(asks(&did, "a2a:skill:cancel").await.json()["decision"], true, "an action of a service");
    let own = asks(&did, "app:transfer").await.json();
    assert_eq!((&own["decision"], &own["context"]["code"]), (&json!(false), &json!("not_granted")));
    assert_eq!(asks(&other, "a2a:skill:book").await.status, 403, "it was not granted to ask about others");
}
