//! What contexts cost: counted before they are worked out, and no less than they take.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout)] // a test's helpers may stop it

use legation_keys::json::{self, JsonLimits};
use legation_linked_data::{Contexts, canonicalize, work, work::MAX_WORK};
use serde_json::{Map, Value, json};
use std::time::{Duration, Instant};

const LIMITS: JsonLimits = JsonLimits { bytes: 1 << 20, depth: 32 };
const OURS: &str = "https://www.w3.org/ns/credentials/v2";

/// So many terms without a meaning of their own.
fn terms(count: usize) -> Map<String, Value> {
    (0..count).map(|index| (format!("t{index}"), json!(format!("urn:t:{index}")))).collect()
}

fn credential(context: Value, evidence: Value) -> Value {
    json!({
        "@context": [OURS, context], "type": ["VerifiableCredential"], "issuer": "did:example:a",
        "credentialSubject": {"id": "did:example:b"}, "evidence": evidence,
    })
}

/// `objects` of a type whose context has `count` terms.
fn by_type(objects: usize, count: usize) -> Value {
    let context = json!({"T": {"@id": "urn:t:T", "@context": terms(count)}});
    credential(context, (0..objects).map(|one| json!({"id": format!("urn:e:{one}"), "type": "T"})).collect())
}

/// The same, each twice of the type.
fn by_type_twice(objects: usize, count: usize) -> Value {
    let context = json!({"T": {"@id": "urn:t:T", "@context": terms(count)}});
    credential(
        context,
        (0..objects).map(|one| json!({"id": format!("urn:e:{one}"), "type": ["T", "T"]})).collect(),
    )
}

/// The same of a type whose context has contexts.
fn nested(objects: usize, count: usize) -> Value {
    let inner: Map<_, _> = (0..count)
        .map(|index| (format!("t{index}"), json!({"@id": format!("urn:t:{index}"), "@context": {}})))
        .collect();
    let context = json!({"T": {"@id": "urn:t:T", "@context": inner}});
    credential(context, (0..objects).map(|one| json!({"id": format!("urn:e:{one}"), "type": "T"})).collect())
}

/// `objects` under a property whose context has `count` terms, directly or in a list.
fn by_property(objects: usize, count: usize, keyword: Option<&str>) -> Value {
    let context = json!({"p": {"@id": "urn:t:p", "@context": terms(count)}});
    let values: Value = (0..objects).map(|_| json!({"id": "urn:a:a"})).collect();
    let values = keyword.map_or(values.clone(), |keyword| json!({keyword: values}));
    credential(context, json!({"id": "urn:e:e", "p": values}))
}

/// The same of texts.
fn of_texts(objects: usize, count: usize) -> Value {
    let context = json!({"p": {"@id": "urn:t:p", "@context": terms(count)}});
    let texts: Vec<_> = (0..objects).map(|one| one.to_string()).collect();
    credential(context, json!({"id": "urn:e:e", "p": texts}))
}

/// Objects that each name a context that is compiled in, below one whose terms all hold there.
fn named(objects: usize, count: usize) -> Value {
    let one = json!({"@context": OURS, "id": "urn:a:a", "t0": 1});
    credential(terms(count).into(), (0..objects).map(|_| one.clone()).collect())
}

/// Objects of the types of a context that is compiled in, below one whose terms all hold there.
fn of_known_types(objects: usize, count: usize) -> Value {
    let kinds =
        ["VerifiableCredential", "VerifiablePresentation", "DataIntegrityProof", "BitstringStatusList"];
    credential(
        terms(count).into(),
        (0..objects).map(|one| json!({"id": format!("urn:e:{one}"), "type": kinds[one % 4]})).collect(),
    )
}

/// Objects in one another, each of a type with a context.
fn deep(objects: usize, count: usize) -> Value {
    let context = json!({"e": "urn:t:e", "T": {"@id": "urn:t:T", "@context": terms(count)}});
    let name = |tower: usize, floor: usize| format!("urn:e:{tower}:{floor}");
    let tower = |tower: usize| {
        (0..20).fold(
            json!({"id": name(tower, 20), "type": "T"}),
            |inner, floor| json!({"id": name(tower, floor), "type": "T", "e": inner}),
        )
    };
    credential(context, (0..objects / 20).map(tower).collect())
}

/// Objects without any context of their own below many terms.
fn plain(objects: usize, count: usize) -> Value {
    credential(terms(count).into(), (0..objects).map(|_| json!({"id": "urn:a:a", "t0": 1})).collect())
}

/// The processor's time of this process so far, where the system tells it: others may run beside.
fn processor() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let ticks = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 10))
}

/// Whether it is worked on, how long that takes, and the steps that were counted.
fn took(document: &Value) -> (Option<&'static str>, Duration, usize) {
    let text = document.to_string();
    let json = json::parse(text.as_bytes(), LIMITS).unwrap();
    let (started, before) = (Instant::now(), processor());
    let code = canonicalize(&json, Contexts::compiled_in()).err().map(|error| error.code());
    let time = processor().zip(before).map_or(started.elapsed(), |(after, before)| after - before);
    (code, time, work(&json, Contexts::compiled_in()))
}

/// What took 9.5 and 4.7 seconds, and their kin.
#[test]
fn contexts_that_are_entered_thousands_of_times_are_refused_at_once() {
    for (name, document) in [
        ("of a type", by_type(2040, 1000)),
        ("of a property", by_property(2040, 1000, None)),
        ("of a property in a list", by_property(2040, 1000, Some("@list"))),
        ("of a property in a set", by_property(2040, 1000, Some("@set"))),
        ("of a property, of texts", of_texts(2040, 1000)),
        ("in one another", nested(40, 400)),
        ("of the types of a context that is known", of_known_types(4000, 1000)),
        ("deep", deep(2000, 1000)),
        // Each by one count alone: so few objects that the terms that hold in them are little beside it, or nothing else.
        ("of a type, of few objects", by_type(200, 1000)),
        ("of a property in a list, of few objects", by_property(200, 1000, Some("@list"))),
        ("of few objects that name one each", named(200, 1000)),
        ("of no type", plain(2000, 1000)),
    ] {
        let (code, time, steps) = took(&document);
        // By this bound, whatever else might refuse it later.
        assert!(steps > MAX_WORK, "{name}: {steps} steps");
        assert_eq!(code, Some("input_too_large"), "{name}: {steps} steps");
        assert!(time < Duration::from_millis(500), "{name}: {time:?}");
    }
}

#[test]
fn what_people_write_is_far_from_the_bound() {
    let one = json!({
        "@context": [OURS, "https://www.w3.org/ns/credentials/examples/v2"], "id": "urn:uuid:1",
        "type": ["VerifiableCredential", "ExampleDegreeCredential"], "issuer": {"id": "did:example:a", "name": "A"},
        "credentialSubject": {"id": "did:example:b", "degree": {"type": "ExampleBachelorDegree", "name": "B"}},
        "credentialStatus": {"type": "BitstringStatusListEntry", "statusPurpose": "revocation", "statusListIndex": "1",
            "statusListCredential": "https://a.example/1"},
        "proof": {"type": "DataIntegrityProof", "cryptosuite": "eddsa-rdfc-2022", "proofPurpose": "assertionMethod"},
    });
    let all: Vec<_> = (0..64).map(|_| one.clone()).collect();
    let presentation =
        json!({"@context": [OURS], "type": "VerifiablePresentation", "verifiableCredential": all});
    let text = presentation.to_string();
    let steps = work(&json::parse(text.as_bytes(), LIMITS).unwrap(), Contexts::compiled_in());
    assert!(steps < MAX_WORK / 2, "{steps}");
    let (code, _, steps) = took(&by_type(20, 20));
    assert_eq!(code, None, "{steps} steps");
}

/// The largest document of each kind that is still worked on. To print what it takes: `cargo test --release -p
/// legation-linked-data --test work -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn the_worst_that_is_worked_on() {
    type Kind = fn(usize, usize) -> Value;
    let kinds: [(&str, Kind); 10] = [
        ("type", by_type),
        ("type, twice", by_type_twice),
        ("property", |objects, count| by_property(objects, count, None)),
        ("property, list", |objects, count| by_property(objects, count, Some("@list"))),
        ("property, texts", of_texts),
        ("nested", nested),
        ("named", named),
        ("known types", of_known_types),
        ("deep", deep),
        ("no context", plain),
    ];
    let mut worst = Duration::ZERO;
    for (name, kind) in kinds {
        for count in [1, 10, 50, 200, 500, 900] {
            // As many objects as are let through, found by halving.
            let (mut low, mut high) = (0, 4001);
            while low + 1 < high {
                let middle = usize::midpoint(low, high);
                let text = kind(middle, count).to_string();
                let steps = work(&json::parse(text.as_bytes(), LIMITS).unwrap(), Contexts::compiled_in());
                if steps <= MAX_WORK { low = middle } else { high = middle }
            }
            let (code, time, steps) = took(&kind(low, count));
            worst = worst.max(time);
            println!("{name:16} {count:4} terms {low:5} objects {steps:9} steps {time:>12?} {code:?}");
        }
    }
    println!("the worst takes {worst:?}");
}
