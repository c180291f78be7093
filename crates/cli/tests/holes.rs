//! What the command must not do by halves, nor print as it came.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use common::Play;

/// A principal, its delegation to an agent with a status and an argument, and the presentation.
fn play() -> (Play, String) {
    let play = Play::new();
    play.key("acme.key");
    let agent = play.key("agent.key");
    let did = play.json("did create web acme.example --key acme.key --out site");
    let did = did["did"].as_str().unwrap().to_owned();
    let status = "https://acme.example/status/1";
    play.json(&format!("status publish --key acme.key --issuer {did} --url {status} --out site/status/1"));
    let constraint = "{\"type\":\"argument\",\"name\":\"a\\u001b[2J\\u202eb\",\"prefix\":\"x\"}";
    let delegate = format!(
        "delegate --key acme.key --issuer {did} --to {agent} --action a2a:skill:book --resource https://shop.example/r \
         --valid-for 1h --status {status}#7 --out root.jwt --json"
    );
    let mut arguments: Vec<&str> = delegate.split_whitespace().collect();
    arguments.extend(["--constraint", constraint]);
    let made = play.run_list(&arguments);
    assert_eq!(made.status, 0, "{made:?}");
    play.json("present --key agent.key --audience shop --nonce n --out p.jwt root.jwt");
    (play, did)
}

#[test]
fn a_name_in_a_chain_moves_no_cursor() {
    let (play, did) = play();
    let shown = play.run(&format!(
        "verify p.jwt --principal {did} --audience shop --nonce n --did-documents site --explain"
    ));
    assert_eq!(shown.status, 0, "{shown:?}");
    assert!(shown.stdout.contains("only if"), "{shown:?}");
    assert!(!shown.stdout.contains(['\u{1b}', '\u{202e}']), "{shown:?}");
}

#[test]
fn what_a_receipt_lacks_is_told_before_anything_is_used_up() {
    let (play, did) = play();
    play.key("shop.key");
    let delegate =
        "delegate --key acme.key --action a2a:skill:book --resource https://shop.example/r --valid-for 1h";
    let agent = play.key("other.key");
    play.json(&format!("{delegate} --issuer {did} --to {agent} --out free.jwt"));
    play.json("present --key other.key --audience shop --nonce n --out q.jwt free.jwt");
    let verify = format!(
        "verify q.jwt --principal {did} --audience shop --nonce n --did-documents site --action a2a:skill:book \
         --resource https://shop.example/r --ledger ledger.json --receipt-key shop.key --json"
    );
    play.write("there.jwt", "something");
    for wrong in ["--receipt there.jwt", "--receipt new.jwt --receipt-key missing.key"] {
        let verify = if wrong.contains("missing") {
            verify.replace("--receipt-key shop.key", "")
        } else {
            verify.clone()
        };
        assert_eq!(play.run(&format!("{verify} {wrong}")).status, 2, "{wrong}");
    }
    let permit = play.run(&format!("{verify} --receipt new.jwt"));
    assert_eq!(permit.json()["decision"], "permit", "the nonce is still unused: {permit:?}");
}

#[test]
fn a_backup_of_a_status_list_takes_no_revocation_back() {
    let (play, did) = play();
    let before = play.read("site/status/1");
    play.json("revoke root.jwt --list site/status/1 --key acme.key");
    for backup in ["0", "1.bak", "z", "../a", "../z"] {
        play.write(&format!("site/status/{backup}"), &before);
    }
    let verify =
        format!("verify p.jwt --principal {did} --audience shop --nonce n --did-documents site --json");
    let denied = play.run(&verify);
    assert_eq!(denied.json()["code"], "link_revoked", "{denied:?}");

    play.write("site/copy/did.json", play.read("site/.well-known/did.json"));
    assert_eq!(play.run(&verify).status, 2, "which of two documents counts is nobody's guess");
}
