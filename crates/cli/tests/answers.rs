//! What a command answers reaches whoever asked, or the exit says so; what a stranger wrote is shown harmlessly; who
//! can read a secret is told.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)] // a test's helpers may stop it

mod common;

use common::Play;
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
};

fn command(play: &Play, arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_legation"));
    command.args(arguments.split_whitespace()).current_dir(play.folder.path());
    command
}

#[test]
fn an_answer_that_can_t_be_written_is_exit_3() {
    let play = Play::new();
    play.key("a.key");
    for arguments in [
        "did create key --key a.key",
        "did create key --key a.key --json",
        "did create key --key missing.key --json",
        "verify a.key --principal did:web:a.example --audience a --nonce n --json",
        "code list",
        "--help",
    ] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let ran = command(&play, arguments).stdout(full).output().unwrap();
        let stderr = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(ran.status.code(), Some(3), "{arguments}: {stderr}");
        assert!(stderr.contains("can't be written"), "{arguments}: {stderr}");
    }
    // A reader that has gone away, as `head` does, wanted no more.
    let mut child = command(&play, "code list").stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn what_moves_a_cursor_or_turns_the_reading_is_escaped_in_json() {
    let play = Play::new();
    let odd = "A\u{1b}[2A\u{7f}\u{85}\u{9b}\u{61c}\u{200f}\u{202e}\u{2028}\u{2066}Z";
    play.key("shop.key");
    let card = serde_json::json!({
        "name": odd, "description": "x", "version": "1", "capabilities": {}, "skills": [],
        "supportedInterfaces": [{"url": "https://shop.example/", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}],
        "defaultInputModes": [], "defaultOutputModes": [],
    });
    play.write("card.json", card.to_string());
    play.json("did create web shop.example --key shop.key --out site");
    play.json("card sign card.json --key shop.key --did did:web:shop.example --out signed.json");
    let valid = play.run("card verify signed.json --did-documents site --json");
    let is_harmless = |text: &str| !text.trim_end().chars().any(legation_verifier::error::misleads);
    assert!(is_harmless(&valid.stdout), "{valid:?}");
    assert_eq!(valid.json()["card"]["name"], odd, "it is the same JSON");
    // In a failure, too.
    let refused = play.run_list(&["did", "create", "key", "--key", odd, "--json"]);
    assert!(refused.status == 2 && is_harmless(&refused.stdout), "{refused:?}");
    assert!(refused.json()["message"].as_str().unwrap().contains(odd), "{refused:?}");
    let refused = play.run_list(&["verify", odd, "--nonsense", odd, "--json"]);
    assert!(refused.status == 2 && is_harmless(&refused.stdout), "{refused:?}");
}

#[test]
fn a_secret_that_others_can_read_is_told_of() {
    let play = Play::new();
    play.key("a.key");
    play.write("passphrase", "correct horse");
    let set = |name: &str, mode: u32| {
        fs::set_permissions(play.path(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    set("passphrase", 0o600);
    let create = "did create key --key a.key --passphrase-file passphrase";
    assert_eq!(play.json(create).get("warnings"), None);
    for (name, mode, what) in
        [("a.key", 0o644, "key file"), ("a.key", 0o640, "key file"), ("passphrase", 0o604, "passphrase file")]
    {
        set(name, mode);
        let told = play.json(create);
        let all = told["warnings"].as_array().unwrap().clone();
        let wanted = format!("the {what} `{name}` is open to others (mode {mode:o})");
        assert!(all.len() == 1 && all[0].as_str().unwrap().starts_with(&wanted), "{told}");
        let text = play.run(create);
        assert!(text.status == 0 && text.stderr.starts_with(&format!("note: {wanted}")), "{text:?}");
        set(name, 0o600);
    }
    // Also where the command fails, and where it writes the key anew.
    set("a.key", 0o644);
    let failed = play.run("did create web a_b --key a.key --out site --json");
    assert_eq!(failed.status, 2, "{failed:?}");
    play.json(
        "delegate --key a.key --to did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp --action a:b \
         --resource https://a.example/ --valid-for 1h --out d.jwt",
    );
    let failed = play.run("present --key a.key --audience a --nonce n --out p.jwt d.jwt --json");
    assert!(failed.status != 0 && failed.json()["warnings"].is_array(), "{failed:?}");
    set("passphrase", 0o644);
    let made = play.json("key generate --out b.key --passphrase-file passphrase");
    assert!(made["warnings"][0].as_str().unwrap().contains("`passphrase`"), "{made}");
}
