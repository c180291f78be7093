//! The did:webvh of an organization: one that goes on, lines once each, and which it had when.

use crate::engines::{ACME, both};
use legation_store::{StoreError, webvh, webvh::History};

fn history(did: &str, begun: i64) -> History {
    let (did, public_key) = (did.to_owned(), format!("z6Mk-{begun}"));
    History { did, begun, key_id: format!("webvh:acme.example#{begun}"), public_key, sealed: vec![1, 2, 3] }
}

#[test]
fn one_goes_on_each_line_stands_once_and_which_there_was_is_known() {
    const OTHER: &str = "0190b6a0-0000-7000-8000-000000000002";
    for engine in both() {
        let (store, name) = (&engine.store, engine.name);
        let (first, second) = (history("did:webvh:a", 1000), history("did:webvh:b", 3000));
        store
            .write(|tx| {
                assert!(!webvh::had(tx, ACME)? && webvh::get(tx, ACME)?.is_none(), "{name}");
                webvh::begin(tx, ACME, &first)?;
                webvh::append(tx, ACME, &first.did, (1, "one"))?;
                webvh::append(tx, ACME, &first.did, (2, "two"))
            })
            .unwrap();
        let exists = |done: Result<(), StoreError>| matches!(done, Err(StoreError::Exists { .. }));
        assert!(exists(store.write(|tx| webvh::begin(tx, ACME, &second))), "{name}: one goes on already");
        assert!(exists(store.write(|tx| webvh::append(tx, ACME, &first.did, (2, "other")))), "{name}");
        store
            .write(|tx| {
                assert_eq!(webvh::last(tx, ACME, &first.did)?, Some((2, "two".to_owned())), "{name}");
                assert_eq!(webvh::lines(tx, ACME, &first.did, 10)?, ["one", "two"], "{name}");
                assert_eq!(webvh::lines(tx, ACME, &first.did, 1)?, ["one"], "{name}");
                let next = History { key_id: "next".to_owned(), sealed: vec![9], ..first.clone() };
                webvh::set_key(tx, ACME, &next)?;
                assert_eq!(webvh::get(tx, ACME)?, Some(next), "{name}");
                webvh::end(tx, ACME, 3000)?;
                assert!(webvh::get(tx, ACME)?.is_none() && webvh::had(tx, ACME)?, "{name}");
                webvh::begin(tx, ACME, &second)?;
                webvh::append(tx, ACME, &second.did, (1, "anew"))?;
                for (at, did) in
                    [(999, None), (1000, Some("a")), (2999, Some("a")), (3000, Some("b")), (9999, Some("b"))]
                {
                    let then = webvh::did_as_of(tx, ACME, at)?;
                    assert_eq!(then, did.map(|one| format!("did:webvh:{one}")), "{name}: {at}");
                }
                assert!(!webvh::had(tx, OTHER)? && webvh::get(tx, OTHER)?.is_none(), "{name}");
                assert_eq!(
                    webvh::lines(tx, OTHER, &first.did, 10)?,
                    [""; 0],
                    "{name}: another organization's"
                );
                assert_eq!(webvh::lines(tx, ACME, &second.did, 10)?, ["anew"], "{name}");
                Ok::<(), StoreError>(())
            })
            .unwrap();
    }
}
