//! A fresh store on each engine.

use legation_store::{Location, Store, organization};
use legation_tests::postgres;
use std::sync::Arc;

/// The organization that is in each.
pub(crate) const ACME: &str = "0190b6a0-0000-7000-8000-000000000001";
/// When it was made.
pub(crate) const CREATED: i64 = 1_795_255_100;

/// A store, and what keeps its place.
pub(crate) struct Engine {
    pub(crate) name: &'static str,
    pub(crate) store: Arc<Store>,
    pub(crate) location: Location,
    _folder: Option<tempfile::TempDir>,
}

impl Engine {
    fn new(name: &'static str, location: Location, folder: Option<tempfile::TempDir>) -> Self {
        let store = Store::open(location.clone()).unwrap();
        store.write(|tx| organization::add(tx, ACME, "acme.example", CREATED)).unwrap();
        Self { name, store, location, _folder: folder }
    }

    /// The same store as another process sees it.
    pub(crate) fn again(&self) -> Arc<Store> {
        blocking(|| Store::open(self.location.clone()).unwrap())
    }
}

/// Verbs block, which a thread that runs futures must not.
pub(crate) fn blocking<T>(verb: impl FnOnce() -> T) -> T {
    match tokio::runtime::Handle::try_current() {
        Ok(_) => tokio::task::block_in_place(verb),
        Err(_) => verb(),
    }
}

pub(crate) fn sqlite() -> Engine {
    let folder = tempfile::tempdir().unwrap();
    Engine::new("SQLite", Location::Sqlite(folder.path().join("store.sqlite")), Some(folder))
}

/// Both engines; where no PostgreSQL is at hand, that is told, and SQLite alone.
pub(crate) fn both() -> Vec<Engine> {
    blocking(open_both)
}

fn open_both() -> Vec<Engine> {
    let mut engines = vec![sqlite()];
    if postgres::is_at_hand() {
        let url = postgres::shared().unwrap().database("store").unwrap();
        engines.push(Engine::new("PostgreSQL", Location::Postgres(url), None));
    }
    engines
}
