//! An organization that `init --webvh` made: what it publishes, what tells of it, what a restored one does.

use crate::{common::Play, organization, refused};
use legation_webvh_entry::check;
use serde_json::{Value, json};
use std::{thread, time::Duration};

fn with_history() -> (Play, String) {
    let play = Play::new();
    let made = play.json("init acme.example --webvh");
    assert_eq!(made["did"], "did:web:acme.example", "which stays what everything is issued by");
    let did = made["webvh"].as_str().unwrap().to_owned();
    assert!(did.starts_with("did:webvh:Qm") && did.ends_with(":acme.example"), "{did}");
    (play, did)
}

/// Versions are told apart by their seconds.
fn next_second() {
    thread::sleep(Duration::from_millis(1_100));
}

/// How many versions the published log has, whose last one says what the published document says.
fn published(play: &Play, data: &str, did: &str) -> usize {
    play.json(&format!("publish --out www --data-dir {data}"));
    let log = play.read("www/.well-known/did.jsonl");
    let versions = check(&did.parse().unwrap(), log.lines()).unwrap();
    let scid = did.split(':').nth(2).unwrap();
    let text = versions.last().unwrap().document.replace(&format!("did:webvh:{scid}:"), "did:web:");
    let mut said: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(said["alsoKnownAs"], json!(["did:web:acme.example"]));
    said["alsoKnownAs"] = json!([did]);
    let document: Value = serde_json::from_str(&play.read("www/.well-known/did.json")).unwrap();
    assert_eq!(document, said);
    versions.len()
}

#[test]
fn its_log_is_published_beside_its_document_and_grows_with_it() {
    let (play, did) = with_history();
    assert_eq!(published(&play, "legation", &did), 1);
    play.json("agent add bot --models standard");
    next_second();
    play.json("agent rotate bot --compromised");
    assert_eq!(published(&play, "legation", &did), 1);
    play.json("organization rotate");
    assert_eq!(published(&play, "legation", &did), 2);
    next_second();
    play.json("organization rotate --compromised");
    // In the very second: when it is over, whoever looks appends it.
    play.json("organization rotate --compromised");
    next_second();
    let versions = published(&play, "legation", &did);
    assert!((3..=4).contains(&versions), "{versions}");
    assert_eq!(play.json("publish --out www")["written"], 0);
    assert_eq!(play.json("organization show")["webvh"], did.as_str());
    assert!(play.run("organization show").stdout.contains(&did));
    let doctor = play.run("doctor");
    assert!(
        doctor.status == 0 && doctor.stdout.contains(&format!("{did} has {versions} versions")),
        "{doctor:?}"
    );
    play.json("master-key rotate");
    std::fs::remove_file(play.path("legation/master.key.old")).unwrap();
    next_second();
    play.json("organization rotate");
    assert_eq!(published(&play, "legation", &did), versions + 1, "signed by a key that was sealed anew");
}

#[test]
fn an_organization_that_was_made_without_one_says_nothing_of_it() {
    let play = organization();
    assert_eq!(play.json("organization show")["webvh"], Value::Null);
    assert!(!play.run("organization show").stdout.contains("versions"));
    play.json("publish --out www");
    assert!(!play.path("www/.well-known/did.jsonl").exists());
    assert!(!play.run("doctor").stdout.contains("webvh"));
}

#[test]
fn a_log_that_was_tampered_with_is_named_by_doctor() {
    let (play, _) = with_history();
    next_second();
    play.json("organization rotate");
    let database = rusqlite::Connection::open(play.path("legation/store.sqlite")).unwrap();
    for (change, back, words) in [
        (
            "UPDATE webvh_entry SET line = replace(line, 'assertionMethod', 'assertionmethod') WHERE number = 1",
            "UPDATE webvh_entry SET line = replace(line, 'assertionmethod', 'assertionMethod') WHERE number = 1",
            "version 1",
        ),
        (
            "UPDATE webvh_entry SET number = 0 - number WHERE number = 2",
            "UPDATE webvh_entry SET number = 0 - number WHERE number = -2",
            "version 1",
        ),
    ] {
        database.execute_batch(change).unwrap();
        let doctor = play.run("doctor");
        assert_eq!(doctor.status, 1, "{doctor:?}");
        let told = doctor.stdout.lines().find(|line| line.contains("integrity")).unwrap();
        for word in ["the did:webvh is not what was signed", words] {
            assert!(told.contains(word), "{told}");
        }
        database.execute_batch(back).unwrap();
        assert_eq!(play.run("doctor").status, 0);
    }
}

/// Since the backup its next entry may have been written: two under one name would be two histories.
#[test]
fn what_was_put_back_from_a_backup_begins_another_log() {
    let (play, did) = with_history();
    play.json("backup before");
    next_second();
    play.json("organization rotate");
    assert_eq!(published(&play, "legation", &did), 2);
    play.json("restore before --data-dir again");
    std::fs::copy(play.path("legation/master.key"), play.path("again/master.key")).unwrap();
    play.json("restore --reopen --data-dir again");
    assert_eq!(play.json("organization show --data-dir again")["webvh"], Value::Null);
    play.json("confirm organization --data-dir again");
    let other = play.json("organization show --data-dir again")["webvh"].as_str().unwrap().to_owned();
    assert_ne!(other, did);
    assert_eq!(published(&play, "again", &other), 1);
    next_second();
    play.json("organization rotate --data-dir again");
    assert_eq!(published(&play, "again", &other), 2);
    assert_eq!(play.run("doctor --data-dir again").status, 0);
}

#[test]
fn where_the_master_key_is_lost_it_has_another_log_and_says_so() {
    let (play, did) = with_history();
    std::fs::remove_file(play.path("legation/master.key")).unwrap();
    let told = play.run("master-key lost --make-keys-anew");
    assert!(told.status == 0 && told.stderr.contains("the did:webvh is another one"), "{told:?}");
    let other = play.json("organization show")["webvh"].as_str().unwrap().to_owned();
    assert_ne!(other, did);
    assert_eq!(published(&play, "legation", &other), 1);
}

#[test]
fn what_is_wrong_with_the_domain_is_told_before_anything_is_made() {
    let play = Play::new();
    refused(&play, "init 127.0.0.1 --webvh", (2, "domain_invalid"), &["127.0.0.1"]);
    assert!(!play.path("legation").exists());
}
