//! HTTP/2 towards callers, and trailers either way.

use crate::{
    service::Service,
    world::{World, empty, now, told},
};
use futures::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::{
    HeaderMap, Request, Version,
    body::{Bytes, Frame},
};
use std::convert::Infallible;

fn asks(world: &World, method: &str, uri: &str) -> hyper::http::request::Builder {
    Request::builder()
        .version(Version::HTTP_2)
        .method(method)
        .uri(uri)
        .header("authorization", format!("Bearer {}", world.key))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_requests_share_a_connection_and_each_is_decided_on() {
    let service = Service::start().await;
    let world = World::new(&service, &["http:GET"], |_| {}).await;
    let sender = world.http2().await;
    let one = async |path: String| {
        let request = asks(&world, "GET", &format!("http://acme.example{path}")).body(empty()).unwrap();
        sender.clone().send_request(request).await.unwrap().status().as_u16()
    };
    let paths = (0..40).map(|n| if n % 2 == 0 { format!("/api/{n}") } else { format!("/none/{n}") });
    let told = futures::future::join_all(paths.map(one)).await;
    assert_eq!((told.iter().filter(|status| **status == 200).count(), told.len()), (20, 40), "{told:?}");
    assert_eq!(service.seen().len(), 20);
    assert_eq!(service.seen()[0].version, Version::HTTP_11);
    world.suspend();
    assert_eq!(one("/api/x".to_owned()).await, 401, "the next request on the same connection");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trailers_pass_either_way_but_none_that_frames_or_keeps_anything() {
    let service = Service::start().await;
    let world = World::new(&service, &["http:POST"], |route| route.headers = vec!["x-sum".to_owned()]).await;
    let mut trailers = HeaderMap::new();
    for (name, value) in
        [("x-sum", "1"), ("x-forwarded-user", "root"), ("content-digest", "d"), ("host", "h")]
    {
        trailers.insert(name, value.parse().unwrap());
    }
    let frames = [Frame::data(Bytes::from_static(b"body")), Frame::trailers(trailers)];
    let body = StreamBody::new(stream::iter(frames.map(Ok::<_, Infallible>)));
    let request = asks(&world, "POST", "http://acme.example/api/trailers")
        .header("te", "trailers")
        .header("trailer", "x-sum, x-forwarded-user, content-digest, host");
    let response = world.http2().await.send_request(request.body(body).unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
    let collected = response.into_body().collect().await.unwrap();
    let given = collected.trailers().cloned().unwrap();
    assert_eq!((given.len(), &given["grpc-status"]), (1, &"0".parse().unwrap()), "{given:?}");
    let came = String::from_utf8(collected.to_bytes().to_vec()).unwrap();
    assert!(came.contains("x-sum=\"1\"") && came.contains("content-digest=\"d\""), "{came}");
    assert!(!came.contains("forwarded") && !came.contains("host"), "{came}");
    // What flowed unread is told by its bytes.
    let receipts = world.receipts(2).await;
    assert_eq!((receipts[1].0.as_str(), receipts[1].1.as_str()), ("settle", ""));
    assert!(receipts[1].2.contains("\"bytesSent\":4"), "{}", receipts[1].2);
    assert!(now() > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_by_http2_gets_no_socket_and_no_tunnel() {
    let service = Service::start().await;
    let world = World::new(&service, &["http:*"], |_| {}).await;
    let request = asks(&world, "CONNECT", "inside.example:443").body(empty()).unwrap();
    let response = world.http2().await.send_request(request).await.unwrap();
    assert!(response.status().is_client_error(), "{:?}", response.status());
    let other = asks(&world, "GET", "http://user@acme.example/api/x").body(empty()).unwrap();
    let response = world.http2().await.send_request(other).await;
    assert!(response.is_err() || told(response.unwrap()).await.0 == 400);
    assert!(service.seen().is_empty());
}
