//! An agent with a key, a DID document and a card.

#![allow(dead_code, reason = "each test file uses a part of it")]

use legation_agent_card::{Form, Keys, UnverifiedCard, VerifiedCard, VerifyError, extension, sign, verify};
use legation_did::{Did, Document, method_id, web};
use legation_keys::{Algorithm, SecretKey, Signer, base64url};
use serde_json::{Value, json};

pub(crate) const DID: &str = "did:web:agent.example";

pub(crate) struct World {
    pub(crate) key: SecretKey,
    pub(crate) key_id: String,
    pub(crate) document: Document,
}

impl World {
    pub(crate) fn new() -> Self {
        let key = SecretKey::generate(Algorithm::EdDsa).unwrap();
        let did: Did = DID.parse().unwrap();
        let document = web::document(&did, &[key.public_key().clone()]);
        Self { key_id: method_id(&did, key.public_key()), key, document }
    }

    pub(crate) fn key_id(&self) -> String {
        self.key_id.clone()
    }

    /// A card, changed and then signed.
    pub(crate) fn signed(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut card = json!({
            "name": "Agent", "description": "", "version": "1.0.0",
            "supportedInterfaces": [
                {"url": "https://agent.example/a2a", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}],
            "capabilities": {"streaming": false},
            "defaultInputModes": ["text/plain"], "defaultOutputModes": ["text/plain"], "skills": [],
        });
        extension::declare_identity(&mut card, self.document.id()).unwrap();
        change(&mut card);
        let text = card.to_string();
        sign(&UnverifiedCard::parse(text.as_bytes()).unwrap(), &self.key_id, &self.key).unwrap()
    }

    /// A canonical text with one signature, made by hand: a signer that checks nothing.
    pub(crate) fn signed_by_hand(&self, canonical: &str) -> String {
        let header = json!({"alg": "EdDSA", "kid": self.key_id}).to_string();
        let protected = base64url::encode(header.as_bytes());
        let input = format!("{protected}.{}", base64url::encode(canonical.as_bytes()));
        let signature = base64url::encode(&self.key.sign(input.as_bytes()).unwrap());
        let members = canonical.strip_suffix('}').unwrap();
        format!(r#"{members},"signatures":[{{"protected":"{protected}","signature":"{signature}"}}]}}"#)
    }

    pub(crate) fn verify(&self, text: &str) -> Result<VerifiedCard, VerifyError> {
        self.verify_as(text, &Form::ALL)
    }

    pub(crate) fn verify_as(&self, text: &str, accept: &[Form]) -> Result<VerifiedCard, VerifyError> {
        let card = UnverifiedCard::parse(text.as_bytes())?;
        verify(&card, Keys::Document { document: &self.document, now: 0 }, accept)
    }
}

/// A signed card, changed by somebody else.
pub(crate) fn altered(signed: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut card = serde_json::from_str(signed).unwrap();
    change(&mut card);
    card.to_string()
}

/// The code of an answer; `ok` for a verified card.
pub(crate) fn code(answer: Result<VerifiedCard, VerifyError>) -> &'static str {
    answer.map_or_else(|error| error.code(), |_| "ok")
}
