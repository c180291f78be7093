//! The store locked, full, gone, killed.

use crate::{
    engines::{ACME, CREATED, blocking, sqlite},
    world::{NOW, World, commit, permit},
};
use legation_store::{CommitError, Location, Store, StoreError, organization, receipt};
use legation_tests::postgres::{self, Postgres};
use std::{
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

async fn take(store: &Store, world: &World) -> Result<i64, CommitError> {
    let permit = permit(&world.vouched(0, NOW), 1, 1, NOW);
    Ok(store.commit(commit(permit, 1, NOW)).await?.receipt)
}

fn is_unavailable(outcome: &Result<i64, CommitError>) -> bool {
    matches!(outcome, Err(CommitError::Store(StoreError::Unavailable { .. })))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_somebody_else_has_locked_opens_nothing_and_is_used_again_once_it_is_free() {
    let engine = sqlite();
    let world = World::new();
    let Location::Sqlite(path) = &engine.location else { panic!() };
    take(&engine.store, &world).await.unwrap();
    let other = rusqlite::Connection::open(path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(is_unavailable(&take(&engine.store, &world).await));
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(take(&engine.store, &world).await.unwrap(), 2);
}

/// Commits so many permits that take nothing, 32 at a time. Gives how long the longest took.
async fn many(store: &Arc<Store>, world: &World, count: usize) -> Duration {
    let chain = Arc::new(world.vouched(0, NOW));
    let callers: Vec<_> = (0..32)
        .map(|_| {
            let (store, chain) = (Arc::clone(store), Arc::clone(&chain));
            tokio::spawn(async move {
                let mut longest = Duration::ZERO;
                for _ in 0..count / 32 {
                    let began = Instant::now();
                    store.commit(commit(permit(&chain, 0, 0, NOW), 1, NOW)).await.unwrap();
                    longest = longest.max(began.elapsed());
                }
                longest
            })
        })
        .collect();
    let mut longest = Duration::ZERO;
    for caller in callers {
        longest = longest.max(caller.await.unwrap());
    }
    longest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_of_a_file_begins_anew_under_load_and_whoever_reads_for_long_keeps_nobody_waiting() {
    let engine = sqlite();
    // Each call by itself, as those are that come alone or signed: in memory they would be carried over a thousand at a time.
    engine.store.commit_in_memory_from(u32::MAX);
    let free = r#"{"grants": [{"actions": ["model:chat"], "resources": ["https://acme.example/models/*"]}]}"#;
    let world = World::with(free, free);
    let Location::Sqlite(path) = &engine.location else { panic!() };
    let log = path.with_file_name(format!("{}-wal", path.file_name().unwrap().to_str().unwrap()));
    let length = || std::fs::metadata(&log).unwrap().len();
    let other = rusqlite::Connection::open(path).unwrap();
    other.execute_batch("BEGIN; SELECT count(*) FROM receipt").unwrap();
    let longest = many(&engine.store, &world, 6400).await;
    assert!(longest < Duration::from_secs(2), "{longest:?}");
    other.execute_batch("ROLLBACK").unwrap();
    // With nobody in the way it begins anew, and grows no more.
    many(&engine.store, &world, 6400).await;
    let grown = length();
    // Two and a half times as long it would be if it never did.
    many(&engine.store, &world, 19_200).await;
    assert!(length() < grown * 2, "{} after {grown}", length());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_can_not_grow_opens_nothing() {
    let engine = sqlite();
    let world = World::new();
    take(&engine.store, &world).await.unwrap();
    let Location::Sqlite(path) = &engine.location else { panic!() };
    // Pages are bounded for one connection only, so a table that is not there stands for a disk that is full.
    let other = rusqlite::Connection::open(path).unwrap();
    other.execute_batch("ALTER TABLE receipt RENAME TO away").unwrap();
    assert!(is_unavailable(&take(&engine.store, &world).await));
    other.execute_batch("ALTER TABLE away RENAME TO receipt").unwrap();
    assert_eq!(take(&engine.store, &world).await.unwrap(), 2, "what failed has taken nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_crashes_or_hangs_opens_nothing_and_loses_nothing() {
    if !postgres::is_at_hand() {
        return;
    }
    let mut server = Postgres::start().unwrap();
    let url = server.database("faults").unwrap();
    let store = blocking(|| Store::open(Location::Postgres(url)).unwrap());
    blocking(|| store.write(|tx| organization::add(tx, ACME, "acme.example", CREATED))).unwrap();
    let world = World::new();
    assert_eq!(take(&store, &world).await.unwrap(), 1);
    server.crash().unwrap();
    assert!(is_unavailable(&take(&store, &world).await), "gone");
    server.restart().unwrap();
    // The connection of before is found dead at most once.
    let again = match take(&store, &world).await {
        Ok(number) => number,
        Err(_) => take(&store, &world).await.unwrap(),
    };
    assert_eq!(again, 2, "what was acknowledged is there");
    server.stop_answering().unwrap();
    let hanging = tokio::time::timeout(Duration::from_secs(8), take(&store, &world)).await;
    server.go_on().unwrap();
    assert!(hanging.is_err() || is_unavailable(&hanging.unwrap()), "a server that hangs opens nothing");
}

/// What a process that is to be killed does: it takes until it can't any more, and says what was acknowledged.
#[test]
fn be_killed() {
    let Ok(path) = std::env::var("LEGATION_STORE_OF_A_CHILD") else { return };
    let store = Store::open(Location::Sqlite(path.into())).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let world = World::new();
    loop {
        let number = runtime.block_on(take(&store, &world)).unwrap();
        println!("acknowledged {number}");
    }
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let engine = sqlite();
    let Location::Sqlite(path) = &engine.location else { panic!() };
    let mut last = 0;
    for round in 0..6_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["faults::be_killed", "--exact", "--nocapture"])
            .env("LEGATION_STORE_OF_A_CHILD", path)
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(300 + 37 * round));
        child.kill().unwrap();
        let told = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
        let numbers =
            told.lines().filter_map(|line| line.rsplit_once("acknowledged ")?.1.parse::<i64>().ok());
        let acknowledged = numbers.max().unwrap_or(last);
        let kept = engine.store.read(|tx| organization::get(tx, ACME)).unwrap().receipts;
        let receipts = engine.store.read(|tx| receipt::after(tx, ACME, 0, 1_000_000)).unwrap();
        assert!(kept >= acknowledged, "{kept} kept, {acknowledged} acknowledged");
        assert_eq!(i64::try_from(receipts.len()).unwrap(), kept, "number and receipts are one");
        last = kept;
    }
    assert!(last > 10, "{last}: nothing was going on");
    let _store: &Arc<Store> = &engine.store;
}
