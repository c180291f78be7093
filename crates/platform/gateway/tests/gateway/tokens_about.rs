//! What is asked about tokens: whether one holds, and that it holds no longer.

use crate::{
    resource::{get, routed, with_proof},
    tokens::{API, Agent, ISSUER, agent, challenge, form, is, post, profile, proof},
    world::{Answer, World, blocking, both, now, sqlite},
};
use legation_keys::{Algorithm, SecretKey};
use legation_registry::Profile;
use legation_store::holder::Kind;
use legation_token::{
    assertion,
    dpop::{self, Making},
    request::ASSERTION,
};
use serde_json::json;

/// A service at the API, which may ask about tokens for it.
fn service(world: &World, name: &'static str) -> Agent {
    let profile = Profile { actions: vec!["token:introspect".to_owned()], ..profile() };
    agent(world, name, &profile)
}

fn organization(world: World) -> World {
    blocking(|| {
        let actions =
            ["crm:read", "crm:write", "token:issue", "token:introspect"].map(str::to_owned).to_vec();
        let resources =
            [API, ISSUER].iter().flat_map(|one| [format!("{one}/"), format!("{one}/*")]).collect();
        world.registry.add_team("crm", &Profile { actions, resources, ..Profile::default() }, now()).unwrap();
    });
    world
}

fn about(by: Option<&Agent>, token: &str, id: &str) -> String {
    let mut members = vec![("token", token), ("token_type_hint", "access_token")];
    let assertion = by.map(|agent| agent.asserted(id));
    if let Some(assertion) = &assertion {
        members.extend([("client_assertion", assertion.as_str()), ("client_assertion_type", ASSERTION)]);
    }
    form(&members)
}

async fn introspect(world: &World, gateway: usize, by: &Agent, token: &str) -> Answer {
    let id = legation_keys::base64url::encode(&legation_keys::secret::random::<16>().unwrap());
    world.send(gateway, post("/token/introspect", about(Some(by), token, &id), None)).await
}

async fn token(world: &World, agent: &Agent, audience: &str) -> String {
    let answer = agent.ask(world, &[("audience", audience)]).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

fn inactive(answer: &Answer) {
    assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({"active": false})), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_that_a_token_is_for_is_told_how_its_chain_stands_now_and_nobody_else_is() {
    for world in both() {
        let mut world = organization(world);
        blocking(|| world.add_gateway());
        let (api, mail) = (service(&world, "api"), agent(&world, "mail", &profile()));
        let shown = token(&world, &mail, API).await;
        for gateway in [0, 1] {
            let told = introspect(&world, gateway, &api, &shown).await;
            let json = told.json();
            assert_eq!((told.status.as_u16(), json["active"].as_bool()), (200, Some(true)), "{json}");
            assert_eq!(
                (json["client_id"].as_str(), json["aud"].as_str()),
                (Some(mail.did.as_str()), Some(API))
            );
            assert_eq!((json["iss"].as_str(), json["token_type"].as_str()), (Some(ISSUER), Some("Bearer")));
            assert_eq!(json["scope"], "crm:read crm:write");
            assert!(json["authorization_details"][0]["grants"].is_array() && json["exp"].is_i64(), "{json}");
        }
        // That it was asked is recorded, and not the token.
        let text = world.bodies().last().unwrap().to_string();
        assert!(text.contains("token:introspect") && !text.contains(&shown), "{text}");
        // Whoever may not ask about this service: an agent that gets tokens there, a service of elsewhere.
        inactive(&introspect(&world, 0, &mail, &shown).await);
        let elsewhere = Profile {
            actions: vec!["token:introspect".to_owned()],
            resources: vec!["https://acme.example/*".to_owned()],
            ..Profile::default()
        };
        let other = agent(&world, "other", &elsewhere);
        inactive(&introspect(&world, 0, &other, &shown).await);
        // What is no token, or none that holds.
        for text in [
            "x",
            "a.b.c",
            &format!("{}.{}", shown.rsplit_once('.').unwrap().0, "A".repeat(86)),
            &api.asserted("a-1"),
        ] {
            inactive(&introspect(&world, 0, &api, text).await);
        }
        world.suspend("mail");
        for gateway in [0, 1] {
            inactive(&introspect(&world, gateway, &api, &shown).await);
        }
        blocking(|| world.registry.resume(Kind::Agent, "mail", now())).unwrap();
        assert_eq!(introspect(&world, 1, &api, &shown).await.json()["active"], true);
        let all = blocking(|| world.registry.delegations(Some((Kind::Agent, "mail")))).unwrap();
        let (_, link) = all.into_iter().find(|(_, link)| link.state == "current").unwrap();
        blocking(|| world.registry.revoke(&link.id, "", now())).unwrap();
        for gateway in [0, 1] {
            inactive(&introspect(&world, gateway, &api, &shown).await);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_prove_itself_is_told_nothing_of_any_token() {
    let world = organization(sqlite());
    let (api, mail) = (service(&world, "api"), agent(&world, "mail", &profile()));
    let shown = token(&world, &mail, API).await;
    let send = async |body: String| world.send(0, post("/token/introspect", body, None)).await;
    let (one, none) = (send(about(None, &shown, "")).await, send(about(None, "x", "")).await);
    is(&one, 401, "invalid_client", "client_assertion");
    assert_eq!(one.text(), none.text());
    let forged =
        Agent { name: "api", did: api.did.clone(), key: SecretKey::generate(Algorithm::EdDsa).unwrap() };
    is(&send(about(Some(&forged), &shown, "a-1")).await, 401, "invalid_client", "client_unknown");
    // An assertion is for this server, and shows once that a token holds.
    let moved = assertion::make((&api.did, "k"), "https://evil.example", "a-2", now(), &api.key).unwrap();
    let members =
        [("token", shown.as_str()), ("client_assertion", &moved), ("client_assertion_type", ASSERTION)];
    is(&send(form(&members)).await, 401, "invalid_client", "audience_mismatch");
    let once = about(Some(&api), &shown, "a-3");
    assert_eq!(send(once.clone()).await.json()["active"], true);
    is(&send(once).await, 401, "invalid_client", "nonce_replayed");
    is(&send(form(&[("client_secret", "x"), ("token", "x")])).await, 401, "invalid_client", "secret_shown");
    is(&send("x=1".to_owned()).await, 400, "invalid_request", "parameter_missing");
    is(&send(form(&[("token", "a"), ("token", "b")])).await, 400, "invalid_request", "parameter_twice");
    let mut basic = post("/token/introspect", about(Some(&api), &shown, "a-4"), None);
    basic.headers_mut().insert("authorization", "Basic YTpi".parse().unwrap());
    is(&world.send(0, basic).await, 401, "invalid_client", "secret_shown");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_was_revoked_is_none_from_the_next_call_on() {
    for world in both() {
        let mut world = organization(world);
        blocking(|| world.add_gateway());
        let (api, mail) = (service(&world, "api"), agent(&world, "mail", &profile()));
        let revoke = async |world: &World, body: String, proof: Option<&str>| {
            world.send(0, post("/token/revoke", body, proof)).await
        };
        let shown = token(&world, &mail, API).await;
        // Another agent does not revoke it; who asked for it does, as often as it likes.
        is(
            &revoke(&world, about(Some(&api), &shown, "r-1"), None).await,
            401,
            "invalid_client",
            "token_of_another",
        );
        assert_eq!(introspect(&world, 1, &api, &shown).await.json()["active"], true);
        for id in ["r-2", "r-3"] {
            assert_eq!(revoke(&world, about(Some(&mail), &shown, id), None).await.status, 200);
            for gateway in [0, 1] {
                inactive(&introspect(&world, gateway, &api, &shown).await);
            }
        }
        // One that is bound to no key is whoever's who has it; what is none is as good as revoked.
        let second = token(&world, &mail, API).await;
        assert_eq!(introspect(&world, 0, &api, &second).await.json()["active"], true);
        for text in [second.as_str(), &second, "x", "a.b.c"] {
            assert_eq!(revoke(&world, about(None, text, ""), None).await.status, 200);
        }
        inactive(&introspect(&world, 1, &api, &second).await);
        let events = blocking(|| world.registry.events(0, 1000)).unwrap();
        let told = events.iter().filter(|event| event.kind == "token.revoked");
        assert_eq!(told.clone().count(), 2);
        assert!(
            told.clone().all(|event| event.subject == mail.did.as_str() && !event.data.contains(&second))
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bound_token_is_revoked_by_its_key_and_passes_nowhere_afterwards() {
    let mut world = sqlite();
    blocking(|| world.add_gateway());
    let routed = routed(world);
    let mail = routed.agent("mail", &routed.profile());
    let (key, strict) = (SecretKey::generate(Algorithm::Es256).unwrap(), "https://acme.example/strict/");
    let bound = routed.bound(&mail, strict, &key).await;
    let pass = async |gateway: usize, id: &str| {
        let url = "https://acme.example/strict/x";
        let making = Making { method: "GET", url, id, nonce: None, token: Some(&bound), now: now() };
        let proof = dpop::make(&making, &key).unwrap();
        routed.world.send(gateway, with_proof("/strict/x", &bound, &proof)).await.told()
    };
    assert_eq!((pass(0, "p-1").await.0, pass(1, "p-2").await.0), (200, 200));
    // Whoever only has it, as each service that it was shown to.
    let revoke = async |proof: Option<&str>| {
        routed.world.send(0, post("/token/revoke", about(None, &bound, ""), proof)).await
    };
    is(&revoke(None).await, 401, "invalid_client", "token_of_another");
    let (_, given) = challenge(&routed.world, 0).await;
    let url = "https://acme.example/token/revoke";
    let other = SecretKey::generate(Algorithm::Es256).unwrap();
    let of_other = proof(&other, Some(&given), "p-3", url);
    is(&revoke(Some(&of_other)).await, 401, "invalid_client", "token_of_another");
    let without_nonce = revoke(Some(&proof(&key, None, "p-4", url))).await;
    is(&without_nonce, 400, "use_dpop_nonce", "dpop_nonce");
    let given = without_nonce.headers["dpop-nonce"].to_str().unwrap().to_owned();
    assert_eq!(pass(0, "p-5").await.0, 200);
    assert_eq!(revoke(Some(&proof(&key, Some(&given), "p-6", url))).await.status, 200);
    for gateway in [0, 1] {
        assert_eq!(pass(gateway, &format!("p-7{gateway}")).await, (401, "token_revoked".to_owned()));
    }
    let free = routed.token(&mail, "https://acme.example/crm/", &[]).await;
    assert_eq!(routed.world.send(1, get("/crm/x", &free)).await.status, 200);
    assert_eq!(routed.world.send(0, post("/token/revoke", about(None, &free, ""), None)).await.status, 200);
    assert_eq!(routed.world.send(1, get("/crm/x", &free)).await.told(), (401, "token_revoked".to_owned()));
}
