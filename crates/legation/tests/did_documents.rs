//! The sample documents in `did-documents/`: each is loaded here through the library, and none
//! lies there that nothing loads. `cargo test -p legation --test did_documents -- --ignored`
//! writes them anew.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the helpers of tests may panic as tests do"
)]

use legation::{
    Algorithm, Authority, Decision, Delegation, Did, Document, Evidence, Facts, MemoryLedger, Occasion,
    Request, SecretKey, Signer, Terms, Trust, authorize,
    credential::status::{self, StatusEntry, StatusList, StatusListCredential, StatusPurpose},
    did::{KeyLookupError, KeyUse, Purpose, key, method_id, web},
    issue,
    keys::{
        json::{self, JsonLimits},
        jws, time,
    },
    parse, pass_on, present,
    verifier::receipt,
    verify,
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, fs, path::PathBuf};

/// 2026-11-21T10:00:00Z: when the samples were made.
const NOW: i64 = 1_795_255_200;
const NONCE: &str = "sample-nonce";
const LIST: &str = "https://acme.example/status/1";
const DAY: i64 = 86_400;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../did-documents").join(name)
}

fn read(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap()
}

/// The sample key of a number: its seed is that byte, 32 times. Everybody knows it.
fn sample_key(number: u8) -> SecretKey {
    SecretKey::from_ed25519_seed(&[number; 32]).unwrap()
}

fn company() -> SecretKey {
    sample_key(1)
}

fn agent() -> (SecretKey, Did) {
    (sample_key(2), key::did(sample_key(2).public_key()))
}

fn helper() -> (SecretKey, Did) {
    (sample_key(3), key::did(sample_key(3).public_key()))
}

fn shop() -> SecretKey {
    sample_key(4)
}

/// A P-256 key, the private part of which is the byte 6, 32 times.
fn company_p256() -> SecretKey {
    SecretKey::from_jwk(
        r#"{"kty":"EC","crv":"P-256","d":"BgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgY",
        "x":"sFFMTBNUDyOX9UcZ8zMufvOOQq2dwItx5mDOFrnojQk","y":"Tn863IiOlE1F1eRZTj--KJGAuxzX_FXRtcfLUBwJylA"}"#,
    )
    .unwrap()
}

fn did(text: &str) -> Did {
    text.parse().unwrap()
}

fn acme() -> Did {
    did("did:web:acme.example")
}

fn usable(document: &Document, id: &str, algorithm: Algorithm) -> Result<(), KeyLookupError> {
    let wanted = KeyUse { id, algorithm, purpose: Purpose::AssertionMethod, now: NOW };
    document.key(wanted).map(|_| ())
}

#[test]
fn a_document_with_json_web_keys() {
    let document = Document::parse(read("acme.example.did.json").as_bytes()).unwrap();
    assert_eq!(document.id(), &acme());
    for (key, algorithm) in [(company(), Algorithm::EdDsa), (company_p256(), Algorithm::Es256)] {
        let id = method_id(&acme(), key.public_key());
        assert_eq!(usable(&document, &id, algorithm), Ok(()));
        assert_eq!(document.methods_of(key.public_key()).collect::<Vec<_>>(), [id]);
    }
}

#[test]
fn a_document_with_a_multikey() {
    let document = Document::parse(read("shop.example.did.json").as_bytes()).unwrap();
    assert_eq!(usable(&document, "did:web:shop.example#key-1", Algorithm::EdDsa), Ok(()));
    assert!(document.methods_of(shop().public_key()).next().is_some());
}

#[test]
fn a_document_with_a_revoked_key() {
    let document = Document::parse(read("rotated.example.did.json").as_bytes()).unwrap();
    let revoked = usable(&document, "did:web:rotated.example#key-1", Algorithm::EdDsa);
    assert!(matches!(revoked, Err(KeyLookupError::Revoked { .. })), "{revoked:?}");
    assert_eq!(usable(&document, "did:web:rotated.example#key-2", Algorithm::EdDsa), Ok(()));
}

#[test]
fn a_delegation_without_its_signature() {
    let text = read("delegation.json");
    let claims = json::parse(text.as_bytes(), JsonLimits { bytes: 10_000, depth: 16 }).unwrap();
    let delegation = Delegation::from_claims(&claims).unwrap();
    assert_eq!((&delegation.issuer, &delegation.terms.subject), (&acme(), &agent().1));
    assert_eq!(delegation.to_json(), serde_json::from_str::<Value>(&text).unwrap());
}

#[test]
fn trust_evidence_and_presentation_go_together_and_the_receipt_tells_of_them() {
    let trust = Trust::parse(read("trust.json").as_bytes()).unwrap();
    let evidence = Evidence::parse(read("evidence.json").as_bytes(), trust.limits.status_entries).unwrap();
    let presented = read("presentation.jwt");
    let presentation = parse(presented.as_bytes(), &trust).unwrap();
    assert_eq!(presentation.claims().next().unwrap().to_json(), value("delegation.json"));
    let chain = verify(&presentation, &trust, &evidence, NONCE, NOW + 30).unwrap();
    assert_eq!((chain.principal(), chain.agent()), (&acme(), &helper().1));
    assert!(matches!(authorize(&chain, &request(), NOW + 30), Decision::Permit(_)));

    let signer = Document::parse(read("shop.example.did.json").as_bytes()).unwrap();
    let told = receipt::verify(&read("receipt.jwt"), &signer).unwrap();
    assert_eq!((&told["decision"], &told["agent"]), (&json!("permit"), &json!(helper().1.as_str())));
    let used: Vec<_> = chain.evidence().iter().map(legation::verifier::Used::to_json).collect();
    assert_eq!(told["evidence"], Value::from(used));
}

#[test]
fn no_document_lies_there_that_no_test_loads() {
    let listed =
        fs::read_dir(path("")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut known: BTreeSet<String> = samples().into_iter().map(|(name, _)| name.to_owned()).collect();
    known.insert("README.md".to_owned());
    assert_eq!(listed.collect::<BTreeSet<_>>(), known);
}

#[test]
#[ignore = "writes the samples anew"]
fn write_the_samples() {
    for (name, text) in samples() {
        fs::write(path(name), text).unwrap();
    }
}

fn value(name: &str) -> Value {
    serde_json::from_str(&read(name)).unwrap()
}

fn pretty(json: &Value) -> String {
    format!("{json:#}\n")
}

fn samples() -> Vec<(&'static str, String)> {
    let acme_document = pretty(&acme_document());
    let chain = chain();
    let presented = presentation(&chain);
    let evidence = pretty(&evidence(&acme_document));
    let trust = pretty(&trust());
    let receipt = signed_receipt(&presented, &trust, &evidence);
    vec![
        ("acme.example.did.json", acme_document),
        ("shop.example.did.json", pretty(&multikey_document("did:web:shop.example", &[(4, None)]))),
        (
            "rotated.example.did.json",
            pretty(&multikey_document(
                "did:web:rotated.example",
                &[(5, Some("2026-06-01T00:00:00Z")), (7, None)],
            )),
        ),
        ("delegation.json", pretty(&Delegation::read_unverified(&chain[0]).unwrap().to_json())),
        ("trust.json", trust),
        ("evidence.json", evidence),
        ("presentation.jwt", format!("{presented}\n")),
        ("receipt.jwt", format!("{receipt}\n")),
    ]
}

fn acme_document() -> Value {
    let keys = [company().public_key().clone(), company_p256().public_key().clone()];
    web::document(&acme(), &keys).to_json()
}

/// A document with Multikeys, by the numbers of their sample keys, each with when it was revoked.
fn multikey_document(did: &str, keys: &[(u8, Option<&str>)]) -> Value {
    let method = |(index, (number, revoked)): (usize, &(u8, Option<&str>))| {
        let mut method = json!({
            "id": format!("{did}#key-{}", index + 1), "type": "Multikey", "controller": did,
            "publicKeyMultibase": sample_key(*number).public_key().to_multikey(),
        });
        if let Some(revoked) = revoked {
            method["revoked"] = (*revoked).into();
        }
        method
    };
    let methods: Vec<Value> = keys.iter().enumerate().map(method).collect();
    let ids: Vec<&Value> = methods.iter().map(|method| &method["id"]).collect();
    json!({
        "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"],
        "id": did, "assertionMethod": ids, "authentication": ids, "verificationMethod": methods,
    })
}

fn trust() -> Value {
    json!({
        "audience": "did:web:shop.example",
        "roots": [{"did": acme().as_str(), "ceiling": {
            "grants": [{"actions": ["a2a:skill:*"], "resources": ["https://shop.example/*"]}],
            "constraints": [{"type": "spend", "currency": "EUR", "perAction": 100_000}],
        }}],
        "maxStatusAge": 3600,
        "maxUnrevocable": 3600,
    })
}

fn terms(subject: Did, lifetime: i64, max_depth: u32, authority: &Value, status: bool) -> Terms {
    let entry = StatusEntry { purpose: StatusPurpose::Revocation, list: LIST.to_owned(), index: 94_567 };
    Terms {
        id: status.then(|| "urn:uuid:6f0d6f0e-9a3c-4a51-8f5e-1c2d3e4f5a6b".to_owned()),
        subject,
        valid_from: NOW,
        valid_until: NOW + lifetime,
        max_depth,
        account: None,
        authority: Authority::parse(&authority.to_string()).unwrap(),
        status: if status { vec![entry] } else { vec![] },
    }
}

/// Acme to its agent, and the agent to a helper, which may do less.
fn chain() -> Vec<String> {
    let wide = json!({
        "grants": [{"actions": ["a2a:skill:book", "a2a:skill:search"], "resources": ["https://shop.example/rooms/*"]}],
        "constraints": [
            {"type": "spend", "currency": "EUR", "perAction": 50_000, "window": {"seconds": 2_592_000, "amount": 200_000}},
            {"type": "rate", "seconds": 60, "max": 60},
            {"type": "audience", "allow": ["did:web:shop.example"]},
            {"type": "argument", "name": "channel", "oneOf": ["web", "phone"], "actions": ["a2a:skill:book"]},
            {"type": "approval", "above": 40_000, "currency": "EUR", "approver": helper().1.as_str()},
        ],
    });
    let narrow = json!({
        "grants": [{"actions": ["a2a:skill:book"], "resources": ["https://shop.example/rooms/*"]}],
        "constraints": [{"type": "spend", "currency": "EUR", "perAction": 20_000}],
    });
    let key_id = method_id(&acme(), company().public_key());
    let first = issue(terms(agent().1, 7 * DAY, 1, &wide, true), &acme(), &key_id, &company()).unwrap();
    let key_id = key::method_id(&agent().1);
    let second = pass_on(&[&first], terms(helper().1, 3600, 0, &narrow, false), &key_id, &agent().0).unwrap();
    vec![first, second]
}

fn presentation(chain: &[String]) -> String {
    let chain: Vec<&str> = chain.iter().map(String::as_str).collect();
    let (key, holder) = helper();
    let occasion = Occasion {
        audience: "did:web:shop.example",
        nonce: NONCE,
        issued_at: NOW,
        expires_at: NOW + 300,
        transcript: None,
    };
    present(&chain, &holder, occasion, &key::method_id(&holder), &key).unwrap()
}

/// The document stands in it as the text that was fetched, whose digest the receipt names.
fn evidence(acme_document: &str) -> Value {
    let list = StatusListCredential {
        id: Some(LIST.to_owned()),
        issuer: acme(),
        valid_from: NOW - 600,
        valid_until: Some(NOW + DAY),
        purposes: vec![StatusPurpose::Revocation],
        list: StatusList::new(status::MIN_ENTRIES),
    };
    let key_id = method_id(&acme(), company().public_key());
    let secured = jws::sign("vc+jwt", &key_id, list.to_json().to_string().as_bytes(), &company()).unwrap();
    json!({
        "didDocuments": [{"did": acme().as_str(), "fetchedAt": time::format(NOW), "document": acme_document}],
        "statusLists": [{"url": LIST, "fetchedAt": time::format(NOW), "credential": secured}],
    })
}

fn request() -> Request {
    let facts = Facts::from([
        ("amount".to_owned(), legation::credential::Value::Integer(18_000)),
        ("channel".to_owned(), "web".into()),
        ("currency".to_owned(), "EUR".into()),
    ]);
    Request::new("a2a:skill:book", "https://shop.example/rooms/7", facts).unwrap()
}

fn signed_receipt(presented: &str, trust: &str, evidence: &str) -> String {
    let trust = Trust::parse(trust.as_bytes()).unwrap();
    let evidence = Evidence::parse(evidence.as_bytes(), trust.limits.status_entries).unwrap();
    let presentation = parse(presented.as_bytes(), &trust).unwrap();
    let chain = verify(&presentation, &trust, &evidence, NONCE, NOW + 30).unwrap();
    let permit = authorize(&chain, &request(), NOW + 30).into_permit().unwrap();
    let committed = MemoryLedger::new().commit(permit, NOW + 30).unwrap();
    let told = receipt::of_permit(&committed, &chain, &trust);
    receipt::sign(&told, "did:web:shop.example#key-1", &shop()).unwrap()
}
