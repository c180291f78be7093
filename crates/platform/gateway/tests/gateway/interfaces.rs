//! The other interfaces: Anthropic's messages, OpenAI's responses and embeddings, by the same decision and budgets.

use crate::world::{Answer, CENT, World, blocking, local, now, post_to, sqlite};
use axum::{body::Body, http::Request};
use legation_registry::model::Protocol;
use legation_store::holder::Kind;
use legation_tests::upstream::{Plan, Upstream};
use serde_json::{Value, json};

async fn messages(world: &World, key: &str, members: Value) -> Answer {
    let mut body =
        json!({"model": "claude", "max_tokens": 5, "messages": [{"role": "user", "content": "hello"}]});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    let request =
        Request::post("/v1/messages").header("x-api-key", key).header("anthropic-version", "2023-06-01");
    world.send(0, request.body(Body::from(body.to_string())).unwrap()).await
}

fn spent(world: &World) -> Vec<(i64, i64)> {
    blocking(|| world.registry.spent(0)).unwrap().iter().map(|one| (one.calls, one.amount)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_are_bounded_priced_and_counted_whole_and_streamed() {
    let upstream = Upstream::always(Plan::says("one two three").tokens(100, 3).cached(40)).unwrap();
    let world = sqlite();
    let model = world.model_of("claude", Protocol::Anthropic, &upstream, CENT);
    blocking(|| {
        world.registry.set_secret("an", &local(&upstream.origin()), "sk-ant-secret", now()).unwrap();
        let mut model = model.clone();
        model.targets[0].secret = Some("an".to_owned());
        world.registry.put_model(&model, now()).unwrap();
    });
    let key = world.agent("mail", "0.10USD/day");
    let answer = messages(&world, &key, json!({})).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["content"][0]["text"], "one two three");
    let seen = &upstream.requests()[0];
    assert_eq!((seen.header("x-api-key"), seen.header("authorization")), (Some("sk-ant-secret"), None));
    assert_eq!(seen.header("anthropic-version"), Some("2023-06-01"));
    assert_eq!(seen.json()["model"], "gpt-scripted", "the target's own name");
    let answer = messages(&world, &key, json!({"stream": true})).await;
    assert_eq!(answer.status, 200);
    let text = answer.text();
    assert!(text.contains("event: message_start") && text.contains("event: message_stop"), "{text}");
    world.wait_for_receipts(4).await;
    assert_eq!(spent(&world), [(2, 6_000_000)], "six tokens of a cent each, and nothing for the prompts");
    // Five cents at the most do not fit into four; the refusal is in Anthropic's shape.
    let refused = messages(&world, &key, json!({})).await;
    assert_eq!(refused.status, 429, "{}", refused.text());
    let error = refused.json();
    assert_eq!((&error["type"], &error["error"]["type"]), (&json!("error"), &json!("rate_limit_error")));
    assert_eq!(
        (&error["error"]["code"], &refused.headers["x-should-retry"]),
        (&json!("budget_exceeded"), &"false".parse().unwrap())
    );
    assert_eq!(upstream.count(), 2);
    // Counting costs nothing, and passes where nothing is left.
    let count = json!({"model": "claude", "messages": [{"role": "user", "content": "hello"}]}).to_string();
    let counted = world.send(0, post_to("/v1/messages/count_tokens", &key, count)).await;
    assert_eq!(
        (counted.status.as_u16(), &counted.json()["input_tokens"]),
        (200, &json!(100)),
        "{}",
        counted.text()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_is_asked_by_its_own_interface_and_by_a_key_that_is_one() {
    let upstream = Upstream::always(Plan::says("hello")).unwrap();
    let world = sqlite();
    world.model("small", &upstream, CENT);
    world.model_of("claude", Protocol::Anthropic, &upstream, CENT);
    let key = world.agent("mail", "1USD/day");
    let wrong = world.chat(0, &key, json!({"model": "claude", "max_tokens": 5})).await;
    assert_eq!(wrong.told(), (400, "other_protocol".to_owned()));
    assert!(wrong.text().contains("/v1/messages"), "{}", wrong.text());
    let wrong = messages(&world, &key, json!({"model": "small"})).await;
    assert_eq!(wrong.told(), (400, "other_protocol".to_owned()));
    let wrong = messages(&world, "legation_nobody", json!({})).await;
    assert_eq!(
        (wrong.told(), wrong.json()["error"]["type"].clone()),
        ((401, "api_key_unknown".to_owned()), json!("authentication_error"))
    );
    // Two keys, of which nobody knows which one is meant.
    let body =
        json!({"model": "claude", "max_tokens": 5, "messages": [{"role": "user", "content": "hello"}]});
    let mut both = post_to("/v1/messages", &key, body.to_string());
    both.headers_mut().insert("x-api-key", key.parse().unwrap());
    assert_eq!(world.send(0, both).await.told(), (401, "api_key_missing".to_owned()));
    assert_eq!(upstream.count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_that_dies_in_the_middle_stays_counted_at_its_most_and_is_told() {
    let upstream = Upstream::always(Plan::says("one two three").tokens(1, 3).cut_after_events(5)).unwrap();
    let world = sqlite();
    world.model_of("claude", Protocol::Anthropic, &upstream, CENT);
    world.model("small", &upstream, CENT);
    let key = world.agent("mail", "1USD/day");
    let answer = messages(&world, &key, json!({"stream": true})).await;
    let text = answer.text();
    assert_eq!(answer.status, 200);
    assert!(text.contains("event: error") && text.contains("upstream_failed"), "{text}");
    let asked = json!({"model": "small", "input": "hello", "stream": true, "max_output_tokens": 7});
    let answer = world.send(0, post_to("/v1/responses", &key, asked.to_string())).await;
    assert!(answer.text().contains("upstream_failed"), "{}", answer.text());
    world.wait_for_receipts(4).await;
    let budgets = blocking(|| world.registry.budgets(Kind::Agent, "mail", now())).unwrap();
    let taken = budgets[0].budgets[0].micros;
    assert_eq!(taken, Some(12_000_000), "five and seven cents, as they were reserved");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_overloaded_provider_costs_nothing_and_may_be_asked_again() {
    let body =
        json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}).to_string();
    let upstream = Upstream::always(Plan::body(529, "application/json", body)).unwrap();
    let world = sqlite();
    world.model_of("claude", Protocol::Anthropic, &upstream, CENT);
    let key = world.agent("mail", "0.05USD/day");
    for _ in 0..2 {
        let answer = messages(&world, &key, json!({})).await;
        assert_eq!(
            (answer.status.as_u16(), answer.headers.get("x-should-retry")),
            (529, None),
            "{}",
            answer.text()
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn responses_and_embeddings_are_counted_and_nothing_of_them_is_kept_at_the_provider() {
    let upstream = Upstream::always(Plan::says("one two").tokens(10, 2)).unwrap();
    let world = sqlite();
    let mut model = world.model("small", &upstream, CENT);
    model.price = serde_json::from_value(json!({"currency": "USD", "input": 1000, "output": CENT})).ok();
    blocking(|| world.registry.put_model(&model, now())).unwrap();
    let key = world.agent("mail", "1USD/day");
    for stream in [false, true] {
        let asked = json!({"model": "small", "input": "hello", "stream": stream, "max_output_tokens": 5});
        let answer = world.send(0, post_to("/v1/responses", &key, asked.to_string())).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.text().contains("one two"), "{}", answer.text());
    }
    for seen in upstream.requests() {
        assert_eq!((&seen.json()["store"], &seen.json()["max_output_tokens"]), (&json!(false), &json!(5)));
    }
    let asked = json!({"model": "small", "input": ["hello", "world"]});
    let answer = world.send(0, post_to("/v1/embeddings", &key, asked.to_string())).await;
    assert_eq!(answer.json()["data"].as_array().map(Vec::len), Some(2), "{}", answer.text());
    world.wait_for_receipts(6).await;
    let spent: i64 = spent(&world).iter().map(|(_, amount)| amount).sum();
    assert_eq!(spent, 2 * (2_000_000 + 10_000) + 10_000);
    // What another agent may have left at the provider can't be named.
    for (member, value) in [
        ("previous_response_id", json!("resp_1")),
        ("conversation", json!("conv_1")),
        ("store", json!(true)),
        ("background", json!(true)),
        ("prompt", json!({"id": "pmpt_1"})),
        ("tools", json!([{"type": "web_search"}])),
        ("tools", json!([{"type": "file_search", "vector_store_ids": ["vs_1"]}])),
        ("input", json!([{"type": "item_reference", "id": "msg_1"}])),
        ("input", json!([{"type": "reasoning", "id": "rs_1", "summary": []}])),
        ("input", json!([{"role": "user", "content": [{"type": "input_file", "file_id": "file-1"}]}])),
        ("include", json!(["file_search_call.results"])),
    ] {
        let mut asked = json!({"model": "small", "input": "hello"});
        asked[member] = value;
        let answer = world.send(0, post_to("/v1/responses", &key, asked.to_string())).await;
        assert_eq!(answer.status, 400, "{asked}: {}", answer.text());
    }
    // Nor is there any end point that would name it.
    for path in [
        "/v1/responses/resp_1",
        "/v1/files/file-1",
        "/v1/files/file-1/content",
        "/v1/files/..%2f..%2fmodels",
        "/v1/batches/b",
        "/v1/vector_stores",
        "/v1/conversations/c",
    ] {
        let answer = world.send(0, crate::world::get(&key, path)).await;
        assert_eq!(answer.told(), (404, "not_found".to_owned()), "{path}");
    }
    assert_eq!(upstream.count(), 3);
}
