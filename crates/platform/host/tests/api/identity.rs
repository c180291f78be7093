//! Admins whom an OpenID provider knows.

use crate::world::{Admin, Answer, World, blocking, both, now, sqlite, told};
use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use axum::{Json, Router, body::Body, http::Request, routing::get};
use legation_host::api::Settings;
use legation_keys::{Algorithm, SecretKey, Signer as _, base64url};
use legation_registry::{identity, proof::prove};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

/// What an OpenID provider has: an RSA key and an EC key.
struct Idp {
    rsa: KeyPair,
    ec: SecretKey,
    issuer: String,
}

impl Idp {
    fn new(issuer: &str) -> Self {
        let (rsa, ec) =
            (KeyPair::generate(KeySize::Rsa2048).unwrap(), SecretKey::generate(Algorithm::Es256).unwrap());
        Self { rsa, ec, issuer: issuer.to_owned() }
    }

    fn jwks(&self) -> Value {
        // `RSAPublicKey` in DER: the modulus behind its head, then 65537.
        let der = self.rsa.public_key().as_ref();
        let mut ec: Value = serde_json::from_str(&self.ec.public_key().to_jwk().to_string()).unwrap();
        ec["kid"] = json!("ec-1");
        let rsa = json!({
            "kty": "RSA", "kid": "rsa-1", "alg": "RS256", "use": "sig",
            "n": base64url::encode(&der[9..265]), "e": "AQAB",
        });
        json!({"keys": [rsa, ec]})
    }

    /// A token, signed by RS256 whatever its header says.
    fn token(&self, header: &Value, claims: &Value) -> String {
        let [header, claims] = [header, claims].map(|json| base64url::encode(json.to_string().as_bytes()));
        let input = format!("{header}.{claims}");
        let mut signature = vec![0; self.rsa.public_modulus_len()];
        self.rsa.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), input.as_bytes(), &mut signature).unwrap();
        format!("{input}.{}", base64url::encode(&signature))
    }

    fn claims(&self, world: &World, who: &Admin, groups: &[&str]) -> Value {
        let nonce = identity::nonce(world.registry.did(), &who.did.parse().unwrap());
        json!({
            "iss": self.issuer, "sub": "u-17", "aud": "legation", "iat": now(), "exp": now() + 300,
            "nonce": nonce, "groups": groups,
        })
    }

    fn usual(&self, world: &World, who: &Admin, groups: &[&str]) -> String {
        self.token(&json!({"alg": "RS256", "kid": "rsa-1"}), &self.claims(world, who, groups))
    }

    fn provider(&self) -> Value {
        json!({
            "name": "corp", "issuer": self.issuer, "audience": "legation", "jwks": self.jwks(), "session": 3600,
            "roles": [
                {"group": "owners", "role": "owner"}, {"group": "ops", "role": "operator"},
                {"group": "sales-ops", "role": "operator", "team": "sales"}, {"group": "all", "role": "auditor"},
                {"group": "first-ops", "role": "operator", "team": legation_registry::FIRST_TEAM},
            ],
        })
    }
}

async fn log_in(world: &World, who: &Admin, token: &str) -> Answer {
    let proof = prove(who.key.as_ref(), world.registry.did(), &who.did, now()).unwrap();
    let body = json!({"idToken": token, "did": who.did, "proof": proof});
    world.send(Request::post("/v1/sessions").body(Body::from(body.to_string())).unwrap()).await
}

async fn session(world: &World, idp: &Idp, groups: &[&str]) -> Admin {
    let who = Admin::new();
    let answer = log_in(world, &who, &idp.usual(world, &who, groups)).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    Admin { chain: vec![answer.json()["secured"].as_str().unwrap().to_owned()], ..who }
}

/// Asked as often as tests do.
fn world_of(world: World) -> World {
    let mut settings = Settings { allow_private: true, ..Settings::default() };
    settings.rates.open.burst = 1000;
    world.with(settings)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_gives_its_role_for_a_while_and_is_not_renewed() {
    for world in both() {
        let (world, idp) = (world_of(world), Idp::new("https://idp.acme.example"));
        world.done("PUT", "/v1/identity-providers/corp", idp.provider()).await;
        let listed = world.done("GET", "/v1/identity-providers", Value::Null).await;
        assert_eq!(listed["identity-providers"][0]["groupsClaim"], "groups");
        let operator = session(&world, &idp, &["all", "ops", "unknown"]).await;
        let add = json!({"name": "bot", "models": ["standard"]});
        assert_eq!(world.ask(&operator, "POST", "/v1/agents", &add).await.status, 201, "{}", world.engine);
        let refused = world.ask(&operator, "DELETE", "/v1/identity-providers/corp", &Value::Null).await;
        assert_eq!(refused.problem(), told(403, "not_granted"));
        let shown = world.done("GET", &format!("/v1/admins/{}", operator.did), Value::Null).await;
        let until = legation_keys::time::parse(
            shown["validUntil"].as_str().unwrap(),
            legation_keys::time::Round::Down,
        );
        assert!((now() + 3500..=now() + 3600).contains(&until.unwrap()), "{shown}");
        // Once more replaces it; what was given before ends.
        let again = log_in(&world, &operator, &idp.usual(&world, &operator, &["all"])).await.json();
        let auditor =
            Admin { chain: vec![again["secured"].as_str().unwrap().to_owned()], ..operator.clone() };
        assert_eq!(world.ask(&operator, "GET", "/v1/agents", &Value::Null).await.problem().1, "link_revoked");
        assert_eq!(world.ask(&auditor, "GET", "/v1/agents", &Value::Null).await.status, 200);
        let name = json!({"name": "another", "models": ["standard"]});
        assert_eq!(world.ask(&auditor, "POST", "/v1/agents", &name).await.problem().1, "not_granted");
        // When its time has come, it is no admin any more, and that is told.
        blocking(|| world.registry.renew_due(now() + 1800).unwrap());
        let admin = blocking(|| world.registry.admin(&auditor.did).unwrap());
        assert_eq!(admin.shown.holder.state.name(), "active");
        let until = admin.shown.valid_until.unwrap();
        assert!(until <= now() + 3600);
        blocking(|| world.registry.renew_due(until - 1).unwrap());
        let admin = blocking(|| world.registry.admin(&auditor.did).unwrap());
        assert_eq!((admin.shown.holder.state.name(), admin.link), ("retired", None));
        let kinds = blocking(|| world.registry.events(0, 1000).unwrap());
        let own = kinds.iter().filter(|event| event.subject == auditor.did).map(|event| event.kind.as_str());
        assert_eq!(
            own.collect::<Vec<_>>(),
            ["admin.session", "admin.added", "admin.session", "admin.ended"],
            "{}",
            world.engine
        );
        // An admin by itself is not made one of a session.
        let refused = log_in(&world, &world.admin, &idp.usual(&world, &world.admin, &["all"])).await;
        assert_eq!(refused.problem(), told(409, "already_exists"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_not_for_this_key_here_and_now_makes_nobody_an_admin() {
    let (world, idp) = (world_of(sqlite()), Idp::new("https://idp.acme.example"));
    world.done("PUT", "/v1/identity-providers/corp", idp.provider()).await;
    let who = Admin::new();
    let usual = || idp.claims(&world, &who, &["owners"]);
    let with = |name: &str, value: Value| {
        let mut claims = usual();
        claims[name] = value;
        idp.token(&json!({"alg": "RS256", "kid": "rsa-1"}), &claims)
    };
    let header = |header: Value| idp.token(&header, &usual());
    let other_key = Idp::new("https://idp.acme.example").usual(&world, &who, &["owners"]);
    // The public key as the secret of an HMAC.
    let hmac = {
        let input = [json!({"alg": "HS256", "kid": "rsa-1"}), usual()];
        let input = input.map(|json| base64url::encode(json.to_string().as_bytes())).join(".");
        let public = idp.rsa.public_key();
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, public.as_ref());
        let tag = aws_lc_rs::hmac::sign(&key, input.as_bytes());
        format!("{input}.{}", base64url::encode(tag.as_ref()))
    };
    let stripped = {
        let token = header(json!({"alg": "none"}));
        format!("{}.", token.rsplit_once('.').unwrap().0)
    };
    let twice = {
        let claims = usual().to_string().replacen('{', r#"{"groups":["all"],"#, 1);
        let input = [json!({"alg": "RS256", "kid": "rsa-1"}).to_string(), claims];
        let input = input.map(|text| base64url::encode(text.as_bytes())).join(".");
        let mut signature = vec![0; idp.rsa.public_modulus_len()];
        idp.rsa.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), input.as_bytes(), &mut signature).unwrap();
        format!("{input}.{}", base64url::encode(&signature))
    };
    let elsewhere = identity::nonce(&"did:web:other.example".parse().unwrap(), &who.did.parse().unwrap());
    for (what, token, code) in [
        ("none", stripped, "id_token_malformed"),
        ("the public key as a secret", hmac, "id_token_malformed"),
        ("a key of another kind", header(json!({"alg": "RS256", "kid": "ec-1"})), "id_token_key"),
        ("an alg that the key is not for", header(json!({"alg": "PS256", "kid": "rsa-1"})), "id_token_key"),
        ("an unknown key", header(json!({"alg": "RS256", "kid": "rsa-2"})), "id_token_key"),
        ("no key", header(json!({"alg": "RS256"})), "id_token_malformed"),
        (
            "its own key",
            header(json!({"alg": "RS256", "kid": "rsa-1", "jwk": idp.jwks()["keys"][0]})),
            "id_token_malformed",
        ),
        (
            "a critical member",
            header(json!({"alg": "RS256", "kid": "rsa-1", "crit": ["exp"]})),
            "id_token_malformed",
        ),
        (
            "an access token",
            header(json!({"alg": "RS256", "kid": "rsa-1", "typ": "at+jwt"})),
            "id_token_malformed",
        ),
        ("another one's signature", other_key, "id_token_signature"),
        ("another issuer", with("iss", json!("https://idp.other.example")), "id_token_issuer"),
        ("the issuer with a slash", with("iss", json!("https://idp.acme.example/")), "id_token_issuer"),
        ("another audience", with("aud", json!("crm")), "id_token_audience"),
        ("two audiences and nobody's azp", with("aud", json!(["legation", "crm"])), "id_token_audience"),
        ("another azp", with("azp", json!("crm")), "id_token_audience"),
        ("one that has ended", with("exp", json!(now())), "id_token_expired"),
        ("no end", with("exp", Value::Null), "id_token_expired"),
        ("an old one", with("iat", json!(now() - 601)), "id_token_expired"),
        ("one of the future", with("iat", json!(now() + 120)), "id_token_expired"),
        ("one that has not begun", with("nbf", json!(now() + 120)), "id_token_expired"),
        ("no nonce", with("nonce", Value::Null), "id_token_nonce"),
        ("another key's nonce", idp.usual(&world, &Admin::new(), &["owners"]).clone(), "id_token_nonce"),
        ("another organization's nonce", with("nonce", json!(elsewhere)), "id_token_nonce"),
        ("no group", with("groups", json!(["nobody"])), "id_token_group"),
        ("a group that is no text", with("groups", json!({"owners": true})), "id_token_group"),
        ("a claim twice", twice, "id_token_malformed"),
        ("no token", "x.y".to_owned(), "id_token_malformed"),
    ] {
        let answer = log_in(&world, &who, &token).await;
        assert_eq!(answer.problem(), told(403, code), "{what}: {}", answer.text());
    }
    // A good token in the hands of somebody who has not the key.
    let (token, thief) = (idp.usual(&world, &who, &["owners"]), Admin::new());
    let proof = prove(thief.key.as_ref(), world.registry.did(), &who.did, now()).unwrap();
    let body = json!({"idToken": token, "did": who.did, "proof": proof});
    let stolen = world.send(Request::post("/v1/sessions").body(Body::from(body.to_string())).unwrap()).await;
    assert_eq!(stolen.problem(), told(400, "value_invalid"));
    assert_eq!(log_in(&world, &thief, &token).await.problem(), told(403, "id_token_nonce"));
    assert_eq!(log_in(&world, &who, &token).await.status, 201);
    // A provider that says something that can't be meant.
    for (name, value) in [
        ("issuer", json!("http://idp.acme.example")),
        ("roles", json!([])),
        ("roles", json!([{"group": "a", "role": "owner", "team": "sales"}])),
        ("roles", json!([{"group": "a", "role": "king"}])),
        ("session", json!(100_000)),
        ("jwks", json!({"keys": 1})),
        ("audience", json!("")),
        ("secret", json!("hunter2")),
    ] {
        let mut provider = idp.provider();
        provider[name] = value;
        let answer = world.ask(&world.admin, "PUT", "/v1/identity-providers/corp", &provider).await;
        assert_eq!(answer.problem().0, 400, "{name}: {}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admin_of_a_team_changes_that_teams_agents_and_nothing_else() {
    for world in both() {
        let (world, idp) = (world_of(world), Idp::new("https://idp.acme.example"));
        world.done("PUT", "/v1/identity-providers/corp", idp.provider()).await;
        for team in ["sales", "legal"] {
            world.done("POST", "/v1/teams", json!({"name": team, "budgets": ["100USD/month"]})).await;
        }
        let other = json!({"name": "clerk", "team": "legal", "models": ["standard"]});
        world.done("POST", "/v1/agents", other).await;
        let key = world.done("POST", "/v1/api-keys", json!({"agent": "clerk"})).await;
        let own = session(&world, &idp, &["sales-ops", "all"]).await;
        let add = json!({"name": "bot", "team": "sales", "models": ["standard"]});
        let created = world.ask(&own, "POST", "/v1/agents", &add).await;
        assert_eq!(created.status, 201, "{}", created.text());
        let made = world.ask(&own, "POST", "/v1/api-keys", &json!({"agent": "bot"})).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let id = made.json()["id"].as_str().unwrap().to_owned();
        for (method, path) in [
            ("GET", "/v1/agents?team=sales".to_owned()),
            ("GET", "/v1/agents/bot".to_owned()),
            ("GET", "/v1/teams/sales".to_owned()),
            ("POST", format!("/v1/api-keys/{id}/block")),
            ("POST", "/v1/agents/bot/suspend".to_owned()),
        ] {
            let answer = world.ask(&own, method, &path, &Value::Null).await;
            assert_eq!(answer.status, 200, "{}: {method} {path}: {}", world.engine, answer.text());
        }
        let foreign = json!({"name": "mole", "team": "legal", "models": ["standard"]});
        let seen = world
            .ask(
                &own,
                "POST",
                "/v1/agent-previews",
                &json!({"name": "mole", "team": "sales", "models": ["standard"]}),
            )
            .await;
        assert_eq!(seen.status, 200, "{}: {}", world.engine, seen.text());
        let (wider, nowhere) =
            (json!({"budgets": ["9000USD/month"]}), json!({"name": "mole", "models": ["standard"]}));
        let long = json!({"name": "mole", "team": "legal", "purpose": "x".repeat(70_000)});
        let shadow = json!({"agent": "bot", "until": legation_keys::time::format(now() + 3600)});
        let key = key["id"].as_str().unwrap();
        for (method, path, body) in [
            ("POST", "/v1/agents", &foreign),
            // The first team's.
            ("POST", "/v1/agents", &nowhere),
            ("POST", "/v1/agent-previews", &foreign),
            ("POST", "/v1/agent-previews", &nowhere),
            ("GET", "/v1/agents?team=legal", &Value::Null),
            ("GET", "/v1/agents", &Value::Null),
            ("GET", "/v1/agents/clerk", &Value::Null),
            ("GET", "/v1/agents/nobody", &Value::Null),
            ("POST", "/v1/agents/clerk/suspend", &Value::Null),
            ("POST", "/v1/api-keys", &json!({"agent": "clerk"})),
            ("POST", &format!("/v1/api-keys/{key}/block"), &Value::Null),
            ("PUT", "/v1/teams/sales", &wider),
            ("POST", "/v1/teams/sales/suspend", &Value::Null),
            ("GET", "/v1/events", &Value::Null),
            // In shadow the organization's policies are passed by.
            ("POST", "/v1/shadows", &shadow),
            ("POST", "/v1/shadows/bot/end", &Value::Null),
            ("GET", "/v1/migration", &Value::Null),
            ("POST", "/v1/agent-imports", &json!({"agents": [foreign]})),
            ("POST", "/v1/admins", &json!({"did": Admin::new().did, "role": "auditor"})),
        ] {
            let answer = world.ask(&own, method, path, body).await;
            assert_eq!(answer.status, 403, "{}: {method} {path}: {}", world.engine, answer.text());
        }
        // Of what is too long to be looked into nobody knows the team: it is not the first one.
        let first = session(&world, &idp, &["first-ops", "all"]).await;
        for path in ["/v1/agents", "/v1/agent-previews"] {
            let answer = world.ask(&first, "POST", path, &long).await;
            assert_eq!(answer.status, 403, "{}: {path}: {}", world.engine, answer.text());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_fetched_once_and_again_where_one_is_not_known() {
    let world = world_of(sqlite());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    let idp = Idp::new(&issuer);
    let (jwks, fetched) = (Arc::new(Mutex::new(json!({"keys": []}))), Arc::new(Mutex::new(0)));
    let served = (Arc::clone(&jwks), Arc::clone(&fetched));
    let configuration = json!({"issuer": issuer, "jwks_uri": format!("{issuer}/keys")});
    let router = Router::new()
        .route("/.well-known/openid-configuration", get(move || async move { Json(configuration) }))
        .route(
            "/keys",
            get(move || async move {
                *served.1.lock().unwrap() += 1;
                Json(served.0.lock().unwrap().clone())
            }),
        );
    tokio::spawn(async move { axum::serve(listener, router).await });
    let mut provider = idp.provider();
    provider.as_object_mut().unwrap().remove("jwks");
    world.done("PUT", "/v1/identity-providers/corp", provider).await;
    let who = Admin::new();
    // It has no such key yet; and whoever makes one up makes nobody fetch all the time.
    for _ in 0..5 {
        let answer = log_in(&world, &who, &idp.usual(&world, &who, &["ops"])).await;
        assert_eq!(answer.problem(), told(403, "id_token_key"), "{}", answer.text());
    }
    assert_eq!(*fetched.lock().unwrap(), 1);
    *jwks.lock().unwrap() = idp.jwks();
    tokio::time::sleep(core::time::Duration::from_secs(11)).await;
    session(&world, &idp, &["ops"]).await;
    session(&world, &idp, &["ops"]).await;
    assert_eq!(*fetched.lock().unwrap(), 2);
}
