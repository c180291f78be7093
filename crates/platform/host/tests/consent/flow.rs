//! The way that is meant, and how it ends.

use crate::world::{BACK, World, blocking, now};
use axum::{body::Body, http::Request};
use legation_credential::Delegation;
use legation_registry::Profile;
use legation_store::holder::Kind;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_lets_a_program_act_and_its_token_opens_what_was_allowed() {
    let world = World::new().await;
    // Whoever is not signed in is asked for a code, and nothing of the program is said but its own word.
    let asked = world.asks(&[]);
    let request = Request::get(format!("/oauth/authorize?{asked}")).body(Body::empty()).unwrap();
    let page = world.send(request).await;
    assert!(
        page.status == 200 && page.text.contains("Sign in") && !page.text.contains("Notes"),
        "{}",
        page.text
    );
    let anna = world.browser("anna").await;
    let page = anna.open(&asked).await;
    for said in ["Notes", "anna", "http:GET", "http:POST", &world.crm(), "https://app.example", "Allow"] {
        assert!(page.text.contains(said), "{said}: {}", page.text);
    }
    let answer = anna.allows(&asked, &["http:GET", "http:POST"]).await;
    assert!(answer.location().starts_with(&format!("{BACK}?code=")), "{}", answer.location());
    assert_eq!(
        (answer.sent("state").as_deref(), answer.sent("iss")),
        (Some("a state"), Some(world.origin.clone()))
    );
    let bought = world.buy(&answer.sent("code").unwrap(), &[]).await;
    assert_eq!(bought.status, 200, "{}", bought.text);
    assert_eq!(
        (&bought.json()["token_type"], &bought.json()["scope"]),
        (&"Bearer".into(), &"http:GET http:POST".into())
    );
    let token = bought.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!((world.call("GET", &token).await.status, world.call("POST", &token).await.status), (200, 200));
    assert_eq!(world.upstream.count(), 2);
    // The chain goes from the organization over the person to the agent of the consent.
    let all = blocking(|| world.registry.consents(None, ("", 10))).unwrap();
    assert_eq!(
        (all.len(), all[0].consent.person.as_str(), all[0].consent.client_name.as_str()),
        (1, "anna", "Notes")
    );
    let chain = blocking(|| world.registry.chain(Kind::Agent, &all[0].consent.id)).unwrap();
    let links: Vec<Delegation> =
        chain.iter().map(|link| Delegation::read_unverified(link).unwrap()).collect();
    let did = world.registry.did();
    assert_eq!(links.len(), 2);
    assert_eq!(links[0].issuer, *did);
    assert_eq!(links[1].issuer.as_str(), format!("{did}:teams:person-anna"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_person_takes_away_stays_away_whatever_the_program_asks_for() {
    let world = World::new().await;
    let anna = world.browser("anna").await;
    let code = anna.code(&world.asks(&[]), &["http:GET"]).await;
    // It asks for all at the token endpoint.
    let refused = world.buy(&code, &[("scope", "http:POST")]).await;
    assert_eq!(
        (refused.status, &refused.json()["error"]),
        (400, &"invalid_scope".into()),
        "{}",
        refused.text
    );
    let token = anna.token(&["http:GET"]).await;
    assert_eq!((world.call("GET", &token).await.status, world.call("POST", &token).await.status), (200, 403));
    // Whoever lowers it later ends what was bought before.
    let wide = anna.token(&["http:GET", "http:POST"]).await;
    assert_eq!(world.call("POST", &wide).await.status, 200);
    let narrow = anna.token(&["http:GET"]).await;
    assert_eq!(world.call("POST", &wide).await.status, 401);
    assert_eq!(
        (world.call("GET", &narrow).await.status, world.call("POST", &narrow).await.status),
        (200, 403)
    );
    // It is one consent all the time.
    assert_eq!(blocking(|| world.registry.consents(Some("anna"), ("", 10))).unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_hands_on_more_than_the_organization_gave() {
    let world = World::new().await;
    let anna = world.browser("anna").await;
    let asked = world.asks(&[("scope", "http:GET http:DELETE")]);
    let page = anna.open(&asked).await;
    assert!(page.text.contains("http:DELETE") && page.text.contains("will not get it"), "{}", page.text);
    // A form that says so all the same.
    let refused = anna.allows(&asked, &["http:DELETE"]).await;
    assert_eq!((refused.status, refused.location()), (400, ""), "{}", refused.text);
    // The registry itself: the order of delegations says no, whoever asks it.
    let grants = vec![serde_json::json!({"actions": ["http:DELETE"], "resources": [world.at]})];
    let given = legation_registry::consents::Given {
        person: "anna",
        client: (&world.client, "Notes"),
        audience: &world.crm(),
        grants,
        constraints: Vec::new(),
        budget: None,
        lasts: 3600,
    };
    let wider = blocking(|| world.registry.consent(&given, now())).unwrap_err();
    assert!(matches!(wider, legation_registry::RegistryError::Wider { .. }), "{wider}");
    assert!(blocking(|| world.registry.consents(None, ("", 10))).unwrap().is_empty());
    // By default a person has nothing to hand on.
    blocking(|| world.registry.add_person("bert", None, now())).unwrap();
    let bert = world.browser("bert").await;
    let page = bert.open(&world.asks(&[])).await;
    assert!(
        page.text.contains("can't give it anything") && !page.text.contains("value=\"allow\""),
        "{}",
        page.text
    );
    assert_eq!(bert.allows(&world.asks(&[]), &["http:GET"]).await.status, 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consent_that_is_taken_back_is_denied_on_the_next_call() {
    let world = World::new().await;
    let anna = world.browser("anna").await;
    let token = anna.token(&["http:GET"]).await;
    let code = anna.code(&world.asks(&[]), &["http:GET"]).await;
    // To consent anew says what holds from then on.
    assert_eq!(world.call("GET", &token).await.status, 401);
    let token = anna.token(&["http:GET"]).await;
    assert_eq!(world.call("GET", &token).await.status, 200);
    let id = blocking(|| world.registry.consents(None, ("", 10))).unwrap()[0].consent.id.clone();
    assert!(blocking(|| world.registry.revoke_consent(&id, now())).unwrap());
    let before = world.upstream.count();
    assert_eq!(world.call("GET", &token).await.status, 401);
    assert_eq!(world.upstream.count(), before);
    // A code that was not spent buys nothing any more, and it stays so.
    let refused = world.buy(&code, &[]).await;
    assert_eq!(
        (refused.status, &refused.json()["error"]),
        (400, &"invalid_grant".into()),
        "{}",
        refused.text
    );
    assert!(!blocking(|| world.registry.revoke_consent(&id, now())).unwrap());
    // Who is asked once more gives another one.
    let again = anna.token(&["http:GET"]).await;
    assert_eq!((world.call("GET", &again).await.status, world.call("GET", &token).await.status), (200, 401));
    assert_eq!(blocking(|| world.registry.consents(None, ("", 10))).unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_removed_or_suspended_has_let_nobody_act_any_more() {
    let world = World::new().await;
    let anna = world.browser("anna").await;
    let token = anna.token(&["http:GET"]).await;
    let id = blocking(|| world.registry.consents(None, ("", 10))).unwrap()[0].consent.id.clone();
    blocking(|| world.registry.suspend(Kind::Agent, &id, now())).unwrap();
    assert_eq!(world.call("GET", &token).await.status, 401);
    // To be asked anew is no way out.
    let refused = anna.allows(&world.asks(&[]), &["http:GET"]).await;
    assert_eq!((refused.status, refused.location()), (403, ""), "{}", refused.text);
    blocking(|| world.registry.resume(Kind::Agent, &id, now())).unwrap();
    let token = anna.token(&["http:GET"]).await;
    assert_eq!(world.call("GET", &token).await.status, 200);
    // Of a person who is suspended nothing holds, and it has nothing to hand on.
    blocking(|| world.registry.suspend(Kind::Team, "person-anna", now())).unwrap();
    assert_eq!(world.call("GET", &token).await.status, 401);
    assert!(anna.open(&world.asks(&[])).await.text.contains("can't give it anything"));
    blocking(|| world.registry.resume(Kind::Team, "person-anna", now())).unwrap();
    blocking(|| world.registry.remove_person("anna", now())).unwrap();
    assert_eq!(world.call("GET", &token).await.status, 401);
    // Nor is anybody signed in as it.
    assert!(anna.open(&world.asks(&[])).await.text.contains("Sign in"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ceiling_is_not_lowered_below_what_stands_and_a_consent_ends_at_its_time() {
    let world = World::new().await;
    let anna = world.browser("anna").await;
    let page = anna.open(&world.asks(&[])).await;
    let (asked, token) = (page.hidden("request"), page.hidden("form"));
    let members = [
        ("request", asked.as_str()),
        ("form", &token),
        ("act", "allow"),
        ("action", "http:POST"),
        ("lasts", "1h"),
    ];
    let answer = anna.post(&members, &[]).await;
    assert!(answer.sent("code").is_some(), "{}", answer.text);
    let less = Profile { actions: vec!["http:GET".to_owned()], ..world.ceiling() };
    assert!(blocking(|| world.registry.set_ceiling("anna", &less, now())).is_err());
    let later = now() + 3600;
    blocking(|| world.registry.renew_due(later)).unwrap();
    let all = blocking(|| world.registry.consents(None, ("", 10))).unwrap();
    assert_eq!(all[0].agent.holder.state.name(), "retired");
    blocking(|| world.registry.set_ceiling("anna", &less, now())).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_gets_its_next_token_once_by_each_that_it_got_and_as_the_consent_is_then() {
    let world = World::new().await;
    let anna = world.browser("anna").await;
    let code = anna.code(&world.asks(&[]), &["http:GET", "http:POST"]).await;
    let first = world.buy(&code, &[]).await.json();
    let text = |json: &serde_json::Value, name: &str| json[name].as_str().unwrap_or_default().to_owned();
    let next = |by: String, client: String| {
        let sent =
            [("grant_type", "refresh_token"), ("refresh_token", by.as_str()), ("client_id", client.as_str())];
        let sent = crate::world::form(&sent);
        let world = &world;
        async move { world.post("/token", sent).await }
    };
    let by = text(&first, "refresh_token");
    // It is another program's to nobody, is no code, and buys for no other service.
    let other = blocking(|| world.registry.add_client("Other", &[BACK.to_owned()], now())).unwrap().id;
    assert_eq!(next(by.clone(), other).await.told(), (400, "client_mismatch".to_owned()));
    assert_eq!(world.buy(&by, &[]).await.told(), (400, "code_unknown".to_owned()));
    let second = next(by.clone(), world.client.clone()).await;
    assert_eq!(second.status, 200, "{}", second.text);
    let (token, by_second) = (text(&second.json(), "access_token"), text(&second.json(), "refresh_token"));
    assert_eq!((world.call("POST", &token).await.status, by_second == by), (200, false));
    // The person lowers it: what comes next is what is left.
    anna.code(&world.asks(&[]), &["http:GET"]).await;
    let third = next(by_second.clone(), world.client.clone()).await;
    let (token, by_third) = (text(&third.json(), "access_token"), text(&third.json(), "refresh_token"));
    assert_eq!((world.call("GET", &token).await.status, world.call("POST", &token).await.status), (200, 403));
    // One that comes twice was stolen: it and what came of it end.
    let twice = next(by_second, world.client.clone()).await;
    assert_eq!(
        (twice.told(), &twice.json()["error"]),
        ((400, "code_used".to_owned()), &"invalid_grant".into())
    );
    assert_eq!(world.call("GET", &token).await.status, 401);
    assert_eq!(next(by_third, world.client.clone()).await.told(), (400, "code_unknown".to_owned()));
    // Taken back: there is no next one.
    let code = anna.code(&world.asks(&[]), &["http:GET"]).await;
    let last = text(&world.buy(&code, &[]).await.json(), "refresh_token");
    let id = blocking(|| world.registry.consents(None, ("", 10))).unwrap()[0].consent.id.clone();
    blocking(|| world.registry.revoke_consent(&id, now())).unwrap();
    let refused = next(last, world.client.clone()).await;
    assert_eq!(
        (refused.status, &refused.json()["error"]),
        (400, &"invalid_grant".into()),
        "{}",
        refused.text
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_asks_for_one_thing_more_keeps_what_it_has_unless_it_is_taken_away() {
    let world = World::new().await;
    let anna = world.browser("anna").await;
    anna.token(&["http:GET"]).await;
    let asked = world.asks(&[("scope", "http:POST")]);
    let page = anna.open(&asked).await;
    assert!(
        page.text.contains("value=\"http:GET\" checked") && page.text.contains("value=\"http:POST\" checked"),
        "{}",
        page.text
    );
    let code = anna.code(&asked, &["http:GET", "http:POST"]).await;
    let token = world.buy(&code, &[]).await.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!((world.call("GET", &token).await.status, world.call("POST", &token).await.status), (200, 200));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_program_binds_itself_by_is_shown_as_a_sentence_and_binds_it() {
    let world = World::new().await;
    let anna = world.browser("anna").await;
    let details = r#"[{"type":"legation_delegation","actions":["http:GET"],"constraints":[{"type":"rate","seconds":3600,"max":2}]}]"#;
    let asked = world.asks(&[("scope", ""), ("authorization_details", details)]);
    let page = anna.open(&asked).await;
    assert!(page.text.contains("It binds itself, too"), "{}", page.text);
    assert!(page.text.contains("http:GET") && !page.text.contains("http:POST"), "{}", page.text);
    let code = anna.code(&asked, &["http:GET"]).await;
    let answer = world.buy(&code, &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    // Buying the token was a call, too.
    assert_eq!((world.call("GET", &token).await.status, world.call("GET", &token).await.status), (200, 429));
}
