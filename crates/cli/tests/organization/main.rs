//! The commands of an organization, in a real data folder with SQLite and a signer process.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests"
)]

mod applied;
mod at_once;
mod cards;
#[path = "../common/mod.rs"]
mod common;
mod configured;
mod delegations;
mod doctor;
mod holders;
mod import;
mod keepers;
mod keys;
mod migrated;
mod people;
mod policies;
mod published;
mod remote;
mod restored;
mod several;
mod spending;
mod webvh;

use common::{Play, Ran};
use std::{
    io::Write,
    process::{Command, Stdio},
};

/// An organization in `./legation` of a folder.
fn organization() -> Play {
    let play = Play::new();
    let made = play.json("init acme.example");
    assert_eq!(made["did"], "did:web:acme.example");
    play
}

/// One with an agent `bot`.
fn with_bot() -> Play {
    let play = organization();
    play.json("agent add bot --models standard --budget 5USD/day");
    play
}

/// Holds that a command is refused: its exit, its code, and what its message says.
fn refused(play: &Play, arguments: &str, (exit, code): (i32, &str), words: &[&str]) {
    let ran = play.run(&format!("{arguments} --json"));
    assert_eq!(ran.status, exit, "{arguments}: {ran:?}");
    let json = ran.json();
    assert_eq!(json["error"], code, "{arguments}: {json}");
    let message = json["message"].as_str().unwrap();
    for word in words {
        assert!(message.contains(word), "{arguments}: `{word}` is missing in: {message}");
    }
    assert!(!message.contains("RegistryError") && !message.contains("::"), "{message}");
}

/// Runs a command that reads its standard input.
fn told(play: &Play, arguments: &str, input: &str) -> Ran {
    let mut child = Command::new(env!("CARGO_BIN_EXE_legation"))
        .args(arguments.split_whitespace())
        .current_dir(play.folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may have read enough, and ended.
    match child.stdin.take().unwrap().write_all(input.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => panic!("{error}"),
        _ => {}
    }
    let output = child.wait_with_output().unwrap();
    Ran {
        status: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
