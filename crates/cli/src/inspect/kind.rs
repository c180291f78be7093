//! What kind of file it is, as far as its outside tells.

use super::LIMITS;
use legation_credential::{approval, delegation, presentation};
use legation_keys::{
    base64url,
    json::{self, Json},
    jws,
};
use legation_verifier::receipt;

/// What a file seems to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Delegation,
    Chain,
    Presentation,
    Approval,
    StatusList,
    Receipt,
    Card,
    EncryptedKey,
    SecretKey,
    PublicKey,
    Document,
    Trust,
    OtherCredential,
}

impl Kind {
    /// For people.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Delegation => "a delegation",
            Self::Chain => "a chain of delegations",
            Self::Presentation => "a presentation",
            Self::Approval => "an approval",
            Self::StatusList => "a status list",
            Self::Receipt => "a receipt",
            Self::Card => "an agent card",
            Self::EncryptedKey => "an encrypted key file",
            Self::SecretKey => "a secret key",
            Self::PublicKey => "a public key",
            Self::Document => "a DID document",
            Self::Trust => "a verifier's trust settings",
            Self::OtherCredential => "a credential that is no delegation",
        }
    }

    /// For machines.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Delegation => "delegation",
            Self::Chain => "chain",
            Self::Presentation => "presentation",
            Self::Approval => "approval",
            Self::StatusList => "statusList",
            Self::Receipt => "receipt",
            Self::Card => "card",
            Self::EncryptedKey => "encryptedKey",
            Self::SecretKey => "secretKey",
            Self::PublicKey => "publicKey",
            Self::Document => "didDocument",
            Self::Trust => "trust",
            Self::OtherCredential => "credential",
        }
    }

    /// What has to be said before anybody believes it, and which command verifies it. What is signed by nobody is what
    /// it is.
    pub(super) fn caution(self) -> Option<&'static str> {
        match self {
            Self::Delegation | Self::Chain => Some(
                "Nothing of it is verified here: this is what it says. Its holder presents it by `legation present`; \
                 `legation verify` takes the presentation.",
            ),
            Self::Presentation => {
                Some("Nothing of it is verified here: this is what it says. `legation verify` verifies it.")
            }
            Self::Receipt => Some(
                "Nothing of it is verified here: this is what it says. `legation receipt verify` verifies it.",
            ),
            Self::Card => Some(
                "Nothing of it is verified here: this is what it says. `legation card verify` verifies it.",
            ),
            Self::Approval | Self::StatusList | Self::OtherCredential => {
                Some("Nothing of it is verified here: this is what it says.")
            }
            Self::Document => Some("Whether it is that DID's own, only the place it was fetched from tells."),
            Self::EncryptedKey | Self::SecretKey | Self::PublicKey | Self::Trust => None,
        }
    }
}

/// The kind of a text; `None` for none that is known.
pub(super) fn of(text: &str) -> Option<Kind> {
    if text.starts_with("-----BEGIN AGE ENCRYPTED FILE-----") || text.starts_with("age-encryption.org/") {
        return Some(Kind::EncryptedKey);
    }
    if text.starts_with('{') {
        return of_object(&json::parse(text.as_bytes(), LIMITS).ok()?);
    }
    if text.contains('~') {
        return Some(Kind::Chain);
    }
    let parts = jws::split(text).ok()?;
    let header = base64url::decode(parts.header).ok()?;
    let header = json::parse(&header, LIMITS).ok()?;
    match header.get("typ").and_then(Json::as_str) {
        Some(receipt::MEDIA_TYPE) => Some(Kind::Receipt),
        Some(presentation::MEDIA_TYPE) => Some(Kind::Presentation),
        _ => of_credential(&json::parse(&base64url::decode(parts.payload).ok()?, LIMITS).ok()?),
    }
}

fn of_object(json: &Json<'_>) -> Option<Kind> {
    let has = |member: &str| json.get(member).is_some();
    match () {
        () if has("kty") && has("d") => Some(Kind::SecretKey),
        () if has("kty") => Some(Kind::PublicKey),
        () if has("roots") && has("audience") => Some(Kind::Trust),
        () if has("supportedInterfaces") || has("skills") || has("capabilities") => Some(Kind::Card),
        () if has("@context") && has("type") => of_credential(json),
        () if has("id") => {
            let is_did = json.get("id").and_then(Json::as_str).is_some_and(|id| id.starts_with("did:"));
            is_did.then_some(Kind::Document)
        }
        () => None,
    }
}

/// The kind of what is signed, by its `type`.
fn of_credential(json: &Json<'_>) -> Option<Kind> {
    let types = match json.get("type") {
        Some(Json::Array(types)) => types.as_slice(),
        Some(one) => core::slice::from_ref(one),
        None => &[],
    };
    let is = |wanted: &str| types.iter().any(|found| found.as_str() == Some(wanted));
    match () {
        () if is(delegation::TYPE) => Some(Kind::Delegation),
        () if is(approval::TYPE) => Some(Kind::Approval),
        () if is("BitstringStatusListCredential") => Some(Kind::StatusList),
        () if is(presentation::TYPE) => Some(Kind::Presentation),
        () if is(receipt::TYPE) => Some(Kind::Receipt),
        () if is("VerifiableCredential") => Some(Kind::OtherCredential),
        () => None,
    }
}
