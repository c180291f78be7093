//! Which model is meant, and what it may cost.

use crate::world::{CENT, blocking, get, now, sqlite};
use legation_registry::Profile;
use legation_tests::upstream::{Plan, Upstream};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_granted_not_there_or_not_priced_is_not_called() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    let world = sqlite();
    world.model("small", &upstream, CENT);
    let mut unpriced = world.model("unpriced", &upstream, CENT);
    unpriced.price = None;
    blocking(|| world.registry.put_model(&unpriced, now())).unwrap();
    let mut large = world.model("large", &upstream, CENT);
    large.group = "large".to_owned();
    blocking(|| world.registry.put_model(&large, now())).unwrap();
    let key = world.agent("mail", "1USD/day");
    for (model, status, code) in [
        ("nope", 404, "model_not_found"),
        ("large", 403, "not_granted"),
        ("unpriced", 403, "unpriced"),
        // What the provider calls it is nobody's name here.
        ("gpt-scripted", 404, "model_not_found"),
        ("SMALL", 404, "model_not_found"),
        ("small ", 404, "model_not_found"),
    ] {
        let answer = world.chat(0, &key, json!({"model": model, "max_tokens": 1})).await;
        assert_eq!(answer.told(), (status, code.to_owned()), "{model} {}", answer.text());
    }
    assert_eq!(upstream.count(), 0);
    let list = world.send(0, get(&key, "/v1/models")).await.json();
    let names: Vec<&str> =
        list["data"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(names, ["small", "unpriced"], "what is granted");
    assert_eq!(world.send(0, get(&key, "/v1/models/small")).await.status, 200);
    assert_eq!(world.send(0, get(&key, "/v1/models/large")).await.told().0, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_bounds_an_answer_is_sent_and_the_provider_gets_its_own_name_for_the_model() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    let world = sqlite();
    world.model("small", &upstream, CENT);
    let key = world.agent("mail", "50USD/day");
    assert_eq!(world.chat(0, &key, json!({})).await.status, 200);
    assert_eq!(world.chat(0, &key, json!({"max_tokens": 7, "n": 3, "stream": true})).await.status, 200);
    let seen = upstream.requests();
    assert_eq!(seen[0].json()["max_tokens"], 1000, "the model's most");
    assert_eq!(seen[0].json()["model"], "gpt-scripted");
    assert_eq!(seen[1].json()["max_tokens"], 7);
    assert_eq!(seen[1].json()["stream_options"]["include_usage"], true);
    assert!(seen[0].header("authorization").is_none(), "the caller's key goes nowhere");
    assert!(!format!("{seen:?}").contains("legation_"));
    let receipts = world.wait_for_receipts(4).await;
    assert_eq!(receipts[0].2, Some(1_000_000_000), "1000 tokens of a cent");
    assert_eq!(receipts[2].2, Some(21_000_000), "three answers of seven");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_target_is_asked_only_where_nothing_was_sent() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    let gone = Upstream::always(Plan::says("gone")).unwrap();
    let world = sqlite();
    let mut model = world.model("small", &gone, CENT);
    model.targets.push(world.model("other", &upstream, CENT).targets.remove(0));
    drop(gone);
    blocking(|| world.registry.put_model(&model, now())).unwrap();
    let key = world.add("mail", &Profile { groups: vec!["*".to_owned()], ..Profile::default() });
    assert_eq!(world.chat(0, &key, json!({"max_tokens": 1})).await.status, 200);
    // One that breaks off has been asked.
    let breaks = Upstream::always(Plan::says("hello").tokens(1, 1).cut_after(10)).unwrap();
    model.targets[0] = world.model("third", &breaks, CENT).targets.remove(0);
    blocking(|| world.registry.put_model(&model, now())).unwrap();
    let asked = upstream.count();
    assert_eq!(world.chat(0, &key, json!({"max_tokens": 1})).await.told().0, 502);
    assert_eq!((breaks.count(), upstream.count()), (1, asked));
}
