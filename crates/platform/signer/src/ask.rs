//! What is asked and answered, as JSON. What is not known is refused.
//!
//! Bytes stand in base64url. So do secrets: their text then has no escape, and a reader takes it straight from the
//! frame, which is zeroed, into memory that is.

use crate::refused::Refused;
use legation_keys::base64url;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

/// The version of this protocol.
pub(crate) const VERSION: u32 = 1;
/// Most bytes of what something is called: an organization, a key, a secret, an origin. A DID URL fits.
pub(crate) const MAX_NAME: usize = 2048;
/// Most bytes of a secret for an upstream.
pub(crate) const MAX_SECRET: usize = 16 * 1024;
/// Most bytes of the bits of a status list, so that even one that can't be packed fits into an answer: 4,194,304
/// entries.
pub(crate) const MAX_BITS: usize = 512 * 1024;
/// Most keys or delegations that are asked for by one request.
pub(crate) const MAX_TOGETHER: usize = 64;
/// Most links before the one that is to be signed. No verifier reads longer chains.
pub(crate) const MAX_PARENTS: usize = 63;

/// A request: its one member is the verb.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Request {
    /// Which protocol this is.
    Ping {},
    /// A new key, sealed.
    Generate(Generate),
    /// Keys, sealed.
    GenerateAll(GenerateAll),
    /// A delegation, signed.
    Delegate(Delegate),
    /// Delegations that pass on the same chain, signed.
    DelegateAll(DelegateAll),
    /// A status list, signed.
    StatusList(StatusList),
    /// A receipt, signed.
    Receipt(Receipt),
    /// An agent card, signed.
    Card(Card),
    /// The tie of a DID to a domain, signed.
    DomainLinkage(DomainLinkage),
    /// That a domain was seen to be an organization's, signed.
    DomainControl(DomainControl),
    /// A Security Event Token, signed.
    SecurityEvent(SecurityEvent),
    /// An alert, signed.
    Alert(Alert),
    /// An identity token of an agent, signed.
    AccessToken(AccessToken),
    /// A JWT-SVID of an agent, signed.
    JwtSvid(JwtSvid),
    /// A checkpoint of a log, signed.
    Checkpoint(Checkpoint),
    /// An entry of the log of a did:webvh, written and signed.
    WebvhEntry(WebvhEntry),
    /// A secret for an upstream, sealed.
    SealSecret(SealSecret),
    /// A secret for an upstream, opened.
    OpenSecret(OpenSecret),
    /// A key, sealed anew by the master key that seals now.
    ResealKey(Key),
    /// The same of a secret for an upstream.
    ResealSecret(OpenSecret),
    /// A key, sealed for the processes of one user.
    ProcessKey(ProcessKey),
    /// A request of an agent, signed for its process.
    SignRequest(SignRequest),
}

impl Request {
    pub(crate) fn verb(&self) -> &'static str {
        match self {
            Self::Ping {} => "ping",
            Self::Generate(_) => "generate",
            Self::GenerateAll(_) => "generate_all",
            Self::Delegate(_) => "delegate",
            Self::DelegateAll(_) => "delegate_all",
            Self::StatusList(_) => "status_list",
            Self::Receipt(_) => "receipt",
            Self::Card(_) => "card",
            Self::DomainLinkage(_) => "domain_linkage",
            Self::DomainControl(_) => "domain_control",
            Self::SecurityEvent(_) => "security_event",
            Self::Alert(_) => "alert",
            Self::AccessToken(_) => "access_token",
            Self::JwtSvid(_) => "jwt_svid",
            Self::Checkpoint(_) => "checkpoint",
            Self::WebvhEntry(_) => "webvh_entry",
            Self::SealSecret(_) => "seal_secret",
            Self::OpenSecret(_) => "open_secret",
            Self::ResealKey(_) => "reseal_key",
            Self::ResealSecret(_) => "reseal_secret",
            Self::ProcessKey(_) => "process_key",
            Self::SignRequest(_) => "sign_request",
        }
    }

    /// Reads a request. What the reader says of it is not told: it would quote it.
    pub(crate) fn read(frame: &[u8]) -> Result<Self, Refused> {
        serde_json::from_slice(frame)
            .map_err(|error| Refused::Malformed { line: error.line(), column: error.column() })
    }
}

/// Makes a key, which is bound to organization and key id.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Generate {
    pub(crate) organization: String,
    pub(crate) key_id: String,
    /// `EdDSA` or `ES256`; `RS256` for Security Event Tokens and identity tokens.
    pub(crate) algorithm: String,
}

/// Makes keys, each as [`Generate`] makes one.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GenerateAll {
    pub(crate) organization: String,
    pub(crate) key_ids: Vec<String>,
    pub(crate) algorithm: String,
}

/// Which key is to sign, as it was sealed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Key {
    pub(crate) organization: String,
    pub(crate) key_id: String,
    pub(crate) sealed: Bytes,
}

/// Seals a key for the processes of one user, who may have requests signed with it, and nothing else.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProcessKey {
    pub(crate) key: Key,
    /// The number of the user.
    pub(crate) user: u32,
}

/// Signs a request of an agent: its signature base (RFC 9421 §2.5), which is read strictly.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignRequest {
    /// As it was sealed for the user that asks.
    pub(crate) key: Key,
    pub(crate) base: String,
}

/// Signs a delegation: the first of a chain where there are no parents.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Delegate {
    pub(crate) key: Key,
    pub(crate) issuer: String,
    /// The chain so far, root first.
    pub(crate) parents: Vec<String>,
    pub(crate) terms: Terms,
}

/// Signs delegations, each as [`Delegate`] signs one: the key is opened and the chain is read once for all of them.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DelegateAll {
    pub(crate) key: Key,
    pub(crate) issuer: String,
    pub(crate) parents: Vec<String>,
    pub(crate) terms: Vec<Terms>,
}

/// What the issuer decides of a delegation.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Terms {
    pub(crate) id: Option<String>,
    pub(crate) subject: String,
    /// Unix seconds.
    pub(crate) valid_from: i64,
    /// Unix seconds.
    pub(crate) valid_until: i64,
    pub(crate) max_depth: u32,
    pub(crate) account: Option<String>,
    /// A JSON text, which is read strictly: `{"grants": […], "constraints": […]}`.
    pub(crate) authority: String,
    /// JSON texts of `BitstringStatusListEntry`.
    pub(crate) status: Vec<String>,
}

/// Signs a Bitstring status list.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StatusList {
    pub(crate) key: Key,
    pub(crate) issuer: String,
    /// The URL that it is published at.
    pub(crate) id: String,
    /// Unix seconds.
    pub(crate) valid_from: i64,
    /// Unix seconds.
    pub(crate) valid_until: i64,
    pub(crate) purpose: String,
    /// Unpacked; index 0 is the left-most bit of the first byte.
    pub(crate) bits: Bytes,
}

/// Signs a receipt.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Receipt {
    pub(crate) key: Key,
    /// A JSON text, which is signed as it stands.
    pub(crate) receipt: String,
}

/// Signs an agent card.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Card {
    pub(crate) key: Key,
    /// The DID that the card declares.
    pub(crate) did: String,
    /// A JSON text, which is read strictly; what A2A 1.0 does not know of it is left out.
    pub(crate) card: String,
}

/// Signs a Domain Linkage Credential.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DomainLinkage {
    pub(crate) key: Key,
    pub(crate) did: String,
    /// Such as `https://acme.example`.
    pub(crate) origin: String,
    /// Unix seconds.
    pub(crate) valid_from: i64,
    /// Unix seconds.
    pub(crate) valid_until: i64,
}

/// Signs what an organization saw of a domain.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DomainControl {
    pub(crate) key: Key,
    /// The organization.
    pub(crate) did: String,
    pub(crate) domain: String,
    /// `file` or `dns`.
    pub(crate) method: String,
    /// Unix seconds.
    pub(crate) seen: i64,
    /// Unix seconds.
    pub(crate) valid_until: i64,
}

/// Signs a Security Event Token (RFC 8417) of one event.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SecurityEvent {
    /// Its key id is the issuer with a fragment.
    pub(crate) key: Key,
    /// The transmitter, a URL.
    pub(crate) issuer: String,
    /// Who it is for.
    pub(crate) audience: String,
    pub(crate) jti: String,
    /// Unix seconds.
    pub(crate) issued_at: i64,
    /// A JSON text: a subject identifier (RFC 9493).
    pub(crate) subject: String,
    /// The type of the event, a URL.
    pub(crate) event: String,
    /// A JSON text: what the event says.
    pub(crate) said: String,
    /// What events of one cause have in common.
    pub(crate) txn: Option<String>,
}

/// Signs an alert.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Alert {
    pub(crate) key: Key,
    /// The organization's DID.
    pub(crate) issuer: String,
    /// A JSON text, which is signed as it stands.
    pub(crate) alert: String,
}

/// Signs a JWT-SVID of an agent.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct JwtSvid {
    /// Its key id is the trust domain's URI with a fragment that begins with `svid-`.
    pub(crate) key: Key,
    /// A JSON text, which is read strictly and written anew.
    pub(crate) claims: String,
}

/// Signs an identity token of an agent (RFC 9068).
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccessToken {
    /// Its key id is the issuer with a fragment that begins with `token-`.
    pub(crate) key: Key,
    /// A JSON text, which is read strictly and written anew.
    pub(crate) claims: String,
}

/// Signs a checkpoint of a log, as a note.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Checkpoint {
    /// Its key id is `log:` and the origin.
    pub(crate) key: Key,
    /// Such as `acme.example/log/2026`.
    pub(crate) origin: String,
    pub(crate) size: u64,
    pub(crate) root: Bytes,
}

/// Writes and signs an entry of the log of a did:webvh.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebvhEntry {
    /// Its key id begins with `webvh:`, the place and `#`.
    pub(crate) key: Key,
    /// The did:web of the place.
    pub(crate) place: String,
    /// The entry before; `None` for the first one.
    pub(crate) before: Option<Before>,
    /// Unix seconds.
    pub(crate) time: i64,
    /// The Multikey of the key that signs the entry after this one.
    pub(crate) next: String,
    /// A JSON text, which is read strictly: a document of the did:webvh before it has a SCID.
    pub(crate) document: String,
}

/// Which entry comes before another one.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Before {
    pub(crate) did: String,
    pub(crate) version_id: String,
}

/// Seals a secret, which is bound to organization, name and origin.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SealSecret {
    pub(crate) organization: String,
    pub(crate) name: String,
    pub(crate) origin: String,
    pub(crate) secret: Secret,
}

/// Opens a secret.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OpenSecret {
    pub(crate) organization: String,
    pub(crate) name: String,
    pub(crate) origin: String,
    pub(crate) sealed: Bytes,
}

/// An answer: its one member says of which kind.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Answer {
    Pong {
        version: u32,
    },
    Generated {
        /// A JSON text.
        public_jwk: String,
        sealed: Bytes,
    },
    Secured {
        secured: String,
    },
    /// What became of each of several.
    All {
        answers: Vec<Answer>,
    },
    Sealed {
        sealed: Bytes,
    },
    /// A signature, as its algorithm has it.
    Signature {
        signature: Bytes,
    },
    Resealed {
        /// `None` where it is by that master key already.
        sealed: Option<Bytes>,
    },
    Secret {
        secret: Secret,
    },
    Refused {
        code: String,
        message: String,
    },
}

impl From<&Refused> for Answer {
    fn from(refused: &Refused) -> Self {
        Self::Refused { code: refused.code().to_owned(), message: refused.to_string() }
    }
}

/// Bytes, as base64url.
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&base64url::encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        base64url::decode(&text).map(Self).map_err(serde::de::Error::custom)
    }
}

/// A secret text, as base64url. It has no `Debug`.
pub(crate) struct Secret(pub(crate) Zeroizing<String>);

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(base64url::encode(self.0.as_bytes())))
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Nothing of what it is may come into the error.
        let wrong = || serde::de::Error::custom("no base64url of a text");
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        let bytes = Zeroizing::new(base64url::decode(&text).map_err(|_| wrong())?);
        let secret = core::str::from_utf8(&bytes).map_err(|_| wrong())?;
        Ok(Self(Zeroizing::new(secret.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    fn is_read(text: &str) -> bool {
        Request::read(text.as_bytes()).is_ok()
    }

    #[test]
    fn a_member_that_is_unknown_missing_or_twice_there_is_refused() {
        let good = r#"{"generate":{"organization":"a","key_id":"k","algorithm":"EdDSA"}}"#;
        assert!(is_read(good) && is_read(r#"{"ping":{}}"#));
        for bad in [
            r#"{"generate":{"organization":"a","key_id":"k","algorithm":"EdDSA","more":1}}"#,
            r#"{"generate":{"organization":"a","key_id":"k"}}"#,
            r#"{"generate":{"organization":"a","organization":"b","key_id":"k","algorithm":"EdDSA"}}"#,
            r#"{"generate":{"organization":"a","key_id":"k","algorithm":"EdDSA"},"ping":{}}"#,
            r#"{"generate":{"organization":1,"key_id":"k","algorithm":"EdDSA"}}"#,
            r#"{"generate":{"organization":"a","key_id":"k","algorithm":"EdDSA"}} x"#,
            r#"{"ping":{"more":1}}"#,
            r#"{"ping":null}"#,
            r#""ping""#,
            r#"{"pong":{}}"#,
            r#"{"sign":{"bytes":"aGk"}}"#,
            "{}",
            "[]",
            "null",
            "",
        ] {
            assert!(!is_read(bad), "{bad}");
        }
    }

    #[test]
    fn a_secret_that_is_no_base64url_of_text_is_refused_and_not_told() {
        let ask = |secret: &str| {
            let text = format!(
                r#"{{"seal_secret":{{"organization":"a","name":"n","origin":"o","secret":{secret}}}}}"#
            );
            Request::read(text.as_bytes())
        };
        assert!(ask(r#""aHVudGVyMg""#).is_ok());
        for bad in [r#""hunter2=""#, r#""_w""#, r#"{"hunter2":1}"#, r#"["hunter2"]"#, r#""hunter2 ""#] {
            let refused = ask(bad).err().unwrap();
            assert_eq!(refused.code(), "malformed");
            assert!(!format!("{refused} {refused:?}").contains("hunter2"), "{refused}");
        }
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = Request::read(&bytes);
        }

        /// Closer to what it knows: a request with a piece of it replaced.
        #[test]
        fn a_request_that_was_bent_never_panics_the_reader(at in 0usize..200, cut in 0usize..20, piece in r#"[\[\]{}":,0-9a-z\\_-]{0,12}"#) {
            let good = r#"{"status_list":{"key":{"organization":"a","key_id":"k","sealed":"AQ"},"issuer":"did:web:a.example","id":"https://a.example/1","valid_from":1,"valid_until":2,"purpose":"revocation","bits":"AA"}}"#;
            let bent: String = good.chars().take(at).chain(piece.chars()).chain(good.chars().skip(at + cut)).collect();
            let _ = Request::read(bent.as_bytes());
        }
    }
}
