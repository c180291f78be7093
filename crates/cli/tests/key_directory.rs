//! `legation key directory`: what is written, what `serve` makes of it, and what is refused.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test's helpers may stop it

mod common;

use common::{Play, Server, free_port};
use legation_http_signature::web_bot_auth::{DIRECTORY_PATH, DIRECTORY_TYPE, read_directory};
use serde_json::Value;
use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

const PLACE: &str = "site/.well-known/http-message-signatures-directory";

#[test]
fn keys_are_published_and_served() {
    let play = Play::new();
    play.key("old.key");
    play.json("key generate --insecure-plaintext --alg p256 --out new.key");
    let both = play.json("key directory --key old.key --key new.key --out site");
    assert_eq!(both["file"], PLACE);
    let written: Value = serde_json::from_str(&play.read(PLACE)).unwrap();
    assert_eq!(written, both["directory"]);
    let keys = read_directory(play.read(PLACE).as_bytes()).unwrap();
    assert_eq!(keys.len(), 2);
    for (key, jwk) in keys.iter().zip(written["keys"].as_array().unwrap()) {
        assert_eq!(jwk["kid"], key.thumbprint());
        assert_eq!(jwk.get("d"), None, "nothing secret");
    }

    let server = Server::start(&play, free_port(), &[]);
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    let request = format!("GET {DIRECTORY_PATH} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(head.contains(&format!("content-type: {DIRECTORY_TYPE}\r\n")), "{head}");
    assert_eq!(body.trim(), play.read(PLACE));

    // The old key is retired.
    let text = play.run("key directory --key new.key --out site --force");
    assert_eq!(text.status, 0, "{text:?}");
    assert!(text.stdout.contains(&keys[1].thumbprint()), "{text:?}");
    assert_eq!(read_directory(play.read(PLACE).as_bytes()).unwrap(), keys[1..]);
}

#[test]
fn what_can_t_be_published_is_refused_and_nothing_is_written() {
    let play = Play::new();
    play.key("a.key");
    play.write("no.key", "{}");
    for (arguments, says) in [
        ("--out site", "--key"),
        ("--key a.key", "--out"),
        ("--key a.key --key a.key --out site", "given before"),
        ("--key no.key --out site", "no.key"),
        ("--key missing.key --out site", "missing.key"),
        ("--key a.key --passphrase-file missing.txt --out site", "missing.txt"),
        ("--key a.key --out a.key", "a.key"),
    ] {
        let ran = play.run(&format!("key directory {arguments} --json"));
        assert_eq!(ran.status, 2, "{arguments}: {ran:?}");
        assert!(ran.stdout.contains(says), "{arguments}: {ran:?}");
    }
    assert!(!play.path("site").exists());
    play.json("key directory --key a.key --out site");
    let again = play.run("key directory --key a.key --out site");
    assert_eq!(again.status, 2, "{again:?}");
    assert!(again.stderr.contains("--force"), "{again:?}");
}
