//! Receipts of others: those of an agent and its children are counted together.

use crate::engines::{ACME, blocking, both};
use legation_store::theirs::{self, Theirs};

const NOW: i64 = 1_795_255_200;

#[test]
fn what_children_bring_is_counted_with_what_their_agent_brings() {
    for engine in both() {
        let one = |agent: &str, digest: &str, at: i64| Theirs {
            seq: 0,
            digest: digest.to_owned(),
            agent: agent.to_owned(),
            holder: "did:web:acme.example:mail".to_owned(),
            origin: String::new(),
            at,
            signer: String::new(),
            decision: String::new(),
            code: String::new(),
            said_at: None,
            state: "wrong".to_owned(),
            reason: String::new(),
            secured: "x".to_owned(),
        };
        let all = [
            one("did:web:acme.example:mail", "a", NOW - 90_000),
            one("did:key:z1", "b", NOW),
            one("did:key:z2", "c", NOW),
        ];
        blocking(|| {
            for one in &all {
                engine.store.write(|tx| theirs::put(tx, ACME, one).map(drop)).unwrap();
            }
            let count = |holder: &str, after: i64, most: i64| {
                engine.store.read(|tx| theirs::since(tx, ACME, (holder, after), most)).unwrap()
            };
            let name = engine.name;
            assert_eq!(count("did:web:acme.example:mail", NOW - 86_400, 10), 2, "{name}");
            assert_eq!(
                count("did:web:acme.example:mail", NOW - 86_400, 1),
                1,
                "{name}: no more are looked at"
            );
            assert_eq!(count("did:key:z1", 0, 10), 0, "{name}: a child has no share of its own");
            let kept = engine.store.read(|tx| theirs::of(tx, ACME, ("did:key:z2", "c"))).unwrap().unwrap();
            assert_eq!((kept.seq, kept.holder.as_str()), (3, "did:web:acme.example:mail"), "{name}");
        });
    }
}
