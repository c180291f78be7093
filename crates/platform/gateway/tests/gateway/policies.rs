//! Policies, in front of a provider: what they forbid is not forwarded, and receipts say which decided.

use crate::world::{World, blocking, both, chat, now};
use legation_gateway::openai::error::status_and_type;
use legation_policy::Target;
use legation_registry::{Budget, Profile, Trial};
use legation_tests::upstream::{Plan, Upstream};
use serde_json::{Value, json};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

const NO_LARGE: &str = r#"@reason("use `small`")
forbid (principal, action in Action::"model", resource == Model::"large");"#;
const BOUNDED: &str = r#"forbid (principal, action, resource)
unless { context.number.hasTag("max_tokens") && context.number.getTag("max_tokens") <= 5 };"#;
/// More than a number holds.
const FAILS: &str = "forbid (principal, action, resource) when { context.at * 9000000000000 > 1 };";

fn put(world: &World, name: &str, text: &str) {
    blocking(|| world.registry.put_policy(name, text, now())).unwrap();
}

fn bind(world: &World, name: &str, to: &str) {
    let to: Target = to.parse().unwrap();
    blocking(|| world.registry.bind_policy(name, None, &to, now())).unwrap();
}

fn unbind(world: &World, name: &str) {
    blocking(|| world.registry.unbind_policy(name, None, now())).unwrap();
}

fn tagged(world: &World, name: &str, tags: &[&str]) -> String {
    let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
    let budgets = vec![Budget::parse("1USD/day").unwrap()];
    world.add(name, &Profile { groups: vec!["standard".to_owned()], budgets, tags, ..Profile::default() })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_is_forbidden_to_those_with_a_tag_on_the_next_call_by_every_gateway() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    for mut world in both() {
        blocking(|| world.add_gateway());
        world.model("small", &upstream, 1);
        world.model("large", &upstream, 1);
        let (pii, other) = (tagged(&world, "mail", &["pii"]), tagged(&world, "crm", &["eu"]));
        let ask = |model: &str| json!({"max_tokens": 1, "model": model});
        put(&world, "no-large", NO_LARGE);
        for gateway in [0, 1] {
            assert_eq!(
                world.chat(gateway, &pii, ask("large")).await.status,
                200,
                "what is only put decides nothing"
            );
        }
        bind(&world, "no-large", "tag:pii");
        for gateway in [0, 1] {
            let denied = world.chat(gateway, &pii, ask("large")).await;
            assert_eq!(denied.told(), (403, "policy_denied".to_owned()), "{}", world.engine);
            let message = denied.json()["error"]["message"].as_str().unwrap().to_owned();
            assert!(message.contains("`no-large@1`, line 1: use `small`"), "{message}");
            assert_eq!(world.chat(gateway, &pii, ask("small")).await.status, 200);
            assert_eq!(world.chat(gateway, &other, ask("large")).await.status, 200);
        }
        // Whoever gets the tag is under it from its next call on.
        let profile = || Profile {
            groups: vec!["standard".to_owned()],
            budgets: vec![Budget::parse("1USD/day").unwrap()],
            tags: vec!["pii".to_owned()],
            ..Profile::default()
        };
        blocking(|| {
            world.registry.set_profile((legation_store::holder::Kind::Agent, "crm"), &profile(), now())
        })
        .unwrap();
        assert_eq!(world.chat(1, &other, ask("large")).await.told().1, "policy_denied");
        unbind(&world, "no-large");
        for gateway in [1, 0] {
            assert_eq!(world.chat(gateway, &pii, ask("large")).await.status, 200, "unbound at once");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fact_that_a_policy_needs_is_needed_and_what_cannot_be_evaluated_denies() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    for world in both() {
        world.model("small", &upstream, 1);
        let key = world.agent("mail", "1USD/day");
        put(&world, "bounded", BOUNDED);
        bind(&world, "bounded", "organization");
        assert_eq!(world.chat(0, &key, json!({"max_tokens": 5})).await.status, 200);
        assert_eq!(world.chat(0, &key, json!({"max_tokens": 6})).await.told().1, "policy_denied");
        unbind(&world, "bounded");
        put(&world, "fails", FAILS);
        bind(&world, "fails", "agent:mail");
        let failed = world.chat(0, &key, json!({"max_tokens": 5})).await;
        assert_eq!(failed.told(), (403, "policy_error".to_owned()), "{}", failed.text());
        assert_eq!(failed.headers["x-should-retry"], "false");
        assert_eq!(upstream.requests().len(), if world.engine == "SQLite" { 1 } else { 2 });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receipts_say_what_was_bound_and_what_decided() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    for world in both() {
        world.model("small", &upstream, 1);
        world.model("large", &upstream, 1);
        let key = world.agent("mail", "1USD/day");
        let ask = |model: &str| json!({"max_tokens": 1, "model": model});
        world.chat(0, &key, ask("small")).await;
        put(&world, "no-large", NO_LARGE);
        put(&world, "list", r#"permit (principal, action, resource in Group::"standard");"#);
        bind(&world, "no-large", "organization");
        world.chat(0, &key, ask("small")).await;
        bind(&world, "list", "team:default");
        for model in ["small", "small", "large"] {
            world.chat(0, &key, ask(model)).await;
        }
        let digest = blocking(|| world.registry.policy_set(None)).unwrap().digest().to_owned();
        // What was committed in memory gets its number later: each is looked for by what it says.
        world.wait_for_receipts(9).await;
        let bodies = world.bodies();
        let of = |decided: Value| -> Vec<&Value> {
            bodies.iter().filter(|body| body["policy"]["decided"] == decided).collect()
        };
        assert_eq!(of(Value::Null).len(), 1, "nothing was bound");
        let [before] = of(json!([]))[..] else { panic!("{bodies:?}") };
        assert_ne!(before["policy"]["digest"], digest);
        let listed = of(json!(["list@1"]));
        assert!(
            listed.len() == 2 && listed.iter().all(|body| body["policy"]["digest"] == digest),
            "{bodies:?}"
        );
        let [denied] = of(json!(["no-large@1"]))[..] else { panic!("{bodies:?}") };
        assert_eq!((&denied["code"], &denied["decision"]), (&json!("policy_denied"), &json!("deny")));
        assert_eq!(denied["policy"]["digest"], digest);
        // What was signed in batches verifies, as it did.
        while blocking(|| world.registry.sign_receipts(100, now())).unwrap() > 0 {}
        assert!(blocking(|| world.registry.signed_receipt(3)).unwrap().is_some());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_that_permits_lets_through_nothing_that_the_chain_does_not() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    for world in both() {
        world.model("small", &upstream, 1);
        let mut other = world.model("secret", &upstream, 1);
        other.group = "board".to_owned();
        blocking(|| world.registry.put_model(&other, now())).unwrap();
        let key = world.agent("mail", "1USD/day");
        put(&world, "all", "permit (principal, action, resource);");
        bind(&world, "all", "organization");
        let denied = world.chat(0, &key, json!({"max_tokens": 1, "model": "secret"})).await;
        assert_eq!(denied.told(), (403, "not_granted".to_owned()));
        assert_eq!(world.chat(0, &key, json!({"max_tokens": 1})).await.status, 200);
        world.suspend("mail");
        assert_eq!(world.chat(0, &key, json!({"max_tokens": 1})).await.told().1, "link_suspended");
    }
}

/// Calls go on while a policy is bound: none that begins after that has returned passes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_that_begins_after_a_policy_was_bound_passes() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    for mut world in both() {
        blocking(|| world.add_gateway());
        world.model("small", &upstream, 1);
        let key = world.agent("mail", "100USD/day");
        put(&world, "stop", "forbid (principal, action, resource is Model);");
        let before = upstream.count();
        let (world, bound) = (Arc::new(world), Arc::new(AtomicBool::new(false)));
        let calls: Vec<_> = (0..4)
            .map(|caller| {
                let (world, bound, key) = (Arc::clone(&world), Arc::clone(&bound), key.clone());
                tokio::spawn(async move {
                    let (mut passed, mut late) = (0, 0);
                    for _ in 0..60 {
                        let begun_late = bound.load(Ordering::SeqCst);
                        let answer = world.send(caller % 2, chat(&key, json!({"max_tokens": 1}))).await;
                        passed += usize::from(answer.status == 200);
                        late += usize::from(begun_late && answer.status == 200);
                    }
                    (passed, late)
                })
            })
            .collect();
        while upstream.count() < before + 8 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let (binding, done) = (Arc::clone(&world), Arc::clone(&bound));
        tokio::task::spawn_blocking(move || {
            binding.registry.bind_policy("stop", None, &Target::Organization, now()).unwrap();
            done.store(true, Ordering::SeqCst);
        })
        .await
        .unwrap();
        let (mut passed, mut late) = (0, 0);
        for call in calls {
            let (some, more) = call.await.unwrap();
            (passed, late) = (passed + some, late + more);
        }
        assert_eq!(late, 0, "{}: {passed} passed", world.engine);
        assert!(passed > 0 && passed < 240, "{}: {passed}", world.engine);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_whose_text_was_changed_in_the_database_closes_the_gateway() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    let world = crate::world::sqlite();
    world.model("small", &upstream, 1);
    let key = world.agent("mail", "1USD/day");
    put(&world, "stop", "forbid (principal, action, resource is Model);");
    bind(&world, "stop", "organization");
    let database = rusqlite::Connection::open(world.folder.path().join("store.sqlite")).unwrap();
    database.execute("UPDATE policy_version SET text = 'permit (principal, action, resource);'", []).unwrap();
    let again = blocking(|| world.registry.bind_policy("stop", None, &Target::Tag("a".to_owned()), now()));
    assert_eq!(again.unwrap_err().code(), "store_damaged");
    let (status, code) = world.chat(0, &key, json!({"max_tokens": 1})).await.told();
    assert_eq!((status, code.as_str()), (503, "store_unavailable"));
    assert_eq!(status_and_type("policy_error").0, 403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_is_tried_on_what_was_asked_before_it_is_bound() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    for world in both() {
        world.model("small", &upstream, 1);
        world.model("large", &upstream, 1);
        let (pii, other) = (tagged(&world, "mail", &["pii"]), tagged(&world, "crm", &[]));
        for (key, model) in [(&pii, "small"), (&pii, "large"), (&other, "large"), (&pii, "large")] {
            world.chat(0, key, json!({"max_tokens": 1, "model": model})).await;
        }
        let document = |text: &str| Arc::new(legation_policy::Document::parse("no-large", 1, text).unwrap());
        let on = |to: &str| Trial { document: document(NO_LARGE), targets: vec![to.parse().unwrap()] };
        let tried = blocking(|| world.registry.try_policy(&on("tag:pii"), 0)).unwrap();
        assert_eq!((tried.requests, tried.denied, tried.through), (4, 2, 0), "{tried:?}");
        assert_eq!(tried.by_agent["mail"], (2, 0));
        let first = &tried.differences[0];
        assert_eq!(
            (first.agent.as_str(), first.was.as_str(), first.would.as_str()),
            ("mail", "permit", "policy_denied")
        );
        assert_eq!(first.policies, ["no-large@1"]);
        assert_eq!(blocking(|| world.registry.try_policy(&on("organization"), 0)).unwrap().denied, 3);
        assert_eq!(
            blocking(|| world.registry.try_policy(&on("organization"), now() + 60)).unwrap().requests,
            0
        );
        // It is bound, denies, and another one in its place would let through what it denied.
        put(&world, "no-large", NO_LARGE);
        bind(&world, "no-large", "tag:pii");
        world.chat(0, &pii, json!({"max_tokens": 1, "model": "large"})).await;
        let softer = Trial {
            document: document(r#"forbid (principal, action, resource == Model::"huge");"#),
            targets: vec![],
        };
        let tried = blocking(|| world.registry.try_policy(&softer, 0)).unwrap();
        assert_eq!((tried.denied, tried.through), (0, 1), "{tried:?}");
        assert_eq!(tried.differences[0].policies, ["no-large@1"]);
    }
}
