//! Budgets: met exactly, by one millionth, by many at once, across gateways, over a renewal.

use crate::world::{CENT, World, blocking, both, now, sqlite};
use legation_registry::{Budget, Profile};
use legation_store::holder::Kind;
use legation_tests::upstream::{Plan, Upstream};
use serde_json::json;
use std::{sync::Arc, time::Duration};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_budget_is_met_exactly_and_not_by_one_millionth_more() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 5)).unwrap();
    for world in both() {
        world.model("small", &upstream, CENT);
        world.model("dearer", &upstream, CENT + 1);
        let key = world.agent("mail", "0.10USD/day");
        let dearer = world.chat(0, &key, json!({"model": "dearer", "max_tokens": 10})).await;
        assert_eq!(dearer.told(), (429, "budget_exceeded".to_owned()), "ten millionths above");
        assert_eq!(dearer.headers["x-should-retry"], "false");
        assert!(dearer.text().contains("0.1000001 USD"), "{}", dearer.text());
        // Ten cents are reserved, and five spent.
        assert_eq!(world.chat(0, &key, json!({"max_tokens": 10})).await.status, 200, "{}", world.engine);
        assert_eq!(world.chat(0, &key, json!({"max_tokens": 6})).await.status, 429);
        assert_eq!(world.chat(0, &key, json!({"max_tokens": 5})).await.status, 200);
        assert_eq!(world.chat(0, &key, json!({"max_tokens": 1})).await.status, 429);
        let kinds: Vec<String> =
            world.wait_for_receipts(5).await.into_iter().map(|(kind, ..)| kind).collect();
        assert_eq!(
            kinds,
            ["deny", "permit", "settle", "permit", "settle"],
            "denials that repeat are counted"
        );
        let spent = blocking(|| world.registry.spent(0)).unwrap();
        assert_eq!((spent[0].calls, spent[0].amount), (2, 10_000_000));
    }
}

async fn at_once(world: &Arc<World>, key: &str, calls: usize, gateways: usize) -> usize {
    let all: Vec<_> = (0..calls)
        .map(|number| {
            let (world, key) = (Arc::clone(world), key.to_owned());
            tokio::spawn(async move {
                world.chat(number % gateways, &key, json!({"max_tokens": 1})).await.status.as_u16()
            })
        })
        .collect();
    let mut passed = 0;
    for one in all {
        let status = one.await.unwrap();
        assert!(matches!(status, 200 | 429), "{status}");
        passed += usize::from(status == 200);
    }
    passed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_calls_at_once_ten_pass_by_two_gateways_however_fast_the_provider_is() {
    for delay in [0, 300] {
        let plan = Plan::says("hello").tokens(1, 1).after(Duration::from_millis(delay));
        let upstream = Upstream::always(plan).unwrap();
        for mut world in both() {
            blocking(|| world.add_gateway());
            world.model("small", &upstream, CENT);
            let key = world.agent("mail", "0.10USD/day");
            let (sent, world) = (upstream.count(), Arc::new(world));
            assert_eq!(at_once(&world, &key, 64, 2).await, 10, "{} {delay}", world.engine);
            assert_eq!(upstream.count() - sent, 10, "nothing that is denied is sent");
            let spent = blocking(|| world.registry.spent(0)).unwrap();
            assert!(spent.iter().all(|spent| spent.amount <= 10_000_000));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_budget_of_a_team_is_that_of_all_its_agents() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 4)).unwrap();
    let world = sqlite();
    world.model("small", &upstream, CENT);
    let budget = Budget::parse("0.10USD/month").unwrap();
    blocking(|| world.registry.set_budget((Kind::Team, "default"), Some(budget), now())).unwrap();
    let (mail, sales) = (world.agent("mail", "1USD/day"), world.agent("sales", "1USD/day"));
    assert_eq!(world.chat(0, &mail, json!({"max_tokens": 4})).await.status, 200);
    assert_eq!(world.chat(0, &sales, json!({"max_tokens": 4})).await.status, 200);
    assert_eq!(world.chat(0, &sales, json!({"max_tokens": 3})).await.told().1, "budget_exceeded");
    assert_eq!(world.chat(0, &mail, json!({"max_tokens": 2})).await.status, 200, "two are left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewal_and_a_new_budget_refill_nothing() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 6)).unwrap();
    for world in both() {
        world.model("small", &upstream, CENT);
        let key = world.agent("mail", "0.10USD/day");
        assert_eq!(world.chat(0, &key, json!({"max_tokens": 6})).await.status, 200);
        let (_, link) =
            blocking(|| world.registry.delegations(Some((Kind::Agent, "mail")))).unwrap().remove(0);
        assert!(blocking(|| world.registry.renew(&link.id, now())).unwrap());
        let (_, renewed) =
            blocking(|| world.registry.delegations(Some((Kind::Agent, "mail")))).unwrap().remove(0);
        assert_ne!((&link.id, &link.secured), (&renewed.id, &renewed.secured));
        assert_eq!(world.chat(0, &key, json!({"max_tokens": 5})).await.status, 429, "{}", world.engine);
        // The team's is renewed, too, and with it all below.
        let (_, team) =
            blocking(|| world.registry.delegations(Some((Kind::Team, "default")))).unwrap().remove(0);
        assert!(blocking(|| world.registry.renew(&team.id, now())).unwrap());
        assert_eq!(world.chat(0, &key, json!({"max_tokens": 5})).await.status, 429);
        assert_eq!(world.chat(0, &key, json!({"max_tokens": 4})).await.status, 200);
        let budget = Budget::parse("0.13USD/day").unwrap();
        blocking(|| world.registry.set_budget((Kind::Agent, "mail"), Some(budget), now())).unwrap();
        // Of 13 cents 6 and 6 are spent: what a call costs beyond its reservation counts, too.
        while blocking(|| world.registry.closed_models()).unwrap().is_empty() {
            // It is closed behind the answer.
            tokio::time::sleep(core::time::Duration::from_millis(10)).await;
        }
        assert_eq!(world.chat(0, &key, json!({"max_tokens": 2})).await.status, 503, "closed by the overrun");
        blocking(|| world.model("small", &upstream, CENT));
        assert_eq!(world.chat(0, &key, json!({"max_tokens": 2})).await.status, 429);
        assert_eq!(world.chat(0, &key, json!({"max_tokens": 1})).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tools_tokens_and_how_often_are_limits_like_any_other() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    let world = sqlite();
    world.model("small", &upstream, CENT);
    let profile = Profile {
        groups: vec!["standard".to_owned()],
        constraints: vec![
            json!({"type": "rate", "seconds": 3600, "max": 2}),
            json!({"type": "argument", "name": "tools", "max": 0}),
            json!({"type": "total", "fact": "tokens", "perAction": 2000}),
        ],
        ..Profile::default()
    };
    let key = world.add("mail", &profile);
    let tools = json!([{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]);
    let answer = world.chat(0, &key, json!({"max_tokens": 1, "tools": tools})).await;
    assert_eq!(answer.told(), (403, "constraint_violated".to_owned()), "{}", answer.text());
    let answer = world.chat(0, &key, json!({"max_tokens": 999})).await;
    assert_eq!(answer.told(), (403, "constraint_violated".to_owned()), "{}", answer.text());
    for _ in 0..2 {
        assert_eq!(world.chat(0, &key, json!({"max_tokens": 1})).await.status, 200);
    }
    assert_eq!(world.chat(0, &key, json!({"max_tokens": 1})).await.told(), (429, "rate_exceeded".to_owned()));
}
