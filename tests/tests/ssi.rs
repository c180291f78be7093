//! Credentials between Legation and `ssi`, the field's library for Rust, both ways; did:keys between it and `did-method-key`.
//! What is changed ours refuses; what theirs takes of it stands beside it, so that a release of theirs that mends it is noticed.
//!
//! Behind the feature `ssi`: `cargo test -p legation-tests --features ssi --test ssi`, as `.ci/run` does.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice)] // a test's helpers may stop it

use did_method_key::DIDKey;
use legation_did::{Did, key};
use legation_keys::{Algorithm, SecretKey, Signer as _, jws};
use legation_resolver::{Fetcher, Options};
use legation_vc_api::{
    Service, SigningKey,
    alone::{Occasion, secure, verify},
    did_key,
};
use serde_json::{Value, json};
use ssi_claims_core::{VerificationParameters, chrono::DateTime};
use ssi_data_integrity::{
    AnyDataIntegrity, AnyInputSuiteOptions, AnySuite, CryptographicSuite as _, ProofOptions,
};
use ssi_dids_core::{
    DIDResolver as _, VerificationMethodDIDResolver,
    resolution::{DIDMethodResolver as _, Options as ResolutionOptions},
};
use ssi_jwk::JWK;
use ssi_jws::{JwsPayload, JwsSlice};
use ssi_vc::v2::JsonCredential;
use ssi_vc_jose_cose::JoseVc;
use ssi_verification_methods::{AnyJwkMethod, AnyMethod, ProofPurpose, ReferenceOrOwned, SingleSecretSigner};
use std::{borrow::Cow, sync::Arc};

/// 2026-11-21T10:00:00Z.
const NOW: i64 = 1_795_255_200;
const CONTEXT: &str = "https://www.w3.org/ns/credentials/v2";

fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// One key, as both libraries hold it.
struct Key {
    theirs: JWK,
    ours: String,
    did: Did,
}

impl Key {
    fn new() -> Self {
        let mut theirs = JWK::generate_ed25519().unwrap();
        let ours = serde_json::to_string(&theirs).unwrap();
        let did = key::did(SecretKey::from_jwk(&ours).unwrap().public_key());
        theirs.key_id = Some(key::method_id(&did));
        Self { theirs, ours, did }
    }

    fn id(&self) -> String {
        key::method_id(&self.did)
    }

    fn service(&self) -> Arc<Service> {
        let keys = vec![SigningKey::from_jwk(&self.ours).unwrap()];
        Arc::new(Service::new(keys, Fetcher::new(Options::default()).unwrap(), "https://vc.example"))
    }

    fn credential(&self) -> Value {
        json!({
            "@context": [CONTEXT], "id": "urn:uuid:7f0c0000-0000-4000-8000-000000000001",
            "type": ["VerifiableCredential"], "issuer": self.did.as_str(),
            "validFrom": "2026-01-01T00:00:00Z", "validUntil": "2027-01-01T00:00:00Z",
            "credentialSubject": {"id": "did:example:b"}, "name": "a name",
        })
    }

    /// The token of such claims, by our own signer, which signs whatever it is given.
    fn token(&self, typ: &str, claims: &str) -> String {
        let key = SecretKey::from_jwk(&self.ours).unwrap();
        jws::sign(typ, &self.id(), claims.as_bytes(), &key).unwrap()
    }

    /// A proof by `eddsa-rdfc-2022`, by theirs, which signs whatever it is given.
    fn proved(&self, document: &Value, purpose: ProofPurpose, expires: Option<&str>) -> String {
        let claims: JsonCredential = serde_json::from_str(&document.to_string()).unwrap();
        let method = ReferenceOrOwned::Reference(self.id().parse().unwrap());
        let created = "2026-11-21T09:00:00Z".parse().unwrap();
        let mut options = ProofOptions::new(created, method, purpose, AnyInputSuiteOptions::default());
        options.expires = expires.map(|time| time.parse().unwrap());
        let resolver: VerificationMethodDIDResolver<DIDKey, AnyMethod> = DIDKey.into_vm_resolver();
        let signer = SingleSecretSigner::new(self.theirs.clone()).into_local();
        let signed = wait(AnySuite::EdDsaRdfc2022.sign(claims, &resolver, &signer, options)).unwrap();
        serde_json::to_string(&signed).unwrap()
    }
}

/// What ours says: nothing where it is valid, else the code.
fn ours(key: &Key, text: &str) -> &'static str {
    let told = wait(verify(&key.service(), text.as_bytes(), Occasion::default(), NOW));
    told.map_or_else(|problem| problem.code, |_| "")
}

/// Whether theirs takes a credential for valid.
fn theirs(text: &str) -> bool {
    let now = DateTime::from_timestamp(NOW, 0).unwrap();
    if text.starts_with('{') {
        let resolver: VerificationMethodDIDResolver<DIDKey, AnyMethod> = DIDKey.into_vm_resolver();
        let parameters = VerificationParameters::from_resolver(resolver).with_date_time(now);
        let Ok(credential) = serde_json::from_str::<AnyDataIntegrity<JsonCredential>>(text) else {
            return false;
        };
        return matches!(wait(credential.verify(parameters)), Ok(Ok(())));
    }
    let resolver: VerificationMethodDIDResolver<DIDKey, AnyJwkMethod> = DIDKey.into_vm_resolver();
    let parameters = VerificationParameters::from_resolver(resolver).with_date_time(now);
    let Ok(jws) = JwsSlice::new(text.as_bytes()) else { return false };
    let Ok(credential) = JoseVc::decode_any(jws) else { return false };
    matches!(wait(credential.verify(&parameters)), Ok(Ok(())))
}

/// One letter of what is signed, changed.
fn tampered(text: &str) -> String {
    if text.starts_with('{') {
        return text.replace("a name", "b name");
    }
    let (head, signature) = text.rsplit_once('.').unwrap();
    let (header, payload) = head.split_once('.').unwrap();
    let claims = legation_keys::base64url::decode(payload).unwrap();
    let claims = String::from_utf8(claims).unwrap().replace("a name", "b name");
    format!("{header}.{}.{signature}", legation_keys::base64url::encode(claims.as_bytes()))
}

#[test]
fn what_we_issue_ssi_verifies() {
    let key = Key::new();
    for way in ["vc-jwt", "eddsa-rdfc-2022"] {
        let document = key.credential().to_string();
        let issued = secure(&key.service(), way, document.as_bytes(), Occasion::default(), NOW).unwrap();
        assert_eq!((theirs(&issued), ours(&key, &issued)), (true, ""), "{way}: {issued}");
        let changed = tampered(&issued);
        assert_ne!(changed, issued);
        assert_eq!((theirs(&changed), ours(&key, &changed)), (false, "signature_invalid"), "{way}");
    }
}

/// Signed by theirs as a token of the type that the Recommendation has; its own signer writes that of a draft.
struct Claims(String);

impl JwsPayload for Claims {
    fn typ(&self) -> Option<&str> {
        Some("vc+jwt")
    }

    fn payload_bytes(&'_ self) -> Cow<'_, [u8]> {
        Cow::Borrowed(self.0.as_bytes())
    }
}

#[test]
fn what_ssi_issues_we_verify() {
    let key = Key::new();
    let document = key.credential();
    let token = wait(Claims(document.to_string()).sign(&key.theirs)).unwrap().to_string();
    for issued in [token, key.proved(&document, ProofPurpose::Assertion, None)] {
        assert_eq!((theirs(&issued), ours(&key, &issued)), (true, ""), "{issued}");
        let changed = tampered(&issued);
        assert_ne!(changed, issued);
        assert_eq!((theirs(&changed), ours(&key, &changed)), (false, "signature_invalid"), "{issued}");
    }
    let credential: JsonCredential = serde_json::from_str(&document.to_string()).unwrap();
    let enveloped = wait(JoseVc(credential).sign_into_enveloped(&key.theirs)).unwrap();
    let id = enveloped.id.to_string();
    let draft = id.strip_prefix("data:application/vc-ld+jwt,").unwrap();
    assert_eq!((theirs(draft), ours(&key, draft)), (true, "type_mismatch"), "the type of a draft");
}

/// Tokens that are signed and not valid: what ours answers, and whether theirs takes them.
#[test]
fn what_is_signed_and_not_valid_as_a_token_is_refused_whatever_ssi_says() {
    let key = Key::new();
    let with = |member: &str, value: Value| {
        let mut document = key.credential();
        document[member] = value;
        key.token("vc+jwt", &document.to_string())
    };
    let plain = key.credential().to_string();
    let twice = plain.replacen('{', r#"{"name":"another","#, 1);
    for (name, token, code, taken) in [
        ("the type of any JWT", key.token("JWT", &plain), "type_mismatch", true),
        ("somebody else's word", with("issuer", json!("did:example:mallory")), "issuer_mismatch", true),
        ("`iss` of somebody else", with("iss", json!("did:example:mallory")), "issuer_mismatch", true),
        ("`exp` that has passed", with("exp", json!(1)), "expired", true),
        ("`nbf` to come", with("nbf", json!(NOW + 3600)), "not_yet_valid", true),
        ("`iat` as a text", with("iat", json!("yesterday")), "malformed", true),
        ("a claim of the first data model", with("vc", json!({})), "malformed", true),
        ("a validity that has ended", with("validUntil", json!("2026-02-01T00:00:00Z")), "expired", false),
        ("a validity to come", with("validFrom", json!("2026-12-01T00:00:00Z")), "not_yet_valid", false),
        ("a member twice", key.token("vc+jwt", &twice), "duplicate_member", false),
    ] {
        assert_eq!((ours(&key, &token), theirs(&token)), (code, taken), "{name}");
    }
}

/// The same of proofs.
#[test]
fn what_is_signed_and_not_valid_as_a_proof_is_refused_whatever_ssi_says() {
    let key = Key::new();
    let document = key.credential();
    let mut foreign = document.clone();
    foreign["issuer"] = "did:example:mallory".into();
    let good = key.proved(&document, ProofPurpose::Assertion, None);
    let below = |place: &str, member: &str, value: Value| {
        let mut changed: Value = serde_json::from_str(&good).unwrap();
        changed.pointer_mut(place).unwrap()[member] = value;
        changed.to_string()
    };
    let mut other = Vec::new();
    for (name, text, code, taken) in [
        (
            "somebody else's word",
            key.proved(&foreign, ProofPurpose::Assertion, None),
            "issuer_mismatch",
            true,
        ),
        (
            "a proof that shows who somebody is",
            key.proved(&document, ProofPurpose::Authentication, None),
            "key_purpose_mismatch",
            true,
        ),
        (
            "a proof that has expired",
            key.proved(&document, ProofPurpose::Assertion, Some("2026-11-21T09:30:00Z")),
            "expired",
            true,
        ),
        (
            "nothing said of the subject, below the proof",
            below("/credentialSubject", "name", Value::Null),
            "malformed",
            true,
        ),
        (
            "a keyword that is none, below the proof",
            below("/credentialSubject", "@foo", json!("bar")),
            "malformed",
            true,
        ),
        (
            "a term that no context defines",
            below("/credentialSubject", "colour", json!("blue")),
            "malformed",
            false,
        ),
    ] {
        let found = (ours(&key, &text), theirs(&text));
        if found != (code, taken) {
            other.push((name, found));
        }
    }
    assert_eq!(other, vec![]);
}

/// The document that theirs has for a did:key.
fn resolved(did: &str) -> Option<Value> {
    let id = did.strip_prefix("did:key:").unwrap();
    let output = wait(DIDKey.resolve_method_representation(id, ResolutionOptions::default())).ok()?;
    serde_json::from_slice(&output.document).ok()
}

#[test]
fn a_did_key_stands_for_the_same_key_by_both() {
    for algorithm in Algorithm::ALL {
        let did = key::did(SecretKey::generate(algorithm).unwrap().public_key());
        let (ours, theirs) = (key::document(&did).unwrap().to_json(), resolved(did.as_str()).unwrap());
        for member in ["id", "verificationMethod", "assertionMethod", "authentication"] {
            assert_eq!(ours[member], theirs[member], "{did} {member}");
        }
    }
}

/// did:key specification, examples: secp256k1, X25519, BLS12-381 in G2.
const OTHERS: [(&str, bool); 3] = [
    ("did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme", true),
    ("did:key:z6LSbysY2xFMRpGMhb7tFTLMpeuPRaqaWM1yECx2AtzE3KCc", false),
    (
        "did:key:zUC7K4ndUaGZgV7Cp2yJy6JtMoUHY6u7tkcSYUvPrEidqBmLCTLmi6d5WvwnUqejscAkERJ3bfjEiSYtdPkRSE8kSa11hFBr4sTgnbZ95SJj19PN2jdvJjyzpSZgxkyyxNnBNnY",
        true,
    ),
];

/// Their resolver has an X25519 key sign, and takes whatever bytes stand behind a prefix, in any base.
#[test]
fn a_did_key_of_another_kind_is_resolved_as_what_it_is() {
    for (did, signs) in OTHERS {
        let parsed: Did = did.parse().unwrap();
        let document = wait(did_key::document(&parsed)).unwrap().unwrap();
        assert_eq!(document["verificationMethod"], resolved(did).unwrap()["verificationMethod"], "{did}");
        let id = json!([key::method_id(&parsed)]);
        for purpose in ["assertionMethod", "authentication", "capabilityInvocation", "capabilityDelegation"] {
            assert_eq!(document.get(purpose), signs.then_some(&id), "{did} {purpose}");
        }
        assert_eq!(document.get("keyAgreement"), (!signs).then_some(&id), "{did}");
        assert_eq!(
            resolved(did).unwrap().get("assertionMethod"),
            Some(&id),
            "theirs has all keys sign: {did}"
        );
    }
    let multikey = |bytes: &[u8]| format!("did:key:{}", multibase::encode(multibase::Base::Base58Btc, bytes));
    let off_curve = [&[0xe7, 0x01, 2][..], &[0xff; 32]].concat();
    let bent = [&[0xec, 0x01][..], &[0xff; 32]].concat();
    let infinite = [&[0xeb, 0x01, 0xc0][..], &[0; 95]].concat();
    let (_, bytes) = multibase::decode(&OTHERS[0].0[8..]).unwrap();
    let hexadecimal = format!("did:key:{}", multibase::encode(multibase::Base::Base16Lower, &bytes));
    for (name, did, known) in [
        ("no point of secp256k1", multikey(&off_curve), true),
        ("a key that is cut off", multikey(&bytes[..20]), true),
        ("an X25519 key in another spelling", multikey(&bent), true),
        ("the point at infinity", multikey(&infinite), true),
        ("another base", hexadecimal, false),
        ("a kind of something else", multikey(&[0x12, 0x20, 1, 2, 3]), false),
    ] {
        let ours = wait(did_key::document(&did.parse().unwrap()));
        assert_eq!((ours.is_some(), ours.is_some_and(|document| document.is_ok())), (known, false), "{name}");
        assert!(resolved(&did).is_some(), "theirs mends it: {name}");
    }
}
