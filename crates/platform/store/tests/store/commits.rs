//! What many callers and processes may take, and what a change of the organization ends.

use crate::{
    engines::{ACME, Engine, blocking, both},
    world::{NOW, World, commit, note, permit},
};
use legation_store::{CommitError, NewEvent, Settle, Store, StoreError, Tx, receipt};
use legation_verifier::{Actual, VerifiedChain};
use std::sync::Arc;

const TEN: &str = r#"{"grants": [{"actions": ["model:chat"], "resources": ["https://acme.example/models/*"]}],
  "constraints": [{"type": "spend", "currency": "USD", "perAction": 100, "window": {"calendar": "day", "amount": 10}}]}"#;
const ALL: &str =
    r#"{"grants": [{"actions": ["model:chat"], "resources": ["https://acme.example/models/*"]}]}"#;

fn raise_epoch(store: &Store) {
    let event = NewEvent { kind: "api-key.blocked", subject: "k", actor: "test", data: "{}", decides: true };
    store.write(|tx| tx.append(ACME, &event, NOW)).unwrap();
}

async fn calls(stores: &[Arc<Store>], world: &Arc<World>, count: usize) -> usize {
    let calls: Vec<_> = (0..count)
        .map(|number| {
            let (store, world) = (Arc::clone(&stores[number % stores.len()]), Arc::clone(world));
            tokio::spawn(async move {
                let permit = permit(&world.vouched(0, NOW), 1_000_000, 1, NOW);
                let mut commit = commit(permit, 1, NOW);
                commit.reserving = false;
                store.commit(commit).await.is_ok()
            })
        })
        .collect();
    let mut passed = 0;
    for call in calls {
        passed += usize::from(call.await.unwrap());
    }
    passed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_calls_at_once_ten_fit_by_however_many_processes() {
    for engine in both() {
        let world = Arc::new(World::with(TEN, ALL));
        let stores = [Arc::clone(&engine.store), engine.again(), engine.again()];
        assert_eq!(calls(&stores, &world, 64).await, 10, "{}", engine.name);
        let anew = [engine.again()];
        assert_eq!(calls(&anew, &world, 3).await, 0, "{}: a process that starts anew", engine.name);
    }
}

async fn is_stale(engine: &Engine, store: &Store, world: &World, epoch: i64) -> bool {
    let permit = permit(&world.vouched(0, NOW), 1, 1, NOW);
    match store.commit(commit(permit, epoch, NOW)).await {
        Ok(_) => false,
        Err(CommitError::Stale { .. }) => true,
        Err(other) => panic!("{}: {other}", engine.name),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_decided_before_a_change_is_not_committed_after_it_by_any_process() {
    for engine in both() {
        let world = World::new();
        let other = engine.again();
        assert!(!is_stale(&engine, &engine.store, &world, 1).await);
        blocking(|| raise_epoch(&other));
        assert!(is_stale(&engine, &engine.store, &world, 1).await, "{}", engine.name);
        assert!(is_stale(&engine, &other, &world, 1).await, "{}", engine.name);
        assert!(!is_stale(&engine, &engine.store, &world, 2).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receipts_are_numbered_without_gaps_and_a_denial_that_repeats_is_counted() {
    for engine in both() {
        let world = World::with(TEN, ALL);
        let organization: Arc<str> = Arc::from(ACME);
        let done = engine
            .store
            .commit(commit(permit(&world.vouched(0, NOW), 9_000_000, 1, NOW), 1, NOW))
            .await
            .unwrap();
        assert_eq!(done.receipt, 1);
        done.synced.clone().wait().await.unwrap();
        let denied =
            engine.store.commit(commit(permit(&world.vouched(0, NOW), 9_000_000, 1, NOW), 1, NOW)).await;
        assert!(matches!(denied, Err(CommitError::Denied(_))));
        let settle = Settle {
            organization: Arc::clone(&organization),
            committed: done.outcome,
            actual: Actual::of_money(2_000_000),
            now: NOW,
            receipt: Box::new(|settled| {
                assert!(settled.over.is_empty());
                note("settle", "", NOW, Some(2_000_000))
            }),
        };
        assert_eq!(engine.store.settle(settle).await.unwrap().receipt, 3);
        for later in [0, 10, 20, 59, 61] {
            engine.store.deny(&organization, note("deny", "not_granted", NOW + later, None)).await.unwrap();
        }
        let read = |tx: &mut Tx<'_>| {
            Ok::<_, StoreError>((receipt::after(tx, ACME, 0, 100)?, receipt::spent(tx, ACME, 0)?))
        };
        let (kept, spent) = blocking(|| engine.store.read(read)).unwrap();
        let told: Vec<_> =
            kept.iter().map(|one| (one.seq, one.kind.as_str(), one.code.as_str(), one.times)).collect();
        assert_eq!(
            told,
            [
                (1, "permit", "", 1),
                (2, "deny", "budget_exceeded", 1),
                (3, "settle", "", 1),
                (4, "deny", "not_granted", 4),
                (5, "deny", "not_granted", 1)
            ],
            "{}",
            engine.name
        );
        assert_eq!((spent[0].calls, spent[0].amount), (1, 2_000_000));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_settled_is_free_again_and_a_cost_above_it_is_told() {
    for engine in both() {
        let world = World::with(TEN, ALL);
        let take =
            |micros: i64| engine.store.commit(commit(permit(&world.vouched(0, NOW), micros, 1, NOW), 1, NOW));
        let settle = |done: legation_store::Done<legation_verifier::Committed>, micros: u64| {
            let settle = Settle {
                organization: Arc::from(ACME),
                committed: done.outcome,
                actual: Actual::of_money(micros),
                now: NOW,
                receipt: Box::new(|_| note("settle", "", NOW, None)),
            };
            engine.store.settle(settle)
        };
        let done = take(10_000_000).await.unwrap();
        assert!(take(1).await.is_err());
        settle(done, 4_000_000).await.unwrap();
        assert!(take(6_000_001).await.is_err(), "{}", engine.name);
        let done = take(6_000_000).await.unwrap();
        let over = settle(done, 8_000_000).await.unwrap().outcome.over;
        assert_eq!((over[0].cost, over[0].beyond), (8_000_000, 2_000_000), "{}", engine.name);
        assert!(take(1).await.is_err());
    }
}

/// A nonce that has ended may be used anew, and then it is used: its row says so from then on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nonce_that_is_used_anew_after_it_ended_is_remembered_anew() {
    for engine in both() {
        let world = World::with(TEN, ALL);
        let take =
            |chain: &VerifiedChain, now: i64| engine.store.commit(commit(permit(chain, 0, 1, now), 1, now));
        assert!(take(&world.signed(0, "n", NOW), NOW).await.is_ok());
        // It ended at 360 s, and is forgotten a minute later at the earliest.
        let again = world.signed(0, "n", NOW + 365);
        assert!(take(&again, NOW + 365).await.is_ok(), "{}", engine.name);
        for later in [365, 366, 500] {
            match take(&again, NOW + later).await {
                Err(CommitError::Denied(denial)) => assert_eq!(denial.code.as_str(), "nonce_replayed"),
                other => panic!("{} {later}: {other:?}", engine.name),
            }
        }
    }
}
