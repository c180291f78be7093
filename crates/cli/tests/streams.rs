//! `-` in place of a file, and where passphrases come from.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test's helpers may stop it

mod common;

use common::{Play, Ran};
use std::{
    io::Write,
    process::{Command, Stdio},
};

const GRANT: &str = "--action pay.* --resource https://shop.example/* --valid-for 1h";

/// Runs the command with something on standard input.
fn fed(play: &Play, arguments: &str, input: &str, variable: Option<&str>) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_legation"));
    command.args(arguments.split_whitespace()).current_dir(play.folder.path());
    command.envs(variable.map(|file| ("LEGATION_PASSPHRASE_FILE", file)));
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    Ran::of(child.wait_with_output().unwrap())
}

#[test]
fn a_chain_goes_through_pipes() {
    let play = Play::new();
    let (root, agent) = (play.key("root.key"), play.key("agent.key"));
    let link = play.run(&format!("delegate --key root.key --to {agent} {GRANT} --out -"));
    assert_eq!(link.status, 0, "{link:?}");
    assert_eq!(link.stdout.trim().split('.').count(), 3, "nothing but the delegation: {link:?}");
    assert!(link.stderr.contains("delegates to"), "{link:?}");
    let shown = fed(&play, "inspect -", &link.stdout, None);
    assert!(shown.stdout.starts_with("standard input is a delegation"), "{shown:?}");
    let presented =
        fed(&play, "present --key agent.key --audience a --nonce n --out - -", &link.stdout, None);
    assert_eq!(presented.status, 0, "{presented:?}");
    let verified =
        fed(&play, &format!("verify - --principal {root} --audience a --nonce n"), &presented.stdout, None);
    assert!(verified.stdout.starts_with("valid"), "{verified:?}");
    assert!(!play.path("-").exists());
}

#[test]
fn a_stream_is_read_and_written_once_and_is_no_file_that_stays() {
    let play = Play::new();
    let agent = play.key("agent.key");
    let delegate = format!("delegate --key agent.key --to did:web:x.example {GRANT}");
    let ran = play.run(&format!("{delegate} --out - --json"));
    assert!(ran.status == 2 && ran.stdout.contains("both want standard output"), "{ran:?}");
    let ran = fed(&play, &format!("verify - --trust - --audience {agent} --nonce n"), "x", None);
    assert!(ran.status == 2 && ran.stderr.contains("can be read once"), "{ran:?}");
    for arguments in [
        "key generate --insecure-plaintext --out -",
        "status publish --key agent.key --url https://a.example/1 --out -",
        "did create key --key -",
    ] {
        let ran = play.run(arguments);
        assert!(ran.status == 2 && ran.stderr.contains("`-` can't stand here"), "{arguments}: {ran:?}");
    }
    assert!(!play.path("-").exists());
}

#[test]
fn a_passphrase_comes_from_a_file_the_environment_or_a_pipe_and_nothing_waits_for_nobody() {
    let play = Play::new();
    play.write("pass.txt", "correct horse battery staple\n");
    play.write("wrong.txt", "another one altogether\n");
    let ran = fed(&play, "key generate --out k.key", "", Some("pass.txt"));
    assert_eq!(ran.status, 0, "{ran:?}");
    assert!(play.read("k.key").starts_with("-----BEGIN AGE ENCRYPTED FILE-----"));
    for (arguments, input, variable) in [
        ("did create key --key k.key", "", Some("pass.txt")),
        ("did create key --key k.key --passphrase-file pass.txt", "", Some("wrong.txt")),
        ("did create key --key k.key --passphrase-file -", "correct horse battery staple\n", None),
    ] {
        let ran = fed(&play, arguments, input, variable);
        assert!(ran.status == 0 && ran.stdout.starts_with("did:key:"), "{arguments}: {ran:?}");
    }
    let ran = fed(&play, "did create key --key k.key", "correct horse battery staple\n", None);
    assert!(ran.status == 2 && ran.stderr.contains("--passphrase-file"), "nobody is asked: {ran:?}");
    let ran = fed(&play, "did create key --key k.key", "", Some("missing.txt"));
    assert!(ran.status == 2 && ran.stderr.contains("LEGATION_PASSPHRASE_FILE"), "{ran:?}");
    let ran = fed(&play, "key generate --out x.key", "", None);
    assert!(
        ran.status == 2 && ran.stderr.contains("--passphrase-file FILE, or --insecure-plaintext"),
        "{ran:?}"
    );
    // A key that is not encrypted asks for nothing.
    play.key("plain.key");
    assert_eq!(fed(&play, "did create key --key plain.key", "", Some("missing.txt")).status, 0);
}

/// On a terminal of its own (`script`, of util-linux) the command asks, and what is typed is not shown.
#[test]
fn whoever_sits_at_a_terminal_is_asked() {
    let play = Play::new();
    let at_terminal = |arguments: &str, typed: &str| {
        let command = format!("{} {arguments}", env!("CARGO_BIN_EXE_legation"));
        let mut child = Command::new("script")
            .args(["--quiet", "--return", "--command", &command, "/dev/null"])
            .current_dir(play.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        for line in typed.lines() {
            // What is typed before the terminal hides it would be shown, and flushed.
            std::thread::sleep(std::time::Duration::from_millis(1500));
            input.write_all(format!("{line}\n").as_bytes()).unwrap();
        }
        let output = child.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    if Command::new("script").arg("--version").output().is_err() {
        return;
    }
    let phrase = "correct horse battery staple";
    let (status, shown) = at_terminal("key generate --out k.key", &format!("{phrase}\n{phrase}\n"));
    assert_eq!(status, Some(0), "{shown}");
    assert!(shown.contains("new passphrase: ") && shown.contains("the same again: "), "{shown}");
    let (status, shown) = at_terminal("did create key --key k.key", &format!("{phrase}\n"));
    assert!(status == Some(0) && shown.contains("did:key:"), "{shown}");
    let (status, shown) = at_terminal("key generate --out x.key", &format!("{phrase}\nanother\n"));
    assert!(status == Some(2) && shown.contains("differ") && !play.path("x.key").exists(), "{shown}");
}
