//! Events, tenants, names.

use crate::engines::{ACME, Engine, both};
use legation_store::{
    Location, NewEvent, Store, StoreError, api_key,
    backup::Note,
    holder,
    holder::{Holder, Kind, State},
    organization,
};
use std::sync::Arc;

const OTHER: &str = "0190b6a0-0000-7000-8000-000000000002";

fn event(subject: &str, decides: bool) -> NewEvent<'_> {
    NewEvent { kind: "agent.added", subject, actor: "owner", data: "{}", decides }
}

fn agent(name: &str) -> Holder {
    Holder {
        id: format!("id-{name}"),
        kind: Kind::Agent,
        parent: None,
        name: name.to_owned(),
        did: format!("did:web:acme.example:{name}"),
        state: State::Active,
        version: 1,
        created: 1,
        unconfirmed: None,
        body: "{}".to_owned(),
    }
}

#[test]
fn events_of_many_writers_have_no_gap_and_each_names_the_one_before() {
    for engine in both() {
        let stores = [Arc::clone(&engine.store), engine.again(), engine.again()];
        std::thread::scope(|scope| {
            for store in &stores {
                scope.spawn(move || {
                    for number in 0..20 {
                        store.write(|tx| tx.append(ACME, &event("a", number % 2 == 0), number)).unwrap();
                    }
                });
            }
        });
        let (events, now) = engine
            .store
            .read(|tx| Ok::<_, StoreError>((tx.events(ACME, 0, 1000)?, organization::get(tx, ACME)?)))
            .unwrap();
        let numbers: Vec<i64> = events.iter().map(|event| event.seq).collect();
        assert_eq!(numbers, (1..=60).collect::<Vec<_>>(), "{}", engine.name);
        assert!(events.windows(2).all(|pair| pair[1].previous == pair[0].digest()));
        assert_eq!((now.events, now.epoch), (60, 31), "each second one decides");
    }
}

#[test]
fn a_verb_that_fails_changes_nothing() {
    for engine in both() {
        let failed = engine.store.write(|tx| {
            holder::add(tx, ACME, &agent("mail"))?;
            tx.append(ACME, &event("mail", true), 1)?;
            Err::<(), _>(StoreError::Refused("no".to_owned()))
        });
        assert_eq!(failed, Err(StoreError::Refused("no".to_owned())));
        let found = engine.store.read(|tx| {
            Ok::<_, StoreError>((holder::list(tx, ACME, Kind::Agent, "", 10)?, tx.events(ACME, 0, 10)?))
        });
        assert_eq!(found.unwrap(), (vec![], vec![]), "{}", engine.name);
    }
}

#[test]
fn a_name_is_taken_once_and_what_belongs_to_another_organization_is_not_there() {
    for engine in both() {
        let store = &engine.store;
        store.write(|tx| organization::add(tx, OTHER, "other.example", 1)).unwrap();
        store.write(|tx| holder::add(tx, ACME, &agent("mail"))).unwrap();
        let twice = store.write(|tx| holder::add(tx, ACME, &agent("mail"))).unwrap_err();
        assert_eq!(twice, StoreError::Exists { what: "the agent `mail`".to_owned() }, "{}", engine.name);
        let theirs = store.read(|tx| holder::by_name(tx, OTHER, Kind::Agent, "mail")).unwrap_err();
        assert_eq!(theirs.code(), "not_found");
        let theirs =
            store.write(|tx| holder::change(tx, OTHER, "id-mail", (State::Retired, "{}"), 1)).unwrap_err();
        assert_eq!(theirs.code(), "not_found");
        assert_eq!(store.read(|tx| holder::get(tx, ACME, "id-mail")).unwrap(), agent("mail"));
        let key = api_key::ApiKey {
            id: "k".to_owned(),
            holder: "id-mail".to_owned(),
            name: "first".to_owned(),
            digest: [7; 32],
            hint: "legation_abc".to_owned(),
            created: 1,
            expires: None,
            unconfirmed: None,
            state: "active".to_owned(),
        };
        store.write(|tx| api_key::add(tx, ACME, &key)).unwrap();
        assert_eq!(store.read(|tx| api_key::by_digest(tx, OTHER, [7; 32])).unwrap(), None);
        assert_eq!(store.read(|tx| api_key::by_digest(tx, ACME, [7; 32])).unwrap(), Some(key));
    }
}

#[test]
fn a_database_of_a_later_version_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.sqlite");
    drop(Store::open(Location::Sqlite(path.clone())).unwrap());
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute("INSERT INTO migration (number) VALUES (99)", []).unwrap();
    let error = Store::open(Location::Sqlite(path)).unwrap_err();
    assert!(matches!(error, StoreError::TooNew { found: 99, known } if known < 99), "{error:?}");
}

/// Runs SQL as a later version does, beside the store.
fn run(location: &Location, sql: &str) {
    match location {
        Location::Sqlite(path) => rusqlite::Connection::open(path).unwrap().execute_batch(sql).unwrap(),
        Location::Postgres(url) => {
            postgres::Client::connect(url, postgres::NoTls).unwrap().batch_execute(sql).unwrap();
        }
    }
}

#[test]
fn who_runs_beside_a_later_version_goes_on_where_that_only_added_and_stops_where_it_did_not() {
    for Engine { name, store, location, .. } in &both() {
        run(
            location,
            "CREATE TABLE later (organization TEXT NOT NULL PRIMARY KEY); \
             INSERT INTO migration (number, compatible_from) VALUES (99, 30)",
        );
        store.write(|tx| organization::lock(tx, ACME).map(drop)).unwrap();
        let again = Store::open(location.clone()).unwrap();
        assert_eq!(again.read(|tx| organization::get(tx, ACME)).unwrap().epoch, 1);
        let mut out = Vec::new();
        let half = again.backup(&mut out, Note { at: 1, master: None }, &mut |_| {}).unwrap_err();
        assert!(matches!(half, StoreError::TooNew { found: 99, .. }), "{name}: {half:?}");
        assert!(out.is_empty(), "{name}: a backup without the tables that are not known");

        run(location, "UPDATE migration SET compatible_from = 99 WHERE number = 99");
        let stopped = |result: Result<(), StoreError>| {
            assert!(matches!(result, Err(StoreError::TooNew { found: 99, .. })), "{name}: {result:?}");
        };
        stopped(store.read(|tx| organization::get(tx, ACME)).map(drop));
        stopped(store.write(|tx| organization::lock(tx, ACME).map(drop)));
        stopped(Store::open(location.clone()).map(drop));
    }
}

#[test]
fn a_url_that_can_not_be_read_is_told_without_its_password() {
    let error = Store::open(Location::Postgres("postgres://me:hunter2@host:port/x".to_owned())).unwrap_err();
    assert!(matches!(error, StoreError::Url { .. }), "{error}");
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}
