//! Numbers are read alike whether or not some crate of the build switches on
//! `serde_json/arbitrary_precision`: this says what comes of each text, and is to be run both ways.

#![allow(clippy::unwrap_used)]

use legation_keys::json::{Double, Json, JsonError, JsonLimits, MAX_INTEGER, parse};
use proptest::prelude::*;

const LIMITS: JsonLimits = JsonLimits { bytes: 1000, depth: 4 };

/// What a number's text means here, told by the text alone.
fn expected(text: &str) -> Result<Json<'_>, ()> {
    let integer = text.parse::<i64>().ok().filter(|_| text != "-0");
    match integer.filter(|value| (-MAX_INTEGER..=MAX_INTEGER).contains(value)) {
        Some(value) => Ok(Json::Integer(value)),
        // Correctly rounded, as the standard library does it.
        None => Double::new(text.parse().unwrap()).map(Json::OtherNumber).ok_or(()),
    }
}

/// Two thousand cases, or as many as `PROPTEST_CASES` says.
fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { default.cases } else { 2_000 };
    ProptestConfig { cases, failure_persistence: None, ..default }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_number_means_what_its_text_says(
        text in "-?(0|[1-9][0-9]{0,3}|90071992547409[89][0-9]|[1-9][0-9]{15,40})(\\.[0-9]{1,4})?([eE][+-]?[0-9]{1,4})?"
    ) {
        for (whole, levels) in [(text.clone(), 0), (format!(r#"{{"a":[[[{text}]]]}}"#), 4)] {
            let read = parse(whole.as_bytes(), LIMITS);
            match (expected(&text), read) {
                (Ok(wanted), Ok(Json::Object(object))) if levels == 4 => {
                    let inner = ["a"].into_iter().find_map(|name| object.get(name));
                    let inner = (1..4).try_fold(inner.unwrap(), |inner, _| inner.as_array()?.first());
                    prop_assert_eq!(inner, Some(&wanted));
                }
                (Ok(wanted), Ok(found)) => prop_assert_eq!(found, wanted),
                (Err(()), Err(JsonError::Malformed { .. })) => {}
                (wanted, found) => prop_assert!(false, "{text}: {wanted:?}, {found:?}"),
            }
        }
    }

    #[test]
    fn a_number_of_many_digits_is_rounded_once(
        text in "-?[1-9]\\.[0-9]{14,40}(e-?([0-9]{1,2}|[12][0-9]{2}|30[0-9]))?"
    ) {
        let read = parse(text.as_bytes(), LIMITS);
        prop_assert_eq!(read.ok(), expected(&text).ok());
    }

    #[test]
    fn the_mark_of_a_number_is_no_number_in_a_text(
        value in "[1-9][0-9]{0,2}|\"[0-9]{1,3}\"|\\{\\}", escaped in any::<bool>(), more in any::<bool>()
    ) {
        let mark = if escaped { r"\u0024serde_json::private::Number" } else { "$serde_json::private::Number" };
        let tail = if more { r#","b":1"# } else { "" };
        let text = format!(r#"{{"{mark}":{value}{tail}}}"#);
        let read = parse(text.as_bytes(), LIMITS);
        let members = read.ok().and_then(|json| json.as_object().map(|object| object.len()));
        prop_assert_eq!(members, Some(1 + usize::from(more)));
    }
}
