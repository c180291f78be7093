//! Bodies that flow: the times that bound them, what breaks off, and who is stopped.

use crate::{
    service::Service,
    world::{World, empty, text, told},
};
use futures::{StreamExt, stream};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Bytes, Frame};
use legation_registry::route::{Route, Timeouts};
use std::{
    convert::Infallible,
    time::{Duration, Instant},
};
use tokio::net::TcpListener;

fn quick(route: &mut Route) {
    route.timeouts = Timeouts { first_byte: Some(1), idle: Some(1), whole: Some(3) };
}

type Piece = Result<Frame<Bytes>, Infallible>;

/// Pieces without an end, so often.
fn endless(every: Duration) -> StreamBody<impl futures::Stream<Item = Piece>> {
    let piece = move |every| async move {
        tokio::time::sleep(every).await;
        Some((Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"drop"))), every))
    };
    StreamBody::new(stream::unfold(every, piece))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_says_nothing_begins_and_stalls_or_never_ends_is_given_up_in_time() {
    let service = Service::start().await;
    let world = World::new(&service, &["http:*"], quick).await;
    let ask = async |path: &str| world.send(world.asks("GET", path).body(empty()).unwrap()).await;
    let begin = Instant::now();
    assert_eq!(told(ask("/api/silent").await).await, (502, "upstream_timeout".to_owned()));
    assert!(begin.elapsed() < Duration::from_millis(2500), "{:?}", begin.elapsed());
    let begin = Instant::now();
    assert!(ask("/api/stalls").await.into_body().collect().await.is_err(), "it breaks off");
    assert!(begin.elapsed() < Duration::from_millis(2500), "{:?}", begin.elapsed());
    let begin = Instant::now();
    let response = ask("/api/trickle").await;
    assert_eq!(response.status(), 200);
    assert!(response.into_body().collect().await.is_err(), "it breaks off");
    let took = begin.elapsed();
    assert!((Duration::from_millis(2500)..Duration::from_millis(4500)).contains(&took), "{took:?}");
    let response = ask("/api/breaks").await;
    assert!(response.into_body().collect().await.is_err(), "half an answer is none");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_pauses_for_too_long_is_not_waited_for() {
    let service = Service::start().await;
    let world = World::new(&service, &["http:*"], quick).await;
    let first = stream::iter([Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"begin")))]);
    let body = StreamBody::new(first.chain(stream::pending()));
    let begin = Instant::now();
    let response = world.send(world.asks("POST", "/api/count").body(body).unwrap()).await;
    assert_eq!(told(response).await, (400, "bad_request".to_owned()));
    assert!(begin.elapsed() < Duration::from_millis(2500), "{:?}", begin.elapsed());
    let receipts = world.receipts(2).await;
    assert_eq!((receipts[1].0.as_str(), receipts[1].1.as_str()), ("settle", "bad_request"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_begins_while_the_request_still_arrives() {
    let service = Service::start().await;
    let world = World::new(&service, &["http:*"], |_| {}).await;
    let (send, pieces) = tokio::sync::mpsc::channel::<Piece>(1);
    let body =
        StreamBody::new(stream::unfold(pieces, async |mut pieces| Some((pieces.recv().await?, pieces))));
    let response = world.send(world.asks("POST", "/api/echo").body(body).unwrap()).await;
    assert_eq!(response.status(), 200, "before a byte of the body was sent");
    let mut echoed = response.into_body();
    for word in ["one", "two"] {
        send.send(Ok(Frame::data(Bytes::from(word)))).await.unwrap();
        assert_eq!(echoed.frame().await.unwrap().unwrap().into_data().unwrap(), word);
    }
    drop(send);
    assert!(echoed.frame().await.is_none());
    let receipts = world.receipts(2).await;
    assert!(receipts[1].2.contains("\"bytesReceived\":6"), "{}", receipts[1].2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_still_arrives_ends_when_its_caller_is_stopped() {
    let service = Service::start().await;
    let world = World::new(&service, &["http:*"], |_| {}).await;
    let body = endless(Duration::from_millis(20));
    let asked = world.send(world.asks("POST", "/api/count").body(body).unwrap());
    let stop = async {
        while service.seen().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        world.suspend();
        Instant::now()
    };
    let (response, stopped) = tokio::join!(asked, stop);
    assert_eq!(told(response).await, (401, "link_suspended".to_owned()));
    assert!(stopped.elapsed() < Duration::from_secs(1), "{:?}", stopped.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_was_not_there_is_tried_once_more_and_one_that_broke_off_is_not() {
    // A port that was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let world = World::at(&format!("http://localhost:{port}"), &["http:*"], |_| {}).await;
    let later = async {
        tokio::time::sleep(Duration::from_millis(60)).await;
        Service::on(TcpListener::bind(("127.0.0.1", port)).await.unwrap())
    };
    let body = StreamBody::new(stream::iter([Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"once")))]));
    let asked = world.send(world.asks("POST", "/api/echo").body(body).unwrap());
    let (response, service) = tokio::join!(asked, later);
    assert_eq!((response.status().as_u16(), text(response).await.as_str()), (200, "once"));
    assert_eq!(service.seen().len(), 1);

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    let world = World::at(&origin, &["http:*"], |_| {}).await;
    let breaks = tokio::spawn(async move {
        let mut count = 0;
        loop {
            let Ok(accepted) = tokio::time::timeout(Duration::from_secs(1), listener.accept()).await else {
                return count;
            };
            let (mut socket, _) = accepted.unwrap();
            count += 1;
            let mut some = [0; 1024];
            let _ = tokio::io::AsyncReadExt::read(&mut socket, &mut some).await;
        }
    });
    let response = world.send(world.asks("GET", "/api/x").body(empty()).unwrap()).await;
    assert_eq!(told(response).await, (502, "upstream_failed".to_owned()));
    assert_eq!(breaks.await.unwrap(), 1, "it may have been carried out");
}
