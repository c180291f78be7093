//! An organization with a signer of its own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "each test uses some of it"
)]

use legation_registry::{Budget, Profile, Registry, RegistryError, init, init_with_history};
use legation_signer::{Client, Door};
use legation_store::{Location, Store, holder::Kind, link::Link};
use legation_tests::signer::Signer;
use std::sync::Arc;
use tempfile::TempDir;

pub const DAY: i64 = 86_400;
pub const NOW: i64 = 1_764_000_000;

/// Such an organization.
pub struct World {
    pub registry: Registry,
    signer: Signer,
    folder: TempDir,
}

impl World {
    pub fn new() -> Self {
        Self::by(init, "acme.example")
    }

    /// One with a did:webvh.
    pub fn with_history() -> Self {
        Self::with_history_at("acme.example")
    }

    /// The same at a domain, or by a name below one.
    pub fn with_history_at(domain: &str) -> Self {
        Self::by(init_with_history, domain)
    }

    fn by(init: fn(Arc<Store>, Client, &str, i64) -> Result<Registry, RegistryError>, domain: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let signer = Signer::start(folder.path()).unwrap();
        let store = Store::open(Location::Sqlite(folder.path().join("store.sqlite"))).unwrap();
        let registry = init(store, signer.client(Door::Registry).unwrap(), domain, NOW).unwrap();
        Self { registry, signer, folder }
    }

    /// The database, past all that guards it.
    pub fn database(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.folder.path().join("store.sqlite")).unwrap()
    }

    /// The same organization as another host sees it.
    pub fn other_host(&self) -> Registry {
        let store = Store::open(Location::Sqlite(self.folder.path().join("store.sqlite"))).unwrap();
        Registry::open(store, self.signer.client(Door::Registry).unwrap(), None).unwrap()
    }

    pub fn add(&self, agent: &str, team: &str) {
        self.add_at(agent, team, NOW);
    }

    pub fn add_at(&self, agent: &str, team: &str, now: i64) {
        let profile = Profile {
            groups: vec!["standard".to_owned()],
            budgets: vec![Budget::parse("5USD/day").unwrap()],
            ..Profile::default()
        };
        self.registry.add_agent(agent, team, &profile, now).unwrap();
    }

    pub fn current(&self, kind: Kind, name: &str) -> Option<Link> {
        let all = self.registry.delegations(Some((kind, name))).unwrap();
        all.into_iter().map(|(_, link)| link).find(|link| link.state == "current")
    }
}
