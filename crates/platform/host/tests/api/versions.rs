//! `ETag` and `If-Match`: nobody overwrites what he has not seen.

use crate::world::{Answer, Draft, World, both, sqlite, told};
use serde_json::{Value, json};

/// A change under a condition.
async fn change(
    world: &World,
    (method, target): (&str, &str),
    body: &Value,
    condition: (&str, &str),
) -> Answer {
    let mut request = world.admin.sign(&Draft::new(method, target, body));
    let (name, value) = condition;
    request.headers_mut().append(
        axum::http::HeaderName::try_from(name).unwrap(),
        axum::http::HeaderValue::from_bytes(value.as_bytes()).unwrap(),
    );
    world.send(request).await
}

fn tag(answer: &Answer) -> String {
    answer.headers.get("etag").unwrap().to_str().unwrap().to_owned()
}

fn profile(purpose: &str) -> Value {
    json!({"purpose": purpose, "models": ["standard"]})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_that_change_what_they_both_have_seen_the_second_is_told() {
    for world in both() {
        let engine = world.engine;
        world.done("POST", "/v1/agents", json!({"name": "bot", "models": ["standard"]})).await;
        let seen = world.ask(&world.admin, "GET", "/v1/agents/bot", &Value::Null).await;
        let first = tag(&seen);
        let put = ("PUT", "/v1/agents/bot");
        let done = change(&world, put, &profile("one"), ("if-match", &first)).await;
        assert_eq!(done.status, 200, "{engine}: {}", done.text());
        assert_ne!(tag(&done), first, "{engine}");
        let late = change(&world, put, &profile("two"), ("if-match", &first)).await;
        assert_eq!(late.problem(), told(412, "precondition_failed"), "{engine}");
        assert!(late.text().contains("changed meanwhile"), "{}", late.text());
        let shown = world.done("GET", "/v1/agents/bot", Value::Null).await;
        assert_eq!(shown["purpose"], "one", "{engine}");
        // What lies below it is changed under the same version, which is one of several or any.
        let now = tag(&world.ask(&world.admin, "GET", "/v1/agents/bot", &Value::Null).await);
        let suspend = ("POST", "/v1/agents/bot/suspend");
        let late = change(&world, suspend, &Value::Null, ("if-match", &first)).await;
        assert_eq!(late.problem(), told(412, "precondition_failed"), "{engine}");
        let weak = change(&world, suspend, &Value::Null, ("if-match", &format!("W/{now}"))).await;
        assert_eq!(weak.problem(), told(412, "precondition_failed"), "{engine}");
        let several = format!("\"x\", {now}");
        let done = change(&world, suspend, &Value::Null, ("if-match", &several)).await;
        assert_eq!(done.status, 200, "{engine}: {}", done.text());
        let done = change(&world, ("POST", "/v1/agents/bot/resume"), &Value::Null, ("if-match", "*")).await;
        assert_eq!(done.status, 200, "{engine}: {}", done.text());
    }
}

/// Eight that saw the same version: one changes it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_at_once_that_saw_one_version_one_changes_it() {
    for world in both() {
        world.done("POST", "/v1/agents", json!({"name": "bot", "models": ["standard"]})).await;
        let seen = tag(&world.ask(&world.admin, "GET", "/v1/agents/bot", &Value::Null).await);
        let bodies: Vec<Value> = (0..8).map(|number| profile(&format!("purpose {number}"))).collect();
        let all =
            bodies.iter().map(|body| change(&world, ("PUT", "/v1/agents/bot"), body, ("if-match", &seen)));
        let answers = futures::future::join_all(all).await;
        let done = answers.iter().filter(|answer| answer.status == 200).count();
        assert_eq!(done, 1, "{}", world.engine);
        for late in answers.iter().filter(|answer| answer.status != 200) {
            assert_eq!(late.problem(), told(412, "precondition_failed"), "{}", world.engine);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_there_already_is_not_made_anew_and_what_is_not_there_has_no_version() {
    let world = sqlite();
    let model = json!({
        "group": "standard", "name": "big", "maxOutputTokens": 4096, "maxInputTokens": 128_000,
        "targets": [{"baseUrl": "https://api.example.com/v1", "model": "big"}],
        "price": {"currency": "USD", "input": 250, "output": 1000}
    });
    let put = ("PUT", "/v1/models/big");
    let none = change(&world, put, &model, ("if-match", "*")).await;
    assert_eq!(none.problem(), told(412, "precondition_failed"));
    assert_eq!(change(&world, put, &model, ("if-none-match", "*")).await.status, 200);
    let again = change(&world, put, &model, ("if-none-match", "*")).await;
    assert_eq!(again.problem(), told(412, "precondition_failed"));
    let first = tag(&world.ask(&world.admin, "GET", "/v1/models/big", &Value::Null).await);
    let mut dearer = model.clone();
    dearer["price"]["output"] = 2000.into();
    assert_eq!(change(&world, put, &dearer, ("if-match", &first)).await.status, 200);
    let late = change(&world, ("DELETE", "/v1/models/big"), &Value::Null, ("if-match", &first)).await;
    assert_eq!(late.problem(), told(412, "precondition_failed"));
    let missing = world.ask(&world.admin, "GET", "/v1/models/small", &Value::Null).await;
    assert_eq!(missing.problem(), told(404, "not_found"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_condition_that_is_not_understood_is_not_met() {
    let world = sqlite();
    world.done("POST", "/v1/agents", json!({"name": "bot", "models": ["standard"]})).await;
    let put = ("PUT", "/v1/agents/bot");
    for condition in
        [("if-none-match", "\"1\""), ("if-match", "\u{e9}"), ("if-match", &"\"1\", ".repeat(400))]
    {
        let answer = change(&world, put, &profile("x"), condition).await;
        assert_eq!(answer.problem(), told(400, "condition_invalid"), "{condition:?}");
    }
    // What makes something has nothing yet that could have been seen.
    let new = json!({"name": "new", "models": ["*"]});
    let made = change(&world, ("POST", "/v1/agents"), &new, ("if-match", "\"1\"")).await;
    assert_eq!(made.problem(), told(400, "condition_invalid"));
    let shown = world.done("GET", "/v1/agents/bot", Value::Null).await;
    assert_eq!(shown["purpose"], "");
}
