//! Headers: what passes, and what ends at the gateway (RFC 9110 §7.6.1).

use crate::{
    service::Service,
    world::{World, empty, text, told},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_of_one_connection_or_says_who_somebody_is_ends_here_and_the_rest_passes() {
    let service = Service::start().await;
    let world =
        World::new(&service, &["http:GET"], |route| route.headers = vec!["x-tenant".to_owned()]).await;
    let request = world.asks("GET", "/api/own?page=2");
    let passes = [
        ("accept", "text/plain"),
        ("range", "bytes=0-1"),
        ("if-none-match", "\"0\""),
        ("idempotency-key", "k"),
        ("x-tenant", "seven"),
    ];
    let ends = [
        ("connection", "if-match, close, x-tenant-too"),
        ("if-match", "\"of this connection only\""),
        ("keep-alive", "timeout=5"),
        ("proxy-authorization", "Basic eDp5"),
        ("proxy-connection", "keep-alive"),
        ("te", "gzip"),
        ("upgrade", "h2c"),
        ("http2-settings", "AAMAAABkAARAAAAA"),
        ("cookie", "session=1"),
        ("forwarded", "for=10.0.0.1"),
        ("x-forwarded-for", "10.0.0.1"),
        ("x-forwarded-user", "root"),
        ("x_forwarded_user", "root"),
        ("x-real-ip", "10.0.0.1"),
        ("x-remote-user", "root"),
        ("x-http-method-override", "DELETE"),
        ("legation-identity", "forged"),
        ("origin", "https://evil.example"),
        ("referer", "https://evil.example/"),
        ("via", "1.0 other"),
        ("expect", "100-continue"),
    ];
    let request =
        passes.iter().chain(&ends).fold(request, |request, (name, value)| request.header(*name, *value));
    let response = world.send(request.body(empty()).unwrap()).await;
    assert_eq!(response.status(), 200);
    let given = response.headers().clone();
    assert_eq!(text(response).await, "own");
    let seen = &service.seen()[0];
    assert_eq!((seen.uri.as_str(), seen.method.as_str()), ("/own?page=2", "GET"));
    for (name, value) in passes {
        assert_eq!(seen.headers[name], value, "{name}");
    }
    for (name, value) in ends {
        assert_ne!(seen.headers.get(name).map(|value| value.as_bytes()), Some(value.as_bytes()), "{name}");
    }
    assert_eq!(seen.headers["via"], "1.1 legation");
    assert!(!seen.headers.contains_key("authorization") && !seen.headers.contains_key("x-tenant-too"));
    let host = seen.headers["host"].to_str().unwrap();
    assert!(host.starts_with("localhost:"), "{host}");
    assert_eq!((&given["x-tenant"], given.contains_key("last-modified")), (&"seven".parse().unwrap(), true));
    for name in [
        "set-cookie",
        "server",
        "x-powered-by",
        "www-authenticate",
        "proxy-authenticate",
        "keep-alive",
        "etag",
    ] {
        assert!(!given.contains_key(name), "{name}: {given:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unchanged_answer_passes_a_redirect_does_not_and_a_head_keeps_its_length() {
    let service = Service::start().await;
    let world = World::new(&service, &["http:GET", "http:HEAD", "http:TRACE"], |_| {}).await;
    let ask =
        async |method: &str, path: &str| world.send(world.asks(method, path).body(empty()).unwrap()).await;
    let unchanged = ask("GET", "/api/unchanged").await;
    assert_eq!((unchanged.status().as_u16(), &unchanged.headers()["etag"]), (304, &"\"1\"".parse().unwrap()));
    let moved = ask("GET", "/api/moved").await;
    assert!(!moved.headers().contains_key("location"));
    assert_eq!(told(moved).await, (502, "upstream_failed".to_owned()));
    let head = ask("HEAD", "/api/own").await;
    assert_eq!((head.status().as_u16(), &head.headers()["content-length"]), (200, &"3".parse().unwrap()));
    assert_eq!(ask("TRACE", "/api/own").await.status(), 405, "it would show what the gateway added");
    assert_eq!(service.seen().len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_header_that_two_readers_take_for_different_ones_is_refused() {
    let service = Service::start().await;
    let world = World::new(&service, &["http:*"], |_| {}).await;
    for name in ["content-type", "content-encoding", "range"] {
        let request = world.asks("POST", "/api/count").header(name, "a").header(name, "b");
        assert_eq!(told(world.send(request.body(empty()).unwrap()).await).await.0, 400, "{name}");
    }
    assert!(service.seen().is_empty());
}
