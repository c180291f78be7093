//! What could this agent do on the third of March at noon?

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod world;

use legation_registry::{Budget, FIRST_TEAM};
use legation_store::holder::{Kind, State};
use world::{DAY, NOW, World};

#[test]
fn what_an_agent_could_do_is_known_for_every_moment_of_its_life() {
    let world = World::new();
    let (registry, bot) = (&world.registry, (Kind::Agent, "bot"));
    let at = |hours: i64| NOW + hours * 3600;
    registry.set_budget((Kind::Team, FIRST_TEAM), Some(Budget::parse("50USD/day").unwrap()), at(1)).unwrap();
    world.add_at("bot", FIRST_TEAM, at(2));
    registry.set_budget(bot, Some(Budget::parse("9USD/day").unwrap()), at(4)).unwrap();
    registry.suspend(Kind::Agent, "bot", at(6)).unwrap();
    registry.resume(Kind::Agent, "bot", at(8)).unwrap();
    let of_team = world.current(Kind::Team, FIRST_TEAM).unwrap();
    registry.revoke(&of_team.id, "by mistake", at(10)).unwrap();
    registry.delegate_again(Kind::Team, FIRST_TEAM, at(12)).unwrap();
    let raised = Budget::parse("20USD/day").unwrap();
    registry.raise_budget(bot, raised, Some(at(16)), at(14)).unwrap();
    while registry.renew_due(at(16) - 4).unwrap() > 0 {}
    registry.retire(Kind::Agent, "bot", at(18)).unwrap();

    assert_eq!(registry.as_of(Kind::Agent, "bot", at(1)).unwrap_err().code(), "not_found", "not yet there");
    for (hour, budget, state, because) in [
        (3, "5.00 USD/day", State::Active, None),
        (5, "9.00 USD/day", State::Active, None),
        (7, "9.00 USD/day", State::Suspended, Some("the agent `bot` was suspended")),
        (9, "9.00 USD/day", State::Active, None),
        (11, "9.00 USD/day", State::Active, Some("the team `default` had no delegation that held")),
        (13, "9.00 USD/day", State::Active, None),
        (15, "20.00 USD/day", State::Active, None),
        (17, "9.00 USD/day", State::Active, None),
        (19, "9.00 USD/day", State::Retired, Some("the agent `bot` was retired")),
    ] {
        let past = registry.as_of(Kind::Agent, "bot", at(hour)).unwrap();
        let budgets: Vec<String> = past.profile.effective().map(|(budget, _)| budget.to_string()).collect();
        assert_eq!((budgets, past.holder.state), (vec![budget.to_owned()], state), "hour {hour}");
        assert_eq!(past.stopped().as_deref(), because, "hour {hour}");
        if because.is_none() {
            // The delegation that says it, not one before or after it.
            let link = past.path.last().unwrap().1.clone().unwrap();
            assert!(link.issued <= at(hour) && at(hour) < link.ended.unwrap_or(i64::MAX), "hour {hour}");
            let (_, _, state) = registry.delegation_as_of(&link.id, at(hour)).unwrap();
            assert_eq!(state, "current", "hour {hour}");
        }
    }
    let first = registry.as_of(Kind::Agent, "bot", at(3)).unwrap().path.last().unwrap().1.clone().unwrap();
    for (moment, state) in [(at(3), "current"), (at(5), "revoked"), (at(2) + 40 * DAY, "revoked")] {
        assert_eq!(registry.delegation_as_of(&first.id, moment).unwrap().2, state);
    }
    assert_eq!(registry.delegation_as_of(&first.id, at(1)).unwrap_err().code(), "not_found");
}
