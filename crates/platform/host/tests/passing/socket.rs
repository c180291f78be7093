//! WebSockets, by another implementation of them on both sides.

use crate::world::{World, blocking, told};
use futures::{SinkExt, StreamExt};
use http_body_util::{Empty, Full};
use hyper::{Request, Version, body::Bytes, ext::Protocol};
use hyper_util::rt::TokioIo;
use legation_registry::route::Timeouts;
use std::time::{Duration, Instant};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_tungstenite::{
    WebSocketStream, accept_async, client_async,
    tungstenite::{Message, protocol::Role},
};

/// A service that says everything again.
async fn echo() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let Ok(socket) = accept_async(socket).await else { return };
                let (mut out, mut words) = socket.split();
                while let Some(Ok(word)) = words.next().await {
                    if word.is_text() && out.send(word).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    origin
}

fn opening(world: &World) -> Request<()> {
    Request::get("ws://acme.example/api/echo?room=7")
        .header("host", "acme.example")
        .header("authorization", format!("Bearer {}", world.key))
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .body(())
        .unwrap()
}

async fn open(world: &World) -> WebSocketStream<TcpStream> {
    let socket = TcpStream::connect(world.address).await.unwrap();
    client_async(opening(world), socket).await.unwrap().0
}

/// Reads until the socket has ended.
async fn end(mut socket: WebSocketStream<TcpStream>) -> Duration {
    let begin = Instant::now();
    while let Some(Ok(_)) = socket.next().await {}
    begin.elapsed()
}

const SOCKETS: [&str; 1] = ["http:WEBSOCKET"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_is_decided_once_passes_both_ways_and_is_told_by_its_bytes() {
    let world = World::at(&echo().await, &SOCKETS, |_| {}).await;
    let mut socket = open(&world).await;
    for word in ["one", "two"] {
        socket.send(Message::text(word)).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::text(word));
    }
    let large = "x".repeat(300_000);
    socket.send(Message::text(large.as_str())).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap().len(), large.len());
    socket.close(None).await.unwrap();
    end(socket).await;
    let receipts = world.receipts(2).await;
    let kinds: Vec<&str> = receipts.iter().map(|(kind, ..)| kind.as_str()).collect();
    assert_eq!(kinds, ["permit", "settle"], "{receipts:?}");
    assert!(receipts[0].2.contains("http:WEBSOCKET"), "{}", receipts[0].2);
    let told = &receipts[1].2;
    let sent = told.split_once("\"bytesSent\":").unwrap().1.split([',', '}']).next().unwrap();
    assert!((300_000..301_000).contains(&sent.parse().unwrap()), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_ends_within_a_second_of_its_caller_being_stopped() {
    let world = World::at(&echo().await, &SOCKETS, |_| {}).await;
    let mut socket = open(&world).await;
    socket.send(Message::text("hello")).await.unwrap();
    assert!(socket.next().await.unwrap().is_ok());
    world.suspend();
    let took = end(socket).await;
    assert!(took < Duration::from_secs(1), "{took:?}");
    let receipts = world.receipts(2).await;
    assert_eq!((receipts[1].0.as_str(), receipts[1].1.as_str()), ("settle", "link_suspended"));
    let socket = TcpStream::connect(world.address).await.unwrap();
    assert!(client_async(opening(&world), socket).await.is_err(), "and no other begins");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_may_read_gets_no_socket_to_write_by() {
    let world = World::at(&echo().await, &["http:GET"], |_| {}).await;
    let asked = opening(&world).map(|()| Full::<Bytes>::default());
    let (mut parts, body) = asked.into_parts();
    parts.uri = "/api/echo".parse().unwrap();
    let response = world.send(Request::from_parts(parts.clone(), body.clone())).await;
    assert_eq!(told(response).await, (403, "not_granted".to_owned()));
    // Without what begins one it is an ordinary request, which the service answers as such.
    for (name, value) in [("upgrade", "h2c"), ("upgrade", "websocket, h2c"), ("connection", "close")] {
        let mut other = parts.clone();
        other.headers.insert(name, value.parse().unwrap());
        let response = world.send(Request::from_parts(other, body.clone())).await;
        assert_ne!(response.status(), 101, "{name}: {value}");
    }
    for missing in ["sec-websocket-key", "sec-websocket-version"] {
        let mut other = parts.clone();
        other.headers.remove(missing);
        let response = world.send(Request::from_parts(other, body.clone())).await;
        assert_eq!(response.status(), 400, "{missing}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_on_which_nothing_moves_ends() {
    let idle = |route: &mut legation_registry::route::Route| {
        route.timeouts = Timeouts { idle: Some(1), ..Timeouts::default() };
    };
    let world = World::at(&echo().await, &SOCKETS, idle).await;
    let took = end(open(&world).await).await;
    assert!((Duration::from_millis(800)..Duration::from_secs(3)).contains(&took), "{took:?}");
    assert_eq!(world.receipts(2).await[1].1, "idle");
    let denied = blocking(|| world.registry.receipts(None, 10)).unwrap();
    assert_eq!(denied.len(), 2);
}

/// The same as a stream of HTTP/2 (RFC 8441), by hyper's client.
fn opening_stream(world: &World, protocol: &'static str) -> Request<Empty<Bytes>> {
    Request::connect("http://acme.example/api/echo?room=7")
        .version(Version::HTTP_2)
        .extension(Protocol::from_static(protocol))
        .header("authorization", format!("Bearer {}", world.key))
        .header("sec-websocket-version", "13")
        .body(Empty::new())
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_is_a_stream_of_http2_beside_others() {
    let world = World::at(&echo().await, &["http:WEBSOCKET", "http:GET"], |_| {}).await;
    let sender = world.http2().await;
    // Until something was answered, the client does not know that streams can be sockets.
    let get = Request::get("http://acme.example/none").version(Version::HTTP_2).body(Empty::new()).unwrap();
    assert_eq!(sender.clone().send_request(get).await.unwrap().status(), 401);
    let mut sockets = Vec::new();
    for _ in 0..3 {
        let response = sender.clone().send_request(opening_stream(&world, "websocket")).await.unwrap();
        assert_eq!(response.status(), 200);
        for gone in ["sec-websocket-accept", "upgrade", "connection"] {
            assert!(!response.headers().contains_key(gone), "{gone}");
        }
        let stream = TokioIo::new(hyper::upgrade::on(response).await.unwrap());
        sockets.push(WebSocketStream::from_raw_socket(stream, Role::Client, None).await);
    }
    for (number, socket) in sockets.iter_mut().enumerate() {
        let word = Message::text(format!("{number}{}", "x".repeat(100_000)));
        socket.send(word.clone()).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), word);
    }
    world.suspend();
    let begin = Instant::now();
    for mut socket in sockets {
        while let Some(Ok(_)) = socket.next().await {}
    }
    assert!(begin.elapsed() < Duration::from_secs(1), "who is stopped is cut off: {:?}", begin.elapsed());
    let receipts = world.receipts(6).await;
    let begun = receipts.iter().filter(|(kind, _, text)| kind == "permit" && text.contains("http:WEBSOCKET"));
    assert_eq!(begun.count(), 3, "{receipts:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_http2_is_no_other_tunnel_and_no_socket_where_that_is_not_granted() {
    let world = World::at(&echo().await, &["http:GET", "http:CONNECT"], |_| {}).await;
    let sender = world.http2().await;
    let get = Request::get("http://acme.example/none").version(Version::HTTP_2).body(Empty::new()).unwrap();
    assert_eq!(sender.clone().send_request(get).await.unwrap().status(), 401);
    let send = async |request| told(sender.clone().send_request(request).await.unwrap()).await;
    assert_eq!(send(opening_stream(&world, "websocket")).await, (403, "not_granted".to_owned()));
    assert_eq!(send(opening_stream(&world, "connect-udp")).await.0, 405);
    let mut keyed = opening_stream(&world, "websocket");
    keyed.headers_mut().insert("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==".parse().unwrap());
    assert_eq!(send(keyed).await.0, 400);
    let mut bare = opening_stream(&world, "websocket");
    bare.headers_mut().remove("sec-websocket-version");
    assert_eq!(send(bare).await.0, 400);
}

/// A service that switches without having read the key is no WebSocket (RFC 6455 §4.1).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_switches_to_anything_begins_no_stream() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut read = [0; 4096];
            let _ = socket.read(&mut read).await;
            let answer = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
                           Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
            let _ = socket.write_all(answer).await;
            let _ = socket.read(&mut read).await;
        }
    });
    let world = World::at(&origin, &SOCKETS, |_| {}).await;
    let sender = world.http2().await;
    let get = Request::get("http://acme.example/none").version(Version::HTTP_2).body(Empty::new()).unwrap();
    assert_eq!(sender.clone().send_request(get).await.unwrap().status(), 401);
    let response = sender.clone().send_request(opening_stream(&world, "websocket")).await.unwrap();
    assert_eq!(response.status(), 502);
}

/// Of a stream any success means that it is a socket (RFC 8441 §5); a service that just answers has begun none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_answers_in_place_of_a_socket_begins_no_stream() {
    let service = crate::service::Service::start().await;
    let world = World::new(&service, &SOCKETS, |_| {}).await;
    let sender = world.http2().await;
    let get = Request::get("http://acme.example/none").version(Version::HTTP_2).body(Empty::new()).unwrap();
    assert_eq!(sender.clone().send_request(get).await.unwrap().status(), 401);
    let response = sender.clone().send_request(opening_stream(&world, "websocket")).await.unwrap();
    assert_eq!(response.status(), 502);
}
