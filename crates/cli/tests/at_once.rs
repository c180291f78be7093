//! Many processes change one file at once, and some are killed on the way: what was answered with exit 0 is there.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)] // a test's helpers may stop it

mod common;

use common::{Play, Ran};
use legation_credential::status::SignedStatusList;
use std::{
    os::unix::fs::{PermissionsExt, symlink},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

const URL: &str = "https://acme.example/status/1";
const PUBLISH: &str = "status publish --key acme.key --issuer did:web:acme.example \
                       --url https://acme.example/status/1 --out site/status/1";

/// So many delegations, each with its bit of one list.
fn delegated(play: &Play, count: usize) {
    play.key("acme.key");
    let agent = play.key("agent.key");
    play.json(PUBLISH);
    for index in 0..count {
        play.json(&format!(
            "delegate --key acme.key --issuer did:web:acme.example --to {agent} --action a:b \
             --resource https://shop.example/* --valid-for 1d --status {URL}#{index} --out {index}.jwt"
        ));
    }
}

fn revoke(index: usize) -> String {
    format!("revoke {index}.jwt --list site/status/1 --key acme.key")
}

fn at_once(play: &Play, commands: &[String]) -> Vec<Ran> {
    thread::scope(|scope| {
        let all: Vec<_> = commands.iter().map(|command| scope.spawn(move || play.run(command))).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

/// Which of so many bits are not set.
fn missing(play: &Play, count: usize) -> Vec<usize> {
    let list = SignedStatusList::parse(&play.read("site/status/1"), 1 << 20).unwrap();
    (0..count).filter(|index| list.credential.list.get(*index) != Some(true)).collect()
}

fn names(play: &Play, folder: &str) -> Vec<String> {
    let all = std::fs::read_dir(play.path(folder)).unwrap();
    all.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn of_eight_revocations_at_once_none_is_lost() {
    let play = Play::new();
    delegated(&play, 8);
    let mut commands: Vec<String> = (0..8).map(revoke).collect();
    // The list is signed anew meanwhile, and reached by another name.
    commands.push(PUBLISH.to_owned());
    symlink("site", play.path("published")).unwrap();
    commands.push(PUBLISH.replace("--out site", "--out published"));
    for ran in at_once(&play, &commands) {
        assert_eq!(ran.status, 0, "{ran:?}");
    }
    assert_eq!(missing(&play, 8), [] as [usize; 0]);
    assert_eq!(names(&play, "site/status"), ["1"], "neither locks nor halves stay behind");
    let mode = std::fs::metadata(play.path("site/status/1")).unwrap().permissions().mode();
    assert_eq!(mode & 0o600, 0o600);
}

#[test]
fn a_list_that_many_make_at_once_is_made_once() {
    let play = Play::new();
    play.key("acme.key");
    for ran in at_once(&play, &vec![PUBLISH.to_owned(); 6]) {
        assert_eq!(ran.status, 0, "{ran:?}");
    }
    assert_eq!(names(&play, "site/status"), ["1"]);
}

#[test]
fn what_was_answered_outlives_writers_that_are_killed() {
    let play = Play::new();
    let count = 24;
    delegated(&play, count);
    let begin = Instant::now();
    play.json(&revoke(0));
    let usual = begin.elapsed();
    for index in 1..count {
        let mut child = Command::new(env!("CARGO_BIN_EXE_legation"))
            .args(revoke(index).split_whitespace())
            .current_dir(play.folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        thread::sleep(usual.mul_f64(f64::from(u32::try_from(index).unwrap()) / 18.0));
        let _ = child.kill(); // SIGKILL
        let answered = child.wait().unwrap().success();
        let lost = missing(&play, index + 1);
        assert!(lost.iter().all(|lost| *lost == index && !answered), "{index}: {lost:?}, {answered}");
        if !answered {
            let begin = Instant::now();
            play.json(&revoke(index));
            assert!(begin.elapsed() < Duration::from_secs(8), "nobody waits for the dead");
        }
    }
    assert_eq!(missing(&play, count), [] as [usize; 0]);
    assert_eq!(names(&play, "site/status").len(), 1, "{:?}", names(&play, "site/status"));
}

#[test]
fn a_lock_that_is_held_is_named_after_a_while() {
    let play = Play::new();
    delegated(&play, 1);
    let before = play.read("site/status/1");
    let lock = std::fs::File::create(play.path("site/status/.1.lock")).unwrap();
    lock.lock().unwrap();
    let begin = Instant::now();
    let ran = play.run(&format!("{} --json", revoke(0)));
    assert!((5..60).contains(&begin.elapsed().as_secs()), "{:?}", begin.elapsed());
    assert_eq!((ran.status, ran.json()["error"].as_str()), (3, Some("busy")), "{ran:?}");
    assert!(ran.stdout.contains(".1.lock`") && ran.stdout.contains("remove"), "{ran:?}");
    assert_eq!(play.read("site/status/1"), before);
}

#[test]
fn of_many_uses_of_one_nonce_one_is_committed_whatever_the_ledger_is_called() {
    let play = Play::new();
    play.key("acme.key");
    let agent = play.key("agent.key");
    play.json("did create web acme.example --key acme.key --out site");
    play.json(&format!(
        "delegate --key acme.key --issuer did:web:acme.example --to {agent} --action a:b \
         --resource https://shop.example/* --valid-for 1d --out root.jwt"
    ));
    play.json("present --key agent.key --audience shop --nonce n --out p.jwt root.jwt");
    std::fs::create_dir(play.path("kept")).unwrap();
    for (name, target) in [("one.json", "kept/ledger.json"), ("two.json", "one.json")] {
        symlink(target, play.path(name)).unwrap();
    }
    let verify = |ledger: &str| {
        format!(
            "verify p.jwt --principal did:web:acme.example --audience shop --nonce n --did-documents site \
             --action a:b --resource https://shop.example/x --ledger {ledger} --json"
        )
    };
    let commands: Vec<String> = ["one.json", "two.json", "kept/ledger.json"]
        .iter()
        .cycle()
        .take(9)
        .map(|name| verify(name))
        .collect();
    let all = at_once(&play, &commands);
    let codes: Vec<_> = all.iter().map(|ran| ran.json()["code"].as_str().map(str::to_owned)).collect();
    assert_eq!(codes.iter().filter(|code| code.is_none()).count(), 1, "{all:?}");
    assert!(codes.iter().flatten().all(|code| code == "nonce_replayed"), "{codes:?}");
    assert_eq!(names(&play, "kept"), ["ledger.json"]);
    assert!(play.path("one.json").symlink_metadata().unwrap().is_symlink());
    let mode = play.path("kept/ledger.json").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn of_cards_that_two_keys_sign_at_once_both_signatures_stay() {
    let play = Play::new();
    let keys = ["a.key", "b.key", "c.key", "d.key"];
    keys.iter().for_each(|name| _ = play.key(name));
    let card = serde_json::json!({
        "name": "Shop", "description": "Books rooms.", "version": "1.0.0", "capabilities": {},
        "supportedInterfaces": [{"url": "https://shop.example/a2a", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}],
        "defaultInputModes": ["text/plain"], "defaultOutputModes": ["text/plain"], "skills": [],
    });
    play.write("card.json", card.to_string());
    let sign = |key: &str| {
        format!("card sign card.json --key {key} --did did:web:shop.example --out card.json --force")
    };
    // The first declares the DID, which changes the card.
    play.json(&sign("a.key"));
    let one = |count: usize| {
        let card: serde_json::Value = serde_json::from_str(&play.read("card.json")).unwrap();
        let all = card["signatures"].as_array().unwrap().len();
        assert_eq!(all % count, 0, "{card:#}");
        all / count
    };
    let own = one(1);
    for ran in at_once(&play, &keys.map(sign)) {
        assert_eq!(ran.status, 0, "{ran:?}");
    }
    assert_eq!(one(4), own);
}

#[cfg(feature = "webvh")]
#[test]
fn of_updates_of_a_webvh_at_once_none_is_lost_unseen() {
    let play = Play::new();
    for name in ["update.key", "first.key"] {
        play.key(name);
    }
    let made = play.json("did create webvh acme.example --key first.key --update-key update.key --out site");
    let did = made["did"].as_str().unwrap();
    thread::sleep(Duration::from_millis(1_100));
    let update = format!("did update {did} --key first.key --update-key update.key --out site");
    let all = at_once(&play, &vec![update; 6]);
    let lines = play.read("site/.well-known/did.jsonl").lines().count();
    assert_eq!(lines, 1 + all.iter().filter(|ran| ran.status == 0).count(), "{all:?}");
    for refused in all.iter().filter(|ran| ran.status != 0) {
        assert!(refused.stderr.contains("wait a second"), "{refused:?}");
    }
}
