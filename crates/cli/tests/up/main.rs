//! `legation up`: an organization that runs, from an empty folder to a model call that is allowed or denied, killed and
//! started again.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests"
)]

mod alerts;
mod attacks;
#[path = "../common/mod.rs"]
mod common;
mod console;
mod drain;
mod eight;
mod failover;
mod faults;
mod history;
mod killed;
mod log;
mod master;
mod migrated;
mod policies;
mod quarantine;
mod restored;
mod running;
mod several;
mod signals;
mod telemetry;
mod thirty_two;
mod tls;

use common::{Play, free_port};
use legation_tests::{
    postgres,
    upstream::{Plan, Upstream},
};
use running::{Up, local};
use serde_json::{Value, json};
use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

fn chat(max_tokens: u64) -> Value {
    json!({"model": "gpt-4o", "max_tokens": max_tokens, "messages": [{"role": "user", "content": "hello"}]})
}

#[test]
fn an_empty_folder_an_agent_with_a_cent_a_day_a_call_that_passes_one_that_is_denied_a_stop_and_the_receipts()
{
    let play = Play::new();
    let up = Up::dev(&play, &["--budget", "0.01USD/day"], &[]);
    let passes = json!({"model": "scripted", "messages": [{"role": "user", "content": "hello"}]});
    let (status, answer) = up.post(&up.key, &passes);
    assert_eq!(status, 200, "{answer}");
    assert!(answer["choices"][0]["message"]["content"].as_str().unwrap().contains("scripted"));
    let mut twice = passes.clone();
    twice["n"] = 2.into();
    let (status, answer) = up.post(&up.key, &twice);
    assert_eq!((status, answer["error"]["code"].as_str()), (429, Some("budget_exceeded")), "{answer}");
    let keys = play.run("api-key list assistant --json").json();
    let id = keys["keys"][0]["id"].as_str().unwrap().to_owned();
    let blocked = play.run(&format!("api-key block {id}"));
    assert_eq!(blocked.status, 0, "{blocked:?}");
    assert_eq!(up.post(&up.key, &passes).0, 401, "the next call");
    let list = play.run("receipt list");
    assert_eq!(list.status, 0, "{list:?}");
    for word in ["permit", "settle", "budget_exceeded", "api_key_blocked"] {
        assert!(list.stdout.contains(word), "{word}: {}", list.stdout);
    }
    assert_eq!(up.get("/.well-known/did.json").1["id"], format!("did:web:localhost%3A{}", up.port));
    assert_eq!(up.get("/assistant/did.json").1["id"], format!("did:web:localhost%3A{}:assistant", up.port));
    assert_eq!(up.get("/nobody/did.json").0, 404);
}

/// The receipts of a running organization are signed, and hold against its published document.
#[test]
fn receipts_are_signed_and_verify_by_what_is_published() {
    let play = Play::new();
    let up = Up::dev(&play, &[], &[]);
    let passes = json!({"model": "scripted", "messages": [{"role": "user", "content": "hello"}]});
    assert_eq!(up.post(&up.key, &passes).0, 200);
    let begin = Instant::now();
    for number in 1..=2 {
        loop {
            let shown = play.run(&format!("receipt show {number} --out receipt-{number}.jwt"));
            if shown.status == 0 && play.read(&format!("receipt-{number}.jwt")).starts_with("ey") {
                break;
            }
            assert!(begin.elapsed() < Duration::from_secs(20), "not signed: {shown:?}");
            let _ = std::fs::remove_file(play.path(&format!("receipt-{number}.jwt")));
            std::thread::sleep(Duration::from_millis(200));
        }
        let signer = format!("did:web:localhost%3A{}", up.port);
        let verified =
            play.run(&format!("receipt verify receipt-{number}.jwt --signer {signer} --http-on-loopback"));
        assert_eq!(verified.status, 0, "{verified:?}");
    }
}

#[test]
fn a_gateway_that_is_killed_with_reservations_open_overspends_nothing_when_it_is_back() {
    let hanging = Upstream::start(
        |_, number| {
            if number < 2 { Plan::hangs() } else { Plan::says("hello").tokens(1, 1) }
        },
    )
    .unwrap();
    let play = Play::new();
    let env = [("OPENAI_API_KEY", "sk-x".to_owned()), ("OPENAI_BASE_URL", local(&hanging.url()))];
    // 10 USD for a million tokens of an answer: 1,000 are a cent.
    let mut up = Up::dev(&play, &["--budget", "0.03USD/day"], &env);
    let open: Vec<_> = (0..2)
        .map(|_| {
            let (port, key) = (up.port, up.key.clone());
            std::thread::spawn(move || running::try_post(port, &key, &chat(1000)))
        })
        .collect();
    assert!(hanging.wait_for(2, Duration::from_secs(20)), "both were sent");
    up.kill();
    for call in open {
        assert!(call.join().unwrap().is_none_or(|(status, _)| status != 200));
    }
    let up = Up::again(&play, up.port, &["--dev", "--budget", "0.03USD/day"], &env);
    assert_eq!(up.post(&up.key, &chat(1000)).0, 429, "two cents and their prompts are reserved for good");
    assert_eq!(up.post(&up.key, &chat(100)).0, 200);
}

#[test]
fn what_a_command_acknowledged_is_there_however_it_was_killed() {
    let play = Play::new();
    assert_eq!(play.run("init acme.example").status, 0);
    let mut acknowledged = Vec::new();
    for round in 0..24_u64 {
        let name = format!("agent-{round}");
        let mut child = Command::new(env!("CARGO_BIN_EXE_legation"))
            .args(["agent", "add", &name, "--models", "*", "--budget", "5USD/day", "--json"])
            .current_dir(play.folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(20 + round * 13));
        let _ = child.kill();
        let output = child.wait_with_output().unwrap();
        if !output.stdout.is_empty() {
            acknowledged.push(name);
        }
    }
    let list = play.run("agent list --json").json();
    let names: Vec<&str> =
        list["agents"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    for name in &acknowledged {
        assert!(names.contains(&name.as_str()), "{name} was acknowledged");
    }
    // Whoever is there is there whole: with a key, a delegation, and an event.
    for name in names {
        let shown = play.run(&format!("agent show {name} --json"));
        assert_eq!(shown.status, 0, "{shown:?}");
        assert!(shown.json()["validUntil"].is_string(), "{shown:?}");
    }
    let doctor = play.run("doctor");
    assert_eq!(doctor.status, 0, "{doctor:?}");
}

#[test]
fn a_signer_that_is_killed_comes_back() {
    let play = Play::new();
    let up = Up::dev(&play, &[], &[]);
    let children = running::children(up.id());
    assert_eq!(children.len(), 1, "the signer is a child of its own");
    // A shell has it built in.
    let killed = Command::new("sh").args(["-c", &format!("kill -9 {}", children[0])]).status().unwrap();
    assert!(killed.success());
    let begin = Instant::now();
    loop {
        let added = play.run("agent add mail --models *");
        if added.status == 0 {
            break;
        }
        assert!(begin.elapsed() < Duration::from_secs(20), "{added:?}");
    }
    let passes = json!({"model": "scripted", "messages": [{"role": "user", "content": "hello"}]});
    assert_eq!(up.post(&up.key, &passes).0, 200);
}

#[test]
fn two_that_are_up_on_one_postgresql_are_one() {
    if !postgres::is_at_hand() {
        return;
    }
    let upstream =
        Upstream::always(Plan::says("hello").tokens(1, 1000).after(Duration::from_millis(200))).unwrap();
    let play = Play::new();
    play.write("database", postgres::shared().unwrap().database("up").unwrap());
    let port = free_port();
    let made = play.run(&format!("init localhost:{port} --database-file database"));
    assert_eq!(made.status, 0, "{made:?}");
    let env = [("OPENAI_API_KEY", "sk-x".to_owned()), ("OPENAI_BASE_URL", local(&upstream.url()))];
    let one = Up::again(&play, port, &["--dev", "--budget", "0.1USD/day"], &env);
    let other = Up::again(&play, free_port(), &[], &env);
    // 1,100 tokens of a cent a thousand, so that nine fit beside their prompts; each costs one cent.
    let calls: Vec<_> = (0..64)
        .map(|number| {
            let (port, key) = (if number % 2 == 0 { one.port } else { other.port }, one.key.clone());
            std::thread::spawn(move || running::try_post(port, &key, &chat(1000)).map(|(status, _)| status))
        })
        .collect();
    let passed = calls
        .into_iter()
        .filter(|_| true)
        .map(|call| call.join().unwrap())
        .filter(|status| *status == Some(200))
        .count();
    assert!((7..=9).contains(&passed), "{passed}");
    assert_eq!(upstream.count(), passed, "what was denied was not sent");
    let keys = play.run("api-key list assistant --json").json();
    let id = keys["keys"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(play.run(&format!("api-key block {id}")).status, 0);
    for up in [&one, &other] {
        assert_eq!(up.post(&one.key, &chat(1)).0, 401, "the next call by each");
    }
}
