//! A backup is whole or none, goes into either engine, and is closed until it is said what holds.

use crate::{
    engines::{ACME, Engine, blocking, both, sqlite},
    world::{NOW, World, commit, note, permit},
};
use legation_store::{
    CommitError, Location, NewEvent, Store, StoreError,
    backup::{self, Note},
    organization, receipt, restored,
};
use legation_tests::postgres;
use legation_verifier::Code;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Of a sliding window of a hundred seconds ten cents.
const TEN: &str = r#"{"grants": [{"actions": ["model:chat"], "resources": ["https://acme.example/models/*"]}],
  "constraints": [{"type": "spend", "currency": "USD", "perAction": 100, "window": {"seconds": 100, "amount": 10}}]}"#;
const ALL: &str =
    r#"{"grants": [{"actions": ["model:chat"], "resources": ["https://acme.example/models/*"]}]}"#;

fn tell(store: &Store, kind: &str) {
    let event = NewEvent { kind, subject: "s", actor: "test", data: "{}", decides: true };
    store.write(|tx| tx.append(ACME, &event, NOW)).unwrap();
}

fn written(store: &Store) -> Vec<u8> {
    let mut bytes = Vec::new();
    blocking(|| store.backup(&mut bytes, Note { at: NOW, master: None }, &mut |_| {})).unwrap();
    bytes
}

/// An empty database of each engine.
fn empty() -> Vec<(Location, Option<tempfile::TempDir>)> {
    let folder = tempfile::tempdir().unwrap();
    let mut all = vec![(Location::Sqlite(folder.path().join("store.sqlite")), Some(folder))];
    if postgres::is_at_hand() {
        all.push((Location::Postgres(postgres::shared().unwrap().database("restored").unwrap()), None));
    }
    all
}

fn restore(location: &Location, bytes: &[u8]) -> Result<Arc<Store>, StoreError> {
    blocking(|| {
        backup::restore(location, &mut &*bytes, ("put back", NOW), &mut |_| {})?;
        Store::open(location.clone())
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_goes_from_either_engine_into_either_and_loses_nothing() {
    for engine in both() {
        let world = World::new();
        for number in 0..700_i64 {
            let noted = note("deny", &format!("code-{number}"), NOW, None);
            engine.store.deny(&Arc::from(ACME), noted).await.unwrap();
        }
        engine.store.commit(commit(permit(&world.signed(0, "n", NOW), 5, 1, NOW), 1, NOW)).await.unwrap();
        let bytes = written(&engine.store);
        for (location, _folder) in empty() {
            let copy = restore(&location, &bytes).unwrap();
            let read =
                |store: &Store| blocking(|| store.read(|tx| receipt::after(tx, ACME, 0, 10_000))).unwrap();
            assert_eq!(read(&copy), read(&engine.store), "{}", engine.name);
            // But for what says that it was put back, it is the same again.
            let (again, first) = (written(&copy), backup::contents(&mut &*bytes).unwrap());
            let again = backup::contents(&mut &*again).unwrap();
            assert_eq!((again.rows, again.domains), (first.rows + 1, first.domains), "{}", engine.name);
            let refused = restore(&location, &bytes).unwrap_err();
            assert_eq!(refused.code(), "database_not_empty", "{}", engine.name);
        }
    }
}

/// What is in it belongs together: the events are those that the organization's row says.
#[test]
fn a_backup_under_load_is_of_one_moment() {
    for engine in both() {
        let (stop, other) = (AtomicBool::new(false), engine.again());
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    tell(&other, "load");
                }
            });
            for _ in 0..5 {
                let bytes = written(&engine.store);
                let (location, _folder) = empty().remove(0);
                let copy = restore(&location, &bytes).unwrap();
                let (said, events) = copy
                    .read(|tx| {
                        Ok::<_, StoreError>((
                            organization::get(tx, ACME)?.events,
                            tx.events(ACME, 0, 1_000_000)?,
                        ))
                    })
                    .unwrap();
                assert_eq!(events.len(), usize::try_from(said).unwrap(), "{}", engine.name);
                assert!(events.windows(2).all(|pair| pair[1].previous == pair[0].digest()));
            }
            stop.store(true, Ordering::Relaxed);
        });
    }
}

#[test]
fn a_backup_that_is_cut_or_changed_anywhere_is_none_and_nothing_is_written() {
    let engine = sqlite();
    tell(&engine.store, "one");
    let bytes = written(&engine.store);
    assert!(backup::contents(&mut &*bytes).is_ok());
    for at in 0..bytes.len() {
        assert!(backup::contents(&mut &bytes[..at]).is_err(), "cut at {at}");
        let mut changed = bytes.clone();
        changed[at] ^= 0x20;
        assert!(backup::contents(&mut &*changed).is_err(), "changed at {at}");
    }
    let longer = [&*bytes, b"x"].concat();
    assert!(backup::contents(&mut &*longer).is_err());
    for (location, _folder) in empty() {
        let mut changed = bytes.clone();
        let last = changed.len() - 1;
        changed[last] ^= 1;
        assert_eq!(restore(&location, &changed).unwrap_err().code(), "backup_damaged");
        // Its tables are empty, or not there: a whole one goes in.
        assert!(restore(&location, &bytes).is_ok());
    }
    let other = backup::contents(&mut &b"legation backup 2\nxxxxxxx"[..]).unwrap_err();
    assert_eq!(other.code(), "backup_format");
    assert_eq!(backup::contents(&mut &b"SQLite format 3"[..]).unwrap_err().code(), "not_a_backup");
}

async fn spend(store: &Store, world: &World, nonce: &str, epoch: i64, now: i64) -> Result<(), CommitError> {
    let mut call = commit(permit(&world.signed(0, nonce, now), 1_000_000, 1, now), epoch, now);
    call.reserving = false;
    store.commit(call).await.map(drop)
}

fn denied(outcome: Result<(), CommitError>) -> Option<Code> {
    match outcome {
        Ok(()) => None,
        Err(CommitError::Denied(denial)) => Some(denial.code),
        Err(other) => panic!("{other}"),
    }
}

/// No budget twice, no nonce twice, no epoch twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_put_back_is_closed_and_counts_all_that_it_can_not_know_as_taken() {
    for engine in both() {
        let world = World::with(TEN, ALL);
        spend(&engine.store, &world, "before", 1, NOW).await.unwrap();
        let bytes = written(&engine.store);
        // What the backup does not know.
        for number in 0..9 {
            spend(&engine.store, &world, &format!("since-{number}"), 1, NOW).await.unwrap();
        }
        for (location, _folder) in empty() {
            let copy = restore(&location, &bytes).unwrap();
            let closed = spend(&copy, &world, "closed", 1, NOW + 1).await;
            assert!(
                matches!(&closed, Err(CommitError::Store(StoreError::Restored { why })) if why == "put back"),
                "{closed:?}"
            );
            let refused = copy.deny(&Arc::from(ACME), note("deny", "x", NOW, None)).await;
            assert!(matches!(refused, Err(CommitError::Store(StoreError::Restored { .. }))));
            assert!(blocking(|| copy.write(|tx| organization::lock(tx, ACME))).is_err(), "no verb");
            let epoch = blocking(|| {
                copy.write(|tx| {
                    restored::reopen(tx, ACME, None, NOW + 10)?;
                    Ok::<_, StoreError>(organization::lock(tx, ACME)?.epoch)
                })
            })
            .unwrap();
            assert!(epoch > 1_000_000);
            let again = spend(&copy, &world, "since-0", epoch, NOW).await;
            assert_eq!(denied(again), Some(Code::PresentationStale), "{}", engine.name);
            for (after, code) in
                [(10, Some(Code::BudgetExceeded)), (109, Some(Code::BudgetExceeded)), (110, None)]
            {
                let outcome = spend(&copy, &world, &format!("after-{after}"), epoch, NOW + after).await;
                assert_eq!(denied(outcome), code, "{}: {after} s later", engine.name);
            }
        }
    }
}

/// Why an organization is closed.
fn closed(engine: &Engine, store: &Store) -> Option<String> {
    blocking(|| store.read(|tx| organization::get(tx, ACME)))
        .unwrap_or_else(|error| panic!("{}: {error}", engine.name))
        .closed
}

fn copy_file(from: &std::path::Path, to: &std::path::Path) {
    for end in ["", "-wal", "-shm"] {
        let with = |path: &std::path::Path| std::path::PathBuf::from(format!("{}{end}", path.display()));
        let _ = std::fs::remove_file(with(to));
        if with(from).exists() {
            std::fs::copy(with(from), with(to)).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_copied_back_is_noticed_and_closed() {
    let folder = tempfile::tempdir().unwrap();
    let (path, kept) = (folder.path().join("store.sqlite"), folder.path().join("kept.sqlite"));
    let open = || blocking(|| Store::open(Location::Sqlite(path.clone())).unwrap());
    let engine = sqlite();
    let close = |store: Arc<Store>| blocking(|| drop(store));
    let store = open();
    blocking(|| store.write(|tx| organization::add(tx, ACME, "acme.example", NOW))).unwrap();
    close(store);
    // One event more.
    copy_file(&path, &kept);
    let store = open();
    blocking(|| tell(&store, "key.blocked"));
    close(store);
    assert_eq!(closed(&engine, &open()), None);
    copy_file(&kept, &path);
    let store = open();
    let why = closed(&engine, &store).unwrap();
    assert!(why.contains("0 events") && why.contains("1, "), "{why}");
    // It stays closed, also by a process that knows nothing of it, and is opened beyond what was known.
    close(store);
    let store = open();
    assert!(closed(&engine, &store).is_some());
    let known = store.known(ACME).unwrap();
    assert_eq!(known.unwrap().events, 1);
    blocking(|| {
        store.write(|tx| {
            restored::reopen(tx, ACME, known, NOW)?;
            let event = NewEvent {
                kind: "store.reopened",
                subject: "store",
                actor: "test",
                data: "{}",
                decides: true,
            };
            tx.append(ACME, &event, NOW)
        })
    })
    .unwrap();
    close(store);
    assert_eq!(closed(&engine, &open()), None, "that is what holds now");
    // Receipts alone, without an event: what was spent.
    let store = open();
    blocking(|| tell(&store, "a"));
    close(store);
    copy_file(&path, &kept);
    let store = open();
    store.deny(&Arc::from(ACME), note("deny", "x", NOW, None)).await.unwrap();
    blocking(|| store.keep_mark()).unwrap();
    close(store);
    copy_file(&kept, &path);
    assert!(closed(&engine, &open()).is_some());
}

/// Also while a process runs: a standby that was behind took over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_behind_is_noticed_by_whoever_runs() {
    if !postgres::is_at_hand() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let database = |name: &str| Location::Postgres(postgres::shared().unwrap().database(name).unwrap());
    let open = |location: &Location| {
        blocking(|| Store::open_with(location.clone(), Some(folder.path().join("aside")))).unwrap()
    };
    let (first, second) = (database("first"), database("second"));
    for location in [&first, &second] {
        // Without the folder nobody knows of it.
        let store = blocking(|| Store::open(location.clone())).unwrap();
        blocking(|| store.write(|tx| organization::add(tx, ACME, "acme.example", NOW))).unwrap();
        blocking(|| drop(store));
    }
    let behind = open(&second);
    let store = open(&first);
    blocking(|| tell(&store, "one"));
    blocking(|| behind.keep_mark()).unwrap();
    let why = blocking(|| behind.read(|tx| organization::get(tx, ACME))).unwrap().closed;
    assert!(why.is_some(), "by the one that ran on");
    assert_eq!(blocking(|| store.read(|tx| organization::get(tx, ACME))).unwrap().closed, None);
}

#[test]
fn a_mark_that_was_damaged_opens_nothing() {
    let engine = sqlite();
    let Location::Sqlite(path) = &engine.location else { panic!() };
    tell(&engine.store, "one");
    let mark = path.with_file_name("store.sqlite-mark");
    let text = std::fs::read_to_string(&mark).unwrap();
    std::fs::write(&mark, text.replace(" 1 0\n", " 0 0\n")).unwrap();
    let error = Store::open(engine.location.clone()).unwrap_err().to_string();
    assert!(error.contains("store.sqlite-mark") && error.contains("damaged"), "{error}");
}
