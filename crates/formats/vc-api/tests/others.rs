//! Credentials as others issue them: by contexts that are not compiled in, with claims of other kinds, by keys of other
//! curves; and what was issued without a name.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test's helpers may stop it

mod world;

use legation_did::key;
use legation_keys::{
    SecretKey, Signer as _,
    data_integrity::{ProofOptions, add},
    json::{self, JsonLimits},
};
use legation_linked_data::{Suite, suite};
use legation_resolver::{Fetcher, Options};
use legation_vc_api::{
    Contexts, Service, SigningKey,
    alone::{Occasion, Verified, secure, verify},
};
use serde_json::{Value, json};
use std::sync::Arc;
use world::{World, site};

const NOW: i64 = 1_795_255_200;
const LIMITS: JsonLimits = JsonLimits { bytes: 1 << 16, depth: 16 };
const BADGES: &str = "https://badges.example/v3/context.json";
/// In the shape of the context that badges have.
const BADGES_FILE: &str = r#"{"@context": {"@protected": true, "Achievement": {
    "@id": "https://badges.example/vocab#Achievement", "@context": {"criteria": "https://badges.example/vocab#criteria"}},
    "achievement": {"@id": "https://badges.example/vocab#achievement", "@type": "@id"}}}"#;

/// A key that can be had twice.
fn seeded() -> SecretKey {
    SecretKey::from_ed25519_seed(&[7; 32]).unwrap()
}

struct School {
    key: SecretKey,
    did: String,
}

impl School {
    fn new() -> Self {
        let key = seeded();
        let did = key::did(key.public_key()).to_string();
        Self { key, did }
    }

    fn key_id(&self) -> String {
        format!("{0}#{1}", self.did, &self.key.public_key().to_multikey())
    }

    /// A badge, which names a context that nobody here has.
    fn badge(&self) -> Value {
        json!({
            "@context": ["https://www.w3.org/ns/credentials/v2", BADGES], "type": ["VerifiableCredential"],
            "issuer": self.did, "credentialSubject": {"id": "did:example:b", "achievement": {
                "id": "urn:badge:1", "type": "Achievement", "criteria": "to have swum",
            }},
        })
    }

    fn proved(&self, document: &Value, way: Suite, contexts: &Contexts) -> String {
        let text = document.to_string();
        let json = json::parse(text.as_bytes(), LIMITS).unwrap();
        let (document, method) = (json.as_object().unwrap(), self.key_id());
        let options = ProofOptions {
            verification_method: &method,
            purpose: "assertionMethod",
            ..ProofOptions::default()
        };
        match way {
            Suite::EddsaJcs2022 => add(document, options, &self.key).unwrap(),
            other => suite::add(document, other, options, &self.key, contexts).unwrap(),
        }
    }
}

fn contexts() -> Contexts {
    Contexts::compiled_in().clone().with(BADGES, BADGES_FILE.as_bytes()).unwrap()
}

fn service(contexts: Contexts) -> Arc<Service> {
    bare(vec![], contexts)
}

fn bare(keys: Vec<SigningKey>, contexts: Contexts) -> Arc<Service> {
    let fetcher = Fetcher::new(Options::default()).unwrap();
    Arc::new(Service::new(keys, fetcher, "https://vc.example").reading_by(contexts))
}

/// What was verified, or the code and the detail.
async fn told(service: &Arc<Service>, text: &str) -> Result<Verified, (&'static str, String)> {
    let told = verify(service, text.as_bytes(), Occasion::default(), NOW).await;
    told.map_err(|problem| (problem.code, problem.detail))
}

/// What secures the JSON needs no context. What secures what it means does.
#[tokio::test]
async fn a_badge_verifies_by_the_context_that_is_handed_over_and_as_json_with_a_warning() {
    let (school, without, with) =
        (School::new(), service(Contexts::compiled_in().clone()), service(contexts()));
    let badge = school.badge();
    let token = site::credential(&school.did, &school.key_id(), &school.key, &badge).to_string();
    let by_json = school.proved(&badge, Suite::EddsaJcs2022, &contexts());
    for text in [&token, &by_json] {
        let warned = told(&without, text).await.unwrap();
        assert!(
            matches!(&warned.warnings[..], [one] if one.contains(BADGES) && one.contains("ever fetched")),
            "{warned:?}"
        );
        assert_eq!(told(&with, text).await.unwrap().warnings, Vec::<String>::new());
    }
    let by_rdf = school.proved(&badge, Suite::EddsaRdfc2022, &contexts());
    let (code, detail) = told(&without, &by_rdf).await.unwrap_err();
    assert!(
        code == "malformed" && detail.contains(BADGES) && detail.contains("ever fetched"),
        "{code}: {detail}"
    );
    assert_eq!(told(&with, &by_rdf).await.unwrap().warnings, Vec::<String>::new());
    // Another file for the same URL gives other terms, or none.
    let other = BADGES_FILE.replace("vocab#criteria", "vocab#colour");
    let other = service(Contexts::compiled_in().clone().with(BADGES, other.as_bytes()).unwrap());
    assert_eq!(told(&other, &by_rdf).await.unwrap_err().0, "signature_invalid");
    assert_eq!(
        told(&with, &by_rdf.replace("to have swum", "to have run")).await.unwrap_err().0,
        "signature_invalid"
    );
    assert_eq!(
        told(&without, &by_json.replace("to have swum", "to have run")).await.unwrap_err().0,
        "signature_invalid"
    );
    // A proof over the JSON beside one over what it means excuses nothing.
    let both = {
        let [one, two] = [&by_json, &by_rdf].map(|text| serde_json::from_str::<Value>(text).unwrap());
        let mut both = one.clone();
        both["proof"] = json!([one["proof"], two["proof"]]);
        both.to_string()
    };
    assert_eq!(told(&without, &both).await.unwrap_err().0, "malformed");
    // Where the context is known, a term that it has not is refused whatever secures it.
    let mut undefined = badge.clone();
    undefined["credentialSubject"]["achievement"]["colour"] = "blue".into();
    let text = school.proved(&undefined, Suite::EddsaJcs2022, &contexts());
    assert_eq!(told(&with, &text).await.unwrap_err().0, "malformed");
}

/// Whoever issues knows what its terms mean.
#[tokio::test]
async fn a_badge_is_issued_by_a_context_that_is_at_hand() {
    let school = School::new();
    let key = || SigningKey::from(seeded());
    for way in ["vc-jwt", "eddsa-jcs-2022", "eddsa-rdfc-2022"] {
        let text = school.badge().to_string();
        let issue = |service: &Service| secure(service, way, text.as_bytes(), Occasion::default(), NOW);
        let problem = issue(&bare(vec![key()], Contexts::compiled_in().clone())).unwrap_err();
        assert!(problem.detail.contains(BADGES), "{way}: {}", problem.detail);
        let issued = issue(&bare(vec![key()], contexts())).unwrap();
        assert!(told(&service(contexts()), &issued).await.unwrap().warnings.is_empty(), "{way}");
    }
}

/// An issuer says of which file it speaks; one that was handed over is held to it.
#[tokio::test]
async fn a_context_that_is_handed_over_is_the_one_that_the_issuer_meant() {
    let school = School::new();
    let right = contexts().digests(BADGES).unwrap().sha256.clone();
    let srl = |hex: &str| {
        let bytes: Vec<u8> = multibase::decode(format!("f{hex}")).unwrap().1;
        format!("sha256-{}", multibase::Base::Base64Pad.encode(bytes))
    };
    let wrong = right.chars().rev().collect::<String>();
    for (digest, code) in [(srl(&right), None), (srl(&wrong), Some("related_resource_mismatch"))] {
        let mut badge = school.badge();
        badge["relatedResource"] = json!({"id": BADGES, "digestSRI": digest});
        let text = school.proved(&badge, Suite::EddsaRdfc2022, &contexts());
        assert_eq!(told(&service(contexts()), &text).await.err().map(|(code, _)| code), code);
    }
}

/// RFC 7519 §4.1: a time is a number, a name is a text.
#[tokio::test]
async fn a_claim_of_another_kind_than_every_jwt_has_it_is_refused_and_not_issued() {
    let (school, world) = (School::new(), World::new());
    for (claim, value, valid) in [
        ("iat", json!("2026-11-21T10:00:00Z"), false),
        ("iat", json!("1795255200"), false),
        ("iat", json!(null), false),
        ("iat", json!(NOW), true),
        ("iat", json!(1_795_255_199.5), true),
        ("exp", json!("1795600800"), false),
        ("nbf", json!([1]), false),
        ("jti", json!(7), false),
        ("jti", json!("urn:uuid:7"), true),
        ("sub", json!(["did:example:b"]), false),
        ("aud", json!(7), false),
        ("aud", json!(["did:example:c", 7]), false),
        ("aud", json!(["did:example:c"]), true),
        ("nonce", json!(7), false),
    ] {
        let more = json!({claim: value, "credentialSubject": {"alumniOf": "a school"}, "@context": [
            "https://www.w3.org/ns/credentials/v2", "https://www.w3.org/ns/credentials/examples/v2",
        ]});
        let text = site::credential(&school.did, &school.key_id(), &school.key, &more).to_string();
        let found = told(&service(Contexts::compiled_in().clone()), &text).await;
        assert_eq!(
            found.as_ref().err().map(|(code, _)| *code),
            (!valid).then_some("malformed"),
            "{claim} {value} {found:?}"
        );
        let mut credential = world.credential("vc-jwt");
        credential[claim] = value.clone();
        credential["credentialSubject"] = json!({"alumniOf": "a school"});
        let (status, told) =
            world.post("/issuers/vc-jwt/credentials/issue", &json!({"credential": credential})).await;
        assert_eq!(status, if valid { 201 } else { 400 }, "{claim} {value}: {told}");
    }
}

/// VC-JOSE-COSE §3.1: a `vc+jwt` is of the second data model.
#[tokio::test]
async fn what_is_of_the_first_data_model_is_no_vc_jwt() {
    let (school, world) = (School::new(), World::new());
    let mut first = world.credential("vc-jwt");
    first["@context"] = json!(["https://www.w3.org/2018/credentials/v1"]);
    first["issuanceDate"] = "2026-11-21T10:00:00Z".into();
    first["credentialSubject"] = json!({"id": "did:example:b"});
    let (status, answer) =
        world.post("/issuers/vc-jwt/credentials/issue", &json!({"credential": first})).await;
    assert_eq!((status, &answer["code"]), (400, &"context_mismatch".into()), "{answer}");
    for way in ["eddsa-jcs-2022", "eddsa-rdfc-2022"] {
        let (status, issued) =
            world.post(&format!("/issuers/{way}/credentials/issue"), &json!({"credential": first})).await;
        assert_eq!((status, world.verify(&issued).await.0), (201, 200), "{way}: {issued}");
    }
    let presentation = json!({
        "@context": ["https://www.w3.org/2018/credentials/v1"], "type": ["VerifiablePresentation"], "holder": school.did,
    });
    let holder = bare(vec![SigningKey::from(seeded())], Contexts::compiled_in().clone());
    let text = presentation.to_string();
    let refused = secure(&holder, "vc-jwt", text.as_bytes(), Occasion::default(), NOW).unwrap_err();
    assert_eq!(refused.code, "context_mismatch");
    // Of others it is read, and told of.
    first["issuer"] = school.did.as_str().into();
    let text = site::credential(&school.did, &school.key_id(), &school.key, &first).to_string();
    let verified = told(&service(Contexts::compiled_in().clone()), &text).await.unwrap();
    assert!(verified.warnings.iter().any(|one| one.contains("first data model")), "{verified:?}");
}

/// A status bit that is handed out can be set by whoever issued it.
#[tokio::test]
async fn what_was_issued_without_an_id_or_twice_with_one_can_be_revoked() {
    let world = World::new();
    let issue = async |id: Option<&str>| {
        let mut credential = world.credential("bitstring-status-list");
        match id {
            Some(id) => credential["id"] = id.into(),
            None => drop(credential.as_object_mut().unwrap().remove("id")),
        }
        let path = "/issuers/bitstring-status-list/credentials/issue";
        let (status, issued) = world.post(path, &json!({"credential": credential})).await;
        assert_eq!(status, 201, "{issued}");
        issued
    };
    let (nameless, other) = (issue(None).await, issue(None).await);
    let set = async |body: Value| world.post("/credentials/status", &body).await.0;
    let entry = &nameless["credentialStatus"];
    assert_eq!(set(json!({"credentialStatus": entry, "status": true})).await, 200);
    assert_eq!(world.verify(&nameless).await, (400, "link_revoked".to_owned()));
    assert_eq!(world.verify(&other).await.0, 200);
    assert_eq!(set(json!({"credentialStatus": entry, "status": false})).await, 200);
    assert_eq!(world.verify(&nameless).await.0, 200);
    let (first, second) = (issue(Some("urn:uuid:a")).await, issue(Some("urn:uuid:a")).await);
    assert_eq!(set(json!({"credentialId": "urn:uuid:a", "status": true})).await, 200);
    for issued in [&first, &second] {
        assert_eq!(world.verify(issued).await, (400, "link_revoked".to_owned()));
    }
    for (wrong, status) in [
        (json!({"statusListIndex": "9999", "statusListCredential": entry["statusListCredential"]}), 404),
        (json!({"statusListIndex": "0", "statusListCredential": "https://a.example/list"}), 400),
        (json!({"statusListIndex": 0, "statusListCredential": entry["statusListCredential"]}), 400),
        (json!({"statusListIndex": "-1", "statusListCredential": entry["statusListCredential"]}), 400),
    ] {
        assert_eq!(set(json!({"credentialStatus": wrong})).await, status, "{wrong}");
    }
    assert_eq!(set(json!({"credentialStatus": {"type": "BitstringStatusListEntry"}})).await, 400);
}

/// The cryptosuite has P-384, too. Who signed so is told that, and not that something is malformed.
#[tokio::test]
async fn a_proof_by_a_key_of_another_curve_is_told_as_that() {
    let published: Value = serde_json::from_str(include_str!("data/did-key-nist.json")).unwrap();
    let did = published[0]["did"].as_str().unwrap();
    let method = format!("{did}#{}", did.strip_prefix("did:key:").unwrap());
    let value = |bytes: usize| multibase::encode(multibase::Base::Base58Btc, vec![7; bytes]);
    let with = |suite: &str, method: &str, value: &str| {
        json!({
            "@context": ["https://www.w3.org/ns/credentials/v2"], "type": ["VerifiableCredential"], "issuer": did,
            "credentialSubject": {"id": "did:example:b"},
            "proof": {"type": "DataIntegrityProof", "cryptosuite": suite, "proofPurpose": "assertionMethod",
                "verificationMethod": method, "proofValue": value},
        })
        .to_string()
    };
    let service = service(Contexts::compiled_in().clone());
    for (text, code, part) in [
        (with("ecdsa-rdfc-2019", &method, &value(96)), "algorithm_not_allowed", "a key of P-384"),
        (with("ecdsa-rdfc-2019", &method, &value(64)), "algorithm_not_allowed", "a key of P-384"),
        (
            with("ecdsa-rdfc-2019", "did:web:a.example#k", &value(96)),
            "algorithm_not_allowed",
            "a key of P-384",
        ),
        (
            with("eddsa-jcs-2022", &method, &value(64)),
            "algorithm_key_mismatch",
            "is a key for ES384, not for EdDSA",
        ),
        (
            with("eddsa-rdfc-2022", &method, &value(64)),
            "algorithm_key_mismatch",
            "is a key for ES384, not for EdDSA",
        ),
        (
            with("ecdsa-rdfc-2019", &method.replace(did, "did:web:a.example"), &value(63)),
            "malformed",
            "proofValue",
        ),
    ] {
        let (found, detail) = told(&service, &text).await.unwrap_err();
        assert!(found == code && detail.contains(part), "{code}: {found}: {detail}");
    }
}
