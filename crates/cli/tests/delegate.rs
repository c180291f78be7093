//! What `delegate` writes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test's helpers may stop it

mod common;

use common::Play;
use legation_credential::Delegation;

#[test]
fn a_delegation_has_an_id_only_where_one_is_given() {
    let play = Play::new();
    let root = play.key("root.key");
    let base = format!(
        "delegate --key root.key --to did:web:agent.example --action a:b --resource https://a.example/ \
         --valid-for 1h --issuer {root}"
    );
    let id_of = |arguments: &str, out: &str| {
        let ran = play.run(&format!("{base} --out {out} {arguments}"));
        assert_eq!(ran.status, 0, "{ran:?}");
        Delegation::read_unverified(&play.read(out)).unwrap().terms.id
    };
    assert_eq!(id_of("", "without.jwt"), None);
    assert_eq!(id_of("--id urn:uuid:1", "with.jwt").as_deref(), Some("urn:uuid:1"));
}
