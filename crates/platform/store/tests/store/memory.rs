//! Calls that come thick, and are committed in memory out of what was set aside.

use crate::{
    engines::{ACME, Engine, blocking, both, sqlite},
    world::{NOW, World, commit, note, permit},
};
use legation_credential::Window;
use legation_store::{CommitError, Done, Location, NewEvent, Settle, Store, organization, receipt, total};
use legation_tests::postgres::{self, Postgres};
use legation_verifier::{Actual, Committed, ledger::parts::total_name};
use std::{
    path::PathBuf,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

const LARGE: &str = r#"{"grants": [{"actions": ["model:chat"], "resources": ["https://acme.example/models/*"]}],
  "constraints": [{"type": "spend", "currency": "USD", "perAction": 100, "window": {"calendar": "day", "amount": 300}},
                  {"type": "rate", "seconds": 100, "max": 1000000}]}"#;
const AGENT: &str = r#"{"grants": [{"actions": ["model:chat"], "resources": ["https://acme.example/models/*"]}],
  "constraints": [{"type": "spend", "currency": "USD", "perAction": 80, "window": {"seconds": 120, "amount": 200}}]}"#;
const CENT: i64 = 1_000_000;
/// Of 300 cents, all agents together.
const DAY: &str = "spend USD in a calendar day in UTC";

/// What is held of the organization's budget of a day, in millionths of a cent.
fn held(store: &Store, world: &World) -> i64 {
    let chain = world.vouched(0, NOW);
    let account = chain.links()[0].account;
    let kept = blocking(|| store.read(|tx| total(tx, ACME, total_name(&account, DAY)))).unwrap();
    kept.map_or(0, |kept| {
        assert_eq!(kept.window, Window::calendar("day", None).unwrap());
        kept.sum(NOW)
    })
}

async fn take(
    store: &Store,
    world: &World,
    agent: usize,
    micros: i64,
) -> Result<Done<Committed>, CommitError> {
    store.commit(commit(permit(&world.vouched(agent, NOW), micros, 0, NOW), 1, NOW)).await
}

async fn settle(store: &Store, done: Done<Committed>, micros: i64) {
    let of = Some(done.receipt);
    let settle = Settle {
        organization: Arc::from(ACME),
        committed: done.outcome,
        actual: Actual::of_money(u64::try_from(micros).unwrap()),
        now: NOW,
        receipt: Box::new(move |_| legation_store::NewReceipt {
            of,
            ..note("settle", "", NOW, Some(micros))
        }),
    };
    store.settle(settle).await.unwrap();
}

/// Calls from all sides until none passes any more. Gives how many passed, and what they cost.
async fn spend_all(stores: &[Arc<Store>], world: &Arc<World>, each: i64, cost: i64) -> (i64, i64) {
    let (passed, spent) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicI64::new(0)));
    let callers: Vec<_> = (0..48)
        .map(|number| {
            let (store, world) = (Arc::clone(&stores[number % stores.len()]), Arc::clone(world));
            let (passed, spent) = (Arc::clone(&passed), Arc::clone(&spent));
            tokio::spawn(async move {
                let mut refused = 0;
                while refused < 3 {
                    match take(&store, &world, number % 3, each).await {
                        Ok(done) => {
                            passed.fetch_add(1, Ordering::Relaxed);
                            done.synced.clone().wait().await.unwrap();
                            settle(&store, done, cost).await;
                            spent.fetch_add(cost, Ordering::Relaxed);
                        }
                        Err(CommitError::Denied(_)) => {
                            refused += 1;
                            tokio::time::sleep(Duration::from_millis(40)).await;
                        }
                        Err(error) => panic!("{error}"),
                    }
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    (passed.load(Ordering::Relaxed), spent.load(Ordering::Relaxed))
}

fn numbers_have_no_gaps(store: &Store, permits: i64) {
    let receipts = blocking(|| store.read(|tx| receipt::after(tx, ACME, 0, 1_000_000))).unwrap();
    assert!(receipts.iter().map(|one| one.seq).eq(1..=i64::try_from(receipts.len()).unwrap()));
    let of = |kind: &str| receipts.iter().filter(|one| one.kind == kind).collect::<Vec<_>>();
    assert_eq!(i64::try_from(of("permit").len()).unwrap(), permits);
    assert_eq!(of("settle").len(), of("permit").len());
    for one in of("settle") {
        let settled = &receipts[usize::try_from(one.of.unwrap()).unwrap() - 1];
        assert_eq!((settled.kind.as_str(), settled.seq < one.seq), ("permit", true), "{one:?}");
    }
}

fn folder_of_journals(engine: &Engine) -> PathBuf {
    let Location::Sqlite(path) = &engine.location else { panic!("no file") };
    format!("{}-aside", path.display()).into()
}

fn journals(engine: &Engine) -> usize {
    std::fs::read_dir(folder_of_journals(engine)).map_or(0, Iterator::count)
}

/// The files of all journals, by their place.
fn copy_of_journals(engine: &Engine) -> Vec<(PathBuf, Vec<u8>)> {
    let folders = std::fs::read_dir(folder_of_journals(engine)).unwrap();
    let files = folders.flat_map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap());
    let paths = files.map(|file| file.unwrap().path());
    paths.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

fn put_back_journals(engine: &Engine, files: &[(PathBuf, Vec<u8>)]) {
    assert!(files.iter().all(|(path, _)| path.starts_with(folder_of_journals(engine))));
    for (path, bytes) in files {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_budget_is_spent_to_the_end_through_two_processes_and_never_beyond() {
    for engine in both() {
        let world = Arc::new(World::with(LARGE, AGENT));
        let folder = tempfile::tempdir().unwrap();
        let other =
            blocking(|| Store::open_with(engine.location.clone(), Some(folder.path().into())).unwrap());
        let own = blocking(|| Store::open_with(engine.location.clone(), Some(folder.path().into())).unwrap());
        let stores = [own, other];
        stores.iter().for_each(|store| store.commit_in_memory_from(1));
        let (passed, spent) = spend_all(&stores, &world, CENT / 4, CENT / 5).await;
        assert!(spent <= 300 * CENT, "{}: {spent}", engine.name);
        // The last call that fits needs what it may cost at its most.
        assert!(spent > 294 * CENT, "{}: {spent}", engine.name);
        blocking(|| drop(stores));
        assert_eq!(held(&engine.store, &world), spent, "{}", engine.name);
        numbers_have_no_gaps(&engine.store, passed);
        assert_eq!(folder.path().read_dir().unwrap().count(), 0, "nothing is left of who has ended");
    }
}

/// Calls until one is committed in memory.
async fn warm_up(store: &Store, world: &World) -> Done<Committed> {
    let began = Instant::now();
    loop {
        let done = take(store, world, 0, 10).await.unwrap();
        if done.receipt < 0 {
            return done;
        }
        settle(store, done, 1).await;
        assert!(began.elapsed() < Duration::from_secs(10), "nothing is committed in memory");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_raises_the_epoch_returns_when_nobody_decides_by_the_old_one_any_more() {
    let engine = sqlite();
    let world = World::with(LARGE, AGENT);
    let (one, other) = (Arc::clone(&engine.store), engine.again());
    one.commit_in_memory_from(1);
    let open = warm_up(&one, &world).await;
    for epoch in 2..8 {
        let event = NewEvent { kind: "k", subject: "s", actor: "a", data: "{}", decides: true };
        let began = Instant::now();
        blocking(|| other.write(|tx| tx.append(ACME, &event, NOW))).unwrap();
        assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
        let call = |epoch: i64| commit(permit(&world.vouched(0, NOW), 10, 0, NOW), epoch, NOW);
        let stale = one.commit(call(epoch - 1)).await;
        assert!(matches!(stale, Err(CommitError::Stale { .. })), "{stale:?}");
        let began = Instant::now();
        while one.commit(call(epoch)).await.unwrap().receipt > 0 {
            assert!(began.elapsed() < Duration::from_secs(5), "it is committed in memory again");
        }
    }
    settle(&one, open, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_silent_keeps_whoever_revokes_for_its_lease_and_once() {
    let engine = sqlite();
    let event = NewEvent { kind: "k", subject: "s", actor: "a", data: "{}", decides: true };
    let Location::Sqlite(path) = &engine.location else { panic!() };
    let file = rusqlite::Connection::open(path).unwrap();
    file.execute("INSERT INTO process VALUES (?1, 'dead', 1, 1, 1, 1)", [ACME]).unwrap();
    let raise = || {
        let began = Instant::now();
        blocking(|| engine.store.write(|tx| tx.append(ACME, &event, NOW))).unwrap();
        began.elapsed()
    };
    let first = raise();
    assert!((Duration::from_secs(1)..Duration::from_millis(1200)).contains(&first), "{first:?}");
    let second = raise();
    assert!(second < Duration::from_millis(200), "{second:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_cut_off_from_the_store_decides_for_its_lease_at_most() {
    if !postgres::is_at_hand() {
        return;
    }
    let mut server = Postgres::start().unwrap();
    let url = server.database("lease").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let location = Location::Postgres(url);
    let store = blocking(|| Store::open_with(location.clone(), Some(folder.path().into())).unwrap());
    blocking(|| store.write(|tx| organization::add(tx, ACME, "acme.example", NOW - 100))).unwrap();
    store.commit_in_memory_from(1);
    let world = World::with(LARGE, AGENT);
    warm_up(&store, &world).await;
    // Much is set aside, so that nothing but the lease ends it.
    for _ in 0..600 {
        let done = take(&store, &world, 0, 1).await.unwrap();
        settle(&store, done, 1).await;
    }
    server.stop_answering().unwrap();
    let (began, mut last) = (Instant::now(), Duration::ZERO);
    while began.elapsed() < Duration::from_secs(3) {
        let call = tokio::time::timeout(Duration::from_millis(100), take(&store, &world, 0, 1)).await;
        if matches!(call, Ok(Ok(_))) {
            last = began.elapsed();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    server.go_on().unwrap();
    assert!(last > Duration::ZERO, "it went on for a while");
    assert!(last < Duration::from_millis(1100), "{last:?}");
    let began = Instant::now();
    while take(&store, &world, 0, 1).await.is_err() {
        assert!(began.elapsed() < Duration::from_secs(20), "it goes on by itself");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    blocking(|| drop(store));
    let store = blocking(|| Store::open(location).unwrap());
    let receipts = blocking(|| store.read(|tx| receipt::after(tx, ACME, 0, 1_000_000))).unwrap();
    assert!(receipts.iter().map(|one| one.seq).eq(1..=i64::try_from(receipts.len()).unwrap()));
    blocking(|| drop(store));
}

/// What a process that is to be killed does: it takes a cent and settles it at half of that, and says so.
#[test]
fn be_killed_in_memory() {
    let Ok(path) = std::env::var("LEGATION_TILL_OF_A_CHILD") else { return };
    let store = Store::open(Location::Sqlite(path.into())).unwrap();
    store.commit_in_memory_from(1);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let world = World::fixed(LARGE, AGENT);
    runtime.block_on(async {
        loop {
            let done = take(&store, &world, 0, 1000).await.unwrap();
            let here = done.receipt < 0;
            println!("acknowledged {}", if here { "here" } else { "there" });
            settle(&store, done, 500).await;
        }
    });
}

#[test]
fn what_was_committed_in_memory_survives_kill_9() {
    let engine = sqlite();
    let Location::Sqlite(path) = &engine.location else { panic!() };
    let world = World::fixed(LARGE, AGENT);
    let (mut permits, mut here) = (0, 0);
    for round in 0..6_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["memory::be_killed_in_memory", "--exact", "--nocapture"])
            .env("LEGATION_TILL_OF_A_CHILD", path)
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(600 + 37 * round));
        child.kill().unwrap();
        let told = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
        permits += told.matches("acknowledged").count();
        here += told.matches("acknowledged here").count();
        assert!(journals(&engine) > 0, "it was killed with a journal");
        // Whoever opens the store next takes it over.
        let copied = copy_of_journals(&engine);
        drop(Store::open(engine.location.clone()).unwrap());
        assert_eq!(journals(&engine), 0);
        let before = (
            held(&engine.store, &world),
            engine.store.read(|tx| organization::get(tx, ACME)).unwrap().receipts,
        );
        // What comes back, as from a copy of the folder, is taken over no second time, and not thrown away either.
        put_back_journals(&engine, &copied);
        drop(Store::open(engine.location.clone()).unwrap());
        let after = (
            held(&engine.store, &world),
            engine.store.read(|tx| organization::get(tx, ACME)).unwrap().receipts,
        );
        assert_eq!((after, journals(&engine)), (before, 1));
        std::fs::remove_dir_all(folder_of_journals(&engine)).unwrap();
        let receipts = engine.store.read(|tx| receipt::after(tx, ACME, 0, 1_000_000)).unwrap();
        assert!(receipts.iter().map(|one| one.seq).eq(1..=i64::try_from(receipts.len()).unwrap()));
        let of = |kind: &str| receipts.iter().filter(|one| one.kind == kind).count();
        // The last permit of each round may not have been told, and the last settlement not have been made.
        let rounds = usize::try_from(round).unwrap() + 1;
        assert!((permits..=permits + rounds).contains(&of("permit")), "{} of {permits}", of("permit"));
        let (taken, settled) = (i64::try_from(of("permit")).unwrap(), i64::try_from(of("settle")).unwrap());
        assert!(taken - settled <= i64::try_from(rounds).unwrap(), "{settled} of {taken}");
        assert_eq!(
            held(&engine.store, &world),
            taken * 1000 - settled * 500,
            "what was spent is what was told"
        );
    }
    assert!(here > 1000, "{here} of {permits} were in memory");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_come_alone_are_in_the_store_at_once() {
    let engine = sqlite();
    let world = World::new();
    for number in 1..=6 {
        let done = take(&engine.store, &world, 0, CENT).await.unwrap();
        assert_eq!(done.receipt, number);
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    assert_eq!(journals(&engine), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_set_aside_and_free_is_not_told_as_spent() {
    let engine = sqlite();
    engine.store.commit_in_memory_from(1);
    let world = World::with(LARGE, AGENT);
    let mut spent = 0;
    for _ in 0..300 {
        let done = take(&engine.store, &world, 0, 100).await.unwrap();
        settle(&engine.store, done, 40).await;
        spent += 40;
    }
    // Told within a moment, though it is held in memory.
    let began = Instant::now();
    while held(&engine.store, &world) != spent {
        assert!(began.elapsed() < Duration::from_secs(1), "{} of {spent}", held(&engine.store, &world));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
