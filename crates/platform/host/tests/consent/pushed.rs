//! Requests that were pushed.

use crate::world::{BACK, World, blocking, form, now};
use axum::{body::Body, http::Request};
use legation_keys::{Algorithm, SecretKey, base64url};
use legation_token::{dpop, dpop::Making};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_was_pushed_is_asked_once_and_by_its_program_alone() {
    let world = World::new().await;
    let anna = world.browser("anna").await;
    let pushed = world.post("/oauth/par", world.asks(&[])).await;
    assert_eq!(pushed.status, 201, "{}", pushed.text);
    let reference = pushed.json()["request_uri"].as_str().unwrap().to_owned();
    assert!(
        reference.starts_with("urn:ietf:params:oauth:request_uri:") && !reference.contains("app.example")
    );
    let by = |client: &str| form(&[("client_id", client), ("request_uri", &reference)]);
    let other = blocking(|| world.registry.add_client("Other", &[BACK.to_owned()], now())).unwrap().id;
    assert_eq!(anna.open(&by(&other)).await.status, 400);
    let changed = form(&[("client_id", &world.client), ("request_uri", &format!("{reference}A"))]);
    assert_eq!(anna.open(&changed).await.status, 400);
    // It may be looked at as often as it takes, and be answered once.
    assert_eq!(anna.open(&by(&world.client)).await.status, 200);
    let code = anna.code(&by(&world.client), &["http:GET"]).await;
    assert_eq!(world.buy(&code, &[]).await.status, 200);
    let page = anna.open(&by(&world.client)).await;
    assert!(page.status == 400 && page.text.contains("answered already"), "{}", page.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_request_is_told_when_it_is_pushed() {
    let world = World::new().await;
    for (more, code) in [
        (("code_challenge_method", "plain"), "pkce_method"),
        (("response_type", "token"), "response_type"),
        (("request_uri", "urn:ietf:params:oauth:request_uri:x"), "request_uri"),
        (("redirect_uri", ""), "parameter_missing"),
        (("resource", ""), "audience_missing"),
    ] {
        assert_eq!(world.post("/oauth/par", world.asks(&[more])).await.told(), (400, code.to_owned()));
    }
    assert_eq!(world.post("/oauth/par", "x".repeat(9000)).await.status, 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proof_beside_a_pushed_request_binds_its_code() {
    let world = World::new().await;
    let anna = world.browser("anna").await;
    let key = SecretKey::generate(Algorithm::Es256).unwrap();
    let first = world.post("/oauth/par", world.asks(&[])).await;
    let nonce = first.headers["dpop-nonce"].to_str().unwrap().to_owned();
    let proof = || {
        let id = base64url::encode(&legation_keys::secret::random::<16>().unwrap());
        let url = format!("{}/oauth/par", world.origin);
        let making =
            Making { method: "POST", url: &url, id: &id, nonce: Some(&nonce), token: None, now: now() };
        dpop::make(&making, &key).unwrap()
    };
    let push = |body: String| {
        let request = Request::post("/oauth/par").header("content-type", "application/x-www-form-urlencoded");
        world.send(request.header("dpop", proof()).body(Body::from(body)).unwrap())
    };
    let other = "x".repeat(43);
    let refused = push(world.asks(&[("dpop_jkt", &other)])).await;
    assert_eq!(refused.told(), (400, "dpop_key_mismatch".to_owned()));
    let pushed = push(world.asks(&[])).await;
    let reference = pushed.json()["request_uri"].as_str().unwrap().to_owned();
    let asked = form(&[("client_id", &world.client), ("request_uri", &reference)]);
    let code = anna.code(&asked, &["http:GET"]).await;
    assert_eq!(world.buy(&code, &[]).await.told(), (400, "dpop_key_mismatch".to_owned()));
}
