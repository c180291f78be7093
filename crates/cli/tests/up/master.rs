//! The master key: wrong, missing, replaced while it runs, and a replacement that was killed.

use crate::{
    common::Play,
    killed::{WRITES, copy, has_strace, run_killed},
    running::{Up, children},
};
use serde_json::{Value, json};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

fn hello() -> Value {
    json!({"model": "scripted", "messages": [{"role": "user", "content": "hello"}]})
}

fn receipts_are_signed(play: &Play) -> bool {
    let all = play.json("receipt list");
    all["receipts"].as_array().unwrap().iter().all(|one| one["signed"] == true)
}

#[test]
fn a_master_key_is_replaced_while_it_runs() {
    let play = Play::new();
    let up = Up::dev(&play, &[], &[]);
    assert_eq!(up.post(&up.key, &hello()).0, 200);
    for round in 0..3 {
        let _ = fs::remove_file(play.path("legation/master.key.old"));
        let told = play.json("master-key rotate");
        assert!(told["keys"].as_i64().unwrap() >= 3, "{told}");
        // The same signer makes keys by the new one, opens what it sealed, and signs.
        play.json(&format!("agent add bot-{round} --models *"));
        assert_eq!(up.post(&up.key, &hello()).0, 200);
        let begin = Instant::now();
        while !receipts_are_signed(&play) {
            assert!(begin.elapsed() < Duration::from_secs(20), "round {round}");
            std::thread::sleep(Duration::from_millis(100));
        }
        // So does that of the log: what was decided since is in it, under a checkpoint.
        let receipts = play.json("receipt list")["receipts"].as_array().unwrap().len();
        loop {
            let kinds = play.json("log verify")["kinds"].clone();
            let count = |kind: &str| usize::try_from(kinds[kind].as_u64().unwrap_or_default()).unwrap();
            if count("receipt") + count("settlement") >= receipts {
                break;
            }
            assert!(begin.elapsed() < Duration::from_secs(30), "round {round}: {kinds}, {receipts} receipts");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    fs::remove_file(play.path("legation/master.key.old")).unwrap();
    assert_eq!(play.json("doctor")["ok"], true);
}

#[test]
fn a_replacement_that_is_killed_anywhere_loses_nothing_and_is_gone_on_with() {
    if !has_strace("a_replacement_that_is_killed_anywhere…") {
        return;
    }
    let play = Play::new();
    for made in ["init acme.example --data-dir base", "agent add mail --models * --data-dir base"] {
        assert_eq!(play.run(made).status, 0);
    }
    let calls = format!("{WRITES},rename,renameat,renameat2,link,linkat");
    let mut kills = 0;
    for at in 1..200 {
        let name = format!("killed-{at}");
        copy(&play.path("base"), &play.path(&name));
        fs::set_permissions(play.path(&name), fs::metadata(play.path("base")).unwrap().permissions())
            .unwrap();
        let none = fs::File::open("/dev/null").unwrap();
        let ended = run_killed(&play, &calls, at, &["master-key", "rotate", "--data-dir", &name], none);
        let doctor = play.run(&format!("doctor --json --data-dir {name}"));
        assert_eq!(doctor.status, 0, "killed at {at}: {doctor:?}");
        let added = play.run(&format!("agent add more --models * --data-dir {name}"));
        assert_eq!(added.status, 0, "killed at {at}: {added:?}");
        if ended.success() {
            break;
        }
        kills += 1;
        let next = play.path(&name).join("master.key.new");
        if next.exists() || !play.path(&name).join("master.key.old").exists() {
            let again = play.run(&format!("master-key rotate --data-dir {name}"));
            assert_eq!(again.status, 0, "killed at {at}: {again:?}");
        }
        // By the new one alone.
        fs::remove_file(play.path(&name).join("master.key.old")).unwrap();
        let doctor = play.run(&format!("doctor --json --data-dir {name}"));
        assert_eq!(doctor.status, 0, "killed at {at}: {doctor:?}");
        assert_ne!(play.read(&format!("{name}/master.key")), play.read("base/master.key"));
    }
    assert!(kills > 10, "{kills}");
}

/// It does not come up, and says what to do.
#[test]
fn with_another_master_key_or_none_it_does_not_come_up() {
    let play = Play::new();
    for folder in ["one", "other"] {
        assert_eq!(play.run(&format!("init acme.example --data-dir {folder}")).status, 0);
    }
    let up = || {
        let ran = Command::new(env!("CARGO_BIN_EXE_legation"))
            .args(["up", "--data-dir", "one", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
            .current_dir(play.folder.path())
            .output()
            .unwrap();
        assert!(!ran.status.success());
        String::from_utf8(ran.stderr).unwrap()
    };
    fs::copy(play.path("other/master.key"), play.path("one/master.key")).unwrap();
    let told = up();
    assert!(told.contains("master key") && told.contains("is not the one that sealed"), "{told}");
    fs::remove_file(play.path("one/master.key")).unwrap();
    let told = up();
    assert!(told.contains("one/master.key") && told.contains("legation master-key lost"), "{told}");
    fs::write(play.path("one/master.key"), "short\n").unwrap();
    fs::set_permissions(play.path("one/master.key"), fs::Permissions::from_mode(0o600)).unwrap();
    let told = up();
    assert!(told.contains("is no master key"), "{told}");
}

/// What is tampered with is found and named.
#[test]
fn a_row_or_a_list_that_was_changed_is_named() {
    let play = Play::new();
    let up = Up::dev(&play, &[], &[]);
    assert_eq!(up.post(&up.key, &hello()).0, 200);
    let begin = Instant::now();
    while !receipts_are_signed(&play) {
        assert!(begin.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(100));
    }
    drop(up);
    assert_eq!(play.json("doctor")["ok"], true);
    let database = rusqlite::Connection::open(play.path("legation/store.sqlite")).unwrap();
    let wrong = |sql: &str, words: &[&str], undo: &str| {
        database.execute_batch(sql).unwrap();
        let doctor = play.run("doctor");
        assert_eq!(doctor.status, 1, "{sql}: {doctor:?}");
        for word in words {
            assert!(doctor.stdout.contains(word), "{sql}: `{word}` is missing in {}", doctor.stdout);
        }
        database.execute_batch(undo).unwrap();
        assert_eq!(play.json("doctor")["ok"], true, "{undo}");
    };
    wrong(
        "CREATE TABLE kept AS SELECT number, bits FROM status_list; \
         UPDATE status_list SET bits = CAST(x'80' || substr(bits, 2) AS BLOB) WHERE number = 1",
        &["/status/1", "is not what was signed"],
        "UPDATE status_list SET bits = (SELECT bits FROM kept WHERE kept.number = status_list.number)",
    );
    wrong(
        "CREATE TABLE link_kept AS SELECT id, secured FROM link; \
         UPDATE link SET secured = replace(secured, '.', 'A.') WHERE state = 'current'",
        &["delegation", "is not what was signed"],
        "UPDATE link SET secured = (SELECT secured FROM link_kept WHERE link_kept.id = link.id)",
    );
    wrong(
        "UPDATE event SET subject = subject || 'x' WHERE seq = 2",
        &["event 2", "was changed"],
        "UPDATE event SET subject = substr(subject, 1, length(subject) - 1) WHERE seq = 2",
    );
    wrong(
        "UPDATE receipt SET body = CAST(body || x'20' AS BLOB) WHERE seq = 1",
        &["one of the receipts 1 to", "is not what was signed"],
        "UPDATE receipt SET body = CAST(substr(body, 1, length(body) - 1) AS BLOB) WHERE seq = 1",
    );
}

/// DID Core's parameter `versionTime`.
#[test]
fn a_document_is_given_as_it_was_at_any_time() {
    let play = Play::new();
    let up = Up::dev(&play, &[], &[]);
    let methods = |path: &str| {
        let (status, document) = up.get(path);
        assert_eq!(status, 200, "{path}: {document}");
        document["verificationMethod"].as_array().map_or(0, Vec::len)
    };
    let created = play.json("agent show assistant")["created"].as_str().unwrap().to_owned();
    std::thread::sleep(Duration::from_millis(1100));
    play.json("agent rotate assistant");
    assert_eq!(methods("/assistant/did.json"), 2);
    assert_eq!(methods(&format!("/assistant/did.json?versionTime={created}")), 1, "before it was replaced");
    let escaped = created.replace(':', "%3A");
    assert_eq!(methods(&format!("/assistant/did.json?versionTime={escaped}")), 1);
    assert_eq!(methods("/assistant/did.json?versionTime=2100-01-01T00:00:00Z"), 2);
    assert_eq!(methods(&format!("/.well-known/did.json?versionTime={created}")), 1);
    assert_eq!(up.get("/assistant/did.json?versionTime=2020-01-01T00:00:00Z").0, 404, "not yet there");
    for bad in ["yesterday", "", "2020", "2020-01-01T00:00:00Z&versionTime=2021-01-01T00:00:00Z"] {
        let (status, problem) = up.get(&format!("/assistant/did.json?versionTime={bad}"));
        assert_eq!((status, problem["code"].as_str()), (400, Some("version_time")), "{bad}");
    }
    // What stands there now is what is published.
    assert_eq!(methods("/assistant/did.json"), 2);
}

/// What stands at the domain is held against what there is.
#[test]
fn what_is_published_is_held_against_what_there_is() {
    let play = Play::new();
    let mut up = Up::dev(&play, &[], &[]);
    let ask = || {
        let ran = play.run("doctor --json --online --http-on-loopback --allow-private");
        let checks = ran.json()["checks"].clone();
        let of = |check: &str, state: &str| -> Vec<String> {
            let all = checks.as_array().unwrap().iter();
            let fitting = all.filter(|one| one["check"] == check && one["state"] == state);
            fitting.map(|one| one["text"].as_str().unwrap().to_owned()).collect()
        };
        (of("domain", "ok"), of("domain", "wrong"), of("published", "ok"))
    };
    let (good, wrong, published) = ask();
    assert_eq!((good.len(), published.len()), (1, 1), "{wrong:?}");
    up.kill();
    let (_, wrong, _) = ask();
    assert!(wrong[0].contains("point the domain at where `legation up`"), "{wrong:?}");
}

/// A key whose time has come, by an `up` that is killed at each of its writes.
#[test]
fn a_scheduled_replacement_that_is_killed_anywhere_is_done_once_or_not_at_all() {
    if !has_strace("a_scheduled_replacement_that_is_killed_anywhere…") {
        return;
    }
    let play = Play::new();
    assert_eq!(play.run("init localhost:1 --data-dir base").status, 0);
    play.json("team rotate default --every 1h --data-dir base");
    let database = |name: &str| rusqlite::Connection::open(play.path(name).join("store.sqlite")).unwrap();
    database("base").execute_batch("UPDATE rotation SET due = due - 86400").unwrap();
    let number =
        |name: &str, sql: &str| -> i64 { database(name).query_row(sql, [], |row| row.get(0)).unwrap() };
    let (rotated, keys, due) = (
        "SELECT COUNT(*) FROM event WHERE kind = 'key.rotated'",
        "SELECT COUNT(*) FROM holder_key JOIN holder ON holder.id = holder_key.holder WHERE kind = 'team'",
        "SELECT COUNT(*) FROM rotation WHERE due < CAST(strftime('%s', 'now') AS INTEGER)",
    );
    let state = |name: &str| (number(name, rotated), number(name, keys), number(name, due));
    assert_eq!(state("base"), (0, 1, 1));
    let mut kills = 0;
    for at in 1..200 {
        let name = format!("due-{at}");
        copy(&play.path("base"), &play.path(&name));
        fs::set_permissions(play.path(&name), fs::metadata(play.path("base")).unwrap().permissions())
            .unwrap();
        let mut child = Command::new("strace")
            .args(["-qq", "-o", "/dev/null", "-e", &format!("trace={WRITES}")])
            .args(["-e", &format!("inject={WRITES}:signal=KILL:when={at}")])
            .arg(env!("CARGO_BIN_EXE_legation"))
            .args(["up", "--data-dir", &name, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
            .current_dir(play.folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let begin = Instant::now();
        // What is due is done before it listens; from then on it lives.
        let ended = loop {
            if child.try_wait().unwrap().is_some() {
                break true;
            }
            if begin.elapsed() > Duration::from_secs(2) && number(&name, rotated) > 0 {
                break false;
            }
            assert!(begin.elapsed() < Duration::from_secs(30));
            std::thread::sleep(Duration::from_millis(20));
        };
        if !ended {
            for process in children(child.id()) {
                let _ = Command::new("kill").args(["-9", &process.to_string()]).status();
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        let found = state(&name);
        assert!(found == (0, 1, 1) || found == (1, 2, 0), "killed at {at}: {found:?}");
        let doctor = play.run(&format!("doctor --json --data-dir {name}"));
        assert_eq!(doctor.status == 0, found.0 == 1, "killed at {at}: {doctor:?}");
        if !ended {
            break;
        }
        kills += 1;
    }
    assert!(kills > 3, "{kills}");
}
