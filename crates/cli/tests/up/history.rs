//! The did:webvh of an organization that is up: served, grown by two processes, killed in the midst of a change.

use crate::{
    common::{Play, free_port},
    killed::{WRITES, copy, has_strace, run_killed},
    running::{Up, raw, request},
};
use legation_did::Did;
use legation_keys::base64url;
use legation_webvh_entry::{Version, check};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::{
    fs, thread,
    time::{Duration, Instant},
};

const LOG: &str = "/.well-known/did.jsonl";

fn next_second() {
    thread::sleep(Duration::from_millis(1_100));
}

fn made(play: &Play, port: u16) -> Did {
    let made = play.json(&format!("init localhost:{port} --webvh"));
    made["webvh"].as_str().unwrap().parse().unwrap()
}

fn versions(up: &Up, did: &Did) -> Vec<Version> {
    check(did, up.text(LOG).lines()).unwrap()
}

/// The ids of the keys of a document, without whose they are.
fn keys(document: &Value) -> Vec<String> {
    let all = document["verificationMethod"].as_array().unwrap();
    all.iter().map(|one| one["id"].as_str().unwrap().split_once('#').unwrap().1.to_owned()).collect()
}

#[test]
fn what_is_served_has_a_tag_and_is_what_the_document_was_at_each_moment() {
    let play = Play::new();
    let port = free_port();
    let did = made(&play, port);
    let up = Up::again(&play, port, &[], &[]);
    let first = up.text(LOG);
    assert!(first.ends_with("}\n"), "JSON Lines: {first}");
    let tag = |text: &str| format!("if-none-match: \"{}\"\r\n", base64url::encode(&Sha256::digest(text)));
    let known = |text: &str| raw(port, "GET", LOG, &tag(text), "").unwrap().0;
    assert_eq!(known(&first), 304);
    next_second();
    play.json("organization rotate");
    assert_eq!(known(&first), 200, "what was served before is served no more");
    next_second();
    play.json("organization rotate --compromised");
    let all = versions(&up, &did);
    assert_eq!(all.len(), 3);
    for version in &all {
        let at = legation_keys::time::format(version.time).replace(':', "%3A");
        let then = up.get(&format!("/.well-known/did.json?versionTime={at}")).1;
        assert_eq!(keys(&then), keys(&serde_json::from_str(&version.document).unwrap()), "{at}");
        assert_eq!(then["alsoKnownAs"][0], did.as_str());
    }
    let other = Play::new();
    let plain = Up::dev(&other, &[], &[]);
    assert_eq!(request(plain.port, "GET", LOG, "", "").unwrap().0, 404, "an organization without one");
}

#[test]
fn two_that_are_up_append_one_version_for_a_key_whose_time_has_come() {
    let play = Play::new();
    let port = free_port();
    let did = made(&play, port);
    play.json("organization rotate --every 1h");
    let (one, two) = (Up::again(&play, port, &[], &[]), Up::again(&play, free_port(), &[], &[]));
    let database = rusqlite::Connection::open(play.path("legation/store.sqlite")).unwrap();
    for expected in 2..=3 {
        next_second();
        database.busy_timeout(Duration::from_secs(10)).unwrap();
        database.execute_batch("UPDATE rotation SET due = 0").unwrap();
        let begin = Instant::now();
        while versions(&one, &did).len() < expected {
            assert!(begin.elapsed() < Duration::from_secs(30), "no version was appended");
            thread::sleep(Duration::from_millis(100));
        }
    }
    // Both have looked again.
    thread::sleep(Duration::from_secs(5));
    assert_eq!(versions(&one, &did), versions(&two, &did));
    assert_eq!(versions(&one, &did).len(), 3);
    assert_eq!(play.run("doctor").status, 0);
}

/// The change and its version are one: killed at any of its writes, both are there or neither, and the log goes on.
#[test]
fn a_rotation_that_is_killed_at_any_of_its_writes_leaves_a_log_that_says_what_the_document_says() {
    if !has_strace("a_rotation_that_is_killed_at_any_of_its_writes…") {
        return;
    }
    let play = Play::new();
    let ran = play.run("init acme.example --webvh --data-dir base");
    assert_eq!(ran.status, 0, "{ran:?}");
    next_second();
    let (mut kills, mut without, mut with) = (0, 0, 0);
    for at in 1..200 {
        let name = format!("killed-{at}");
        copy(&play.path("base"), &play.path(&name));
        let mode = fs::metadata(play.path("base")).unwrap().permissions();
        fs::set_permissions(play.path(&name), mode).unwrap();
        play.write("input", "");
        let input = fs::File::open(play.path("input")).unwrap();
        let rotate = ["organization", "rotate", "--compromised", "--data-dir", &name];
        let ended = run_killed(&play, WRITES, at, &rotate, input);
        // Read as it was left, before anybody mends anything.
        let state = rusqlite::Connection::open(play.path(&name).join("store.sqlite")).unwrap();
        let count = |sql: &str| state.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        let keys = count(
            "SELECT count(*) FROM holder_key k JOIN holder h ON h.id = k.holder WHERE h.kind = 'organization'",
        );
        let lines = count("SELECT count(*) FROM webvh_entry");
        assert_eq!(keys, lines, "killed at write {at}");
        drop(state);
        if at % 5 == 1 || ended.success() {
            let doctor = play.run(&format!("doctor --json --data-dir {name}"));
            let told = doctor.json()["checks"].to_string();
            assert!(doctor.status == 0 && !told.contains("append it"), "killed at write {at}: {told}");
        }
        if lines == 1 {
            without += 1
        } else {
            with += 1
        }
        if ended.success() {
            break;
        }
        kills += 1;
    }
    assert!(kills > 3 && without > 0 && with > 0, "{kills} kills: {without} without, {with} with");
    next_second();
    play.json("organization rotate --data-dir killed-2");
    play.json("publish --out www --data-dir killed-2");
    assert_eq!(play.read("www/.well-known/did.jsonl").lines().count(), 2);
}
