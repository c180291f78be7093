//! What comes over the sockets: doors, frames that are wrong, cut or too many, and secrets that come back in no error.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use legation_keys::{Algorithm, base64url};
use legation_signer::{Client, ClientError, Door, Master, server::MAX_CONNECTIONS};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::{
    io::{Read, Write},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    sync::Mutex,
    time::{Duration, Instant},
};

const PING: &[u8] = br#"{"ping":{}}"#;

fn key_json() -> Value {
    json!({"organization": ACME, "key_id": "k", "sealed": "AQ"})
}

/// A request of each verb, well-formed, with where it is done.
fn requests() -> Vec<(Value, &'static [Door])> {
    let terms = json!({
        "id": null, "subject": "did:web:a.example", "valid_from": NOW, "valid_until": NOW + 1, "max_depth": 0,
        "account": null, "authority": "{\"grants\":[]}", "status": [],
    });
    vec![
        (json!({"ping": {}}), &Door::ALL),
        (json!({"receipt": {"key": key_json(), "receipt": "{}"}}), &Door::ALL),
        (json!({"generate": {"organization": ACME, "key_id": "k", "algorithm": "EdDSA"}}), &[Door::Registry]),
        (
            json!({"delegate": {"key": key_json(), "issuer": "did:web:a.example", "parents": [], "terms": terms}}),
            &[Door::Registry],
        ),
        (
            json!({"status_list": {
                "key": key_json(), "issuer": "did:web:a.example", "id": "https://a.example/1", "valid_from": NOW,
                "valid_until": NOW + 1, "purpose": "revocation", "bits": "",
            }}),
            &[Door::Registry],
        ),
        (
            json!({"seal_secret": {"organization": ACME, "name": "n", "origin": "o", "secret": "aHVudGVyMg"}}),
            &[Door::Registry],
        ),
        (
            json!({"open_secret": {"organization": ACME, "name": "n", "origin": "o", "sealed": "AQ"}}),
            &[Door::Gateway],
        ),
    ]
}

#[test]
fn each_door_refuses_what_is_done_at_the_other() {
    let running = Running::start();
    for door in Door::ALL {
        let mut stream = running.raw(door);
        for (request, doors) in requests() {
            let answer = exchange(&mut stream, request.to_string().as_bytes()).unwrap();
            let is_elsewhere = code(&answer) == "not_at_this_door";
            assert_eq!(is_elsewhere, !doors.contains(&door), "{door:?} {request} {answer}");
            assert_ne!(code(&answer), "malformed", "{request}: only what is well-formed shows the door");
        }
    }
    let (mut registry, mut gateway) = (running.at(Door::Registry), running.at(Door::Gateway));
    let refused = gateway.generate(ACME, "k", Algorithm::EdDsa).unwrap_err();
    assert_eq!(refused.code(), "not_at_this_door");
    assert!(refused.to_string().contains("`generate`"), "{refused}");
    assert_eq!(registry.open_secret(ACME, "n", "o", b"").unwrap_err().code(), "not_at_this_door");
}

#[test]
fn what_is_no_request_is_answered_and_the_connection_goes_on() {
    let running = Running::start();
    let mut stream = running.raw(Door::Registry);
    let deep = "[".repeat(200_000);
    for bad in [
        b"{".as_slice(),
        b"\xff\xfe",
        b"null",
        b"{\"ping\":{},\"ping\":{}}",
        b"{\"generate\":{}}",
        b"{\"sign\":{\"bytes\":\"aGk\"}}",
        deep.as_bytes(),
    ] {
        assert_eq!(code(&exchange(&mut stream, bad).unwrap()), "malformed");
    }
    for (request, _) in requests().into_iter().skip(1) {
        let (verb, body) = request.as_object().unwrap().iter().next().unwrap();
        for member in body.as_object().unwrap().keys() {
            let mut bent = request.clone();
            bent[verb][member] = json!({"x": 1});
            assert_eq!(
                code(&exchange(&mut stream, bent.to_string().as_bytes()).unwrap()),
                "malformed",
                "{bent}"
            );
            bent[verb].as_object_mut().unwrap().remove(member);
            assert_eq!(
                code(&exchange(&mut stream, bent.to_string().as_bytes()).unwrap()),
                "malformed",
                "{bent}"
            );
        }
        let mut more = request.clone();
        more[verb]["more"] = json!(1);
        assert_eq!(code(&exchange(&mut stream, more.to_string().as_bytes()).unwrap()), "malformed", "{more}");
    }
    let mut odd = requests().swap_remove(2).0;
    odd["generate"]["algorithm"] = json!("none".repeat(1000));
    let answer = exchange(&mut stream, odd.to_string().as_bytes()).unwrap();
    assert_eq!(code(&answer), "algorithm_not_allowed");
    assert!(answer.to_string().len() < 500, "what was sent is not sent back whole");
    assert_eq!(exchange(&mut stream, PING).unwrap(), json!({"pong": {"version": 1}}));
}

#[test]
fn a_frame_of_no_length_or_too_much_is_refused_before_it_is_read() {
    let running = Running::start();
    for length in [0, (1 << 20) + 1, u32::MAX] {
        let mut stream = running.raw(Door::Gateway);
        stream.write_all(&length.to_be_bytes()).unwrap();
        let refused = answer(&mut stream).unwrap();
        assert_eq!(code(&refused), "frame_length", "{length}");
        assert_eq!(answer(&mut stream), None, "nobody knows where the next frame would begin");
    }
    // Whoever sends all of it at once hears why all the same.
    let mut stream = running.raw(Door::Gateway);
    let _ = stream.write_all(&frame(&vec![b' '; 3 << 20]));
    assert_eq!(code(&answer(&mut stream).unwrap()), "frame_length");
    let mut largest = PING.to_vec();
    largest.resize(1 << 20, b' ');
    assert_eq!(exchange(&mut running.raw(Door::Gateway), &largest).unwrap()["pong"]["version"], 1);
}

#[test]
fn a_frame_that_is_cut_at_any_byte_holds_nobody_up() {
    let running = Running::start();
    let (request, _) = requests().swap_remove(2);
    let whole = frame(request.to_string().as_bytes());
    let mut held = Vec::new();
    for cut in 0..whole.len() {
        let mut stream = running.raw(Door::Registry);
        stream.write_all(&whole[..cut]).unwrap();
        if cut % 2 == 0 {
            stream.shutdown(Shutdown::Write).unwrap();
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).unwrap();
            assert!(rest.is_empty(), "cut at {cut}");
        } else if held.len() < MAX_CONNECTIONS - 2 {
            // Begun, not ended, and kept open.
            held.push(stream);
        }
        if cut % 8 == 0 {
            assert_eq!(running.at(Door::Registry).ping().unwrap(), 1, "cut at {cut}");
        }
    }
    assert!(held.len() > 30);
    assert!(running.at(Door::Registry).generate(ACME, "k", Algorithm::EdDsa).is_ok());
    // A frame in two pieces is a frame.
    let mut stream = running.raw(Door::Registry);
    for byte in whole {
        stream.write_all(&[byte]).unwrap();
    }
    assert!(answer(&mut stream).unwrap()["generated"].is_object());
}

#[test]
fn requests_that_are_sent_without_waiting_are_answered_in_turn() {
    let running = Running::start();
    let mut stream = running.raw(Door::Registry);
    let bad = frame(b"{}");
    stream.write_all(&[frame(PING), bad, frame(PING)].concat()).unwrap();
    let answers: Vec<Value> = (0..3).map(|_| answer(&mut stream).unwrap()).collect();
    assert_eq!((code(&answers[0]), code(&answers[1]), code(&answers[2])), ("(none)", "malformed", "(none)"));
}

#[test]
fn a_full_door_says_so_leaves_the_other_open_and_lets_in_again() {
    let running = Running::start();
    // The connections of the beginning may still be on their way out.
    let mut kept: Vec<UnixStream> = Vec::new();
    while kept.len() < MAX_CONNECTIONS {
        let mut stream = running.raw(Door::Registry);
        if exchange(&mut stream, PING).is_some_and(|answer| code(&answer) == "(none)") {
            kept.push(stream);
        }
    }
    for _ in 0..40 {
        let refused = Client::connect(&running.socket(Door::Registry)).unwrap().ping().unwrap_err();
        assert_eq!(refused.code(), "too_many_connections", "{refused}");
    }
    assert_eq!(running.at(Door::Gateway).ping().unwrap(), 1);
    for stream in &mut kept {
        assert_eq!(exchange(stream, PING).unwrap()["pong"]["version"], 1, "who is in stays in");
    }
    kept.pop();
    soon(|| running.at(Door::Registry).ping().is_ok());
    drop(kept);
}

#[test]
fn many_at_once_behind_one_mutex_and_beside_it_all_get_their_own_answer() {
    let running = Running::start();
    let shared = Mutex::new(running.at(Door::Registry));
    std::thread::scope(|scope| {
        for worker in 0..16 {
            let (running, shared) = (&running, &shared);
            scope.spawn(move || {
                let mut own = running.at(Door::Gateway);
                for round in 0..20 {
                    let secret = format!("secret {worker} {round}");
                    let sealed = shared.lock().unwrap().seal_secret(ACME, "n", "o", &secret).unwrap();
                    assert_eq!(*own.open_secret(ACME, "n", "o", &sealed).unwrap(), secret);
                }
            });
        }
    });
}

#[test]
fn no_secret_comes_back_in_an_error_or_in_debug() {
    const SECRET: &str = "hunter2-hunter2";
    let running = Running::start();
    let mut said = String::new();
    for door in Door::ALL {
        let mut client = running.at(door);
        let sealed = running.at(Door::Registry).seal_secret(ACME, "n", "o", SECRET).unwrap();
        let errors = [
            client.seal_secret("", "n", "o", SECRET).err(),
            client.seal_secret(ACME, "n", "o", &SECRET.repeat(2000)).err(),
            client.seal_secret(ACME, "n", "o", &SECRET.repeat(100_000)).err(),
            client.open_secret(ACME, "n", "p", &sealed).err(),
        ];
        for error in errors {
            let error = error.unwrap();
            said.push_str(&format!("{error} {error:?} "));
        }
        said.push_str(&format!("{client:?}"));
        // In places where it does not belong, as it is and encoded.
        let mut stream = running.raw(door);
        for secret in [SECRET.to_owned(), base64url::encode(SECRET.as_bytes())] {
            for bad in [
                json!(secret),
                json!({secret.as_str(): {}}),
                json!({"ping": secret}),
                json!({"ping": {secret.as_str(): 1}}),
                json!({"seal_secret": secret}),
                json!({"seal_secret": {"organization": ACME, "name": "n", "origin": "o", "secret": [secret]}}),
                json!({"seal_secret": {"organization": ACME, "name": "n", "origin": "o", "secret": format!("{secret}=")}}),
                json!({"seal_secret": {"organization": ACME, "name": "n", "origin": 1, "secret": secret}}),
                json!({"seal_secret": {"organization": "", "name": "n", "origin": "o", "secret": secret}}),
                json!({"open_secret": {"organization": ACME, "name": "n", "origin": "o", "sealed": secret}}),
                json!({"open_secret": {"organization": ACME, "name": "n", "origin": "o", "sealed": format!("{secret}=")}}),
            ] {
                let answer = exchange(&mut stream, bad.to_string().as_bytes()).unwrap();
                if answer.get("sealed").is_none() {
                    assert_ne!(code(&answer), "(none)", "{bad}");
                }
                said.push_str(&answer.to_string());
            }
        }
    }
    // The master key and private keys.
    let line = std::fs::read_to_string(running.folder.path().join("master")).unwrap();
    let master = Master::load(&running.folder.path().join("master")).unwrap();
    let made = running.at(Door::Registry).generate(ACME, "k", Algorithm::EdDsa).unwrap();
    said.push_str(&format!("{master:?} {made:?}"));
    assert!(said.len() > 1000);
    for secret in ["hunter2", &base64url::encode(b"hunter2-h"), line.trim_end()] {
        assert!(!said.contains(secret), "{secret} in {said}");
    }
}

#[test]
fn an_answer_that_is_none_is_told_from_a_refusal_and_not_asked_for_again() {
    let folder = folder();
    let path = folder.path().join("odd.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let server = std::thread::spawn(move || {
        for reply in [
            frame(b"{\"pong\":{\"version\":1,\"more\":1}}"),
            frame(b"{\"secured\":{\"secured\":\"x\"}}"),
            frame(b"hunter2"),
            vec![0; 4],
            vec![0xff; 4],
        ] {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = [0; 4 + 11];
            stream.read_exact(&mut asked).unwrap();
            stream.write_all(&reply).unwrap();
        }
        // Then cut short, twice: the connection that was kept, and the new one.
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(&[0, 0, 0, 9, b'{']).unwrap();
        }
        listener.accept().is_ok()
    });
    for _ in 0..5 {
        let error = Client::connect(&path).unwrap().ping().unwrap_err();
        assert_eq!(error, ClientError::Answer { socket: path.clone() });
        assert!(!error.to_string().contains("hunter2"));
    }
    let began = Instant::now();
    assert_eq!(Client::connect(&path).unwrap().ping().unwrap_err().code(), "signer_gone");
    assert!(began.elapsed() < Duration::from_secs(5), "a connection that ended is not waited for");
    drop(UnixStream::connect(&path).unwrap());
    assert!(server.join().unwrap(), "it was asked twice and not three times");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    /// One signer for all of it: it has to be there after each.
    #[test]
    fn random_bytes_do_not_end_the_signer(all in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 40)) {
        let running = Running::start();
        for (index, bytes) in all.iter().enumerate() {
            let mut stream = running.raw(Door::ALL[index % 2]);
            // Half of them as whole frames, half as they are.
            let sent = if index % 4 < 2 && !bytes.is_empty() { frame(bytes) } else { bytes.clone() };
            let _ = stream.write_all(&sent);
            let _ = stream.shutdown(Shutdown::Write);
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest);
        }
        prop_assert_eq!(running.at(Door::Registry).ping().unwrap(), 1);
        prop_assert_eq!(running.at(Door::Gateway).ping().unwrap(), 1);
    }
}
