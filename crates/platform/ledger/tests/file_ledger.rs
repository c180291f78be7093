//! What a ledger in a file knows after a restart, and what processes that share it can use up together.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod world;

use legation_agent::ledger::{Ledger, LedgerError};
use legation_keystore::{Access, Rules};
use legation_ledger::{FileError, FileLedger, commit, file::MAX_BYTES, look};
use legation_verifier::{Code, ledger::Actual};
use std::{fs, sync::Arc};
use world::{NOW, World, code, permit_of};

#[tokio::test]
async fn a_process_that_starts_anew_knows_what_was_used_up() {
    let world = World::new();
    let first = FileLedger::open(world.path(), NOW).unwrap();
    assert_eq!(code(first.commit(world.permit("a", 6), NOW).await), None);
    assert_eq!(code(first.commit_nonce(&world.chain("met", NOW), NOW + 300, NOW).await), None);
    drop(first);
    // Begun later than what was signed: the file knows better than the clock.
    let second = FileLedger::open(world.path(), NOW + 100).unwrap();
    assert_eq!(code(second.commit(world.permit("a", 1), NOW + 100).await), Some(Code::NonceReplayed));
    let met = world.chain("met", NOW);
    assert_eq!(code(second.commit_nonce(&met, NOW + 300, NOW + 100).await), Some(Code::NonceReplayed));
    assert_eq!(code(second.commit(world.permit("b", 5), NOW + 100).await), Some(Code::BudgetExceeded));
    assert_eq!(code(second.commit(world.permit("b", 4), NOW + 100).await), None);
}

#[tokio::test]
async fn a_call_is_reserved_and_settled_across_processes() {
    let world = World::new();
    let (one, other) =
        (FileLedger::open(world.path(), NOW).unwrap(), FileLedger::open(world.path(), NOW).unwrap());
    let reserved = one.reserve(world.permit("a", 10), NOW).await.unwrap();
    assert_eq!(code(other.commit(world.permit("b", 1), NOW).await), Some(Code::BudgetExceeded));
    let settled = other.settle(reserved, Actual::of_money(2_500_000), NOW + 1).await.unwrap();
    assert!(settled.over.is_empty());
    assert_eq!(code(one.commit(world.permit("b", 8), NOW + 1).await), Some(Code::BudgetExceeded));
    assert_eq!(code(one.commit(world.permit("b", 7), NOW + 1).await), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_that_share_a_file_never_spend_more_than_there_is() {
    let world = Arc::new(World::new());
    let ledgers: Vec<_> = (0..2).map(|_| Arc::new(FileLedger::open(world.path(), NOW).unwrap())).collect();
    let asked: Vec<_> = (0..32)
        .map(|index: usize| {
            let (world, ledger) = (Arc::clone(&world), Arc::clone(&ledgers[index % 2]));
            // Each nonce comes to both.
            tokio::spawn(
                async move { code(ledger.commit(world.permit(&format!("{}", index / 2), 1), NOW).await) },
            )
        })
        .collect();
    let mut passed = 0;
    for one in asked {
        passed += usize::from(one.await.unwrap().is_none());
    }
    assert_eq!(passed, 10);
}

#[tokio::test]
async fn a_new_file_knows_nothing_so_that_what_was_signed_before_is_refused() {
    let world = World::new();
    let ledger = FileLedger::open(world.path(), NOW).unwrap();
    let before = permit_of(&world.chain("a", NOW - 1), 1);
    assert_eq!(code(ledger.commit(before, NOW).await), Some(Code::PresentationStale));
    // So it stays, whoever opens it next.
    let ledger = FileLedger::open(world.path(), NOW + 5).unwrap();
    let before = permit_of(&world.chain("a", NOW - 1), 1);
    assert_eq!(code(ledger.commit(before, NOW + 5).await), Some(Code::PresentationStale));
    assert_eq!(code(ledger.commit(world.permit("a", 1), NOW + 5).await), None);
}

#[tokio::test]
async fn a_file_that_can_not_be_used_opens_nothing() {
    let world = World::new();
    let ledger = FileLedger::open(world.path(), NOW).unwrap();
    let unavailable = async || match ledger.commit(world.permit("a", 1), NOW).await {
        Err(LedgerError::Unavailable { reason }) => reason,
        other => panic!("{other:?}"),
    };
    let whole = fs::read(world.path()).unwrap();
    fs::write(world.path(), &whole[..whole.len() / 2]).unwrap();
    assert!(unavailable().await.contains("is no ledger"));
    assert!(matches!(FileLedger::open(world.path(), NOW), Err(FileError::NoLedger { .. })));
    fs::remove_file(world.path()).unwrap();
    assert!(unavailable().await.contains("is not there any more"));
    fs::write(world.path(), whole).unwrap();
    assert_eq!(code(ledger.commit(world.permit("a", 1), NOW).await), None);
    assert!(FileLedger::open(world.folder.path().join("no/such/folder"), NOW).is_err());
}

#[test]
fn the_command_makes_a_file_and_looks_at_it() {
    let world = World::new();
    let rules = || Rules::new(Access::Private, MAX_BYTES);
    // It asks about moments of its own choice, so that its files have no beginning.
    let before = permit_of(&world.chain("a", NOW - 100), 1);
    commit(&world.path(), rules(), before, NOW).unwrap();
    let again = permit_of(&world.chain("a", NOW - 100), 1);
    let denied = commit(&world.path(), rules(), again, NOW).unwrap_err();
    assert!(matches!(denied, FileError::Denied(denial) if denial.code == Code::NonceReplayed));
    assert_eq!(look(&world.path()).unwrap().to_json()["nonces"].as_array().unwrap().len(), 1);
    assert!(look(&world.folder.path().join("none")).is_ok());
}
