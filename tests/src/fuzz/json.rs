//! Strict JSON against `serde_json`, the canonical form as a fixed point, and the texts that stand in JSON:
//! base64url and times.

use core::fmt;
use legation_keys::{
    base64url, data_integrity, jcs,
    json::{self, Json, JsonError, JsonLimits, Object},
    jws,
    time::{self, Round},
};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use sha2::{Digest, Sha256};

const LIMITS: JsonLimits = JsonLimits { bytes: 1 << 16, depth: 16 };

/// Any bytes as JSON, as base64url, as a compact JWS and as a time.
pub fn json(data: &[u8]) {
    tree(data);
    if let Ok(text) = core::str::from_utf8(data) {
        texts(text);
    }
}

fn tree(data: &[u8]) {
    let ours = json::parse(data, LIMITS);
    let theirs: Result<Value, _> = serde_json::from_slice(data);
    let special = special(data);
    match (&ours, &theirs) {
        (Ok(ours), Ok(theirs)) => {
            assert!(same(ours, theirs) || special, "{ours:?} differs from {theirs}");
            assert!(depth(ours) <= LIMITS.depth);
            assert!(special || members(theirs) == streamed(data), "a member that stands twice got through");
        }
        (Ok(_), Err(error)) => assert!(special, "accepted, though serde_json says {error}"),
        (Err(JsonError::Malformed { reason }), Ok(_)) => assert!(special, "refused: {reason}"),
        (Err(JsonError::Duplicate { name }), Ok(theirs)) => {
            assert!(special || members(theirs) < streamed(data), "`{name}` does not stand twice");
        }
        (Err(JsonError::TooLarge { .. }), _) => assert!(data.len() > LIMITS.bytes),
        (Err(_), _) => {}
    }
    let Ok(ours) = ours else { return };
    // What is canonical may be longer than what was read: `1e20` has 21 digits.
    let canonical = jcs::canonicalize(&ours);
    let wide = JsonLimits { bytes: 1 << 22, ..LIMITS };
    let again = json::parse(canonical.as_bytes(), wide);
    let again = again.unwrap_or_else(|error| panic!("{canonical} is canonical, but {error}"));
    assert_eq!(jcs::canonicalize(&again), canonical);
    if let Some(object) = ours.as_object() {
        proofs(object);
    }
    // One member less of depth and one byte less are refused.
    let depth = depth(&ours);
    if depth > 0 {
        let shallow = json::parse(data, JsonLimits { depth: depth - 1, ..LIMITS });
        assert!(matches!(shallow, Err(JsonError::TooDeep { .. })), "{shallow:?}");
    }
    assert!(json::parse(data, JsonLimits { bytes: data.len() - 1, ..LIMITS }).is_err());
}

/// What is read of a document's proofs stands there, and what they sign changes with what they say.
fn proofs(document: &Object<'_>) {
    let Ok(all) = data_integrity::proofs(document) else { return };
    assert!((1..=data_integrity::MAX_PROOFS).contains(&all.len()));
    for (index, proof) in all.iter().enumerate() {
        assert!(!proof.previous.contains(&index), "a proof builds on itself");
        assert!(proof.previous.iter().all(|previous| *previous < all.len()));
        let Ok(signed) = data_integrity::hashes(document, &all, proof) else { continue };
        assert_eq!(proof.cryptosuite, data_integrity::EDDSA_JCS_2022);
        if proof.previous.is_empty() && proof.object.get("@context").is_none() {
            let unsecured = data_integrity::unsecured(document);
            assert_eq!(signed[32..], *Sha256::digest(&unsecured), "{unsecured}");
        }
    }
}

fn texts(text: &str) {
    if let Ok(bytes) = base64url::decode(text) {
        assert_eq!(base64url::encode(&bytes), text, "two texts of one value");
    }
    if let Ok(parts) = jws::split(text) {
        let whole = [parts.header, parts.payload, parts.signature].join(".");
        assert_eq!(
            (whole.as_str(), parts.signing_input.len()),
            (text, text.len() - parts.signature.len() - 1)
        );
        let limits = JsonLimits { bytes: 4096, depth: 8 };
        if let Ok(header) = jws::read_header(parts.header, "vc+jwt", &legation_keys::Algorithm::ALL, limits) {
            let bytes = base64url::decode(parts.header).unwrap();
            let json = json::parse(&bytes, limits).unwrap();
            assert_eq!(json.get("kid").and_then(Json::as_str), header.key_id.as_deref());
            for refused in ["crit", "b64", "jwk", "jku", "x5c", "x5u"] {
                assert!(json.get(refused).is_none(), "the header member {refused} got through");
            }
        }
    }
    let (down, up) = (time::parse(text, Round::Down), time::parse(text, Round::Up));
    assert_eq!(down.is_some(), up.is_some());
    if let (Some(down), Some(up)) = (down, up) {
        assert!((0..=1).contains(&(up - down)), "{text} is {down} and {up}");
        let written = time::format(down);
        // A year below 0 or above 9999 is written as a number of seconds, which is no time to be read.
        if (-62_167_219_200..=253_402_300_799).contains(&down) {
            assert_eq!(time::parse(&written, Round::Up), Some(down), "{text} as {written}");
        }
    }
}

/// Whether `serde_json` may read this otherwise than we do: with this feature it takes some objects for
/// numbers, and keeps numbers that are out of range.
fn special(data: &[u8]) -> bool {
    let hint = |byte: &u8| b"$\\eE".contains(byte);
    cfg!(feature = "arbitrary-precision") && (data.len() > 300 || data.iter().any(hint))
}

fn same(ours: &Json<'_>, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Json::Null, Value::Null) => true,
        (Json::Bool(ours), Value::Bool(theirs)) => ours == theirs,
        (Json::Integer(ours), Value::Number(theirs)) => theirs.as_i64() == Some(*ours),
        (Json::OtherNumber(ours), Value::Number(theirs)) => {
            theirs.as_f64().is_some_and(|theirs| theirs.to_bits() == ours.value().to_bits())
        }
        (Json::String(ours), Value::String(theirs)) => ours == theirs,
        (Json::Array(ours), Value::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(ours, theirs)| same(ours, theirs))
        }
        (Json::Object(ours), Value::Object(theirs)) => {
            ours.len() == theirs.len()
                && ours.iter().all(|(name, value)| theirs.get(name).is_some_and(|other| same(value, other)))
        }
        _ => false,
    }
}

fn depth(json: &Json<'_>) -> usize {
    match json {
        Json::Array(elements) => 1 + elements.iter().map(depth).max().unwrap_or_default(),
        Json::Object(object) => 1 + object.iter().map(|(_, value)| depth(value)).max().unwrap_or_default(),
        _ => 0,
    }
}

/// How many members a tree has, in which the last of two equal ones has won.
fn members(value: &Value) -> usize {
    match value {
        Value::Array(elements) => elements.iter().map(members).sum(),
        Value::Object(object) => object.values().map(|value| 1 + members(value)).sum(),
        _ => 0,
    }
}

/// How many members a text has, each counted as it comes.
fn streamed(data: &[u8]) -> usize {
    serde_json::from_slice::<Count>(data).map_or(0, |count| count.0)
}

struct Count(usize);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Counter)
    }
}

struct Counter;

impl<'de> Visitor<'de> for Counter {
    type Value = Count;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Count, E> {
        Ok(Count(0))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Count, E> {
        Ok(Count(0))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Count, E> {
        Ok(Count(0))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Count, E> {
        Ok(Count(0))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Count, E> {
        Ok(Count(0))
    }

    fn visit_str<E>(self, _: &str) -> Result<Count, E> {
        Ok(Count(0))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Count, A::Error> {
        let mut sum = 0;
        while let Some(Count(inner)) = items.next_element()? {
            sum += inner;
        }
        Ok(Count(sum))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Count, A::Error> {
        let mut sum = 0;
        while let Some((name, Count(inner))) = items.next_entry::<String, Count>()? {
            // So `serde_json` hands over a number with `arbitrary_precision` on.
            let number = cfg!(feature = "arbitrary-precision") && name == "$serde_json::private::Number";
            sum += usize::from(!number) + inner;
        }
        Ok(Count(sum))
    }
}
