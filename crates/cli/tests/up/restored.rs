//! A backup of yesterday, put back: no budget twice, no amnesty; and what was killed on the way.

use crate::{
    common::{Play, free_port},
    killed::{copy, has_strace, run_killed},
    running::{Up, try_post},
};
use serde_json::{Value, json};
use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

fn told((status, answer): (u16, Value)) -> (u16, String) {
    (status, answer["error"]["code"].as_str().unwrap_or_default().to_owned())
}

fn hello() -> Value {
    json!({"model": "scripted", "messages": [{"role": "user", "content": "hello"}]})
}

/// Calls until nothing passes any more.
fn spend_all(up: &Up) -> (u16, String) {
    for _ in 0..1000 {
        let answer = told(up.post(&up.key, &hello()));
        if answer.0 != 200 {
            return answer;
        }
    }
    panic!("the budget has no end");
}

#[test]
fn a_backup_of_yesterday_is_no_second_budget_and_no_amnesty() {
    let play = Play::new();
    let mut up = Up::dev(&play, &["--budget", "0.05USD/day"], &[]);
    assert_eq!(told(up.post(&up.key, &hello())).0, 200);
    // While calls come from all sides.
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    try_post(up.port, "legation_none", &hello());
                }
            });
        }
        for number in 0..3 {
            let made = play.run(&format!("backup {number}.backup"));
            assert_eq!(made.status, 0, "{made:?}");
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(spend_all(&up), (429, "budget_exceeded".to_owned()));
    let keys = play.json("api-key list assistant");
    let id = keys["keys"][0]["id"].as_str().unwrap().to_owned();
    play.json(&format!("api-key block {id}"));
    assert_eq!(told(up.post(&up.key, &hello())).1, "api_key_blocked");
    up.kill();
    play.json("restore 2.backup --data-dir again");
    fs::copy(play.path("legation/master.key"), play.path("again/master.key")).unwrap();
    let key = up.key.clone();
    let mut up = Up::again(&play, up.port, &["--data-dir", "again"], &[]);
    up.key = key;
    for _ in 0..3 {
        assert_eq!(told(up.post(&up.key, &hello())), (503, "store_restored".to_owned()));
    }
    for published in ["/.well-known/did.json", "/assistant/did.json", "/status/1"] {
        let (status, answer) = up.get(published);
        assert_eq!((status, answer["code"].as_str()), (503, Some("store_restored")), "{published}");
    }
    // It opens while it runs, and what ran on sees it.
    let opened = play.json("restore --reopen --data-dir again");
    assert_eq!(opened["unconfirmed"]["apiKeys"], 1);
    assert_eq!(told(up.post(&up.key, &hello())), (401, "unconfirmed".to_owned()));
    play.json("confirm agent assistant --data-dir again");
    assert_eq!(told(up.post(&up.key, &hello())), (401, "unconfirmed".to_owned()), "what is above it");
    play.json("confirm team default --data-dir again");
    play.json("confirm organization --data-dir again");
    assert_eq!(
        told(up.post(&up.key, &hello())),
        (401, "unconfirmed".to_owned()),
        "the key, which was blocked"
    );
    play.json("confirm all --data-dir again");
    assert_eq!(
        told(up.post(&up.key, &hello())),
        (429, "budget_exceeded".to_owned()),
        "the day counts as used up"
    );
    let budget = play.json("budget show assistant --data-dir again");
    assert_eq!(budget["budgets"][0]["takenMicros"], Value::Null, "{budget}");
    assert_eq!(up.get("/.well-known/did.json").0, 200);
}

/// A signed request of an admin is decided as any other.
#[test]
fn an_admin_does_nothing_before_it_is_confirmed() {
    let play = Play::new();
    let port = free_port();
    assert_eq!(play.run(&format!("init localhost:{port}")).status, 0);
    assert_eq!(play.run("backup kept.backup").status, 0);
    play.json("restore kept.backup --data-dir again");
    for name in ["master.key", "admin.key", "admin.jwt"] {
        fs::copy(play.path("legation").join(name), play.path("again").join(name)).unwrap();
    }
    let _up = Up::again(&play, port, &["--data-dir", "again", "--json"], &[]);
    let up: Value =
        serde_json::from_str(play.read(&format!("up-{port}.out")).lines().next().unwrap()).unwrap();
    let admin = up["up"]["admin"].as_str().unwrap().to_owned();
    let ask = || {
        let ran = play.run(&format!("agent list --json --host {admin} --data-dir again"));
        (ran.status, ran.json()["error"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(ask(), (3, "store_restored".to_owned()));
    play.json("restore --reopen --data-dir again");
    assert_eq!(ask().1, "key_not_found", "the organization's document has no keys");
    play.json("confirm organization --data-dir again");
    assert_eq!(ask().1, "link_suspended");
    let list = play.json("confirm --data-dir again");
    let is_admin = |one: &&Value| one["kind"] == "admin";
    let did = list["unconfirmed"].as_array().unwrap().iter().find(is_admin).unwrap()["name"].clone();
    play.json(&format!("confirm admin {} --data-dir again", did.as_str().unwrap()));
    assert_eq!(ask().0, 0);
}

/// Calls by which a backup or a folder gets onto a disk.
const ALL: &str = "write,pwrite64,fdatasync,fsync,ftruncate,unlink,rename,renameat,renameat2,linkat,mkdir";

fn listed(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_backup_or_a_restore_that_is_killed_anywhere_leaves_nothing_half_believed() {
    if !has_strace("a_backup_or_a_restore_that_is_killed_anywhere…") {
        return;
    }
    let play = Play::new();
    assert_eq!(play.run("init acme.example").status, 0);
    let none = || fs::File::open("/dev/null").unwrap();
    let (mut kills, mut whole) = (0, 0);
    for at in 1..400 {
        let name = format!("backup-{at}");
        let ended = run_killed(&play, ALL, at, &["backup", &name], none());
        if play.path(&name).exists() {
            let told = play.json(&format!("restore {name} --data-dir of-{at}"));
            assert_eq!(told["domains"], json!(["acme.example"]));
            whole += 1;
        }
        if ended.success() {
            break;
        }
        kills += 1;
    }
    assert!(kills > 5 && whole > 0, "{kills} {whole}");
    assert_eq!(play.run("doctor").status, 0);
    assert_eq!(play.run("backup kept").status, 0);
    let (mut kills, mut whole) = (0, 0);
    for at in 1..2000 {
        let name = format!("folder-{at}");
        let ended = run_killed(&play, ALL, at, &["restore", "kept", "--data-dir", &name], none());
        if play.path(&name).exists() {
            assert_eq!(listed(&play.path(&name)), ["legation.json", "run", "store.sqlite"], "killed at {at}");
            fs::copy(play.path("legation/master.key"), play.path(&name).join("master.key")).unwrap();
            let refused = play.run(&format!("agent add x --models standard --json --data-dir {name}"));
            assert_eq!(refused.json()["error"], "store_restored", "{refused:?}");
            let opened = play.run(&format!("restore --reopen --all --data-dir {name}"));
            assert_eq!(opened.status, 0, "{opened:?}");
            whole += 1;
        }
        if ended.success() {
            break;
        }
        kills += 1;
    }
    assert!(kills > 20 && whole > 0, "{kills} {whole}");
}

/// It is closed or open, and its lists say so either way.
#[test]
fn opening_that_is_killed_anywhere_has_opened_all_of_it_or_nothing() {
    if !has_strace("opening_that_is_killed_anywhere…") {
        return;
    }
    let play = Play::new();
    assert_eq!(play.run("init acme.example").status, 0);
    assert_eq!(play.run("backup kept").status, 0);
    play.json("restore kept --data-dir base");
    fs::copy(play.path("legation/master.key"), play.path("base/master.key")).unwrap();
    let (mut closed, begin) = (0, Instant::now());
    for at in 1..400 {
        let name = format!("open-{at}");
        copy(&play.path("base"), &play.path(&name));
        fs::set_permissions(play.path(&name), fs::metadata(play.path("base")).unwrap().permissions())
            .unwrap();
        let none = fs::File::open("/dev/null").unwrap();
        let arguments = ["restore", "--reopen", "--data-dir", &name];
        let ended = run_killed(&play, super::killed::WRITES, at, &arguments, none);
        let listed = play.run(&format!("confirm --json --data-dir {name}"));
        match listed.status {
            0 => assert_eq!(listed.json()["holders"], 3, "{listed:?}"),
            _ => {
                assert_eq!(listed.json()["error"], "store_restored", "{listed:?}");
                closed += 1;
            }
        }
        if ended.success() {
            assert_eq!(listed.status, 0);
            break;
        }
        assert!(begin.elapsed() < Duration::from_secs(300));
    }
    assert!(closed > 3, "{closed}");
}

/// A disk that takes nothing more: the limit on the size of files stands for it.
#[test]
fn on_a_full_disk_no_backup_and_no_restore_is_half_there() {
    let play = Play::new();
    assert_eq!(play.run("init acme.example").status, 0);
    assert_eq!(play.run("backup kept").status, 0);
    let limited = |bytes: u64, arguments: &str| {
        let line = format!(
            "trap '' XFSZ; ulimit -f {}; exec {} {arguments}",
            bytes / 512,
            env!("CARGO_BIN_EXE_legation")
        );
        std::process::Command::new("sh").args(["-c", &line]).current_dir(play.folder.path()).output().unwrap()
    };
    let before = listed(play.folder.path());
    for arguments in ["backup full --json", "restore kept --data-dir full --json"] {
        let ran = limited(4096, arguments);
        assert!(!ran.status.success(), "{arguments}");
        let json: Value = serde_json::from_slice(&ran.stdout).unwrap();
        let message = json["message"].as_str().unwrap();
        assert!(json["error"] == "backup_not_written" || json["error"] == "store_unavailable", "{json}");
        assert!(!message.contains("::"), "{message}");
        assert_eq!(listed(play.folder.path()), before, "{arguments}");
    }
}
