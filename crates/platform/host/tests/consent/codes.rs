//! Codes that are shown by another program, elsewhere, twice, or without what they were asked for with.

use crate::world::{BACK, World, blocking, form, now};
use legation_keys::{Algorithm, SecretKey, Signer, base64url};
use legation_token::dpop::{self, Making};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_buys_nothing_for_another_program_address_service_or_verifier() {
    let world = World::new().await;
    let anna = world.browser("anna").await;
    let other = blocking(|| world.registry.add_client("Other", &[BACK.to_owned()], now())).unwrap().id;
    let code = anna.code(&world.asks(&[]), &["http:GET"]).await;
    let verifier = "x".repeat(43);
    for (more, error, told) in [
        (("client_id", other.as_str()), "invalid_grant", "client_mismatch"),
        (("client_id", ""), "invalid_request", "parameter_missing"),
        (("redirect_uri", "https://app.example/cb/"), "invalid_grant", "redirect_mismatch"),
        (("redirect_uri", ""), "invalid_request", "parameter_missing"),
        (("resource", "https://other.example/"), "invalid_target", "audience_mismatch"),
        (("code_verifier", &verifier), "invalid_grant", "pkce_mismatch"),
        (("code_verifier", "short"), "invalid_grant", "pkce_invalid"),
        // The downgrade: no verifier at all.
        (("code_verifier", ""), "invalid_request", "parameter_missing"),
        (("client_secret", "s"), "invalid_client", "secret_shown"),
        (("code", "a guess"), "invalid_grant", "code_unknown"),
    ] {
        let answer = world.buy(&code, &[more]).await;
        let status = if error == "invalid_client" { 401 } else { 400 };
        assert_eq!(answer.told(), (status, told.to_owned()), "{more:?}");
        assert_eq!(answer.json()["error"], error, "{more:?}");
    }
    // Nothing of that has spent it. Whoever does not say for which service means the one that it is of.
    let answer = world.buy(&code, &[("resource", "")]).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_that_comes_twice_ends_what_it_has_bought() {
    let world = World::new().await;
    let anna = world.browser("anna").await;
    let code = anna.code(&world.asks(&[]), &["http:GET"]).await;
    let bought = world.buy(&code, &[]).await;
    let token = bought.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(world.call("GET", &token).await.status, 200);
    let again = world.buy(&code, &[]).await;
    assert_eq!(
        (again.told(), &again.json()["error"]),
        ((400, "code_used".to_owned()), &"invalid_grant".into())
    );
    assert_eq!(world.call("GET", &token).await.status, 401);
    // It is told to whoever looks.
    let events = blocking(|| world.registry.events(0, 1000)).unwrap();
    assert!(events.iter().any(|event| event.kind == "consent.code-twice"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_those_who_show_a_code_at_once_none_keeps_a_token() {
    let world = World::new().await;
    let anna = world.browser("anna").await;
    let code = anna.code(&world.asks(&[]), &["http:GET"]).await;
    let all = tokio::join!(world.buy(&code, &[]), world.buy(&code, &[]), world.buy(&code, &[]));
    let all = [all.0, all.1, all.2];
    assert!(all.iter().filter(|answer| answer.status == 200).count() <= 1);
    for answer in all.iter().filter(|answer| answer.status == 200) {
        let token = answer.json()["access_token"].as_str().unwrap().to_owned();
        assert_eq!(world.call("GET", &token).await.status, 401);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_ends_after_a_minute() {
    let world = World::new().await;
    let anna = world.browser("anna").await;
    anna.token(&["http:GET"]).await;
    let consent = blocking(|| world.registry.consents(None, ("", 10))).unwrap()[0].consent.id.clone();
    let challenge = crate::world::challenge();
    let make = |at: i64| {
        blocking(|| world.registry.new_code(&consent, (BACK, &challenge, None), at)).unwrap().to_string()
    };
    let (old, new) = (make(now() - 60), make(now() - 30));
    assert_eq!(world.buy(&old, &[]).await.told(), (400, "code_unknown".to_owned()));
    assert_eq!(world.buy(&new, &[]).await.status, 200);
}

fn proof(world: &World, key: &SecretKey, nonce: &str) -> String {
    let id = base64url::encode(&legation_keys::secret::random::<16>().unwrap());
    let url = format!("{}/token", world.origin);
    dpop::make(
        &Making { method: "POST", url: &url, id: &id, nonce: Some(nonce), token: None, now: now() },
        key,
    )
    .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_that_is_bound_to_a_key_buys_a_token_of_that_key_alone() {
    let world = World::new().await;
    let anna = world.browser("anna").await;
    let (own, other) =
        (SecretKey::generate(Algorithm::Es256).unwrap(), SecretKey::generate(Algorithm::Es256).unwrap());
    let thumbprint = own.public_key().thumbprint();
    let code = anna.code(&world.asks(&[("dpop_jkt", &thumbprint)]), &["http:GET"]).await;
    assert_eq!(world.buy(&code, &[]).await.told(), (400, "dpop_key_mismatch".to_owned()));
    let nonce = world.post("/token/challenge", String::new()).await.headers["dpop-nonce"]
        .to_str()
        .unwrap()
        .to_owned();
    for (key, status) in [(&other, 400), (&own, 200)] {
        let crm = world.crm();
        let body = form(&[
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", BACK),
            ("client_id", &world.client),
            ("code_verifier", crate::world::VERIFIER),
            ("resource", &crm),
        ]);
        let request = axum::http::Request::post("/token")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("dpop", proof(&world, key, &nonce));
        let answer = world.send(request.body(body.into()).unwrap()).await;
        assert_eq!(answer.status, status, "{}", answer.text);
        if status == 200 {
            assert_eq!(answer.json()["token_type"], "DPoP");
            // It is nobody's who only has it.
            let token = answer.json()["access_token"].as_str().unwrap().to_owned();
            assert_eq!(world.call("GET", &token).await.status, 401);
        }
    }
}
