//! Receipts are signed together, and each is shown signed only where all of its batch are what was signed.

use crate::world::{CENT, blocking, both, now, sqlite};
use legation_store::Location;
use legation_tests::upstream::{Plan, Upstream};
use legation_verifier::receipt;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_receipt_of_every_batch_can_be_shown_signed() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    for world in both() {
        world.model("small", &upstream, CENT);
        let key = world.agent("mail", "1USD/day");
        let mut made = 0;
        for batch in 1..=3 {
            for _ in 0..batch {
                assert_eq!(world.chat(0, &key, json!({"max_tokens": 1})).await.status, 200);
                made += 2;
            }
            world.wait_for_receipts(made).await;
            let number = i64::try_from(made).unwrap();
            assert_eq!(blocking(|| world.registry.signed_receipt(number)).unwrap(), None, "{}", world.engine);
            while blocking(|| world.registry.sign_receipts(4, now())).unwrap() > 0 {}
        }
        let document = blocking(|| world.registry.document("did:web:acme.example")).unwrap();
        for one in blocking(|| world.registry.receipts(None, 100)).unwrap() {
            assert!(one.signed);
            let read: Value = serde_json::from_slice(&one.body).unwrap();
            assert_eq!(read.to_string().as_bytes(), one.body, "members are in the order of their names");
            let secured = blocking(|| world.registry.signed_receipt(one.seq)).unwrap().unwrap();
            assert_eq!(receipt::verify(&secured, &document).unwrap()["decision"], one.kind);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_that_was_changed_or_taken_away_since_is_told_and_none_of_its_batch_is_signed_again() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    for change in [
        "UPDATE receipt SET body = CAST(replace(CAST(body AS TEXT), 'max_tokens', 'min_tokens') AS BLOB) WHERE seq = 2",
        "UPDATE receipt_common SET pieces = CAST(replace(CAST(pieces AS TEXT), 'vouched', 'vouches') AS BLOB)",
        "UPDATE receipt SET body = (SELECT body FROM receipt WHERE seq = 3) WHERE seq = 2",
        "DELETE FROM receipt WHERE seq = 3",
    ] {
        let world = sqlite();
        world.model("small", &upstream, CENT);
        let key = world.agent("mail", "0.01USD/day");
        world.chat(0, &key, json!({"max_tokens": 2})).await;
        world.chat(0, &key, json!({"max_tokens": 1})).await;
        world.chat(0, &key, json!({"model": "none"})).await;
        world.wait_for_receipts(4).await;
        assert_eq!(blocking(|| world.registry.sign_receipts(100, now())).unwrap(), 4);
        let Location::Sqlite(path) = &world.location else { panic!("another engine") };
        assert!(blocking(|| world.registry.signed_receipt(4)).unwrap().is_some());
        let file = rusqlite::Connection::open(path).unwrap();
        assert!(file.execute(change, []).unwrap() > 0, "{change}");
        for seq in [1, 2, 4] {
            let refused = blocking(|| world.registry.signed_receipt(seq)).unwrap_err();
            assert_eq!(refused.code(), "store_damaged", "{change}: {refused}");
            assert!(refused.to_string().contains("changed, added, left out or moved"), "{refused}");
        }
    }
}
