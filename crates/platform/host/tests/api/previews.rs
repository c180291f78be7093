//! What an agent would be given, before it is.

use crate::world::{both, sqlite, told};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_seen_before_is_what_the_delegation_says_after() {
    for world in both() {
        let team = json!({"name": "sales", "models": ["standard"], "budgets": ["5USD/day"], "maxDepth": 1});
        world.done("POST", "/v1/teams", team).await;
        let wanted = json!({"name": "bot", "team": "sales", "models": ["standard"], "budgets": ["1USD/day"], "maxDepth": 1, "validFor": 3600});
        let before = world.done("GET", "/v1/events?limit=1000", Value::Null).await;
        let seen = world.done("POST", "/v1/agent-previews", wanted.clone()).await;
        assert_eq!(world.done("GET", "/v1/events?limit=1000", Value::Null).await, before, "nothing is made");
        assert_eq!(world.done("GET", "/v1/agents", Value::Null).await["agents"], json!([]));
        world.done("POST", "/v1/agents", wanted.clone()).await;
        let listed = world.done("GET", "/v1/delegations?agent=bot", Value::Null).await;
        let id = listed["delegations"][0]["id"].as_str().unwrap().to_owned();
        let made = world.done("GET", &format!("/v1/delegations/{id}"), Value::Null).await;
        let subject = &made["credential"]["credentialSubject"];
        assert_eq!(seen["did"], subject["id"], "{}", world.engine);
        let said = &subject["delegation"];
        for (pointer, member) in [
            ("/authority/grants", "grants"),
            ("/authority/constraints", "constraints"),
            ("/account", "account"),
            ("/maxDepth", "maxDepth"),
        ] {
            assert_eq!(seen.pointer(pointer), said.get(member), "{member}: {said}");
        }
        // The limits of the team are its own too, and its name is taken now.
        assert!(seen["effective"].to_string().contains("constraints"), "{seen}");
        let again = world.ask(&world.admin, "POST", "/v1/agent-previews", &wanted).await;
        assert_eq!(again.problem(), told(409, "already_exists"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wider_is_refused_before_and_when_it_is_added_by_the_same_rule() {
    let world = sqlite();
    let team = json!({"name": "sales", "models": ["standard"], "actions": ["http:GET"], "resources": ["https://crm.example/*"], "budgets": ["5USD/day"]});
    world.done("POST", "/v1/teams", team).await;
    for (rule, more) in [
        ("resource_widened", json!({"models": ["*"]})),
        ("action_widened", json!({"actions": ["http:PUT"], "resources": ["https://crm.example/a"]})),
        ("resource_widened", json!({"actions": ["http:GET"], "resources": ["https://pay.example/a"]})),
        ("constraint_widened", json!({"models": ["standard"], "budgets": ["6USD/day"]})),
        ("redelegation_not_permitted", json!({"models": ["standard"], "maxDepth": 1})),
    ] {
        let mut body = json!({"name": "bot", "team": "sales"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let mut answers = Vec::new();
        for path in ["/v1/agent-previews", "/v1/agents"] {
            let answer = world.ask(&world.admin, "POST", path, &body).await;
            assert_eq!(answer.problem(), told(409, "wider_than_parent"), "{path} {body}");
            let json = answer.json();
            assert_eq!(json["rule"], rule, "{path} {json}");
            assert!(
                !json["expected"].as_str().unwrap().is_empty() && !json["found"].as_str().unwrap().is_empty()
            );
            answers.push(json);
        }
        assert_eq!(answers[0], answers[1], "{rule}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn to_look_is_not_to_add_and_who_gives_no_more_than_it_has_sees_no_more() {
    let world = sqlite();
    let looks = world.admin_for(&["admin:agents.preview"]);
    let plain = json!({"name": "bot", "models": ["*"]});
    assert_eq!(world.ask(&looks, "POST", "/v1/agent-previews", &plain).await.status, 200);
    assert_eq!(world.ask(&looks, "POST", "/v1/agents", &plain).await.status, 403);
    let adds = world.admin_for(&["admin:agents.add"]);
    assert_eq!(world.ask(&adds, "POST", "/v1/agent-previews", &plain).await.status, 403);
    let admin = json!({"name": "bot", "actions": ["admin:*"], "resources": ["https://acme.example/v1/*"]});
    let answer = world.ask(&looks, "POST", "/v1/agent-previews", &admin).await;
    assert_eq!(answer.problem(), told(403, "wider_than_parent"));
    for (body, code) in [
        (json!({"name": "bot"}), "nothing_granted"),
        (json!({"name": "No", "models": ["*"]}), "name_invalid"),
        (json!({"name": "bot", "team": "none", "models": ["*"]}), "not_found"),
        (json!({"name": "bot", "models": ["*"], "keyProof": "x"}), "body_invalid"),
        (json!({"name": "bot", "models": ["*"], "validFor": 0}), "value_invalid"),
        (json!({"name": "bot", "models": ["*"], "tags": [""]}), "value_invalid"),
        (json!({"name": "bot", "models": ["*"], "other": 1}), "body_invalid"),
    ] {
        assert_eq!(
            world.ask(&world.admin, "POST", "/v1/agent-previews", &body).await.problem().1,
            code,
            "{body}"
        );
    }
}
