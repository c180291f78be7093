//! What providers answer: usage missing, lying, more than reserved; streams that are cut; callers that go away.

use crate::world::{CENT, World, blocking, chat, now, sqlite};
use legation_tests::upstream::{Plan, Upstream};
use serde_json::json;
use std::time::Duration;

async fn left(world: &World, key: &str) -> u64 {
    // How many cents still pass, by asking for more and more; what passes is not spent, since it costs nothing.
    for cents in (1..=20).rev() {
        let answer = world.chat(0, key, json!({"model": "free-after", "max_tokens": cents})).await;
        if answer.status == 200 {
            return cents;
        }
    }
    0
}

async fn case(plan: Plan, members: serde_json::Value) -> (World, String, u16) {
    let (upstream, free) =
        (Upstream::always(plan).unwrap(), Upstream::always(Plan::says("x").tokens(0, 0)).unwrap());
    let world = sqlite();
    world.model("small", &upstream, CENT);
    let key = world.agent("mail", "0.20USD/day");
    let status = world.chat(0, &key, members).await.status.as_u16();
    world.wait_for_receipts(2).await;
    world.model("free-after", &free, CENT);
    let told = left(&world, &key).await;
    let receipts = world.receipts();
    (world, format!("{} {:?} left {told}", receipts[1].0, receipts[1].1), status)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_knows_the_cost_of_stays_as_it_was_reserved() {
    let says = || Plan::says("hello");
    for (plan, status, told) in [
        (says().tokens(1, 4), 200, "settle \"\" left 16"),
        (says().without_usage(), 200, "settle \"usage_missing\" left 10"),
        (Plan::body(200, "application/json", "{}"), 200, "settle \"usage_missing\" left 10"),
        (Plan::body(200, "application/json", "not json"), 200, "settle \"answer_unreadable\" left 10"),
        (Plan::error(400), 400, "settle \"refused_by_provider\" left 20"),
        (Plan::error(429), 429, "settle \"\" left 20"),
        (Plan::error(500), 502, "settle \"upstream_failed\" left 10"),
        (Plan::error(401), 502, "settle \"\" left 20"),
        (says().tokens(1, 4).cut_after(20), 502, "settle \"answer_lost\" left 10"),
        (
            Plan::body(302, "text/plain", "x").header("location", "http://localhost:1/"),
            502,
            "settle \"answer_lost\" left 10",
        ),
    ] {
        let (_world, found, got) = case(plan, json!({"max_tokens": 10})).await;
        assert_eq!((got, found.as_str()), (status, told));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_costs_more_than_was_reserved_is_debited_told_and_closes_the_model() {
    let upstream = Upstream::always(Plan::says("hello").tokens(1, 12)).unwrap();
    let world = sqlite();
    let model = world.model("small", &upstream, CENT);
    let (mail, sales) = (world.agent("mail", "0.20USD/day"), world.agent("sales", "1USD/day"));
    assert_eq!(world.chat(0, &mail, json!({"max_tokens": 10})).await.status, 200);
    assert_eq!(
        world.wait_for_receipts(2).await[1],
        ("settle".into(), "over_reserved".into(), Some(12_000_000))
    );
    for _ in 0..200 {
        if !blocking(|| world.registry.closed_models()).unwrap().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let closed = world.chat(0, &sales, json!({"max_tokens": 1})).await;
    assert_eq!(closed.told(), (503, "route_closed".to_owned()), "for everybody");
    blocking(|| world.registry.put_model(&model, now())).unwrap();
    assert_eq!(world.chat(0, &mail, json!({"max_tokens": 9})).await.status, 429, "12 of 20 cents are spent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_cut_anywhere_is_settled_by_what_it_said_or_stays_as_reserved() {
    let whole = Upstream::always(Plan::says("hello you").tokens(1, 2)).unwrap();
    let world = sqlite();
    world.model("small", &whole, CENT);
    let key = world.agent("mail", "5000USD/day");
    let members = || json!({"max_tokens": 3, "stream": true});
    let answer = world.chat(0, &key, members()).await;
    assert!(
        answer.text().contains("hello") && answer.text().ends_with("data: [DONE]\n\n"),
        "{}",
        answer.text()
    );
    assert!(
        !answer.text().contains("prompt_tokens"),
        "the usage that the caller did not ask for is left out"
    );
    let asked = world.chat(
        0,
        &key,
        json!({"max_tokens": 3, "stream": true, "stream_options": {"include_usage": true}}),
    );
    assert!(asked.await.text().contains("prompt_tokens"));
    // Every seventh byte, since each is a call; the unit tests of the meter cut at every one.
    let length = answer.body.len() + 400;
    let mut settled = 4;
    for cut in (1..length).step_by(7) {
        let upstream = Upstream::always(Plan::says("hello you").tokens(1, 2).cut_after(cut)).unwrap();
        world.model("small", &upstream, CENT);
        let answer = world.chat(0, &key, members()).await;
        settled += 2;
        let receipts = world.wait_for_receipts(settled).await;
        let (kind, code, amount) = receipts[settled - 1].clone();
        assert_eq!(kind, "settle", "{cut}");
        match amount {
            Some(amount) => assert_eq!(amount, 2_000_000, "{cut}: {code}"),
            None => assert!(["answer_lost", "usage_missing"].contains(&code.as_str()), "{cut}: {code}"),
        }
        if answer.status == 200 && !answer.text().contains("[DONE]") {
            assert!(answer.text().contains("upstream_failed"), "{cut}: a cut is told: {}", answer.text());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_goes_away_in_the_middle_pays_what_it_cost() {
    let plan =
        Plan::says("one two three four five six seven eight").tokens(1, 8).every(Duration::from_millis(40));
    let upstream = Upstream::always(plan).unwrap();
    let world = sqlite();
    world.model("small", &upstream, CENT);
    let key = world.agent("mail", "0.20USD/day");
    let request = chat(&key, json!({"max_tokens": 20, "stream": true}));
    let gone = tokio::time::timeout(Duration::from_millis(120), world.send(0, request)).await;
    assert!(gone.is_err(), "the answer was still going on");
    let receipts = world.wait_for_receipts(2).await;
    assert_eq!(receipts[1], ("settle".into(), String::new(), Some(8_000_000)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_goes_away_before_the_answer_does_not_free_what_was_reserved_for_it() {
    let upstream = Upstream::always(Plan::says("x").tokens(1, 1).after(Duration::from_millis(400))).unwrap();
    let world = sqlite();
    world.model("small", &upstream, CENT);
    let key = world.agent("mail", "0.20USD/day");
    let request = chat(&key, json!({"max_tokens": 20}));
    assert!(tokio::time::timeout(Duration::from_millis(150), world.send(0, request)).await.is_err());
    assert_eq!(world.chat(0, &key, json!({"max_tokens": 1})).await.status, 429);
}

/// A filter that looked at the prompt answers 400, and the provider charges for the prompt.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prompt_that_is_refused_is_counted_as_the_prompt_that_it_was() {
    let upstream = Upstream::always(Plan::error(400)).unwrap();
    let world = sqlite();
    let mut model = world.model("small", &upstream, CENT);
    model.price = serde_json::from_value(json!({"currency": "USD", "input": 1000, "output": CENT})).ok();
    blocking(|| world.registry.put_model(&model, now())).unwrap();
    let key = world.agent("mail", "0.20USD/day");
    assert_eq!(world.chat(0, &key, json!({"max_tokens": 10})).await.status, 400);
    let (kind, code, amount) = world.wait_for_receipts(2).await.remove(1);
    assert_eq!((kind.as_str(), code.as_str()), ("settle", "refused_by_provider"));
    assert!((1_000_000..2_000_000).contains(&amount.unwrap()), "about a thousand tokens: {amount:?}");
}
