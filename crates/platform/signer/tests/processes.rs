//! Processes of agents: what is signed for them, and for whom.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use http::{HeaderMap, HeaderValue};
use legation_http_signature::{Message, Signing, read, sign};
use legation_keys::{Algorithm, Signer, base64url};
use legation_signer::{Client, Door, Generated, Master, ProcessKey, SealedKey, serve};
use serde_json::json;
use std::{
    os::unix::net::UnixStream,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

const KEY: &str = "did:web:acme.example:mail#key-1";

/// A signer with a door for agents.
struct World {
    folder: tempfile::TempDir,
    open: tempfile::TempDir,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl World {
    fn new() -> Self {
        let (folder, open) = (folder(), folder_of(0o755));
        let master = Master::create(&folder.path().join("master")).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let (path, agents, asked) =
            (folder.path().to_owned(), open.path().join("agents.sock"), Arc::clone(&stop));
        let run = move || serve(&path, Some(&agents), master, || asked.load(Ordering::Relaxed)).unwrap();
        let world = Self { folder, open, stop, thread: Some(thread::spawn(run)) };
        soon(|| UnixStream::connect(world.agents()).is_ok());
        world
    }

    fn agents(&self) -> PathBuf {
        self.open.path().join("agents.sock")
    }

    fn registry(&self) -> Client {
        Client::connect(&Door::Registry.socket(self.folder.path())).unwrap()
    }

    /// A key of an agent, as it was made and as it is sealed for a user.
    fn key(&self, algorithm: Algorithm, user: u32) -> (Generated, Vec<u8>) {
        let mut registry = self.registry();
        let made = registry.generate(ACME, KEY, algorithm).unwrap();
        let sealed = registry.process_key(key(KEY, &made), user).unwrap();
        (made, sealed)
    }

    fn process(&self, made: &Generated, sealed: &[u8], key_id: &str) -> ProcessKey {
        let key = SealedKey { organization: ACME, key_id, sealed };
        ProcessKey::new(&self.agents(), key, made.public_key.clone())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

fn folder_of(mode: u32) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    set_mode(folder.path(), mode);
    folder
}

fn own() -> u32 {
    rustix::process::geteuid().as_raw()
}

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

/// A request signed at a moment; the error's text where it is not.
fn signed_at(signer: &dyn Signer, created: i64) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    headers.insert("agent-delegation", HeaderValue::from_static("eyJh.eyJp.c2ln"));
    let message =
        Message { method: "POST", target_uri: "https://acme.example/v1/x", headers: &headers, body: b"{}" };
    let occasion = Signing { created, expires: created + 60, nonce: "n-1", agent: None };
    let signed = sign(&message, occasion, signer).map_err(|error| error.to_string())?;
    signed.apply(&mut headers);
    Ok(headers)
}

#[test]
fn a_process_has_its_requests_signed_and_sees_no_key() {
    let world = World::new();
    for algorithm in Algorithm::ALL {
        let (made, sealed) = world.key(algorithm, own());
        let headers = signed_at(&world.process(&made, &sealed, KEY), now()).unwrap();
        let message = Message {
            method: "POST",
            target_uri: "https://acme.example/v1/x",
            headers: &headers,
            body: b"{}",
        };
        let proof = read(&message).unwrap();
        assert_eq!(proof.key_thumbprint, made.public_key.thumbprint());
        made.public_key.verify(proof.signing_input.as_bytes(), &proof.signature).unwrap();
    }
}

#[test]
fn what_is_sealed_for_one_user_opens_for_no_other_and_at_no_other_place() {
    let world = World::new();
    let (made, of_another) = world.key(Algorithm::EdDsa, own() + 1);
    let (_, of_another_key) = world.key(Algorithm::EdDsa, own());
    let now = now();
    for (name, sealed, key_id) in [
        ("another user's", of_another.as_slice(), KEY),
        ("the registry's own", made.sealed.as_slice(), KEY),
        ("another place", of_another_key.as_slice(), "did:web:acme.example:pay#key-1"),
    ] {
        let refused = signed_at(&world.process(&made, sealed, key_id), now).unwrap_err();
        assert!(refused.contains("it does not open here"), "{name}: {refused}");
    }
    let refused = signed_at(&world.process(&made, &of_another_key, KEY), now).unwrap_err();
    assert!(refused.contains("names the key"), "a request that names another key: {refused}");
    // What a process holds opens nothing at the registry's door.
    let (_, sealed) = world.key(Algorithm::EdDsa, own());
    let of = SealedKey { organization: ACME, key_id: KEY, sealed: &sealed };
    let code = world.registry().receipt(of, r#"{"type":"LegationReceipt","verifier":"x"}"#).unwrap_err();
    assert_eq!(code.code(), "sealed_mismatch");
    assert_eq!(world.registry().process_key(of, own()).unwrap_err().code(), "sealed_mismatch");
}

#[test]
fn nothing_but_a_request_of_now_is_signed_for_a_process() {
    let world = World::new();
    let (made, sealed) = world.key(Algorithm::EdDsa, own());
    let process = world.process(&made, &sealed, KEY);
    for created in [now() - 120, now() + 10] {
        let refused = signed_at(&process, created).unwrap_err();
        assert!(refused.contains("not now by the signer's clock"), "{refused}");
    }
    for other in ["eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJtZSJ9", "acme.example/log\n3\nAAAA\n", ""] {
        assert_eq!(process.sign_request(other).unwrap_err().code(), "malformed", "{other}");
    }
    assert!(process.sign(&[0xff]).is_err());
    let key = json!({"organization": ACME, "key_id": KEY, "sealed": base64url::encode(&made.sealed)});
    for request in [
        json!({"receipt": {"key": key, "receipt": "{}"}}),
        json!({"generate": {"organization": ACME, "key_id": KEY, "algorithm": "EdDSA"}}),
        json!({"process_key": {"key": key, "user": own()}}),
        json!({"open_secret": {"organization": ACME, "name": "a", "origin": "https://a.example", "sealed": ""}}),
        json!({"access_token": {"key": key, "claims": "{}"}}),
        json!({"checkpoint": {"key": key, "origin": "a", "size": 1, "root": ""}}),
    ] {
        let mut raw = UnixStream::connect(world.agents()).unwrap();
        let answer = exchange(&mut raw, request.to_string().as_bytes()).unwrap();
        assert_eq!(code(&answer), "not_at_this_door", "{request}: {answer}");
        assert!(exchange(&mut raw, br#"{"ping":{}}"#).is_none(), "a connection is for one request");
    }
    for door in Door::ALL {
        let mut raw = UnixStream::connect(door.socket(world.folder.path())).unwrap();
        let request = json!({"sign_request": {"key": key, "base": "x"}});
        let answer = exchange(&mut raw, request.to_string().as_bytes()).unwrap();
        assert_eq!(code(&answer), "not_at_this_door", "{door:?}: a key of the registry would sign");
    }
}

#[test]
fn one_users_processes_keep_nobody_else_out() {
    let world = World::new();
    let mut held: Vec<UnixStream> = Vec::new();
    for _ in 0..8 {
        held.push(UnixStream::connect(world.agents()).unwrap());
    }
    // They say nothing, and are let go after two seconds.
    let mut more = UnixStream::connect(world.agents()).unwrap();
    assert_eq!(code(&answer(&mut more).unwrap()), "too_many_connections");
    assert!(world.registry().ping().is_ok(), "the other doors have room of their own");
    soon(|| {
        let mut stream = UnixStream::connect(world.agents()).unwrap();
        exchange(&mut stream, br#"{"ping":{}}"#).is_some_and(|answer| answer["pong"].is_object())
    });
}

#[test]
fn agents_knock_where_nobody_else_can_put_a_socket() {
    let (folder, open) = (folder(), folder_of(0o777));
    let master = Master::create(&folder.path().join("master")).unwrap();
    let agents = open.path().join("agents.sock");
    let refused = serve(folder.path(), Some(&agents), master, || true).unwrap_err();
    assert_eq!(refused.code(), "folder_open_to_others");
    assert!(!agents.exists());
    // Nor where somebody could turn a folder above to another place.
    let inner = open.path().join("own");
    std::fs::create_dir(&inner).unwrap();
    set_mode(&inner, 0o755);
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&inner, &link).unwrap();
    for place in [inner, link] {
        let master = Master::load(&folder.path().join("master")).unwrap();
        let refused = serve(folder.path(), Some(&place.join("agents.sock")), master, || true).unwrap_err();
        assert_eq!(refused.code(), "folder_open_to_others", "{}", place.display());
    }
}

#[test]
fn a_key_is_sealed_for_no_number_that_stands_for_several_users() {
    let world = World::new();
    let made = world.registry().generate(ACME, KEY, Algorithm::EdDsa).unwrap();
    for user in [u32::MAX, 65_534] {
        assert_eq!(world.registry().process_key(key(KEY, &made), user).unwrap_err().code(), "user_unusable");
    }
}
