//! Who may, and who may not.

use crate::world::{Admin, Draft, blocking, both, now, sqlite, told};
use axum::{body::Body, http::Request};
use legation_keys::{Algorithm, SecretKey};
use legation_registry::{Profile, proof::prove};
use legation_store::holder::Kind;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_nobody_signed_is_not_even_read() {
    let world = sqlite();
    for (method, target) in [("GET", "/v1/agents"), ("POST", "/v1/agents"), ("DELETE", "/v1/models/none")] {
        let request = Request::builder().method(method).uri(target).body(Body::from("{")).unwrap();
        let answer = world.send(request).await;
        assert_eq!(answer.problem(), told(401, "signature_missing"), "{method} {target}");
        assert_eq!(answer.headers["www-authenticate"], "Signature");
    }
    let request = Request::get("/v1/agents").header("authorization", "Bearer legation_x");
    assert_eq!(world.send(request.body(Body::empty()).unwrap()).await.problem().0, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_signs_is_no_admin() {
    let world = sqlite();
    let key = SecretKey::generate(Algorithm::EdDsa).unwrap();
    let may = Profile { groups: vec!["standard".to_owned()], max_depth: 1, ..Profile::default() };
    blocking(|| {
        let team = Profile { groups: vec!["*".to_owned()], max_depth: 1, ..Profile::default() };
        world.registry.add_team("outside", &team, now()).unwrap();
        let proof = prove(&key, world.registry.did(), "mail", now()).unwrap();
        world.registry.add_agent_with_key("mail", "outside", &may, &proof, now()).unwrap();
    });
    let chain = blocking(|| world.registry.chain(Kind::Agent, "mail")).unwrap();
    let agent = Admin::with("did:web:acme.example:mail", chain, key);
    let answer = world.ask(&agent, "GET", "/v1/agents", &Value::Null).await;
    assert_eq!(answer.problem(), told(403, "not_granted"));
    let receipts = blocking(|| world.registry.receipts(None, 10)).unwrap();
    assert_eq!((receipts[0].kind.as_str(), receipts[0].code.as_str()), ("deny", "not_granted"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admin_may_what_its_delegation_says_and_no_more() {
    for world in both() {
        let reader = world.admin_for(&["admin:agents.list", "admin:teams.list"]);
        assert_eq!(world.ask(&reader, "GET", "/v1/agents", &Value::Null).await.status, 200);
        let add = json!({"name": "bot", "models": ["standard"]});
        let answer = world.ask(&reader, "POST", "/v1/agents", &add).await;
        assert_eq!(answer.problem(), told(403, "not_granted"), "{}", world.engine);
        assert_eq!(world.done("GET", "/v1/agents", Value::Null).await["agents"], json!([]));
        // Who did what stands in the events and in the receipts.
        world.done("POST", "/v1/agents", add).await;
        let events = world.done("GET", "/v1/events?limit=1000", Value::Null).await;
        let last = events["events"].as_array().unwrap().last().unwrap().clone();
        assert_eq!((&last["kind"], &last["actor"]), (&json!("agent.added"), &json!(world.admin.did)));
        assert_eq!(events["events"][0]["actor"], "owner");
        let receipts = blocking(|| world.registry.receipts(None, 1000)).unwrap();
        let added = receipts.iter().find(|one| one.resource == "https://acme.example/v1/agents").unwrap();
        assert_eq!((added.kind.as_str(), &added.agent), ("permit", &world.admin.did));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_counts_once_as_it_was_signed_and_at_this_organization() {
    for world in both() {
        let add = json!({"name": "bot", "models": ["standard"]});
        let draft = Draft::new("POST", "/v1/agents", &add);
        assert_eq!(world.send(world.admin.sign(&draft)).await.status, 201);
        let again = world.send(world.admin.sign(&draft)).await;
        assert_eq!(again.problem(), told(401, "nonce_replayed"), "{}", world.engine);
        // The body, the path, the method and the organization are what was signed.
        let mut changed = world.admin.sign(&Draft::new("POST", "/v1/agents", &add));
        *changed.body_mut() = Body::from(json!({"name": "root", "models": ["*"]}).to_string());
        assert_eq!(world.send(changed).await.problem().0, 401);
        let mut changed = world.admin.sign(&Draft::new("GET", "/v1/agents/bot", &Value::Null));
        *changed.uri_mut() = "/v1/teams/default".parse().unwrap();
        assert_eq!(world.send(changed).await.problem().0, 401);
        let mut changed = world.admin.sign(&Draft::new("GET", "/v1/agents?limit=1", &Value::Null));
        *changed.uri_mut() = "/v1/agents?limit=2".parse().unwrap();
        assert_eq!(world.send(changed).await.problem().0, 401);
        let elsewhere =
            Draft { origin: "https://other.example", ..Draft::new("GET", "/v1/agents", &Value::Null) };
        assert_eq!(world.send(world.admin.sign(&elsewhere)).await.problem().0, 401);
        // `Host` is nobody's to choose by.
        let mut request = world.admin.sign(&Draft::new("GET", "/v1/agents", &Value::Null));
        request.headers_mut().insert("host", "evil.example".parse().unwrap());
        assert_eq!(world.send(request).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admin_that_was_removed_is_refused_on_its_next_request() {
    for world in both() {
        let other = world.admin_for(&["admin:*"]);
        assert_eq!(world.ask(&other, "GET", "/v1/teams", &Value::Null).await.status, 200);
        let path = format!("/v1/admins/{}", other.did);
        assert_eq!(world.done("DELETE", &path, Value::Null).await["state"], "removed");
        let answer = world.ask(&other, "GET", "/v1/teams", &Value::Null).await;
        assert_eq!(answer.problem(), told(401, "link_revoked"), "{}", world.engine);
        // So is one whose delegation was revoked by its id.
        let third = world.admin_for(&["admin:*"]);
        let shown = world.done("GET", &format!("/v1/admins/{}", third.did), Value::Null).await;
        let id = shown["delegation"].as_str().unwrap();
        world.done("POST", &format!("/v1/delegations/{id}/revoke"), json!({"reason": "left"})).await;
        let answer = world.ask(&third, "GET", "/v1/teams", &Value::Null).await;
        assert_eq!(answer.problem(), told(401, "link_revoked"), "{}", world.engine);
        // And one may come back, with a new delegation.
        let body = json!({"did": other.did, "actions": ["admin:teams.list"]});
        let back = world.done("POST", "/v1/admins", body).await;
        assert_eq!(world.ask(&other, "GET", "/v1/teams", &Value::Null).await.problem().0, 401, "the old one");
        let other = Admin { chain: vec![back["secured"].as_str().unwrap().to_owned()], ..other };
        assert_eq!(world.ask(&other, "GET", "/v1/teams", &Value::Null).await.status, 200);
        assert_eq!(world.ask(&other, "GET", "/v1/agents", &Value::Null).await.problem().0, 403);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_makes_an_admin_who_may_more_than_the_maker() {
    let world = sqlite();
    let maker = world.admin_for(&["admin:admins.add", "admin:teams.list"]);
    let add = |actions: Value| json!({"did": Admin::new().did, "actions": actions});
    for wider in [json!(["admin:*"]), json!(["admin:teams.list", "admin:agents.add"])] {
        let answer = world.ask(&maker, "POST", "/v1/admins", &add(wider)).await;
        assert_eq!(answer.problem(), told(403, "wider_than_parent"));
    }
    assert_eq!(world.ask(&maker, "POST", "/v1/admins", &add(json!(["admin:teams.list"]))).await.status, 201);
    for (body, code) in [
        (add(json!([])), "value_invalid"),
        (add(json!(["http:GET"])), "wider_than_parent"),
        (json!({"did": "did:web:acme.example:bot", "actions": ["admin:teams.list"]}), "value_invalid"),
        (json!({"did": "me", "actions": ["admin:teams.list"]}), "value_invalid"),
    ] {
        assert_eq!(world.ask(&maker, "POST", "/v1/admins", &body).await.problem().1, code, "{body}");
    }
    let owner = blocking(|| {
        world.registry.add_admin(&Admin::new().did.parse().unwrap(), &["http:GET".to_owned()], now())
    });
    assert_eq!(owner.unwrap_err().code(), "value_invalid");
}

/// Whoever may add agents could otherwise add one that signs as an admin, with all that it has not itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_makes_a_team_or_an_agent_that_could_administer_more_than_the_maker() {
    let world = sqlite();
    let maker = world.admin_for(&["admin:teams.add", "admin:agents.add"]);
    let with = |name: &str, action: &str| json!({"name": name, "actions": [action], "resources": ["https://acme.example/v1/*"]});
    for wider in ["admin:*", "admin:secrets.list", "admin:admins.add"] {
        for path in ["/v1/teams", "/v1/agents"] {
            let answer = world.ask(&maker, "POST", path, &with("bot", wider)).await;
            assert_eq!(answer.problem(), told(403, "wider_than_parent"), "{path} {wider}");
        }
        let import = json!({"agents": [with("bot", wider)]});
        let answer = world.ask(&maker, "POST", "/v1/agent-imports", &import).await;
        assert_eq!(answer.json()["agents"][0]["code"], "wider_than_parent", "{wider}");
    }
    for (name, fits) in [("one", "admin:agents.add"), ("two", "http:GET")] {
        let answer = world.ask(&maker, "POST", "/v1/teams", &with(name, fits)).await;
        assert_eq!(answer.status, 201, "{fits}");
    }
    // Whoever holds the organization's data may give all of it.
    world.done("POST", "/v1/teams", with("three", "admin:agents.list")).await;
}

/// Whoever has an agent's requests signed could otherwise sign as one that is an admin.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_has_processes_act_as_an_agent_that_administers_more_than_they_do() {
    let world = sqlite();
    let with = |name: &str, action: &str| json!({"name": name, "actions": [action], "resources": ["https://acme.example/v1/*"]});
    world.done("POST", "/v1/teams", with("admins", "admin:*")).await;
    world.done("POST", "/v1/teams", with("others", "http:GET")).await;
    for (name, team, action) in [("boss", "admins", "admin:*"), ("plain", "others", "http:GET")] {
        let mut body = with(name, action);
        body["team"] = team.into();
        world.done("POST", "/v1/agents", body).await;
    }
    let maker = world.admin_for(&["admin:agents.process"]);
    let user = json!({"user": 1001});
    let answer = world.ask(&maker, "POST", "/v1/agents/boss/process", &user).await;
    assert_eq!(answer.problem(), told(403, "wider_than_parent"));
    let answer = world.ask(&maker, "POST", "/v1/agents/plain/process", &user).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    assert!(answer.json()["sealed"].is_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_stands_for_its_actions() {
    let world = sqlite();
    let made = |role: &'static str| {
        let world = &world;
        async move {
            let admin = Admin::new();
            let body = json!({"did": admin.did, "role": role});
            let made = world.done("POST", "/v1/admins", body).await;
            Admin { chain: vec![made["secured"].as_str().unwrap().to_owned()], ..admin }
        }
    };
    let (auditor, operator) = (made("auditor").await, made("operator").await);
    let add = json!({"name": "bot", "models": ["standard"]});
    assert_eq!(world.ask(&auditor, "POST", "/v1/agents", &add).await.problem(), told(403, "not_granted"));
    assert_eq!(world.ask(&operator, "POST", "/v1/agents", &add).await.status, 201);
    for path in
        ["/v1/agents", "/v1/agents/bot/history", "/v1/receipts", "/v1/events", "/v1/spend", "/v1/admins"]
    {
        assert_eq!(world.ask(&auditor, "GET", path, &Value::Null).await.status, 200, "{path}");
    }
    let admin = json!({"did": Admin::new().did, "role": "auditor"});
    for (method, path, body) in
        [("POST", "/v1/admins", &admin), ("POST", "/v1/organization/rotate", &json!({}))]
    {
        assert_eq!(
            world.ask(&operator, method, path, body).await.problem(),
            told(403, "not_granted"),
            "{path}"
        );
    }
    // Nor by the id of an admin's delegation.
    let owner = world.done("GET", &format!("/v1/admins/{}", world.admin.did), Value::Null).await;
    let revoke = format!("/v1/delegations/{}/revoke", owner["delegation"].as_str().unwrap());
    let refused = world.ask(&operator, "POST", &revoke, &json!({"reason": "mine now"})).await;
    assert_eq!(refused.problem(), told(403, "not_granted"));
    assert_eq!(world.ask(&world.admin, "GET", "/v1/agents", &Value::Null).await.status, 200);
    for (body, code) in [
        (json!({"did": Admin::new().did, "role": "king"}), "body_invalid"),
        (json!({"did": Admin::new().did, "role": "owner", "actions": ["admin:*"]}), "body_invalid"),
        (json!({"did": Admin::new().did}), "value_invalid"),
    ] {
        assert_eq!(world.ask(&world.admin, "POST", "/v1/admins", &body).await.problem().1, code, "{body}");
    }
}
