//! A backup, put back: what is told, what is refused, and what has to be said before it opens.

use crate::{common::Play, organization, refused, with_bot};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;

fn backup(play: &Play, file: &str) -> Value {
    play.json(&format!("backup {file}"))
}

/// Puts it back into `again`, with the master key that was kept.
fn put_back(play: &Play, file: &str) {
    let told = play.json(&format!("restore {file} --data-dir again"));
    assert_eq!((&told["closed"], &told["domains"]), (&json!(true), &json!(["acme.example"])));
    std::fs::copy(play.path("legation/master.key"), play.path("again/master.key")).unwrap();
}

fn state(play: &Play, what: &str) -> Value {
    play.json(&format!("{what} --data-dir again"))
}

#[test]
fn a_backup_is_private_names_its_digest_and_replaces_nothing() {
    let play = with_bot();
    let ran = play.run("backup kept.backup");
    assert_eq!(ran.status, 0, "{ran:?}");
    assert!(ran.stdout.contains("SHA-256") && ran.stdout.contains("master key is not in it"), "{ran:?}");
    let mode = std::fs::metadata(play.path("kept.backup")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    refused(&play, "backup kept.backup", (2, "file"), &["exists already"]);
    refused(&play, "restore kept.backup", (2, "file"), &["`legation` exists already", "--data-dir"]);
    let sha = "0".repeat(64);
    refused(
        &play,
        &format!("restore kept.backup --data-dir again --digest {sha}"),
        (1, "backup_digest"),
        &[&sha],
    );
    refused(&play, "restore legation/master.key --data-dir again", (2, "not_a_backup"), &["legation backup"]);
    refused(&play, "restore nothing --data-dir again", (2, "file"), &["can't be read"]);
    refused(&play, "restore", (2, "usage"), &["FILE"]);
    refused(&play, "restore kept.backup --reopen", (2, "usage"), &["cannot be used with"]);
    refused(&play, "backup other.backup --with-master-key", (2, "usage"), &["passphrase-file"]);
    refused(&play, "restore --reopen", (1, "not_closed"), &["is open already"]);
    // None of these left anything.
    let left = std::fs::read_dir(play.folder.path()).unwrap();
    let mut left: Vec<_> = left.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    left.sort();
    assert_eq!(left, ["kept.backup", "legation"]);
}

#[test]
fn the_master_key_goes_along_by_a_passphrase_and_opens_by_no_other() {
    let play = with_bot();
    play.write("word", "correct horse\n");
    play.write("other", "battery staple\n");
    let told = play.json("backup kept.backup --with-master-key --passphrase-file word");
    assert_eq!(told["masterKey"], true);
    let master = play.read("legation/master.key");
    let bytes = std::fs::read(play.path("kept.backup")).unwrap();
    assert!(!bytes.windows(master.len()).any(|some| some == master.as_bytes()));
    let wrong = "restore kept.backup --data-dir again --passphrase-file other";
    refused(&play, wrong, (2, "file"), &["passphrase does not open"]);
    assert!(!play.path("again").exists());
    let told = play.json("restore kept.backup --data-dir again --passphrase-file word");
    assert_eq!(told["masterKey"], true);
    assert_eq!(play.read("again/master.key"), master);
    play.json("restore --reopen --all --data-dir again");
    assert_eq!(state(&play, "doctor")["ok"], true);
    play.json("agent add other --models standard --data-dir again");
}

#[test]
fn a_store_that_was_put_back_does_nothing_until_it_is_opened() {
    let play = with_bot();
    backup(&play, "kept.backup");
    put_back(&play, "kept.backup");
    for verb in
        ["agent add x --models standard", "agent suspend bot", "api-key create bot", "publish --out site"]
    {
        refused(&play, &format!("{verb} --data-dir again"), (3, "store_restored"), &["restore --reopen"]);
    }
    refused(&play, "confirm --data-dir again", (1, "store_restored"), &["restored at", "from a backup of"]);
    // What there is can be looked at.
    assert_eq!(state(&play, "agent list")["agents"][0]["name"], "bot");
    let doctor = play.run("doctor --json --data-dir again");
    assert_eq!(doctor.status, 1);
    assert!(doctor.stdout.contains("restore --reopen"), "{doctor:?}");
}

/// What was revoked, suspended and blocked after the backup holds nothing open.
#[test]
fn nothing_holds_after_a_restore_before_somebody_confirms_it() {
    let play = with_bot();
    play.json("agent add old --models standard");
    play.json("agent suspend old");
    let key = play.json("api-key create bot")["id"].as_str().unwrap().to_owned();
    backup(&play, "kept.backup");
    put_back(&play, "kept.backup");
    let opened = state(&play, "restore --reopen");
    // The organization, its team, two agents, the first admin; one key.
    assert_eq!(opened["unconfirmed"], json!({"holders": 5, "apiKeys": 1}), "{opened}");
    let document = |did: &str| {
        let _ = std::fs::remove_dir_all(play.path("site"));
        play.json("publish --out site --data-dir again");
        let text = play.read(&format!("site/{did}/did.json"));
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let methods = |document: &Value| document["verificationMethod"].as_array().map_or(0, Vec::len);
    assert_eq!(methods(&document("bot")), 0, "nobody knows whether its key is still its own");
    refused(
        &play,
        "agent resume old --data-dir again",
        (1, "wrong_state"),
        &["unconfirmed", "legation confirm"],
    );
    refused(&play, &format!("api-key rotate {key} --data-dir again"), (1, "wrong_state"), &["unconfirmed"]);
    let list = state(&play, "confirm");
    let names: Vec<&str> =
        list["unconfirmed"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"bot") && names.contains(&"old") && names.contains(&key.as_str()), "{list}");
    for what in ["organization", "team default", "agent bot", "agent old"] {
        assert_eq!(state(&play, &format!("confirm {what}"))["confirmed"], true, "{what}");
        assert_eq!(state(&play, &format!("confirm {what}"))["confirmed"], false, "{what}, again");
    }
    refused(&play, "confirm agent nobody --data-dir again", (1, "not_found"), &["nobody"]);
    assert_eq!(methods(&document("bot")), 1);
    // What was suspended before the backup stays so.
    assert_eq!(state(&play, "agent show old")["state"], "suspended");
    let rest = state(&play, "confirm");
    assert_eq!((&rest["holders"], &rest["apiKeys"]), (&json!(1), &json!(1)));
    assert_eq!(state(&play, "confirm all")["confirmed"], true);
    assert_eq!(state(&play, "confirm")["holders"], 0);
    assert_eq!(state(&play, "doctor")["ok"], true);
}

/// A mirror of what was published knows what was revoked since.
#[test]
fn what_was_published_since_is_learned_and_only_ever_adds() {
    let play = with_bot();
    play.json("agent add other --models standard");
    play.json("agent add third --models standard");
    backup(&play, "kept.backup");
    play.json("agent retire other");
    play.json("agent suspend third");
    play.json("publish --out site");
    put_back(&play, "kept.backup");
    let opened = state(&play, "restore --reopen --all --status-from site");
    assert_eq!((&opened["revoked"], &opened["suspended"]), (&json!(1), &json!(1)), "{opened}");
    let links = state(&play, "delegation list other")["delegations"].clone();
    assert_eq!(links[0]["state"], "revoked", "{links}");
    assert_eq!(state(&play, "agent show third")["state"], "suspended");
    assert_eq!(state(&play, "agent show bot")["state"], "active");
    // New delegations stand where none can have stood.
    let place = |data: &str| {
        let told = play.json(&format!("agent add late --models standard --data-dir {data}"));
        assert_eq!(told["name"], "late");
        let listed = play.json(&format!("publish --out site-{data} --data-dir {data}"));
        listed.clone()
    };
    place("again");
    let lists = std::fs::read_dir(play.path("site-again/status")).unwrap().count();
    assert_eq!(lists, 6, "three pairs: of the organization and the team, and a new one of the team");
    play.write("bad/status/1", "no list");
    put_back_again(&play);
    refused(
        &play,
        "restore --reopen --status-from bad --data-dir third",
        (2, "file"),
        &["bad/status/1", "is no status list"],
    );
    assert_eq!(play.run("confirm --data-dir third").status, 1, "still closed");
}

fn put_back_again(play: &Play) {
    play.json("restore kept.backup --data-dir third");
    std::fs::copy(play.path("legation/master.key"), play.path("third/master.key")).unwrap();
}

/// By hand, in place of `restore`.
#[test]
fn a_database_that_was_copied_back_is_noticed_by_the_next_command() {
    let play = organization();
    let ends = ["", "-wal", "-shm"];
    for end in ends {
        let from = play.path(&format!("legation/store.sqlite{end}"));
        if from.exists() {
            std::fs::copy(from, play.path(&format!("kept{end}"))).unwrap();
        }
    }
    play.json("agent add bot --models standard");
    for end in ends {
        let to = play.path(&format!("legation/store.sqlite{end}"));
        let _ = std::fs::remove_file(&to);
        if play.path(&format!("kept{end}")).exists() {
            std::fs::copy(play.path(&format!("kept{end}")), to).unwrap();
        }
    }
    refused(
        &play,
        "agent add other --models standard",
        (3, "store_restored"),
        &["events", "restore --reopen"],
    );
    play.json("restore --reopen --all");
    play.json("agent add other --models standard");
}
