//! What is asked wrongly, and pages that others open, frame or fill in.

use crate::world::{BACK, World, blocking, form, now};
use axum::{body::Body, http::Request};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_to_an_address_that_the_program_has_not_told_of_goes_nowhere() {
    let world = World::new().await;
    let anna = world.browser("anna").await;
    for to in [
        "https://app.example/cb/",
        "https://app.example/cb?x=1",
        "https://app.example/CB",
        "https://app.example:443/cb",
        "http://app.example/cb",
        "https://evil.example/cb",
        "https://app.example.evil.example/cb",
        "http://127.0.0.1:1@evil.example/cb",
        "http://localhost:8/cb",
        "javascript:alert(1)",
    ] {
        let page = anna.open(&world.asks(&[("redirect_uri", to)])).await;
        assert_eq!((page.status, page.location()), (400, ""), "{to}: {}", page.text);
    }
    // The port of a program on one's own machine is its own to choose (RFC 8252 §7.3).
    assert_eq!(anna.open(&world.asks(&[("redirect_uri", "http://127.0.0.1:5123/cb")])).await.status, 200);
    for (more, status) in
        [(("client_id", "client-unknown"), 400), (("client_id", ""), 400), (("redirect_uri", ""), 400)]
    {
        let page = anna.open(&world.asks(&[more])).await;
        assert_eq!((page.status, page.location()), (status, ""), "{more:?}");
    }
    let twice = format!("{}&client_id=other", world.asks(&[]));
    assert_eq!(anna.open(&twice).await.status, 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_asked_wrongly_is_told_at_the_address_of_the_answer_by_whom() {
    let world = World::new().await;
    let anna = world.browser("anna").await;
    for (more, error) in [
        (("response_type", "token"), "unsupported_response_type"),
        (("code_challenge", ""), "invalid_request"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("code_challenge_method", ""), "invalid_request"),
        (("code_challenge", "short"), "invalid_request"),
        (("resource", ""), "invalid_target"),
        (("resource", "no uri"), "invalid_target"),
        (("scope", "*"), "invalid_scope"),
        (("request", "a.b.c"), "request_not_supported"),
        (("prompt", "none"), "interaction_required"),
        (("response_mode", "fragment"), "invalid_request"),
        (("authorization_details", "[]"), "invalid_authorization_details"),
        (("authorization_details", "{}"), "invalid_authorization_details"),
        (("authorization_details", r#"[{"type":"other"}]"#), "invalid_authorization_details"),
        (
            ("authorization_details", r#"[{"type":"legation_delegation","privileges":["x"]}]"#),
            "invalid_authorization_details",
        ),
        (
            ("authorization_details", r#"[{"type":"legation_delegation","actions":["http:GET"]}]"#),
            "invalid_authorization_details",
        ),
        (
            (
                "authorization_details",
                r#"[{"type":"legation_delegation","locations":["https://other.example/"]}]"#,
            ),
            "invalid_authorization_details",
        ),
        (
            ("authorization_details", r#"[{"type":"legation_delegation","constraints":[{"type":"none"}]}]"#),
            "invalid_authorization_details",
        ),
    ] {
        let answer = anna.open(&world.asks(&[more])).await;
        assert!(answer.location().starts_with(BACK), "{more:?} {} {}", answer.status, answer.text);
        assert_eq!(answer.sent("error").as_deref(), Some(error), "{more:?}");
        assert_eq!(
            (answer.sent("iss"), answer.sent("state").as_deref()),
            (Some(world.origin.clone()), Some("a state"))
        );
        assert_eq!(answer.sent("code"), None);
    }
    let page = anna.open(&world.asks(&[])).await;
    let (asked, token) = (page.hidden("request"), page.hidden("form"));
    let no = anna
        .post(&[("request", &asked), ("form", &token), ("act", "deny"), ("action", "http:GET")], &[])
        .await;
    assert_eq!(no.sent("error").as_deref(), Some("access_denied"));
    assert!(blocking(|| world.registry.consents(None, ("", 10))).unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_says_yes_for_somebody_else() {
    let world = World::new().await;
    let anna = world.browser("anna").await;
    let page = anna.open(&world.asks(&[])).await;
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("frame-ancestors 'none'") && policy.contains("default-src 'none'"), "{policy}");
    assert!(policy.ends_with("form-action 'self' https://app.example"), "{policy}");
    assert_eq!(page.headers["x-frame-options"], "DENY");
    assert_eq!(page.headers["cache-control"], "no-store");
    let (asked, token) = (page.hidden("request"), page.hidden("form"));
    let yes =
        |form| vec![("request", asked.as_str()), ("form", form), ("act", "allow"), ("action", "http:GET")];
    // Another site, by what browsers say of it in either way; without the form's own word, or with that of another request or person.
    for (form, headers) in [
        (token.as_str(), vec![("sec-fetch-site", "cross-site")]),
        (token.as_str(), vec![("sec-fetch-site", "same-site")]),
        (token.as_str(), vec![("origin", "https://evil.example")]),
        (token.as_str(), vec![("origin", "null")]),
        ("", vec![("sec-fetch-site", "same-origin")]),
        ("another", vec![]),
    ] {
        let refused = anna.post(&yes(form), &headers).await;
        assert_eq!((refused.status, refused.location()), (403, ""), "{form} {headers:?}");
    }
    let wider = world.asks(&[("state", "another")]);
    let swapped = [("request", wider.as_str()), ("form", &token), ("act", "allow"), ("action", "http:GET")];
    assert_eq!(anna.post(&swapped, &[]).await.status, 403);
    // Without a cookie, or with another one, nobody is there.
    let request = Request::post("/oauth/consent").body(Body::from(form(&yes(&token)))).unwrap();
    let answer = world.send(request).await;
    assert!(answer.status == 403 && answer.text.contains("Sign in"), "{}", answer.text);
    assert!(blocking(|| world.registry.consents(None, ("", 10))).unwrap().is_empty());
    assert_eq!(anna.post(&yes(&token), &[("origin", &world.origin)]).await.status, 303);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_that_is_typed_is_good_once_and_guesses_tell_nothing() {
    let world = World::new().await;
    let code = blocking(|| world.registry.new_person_code("anna", now())).unwrap();
    let asked = world.asks(&[]);
    let sent = form(&[("request", &asked), ("code", &code)]);
    let other = Request::post("/oauth/sign-in").header("sec-fetch-site", "cross-site");
    assert_eq!(world.send(other.body(Body::from(sent.clone())).unwrap()).await.status, 403);
    assert_eq!(world.post("/oauth/sign-in", sent.clone()).await.status, 303);
    let again = world.post("/oauth/sign-in", sent).await;
    let guess = world.post("/oauth/sign-in", form(&[("request", &asked), ("code", "AAAA-BBBB-CCCC")])).await;
    assert_eq!((again.status, &again.text), (403, &guess.text));
    let old = blocking(|| world.registry.new_person_code("anna", now() - 600)).unwrap();
    assert_eq!(world.post("/oauth/sign-in", form(&[("request", &asked), ("code", &old)])).await.status, 403);
    // What a stranger writes is shown as it is, and runs nowhere.
    let evil = world.asks(&[("client_id", "<script>alert(1)</script>")]);
    let request = Request::get(format!("/oauth/authorize?{evil}")).body(Body::empty()).unwrap();
    assert!(!world.send(request).await.text.contains("<script>"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_signs_out_is_nobody() {
    let world = World::new().await;
    let anna = world.browser("anna").await;
    let page = anna.open(&world.asks(&[])).await;
    let (asked, token) = (page.hidden("request"), page.hidden("form"));
    let out = Request::post("/oauth/sign-out").header("cookie", &anna.cookie);
    let out = world.send(out.body(Body::from(form(&[("request", &asked), ("form", &token)]))).unwrap()).await;
    assert!(out.status == 200 && out.headers["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    assert!(anna.open(&asked).await.text.contains("Sign in"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_sees_what_it_has_let_programs_do_and_takes_it_back_itself() {
    let world = World::new().await;
    let anna = world.browser("anna").await;
    let token = anna.token(&["http:GET"]).await;
    blocking(|| world.registry.add_person("bert", Some(&world.ceiling()), now())).unwrap();
    let bert = world.browser("bert").await;
    let look = |cookie: &str| {
        let request = Request::get("/oauth/consents").header("cookie", cookie);
        world.send(request.body(Body::empty()).unwrap())
    };
    let nobody = look("").await;
    assert!(nobody.text.contains("Sign in") && !nobody.text.contains("Notes"), "{}", nobody.text);
    let page = look(&anna.cookie).await;
    assert!(page.text.contains("Notes") && page.text.contains("http:GET"), "{}", page.text);
    assert!(
        !look(&bert.cookie).await.text.contains("Notes"),
        "what others have let programs do is not there"
    );
    let (form_of, id) = (page.hidden("form"), page.hidden("id"));
    let revoke = |cookie: &str, token: &str, site: &'static str| {
        let request = Request::post("/oauth/revoke").header("cookie", cookie).header("sec-fetch-site", site);
        world.send(request.body(Body::from(form(&[("form", token), ("id", &id)]))).unwrap())
    };
    // Another site, another person, a form of another page.
    assert_eq!(revoke(&anna.cookie, &form_of, "cross-site").await.status, 403);
    let other = anna.open(&world.asks(&[])).await.hidden("form");
    assert_eq!(revoke(&anna.cookie, &other, "same-origin").await.status, 403);
    let bert_token = bert.token(&["http:GET"]).await;
    let form_of_bert = look(&bert.cookie).await.hidden("form");
    assert_eq!(revoke(&bert.cookie, &form_of_bert, "same-origin").await.status, 404);
    assert_eq!(world.call("GET", &token).await.status, 200);
    let done = revoke(&anna.cookie, &form_of, "same-origin").await;
    assert_eq!((done.status, done.location()), (303, "consents"));
    assert_eq!(
        (world.call("GET", &token).await.status, world.call("GET", &bert_token).await.status),
        (401, 200)
    );
    assert!(look(&anna.cookie).await.text.contains("may do nothing any more"));
}
