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

/// Each way of securing both links and the presentation; a request is permitted, and denied where it is not within.
#[test]
fn a_chain_is_delegated_presented_and_verified_in_each_format() {
    let play = Play::new();
    let (root, agent, other) = (play.key("root.key"), play.key("agent.key"), play.key("other.key"));
    let grant = "--action pay.* --resource https://shop.example/*";
    for formats in ["jwt jwt jwt", "di-jcs di-jcs di-jcs", "di-jcs jwt di-jcs", "jwt di-jcs jwt"] {
        let formats: Vec<&str> = formats.split(' ').collect();
        let (first, second, third) = (formats[0], formats[1], formats[2]);
        let done = |arguments: &str| {
            let ran = play.run(&format!("{arguments} --force"));
            assert_eq!(ran.status, 0, "{formats:?}: {ran:?}");
        };
        done(&format!(
            "delegate --key root.key --to {agent} {grant} --valid-for 1h --max-depth 1 --format {first} --out 1"
        ));
        done(&format!(
            "delegate --key agent.key --to {other} {grant} --valid-for 30m --parent 1 --format {second} --out 2"
        ));
        done(&format!("present --key other.key --audience a --nonce n --format {third} --out p 1 2"));
        assert_eq!(play.read("1").starts_with('{'), first == "di-jcs");
        assert_eq!(play.read("p").starts_with('{'), third == "di-jcs");
        let verify =
            format!("verify p --principal {root} --audience a --nonce n --resource https://shop.example/x");
        let permitted = play.json(&format!("{verify} --action pay.in"));
        assert_eq!(permitted["decision"], "permit", "{formats:?}");
        let denied = play.run(&format!("{verify} --action go.in --json"));
        assert_eq!((denied.status, &denied.json()["code"]), (1, &"not_granted".into()), "{formats:?}");
    }
}

#[test]
fn a_proof_by_a_p256_key_is_refused_and_told_why() {
    let play = Play::new();
    play.json("key generate --alg p256 --insecure-plaintext --out p256.key");
    let ran = play.run(
        "delegate --key p256.key --to did:web:a.example --action a:b --resource https://a.example/ --valid-for 1h \
         --format di-jcs --out d",
    );
    assert_eq!(ran.status, 2, "{ran:?}");
    assert!(ran.stderr.contains("`eddsa-jcs-2022` needs an Ed25519 key"), "{ran:?}");
}
