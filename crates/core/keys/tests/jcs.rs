//! Canonical JSON, held against the test data of the RFC's author and against another
//! implementation. To be run with `serde_json/arbitrary_precision` off and on.

#![allow(clippy::unwrap_used)]

use core::fmt::Write;
use legation_keys::{
    jcs::canonicalize,
    json::{Double, Json, JsonLimits, parse},
};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

const LIMITS: JsonLimits = JsonLimits { bytes: 100_000, depth: 16 };

fn canonical(text: &str) -> String {
    canonicalize(&parse(text.as_bytes(), LIMITS).unwrap())
}

#[test]
fn each_text_has_the_canonical_form_of_the_reference() {
    macro_rules! pair {
        ($name:literal) => {
            (
                $name,
                include_str!(concat!("jcs/input/", $name, ".json")),
                include_str!(concat!("jcs/output/", $name, ".json")),
            )
        };
    }
    for (name, input, output) in [
        pair!("arrays"),
        pair!("french"),
        pair!("structures"),
        pair!("unicode"),
        pair!("values"),
        pair!("weird"),
    ] {
        assert_eq!(canonical(input), output, "{name}");
        assert_eq!(canonical(output), output, "{name}, once more");
    }
}

/// The first 100,000 numbers of the sequence that `testdata/README.md` of the reference defines,
/// each as its bits and its text: the whole has a known SHA-256.
#[test]
fn a_hundred_thousand_numbers_are_written_as_in_ecmascript() {
    let fixed = include_str!("jcs/es6-static.txt").lines().map(|line| u64::from_str_radix(line, 16).unwrap());
    let serial = (0..2000).map(|index| 0x0010_0000_0000_0000 + index);
    let mut block = [0; 32];
    let random = std::iter::from_fn(|| {
        block = Sha256::digest(block).into();
        Some(block)
    })
    .flat_map(|block| {
        let words: Vec<[u8; 8]> = block.chunks_exact(8).map(|word| word.try_into().unwrap()).collect();
        words.into_iter().map(u64::from_le_bytes)
    })
    .filter(|bits| f64::from_bits(*bits) != 0.0 && f64::from_bits(*bits).is_finite());
    let mut lines = String::new();
    for bits in fixed.chain(serial).chain(random).take(100_000) {
        let text = canonicalize(&Json::OtherNumber(Double::new(f64::from_bits(bits)).unwrap()));
        writeln!(lines, "{bits:x},{text}").unwrap();
    }
    let digest: String = Sha256::digest(&lines).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(digest, "22776e6d4b49fa294a0d0f349268e5c28808fe7e0cb2bcbe28f63894e494d4c7");
}

#[test]
fn an_integer_is_one_text_however_it_was_written() {
    for (text, wanted) in [
        ("3", "3"),
        ("3.0", "3"),
        ("30e-1", "3"),
        ("0.3e1", "3"),
        ("-0", "0"),
        ("-0.0", "0"),
        ("9007199254740991.0", "9007199254740991"),
        ("9007199254740993", "9007199254740992"),
        ("1e21", "1e+21"),
        ("100000000000000000000", "100000000000000000000"),
        ("0.000001", "0.000001"),
        ("0.0000001", "1e-7"),
        ("333333333.33333329", "333333333.3333333"),
    ] {
        assert_eq!(canonical(text), wanted, "{text}");
    }
}

#[test]
fn members_are_ordered_by_utf_16_code_units() {
    // U+1F600 is D83D DE00 in UTF-16, before U+FB33; by code point it would come after.
    assert_eq!(
        canonical(r#"{"\ufb33":1,"😀":2,"é":3,"z":4,"":5}"#),
        "{\"\":5,\"z\":4,\"é\":3,\"😀\":2,\"\u{fb33}\":1}"
    );
}

#[test]
fn the_magic_number_key_is_written_as_it_was_read() {
    let text = r#"{"$serde_json::private::Number":"7"}"#;
    assert_eq!(canonical(text), text);
}

fn any_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        any::<i64>().prop_map(|value| value.to_string()),
        any::<f64>().prop_filter("finite", |value| value.is_finite()).prop_map(|value| format!("{value:e}")),
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let member = (any::<String>(), inner.clone());
        prop_oneof![
            prop::collection::vec(inner, 0..6).prop_map(|items| format!("[ {} ]", items.join(" , "))),
            prop::collection::btree_map(member.0, member.1, 0..6).prop_map(|members| {
                let members: Vec<_> = members
                    .iter()
                    .rev()
                    .map(|(name, value)| format!("{}: {value}", serde_json::to_string(name).unwrap()))
                    .collect();
                format!("{{ {} }}", members.join(", "))
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn canonicalizing_twice_changes_nothing(text in any_json()) {
        let once = canonical(&text);
        prop_assert_eq!(canonical(&once), once);
    }

    #[test]
    fn another_implementation_writes_the_same(text in any_json()) {
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(canonical(&text), serde_json_canonicalizer::to_string(&value).unwrap());
    }
}
