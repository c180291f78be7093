//! Requests that would be other ones behind the gateway, written byte by byte: no client library would send them.

use crate::{service::Service, world::World};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const GO_AWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// A frame (RFC 9113 §4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A field that is written out (RFC 7541 §6.2.2), whatever is in it.
fn field(name: &[u8], value: &[u8]) -> Vec<u8> {
    let text = |text: &[u8]| {
        let length = match text.len() {
            short if short < 127 => vec![u8::try_from(short).unwrap()],
            long => vec![
                127,
                u8::try_from((long - 127) % 128).unwrap() | 128,
                u8::try_from((long - 127) / 128).unwrap(),
            ],
        };
        [length, text.to_vec()].concat()
    };
    [vec![0], text(name), text(value)].concat()
}

/// The fields of an ordinary request.
fn ordinary(world: &World, method: &str, path: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let key = format!("Bearer {}", world.key);
    [
        (":method", method),
        (":scheme", "http"),
        (":authority", "acme.example"),
        (":path", path),
        ("authorization", key.as_str()),
    ]
    .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()))
    .to_vec()
}

/// Sends a request, and gives whether it was answered with a status of success; refused are those that are reset, too.
async fn succeeds(world: &World, fields: &[(Vec<u8>, Vec<u8>)], body: Option<&[u8]>) -> bool {
    let mut socket = TcpStream::connect(world.address).await.unwrap();
    let block: Vec<u8> = fields.iter().flat_map(|(name, value)| field(name, value)).collect();
    let end = if body.is_some() { 0 } else { END_STREAM };
    let mut bytes = [PREFACE.to_vec(), frame(SETTINGS, 0, 0, &[])].concat();
    bytes.extend(frame(HEADERS, END_HEADERS | end, 1, &block));
    if let Some(body) = body {
        bytes.extend(frame(DATA, END_STREAM, 1, body));
    }
    socket.write_all(&bytes).await.unwrap();
    let answered = async {
        loop {
            let mut head = [0; 9];
            if socket.read_exact(&mut head).await.is_err() {
                return false;
            }
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; usize::try_from(length).unwrap()];
            if socket.read_exact(&mut payload).await.is_err() {
                return false;
            }
            match head[3] {
                // 200 is the eighth field of the static table (RFC 7541 Appendix A); a change of the table's size may stand before.
                HEADERS => return payload.iter().take(6).any(|byte| *byte == 0x88),
                RESET | GO_AWAY => return false,
                _ => {}
            }
        }
    };
    timeout(Duration::from_secs(10), answered).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_http1_would_read_as_another_request_is_refused_as_http2() {
    let service = Service::start().await;
    let world = World::new(&service, &["http:*"], |_| {}).await;
    assert!(succeeds(&world, &ordinary(&world, "GET", "/api/x"), None).await, "an ordinary one passes");
    assert!(
        succeeds(&world, &ordinary(&world, "POST", "/api/count"), Some(b"four")).await,
        "and with a body"
    );
    let before = service.seen().len();
    let more: [(&str, &[u8], &[u8]); 14] = [
        ("a line break in a value", b"accept", b"a\r\nx-forwarded-user: root"),
        ("a line feed", b"accept", b"a\nx: y"),
        ("a zero", b"accept", b"a\0b"),
        ("a line break in a name", b"a\r\nb", b"c"),
        ("a colon in a name", b"a:b", b"c"),
        ("a capital in a name", b"Accept", b"a"),
        ("a second path", b":path", b"/api/admin"),
        ("a second method", b":method", b"DELETE"),
        ("a second authority", b":authority", b"evil.example"),
        ("an unknown pseudo field behind others", b":host", b"evil.example"),
        ("chunks", b"transfer-encoding", b"chunked"),
        ("another connection", b"connection", b"authorization"),
        ("another protocol", b"upgrade", b"websocket"),
        ("another host", b"host", b"evil.example"),
    ];
    for (what, name, value) in more {
        let fields = [ordinary(&world, "POST", "/api/count"), vec![(name.to_vec(), value.to_vec())]].concat();
        let passed = succeeds(&world, &fields, Some(b"four")).await;
        assert!(!passed, "{what}");
    }
    for length in ["0", "3", "5", "4, 5", "-4", "+4", "0x4"] {
        let fields = ordinary(&world, "POST", "/api/count");
        let fields = [fields, vec![(b"content-length".to_vec(), length.as_bytes().to_vec())]].concat();
        assert!(!succeeds(&world, &fields, Some(b"four")).await, "a length of {length} beside four bytes");
    }
    let long = vec![b'0'; 200];
    for path in [
        "http://evil.example/api/x",
        "//evil.example/api/x",
        "api/x",
        "*",
        "",
        "/api/../admin",
        "/api/x HTTP/1.1\r\nx: y",
        "/api/a%2f..%2fb",
        "/api/a\\b",
    ] {
        assert!(!succeeds(&world, &ordinary(&world, "GET", path), None).await, "{path}");
    }
    let mut without: Vec<_> = ordinary(&world, "GET", "/api/x");
    without.retain(|(name, _)| name != b":authority");
    assert!(!succeeds(&world, &without, None).await, "no host at all");
    for method in ["CONNECT", "GET / HTTP/1.1\r\n", "g\0t"] {
        assert!(!succeeds(&world, &ordinary(&world, method, "/api/x"), None).await, "{method}");
    }
    let fields = [ordinary(&world, "GET", "/api/x"), vec![(b"accept".to_vec(), long)]].concat();
    assert!(succeeds(&world, &fields, None).await, "a long value is no fault");
    let begun = service.seen().into_iter().skip(before);
    let strange: Vec<_> = begun.filter(|one| one.uri != "/x" && one.uri != "/count").collect();
    assert!(strange.is_empty(), "{strange:?}");
}

/// The same by HTTP/1.1.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_names_two_lengths_hosts_or_targets_is_refused() {
    let service = Service::start().await;
    let world = World::new(&service, &["http:*"], |_| {}).await;
    let ask = async |target: &str, headers: &str, body: &str| {
        let mut socket = TcpStream::connect(world.address).await.unwrap();
        let key = &world.key;
        let text = format!("POST {target} HTTP/1.1\r\nAuthorization: Bearer {key}\r\n{headers}\r\n{body}");
        socket.write_all(text.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        let read = timeout(Duration::from_secs(10), socket.read_exact(&mut answer)).await.unwrap();
        read.map_or(0, |_| String::from_utf8_lossy(&answer[9..]).parse().unwrap_or(0))
    };
    let host = "Host: acme.example\r\n";
    assert_eq!(ask("/api/count", &format!("{host}Content-Length: 4\r\n"), "four").await, 200);
    assert_eq!(
        ask("http://acme.example/api/count", &format!("{host}Content-Length: 4\r\n"), "four").await,
        200
    );
    for (what, target, headers, body) in [
        ("two hosts", "/api/count", "Host: acme.example\r\nHost: evil.example\r\n".to_owned(), ""),
        ("another target", "http://evil.example/api/count", host.to_owned(), ""),
        ("two lengths", "/api/count", format!("{host}Content-Length: 4\r\nContent-Length: 5\r\n"), "four!"),
        ("a strange coding", "/api/count", format!("{host}Transfer-Encoding: xchunked\r\n"), "0\r\n\r\n"),
        ("a space before a colon", "/api/count", format!("{host}Content-Length : 4\r\n"), "four"),
        ("a folded line", "/api/count", format!("{host}X: a\r\n b\r\n"), ""),
    ] {
        let status = ask(target, &headers, body).await;
        assert_ne!(status, 200, "{what}");
    }
    assert_eq!(service.seen().len(), 2);
}

/// What is sent behind a request to speak another protocol is a request of its own, unless the service has switched: it is decided
/// on, and does not reach the service by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_behind_one_that_asks_for_a_socket_is_decided_on_by_itself() {
    let service = Service::start().await;
    let world = World::new(&service, &["http:WEBSOCKET"], |_| {}).await;
    let mut socket = TcpStream::connect(world.address).await.unwrap();
    let text = format!(
        "GET /api/x HTTP/1.1\r\nHost: acme.example\r\nAuthorization: Bearer {}\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\nDELETE /api/all HTTP/1.1\r\nHost: \
         acme.example\r\nConnection: close\r\n\r\n",
        world.key
    );
    socket.write_all(text.as_bytes()).await.unwrap();
    let mut answers = Vec::new();
    timeout(Duration::from_secs(10), socket.read_to_end(&mut answers)).await.unwrap().unwrap();
    let answers = String::from_utf8_lossy(&answers);
    assert!(answers.starts_with("HTTP/1.1 200") && answers.contains("HTTP/1.1 401"), "{answers}");
    let seen = service.seen();
    assert_eq!((seen.len(), seen[0].uri.as_str()), (1, "/x"), "{seen:?}");
}
