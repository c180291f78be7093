//! What would have passed, above all of a presentation that is a document with a proof.

use crate::world::{AUDIENCE, NOW, World, present, presentation};
use legation_credential::{
    Occasion, Terms, issue_as, present_as, presentation::MEDIA_TYPE, secured::Securing,
};
use legation_keys::Signer as _;
use legation_verifier::{Case, Evidence, Trust, parse, remedy, verify};
use serde_json::{Value, json};

/// A chain of one link and its presentation, both documents with proofs.
fn presented(world: &World) -> Value {
    let way = Securing::EddsaJcs2022;
    let id = |party: &crate::world::Party| legation_did::method_id(&party.did, party.key.public_key());
    let terms = Terms {
        id: None,
        subject: world.agent.did.clone(),
        valid_from: NOW,
        valid_until: NOW + 3600,
        max_depth: 0,
        account: None,
        authority: legation_credential::Authority::parse(
            r#"{"grants": [{"actions": ["pay"], "resources": ["https://shop.example/*"]}]}"#,
        )
        .unwrap(),
        status: vec![],
    };
    let (by, key) = (id(&world.principal), &world.principal.key);
    let link = issue_as(way, terms, &world.principal.did, &by, key).unwrap();
    let occasion =
        Occasion { audience: AUDIENCE, nonce: "n", issued_at: NOW, expires_at: NOW + 60, transcript: None };
    let (by, key) = (id(&world.agent), &world.agent.key);
    let presented = present_as(way, &[&link], &world.agent.did, occasion, &by, key).unwrap();
    serde_json::from_str(&presented).unwrap()
}

/// The code of a denial, and what is told to whom.
fn told(presented: &Value, trust: &Trust, nonce: &str, now: i64) -> (String, Option<String>) {
    told_of(&presented.to_string(), trust, nonce, now)
}

fn told_of(presented: &str, trust: &Trust, nonce: &str, now: i64) -> (String, Option<String>) {
    told_with(presented, trust, &Evidence::new(), nonce, now)
}

fn told_with(
    presented: &str,
    trust: &Trust,
    evidence: &Evidence,
    nonce: &str,
    now: i64,
) -> (String, Option<String>) {
    let parsed = parse(presented.as_bytes(), trust);
    let presentation = parsed.as_ref().ok();
    let outcome = match &parsed {
        Ok(presentation) => verify(presentation, trust, evidence, nonce, now).err(),
        Err(denial) => Some(denial.clone()),
    };
    let denial = outcome.expect("a denial");
    let case = Case {
        presented: presented.as_bytes(),
        presentation,
        trust,
        evidence,
        nonce,
        now,
        chain: None,
        request: None,
        ledger: None,
    };
    (denial.code.to_string(), remedy(&denial, &case).map(|remedy| remedy.to_string()))
}

#[test]
fn a_defect_of_a_document_is_told_by_the_member_of_its_proof() {
    let world = World::new();
    let trust = world.trust();
    let good = presented(&world);
    let context = "https://www.w3.org/ns/credentials/v2";
    let cases = [
        (
            "/proof/cryptosuite",
            json!("eddsa-rdfc-2022"),
            "algorithm_not_allowed",
            "the holder: `proof.cryptosuite` must be \"eddsa-jcs-2022\"",
        ),
        (
            "/proof/type",
            json!("Ed25519Signature2020"),
            "type_mismatch",
            "the holder: `proof.type` must be \"DataIntegrityProof\"",
        ),
        (
            "/proof/proofPurpose",
            json!("assertionMethod"),
            "type_mismatch",
            "the holder: `proof.proofPurpose` must be \"authentication\"",
        ),
        (
            "/@context",
            json!([context, "https://a.example/context"]),
            "context_mismatch",
            "the holder: `@context` must be exactly [https://www.w3.org/ns/credentials/v2]",
        ),
        (
            "/type",
            json!(["Presentation"]),
            "type_mismatch",
            "the holder: `type` must be exactly [VerifiablePresentation]",
        ),
        (
            "/verifiableCredential/0/proof/cryptosuite",
            json!("eddsa-rdfc-2022"),
            "algorithm_not_allowed",
            "the issuer of link 0: `proof.cryptosuite` must be \"eddsa-jcs-2022\"",
        ),
        (
            "/verifiableCredential/0/type",
            json!(["VerifiableCredential", "Badge"]),
            "type_mismatch",
            "the issuer of link 0: `type` must be exactly [VerifiableCredential, DelegationCredential]",
        ),
        (
            "/verifiableCredential/0/credentialSubject/delegation/budget",
            json!(5),
            "unknown_member",
            "the issuer of link 0: `budget` must be left out",
        ),
    ];
    for (place, value, code, text) in cases {
        let mut changed = good.clone();
        let (parent, name) = place.rsplit_once('/').unwrap();
        changed.pointer_mut(parent).unwrap()[name] = value;
        let found = told(&changed, &trust, "n", NOW);
        assert_eq!((found.0.as_str(), found.1.as_deref()), (code, Some(text)), "{place}");
    }
}

#[test]
fn audience_nonce_and_times_are_told_as_a_proof_names_them() {
    let world = World::new();
    let (trust, good) = (world.trust(), presented(&world));
    assert_eq!(
        told(&good, &trust, "n-2", NOW).1.as_deref(),
        Some("the holder: `proof.challenge` must be \"n-2\"")
    );
    let mut other = trust.clone();
    other.audience = "did:web:other.example".to_owned();
    assert_eq!(
        told(&good, &other, "n", NOW).1.as_deref(),
        Some("the holder: `proof.domain` must be \"did:web:other.example\"")
    );
    let (code, text) = told(&good, &trust, "n", NOW + 60 + trust.clock_skew);
    assert_eq!(code, "presentation_stale");
    assert!(text.unwrap().contains("`proof.expires` must be "));
}

#[test]
fn what_is_too_large_is_told_with_whose_it_is_and_the_bound() {
    let world = World::new();
    let good = presented(&world);
    let mut trust = world.trust();
    let (whole, link) = (good.to_string().len(), good["verifiableCredential"][0].to_string().len());
    trust.limits.presentation_bytes = whole - 1;
    let bytes = |by: &str, most: usize| Some(format!("{by}: its bytes must be at most {most}"));
    assert_eq!(told(&good, &trust, "n", NOW), ("input_too_large".to_owned(), bytes("the holder", whole - 1)));
    trust = world.trust();
    trust.limits.link_bytes = link - 1;
    let expected = ("input_too_large".to_owned(), bytes("the issuer of link 0", link - 1));
    assert_eq!(told(&good, &trust, "n", NOW), expected);
    trust.limits.link_bytes = link;
    assert_eq!(told(&good, &trust, "n-2", NOW).0, "nonce_mismatch");
    let mut unknown = good.clone();
    unknown["verifiableCredential"][0]["credentialSubject"]["delegation"]["budget"] = json!(5);
    trust.limits.link_bytes = unknown["verifiableCredential"][0].to_string().len();
    let expected = Some("the issuer of link 0: `budget` must be left out".to_owned());
    assert_eq!(told(&unknown, &trust, "n", NOW).1, expected, "a link that fits has another defect");
    // A token is told the same.
    let token = present(&[&world.root_link(&world.root())], &world.agent);
    trust = world.trust();
    trust.limits.presentation_bytes = token.len() - 1;
    let expected = ("input_too_large".to_owned(), bytes("the holder", token.len() - 1));
    assert_eq!(told_of(&token, &trust, "n", NOW), expected);
}

#[test]
fn an_envelope_is_as_it_must_be_before_what_is_in_it_is_told_of() {
    let world = World::new();
    let mut claims = world.root();
    claims["credentialSubject"]["delegation"]["budget"] = json!(5);
    let unknown = world.root_link(&claims);
    let (v2, other) = ("https://www.w3.org/ns/credentials/v2", "https://a.example/context");
    let inside = "the issuer of link 0: `budget` must be left out".to_owned();
    let envelope = |member: &str| format!("the holder: `{member}` of the link's envelope must be ");
    for (member, value, expected) in [
        ("@context", json!([v2]), inside.clone()),
        ("@context", json!(v2), inside.clone()),
        ("@context", json!(other), envelope("@context")),
        ("@context", json!([v2, other]), envelope("@context")),
        ("type", json!("EnvelopedVerifiableCredential"), inside),
        ("type", json!("VerifiableCredential"), envelope("type")),
        ("id", json!(format!("data:application/jwt,{unknown}")), envelope("id")),
    ] {
        let mut claims = presentation(&[&unknown], &world.agent);
        claims["verifiableCredential"][0][member] = value.clone();
        let presented = world.agent.sign(MEDIA_TYPE, &claims);
        let text = told_of(&presented, &world.trust(), "n", NOW).1.unwrap_or_default();
        assert!(text.starts_with(&expected), "{member} = {value}: {text}");
    }
}

#[test]
fn who_can_mend_a_document_that_is_not_there_is_told() {
    let mut world = World::new();
    world.principal.did = "did:web:acme.example".parse().unwrap();
    let did = &world.principal.did;
    let presented = present(&[&world.root_link(&world.root())], &world.agent);
    let trust = world.trust();
    let told = |evidence: &Evidence| told_with(&presented, &trust, evidence, "n", NOW).1.unwrap();
    let mut evidence = Evidence::new();
    assert!(told(&evidence).starts_with("the verifier's operator: "));
    evidence.add_failure(&legation_verifier::Need::Document(did.clone()), "no answer", NOW);
    assert!(told(&evidence).starts_with("the verifier's operator: "));
    // What answers something else than a document is its owner's to mend.
    assert!(evidence.add_document(did, b"<html>", NOW).is_err());
    assert!(told(&evidence).starts_with("the issuer: "), "{}", told(&evidence));
    let document = legation_did::web::document(did, core::slice::from_ref(world.principal.key.public_key()));
    let document = document.to_json().to_string();
    for (fetched_at, expected) in
        [(NOW - trust.max_document_age - 1, "or later"), (NOW + trust.clock_skew + 1, "or earlier")]
    {
        evidence.add_document(did, document.as_bytes(), fetched_at).unwrap();
        assert!(told(&evidence).ends_with(expected), "{}", told(&evidence));
    }
    for fetched_at in [NOW - trust.max_document_age, NOW + trust.clock_skew] {
        evidence.add_document(did, document.as_bytes(), fetched_at).unwrap();
        let parsed = parse(presented.as_bytes(), &trust).unwrap();
        assert!(verify(&parsed, &trust, &evidence, "n", NOW).is_ok(), "{fetched_at}");
    }
}
