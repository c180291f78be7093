//! Denials that count against an agent: each once, so many and no more.

use crate::{
    engines::{ACME, both},
    world::note,
};
use legation_store::{
    NewReceipt, Store, StoreError,
    quarantine::{self, Proved},
};
use std::sync::Arc;

const AGENT: &str = "did:web:acme.example:mail";
const NOW: i64 = 1_795_255_200;

async fn deny(store: &Store, number: u64, at: i64) {
    let mut digest = [0; 32];
    digest[..8].copy_from_slice(&number.to_be_bytes());
    let proved = Proved { agent: AGENT.to_owned(), digest, nonce: None };
    let receipt = NewReceipt { proved: Some(Box::new(proved)), ..note("deny", "not_granted", at, None) };
    store.deny(&Arc::from(ACME), receipt).await.unwrap();
}

fn known(store: &Store, codes: &[&str], after: i64) -> usize {
    let codes: Vec<String> = codes.iter().map(|code| (*code).to_owned()).collect();
    let of = (after, 100_000);
    store.read(|tx| quarantine::denials(tx, ACME, (AGENT, codes.as_slice()), of)).unwrap().len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_denial_counts_once_in_whatever_process_and_by_its_code_and_time() {
    for engine in both() {
        let other = engine.again();
        for (store, number) in [(&engine.store, 1), (&other, 1), (&other, 2), (&engine.store, 2)] {
            deny(store, number, NOW).await;
        }
        deny(&engine.store, 1, NOW + 500).await;
        let count = |codes: &[&str], after: i64| crate::engines::blocking(|| known(&other, codes, after));
        assert_eq!(count(&["not_granted"], NOW - 1), 2, "{}", engine.name);
        assert_eq!(count(&["policy_denied"], NOW - 1), 0, "{}", engine.name);
        assert_eq!(count(&["policy_denied", "not_granted"], NOW), 0, "{}: nothing is after it", engine.name);
        crate::engines::blocking(|| {
            let recent = |after: i64| other.read(|tx| quarantine::denied_after(tx, ACME, after, 10)).unwrap();
            assert_eq!((recent(NOW - 1).len(), recent(NOW).len()), (1, 0), "{}", engine.name);
            let late = NOW + quarantine::KNOWN + 1;
            assert!(other.read(|tx| quarantine::is_due(tx, ACME, late)).unwrap());
            other.write(|tx| quarantine::forget(tx, ACME, late)).unwrap();
            assert_eq!(known(&other, &["not_granted"], 0), 0, "{}", engine.name);
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_floods_with_denials_fills_nothing() {
    for engine in both() {
        let store = &engine.store;
        for minute in 0..10 {
            let many: Vec<_> = (0..1500)
                .map(|number| {
                    let store = Arc::clone(store);
                    tokio::spawn(async move {
                        deny(&store, minute * 10_000 + number, NOW + 60 * minute as i64).await
                    })
                })
                .collect();
            for one in many {
                one.await.unwrap();
            }
        }
        let (all, minute) = crate::engines::blocking(|| {
            (known(store, &["not_granted"], 0), known(store, &["not_granted"], NOW + 480))
        });
        assert_eq!(minute, 1200, "{}: of a minute so many count", engine.name);
        assert!((10_000..=11_200).contains(&all), "{}: {all}", engine.name);
    }
}

#[test]
fn a_quarantine_is_listed_until_it_is_ended() {
    for engine in both() {
        let store = &engine.store;
        let one = |holder: &str, rule: &str| quarantine::Quarantine {
            holder: holder.to_owned(),
            rule: rule.to_owned(),
            reason: "why".to_owned(),
            at: NOW,
            counted_from: 0,
        };
        let put = |one: quarantine::Quarantine| {
            store.write(|tx| -> Result<(), StoreError> { quarantine::put(tx, ACME, &one) }).unwrap();
        };
        put(one("a", "nosy"));
        put(one("b", "nosy"));
        let list = |after: &str| store.read(|tx| quarantine::list(tx, ACME, after, 10)).unwrap();
        let by = |after: i64| store.read(|tx| quarantine::by_rule(tx, ACME, "nosy", (after, 10))).unwrap();
        assert_eq!((list("").len(), list("a").len(), by(NOW - 1), by(NOW)), (2, 1, 2, 0), "{}", engine.name);
        put(one("a", ""));
        assert_eq!((list("").len(), by(NOW - 1)), (1, 1), "{}", engine.name);
        assert_eq!(store.read(|tx| quarantine::of(tx, ACME, "c")).unwrap(), None);
    }
}
