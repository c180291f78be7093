//! The scripted model server and the official OpenAI SDK: what the SDK takes for the real one.
//!
//! Ignored unless asked for: `tests/sdks/install`, then `cargo test -p legation-tests --test sdks -- --ignored`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use legation_tests::{
    sdk,
    upstream::{Plan, Upstream},
};
use serde_json::Value;
use std::time::Duration;

/// What the script prints of each call.
fn calls(upstream: &Upstream, arguments: &str) -> Vec<Value> {
    sdk::openai(&upstream.url(), "sk-scripted", arguments).unwrap()
}

#[test]
#[ignore = "needs tests/sdks/install"]
fn the_sdk_reads_what_is_said_whole_and_streamed() {
    let upstream = Upstream::always(Plan::says("Good morning")).unwrap();
    let told =
        calls(&upstream, "models then chat gpt then chat gpt --stream --n 2 then chat gpt --max-tokens 2");
    assert_eq!(told[0]["models"], serde_json::json!(["scripted"]), "{told:?}");
    for one in &told[1..] {
        assert_eq!(
            (&one["ok"], &one["text"], &one["requests"]),
            (&true.into(), &"Good morning".into(), &1.into())
        );
        assert_eq!(one["usage"]["prompt_tokens"], 9);
    }
    assert_eq!(told[2]["texts"], serde_json::json!(["Good morning", "Good morning"]));
    assert_eq!(
        (&told[1]["usage"]["total_tokens"], &told[2]["usage"]["total_tokens"]),
        (&11.into(), &13.into())
    );
    assert_eq!((&told[1]["finish"], &told[3]["finish"]), (&"stop".into(), &"length".into()));
    let seen = &upstream.requests()[1];
    assert_eq!(
        (seen.path.as_str(), seen.header("authorization")),
        ("/v1/chat/completions", Some("Bearer sk-scripted"))
    );
}

#[test]
#[ignore = "needs tests/sdks/install"]
fn the_sdk_retries_a_rate_limit_unless_it_is_told_not_to() {
    let upstream = Upstream::start(|seen, _| match seen.json()["model"].as_str() {
        Some("often") => Plan::error(429).header("retry-after-ms", "1"),
        Some("once") => Plan::error(429).header("x-should-retry", "false"),
        _ => Plan::error(401),
    });
    let upstream = upstream.unwrap();
    let told = calls(&upstream, "chat often then chat once then chat other then many 3 once");
    let outcome = |index: usize| {
        let one: &Value = &told[index];
        (one["error"].as_str().unwrap(), one["status"].as_u64().unwrap(), one["requests"].as_u64().unwrap())
    };
    assert_eq!(outcome(0), ("RateLimitError", 429, 3));
    assert_eq!(outcome(1), ("RateLimitError", 429, 1));
    assert_eq!(outcome(2), ("AuthenticationError", 401, 1));
    assert_eq!(
        (&told[1]["code"], &told[2]["code"]),
        (&"rate_limit_exceeded".into(), &"invalid_api_key".into())
    );
    assert_eq!(told[3]["errors"], serde_json::json!({"RateLimitError rate_limit_exceeded": 3}));
    assert_eq!((told[3]["requests"].as_u64(), upstream.count()), (Some(3), 8));
}

#[test]
#[ignore = "needs tests/sdks/install"]
fn the_sdk_sees_a_stream_that_breaks_and_one_that_hangs() {
    let upstream = Upstream::start(|seen, _| match seen.json()["model"].as_str() {
        Some("cut") => Plan::says("one two three").cut_after_events(3),
        _ => Plan::says("one two three").hang_after_events(2),
    });
    let upstream = upstream.unwrap();
    let told = calls(&upstream, "chat cut --stream then chat hung --stream --timeout 0.5");
    assert_eq!((&told[0]["ok"], &told[0]["text"]), (&false.into(), &"one two ".into()), "{told:?}");
    assert_eq!(
        (&told[1]["error"], &told[1]["text"]),
        (&"APITimeoutError".into(), &"one ".into()),
        "{told:?}"
    );
    assert!(upstream.wait_for_abandoned(1, Duration::from_secs(10)));
}

#[test]
#[ignore = "needs tests/sdks/install"]
fn many_calls_are_answered_at_once() {
    let upstream = Upstream::always(Plan::says("yes").after(Duration::from_millis(500))).unwrap();
    let told = &calls(&upstream, "many 40 gpt --stream")[0];
    assert_eq!((&told["ok"], &told["answered"], &told["tokens"]), (&true.into(), &40.into(), &400.into()));
    assert!(told["seconds"].as_f64().unwrap() < 10.0, "{told}");
}
