//! What garbage and idle connections cost whoever calls as always: `cargo build --release -p legation-cli`, then
//! `cargo run --release -p legation-bench --example garbage`, under a minute.
//!
//! Eight connections call a model whose provider takes 20 ms: alone; beside 10,000 requests a second that are nobody's (no key,
//! a wrong one, a signature of nothing); beside 10,000 connections of other addresses that say nothing. Everything runs on this
//! machine, the garbage too, so that what it costs to make is in it. Bar: a good call takes at most twice as long at the median.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout)]

use legation_tests::upstream::{Plan, Upstream};
use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

const EACH: Duration = Duration::from_secs(8);
const GOOD: usize = 8;
const A_SECOND: u32 = 10_000;
/// Requests that are sent at once on a connection.
const BATCH: u32 = 25;
const GARBAGE: u32 = 4;

struct Up(Child, SocketAddr, String);

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn up(folder: &std::path::Path, upstream: &Upstream) -> Up {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let binary = std::env::current_exe().unwrap();
    let binary = binary.parent().unwrap().parent().unwrap().join("legation");
    let child = Command::new(binary)
        .args(["up", "--dev", "--budget", "1000000USD/day", "--listen", &format!("127.0.0.1:{port}")])
        .args(["--admin-listen", "127.0.0.1:0"])
        .current_dir(folder)
        .env("OPENAI_API_KEY", "sk-x")
        .env("OPENAI_BASE_URL", upstream.url().replace("127.0.0.1", "localhost"))
        .stdout(std::fs::File::create(folder.join("out")).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let begin = Instant::now();
    let key = loop {
        let out = std::fs::read_to_string(folder.join("out")).unwrap();
        let key = out.lines().map(str::trim).find(|line| line.starts_with("legation_")).map(str::to_owned);
        if let (Some(key), Ok(_)) = (key, TcpStream::connect(address)) {
            break key;
        }
        assert!(begin.elapsed() < Duration::from_secs(30), "it does not come up");
        thread::sleep(Duration::from_millis(50));
    };
    Up(child, address, key)
}

/// Sends on a connection, and gives how many answers came.
fn exchange(stream: &mut TcpStream, bytes: &[u8], answers: usize) -> std::io::Result<(usize, bool)> {
    stream.write_all(bytes)?;
    let (mut read, mut piece) = (Vec::new(), [0; 16 << 10]);
    loop {
        let length = stream.read(&mut piece)?;
        read.extend_from_slice(&piece[..length]);
        let text = String::from_utf8_lossy(&read);
        let count = text.matches("HTTP/1.1 ").count();
        // The last is there to its end, by its JSON.
        if length == 0 || (count >= answers && text.ends_with('}')) {
            return Ok((count, text.starts_with("HTTP/1.1 200")));
        }
    }
}

/// Good calls for a while: how long they took, in order, µs; and how many failed.
fn good(up: &Up) -> (Vec<u128>, usize) {
    let body = r#"{"model":"gpt-4o","max_tokens":5,"messages":[{"role":"user","content":"hello"}]}"#;
    let (host, key, length) = (up.1, &up.2, body.len());
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {key}\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    let failed = AtomicUsize::new(0);
    let mut all: Vec<u128> = thread::scope(|scope| {
        let callers: Vec<_> = (0..GOOD)
            .map(|_| {
                scope.spawn(|| {
                    let (begin, mut took) = (Instant::now(), Vec::new());
                    let mut stream = TcpStream::connect(up.1).unwrap();
                    while begin.elapsed() < EACH {
                        let sent = Instant::now();
                        match exchange(&mut stream, request.as_bytes(), 1) {
                            Ok((1, true)) => took.push(sent.elapsed().as_micros()),
                            _ => {
                                failed.fetch_add(1, Ordering::Relaxed);
                                stream = TcpStream::connect(up.1).unwrap();
                            }
                        }
                    }
                    took
                })
            })
            .collect();
        callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect()
    });
    all.sort_unstable();
    (all, failed.into_inner())
}

/// Garbage until it is to end, at its pace; how much of it was answered.
fn garbage(up: &Up, ends: &AtomicBool, answered: &AtomicUsize) {
    let head = |more: &str| format!("GET /v1/models HTTP/1.1\r\nhost: {}\r\n{more}\r\n", up.1);
    let wrong = up.2.replace("legation_", "legation_x");
    let kinds = [
        head(""),
        head(&format!("authorization: Bearer {wrong}\r\n")),
        head("authorization: Bearer nonsense\r\n"),
        head("signature-input: sig1=()\r\nsignature: sig1=:AA==:\r\n"),
    ];
    let batch: String = kinds.iter().cycle().take(BATCH as usize).map(String::as_str).collect();
    let every = Duration::from_secs(1) / (A_SECOND / BATCH / GARBAGE);
    let (begin, mut count) = (Instant::now(), 0);
    let mut stream = TcpStream::connect(up.1).unwrap();
    while !ends.load(Ordering::Relaxed) {
        match exchange(&mut stream, batch.as_bytes(), BATCH as usize) {
            Ok((count, _)) => drop(answered.fetch_add(count, Ordering::Relaxed)),
            Err(_) => stream = TcpStream::connect(up.1).unwrap(),
        }
        count += 1;
        thread::sleep((every * count).saturating_sub(begin.elapsed()));
    }
}

/// Connections by other addresses of this machine, which say nothing; as many as may be open.
fn idle(up: &Up) -> Vec<TcpStream> {
    let _ = rustix::process::setrlimit(rustix::process::Resource::Nofile, {
        let allowed = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        rustix::process::Rlimit { current: allowed.maximum, ..allowed }
    });
    let open = |number: usize| {
        use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
        let from = SocketAddr::from(([127, 0, 1, u8::try_from(number % 200).ok()?], 0));
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None).ok()?;
        bind(&socket, &from).ok()?;
        connect(&socket, &up.1).ok()?;
        Some(TcpStream::from(socket))
    };
    (0..10_000).filter_map(open).collect()
}

fn told(what: &str, (took, failed): &(Vec<u128>, usize), alone: Option<u128>) -> u128 {
    let at = |share: usize| took[(took.len() - 1) * share / 100];
    let ratio =
        alone.map_or(String::new(), |alone| format!("{}.{:02}", at(50) / alone, at(50) * 100 / alone % 100));
    println!("| {what} | {} | {failed} | {} | {} | {ratio} |", took.len(), at(50), at(99));
    at(50)
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let upstream =
        Upstream::always(Plan::says("hello").tokens(1, 1).after(Duration::from_millis(20))).unwrap();
    let up = up(folder.path(), &upstream);
    println!("load: {}", std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim());
    println!("| good calls | passed | failed | p50, µs | p99, µs | p50 ÷ alone |\n|---|---|---|---|---|---|");
    let _ = good(&up);
    let alone = told("alone", &good(&up), None);
    let (ends, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    let begin = Instant::now();
    let beside = thread::scope(|scope| {
        for _ in 0..GARBAGE {
            scope.spawn(|| garbage(&up, &ends, &answered));
        }
        let beside = good(&up);
        ends.store(true, Ordering::Relaxed);
        beside
    });
    let a_second = answered.into_inner() * 1000 / usize::try_from(begin.elapsed().as_millis()).unwrap();
    told(&format!("beside {a_second} garbage requests/s"), &beside, Some(alone));
    let open = idle(&up);
    told(&format!("beside {} idle connections", open.len()), &good(&up), Some(alone));
    println!("load: {}", std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim());
}
