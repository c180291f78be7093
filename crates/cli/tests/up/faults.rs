//! What a machine does to a gateway: a disk that takes nothing more, a clock that jumps, a core that is dumped.

use crate::{
    common::{Play, free_port},
    running::Up,
};
use serde_json::{Value, json};
use std::{path::Path, process::Command};

/// What of an answer counts: its status and its code.
fn told((status, answer): (u16, Value)) -> (u16, String) {
    (status, answer["error"]["code"].as_str().unwrap_or_default().to_owned())
}

fn hello() -> Value {
    json!({"model": "scripted", "messages": [{"role": "user", "content": "hello"}]})
}

fn run(program: &str, args: &[&str]) -> bool {
    Command::new(program).args(args).status().is_ok_and(|status| status.success())
}

/// The limit on the size of files stands for a full disk: each write to a file fails, and it can be lifted again.
#[test]
fn on_a_disk_that_takes_nothing_more_nothing_passes_and_it_goes_on_by_itself_once_there_is_room() {
    if !run("prlimit", &["--version"]) {
        eprintln!("SKIPPED on_a_disk_that_takes_nothing_more…: there is no prlimit, which util-linux has");
        return;
    }
    let play = Play::new();
    let ignoring = ["sh", "-c", r#"trap '' XFSZ; exec "$0" "$@""#];
    let up = Up::by(&play, free_port(), &ignoring, &["--dev", "--budget", "0.05USD/day"], &[]);
    let limit = |most: &str| {
        assert!(run("prlimit", &["--pid", &up.id().to_string(), &format!("--fsize={most}:unlimited")]));
    };
    assert_eq!(told(up.post(&up.key, &hello())).0, 200);
    let before = play.json("budget show assistant")["budgets"][0]["takenMicros"].as_i64().unwrap();
    limit("1");
    for _ in 0..3 {
        assert_eq!(told(up.post(&up.key, &hello())), (503, "store_unavailable".to_owned()));
    }
    limit("unlimited");
    let begin = std::time::Instant::now();
    while told(up.post(&up.key, &hello())).0 != 200 {
        assert!(begin.elapsed().as_secs() < 20, "it does not go on");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    // What did not pass was not taken: two calls cost what two calls cost.
    let begin = std::time::Instant::now();
    loop {
        let taken = play.json("budget show assistant")["budgets"][0]["takenMicros"].as_i64().unwrap();
        if taken == 2 * before {
            break;
        }
        assert!(begin.elapsed().as_secs() < 10, "{taken} of {before} twice");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let doctor = play.json("doctor");
    assert!(doctor.to_string().contains("ok"), "{doctor}");
}

/// Where libfaketime is, as Debian has it.
pub(crate) fn faketime() -> Option<String> {
    let places = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib"];
    let path = |place: &str| format!("{place}/faketime/libfaketimeMT.so.1");
    places.into_iter().map(path).find(|path| Path::new(path).exists())
}

#[test]
fn a_clock_that_jumps_back_refills_no_budget_and_one_that_jumps_ahead_ends_what_ends() {
    let Some(library) = faketime() else {
        eprintln!("SKIPPED a_clock_that_jumps…: there is no libfaketimeMT; `tests/run` installs it");
        return;
    };
    let play = Play::new();
    let clock = play.path("clock");
    let jump = |by: &str| {
        // Whole or not at all: it is read all the time.
        std::fs::write(play.path("clock.new"), by).unwrap();
        std::fs::rename(play.path("clock.new"), &clock).unwrap();
    };
    jump("+0");
    let env = [
        ("LD_PRELOAD", library),
        ("FAKETIME_TIMESTAMP_FILE", clock.display().to_string()),
        ("FAKETIME_NO_CACHE", "1".to_owned()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ("DONT_FAKE_MONOTONIC", "1".to_owned()),
    ];
    let up = Up::dev(&play, &["--budget", "0.01USD/day"], &env);
    let call = || told(up.post(&up.key, &hello()));
    let used_up = (429, "budget_exceeded".to_owned());
    // A call reserves the most that it may cost, and costs a part of it.
    let mut passed = 0;
    while call().0 == 200 {
        passed += 1;
        assert!(passed < 1000);
    }
    assert!(passed > 0);
    assert_eq!(call(), used_up);
    for back in ["-1h", "-20h", "-3d", "-1h"] {
        jump(back);
        let (status, code) = call();
        assert_ne!(status, 200, "{back} refills: {code}");
    }
    jump("+0");
    assert_eq!(call(), used_up);
    // The key that `--dev` makes lives for a day.
    jump("+30h");
    assert_eq!(call(), (401, "api_key_expired".to_owned()));
    jump("+0");
    assert_eq!(call(), used_up, "back again, nothing is refilled by it");
}

#[test]
fn whoever_kills_it_gets_no_core_file() {
    let play = Play::new();
    let up = Up::dev(&play, &[], &[]);
    assert_eq!(told(up.post(&up.key, &hello())).0, 200);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", up.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");
    assert!(run("kill", &["-ABRT", &up.id().to_string()]));
    std::thread::sleep(std::time::Duration::from_millis(300));
    for entry in std::fs::read_dir(play.folder.path()).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        assert!(!name.starts_with("core"), "{name}");
    }
}

#[test]
fn for_machines_it_is_told_in_one_line_of_json_where_it_is_up() {
    let play = Play::new();
    let port = free_port();
    let up = Up::again(&play, port, &["--dev", "--json"], &[]);
    let told = play.read(&format!("up-{port}.out"));
    let line: Value = serde_json::from_str(told.lines().next().unwrap()).unwrap();
    let (said, dev) = (&line["up"], &line["up"]["dev"]);
    assert_eq!(said["callers"], format!("http://127.0.0.1:{port}/v1"));
    assert_eq!(told.lines().count(), 1, "{told}");
    let body = json!({"model": dev["model"], "messages": [{"role": "user", "content": "hello"}]});
    assert_eq!(up.post(dev["apiKey"].as_str().unwrap(), &body).0, 200);
}
