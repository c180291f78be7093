//! Several verbs in one transaction, and what is kept of writes that may be asked again.

use crate::engines::{ACME, CREATED, both};
use legation_store::{
    NewEvent, Store, StoreError,
    idempotency::{self, Kept, Name},
};

const EVENT: NewEvent<'static> =
    NewEvent { kind: "test.done", subject: "a", actor: "owner", data: "{}", decides: true };

fn append(store: &Store) -> Result<i64, StoreError> {
    store.write(|tx| tx.append(ACME, &EVENT, CREATED))
}

fn count(store: &Store) -> usize {
    store.read(|tx| tx.events(ACME, 0, 100)).unwrap().len()
}

#[test]
fn verbs_that_go_together_are_kept_together_and_see_one_another() {
    for engine in both() {
        let numbers = engine.store.together(|store| -> Result<_, StoreError> {
            let (one, two) = (append(store)?, append(store)?);
            assert_eq!(count(store), 2, "{}", engine.name);
            Ok((one, two))
        });
        assert_eq!((numbers, count(&engine.store)), (Ok((1, 2)), 2), "{}", engine.name);
    }
}

#[test]
fn of_verbs_that_go_together_none_is_kept_where_one_fails_even_where_that_is_overlooked() {
    let refuse = || StoreError::Refused("no".to_owned());
    for engine in both() {
        let told = engine.store.together(|store| -> Result<(), StoreError> {
            append(store)?;
            Err(refuse())
        });
        assert_eq!((told, count(&engine.store)), (Err(refuse()), 0), "{}", engine.name);
        let overlooked = engine.store.together(|store| -> Result<(), StoreError> {
            append(store)?;
            let failed = store.write(|tx| -> Result<(), StoreError> {
                tx.append(ACME, &EVENT, CREATED)?;
                Err(refuse())
            });
            assert_eq!(failed, Err(refuse()));
            assert!(append(store).is_err(), "{}: nothing goes on after it", engine.name);
            Ok(())
        });
        assert_eq!(overlooked.unwrap_err().code(), "store_unavailable", "{}", engine.name);
        assert_eq!(count(&engine.store), 0, "{}", engine.name);
        // Whoever keeps the store beyond its transaction has nothing.
        let kept = engine.store.together(|store| Ok::<_, StoreError>(std::sync::Arc::clone(store))).unwrap();
        assert!(append(&kept).is_err(), "{}", engine.name);
        assert_eq!(append(&engine.store), Ok(1), "{}", engine.name);
    }
}

#[test]
fn a_write_is_known_by_admin_verb_and_key_until_it_is_forgotten() {
    for engine in both() {
        let name = Name { admin: "did:key:a", verb: "admin:agents.add", key: "k" };
        let others = [
            Name { admin: "did:key:b", ..name },
            Name { verb: "admin:x", ..name },
            Name { key: "l", ..name },
        ];
        let kept = Kept { request: [7; 32], answer: Some("{}".to_owned()) };
        let store = &engine.store;
        store.write(|tx| idempotency::add(tx, ACME, &name, &kept, CREATED)).unwrap();
        let get = |name: &Name<'_>| store.read(|tx| idempotency::get(tx, ACME, name)).unwrap();
        assert_eq!(get(&name), Some(kept.clone()), "{}", engine.name);
        for other in &others {
            assert_eq!(get(other), None, "{}: {other:?}", engine.name);
        }
        let other = "0190b6a0-0000-7000-8000-000000000002";
        assert_eq!(store.read(|tx| idempotency::get(tx, other, &name)), Ok(None), "{}", engine.name);
        let again = store.write(|tx| idempotency::add(tx, ACME, &name, &kept, CREATED));
        assert_eq!(again.unwrap_err().code(), "already_exists", "{}", engine.name);
        store.write(|tx| idempotency::forget(tx, ACME, CREATED)).unwrap();
        assert_eq!(get(&name), Some(kept), "{}", engine.name);
        store.write(|tx| idempotency::forget(tx, ACME, CREATED + 1)).unwrap();
        assert_eq!(get(&name), None, "{}", engine.name);
    }
}
