//! Commands at once, with and without a signer that runs.

use crate::{
    common::{Play, Ran},
    organization,
};
use std::{
    collections::BTreeSet,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// `legation signer`, ended when the test is.
struct Signer(Child);

impl Signer {
    fn start(play: &Play) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_legation"))
            .arg("signer")
            .current_dir(play.folder.path())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let begin = Instant::now();
        while !play.path("legation/run/gateway.sock").exists() {
            assert!(begin.elapsed() < Duration::from_secs(20), "the signer does not listen");
            thread::sleep(Duration::from_millis(10));
        }
        Self(child)
    }
}

impl Drop for Signer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn at_once(play: &Play, commands: &[String]) -> Vec<Ran> {
    thread::scope(|scope| {
        let all: Vec<_> = commands.iter().map(|command| scope.spawn(move || play.run(command))).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

fn eight_agents(play: &Play) {
    let commands: Vec<String> =
        (0..8).map(|number| format!("agent add bot-{number} --models standard --budget 5USD/day")).collect();
    for ran in at_once(play, &commands) {
        assert_eq!(ran.status, 0, "{ran:?}");
    }
    let names: BTreeSet<String> = play.json("agent list")["agents"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|agent| agent["validUntil"].is_string())
        .map(|agent| agent["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, (0..8).map(|number| format!("bot-{number}")).collect());
}

#[test]
fn of_eight_agents_that_are_added_at_once_none_is_lost() {
    let play = organization();
    eight_agents(&play);
    let left: Vec<_> = std::fs::read_dir(play.path("legation/run")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_signer_that_runs_serves_all_commands_and_is_left_running() {
    let play = organization();
    let mut signer = Signer::start(&play);
    eight_agents(&play);
    assert!(signer.0.try_wait().unwrap().is_none());
    assert!(play.run("doctor").stdout.contains("signer        runs"), "{}", play.run("doctor").stdout);
    let second = play.run("signer --json");
    assert_eq!(second.status, 3, "{second:?}");
    // Killed, it leaves sockets at which nobody answers.
    drop(signer);
    play.json("agent add late --models standard");
}

#[test]
fn of_budgets_that_are_set_at_once_each_is_kept() {
    let play = organization();
    play.json("agent add bot --models standard");
    let commands: Vec<String> = (1..=6).map(|hours| format!("budget set bot {hours}USD/{hours}h")).collect();
    for ran in at_once(&play, &commands) {
        assert_eq!(ran.status, 0, "{ran:?}");
    }
    assert_eq!(play.json("budget show bot")["budgets"].as_array().unwrap().len(), 6);
    let all = play.json("delegation list bot");
    let current =
        all["delegations"].as_array().unwrap().iter().filter(|one| one["state"] == "current").count();
    assert_eq!(current, 1);
}

#[test]
fn one_name_is_given_once_however_many_ask_at_once() {
    let play = organization();
    let commands = vec!["agent add bot --models standard --json".to_owned(); 6];
    let ran = at_once(&play, &commands);
    assert_eq!(ran.iter().filter(|ran| ran.status == 0).count(), 1);
    for ran in ran.iter().filter(|ran| ran.status != 0) {
        assert_eq!((ran.status, ran.json()["error"].as_str().unwrap()), (1, "already_exists"), "{ran:?}");
    }
}
