//! What answers say they took: what is believed, and what is not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use legation_gateway::openai::{Usage, of_answer, usage};
use proptest::prelude::*;

fn answer(usage: &str) -> Vec<u8> {
    format!(r#"{{"id":"x","choices":[{{"message":{{"content":"\"usage\":1"}}}}],"usage":{usage}}}"#)
        .into_bytes()
}

#[test]
fn usage_is_read_as_providers_write_it() {
    let cases = [
        ("nothing but counts", r#"{"prompt_tokens":12,"completion_tokens":7}"#, (12, 0, 0, 7)),
        (
            "OpenAI",
            r#"{"prompt_tokens":2006,"completion_tokens":300,"total_tokens":2306,"prompt_tokens_details":{"cached_tokens":1920,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":200}}"#,
            (2006, 1920, 0, 300),
        ),
        (
            "OpenAI, written to its cache",
            r#"{"prompt_tokens":2600,"completion_tokens":1,"total_tokens":2601,"prompt_tokens_details":{"cached_tokens":2000,"cache_write_tokens":400}}"#,
            (2600, 2000, 400, 1),
        ),
        (
            "reasoning beside the completion",
            r#"{"prompt_tokens":12,"completion_tokens":7,"total_tokens":119,"completion_tokens_details":{"reasoning_tokens":100}}"#,
            (12, 0, 0, 107),
        ),
        (
            "a total that is too small",
            r#"{"prompt_tokens":12,"completion_tokens":7,"total_tokens":1}"#,
            (12, 0, 0, 7),
        ),
        (
            "nulls",
            r#"{"prompt_tokens":12,"completion_tokens":7,"total_tokens":null,"prompt_tokens_details":null}"#,
            (12, 0, 0, 7),
        ),
        (
            "nulls inside",
            r#"{"prompt_tokens":12,"completion_tokens":7,"prompt_tokens_details":{"cached_tokens":null}}"#,
            (12, 0, 0, 7),
        ),
        ("nothing at all", r#"{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}"#, (0, 0, 0, 0)),
        (
            "all of it cached",
            r#"{"prompt_tokens":9,"completion_tokens":0,"prompt_tokens_details":{"cached_tokens":9}}"#,
            (9, 9, 0, 0),
        ),
        (
            "the most",
            r#"{"prompt_tokens":1000000000,"completion_tokens":1000000000}"#,
            (1_000_000_000, 0, 0, 1_000_000_000),
        ),
        (
            "more members",
            r#"{"prompt_tokens":1,"completion_tokens":2,"cost":0.3,"queue_time":1e-3}"#,
            (1, 0, 0, 2),
        ),
    ];
    for (name, text, (input, cached, written, output)) in cases {
        let wanted = Usage { input, cached, written, output, other: 0 };
        assert_eq!(of_answer(&answer(text)), Ok(wanted), "{name}");
    }
}

#[test]
fn usage_that_lies_or_is_missing_is_not_believed() {
    let cases: &[(&str, &str, &str)] = &[
        ("null", "null", "usage_missing"),
        ("a number", "19", "answer_unreadable"),
        ("an array", "[]", "answer_unreadable"),
        ("empty", "{}", "usage_malformed"),
        ("no completion", r#"{"prompt_tokens":12,"total_tokens":19}"#, "usage_malformed"),
        ("no prompt", r#"{"completion_tokens":12,"total_tokens":19}"#, "usage_malformed"),
        ("null counts", r#"{"prompt_tokens":null,"completion_tokens":null}"#, "usage_malformed"),
        ("less than nothing", r#"{"prompt_tokens":-1,"completion_tokens":7}"#, "usage_malformed"),
        ("less than no answer", r#"{"prompt_tokens":1,"completion_tokens":-7}"#, "usage_malformed"),
        (
            "a total below nothing",
            r#"{"prompt_tokens":1,"completion_tokens":7,"total_tokens":-8}"#,
            "usage_malformed",
        ),
        ("floats", r#"{"prompt_tokens":1.0,"completion_tokens":7}"#, "usage_malformed"),
        ("texts", r#"{"prompt_tokens":"1","completion_tokens":"7"}"#, "usage_malformed"),
        ("one above the most", r#"{"prompt_tokens":1000000001,"completion_tokens":7}"#, "usage_malformed"),
        ("huge", r#"{"prompt_tokens":9007199254740991,"completion_tokens":7}"#, "usage_malformed"),
        (
            "beyond integers",
            r#"{"prompt_tokens":18446744073709551617,"completion_tokens":7}"#,
            "usage_malformed",
        ),
        (
            "a huge total",
            r#"{"prompt_tokens":1,"completion_tokens":7,"total_tokens":1e30}"#,
            "usage_malformed",
        ),
        (
            "more cached than there are",
            r#"{"prompt_tokens":5,"completion_tokens":7,"prompt_tokens_details":{"cached_tokens":6}}"#,
            "usage_inconsistent",
        ),
        (
            "more of the cache than there are",
            r#"{"prompt_tokens":5,"completion_tokens":7,"prompt_tokens_details":{"cached_tokens":3,"cache_write_tokens":3}}"#,
            "usage_inconsistent",
        ),
        (
            "cached below nothing",
            r#"{"prompt_tokens":5,"completion_tokens":7,"prompt_tokens_details":{"cached_tokens":-6}}"#,
            "usage_malformed",
        ),
        (
            "details of another kind",
            r#"{"prompt_tokens":5,"completion_tokens":7,"prompt_tokens_details":3}"#,
            "usage_malformed",
        ),
        (
            "a count twice",
            r#"{"prompt_tokens":5,"prompt_tokens":1,"completion_tokens":7}"#,
            "answer_unreadable",
        ),
    ];
    for (name, text, code) in cases {
        let error = of_answer(&answer(text)).expect_err(name);
        assert_eq!(error.code(), *code, "{name}: {error}");
    }
    for (text, code) in [
        ("", "answer_unreadable"),
        ("hunter2", "answer_unreadable"),
        ("\"hunter2\"", "answer_unreadable"),
        ("[{\"prompt_tokens\":1}]", "answer_unreadable"),
        ("{\"choices\":[]}", "usage_missing"),
        ("{\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}", "answer_unreadable"),
        ("{\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}} {}", "answer_unreadable"),
        ("{\"usage\":null,\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}", "answer_unreadable"),
        (
            "{\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":1},\"us\\u0061ge\":{\"prompt_tokens\":1,\"completion_tokens\":1}}",
            "answer_unreadable",
        ),
    ] {
        let error = of_answer(text.as_bytes()).unwrap_err();
        assert_eq!(error.code(), code, "{text}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

#[test]
fn a_huge_answer_is_not_looked_into() {
    let mut body = answer(r#"{"prompt_tokens":1,"completion_tokens":1}"#);
    body.resize(usage::MAX_ANSWER, b' ');
    assert!(of_answer(&body).is_ok());
    body.push(b' ');
    assert_eq!(of_answer(&body).unwrap_err().code(), "answer_too_large");
    let deep = format!(
        r#"{{"choices":{}{},"usage":{{"prompt_tokens":1,"completion_tokens":1}}}}"#,
        "[".repeat(1 << 20),
        "]".repeat(1 << 20)
    );
    assert!(of_answer(deep.as_bytes()).is_ok(), "what is not looked into costs no stack");
}

proptest! {
    #[test]
    fn no_answer_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = of_answer(&bytes);
    }

    #[test]
    fn what_is_believed_is_consistent(input in any::<i64>(), output in any::<i64>(), total in any::<i64>(), cached in any::<i64>(), small in any::<bool>()) {
        let cut = |number: i64| if small { number % 100 } else { number };
        let (input, output, total, cached) = (cut(input), cut(output), cut(total), cut(cached));
        let text = format!(r#"{{"prompt_tokens":{input},"completion_tokens":{output},"total_tokens":{total},"prompt_tokens_details":{{"cached_tokens":{cached}}}}}"#);
        if let Ok(usage) = of_answer(&answer(&text)) {
            prop_assert_eq!(i64::try_from(usage.input).unwrap(), input);
            prop_assert!(usage.cached <= usage.input && usage.output >= output.unsigned_abs());
            prop_assert!(usage.tokens() >= total.unsigned_abs());
        }
    }
}
