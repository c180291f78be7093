//! Requests whose end or place two readers read differently: at the proxy and at the gateway, by real sockets.

use crate::world::{World, local};
use legation_tests::upstream::{Plan, Upstream};
use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

/// All that comes back on one connection.
fn raw(port: u16, bytes: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    stream.write_all(bytes.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    // It may keep the connection, or reset it before all was read.
    while let Ok(length) = stream.read(&mut piece) {
        if length == 0 {
            break;
        }
        answer.extend_from_slice(&piece[..length]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn what_two_readers_would_read_differently_is_refused_and_nothing_is_carried_out_unasked() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    let env = [("OPENAI_API_KEY", "sk-x".to_owned()), ("OPENAI_BASE_URL", local(&upstream.url()))];
    let world = World::new(&env);
    let proxy = world.proxy("mail.agent");
    let body = r#"{"model":"gpt-4o-mini","max_tokens":1,"messages":[{"role":"user","content":"hi"}]}"#;
    let (length, chunk) = (body.len(), format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len()));
    for (port, host, key) in [
        (proxy.port, format!("127.0.0.1:{}", proxy.port), proxy.token.clone()),
        (world.up.port, format!("localhost:{}", world.up.port), world.up.key.clone()),
    ] {
        let head = |line: &str, more: &str| format!("{line} HTTP/1.1\r\nhost: {host}\r\n{more}");
        let own = format!("authorization: Bearer {key}\r\n");
        let post = "POST /v1/chat/completions";
        let refused = [
            (
                "two lengths",
                head(post, &format!("{own}content-length: {length}\r\ncontent-length: 5\r\n\r\n{body}")),
            ),
            ("a length that is none", head(post, &format!("{own}content-length: +{length}\r\n\r\n{body}"))),
            (
                "a coding nobody knows",
                head(post, &format!("{own}transfer-encoding: xchunked\r\n\r\n{chunk}")),
            ),
            (
                "chunked not last",
                head(post, &format!("{own}transfer-encoding: chunked, identity\r\n\r\n{chunk}")),
            ),
            (
                "a chunk's size with a sign",
                head(post, &format!("{own}transfer-encoding: chunked\r\n\r\n+{chunk}")),
            ),
            ("a name with a space", head(post, &format!("{own}content-length : {length}\r\n\r\n{body}"))),
            (
                "a line that goes on",
                head(post, &format!("{own}x-a: b\r\n content-length: {length}\r\n\r\n{body}")),
            ),
            (
                "two hosts",
                head(post, &format!("host: evil.example\r\n{own}content-length: {length}\r\n\r\n{body}")),
            ),
            ("a NUL", head(post, &format!("{own}x-a: \0\r\ncontent-length: {length}\r\n\r\n{body}"))),
            (
                "a target with a space",
                head("POST /v1/chat/completions x", &format!("{own}content-length: {length}\r\n\r\n{body}")),
            ),
            ("two keys", head(post, &format!("{own}{own}content-length: {length}\r\n\r\n{body}"))),
        ];
        for (what, request) in refused {
            let answer = raw(port, &request);
            let status = answer.split(' ').nth(1).unwrap_or_default();
            assert!(answer.is_empty() || status.starts_with('4'), "{what} at {port}: {answer}");
            assert!(!answer.contains("hello"), "{what} at {port}: {answer}");
        }
        assert_eq!(upstream.count(), 0, "at {port}");
        // Both framings: whichever counts, what follows is a request of its own, which has to show who makes it.
        let inner = format!("{post} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\n\r\n{body}");
        let both =
            format!("{own}content-length: {length}\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{inner}");
        let answer = raw(port, &head(post, &both));
        assert!(!answer.contains("hello"), "at {port}: {answer}");
        assert_eq!(upstream.count(), 0, "at {port}");
        // Another method in a header stays a header.
        let told = raw(
            port,
            &head(
                "GET /v1/models",
                &format!("{own}x-http-method-override: POST\r\nconnection: close\r\n\r\n"),
            ),
        );
        assert!(told.starts_with("HTTP/1.1 200"), "{told}");
    }
    // And what is well formed passes.
    assert_eq!(proxy.chat(&serde_json::json!({"model": "gpt-4o-mini", "max_tokens": 1})).0, 200);
    assert_eq!(upstream.count(), 1);
}
