//! Writes that are asked for again by their idempotency key.

use crate::world::{both, sqlite, told};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_asked_again_is_answered_again_and_done_once() {
    for world in both() {
        let engine = world.engine;
        let add = json!({"name": "bot", "models": ["standard"]});
        let first = world.once(&world.admin, "k-1", "/v1/agents", &add).await;
        assert_eq!(first.status, 201, "{engine}: {}", first.text());
        let events = world.done("GET", "/v1/events?limit=1000", Value::Null).await;
        let again = world.once(&world.admin, "k-1", "/v1/agents", &add).await;
        assert_eq!((again.status, again.text()), (first.status, first.text()), "{engine}");
        assert_eq!(world.done("GET", "/v1/events?limit=1000", Value::Null).await, events, "{engine}");
        // Without the key, or with another one, it is asked for anew.
        for answer in [
            world.ask(&world.admin, "POST", "/v1/agents", &add).await,
            world.once(&world.admin, "k-2", "/v1/agents", &add).await,
        ] {
            assert_eq!(answer.problem(), told(409, "already_exists"), "{engine}");
        }
        // The key is for one request, of one admin, to one end point.
        let other = json!({"name": "other", "models": ["standard"]});
        let answer = world.once(&world.admin, "k-1", "/v1/agents", &other).await;
        assert_eq!(answer.problem(), told(422, "idempotency_mismatch"), "{engine}");
        let somebody = world.admin_for(&["admin:*"]);
        assert_eq!(world.once(&somebody, "k-1", "/v1/agents", &other).await.status, 201, "{engine}");
        let team = json!({"name": "sales"});
        assert_eq!(world.once(&world.admin, "k-1", "/v1/teams", &team).await.status, 201, "{engine}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_failed_is_not_remembered() {
    let world = sqlite();
    let add = json!({"name": "bot", "team": "sales", "models": ["standard"]});
    let answer = world.once(&world.admin, "k-1", "/v1/agents", &add).await;
    assert_eq!(answer.problem(), told(404, "not_found"));
    world.done("POST", "/v1/teams", json!({"name": "sales"})).await;
    assert_eq!(world.once(&world.admin, "k-1", "/v1/agents", &add).await.status, 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_is_not_repeated_and_the_one_that_was_lost_can_be_rotated() {
    for world in both() {
        let engine = world.engine;
        world.done("POST", "/v1/agents", json!({"name": "bot", "models": ["standard"]})).await;
        let create = json!({"agent": "bot", "name": "ci"});
        let made = world.once(&world.admin, "k", "/v1/api-keys", &create).await;
        assert_eq!(made.status, 201, "{engine}: {}", made.text());
        let secret = made.json()["secret"].as_str().unwrap().to_owned();
        let again = world.once(&world.admin, "k", "/v1/api-keys", &create).await;
        assert_eq!(again.problem(), told(409, "idempotency_secret"), "{engine}");
        assert!(again.text().contains("rotate") && !again.text().contains(&secret));
        let keys = world.done("GET", "/v1/api-keys?agent=bot", Value::Null).await;
        assert_eq!(keys["keys"].as_array().unwrap().len(), 1, "{engine}: it was made once");
        let id = keys["keys"][0]["id"].as_str().unwrap();
        let rotate = format!("/v1/api-keys/{id}/rotate");
        let rotated = world.once(&world.admin, "k", &rotate, &json!({"grace": 0})).await;
        assert_eq!(rotated.status, 201, "{engine}: {}", rotated.text());
        assert_eq!(rotated.json()["replaces"], json!(id));
        let again = world.once(&world.admin, "k", &rotate, &json!({"grace": 0})).await;
        assert_eq!(again.problem(), told(409, "idempotency_secret"), "{engine}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_at_once_by_one_key_one_is_done_and_all_are_answered_alike() {
    for world in both() {
        let add = json!({"name": "bot", "models": ["standard"]});
        let all = (0..8).map(|_| world.once(&world.admin, "k", "/v1/agents", &add));
        let answers = futures::future::join_all(all).await;
        for answer in &answers {
            assert_eq!(answer.status, 201, "{}: {}", world.engine, answer.text());
            assert_eq!(answer.body, answers[0].body, "{}", world.engine);
        }
        let agents = world.done("GET", "/v1/agents", Value::Null).await;
        assert_eq!(agents["agents"].as_array().unwrap().len(), 1, "{}", world.engine);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_none_is_refused() {
    let world = sqlite();
    let add = json!({"name": "bot", "models": ["standard"]});
    for key in ["", "two words", &"k".repeat(256)] {
        let answer = world.once(&world.admin, key, "/v1/agents", &add).await;
        assert_eq!(answer.problem(), told(400, "idempotency_key"), "`{key}`");
    }
    assert_eq!(world.done("GET", "/v1/agents", Value::Null).await["agents"], json!([]));
}
