//! Delegations are renewed in time, whatever became of those beside them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod world;

use legation_registry::{Budget, FIRST_TEAM, Profile};
use legation_store::holder::Kind;
use world::{DAY, NOW, World};

#[test]
fn an_agent_below_a_revoked_team_keeps_no_other_from_being_renewed() {
    let world = World::new();
    let team = Profile { groups: vec!["*".to_owned()], valid_for: 365 * DAY, ..Profile::default() };
    world.registry.add_team("sales", &team, NOW).unwrap();
    // In the order in which they end, the one that can't be renewed comes first.
    world.add("a", "sales");
    world.add("b", FIRST_TEAM);
    let of_team = world.current(Kind::Team, "sales").unwrap();
    world.registry.revoke(&of_team.id, "", NOW).unwrap();
    assert_eq!(
        world.registry.renew_due(NOW + 19 * DAY).unwrap(),
        0,
        "nothing is due before two thirds of a life"
    );
    let later = NOW + 21 * DAY;
    assert_eq!(world.registry.renew_due(later).unwrap(), 1);
    assert_eq!(world.current(Kind::Agent, "b").unwrap().valid_until, later + 30 * DAY);
    assert_eq!(world.current(Kind::Agent, "a").unwrap().valid_until, NOW + 30 * DAY);
    assert_eq!(world.registry.renew_due(later).unwrap(), 0);
}

#[test]
fn a_budget_that_is_raised_for_a_while_is_lowered_before_that_ends_and_never_later() {
    let world = World::new();
    world.add("a", FIRST_TEAM);
    let (registry, of) = (&world.registry, (Kind::Agent, "a"));
    let budget = |text: &str| Budget::parse(text).unwrap();
    let until = NOW + 7200;
    registry.raise_budget(of, budget("20USD/day"), Some(until), NOW).unwrap();
    let now_is = |now: i64| {
        let all = registry.budgets(Kind::Agent, "a", now).unwrap();
        let own = &all[0].budgets;
        assert_eq!(own.len(), 1);
        (own[0].budget.to_string(), own[0].until)
    };
    assert_eq!(now_is(NOW), ("20.00 USD/day".to_owned(), Some(until)));
    let raised = world.current(Kind::Agent, "a").unwrap();
    assert!(raised.valid_until == until, "what says it ends with it");
    // Not by and by, though its delegation lives shortly.
    for now in [NOW + 3600, until - 1000, until - 6] {
        assert_eq!(registry.renew_due(now).unwrap(), 0, "{now}");
    }
    assert_eq!(registry.renew_due(until - 5).unwrap(), 1);
    assert_eq!(now_is(until - 5), ("5.00 USD/day".to_owned(), None));
    let lowered = world.current(Kind::Agent, "a").unwrap();
    assert_eq!(lowered.valid_until, until - 5 + 30 * DAY);
    assert_eq!(registry.delegation(&raised.id).unwrap().1.state, "revoked");
    let events: Vec<_> = registry.events(0, 100).unwrap().into_iter().map(|event| event.kind).collect();
    assert!(events.ends_with(&["budget.raised".to_owned(), "delegation.renewed".to_owned()]), "{events:?}");
    // Set anew, it is what it was set to.
    registry.raise_budget(of, budget("20USD/day"), Some(until + DAY), until).unwrap();
    registry.set_budget(of, Some(budget("6USD/day")), until).unwrap();
    assert_eq!(now_is(until), ("6.00 USD/day".to_owned(), None));
    for (text, until) in [("5USD/day", NOW + DAY), ("9USD/day", NOW + 5), ("9EUR/day", NOW + DAY)] {
        let refused = registry.raise_budget(of, budget(text), Some(until), NOW);
        assert_eq!(refused.unwrap_err().code(), "value_invalid", "{text}");
    }
}

#[test]
fn whoever_has_more_than_a_team_after_its_raise_ends_with_it_and_its_siblings_go_on() {
    let world = World::new();
    let team = Profile {
        groups: vec!["*".to_owned()],
        budgets: vec![Budget::parse("10USD/day").unwrap()],
        ..Profile::default()
    };
    world.registry.add_team("sales", &team, NOW).unwrap();
    let until = NOW + 7200;
    let raised = Budget::parse("50USD/day").unwrap();
    world.registry.raise_budget((Kind::Team, "sales"), raised, Some(until), NOW).unwrap();
    world.add("a", "sales");
    world.add("b", "sales");
    let more = Budget::parse("30USD/day").unwrap();
    world.registry.set_budget((Kind::Agent, "a"), Some(more), NOW).unwrap();
    for agent in ["a", "b"] {
        assert_eq!(world.current(Kind::Agent, agent).unwrap().valid_until, until);
    }
    assert_eq!(world.registry.renew_due(until - 10).unwrap(), 0, "they end with what is above them");
    assert!(world.registry.renew_due(until - 3).unwrap() >= 1);
    assert!(world.current(Kind::Agent, "b").unwrap().valid_until > until + 29 * DAY);
    assert!(world.current(Kind::Team, "sales").unwrap().valid_until > until + 29 * DAY);
    assert!(world.current(Kind::Agent, "a").is_none_or(|link| link.valid_until <= until));
}

#[test]
fn what_was_revoked_or_retired_is_renewed_by_nothing() {
    let world = World::new();
    world.add("a", FIRST_TEAM);
    world.add("b", FIRST_TEAM);
    let revoked = world.current(Kind::Agent, "a").unwrap();
    world.registry.revoke(&revoked.id, "leaked", NOW).unwrap();
    world.registry.retire(Kind::Agent, "b", NOW).unwrap();
    assert_eq!(world.registry.renew_due(NOW + 25 * DAY).unwrap(), 0);
    world.registry.set_budget((Kind::Agent, "a"), Some(Budget::parse("1USD/day").unwrap()), NOW).unwrap();
    let team = world.current(Kind::Team, FIRST_TEAM).unwrap();
    assert!(world.registry.renew(&team.id, NOW).unwrap());
    assert_eq!((world.current(Kind::Agent, "a"), world.current(Kind::Agent, "b")), (None, None));
}
