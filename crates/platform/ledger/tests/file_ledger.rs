//! What a ledger in a file knows after a restart, and what processes that share it can use up together.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use legation_agent::ledger::{Ledger, LedgerError};
use legation_credential::{Authority, Facts, Occasion, Request, Terms, Value, issue, present};
use legation_did::{Did, key};
use legation_keys::{Algorithm, SecretKey, Signer};
use legation_keystore::{Access, Rules};
use legation_ledger::{FileError, FileLedger, commit, file::MAX_BYTES, look};
use legation_verifier::{
    Code, Evidence, Permit, Trust, VerifiedChain, authorize, ledger::Actual, parse, verify,
};
use std::{fs, path::PathBuf, sync::Arc};
use tempfile::TempDir;

const NOW: i64 = 1_795_255_200;

struct World {
    folder: TempDir,
    agent: SecretKey,
    holder: Did,
    link: String,
    trust: Trust,
}

impl World {
    /// An agent that may spend 10 cents in an hour.
    fn new() -> Self {
        let (company, agent) =
            (SecretKey::generate(Algorithm::EdDsa).unwrap(), SecretKey::generate(Algorithm::EdDsa).unwrap());
        let (principal, holder) = (key::did(company.public_key()), key::did(agent.public_key()));
        let authority = r#"{"grants": [{"actions": ["a"], "resources": ["https://shop.example/*"]}],
            "constraints": [{"type": "spend", "currency": "USD", "window": {"seconds": 3600, "amount": 10}}]}"#;
        let terms = Terms {
            id: None,
            account: None,
            subject: holder.clone(),
            valid_from: NOW - 1000,
            valid_until: NOW + 3600,
            max_depth: 0,
            authority: Authority::parse(authority).unwrap(),
            status: vec![],
        };
        let link = issue(terms, &principal, &key::method_id(&principal), &company).unwrap();
        let mut trust = Trust::new("shop");
        trust.roots.insert(principal, Authority::everything());
        trust.max_unrevocable = 5000;
        Self { folder: tempfile::tempdir().unwrap(), agent, holder, link, trust }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("ledger.json")
    }

    /// A chain that was presented at a moment, verified then.
    fn chain(&self, nonce: &str, signed_at: i64) -> VerifiedChain {
        let occasion = Occasion {
            audience: "shop",
            nonce,
            issued_at: signed_at,
            expires_at: signed_at + 300,
            transcript: None,
        };
        let id = key::method_id(&self.holder);
        let presented = present(&[&self.link], &self.holder, occasion, &id, &self.agent).unwrap();
        let presented = parse(presented.as_bytes(), &self.trust).unwrap();
        verify(&presented, &self.trust, &Evidence::new(), nonce, signed_at).unwrap()
    }

    fn permit(&self, nonce: &str, amount: i64) -> Permit {
        self.permit_of(&self.chain(nonce, NOW), amount)
    }

    fn permit_of(&self, chain: &VerifiedChain, amount: i64) -> Permit {
        let facts = [("amount", Value::Integer(amount)), ("currency", "USD".into())];
        let facts: Facts = facts.map(|(name, value)| (name.to_owned(), value)).into();
        let request = Request::new("a", "https://shop.example/x", facts).unwrap();
        authorize(chain, &request, NOW).into_permit().unwrap()
    }
}

fn code<T>(outcome: Result<T, LedgerError>) -> Option<Code> {
    match outcome {
        Ok(_) => None,
        Err(LedgerError::Denied(denial)) => Some(denial.code),
        Err(LedgerError::Unavailable { reason }) => panic!("{reason}"),
    }
}

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
    let before = world.permit_of(&world.chain("a", NOW - 1), 1);
    assert_eq!(code(ledger.commit(before, NOW).await), Some(Code::PresentationStale));
    // So it stays, whoever opens it next.
    let ledger = FileLedger::open(world.path(), NOW + 5).unwrap();
    let before = world.permit_of(&world.chain("a", NOW - 1), 1);
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
    let before = world.permit_of(&world.chain("a", NOW - 100), 1);
    commit(&world.path(), rules(), before, NOW).unwrap();
    let again = world.permit_of(&world.chain("a", NOW - 100), 1);
    let denied = commit(&world.path(), rules(), again, NOW).unwrap_err();
    assert!(matches!(denied, FileError::Denied(denial) if denial.code == Code::NonceReplayed));
    assert_eq!(look(&world.path()).unwrap().to_json()["nonces"].as_array().unwrap().len(), 1);
    assert!(look(&world.folder.path().join("none")).is_ok());
}
