//! Strict JSON against JSONTestSuite: `y_` is JSON, `n_` is not, `i_` is the reader's choice.

use crate::cases;
use legation_keys::json::{JsonError, JsonLimits, parse};
use serde_json::Value;

const LIMITS: JsonLimits = JsonLimits { bytes: 1_000_000, depth: 100 };

fn text(case: &Value) -> Vec<u8> {
    if let Some(hex) = case["hex"].as_str() {
        return crate::hex(hex);
    }
    match case["repeat"].as_str() {
        Some(part) => {
            let times = usize::try_from(case["times"].as_u64().unwrap()).unwrap();
            [part.repeat(times).as_str(), case["then"].as_str().unwrap()].concat().into_bytes()
        }
        None => case["text"].as_str().unwrap().as_bytes().to_vec(),
    }
}

/// What is refused though other readers take it, and why.
fn choice(name: &str) -> Option<&'static str> {
    Some(match name {
        // Readers that differ in which of two members counts can be told two different things.
        "y_object_duplicated_key"
        | "y_object_duplicated_key_and_value"
        | "object_same_key_different_values"
        | "object_same_key_same_value"
        | "object_same_key_unclear_values" => "duplicate_member",
        "i_structure_500_nested_arrays" => "json_too_deep",
        // Beyond the range of a double: there is no value to keep.
        "i_number_huge_exp"
        | "i_number_neg_int_huge_exp"
        | "i_number_pos_double_huge_exp"
        | "i_number_real_neg_overflow"
        | "i_number_real_pos_overflow" => "malformed",
        // Too small for a double is zero, and a large integer the double next to it.
        "i_number_double_huge_neg_exp"
        | "i_number_real_underflow"
        | "i_number_too_big_neg_int"
        | "i_number_too_big_pos_int"
        | "i_number_very_big_negative_int" => return None,
        // Lone surrogates are no text, and bytes are UTF-8 without a mark (RFC 8259 §8.1).
        _ if name.starts_with("i_") => "malformed",
        _ if name.starts_with("string_") && name.contains("invalid") => "malformed",
        _ => return None,
    })
}

#[test]
fn json_test_suite() {
    let (mut accepted, mut refused) = (0, 0);
    let cases = cases(include_str!("data/json-test-suite.json"));
    for case in &cases {
        let name = case["name"].as_str().unwrap();
        let text = text(case);
        let answer = parse(&text, LIMITS).map(|_| ()).map_err(|error| error.code());
        match answer {
            Ok(()) => accepted += 1,
            Err(_) => refused += 1,
        }
        if name.starts_with("n_") {
            assert!(answer.is_err(), "{name}");
        } else {
            assert_eq!(answer.err(), choice(name), "{name}");
        }
    }
    assert_eq!((cases.len(), accepted, refused), (335, 106, 229));
}

/// The same duplicates at any depth and in any spelling of the name; the suite has them at the top only.
#[test]
fn a_name_that_stands_twice_is_found_wherever_it_stands() {
    let duplicates = [
        r#"{"a":1,"a":1}"#,
        r#"{"a":1,"b":2,"a":3}"#,
        r#"{"a":1,"\u0061":2}"#,
        r#"{"":1,"":2}"#,
        r#"{"\ud83d\ude00":1,"😀":2}"#,
        r#"{"\/":1,"/":2}"#,
        r#"{"$serde_json::private::Number":"1","$serde_json::private::Number":"1"}"#,
    ];
    for object in duplicates {
        for (before, after) in [("", ""), ("[", "]"), (r#"{"o":"#, "}"), (r#"{"x":[[0,{"y":"#, r#"}]]}"#)] {
            let text = format!("{before}{object}{after}");
            assert!(matches!(parse(text.as_bytes(), LIMITS), Err(JsonError::Duplicate { .. })), "{text}");
        }
    }
    // Names that only look alike, and one name in two objects, are no duplicates.
    for text in [
        "{\"\u{e9}\":1,\"e\u{301}\":2}",
        r#"{"a":1,"A":2}"#,
        r#"[{"a":1},{"a":{"a":1}}]"#,
        r#"{"a\u0000":1,"a":2}"#,
    ] {
        assert!(parse(text.as_bytes(), LIMITS).is_ok(), "{text}");
    }
}
