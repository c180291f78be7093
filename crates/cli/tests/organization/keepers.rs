//! The master key replaced and lost, an admin's key lost, keys by schedule, what is kept for how long.

use crate::{common::Play, organization, refused, told, with_bot};
use serde_json::{Value, json};
use std::{os::unix::fs::PermissionsExt, process::Command};

fn mode(play: &Play, name: &str) -> u32 {
    std::fs::metadata(play.path(name)).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_master_key_is_replaced_and_opens_all_that_was_sealed_before() {
    let play = with_bot();
    told(&play, "secret set provider --origin https://api.example.com", "sk-1");
    play.json("backup before");
    let old = play.read("legation/master.key");
    let done = play.json("master-key rotate");
    // The organization's key, the team's, the agent's.
    assert_eq!((&done["keys"], &done["secrets"]), (&json!(3), &json!(1)), "{done}");
    assert_ne!(play.read("legation/master.key"), old);
    assert_eq!(play.read("legation/master.key.old"), old);
    assert_eq!((mode(&play, "legation/master.key"), mode(&play, "legation/master.key.old")), (0o600, 0o600));
    assert!(!play.path("legation/master.key.new").exists());
    refused(
        &play,
        "master-key rotate",
        (2, "master_before"),
        &["master.key.old", "keep it with those backups"],
    );
    // Without the old one all opens.
    std::fs::rename(play.path("legation/master.key.old"), play.path("old.key")).unwrap();
    assert_eq!(play.json("doctor")["ok"], true);
    play.json("agent add other --models standard");
    // And what was backed up before opens by the old one only.
    play.json("restore before --data-dir again");
    std::fs::copy(play.path("legation/master.key"), play.path("again/master.key")).unwrap();
    refused(&play, "restore --reopen --all --data-dir again", (3, "sealed_mismatch"), &["master key"]);
    std::fs::copy(play.path("old.key"), play.path("again/master.key.old")).unwrap();
    play.json("restore --reopen --all --data-dir again");
    assert_eq!(play.json("master-key rotate")["keys"], 4);
}

#[test]
fn a_rotation_is_prepared_for_other_machines_and_gone_on_with() {
    let play = with_bot();
    assert_eq!(play.json("master-key rotate --prepare")["prepared"], true);
    let next = play.read("legation/master.key.new");
    // What is made meanwhile is by the next one.
    play.json("agent add other --models standard");
    let doctor = play.run("doctor");
    assert!(doctor.stdout.contains("legation master-key rotate"), "{doctor:?}");
    let done = play.json("master-key rotate");
    assert_eq!((&done["keys"], &done["begunBefore"]), (&json!(3), &json!(true)));
    assert_eq!(play.read("legation/master.key"), next);
    assert_eq!(play.json("doctor")["ok"], true);
}

/// As the README of the signer has it.
#[test]
fn where_the_master_key_is_lost_all_keys_are_made_anew_and_the_rest_stays() {
    let play = with_bot();
    told(&play, "secret set provider --origin https://api.example.com", "sk-1");
    let key = play.json("api-key create bot");
    let before = play.json("agent show bot");
    refused(&play, "master-key lost --make-keys-anew", (1, "not_lost"), &["nothing is lost"]);
    std::fs::remove_file(play.path("legation/master.key")).unwrap();
    refused(&play, "agent add x --models standard", (3, "signer"), &[]);
    refused(&play, "master-key lost", (2, "usage"), &["--make-keys-anew"]);
    let made = play.json("master-key lost --make-keys-anew");
    assert_eq!(made["keys"], 3);
    assert_eq!(made["secrets"], json!([{"name": "provider", "origin": "https://api.example.com"}]));
    assert_eq!(play.json("secret list")["secrets"], json!([]));
    assert_eq!(play.json("doctor")["ok"], true);
    let after = play.json("agent show bot");
    assert_eq!((&after["did"], &after["budgets"]), (&before["did"], &before["budgets"]));
    assert_eq!(play.json("api-key list bot")["keys"][0]["id"], key["id"]);
    // The new keys are published, and sign.
    play.json("publish --out site");
    let document: Value = serde_json::from_str(&play.read("site/bot/did.json")).unwrap();
    assert_eq!(document["verificationMethod"].as_array().unwrap().len(), 1);
    play.json("agent add other --models standard");
    play.json("agent retire bot");
}

#[test]
fn an_admin_whose_key_is_lost_is_replaced_by_whoever_has_the_folder() {
    let play = organization();
    let first = play.json("admin list")["admins"][0]["did"].as_str().unwrap().to_owned();
    std::fs::remove_file(play.path("legation/admin.key")).unwrap();
    let told = play.json("admin recover");
    assert_eq!(told["removed"], first.as_str());
    let new = told["admin"].as_str().unwrap();
    assert_ne!(new, first);
    let states: Vec<(String, String)> = play.json("admin list")["admins"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["did"].as_str().unwrap().to_owned(), one["state"].as_str().unwrap().to_owned()))
        .collect();
    assert!(
        states.contains(&(first, "removed".to_owned()))
            && states.contains(&(new.to_owned(), "active".to_owned()))
    );
    assert_eq!(mode(&play, "legation/admin.key"), 0o600);
    assert!(!play.path("legation/admin.key.new").exists());
    assert!(play.read("legation/admin.jwt").starts_with("ey"));
    // A word for the next one.
    play.write("word", "correct horse\n");
    let again = play.json("admin recover --passphrase-file word");
    assert_eq!(again["removed"], new);
    assert!(play.read("legation/admin.key").contains("AGE ENCRYPTED"));
    refused(&play, "admin recover --lost did:key:z6MkNobody", (1, "not_found"), &[]);
}

const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";

#[test]
fn a_token_holds_the_key_of_the_master_key() {
    if !std::path::Path::new(MODULE).exists() {
        eprintln!("SKIPPED a_token_holds_the_key…: there is no SoftHSM; `tests/run` installs it");
        return;
    }
    let play = with_bot();
    std::fs::create_dir(play.path("tokens")).unwrap();
    play.write("softhsm2.conf", format!("directories.tokendir = {}\n", play.path("tokens").display()));
    play.write("pin", "4711\n");
    let with_token = |arguments: &str| {
        let mut command = Command::new("/usr/bin/env");
        command.arg(format!("SOFTHSM2_CONF={}", play.path("softhsm2.conf").display()));
        let output =
            command.args(arguments.split_whitespace()).current_dir(play.folder.path()).output().unwrap();
        (
            output.status.success(),
            String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap(),
        )
    };
    let legation = |arguments: &str| with_token(&format!("{} {arguments}", env!("CARGO_BIN_EXE_legation")));
    let made = with_token("softhsm2-util --init-token --free --label acme --pin 4711 --so-pin 4712");
    assert!(made.0, "{made:?}");
    let rotate = format!("master-key rotate --pkcs11-module {MODULE} --token acme --pin-file pin");
    let (done, told) = legation(&rotate);
    assert!(done, "{told}");
    let file = play.read("legation/master.key");
    assert!(file.contains("\"pkcs11\"") && file.contains("\"wrapped\""), "{file}");
    assert_eq!(mode(&play, "legation/master.key"), 0o600);
    std::fs::remove_file(play.path("legation/master.key.old")).unwrap();
    let (done, told) = legation("agent add other --models standard");
    assert!(done, "{told}");
    let (done, told) = legation("doctor");
    assert!(done, "{told}");
    // The file alone opens nothing, nor does another PIN.
    let ran = play.run("agent add third --models standard");
    assert_ne!(ran.status, 0);
    assert!(ran.stderr.contains("is not opened by its token"), "{ran:?}");
    play.write("pin", "0815\n");
    let (done, told) = legation("agent add third --models standard");
    assert!(!done && told.contains("see to the token and its PIN") && !told.contains("0815"), "{told}");
    play.write("pin", "4711\n");
    // The next one is in the token, too.
    let (done, told) = legation("master-key rotate");
    assert!(done, "{told}");
    assert!(play.read("legation/master.key").contains("\"pkcs11\""));
    assert_ne!(play.read("legation/master.key"), file);
    let (done, told) = legation("agent add third --models standard");
    assert!(done, "{told}");
}

#[test]
fn keys_and_what_is_kept_are_set_by_command() {
    let play = with_bot();
    let told = play.json("agent rotate bot --every 90d");
    assert_eq!(told["every"], 90 * 86_400);
    assert!(told["due"].as_str().unwrap().ends_with('Z'));
    let told = play.run("team rotate default --every 30d");
    assert!(told.stdout.contains("is replaced by itself, first at"), "{told:?}");
    play.json("organization rotate --every 365d");
    assert_eq!(play.json("agent rotate bot --every never")["due"], Value::Null);
    refused(&play, "agent rotate bot --every 5m", (2, "value_invalid"), &["300s", "an hour at least"]);
    refused(&play, "agent rotate bot --every x", (2, "usage"), &["such as 7d"]);
    refused(&play, "agent rotate bot --every 1d --compromised", (2, "usage"), &["cannot be used with"]);
    assert_eq!(play.json("retention show"), json!({"receipts": null, "events": null}));
    let told = play.run("retention set receipts=365d,events=730d");
    assert!(told.stdout.contains("365 days") && told.stdout.contains("730 days"), "{told:?}");
    assert_eq!(play.json("retention set events=forever"), json!({"receipts": 365 * 86_400, "events": null}));
    refused(&play, "retention set receipts=1h", (2, "value_invalid"), &["a day at least"]);
    refused(&play, "retention set prompts=1d", (2, "usage"), &["receipts=365d"]);
}
