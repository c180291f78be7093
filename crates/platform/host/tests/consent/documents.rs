//! Programs that tell of themselves at their `client_id`.

use crate::world::World;
use axum::{Router, body::Body, http::Request, response::IntoResponse, routing::get};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

const HERE: &str = "http://127.0.0.1:7/cb";

/// A site of programs, whose documents are these; how often somebody asked.
async fn site(
    document: impl Fn(&str) -> (u16, String) + Clone + Send + Sync + 'static,
) -> (String, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    let (count, own) = (Arc::new(AtomicUsize::new(0)), origin.clone());
    let counted = Arc::clone(&count);
    let tell = move |path: axum::extract::Path<String>| {
        counted.fetch_add(1, Ordering::SeqCst);
        let (status, body) = document(&format!("{own}/{}", *path));
        async move {
            let status = axum::http::StatusCode::from_u16(status).unwrap();
            let mut response = (status, [("content-type", "application/json")], body).into_response();
            if status.is_redirection() {
                response.headers_mut().insert("location", "/good".parse().unwrap());
            }
            response
        }
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/{*path}", get(tell))).await });
    (origin, count)
}

fn good(url: &str) -> String {
    serde_json::json!({"client_id": url, "client_name": "Reader", "redirect_uris": [HERE]}).to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_tells_of_itself_and_is_looked_at_for_nobody_but_whoever_is_signed_in() {
    let world = World::new().await;
    let (origin, count) = site(|url| (200, good(url))).await;
    let id = format!("{origin}/app.json");
    let asked = world.asks(&[("client_id", &id), ("redirect_uri", HERE)]);
    let request = Request::get(format!("/oauth/authorize?{asked}")).body(Body::empty()).unwrap();
    assert!(world.send(request).await.text.contains("Sign in"));
    assert_eq!(world.post("/oauth/par", asked.clone()).await.status, 201);
    assert_eq!(count.load(Ordering::SeqCst), 0, "a stranger made somebody fetch");
    let anna = world.browser("anna").await;
    let page = anna.open(&asked).await;
    assert!(
        page.text.contains("Reader") && page.text.contains("Nobody at") && page.text.contains(&id),
        "{}",
        page.text
    );
    let code = anna.code(&asked, &["http:GET"]).await;
    let bought = world.buy(&code, &[("client_id", &id), ("redirect_uri", HERE)]).await;
    assert_eq!(bought.status, 200, "{}", bought.text);
    assert_eq!(count.load(Ordering::SeqCst), 1, "it is kept for a while");
    // Nobody is led away by a link alone that such a program, or whoever writes links in its name, has made.
    let wrong = world.asks(&[("client_id", &id), ("redirect_uri", HERE), ("code_challenge_method", "plain")]);
    let page = anna.open(&wrong).await;
    assert!(page.status == 400 && page.location().is_empty() && page.text.contains("S256"), "{}", page.text);
    // What it has not told of is no address of its.
    let other =
        anna.open(&world.asks(&[("client_id", &id), ("redirect_uri", "https://evil.example/")])).await;
    assert_eq!((other.status, other.location()), (400, ""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_that_is_anothers_leads_elsewhere_or_is_huge_is_none() {
    let world = World::new().await;
    let anna = world.browser("anna").await;
    let document = |url: &str| match url.rsplit('/').next().unwrap() {
        "other" => (200, good("http://localhost/app.json")),
        "moved" => (302, String::new()),
        "huge" => (200, format!("{}{}", good(url), " ".repeat(6000))),
        "secret" => (200, good(url).replace('{', "{\"client_secret\":\"x\",")),
        "keyed" => (200, good(url).replace('{', "{\"token_endpoint_auth_method\":\"private_key_jwt\",")),
        "script" => (200, good(url).replace(HERE, "javascript:alert(1)")),
        "twice" => (200, good(url).replacen('{', "{\"client_id\":\"x\",", 1)),
        "gone" => (404, good(url)),
        _ => (200, good(url)),
    };
    let (origin, count) = site(document).await;
    for path in ["other", "moved", "huge", "secret", "keyed", "script", "twice", "gone"] {
        let id = format!("{origin}/{path}");
        let page = anna.open(&world.asks(&[("client_id", &id), ("redirect_uri", HERE)])).await;
        assert_eq!((page.status, page.location()), (400, ""), "{path}: {}", page.text);
    }
    let id = format!("{origin}/good");
    assert_eq!(anna.open(&world.asks(&[("client_id", &id), ("redirect_uri", HERE)])).await.status, 200);
    assert_eq!(count.load(Ordering::SeqCst), 9, "a redirect was followed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_at_a_private_address_is_not_fetched() {
    let world = World::new().await;
    let anna = world.browser("anna").await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    for id in [
        format!("https://127.0.0.1:{port}/app.json"),
        format!("https://[::1]:{port}/app.json"),
        "https://10.0.0.1/app.json".to_owned(),
        "https://169.254.169.254/latest/meta-data".to_owned(),
        format!("https://[::ffff:127.0.0.1]:{port}/app.json"),
    ] {
        let page = anna.open(&world.asks(&[("client_id", &id), ("redirect_uri", HERE)])).await;
        assert_eq!((page.status, page.location()), (400, ""), "{id}: {}", page.text);
        assert!(page.text.contains("could not be fetched"), "{id}: {}", page.text);
    }
    let accepted = tokio::time::timeout(std::time::Duration::from_millis(100), listener.accept()).await;
    assert!(accepted.is_err(), "somebody connected to a private address");
}
