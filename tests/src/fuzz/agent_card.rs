//! Agent cards: the canonical forms are fixed points, what verifies is what was signed, and a card is bound
//! to the domain of its DID.

use super::{
    actors::{ACTORS, NOW},
    choices::parts,
};
use legation_agent_card::{
    Binding, Form, JwkSet, Keys, UnverifiedCard, VerifiedCard, check_binding, extension, jwks::MAX_KEYS,
    legacy, sign, verify,
};
use legation_did::{Document, web};
use serde_json::Value;

/// The first part of a text as a card of either version and as a JWK set; the second as keys or a document.
pub fn agent_card(data: &[u8]) {
    let Some(all) = parts(data) else { return };
    let text = all[0];
    let keys = all.get(1).copied().unwrap_or(text);
    let set = JwkSet::parse(keys.as_bytes());
    if set.is_ok() {
        let json: Value = serde_json::from_str(keys).unwrap();
        assert!(json["keys"].as_array().unwrap().len() <= MAX_KEYS);
    }
    if let Ok(read) = legacy::read(text.as_bytes()) {
        let again = read.to_string();
        // What is made of an old card is a new one, which has no signatures.
        let card = UnverifiedCard::parse(again.as_bytes());
        assert!(card.as_ref().is_ok_and(|card| card.signature_count() == 0), "{again}: {card:?}");
        assert!(UnverifiedCard::parse(text.as_bytes()).is_err(), "both an old card and a new one");
    }
    let Ok(card) = UnverifiedCard::parse(text.as_bytes()) else { return };
    forms(&card);
    if let Ok(set) = &set
        && let Ok(verified) = verify(&card, Keys::JwkSet(set), &Form::ALL)
    {
        said(&card, &verified);
    }
    let document = Document::parse(keys.as_bytes());
    if let Ok(document) = &document
        && let Ok(verified) = verify(&card, Keys::Document { document, now: NOW }, &Form::ALL)
    {
        said(&card, &verified);
        bound(&verified, document);
    }
    signed(text, document.ok());
}

/// A canonical form is read as itself.
fn forms(card: &UnverifiedCard<'_>) {
    let spec = card.canonical(Form::Spec);
    let again = UnverifiedCard::parse(spec.as_bytes());
    // Canonical JSON may take more bytes than a card may have.
    if let Ok(again) = again {
        assert_eq!(again.canonical(Form::Spec), spec);
        assert_eq!(again.canonical(Form::Sdk), card.canonical(Form::Sdk));
        assert_eq!(again.signature_count(), 0);
        assert_eq!(again.claimed_did(), card.claimed_did());
    } else {
        assert!(spec.len() > 200_000, "{spec} is canonical, but {again:?}");
    }
    let sdk = card.canonical(Form::Sdk);
    if let Ok(again) = UnverifiedCard::parse(sdk.as_bytes()) {
        assert_eq!(again.canonical(Form::Sdk), sdk);
    }
    assert!(sdk.len() <= spec.len());
}

/// A verified card says what its canonical form says, and nothing else.
fn said(card: &UnverifiedCard<'_>, verified: &VerifiedCard) {
    assert_eq!(verified.canonical(), card.canonical(verified.form()));
    let again = UnverifiedCard::parse(verified.card().to_string().as_bytes())
        .map(|again| again.canonical(Form::Spec));
    let canonical =
        UnverifiedCard::parse(verified.canonical().as_bytes()).map(|one| one.canonical(Form::Spec));
    assert_eq!(again, canonical);
    assert!(
        verified.card().get("signatures").is_none() && verified.signature_index() < card.signature_count()
    );
}

/// Each interface is on the origin of the DID or of a service that its document names.
fn bound(verified: &VerifiedCard, document: &Document) {
    let Ok(binding) = check_binding(verified, document) else { return };
    let Binding::Domain { origin } = binding else {
        assert_ne!(document.id().method(), "web");
        return;
    };
    let origin_of = |url: &str| url::Url::parse(url).map(|url| url.origin().ascii_serialization()).ok();
    let allowed: Vec<String> = document.service_endpoints().filter_map(origin_of).chain([origin]).collect();
    for interface in verified.card()["supportedInterfaces"].as_array().unwrap() {
        let url = interface["url"].as_str().unwrap_or_default();
        let url = if url.contains("://") { url.to_owned() } else { format!("https://{url}") };
        assert!(
            origin_of(&url).is_some_and(|origin| allowed.contains(&origin)),
            "{url} is not within {allowed:?}"
        );
    }
}

/// The card with Acme's DID, signed by Acme: it verifies, and no longer when a byte of it is another.
fn signed(text: &str, document: Option<Document>) {
    let acme = &ACTORS[1];
    let Ok(mut json) = serde_json::from_str::<Value>(text) else { return };
    if extension::declare_identity(&mut json, &acme.did).is_err() {
        return;
    }
    let text = json.to_string();
    let Ok(card) = UnverifiedCard::parse(text.as_bytes()) else { return };
    let Ok(signed) = sign(&card.without_signatures(), &acme.key_id, &acme.key) else { return };
    let card = UnverifiedCard::parse(signed.as_bytes()).unwrap_or_else(|error| panic!("{signed}: {error}"));
    let own = web::document(&acme.did, &[legation_keys::Signer::public_key(&acme.key).clone()]);
    match verify(&card, Keys::Document { document: &own, now: NOW }, &Form::ALL) {
        Ok(verified) => {
            assert_eq!(verified.did(), Some(&acme.did));
            said(&card, &verified);
            bound(&verified, &own);
        }
        // Its signature is good; what it declares beside may be unusable.
        Err(error) => assert_ne!(error.code(), "signature_invalid", "{signed}"),
    }
    if let Some(document) = document {
        let other = verify(&card, Keys::Document { document: &document, now: NOW }, &Form::ALL);
        assert!(other.is_err() || document.id() == &acme.did);
    }
    let mut bent: Value = serde_json::from_str(&signed).unwrap();
    bent["name"] = format!("{}x", bent["name"].as_str().unwrap_or_default()).into();
    let bent = bent.to_string();
    if let Ok(card) = UnverifiedCard::parse(bent.as_bytes()) {
        assert!(verify(&card, Keys::Document { document: &own, now: NOW }, &Form::ALL).is_err(), "{bent}");
    }
}
