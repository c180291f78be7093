//! `schemas/` and the types say the same: what the library writes is valid, what its readers
//! refuse the schemas refuse, what they accept the schemas accept. Where a schema can't tell, the
//! document stands under `beyond_a_schema`, with the reason.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "the helpers of tests may panic as tests do"
)]

use jsonschema::Validator;
use legation::{
    Algorithm, Authority, Code, Delegation, Did, Evidence, Facts, MemoryLedger, Occasion, Request, SecretKey,
    Signer, Terms, Trust, authorize,
    credential::{
        Approval, Pattern,
        status::{
            MIN_ENTRIES, SignedStatusList, StatusEntry, StatusList, StatusListCredential, StatusPurpose,
        },
    },
    did::key,
    issue,
    keys::{
        base64url,
        json::{self, JsonLimits},
        jws, time,
    },
    parse, present,
    verifier::receipt,
    verify,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::{collections::BTreeSet, fs, path::PathBuf, sync::LazyLock};

const NOW: i64 = 1_795_255_200;
const SHOP: &str = "did:web:shop.example";
const NAMES: [&str; 12] = [
    "approval",
    "authority",
    "card-verdict",
    "common",
    "delegation",
    "evidence",
    "handshake",
    "presentation",
    "receipt",
    "status-list",
    "trust",
    "verdict",
];

fn root(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn schema(name: &str) -> Value {
    let text = fs::read_to_string(root("schemas").join(format!("{name}.schema.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The validator of a schema or of a part of it: `trust`, `common#/$defs/did`. Only our own
/// schemas are there to be referred to.
fn validator(name: &str) -> Validator {
    let mut registry = jsonschema::Registry::new();
    for name in NAMES {
        let schema = schema(name);
        let id = schema["$id"].as_str().unwrap().to_owned();
        registry = registry.add(id, schema).unwrap();
    }
    let registry = registry.prepare().unwrap();
    let (file, part) = name.split_once('#').unwrap_or((name, ""));
    let target = format!("https://w3id.org/legation/schemas/v1/{file}.schema.json#{part}");
    jsonschema::options().offline().with_registry(&registry).build(&json!({"$ref": target})).unwrap()
}

fn assert_valid(name: &str, document: &Value) {
    let validator = validator(name);
    let errors: Vec<String> =
        validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{name}: {errors:#?}\n{document:#}");
}

/// Reader and schema agree on each text.
fn agree<T: AsRef<str>>(name: &str, reads: impl Fn(&str) -> bool, accepted: &[T], refused: &[T]) {
    let validator = validator(name);
    for (texts, wanted) in [(accepted, true), (refused, false)] {
        for text in texts.iter().map(AsRef::as_ref) {
            assert_eq!(reads(text), wanted, "the reader of {name}: {text}");
            assert_eq!(validator.is_valid(&from(text)), wanted, "the schema {name}: {text}");
        }
    }
}

/// What a reader refuses for a reason that no schema can express.
fn beyond_a_schema(name: &str, reads: impl Fn(&str) -> bool, table: &[(&str, String)]) {
    let validator = validator(name);
    for (reason, text) in table {
        assert!(!reads(text), "no exception any more, {reason}: {text}");
        assert!(validator.is_valid(&from(text)), "the schema tells after all, {reason}: {text}");
    }
}

fn from(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// A base document with one member, found by a JSON pointer, replaced, added or (`null`) removed.
fn with(base: &Value, pointer: &str, value: &Value) -> String {
    let mut document = base.clone();
    let (parent, member) = pointer.rsplit_once('/').unwrap();
    match document.pointer_mut(parent).unwrap() {
        Value::Object(object) if value.is_null() => drop(object.remove(member)),
        Value::Object(object) => drop(object.insert(member.to_owned(), value.clone())),
        other => *other.pointer_mut(&format!("/{member}")).unwrap() = value.clone(),
    }
    document.to_string()
}

/// Reader and schema agree on each change of a base document.
fn agree_on_changes(name: &str, base: &Value, reads: impl Fn(&str) -> bool, good: &Value, bad: &Value) {
    let changed = |table: &Value| -> Vec<String> {
        let rows = table.as_array().unwrap().iter();
        rows.map(|row| with(base, row[0].as_str().unwrap(), &row[1])).collect()
    };
    agree(name, &reads, &changed(good), &changed(bad));
    agree(name, &reads, &[base.to_string()], &["[]", "null", "{}"].map(str::to_owned));
}

const LIMITS: JsonLimits = JsonLimits { bytes: 1 << 20, depth: 16 };

fn quoted(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| json!(text).to_string()).collect()
}

/// A reader of texts as a reader of JSON texts.
fn unquoted(reads: impl Fn(&str) -> bool) -> impl Fn(&str) -> bool {
    move |text| reads(from(text).as_str().unwrap())
}

#[test]
fn every_schema_is_a_schema_and_is_listed() {
    for name in NAMES {
        let schema = schema(name);
        assert!(jsonschema::draft202012::meta::is_valid(&schema), "{name}");
        assert!(schema["$id"].as_str().unwrap().ends_with(&format!("/{name}.schema.json")));
    }
    assert_eq!(fs::read_dir(root("schemas")).unwrap().count(), NAMES.len() + 2, "schemas, context, README");
}

#[test]
fn the_context_types_a_delegation_as_json() {
    let context = from(&fs::read_to_string(root("schemas/legation-v1.jsonld")).unwrap());
    let context = &context["@context"];
    assert_eq!((&context["@version"], &context["@protected"]), (&json!(1.1), &json!(true)));
    assert_eq!(
        (&context["delegation"]["@type"], &context["approval"]["@type"]),
        (&json!("@json"), &json!("@json"))
    );
    // In an order of our own: a crate of the build may have an object keep that of its text.
    let names: BTreeSet<_> =
        context.as_object().unwrap().keys().filter(|name| !name.starts_with('@')).collect();
    let names: Vec<_> = names.into_iter().collect();
    let own = [legation::credential::approval::TYPE, legation::credential::delegation::TYPE];
    assert_eq!(names, [own[0], own[1], "approval", "delegation"]);
    let delegation = schema("delegation");
    assert_eq!(
        delegation["properties"]["@context"]["const"][1],
        legation::credential::delegation::CONTEXT_LEGATION
    );
}

#[test]
fn codes_are_those_of_the_verifier() {
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(schema("verdict")["$defs"]["code"]["enum"], json!(codes));
}

#[test]
fn dids() {
    let good = [
        "did:web:a.example",
        "did:web:a.example%3A8443:agents:mail",
        "did:web:a.example:some%2Bpath",
        "did:web:a.example%3a8443:some%2bpath:%c3%A9",
        "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp",
        "did:ex:a:b%20",
        "did:ex:a:.",
        "did:web:a.example%3A65535",
        "did:web:localhost",
        "did:web:a.example:%C3%A9",
        "did:web:1a.example",
        "did:web:a.example:x.",
        "did:ex:1.2.3.4",
    ];
    let bad = [
        "",
        "did:",
        "did:web:",
        "DID:ex:a",
        "did:ex:a#f",
        "did:ex:a?q",
        "did:ex:a/b",
        "did:ex:%4",
        "did:ex:a:",
        "did:web:127.0.0.1",
        "did:web:0x7f",
        "did:web:Example.com",
        "did:web:-a.example",
        "did:web:a..example",
        "did:web:a.example.",
        "did:web:a_b.example",
        "did:web:a.example%3A0",
        "did:web:a.example%3A65536",
        "did:web:a.example%3A443",
        "did:web:a.example%3A",
        "did:web:a.example:..",
        "did:web:a.example:.",
        "did:web:a.example::b",
        "did:web:a.example:a%2Fb",
        "did:web:a.example:a%2f",
        "did:web:a.example:a%41",
        "did:web:a%2Fb",
        "did:ex:a\n",
        "did:web:a-.example",
    ];
    let reads = unquoted(|text| text.parse::<Did>().is_ok());
    agree("common#/$defs/did", reads, &quoted(&good), &quoted(&bad));
}

#[test]
fn times_and_digests() {
    let reads = unquoted(|text| time::parse(text, time::Round::Up).is_some());
    let good = [
        "2026-11-21T10:00:00Z",
        "2026-11-21T10:00:00.123456789+01:30",
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:59+14:00",
        "2026-11-21T24:00:00Z",
        "2026-11-21T24:00:00.0+01:00",
        "2026-11-21T10:00:00.1234567890Z",
    ];
    let bad = [
        "2026-11-21T10:00:00+14:01",
        "",
        "2026-11-21",
        "2026-11-21T10:00:00",
        "2026-11-21 10:00:00Z",
        "2026-11-21T10:00:00z",
        "2026-13-21T10:00:00Z",
        "2026-11-32T10:00:00Z",
        "2026-11-21T24:00:01Z",
        "2026-11-21T24:00:00.1Z",
        "2026-11-21T10:00:60Z",
        "2026-11-21T10:00:00.Z",
        "2026-11-21T10:00:00+0100",
        "2026-11-21T10:00:00Z\n",
    ];
    agree("common#/$defs/time", &reads, &quoted(&good), &quoted(&bad));
    let exceptions = [("a day that the month lacks", json!("2026-02-30T10:00:00Z").to_string())];
    beyond_a_schema("common#/$defs/time", reads, &exceptions);

    let reads = unquoted(|text| base64url::decode_array::<32>(text).is_ok());
    let digest = base64url::encode(&[0xfb; 32]);
    let (short, padded, loose) = (&digest[1..], format!("{digest}="), format!("{}x", &digest[..42]));
    agree("common#/$defs/digest", reads, &quoted(&[&digest]), &quoted(&["", short, &padded, &loose]));
}

#[test]
fn actions() {
    let long = format!("{}.", "a".repeat(2047));
    let (longer, open) = (format!("{long}a"), format!("{long}*"));
    let good = ["a", "mcp:tools/call:pay.*", ":*", "a/*", "a{}\"", &long, &open];
    let bad = ["", "*", "pay*", "a*b", "a:**", "a b", "a\u{e9}", "a\n", &longer];
    let reads = unquoted(|text| Pattern::action(text).is_ok());
    agree("common#/$defs/actionPattern", reads, &quoted(&good), &quoted(&bad));
}

#[test]
fn resources() {
    let good = [
        "https://shop.example/",
        "https://shop.example/*",
        "https://shop.example:8443/api/*",
        "http://[2001:db8::1]/",
        "https://127.0.0.1/",
        "https://a/b;c=d/e",
        "https://a/%20",
        "https://a/%c3%A9",
        "urn:isbn:1",
        "foo:/a/*",
        "foo:/:/*",
        "mcp://server",
        "mcp://server/*",
        "file:///etc",
        "https://a/...",
        "https://a/.b",
        "mcp://1.2/",
        "mcp://a:443/",
        "https://a//b",
        "https://a.0y/",
        "foo:a/b",
        "https://a/[".trim_end_matches('['),
    ];
    let bad = [
        "",
        "shop.example/api",
        "https:/a/",
        "https:a",
        "https:///x",
        "https://a",
        "https://A/",
        "HTTPS://a/",
        "https://u@a/",
        "https://a:443/",
        "http://a:80/",
        "ftp://a:21/",
        "wss://a:443/",
        "https://a:/",
        "https://a:080/",
        "https://a:0/",
        "https://a:65536/",
        "https://a/../b",
        "https://a/.",
        "https://a/..;x/b",
        "https://a/%2e",
        "https://a/%2F",
        "https://a/%5c",
        "https://a/%41",
        "https://a/%",
        "https://a/%4",
        "https://a/?q",
        "https://a/#f",
        "https://a/ b",
        "https://a/\\",
        "https://a/*/b",
        "https://a/b*",
        "https://a.*",
        "https://*",
        "*",
        "urn:*",
        "urn:a/*",
        "urn:..",
        "https://1.2/",
        "https://0x7f/",
        "https://1/",
        "https://256.1.1.1/",
        "https://a..b/",
        "file://h/x",
        "file:////x",
        "file:x",
        "foo:",
        "foo://",
        "foo:///x",
        "foo:/*",
        "foo:a/*",
        "foo://*",
        "foo://a*",
        "https://a/[",
        "foo:[",
        "foo:/[",
        "https://[::1/",
        "https://a/\u{e9}",
        "https://a/\n",
        "mcp://A/",
        "mcp://a b/",
        "https://a/%7e",
        "https://a/`",
        "https://[]/",
        "https://a.0x/",
        "https://a/<",
    ];
    let reads = unquoted(|text| Pattern::resource(text).is_ok());
    agree("common#/$defs/resourcePattern", &reads, &quoted(&good), &quoted(&bad));
    let long = format!("https://a/{}/", "b".repeat(2037));
    agree(
        "common#/$defs/resourcePattern",
        &reads,
        &quoted(&[&long, &format!("{long}*")]),
        &quoted(&[&format!("{long}b"), &format!("{long}b/*")]),
    );
    let exceptions = [("an IPv6 address not in its short form", json!("https://[0:0::1]/").to_string())];
    beyond_a_schema("common#/$defs/resourcePattern", reads, &exceptions);
}

static RESOURCE: LazyLock<Validator> = LazyLock::new(|| validator("common#/$defs/resourcePattern"));
static DID: LazyLock<Validator> = LazyLock::new(|| validator("common#/$defs/did"));

proptest! {
    #[test]
    fn no_text_is_a_resource_to_one_only(
        text in "(https|http|ws|wss|ftp|file|foo|urn):(//)?[a-c0-9.x_-]{0,6}(:(80|443|21|8080|0)?)?(/([a-b.;%25cCeEfF:@*?#~\\\\-]|%[0-9a-fA-F]{2}){0,5}){0,3}\\*?"
    ) {
        prop_assert_eq!(RESOURCE.is_valid(&json!(text)), Pattern::resource(&text).is_ok(), "{}", text);
    }

    #[test]
    fn no_text_is_a_did_to_one_only(
        text in "did:(web|key|ex):([a-cA0-9.x_:-]|%3A|%[0-9A-Fa-f]{2}){0,8}(%3A[0-9]{0,5})?(:[a-b.%0-9A-F]{0,4}){0,2}"
    ) {
        prop_assert_eq!(DID.is_valid(&json!(text)), text.parse::<Did>().is_ok(), "{}", text);
    }
}

/// One constraint of each kind, as the wire writes it.
const CONSTRAINTS: [&str; 21] = [
    r#"{"type": "spend", "currency": "USD", "perAction": 5000, "window": {"seconds": 60, "amount": 0}, "actions": ["a.*"]}"#,
    r#"{"type": "spend", "currency": "EUR", "window": {"seconds": 315576000, "amount": 9000000000000}}"#,
    r#"{"type": "total", "fact": "tokens", "perAction": 8000, "window": {"seconds": 86400, "sum": 9007199254740991}}"#,
    r#"{"type": "total", "fact": "mails", "perAction": 0, "actions": ["a.*"]}"#,
    r#"{"type": "rate", "seconds": 1, "max": 0}"#,
    r#"{"type": "rate", "calendar": "week", "offset": "-14:00", "max": 9007199254740991}"#,
    r#"{"type": "spend", "currency": "EUR", "window": {"calendar": "month", "offset": "+00:00", "amount": 1}}"#,
    r#"{"type": "total", "fact": "tokens", "window": {"calendar": "day", "sum": 1}}"#,
    r#"{"type": "audience", "allow": []}"#,
    r#"{"type": "audience", "allow": ["did:web:a.example", "x"], "actions": ["b"]}"#,
    r#"{"type": "argument", "name": "a", "equals": true}"#,
    r#"{"type": "argument", "name": "b", "oneOf": []}"#,
    r#"{"type": "argument", "name": "c", "oneOf": [1, "x", true]}"#,
    r#"{"type": "argument", "name": "d", "notOneOf": ["x"]}"#,
    r#"{"type": "argument", "name": "e", "prefix": "/home/"}"#,
    r#"{"type": "argument", "name": "f", "min": -9007199254740991}"#,
    r#"{"type": "argument", "name": "g", "max": 7}"#,
    r#"{"type": "argument", "name": "h", "rank": "low", "order": ["low", "high"]}"#,
    r#"{"type": "approval", "above": 1, "currency": "USD", "approver": "did:web:a.example"}"#,
    r#"{"type": "approval", "above": 1, "currency": "GBP", "approvers": ["did:web:a.example"]}"#,
    r#"{"type": "approval", "above": 1, "currency": "CHF", "approvers": ["did:web:a.example", "did:web:b.example"], "threshold": 2}"#,
];

fn reads_authority(text: &str) -> bool {
    Authority::parse(text).is_ok()
}

fn authority(constraints: &str) -> String {
    format!(r#"{{"grants": [], "constraints": [{constraints}]}}"#)
}

#[test]
fn constraints() {
    let good: Vec<String> = CONSTRAINTS.iter().map(|one| authority(one)).collect();
    let bad = [
        r#"{"type": "mood"}"#,
        r#"{}"#,
        r#"7"#,
        r#"{"type": "spend", "currency": "USD"}"#,
        r#"{"type": "spend", "currency": "usd", "perAction": 1}"#,
        r#"{"type": "spend", "currency": "US", "perAction": 1}"#,
        r#"{"type": "spend", "perAction": 1}"#,
        r#"{"type": "spend", "currency": "USD", "perAction": -1}"#,
        r#"{"type": "spend", "currency": "USD", "perAction": 1.5}"#,
        r#"{"type": "spend", "currency": "USD", "perAction": null}"#,
        r#"{"type": "spend", "currency": "USD", "perAction": 9000000000001}"#,
        r#"{"type": "spend", "currency": "USD", "window": {"seconds": 1, "amount": 9000000000001}}"#,
        r#"{"type": "approval", "above": 9000000000001, "currency": "USD", "approver": "did:web:a.example"}"#,
        r#"{"type": "total", "fact": "x"}"#,
        r#"{"type": "total", "fact": "", "perAction": 1}"#,
        r#"{"type": "total", "perAction": 1}"#,
        r#"{"type": "total", "fact": "x", "perAction": 9007199254740992}"#,
        r#"{"type": "total", "fact": "x", "perAction": -1}"#,
        r#"{"type": "total", "fact": "x", "currency": "USD", "perAction": 1}"#,
        r#"{"type": "total", "fact": "x", "window": {"seconds": 1, "amount": 1}}"#,
        r#"{"type": "total", "fact": "x", "window": {"seconds": 0, "sum": 1}}"#,
        r#"{"type": "total", "fact": "x", "perAction": 1, "actions": []}"#,
        r#"{"type": "rate", "seconds": 1, "max": 9007199254740992}"#,
        r#"{"type": "spend", "currency": "USD", "perAction": 1, "x": 1}"#,
        r#"{"type": "spend", "currency": "USD", "window": {"seconds": 1}}"#,
        r#"{"type": "spend", "currency": "USD", "window": {"seconds": 0, "amount": 1}}"#,
        r#"{"type": "spend", "currency": "USD", "window": {"seconds": 315576001, "amount": 1}}"#,
        r#"{"type": "spend", "currency": "USD", "window": {"seconds": 1, "amount": 1, "x": 1}}"#,
        r#"{"type": "spend", "currency": "USD", "perAction": 1, "actions": []}"#,
        r#"{"type": "rate", "seconds": 1}"#,
        r#"{"type": "rate", "max": 1}"#,
        r#"{"type": "rate", "calendar": "day", "seconds": 1, "max": 1}"#,
        r#"{"type": "rate", "seconds": 1, "offset": "+02:00", "max": 1}"#,
        r#"{"type": "rate", "calendar": "year", "max": 1}"#,
        r#"{"type": "rate", "calendar": "day", "offset": "-00:00", "max": 1}"#,
        r#"{"type": "rate", "calendar": "day", "offset": "+14:01", "max": 1}"#,
        r#"{"type": "rate", "calendar": "day", "offset": "Z", "max": 1}"#,
        r#"{"type": "total", "fact": "x", "window": {"calendar": "day", "offset": "+2:00", "sum": 1}}"#,
        r#"{"type": "spend", "currency": "USD", "window": {"calendar": "day", "seconds": 1, "amount": 1}}"#,
        r#"{"type": "spend", "currency": "USD", "window": {"offset": "+02:00", "amount": 1}}"#,
        r#"{"type": "rate", "seconds": "1", "max": 1}"#,
        r#"{"type": "rate", "seconds": 1, "max": 1, "actions": ["a*"]}"#,
        r#"{"type": "audience"}"#,
        r#"{"type": "audience", "allow": [1]}"#,
        r#"{"type": "audience", "allow": "x"}"#,
        r#"{"type": "argument", "name": "a"}"#,
        r#"{"type": "argument", "equals": 1}"#,
        r#"{"type": "argument", "name": "", "equals": 1}"#,
        r#"{"type": "argument", "name": "a", "equals": null}"#,
        r#"{"type": "argument", "name": "a", "equals": [1]}"#,
        r#"{"type": "argument", "name": "a", "equals": 1.5}"#,
        r#"{"type": "argument", "name": "a", "equals": 1, "max": 1}"#,
        r#"{"type": "argument", "name": "a", "notOneOf": []}"#,
        r#"{"type": "argument", "name": "a", "notOneOf": [1, "x"]}"#,
        r#"{"type": "argument", "name": "a", "prefix": "/../"}"#,
        r#"{"type": "argument", "name": "a", "prefix": "a//b"}"#,
        r#"{"type": "argument", "name": "a", "prefix": "a\\b"}"#,
        r#"{"type": "argument", "name": "a", "prefix": "a%b"}"#,
        r#"{"type": "argument", "name": "a", "prefix": "a\u0000"}"#,
        r#"{"type": "argument", "name": "a", "prefix": 1}"#,
        r#"{"type": "argument", "name": "a", "min": "1"}"#,
        r#"{"type": "argument", "name": "a", "rank": 1}"#,
        r#"{"type": "argument", "name": "a", "order": [1]}"#,
        r#"{"type": "argument", "name": "a", "rank": 1, "order": []}"#,
        r#"{"type": "argument", "name": "a", "rank": 1, "order": [1, 1]}"#,
        r#"{"type": "argument", "name": "a", "rank": 1, "order": [1], "max": 1}"#,
        r#"{"type": "approval", "above": 1, "currency": "USD"}"#,
        r#"{"type": "approval", "above": 1, "currency": "USD", "approver": "me"}"#,
        r#"{"type": "approval", "above": 1, "currency": "USD", "approver": "did:web:a.example", "threshold": 1}"#,
        r#"{"type": "approval", "above": 1, "currency": "USD", "approver": "did:web:a.example", "approvers": ["did:web:a.example"]}"#,
        r#"{"type": "approval", "above": 1, "currency": "USD", "approvers": []}"#,
        r#"{"type": "approval", "above": 1, "currency": "USD", "approvers": ["did:web:a.example", "did:web:a.example"]}"#,
        r#"{"type": "approval", "above": 1, "currency": "USD", "approvers": ["did:web:a.example"], "threshold": 0}"#,
        r#"{"type": "approval", "above": 1, "currency": "USD", "approvers": "did:web:a.example"}"#,
    ];
    let bad: Vec<String> = bad.iter().map(|one| authority(one)).collect();
    agree("authority", reads_authority, &good, &bad);

    let long = "é".repeat(2049);
    let pairs = r#"{"actions": ["a", "b", "c", "d"], "resources": ["https://a/1", "https://a/2"]}"#;
    let exceptions = [
        ("an integer written as a float", authority(r#"{"type": "rate", "seconds": 60.0, "max": 1}"#)),
        ("a member twice", authority(r#"{"type": "rate", "seconds": 60, "seconds": 60, "max": 1}"#)),
        (
            "a rank that is not in the order",
            authority(r#"{"type": "argument", "name": "a", "rank": 1, "order": [2]}"#),
        ),
        (
            "two constraints for one thing",
            authority(
                r#"{"type": "rate", "seconds": 1, "max": 0}, {"type": "rate", "seconds": 1, "max": 9}"#,
            ),
        ),
        (
            "a text counted in bytes",
            authority(&json!({"type": "argument", "name": "a", "equals": long}).to_string()),
        ),
        (
            "a name counted in bytes",
            authority(&json!({"type": "argument", "name": &long[..200], "equals": 1}).to_string()),
        ),
        ("pairs counted over all grants", format!(r#"{{"grants": [{}]}}"#, vec![pairs; 33].join(","))),
    ];
    beyond_a_schema("authority", reads_authority, &exceptions);
}

#[test]
fn authorities() {
    let good = [
        r#"{"grants": []}"#,
        r#"{"grants": [], "constraints": []}"#,
        r#"{"grants": [{"actions": [], "resources": []}]}"#,
        r#"{"grants": [{"actions": ["a.*"], "resources": ["https://a/*"]}]}"#,
    ];
    let bad = [
        "{}",
        "[]",
        r#"{"grants": "everything"}"#,
        r#"{"grants": [], "constraints": null}"#,
        r#"{"grants": [], "x": 1}"#,
        r#"{"grants": [[]]}"#,
        r#"{"grants": [{"actions": []}]}"#,
        r#"{"grants": [{"actions": [], "resources": [], "x": 1}]}"#,
        r#"{"grants": [{"actions": ["*"], "resources": []}]}"#,
        r#"{"grants": [{"actions": [], "resources": ["a"]}]}"#,
        r#"{"grants": [{"actions": [1], "resources": []}]}"#,
    ];
    agree("authority", reads_authority, &good, &bad);
    let everything = Authority::parse(&authority(&CONSTRAINTS.join(","))).unwrap();
    assert_valid("authority", &everything.to_json());
    for one in CONSTRAINTS {
        assert_valid("authority", &Authority::parse(&authority(one)).unwrap().to_json());
    }
}

fn company() -> SecretKey {
    SecretKey::from_ed25519_seed(&[1; 32]).unwrap()
}

fn agent() -> SecretKey {
    SecretKey::from_ed25519_seed(&[2; 32]).unwrap()
}

fn did(key: &SecretKey) -> Did {
    key::did(key.public_key())
}

fn terms(constraints: &str, status: usize) -> Terms {
    let entry = StatusEntry {
        purpose: StatusPurpose::Revocation,
        list: "https://acme.example/status/1".to_owned(),
        index: 7,
    };
    let authority = json!({
        "grants": [{"actions": ["pay.*"], "resources": ["https://shop.example/*"]}], "constraints": from(constraints),
    });
    Terms {
        id: Some("urn:uuid:1".to_owned()),
        subject: did(&agent()),
        valid_from: NOW,
        valid_until: NOW + 3600,
        max_depth: 1,
        account: None,
        authority: Authority::parse(&authority.to_string()).unwrap(),
        status: vec![entry; status],
    }
}

fn link(constraints: &str, status: usize) -> String {
    let (company, issuer) = (company(), did(&company()));
    issue(terms(constraints, status), &issuer, &key::method_id(&issuer), &company).unwrap()
}

fn reads_delegation(text: &str) -> bool {
    json::parse(text.as_bytes(), LIMITS).is_ok_and(|claims| Delegation::from_claims(&claims).is_ok())
}

#[test]
fn delegations() {
    for status in [0, 1, 4] {
        let written = Delegation::read_unverified(&link("[]", status)).unwrap();
        assert_valid("delegation", &written.to_json());
        let child = Delegation { parent: Some([9; 32]), ..written };
        assert_valid("delegation", &child.to_json());
    }
    let base = Delegation::read_unverified(&link("[]", 1)).unwrap().to_json();
    let (subject, inner, status) =
        ("/credentialSubject", "/credentialSubject/delegation", "/credentialStatus");
    let at = |parent: &str, member: &str| format!("{parent}/{member}");
    let entry = &base["credentialStatus"];
    let mut message = entry.clone();
    message["statusPurpose"] = "message".into();
    message["statusSize"] = 2.into();
    let good = json!([
        ["/id", null], ["/name", "ignored"], ["/issuer", {"id": "did:web:a.example", "name": "Acme"}],
        ["/type", ["X", "DelegationCredential", "VerifiableCredential"]], ["/nbf", 7], ["/exp", -7], ["/exp", 1.5], ["/exp", 7.0], ["/iss", "x"],
        ["/sub", "x"], ["/aud", "x"], ["/aud", ["x", "y"]], ["/cnf", {"kid": "x", "other": 1}], [status, message], [status, null], [status, [entry, entry]], [at(subject, "name"), "ignored"], [at(inner, "parent"), null],
        [at(inner, "parent"), base64url::encode(&[1; 32])], [at(inner, "maxDepth"), 4_294_967_295_u32],
        [at(inner, "constraints"), []], [at(status, "statusSize"), 1], [at(status, "type"), ["BitstringStatusListEntry"]],
        [at(status, "statusListIndex"), "007"], [at(status, "id"), "ignored"], ["/validFrom", "2026-11-21T11:00:00+01:00"],
    ]);
    let bad = json!([
        ["/@context", ["https://www.w3.org/ns/credentials/v2"]], ["/@context", null],
        ["/@context", ["https://w3id.org/legation/v1", "https://www.w3.org/ns/credentials/v2"]],
        ["/@context", ["https://www.w3.org/ns/credentials/v2", "https://w3id.org/legation/v1", {}]],
        ["/type", "DelegationCredential"], ["/type", ["VerifiableCredential"]], ["/type", null], ["/id", 7],
        ["/issuer", null], ["/issuer", "acme"], ["/issuer", {"name": "x"}], ["/validFrom", null], ["/validUntil", 7],
        ["/validUntil", "tomorrow"], ["/nbf", "7"], ["/exp", 1e300], ["/vc", {}], ["/vp", 1],
        [subject, null], [subject, [base["credentialSubject"]]], [at(subject, "id"), null], [inner, null], [inner, []],
        [at(inner, "x"), 1], [at(inner, "principal"), null], [at(inner, "principal"), "acme"], [at(inner, "parent"), "short"],
        [at(inner, "maxDepth"), -1], [at(inner, "maxDepth"), 4_294_967_296_u64], [at(inner, "maxDepth"), "1"],
        [at(inner, "grants"), null], [at(inner, "grants"), "everything"], [at(inner, "constraints"), {}],
        [status, []], [status, [entry, entry, entry, entry, entry]], [status, "x"], [at(status, "type"), "X"],
        [at(status, "statusPurpose"), "retention"], [at(status, "statusPurpose"), null], [at(status, "statusSize"), 2],
        [at(status, "statusListIndex"), 7], [at(status, "statusListIndex"), ""], [at(status, "statusListIndex"), "-1"],
        [at(status, "statusListCredential"), "urn:a"], [at(status, "statusListCredential"), "https://a/*"],
        [at(status, "statusListCredential"), "https://a"],
    ]);
    agree_on_changes("delegation", &base, reads_delegation, &good, &bad);
    let exceptions = [(
        "an index beyond 64 bits",
        with(&base, "/credentialStatus/statusListIndex", &json!("9".repeat(20))),
    )];
    beyond_a_schema("delegation", reads_delegation, &exceptions);
}

fn shop_trust() -> Trust {
    let mut trust = Trust::new(SHOP);
    trust.roots.insert(did(&company()), Authority::everything());
    trust.max_unrevocable = 3600;
    trust
}

fn presented(constraints: &str) -> String {
    let (agent, holder) = (agent(), did(&agent()));
    let occasion =
        Occasion { audience: SHOP, nonce: "n", issued_at: NOW, expires_at: NOW + 60, transcript: None };
    present(&[&link(constraints, 0)], &holder, occasion, &key::method_id(&holder), &agent).unwrap()
}

fn claims(secured: &str) -> Value {
    serde_json::from_slice(&base64url::decode(jws::split(secured).unwrap().payload).unwrap()).unwrap()
}

#[test]
fn presentations() {
    let base = claims(&presented("[]"));
    let reads = |text: &str| {
        let secured = jws::sign("vp+jwt", "did:ex:a#k", text.as_bytes(), &agent()).unwrap();
        parse(secured.as_bytes(), &shop_trust()).is_ok()
    };
    let envelope = "/verifiableCredential/0";
    let at = |member: &str| format!("{envelope}/{member}");
    let good = json!([
        ["/name", "ignored"],
        ["/aud", ["x"]],
        ["/nbf", 7],
        ["/iat", 1.5],
        ["/exp", 1.5],
        ["/iss", "x"],
        ["/transcript", "A".repeat(43)],
        ["/type", "VerifiablePresentation"],
        [at("@context"), "https://www.w3.org/ns/credentials/v2"],
        [at("type"), ["EnvelopedVerifiableCredential"]],
    ]);
    let bad = json!([
        ["/@context", null], ["/@context", "https://www.w3.org/ns/credentials/v2"], ["/type", "X"], ["/holder", null],
        ["/holder", {"id": "did:ex:a"}], ["/verifiableCredential", null], ["/verifiableCredential", []],
        ["/verifiableCredential", {}], [envelope, "x"], [at("@context"), null], [at("type"), null], [at("id"), "x"],
        [at("id"), "data:application/vc+jwt,a.b"], ["/aud", null], ["/aud", []], ["/aud", ["x", "y"]], ["/aud", [1]],
        ["/nonce", null], ["/nonce", ""], ["/nonce", "n".repeat(129)], ["/iat", null], ["/iat", "1"], ["/exp", null],
        ["/exp", 1e300], ["/nbf", "x"], ["/iss", 1], ["/vp", {}], ["/vc", {}], ["/transcript", 7], ["/transcript", ""],
        ["/transcript", "A".repeat(42)], ["/transcript", "B".repeat(43)],
    ]);
    agree_on_changes("presentation", &base, reads, &good, &bad);
    let exceptions = [
        ("a nonce counted in bytes", with(&base, "/nonce", &json!("é".repeat(128)))),
        (
            "what the envelope holds",
            with(&base, &at("id"), &json!(format!("data:application/vc+jwt,a.b.{}", "A".repeat(86)))),
        ),
    ];
    beyond_a_schema("presentation", reads, &exceptions);
}

#[test]
fn trust_settings() {
    let sample = from(&fs::read_to_string(root("did-documents/trust.json")).unwrap());
    let reads = |text: &str| Trust::parse(text.as_bytes()).is_ok();
    let root = |ceiling: Value| json!([{"did": "did:web:a.example", "ceiling": ceiling}]);
    let good = json!([
        ["/roots", []], ["/roots", root(json!("everything"))], ["/roots", root(json!({"grants": []}))],
        ["/algorithms", []], ["/algorithms", ["EdDSA", "Ed25519", "ES256"]], ["/statusIssuers", ["did:web:b.example"]],
        ["/clockSkew", 0], ["/clockSkew", 600], ["/maxPresentationAge", 300], ["/maxDocumentAge", 31_536_000],
        ["/maxUnrevocable", 315_576_000], ["/maxOfflineChild", 0], ["/maxOfflineChild", 86_400], ["/maxApprovalAge", 0], ["/maxApprovalAge", 86_400],
        ["/signals", []], ["/signals", [{"issuer": "https://a.example:8443", "jwks": "https://a.example/jwks"}]],
        ["/signals", [{"issuer": "http://localhost:80", "jwks": "http://localhost:80/j", "events": ["https://x.example/e"]}]],
        ["/vouched", true], ["/vouched", false], ["/limits", {}], ["/limits", {"linkBytes": 65536, "chainLinks": 64, "chainConstraints": 8192, "chainPairs": 16384}],
    ]);
    let bad = json!([
        ["/x", 1], ["/audience", null], ["/audience", 1], ["/roots", null], ["/roots", {}], ["/roots", [1]],
        ["/roots", root(json!("all"))], ["/roots", root(json!({}))], ["/roots", root(json!({"grants": [], "x": 1}))],
        ["/roots", [{"did": "did:web:a.example"}]], ["/roots", [{"ceiling": "everything"}]],
        ["/roots", [{"did": "x", "ceiling": "everything"}]], ["/roots", [{"did": "did:ex:a", "ceiling": "everything", "x": 1}]],
        ["/algorithms", ["RS256"]], ["/algorithms", "EdDSA"], ["/statusIssuers", ["x"]], ["/clockSkew", 601], ["/clockSkew", -1],
        ["/clockSkew", "1"], ["/maxPresentationAge", 301], ["/maxDocumentAge", 31_536_001], ["/maxStatusAge", 1.5],
        ["/maxUnrevocable", 315_576_001], ["/maxOfflineChild", 86_401], ["/maxApprovalAge", 86_401], ["/maxOfflineChild", -1],
        ["/signals", {}], ["/signals", [1]], ["/signals", [{"issuer": "https://a.example"}]], ["/signals", [{"jwks": "https://a.example/"}]],
        ["/signals", [{"issuer": "https://a.example/x", "jwks": "https://a.example/"}]],
        ["/signals", [{"issuer": "http://a.example", "jwks": "https://a.example/"}]],
        ["/signals", [{"issuer": "https://a.example", "jwks": "http://a.example/"}]],
        ["/signals", [{"issuer": "https://a.example", "jwks": "http://localhost"}]],
        ["/signals", [{"issuer": "https://a.example", "jwks": "https://a.example/", "events": []}]],
        ["/signals", [{"issuer": "https://a.example", "jwks": "https://a.example/", "x": 1}]],
        ["/vouched", 1], ["/vouched", "true"], ["/limits", []], ["/limits", {"x": 1}], ["/limits", {"linkBytes": 0}],
        ["/limits", {"linkBytes": 65537}], ["/limits", {"jsonDepth": 65}], ["/limits", {"chainLinks": 65}],
        ["/limits", {"chainConstraints": 8193}], ["/limits", {"chainPairs": 16385}],
        ["/limits", {"presentationBytes": 16_777_217}], ["/limits", {"statusEntries": 268_435_457}],
    ]);
    agree_on_changes("trust", &sample, reads, &good, &bad);
    let root = root(json!("everything"))[0].clone();
    let source = json!({"issuer": "https://a.example", "jwks": "https://a.example/jwks"});
    let exceptions = [
        ("a root twice", with(&sample, "/roots", &json!([root, root]))),
        ("an issuer of signals twice", with(&sample, "/signals", &json!([source, source]))),
    ];
    beyond_a_schema("trust", reads, &exceptions);
}

#[test]
fn approvals() {
    let approval = Approval {
        issuer: "did:web:boss.example".parse().unwrap(),
        agent: "did:web:agent.example".parse().unwrap(),
        request: [7; 32],
        valid_from: NOW,
        valid_until: NOW + 600,
    };
    let reads = |text: &str| {
        let json = json::parse(text.as_bytes(), JsonLimits { bytes: 8192, depth: 8 });
        json.is_ok_and(|json| Approval::from_claims(&json).is_ok())
    };
    let request = |value: Value| json!({"id": "did:web:agent.example", "approval": value});
    let subject = "/credentialSubject";
    let good = json!([["/id", "urn:x:1"], ["/issuer", {"id": "did:web:boss.example"}], ["/x", 1]]);
    let bad = json!([
        ["/aud", "x"],
        ["/cnf", {}],
        ["/credentialStatus", {}],
        ["/status", {}],
        ["/validUntil", null],
        ["/validFrom", 7],
        ["/type", ["VerifiableCredential"]],
        ["/@context", []],
        ["/issuer", "boss"],
        [subject, request(json!({}))],
        [subject, request(json!({"request": "short"}))],
        [subject, request(json!({"request": "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc", "x": 1}))],
        [subject, {}],
    ]);
    agree_on_changes("approval", &approval.to_json(), reads, &good, &bad);
}

#[test]
fn evidence() {
    let sample = from(&fs::read_to_string(root("did-documents/evidence.json")).unwrap());
    let reads = |text: &str| Evidence::parse(text.as_bytes(), 1 << 20).is_ok();
    let (document, list) = ("/didDocuments/0", "/statusLists/0");
    let at = |parent: &str, member: &str| format!("{parent}/{member}");
    let good = json!([
        ["/didDocuments", null], ["/statusLists", []], [at(document, "document"), {"id": "did:web:a.example"}],
        [at(document, "document"), null], [at(document, "document"), 7], [at(list, "newestSeen"), "2026-11-21T10:00:00Z"],
        [at(list, "credential"), "no list"], [at(list, "credential"), {}],
    ]);
    let bad = json!([
        ["/x", 1],
        ["/didDocuments", {}],
        ["/statusLists", 1],
        [document, 1],
        [at(document, "x"), 1],
        [at(document, "did"), "x"],
        [at(document, "did"), null],
        [at(document, "fetchedAt"), null],
        [at(document, "fetchedAt"), 7],
        [list, []],
        [at(list, "url"), null],
        [at(list, "credential"), []],
        [at(list, "credential"), null],
        [at(list, "fetchedAt"), "x"],
        [at(list, "newestSeen"), 7],
        [at(list, "newestSean"), "2026-11-21T10:00:00Z"],
    ]);
    let validator = validator("evidence");
    assert!(reads("{}") && validator.is_valid(&json!({})), "no evidence is evidence");
    let changed = |table: &Value, wanted: bool| {
        for row in table.as_array().unwrap() {
            let text = with(&sample, row[0].as_str().unwrap(), &row[1]);
            assert_eq!((reads(&text), validator.is_valid(&from(&text))), (wanted, wanted), "{row}");
        }
    };
    changed(&good, true);
    changed(&bad, false);
}

#[test]
fn status_lists() {
    let list = StatusListCredential {
        id: Some("https://acme.example/status/1".to_owned()),
        issuer: did(&company()),
        valid_from: NOW,
        valid_until: Some(NOW + 60),
        purposes: vec![StatusPurpose::Revocation],
        list: StatusList::new(0),
    };
    let both = vec![StatusPurpose::Revocation, StatusPurpose::Suspension];
    assert_valid(
        "status-list",
        &StatusListCredential { valid_until: None, purposes: both, ..list.clone() }.to_json(),
    );
    let reads = |text: &str| {
        let secured = jws::sign("vc+jwt", "did:ex:a#k", text.as_bytes(), &company()).unwrap();
        SignedStatusList::parse(&secured, MIN_ENTRIES).is_ok()
    };
    let subject = |member: &str| format!("/credentialSubject/{member}");
    let good = json!([
        ["/name", "ignored"], ["/id", null], ["/validUntil", null], ["/exp", 7], ["/exp", 7.5], ["/issuer", {"id": did(&company()).as_str()}],
        [subject("statusPurpose"), ["revocation", 7, "message"]], [subject("id"), null], [subject("type"), ["BitstringStatusList"]],
    ]);
    let bad = json!([
        ["/@context", null],
        ["/id", 7],
        ["/type", "BitstringStatusListCredential"],
        ["/issuer", null],
        ["/validFrom", null],
        ["/validUntil", "x"],
        ["/exp", "7"],
        ["/iss", 7],
        ["/credentialSubject", []],
        [subject("type"), null],
        [subject("statusPurpose"), null],
        [subject("statusPurpose"), 1],
        [subject("encodedList"), null],
        [subject("encodedList"), "z"],
    ]);
    let base = list.to_json();
    agree_on_changes("status-list", &base, reads, &good, &bad);
    let exceptions = [
        ("what the list unpacks to", with(&base, &subject("encodedList"), &json!("uAAAA"))),
        ("that `iss` is the issuer", with(&base, "/iss", &json!("did:ex:other"))),
    ];
    beyond_a_schema("status-list", reads, &exceptions);
}

/// Receipts of a permit, of a chain without a request, of a denied request, and of bytes that could not
/// be read.
fn receipts() -> [Value; 4] {
    let constraints = r#"[{"type": "rate", "seconds": 60, "max": 5}]"#;
    let (secured, trust) = (presented(constraints), shop_trust());
    let presentation = parse(secured.as_bytes(), &trust).unwrap();
    let chain = verify(&presentation, &trust, &Evidence::new(), "n", NOW).unwrap();
    let request = |action: &str| {
        let facts = Facts::from([("a".to_owned(), "b".into())]);
        Request::new(action, "https://shop.example/x", facts).unwrap()
    };
    let permit = authorize(&chain, &request("pay.in"), NOW).into_permit().unwrap();
    let committed = MemoryLedger::new().commit(permit, NOW).unwrap();
    let other = request("read");
    let denial = authorize(&chain, &other, NOW).into_permit().unwrap_err();
    let about = receipt::Subject {
        presented: secured.as_bytes(),
        chain: Some(&chain),
        request: Some(&other),
        transcript: None,
    };
    let nothing = receipt::Subject { presented: b"x", ..receipt::Subject::default() };
    let unreadable = parse(b"x", &trust).unwrap_err();
    [
        receipt::of_permit(&committed, &chain, &trust),
        receipt::of_chain(&chain, &trust, NOW),
        receipt::of_denial(&denial, about, &trust, NOW),
        receipt::of_denial(&unreadable, nothing, &trust, NOW),
    ]
    .map(|bytes| serde_json::from_slice(&bytes).unwrap())
}

#[test]
fn receipts_are_as_they_are_written() {
    let [permit, valid, denied, unreadable] = receipts();
    for written in [
        &permit,
        &valid,
        &denied,
        &unreadable,
        &claims(&fs::read_to_string(root("did-documents/receipt.jwt")).unwrap()),
    ] {
        assert_valid("receipt", written);
    }
    let validator = validator("receipt");
    for (base, pointer, value) in [
        (&permit, "/decision", json!("deny")),
        (&permit, "/decision", json!("valid")),
        (&valid, "/decision", json!("permit")),
        (&valid, "/chain", Value::Null),
        (&valid, "/request", permit["request"].clone()),
        (&valid, "/transcript", json!("short")),
        (&permit, "/consumed", Value::Null),
        (&permit, "/consumed/nonce", Value::Null),
        (&permit, "/possession", json!("claimed")),
        (&permit, "/possession", json!("vouched")),
        (&permit, "/knownBy", json!("key-1")),
        (&permit, "/request", Value::Null),
        (&permit, "/code", json!("expired")),
        (&permit, "/chain", json!([])),
        (&permit, "/type", json!("Receipt")),
        (&permit, "/consumed/debits/0/amount", json!(-1)),
        (&permit, "/x", json!(1)),
        (&denied, "/decision", json!("permit")),
        (&denied, "/code", json!("mood")),
        (&denied, "/agent", Value::Null),
        (&unreadable, "/found", Value::Null),
        (&unreadable, "/presentation", json!("short")),
        (&unreadable, "/at", json!(7)),
        (&unreadable, "/link", json!(-1)),
    ] {
        assert!(!validator.is_valid(&from(&with(base, pointer, &value))), "{pointer} {value}");
    }
}

#[test]
fn the_sample_delegation_is_valid() {
    assert_valid("delegation", &from(&fs::read_to_string(root("did-documents/delegation.json")).unwrap()));
    assert_eq!(Algorithm::ALL.len(), 2, "the algorithms that trust.schema.json names");
}
