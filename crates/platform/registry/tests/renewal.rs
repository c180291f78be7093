//! Delegations are renewed in time, whatever became of those beside them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use legation_registry::{Budget, FIRST_TEAM, Profile, Registry, init};
use legation_signer::Door;
use legation_store::{Location, Store, holder::Kind, link::Link};
use legation_tests::signer::Signer;
use tempfile::TempDir;

const DAY: i64 = 86_400;
const NOW: i64 = 1_764_000_000;

/// An organization with a signer of its own.
struct World {
    registry: Registry,
    _signer: Signer,
    _folder: TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let signer = Signer::start(folder.path()).unwrap();
        let store = Store::open(Location::Sqlite(folder.path().join("store.sqlite"))).unwrap();
        let registry = init(store, signer.client(Door::Registry).unwrap(), "acme.example", NOW).unwrap();
        Self { registry, _signer: signer, _folder: folder }
    }

    fn add(&self, agent: &str, team: &str) {
        let profile = Profile {
            groups: vec!["standard".to_owned()],
            budgets: vec![Budget::parse("5USD/day").unwrap()],
            ..Profile::default()
        };
        self.registry.add_agent(agent, team, &profile, NOW).unwrap();
    }

    fn current(&self, kind: Kind, name: &str) -> Option<Link> {
        let all = self.registry.delegations(Some((kind, name))).unwrap();
        all.into_iter().map(|(_, link)| link).find(|link| link.state == "current")
    }
}

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
