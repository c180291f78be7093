//! Attacks over real sockets: many who are nobody, who say nothing, or who speak otherwise than they should, beside somebody who
//! calls as always.

use crate::{
    chat,
    common::Play,
    running::{self, Up, local},
};
use legation_tests::upstream::{Plan, Upstream};
use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

fn env(upstream: &Upstream) -> [(&'static str, String); 2] {
    [("OPENAI_API_KEY", "sk-x".to_owned()), ("OPENAI_BASE_URL", local(&upstream.url()))]
}

/// All that comes back on one connection for these bytes.
fn raw(port: u16, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    // It may close before it has read all.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut piece) {
        answer.extend_from_slice(&piece[..length]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

#[test]
fn line_ends_that_two_readers_read_differently_carry_nothing_out_for_anybody_else() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    let play = Play::new();
    let up = Up::dev(&play, &[], &env(&upstream));
    let (host, own) = (format!("host: localhost:{}", up.port), format!("authorization: Bearer {}", up.key));
    let body = chat(1).to_string();
    let length = body.len();
    let post = "POST /v1/chat/completions HTTP/1.1";
    let chunked =
        format!("{post}\r\n{host}\r\n{own}\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n");
    for (what, request) in [
        ("a bare CR ends a line", format!("{post}\r{host}\r{own}\rcontent-length: {length}\r\r{body}")),
        (
            "a bare CR in a value",
            format!("{post}\r\n{host}\r\nx-a: b\rx-c: d\r\n{own}\r\ncontent-length: {length}\r\n\r\n{body}"),
        ),
        ("a chunk's size ends by LF", format!("{chunked}{length:x}\n{body}\r\n0\r\n\r\n")),
        ("a chunk ends by LF", format!("{chunked}{length:x}\r\n{body}\n0\r\n\r\n")),
        ("a chunk is longer than it says", format!("{chunked}{:x}\r\n{body}\r\n0\r\n\r\n", length - 1)),
        ("a chunk's size is beyond all bounds", format!("{chunked}fffffffffffffffff\r\n{body}\r\n0\r\n\r\n")),
        (
            "no version",
            format!("POST /v1/chat/completions\r\n{host}\r\n{own}\r\ncontent-length: {length}\r\n\r\n{body}"),
        ),
        (
            "a thousand headers",
            format!(
                "{post}\r\n{host}\r\n{own}\r\n{}content-length: {length}\r\n\r\n{body}",
                "x-a: b\r\n".repeat(1000)
            ),
        ),
        (
            "a header of a megabyte",
            format!(
                "{post}\r\n{host}\r\n{own}\r\nx-a: {}\r\ncontent-length: {length}\r\n\r\n{body}",
                "b".repeat(1 << 20)
            ),
        ),
        (
            "a target of a megabyte",
            format!(
                "POST /{} HTTP/1.1\r\n{host}\r\n{own}\r\ncontent-length: {length}\r\n\r\n{body}",
                "b".repeat(1 << 20)
            ),
        ),
    ] {
        let answer = raw(up.port, request.as_bytes());
        assert!(answer.is_empty() || status(&answer).starts_with('4'), "{what}: {answer}");
        assert!(!answer.contains("hello"), "{what}: {answer}");
        assert_eq!(upstream.count(), 0, "{what}");
    }
    // By bare LFs two requests, of which the second shows no key: it is nobody's.
    let inner = format!("{post}\n{host}\ncontent-length: {length}\n\n{body}");
    let answer =
        raw(up.port, format!("GET /healthz HTTP/1.1\r\n{host}\r\n{own}\r\nx-a: b\n\n{inner}").as_bytes());
    assert!(!answer.contains("hello"), "{answer}");
    assert_eq!(upstream.count(), 0);
    // The body of one request is not read as another.
    let inner = format!("{post}\r\n{host}\r\n{own}\r\ncontent-length: {length}\r\n\r\n{body}");
    let outer = format!(
        "GET /v1/models HTTP/1.1\r\n{host}\r\n{own}\r\ncontent-length: {}\r\n\r\n{inner}",
        inner.len()
    );
    let answer = raw(up.port, outer.as_bytes());
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    assert_eq!(upstream.count(), 0);
    assert_eq!(up.post(&up.key, &chat(1)).0, 200);
}

#[test]
fn garbage_beside_good_calls_is_refused_and_every_good_call_passes() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    let play = Play::new();
    let up = Up::dev(&play, &["--access-log", "json", "--access-log-file", "access.log"], &env(&upstream));
    let (port, ends, sent) = (up.port, AtomicBool::new(false), AtomicUsize::new(0));
    let wrong = up.key.replace("legation_", "legation_x");
    let body = chat(1).to_string();
    let length = body.len();
    let kinds = [
        format!("POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n{body}"),
        format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {wrong}\r\ncontent-length: {length}\r\n\r\n{body}"
        ),
        format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nsignature-input: sig1=()\r\nsignature: sig1=:AA==:\r\ncontent-length: {length}\r\n\r\n{body}"
        ),
        "GET /nothing/here HTTP/1.1\r\nhost: a\r\nauthorization: Bearer x\r\n\r\n".to_owned(),
        "GET /healthz HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n".to_owned(),
    ];
    thread::scope(|scope| {
        for number in 0..4 {
            let (kinds, ends, sent) = (&kinds, &ends, &sent);
            scope.spawn(move || {
                let mut turn = number;
                'again: while !ends.load(Ordering::Relaxed) {
                    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
                    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
                    let mut piece = [0; 4096];
                    for _ in 0..50 {
                        turn += 1;
                        if stream.write_all(kinds[turn % kinds.len()].as_bytes()).is_err() {
                            continue 'again;
                        }
                        let Ok(length @ 1..) = stream.read(&mut piece) else { continue 'again };
                        let answer = String::from_utf8_lossy(&piece[..length]).into_owned();
                        assert!(status(&answer).starts_with('4'), "{answer}");
                        sent.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        let begin = Instant::now();
        let mut good = 0;
        while begin.elapsed() < Duration::from_secs(5) || sent.load(Ordering::Relaxed) < 500 {
            assert_eq!(up.post(&up.key, &chat(1)).0, 200);
            good += 1;
            assert!(begin.elapsed() < Duration::from_secs(60), "{sent:?}");
        }
        ends.store(true, Ordering::Relaxed);
        assert_eq!(upstream.count(), good, "nothing else was sent to the provider");
    });
    // Of nobody a hundred lines a second are written, and the rest is counted.
    let (sent, metrics) = (sent.into_inner(), running::raw(up.admin, "GET", "/metrics", "", "").unwrap().1);
    let untold = metrics.lines().find(|line| line.starts_with("legation_gateway_strangers_untold_total"));
    let untold: usize = untold.unwrap().rsplit(' ').next().unwrap().parse().unwrap();
    let told = play.read("access.log").lines().filter(|line| !line.contains("\"agent\"")).count();
    assert!(told + untold <= sent + 1 && told <= 100 * 70, "{told} {untold} {sent}");
    assert!(sent < 1000 || untold > 0, "{told} {untold} {sent}");
}
