//! Ten thousand connections that say nothing, beside somebody who calls as always. It is a program of its own, since it opens as
//! many files as one may.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod common;
#[path = "up/running.rs"]
#[allow(dead_code, reason = "a part of it is used here")]
mod running;

use common::Play;
use legation_tests::upstream::{Plan, Upstream};
use running::{Up, local};
use rustix::{
    net::{AddressFamily, SocketFlags, SocketType},
    process::{Resource, Rlimit, getrlimit, setrlimit},
};
use serde_json::{Value, json};
use std::{
    io::Write,
    net::{SocketAddr, TcpStream},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

fn env(upstream: &Upstream) -> [(&'static str, String); 2] {
    [("OPENAI_API_KEY", "sk-x".to_owned()), ("OPENAI_BASE_URL", local(&upstream.url()))]
}

fn chat(max_tokens: u64) -> Value {
    json!({"model": "gpt-4o", "max_tokens": max_tokens, "messages": [{"role": "user", "content": "hello"}]})
}

/// As many files as may be open.
fn raise_limit() -> u64 {
    let allowed = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: allowed.maximum, ..allowed });
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// A connection from an address of this machine.
fn connect(from: [u8; 4], port: u16) -> std::io::Result<TcpStream> {
    // No program that is started meanwhile has it, too.
    let flags = SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
    rustix::net::bind(&socket, &SocketAddr::from((from, 0)))?;
    rustix::net::connect(&socket, &SocketAddr::from(([127, 0, 0, 1], port)))?;
    Ok(socket.into())
}

/// Opens many connections by addresses of others, which say nothing or stop in the middle, while somebody calls.
fn flood(up: &Up, many: usize, address: impl Fn(usize) -> [u8; 4] + Sync) -> Vec<TcpStream> {
    let begun = [
        "",
        "G",
        "GET /healthz HTTP/1.1\r\n",
        "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nx-a: ",
    ];
    let calls = |what: &str| {
        for _ in 0..20 {
            let begin = Instant::now();
            let told = running::try_post(up.port, &up.key, &chat(1));
            assert_eq!(told.map(|(status, _)| status), Some(200), "{what}");
            assert!(begin.elapsed() < Duration::from_secs(60), "{what}: {:?}", begin.elapsed());
        }
    };
    let (address, opened) = (&address, &AtomicUsize::new(0));
    let open = thread::scope(|scope| {
        let openers: Vec<_> = (0..4)
            .map(|number| {
                scope.spawn(move || {
                    let mut open = Vec::new();
                    for turn in (number..many).step_by(4) {
                        // One that is not let in, or closed again, has failed as it should.
                        let Ok(mut stream) = connect(address(turn), up.port) else { continue };
                        let _ = stream.write_all(begun[turn / 4 % 4].as_bytes());
                        open.push(stream);
                        opened.fetch_add(1, Ordering::Relaxed);
                    }
                    open
                })
            })
            .collect();
        calls("while they come");
        openers.into_iter().flat_map(|opener| opener.join().unwrap()).collect()
    });
    assert!(opened.load(Ordering::Relaxed) > many / 2, "{opened:?} of {many} were opened");
    calls("while they are there");
    open
}

#[test]
fn ten_thousand_slow_and_idle_connections_keep_nobody_out() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    let play = Play::new();
    let up = Up::dev(&play, &["--max-connections", "1024"], &env(&upstream));
    let many = usize::try_from(raise_limit().saturating_sub(500).min(10_000)).unwrap();
    assert!(many > 2000, "at least twice as many as there are places: {many}");
    let of_one = flood(&up, many, |_| [127, 0, 1, 1]);
    drop(of_one);
    let of_many = flood(&up, many, |number| [127, 0, 2, u8::try_from(number % 200).unwrap()]);
    drop(of_many);
    assert_eq!(up.post(&up.key, &chat(1)).0, 200);
}
