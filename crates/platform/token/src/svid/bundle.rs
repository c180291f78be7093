//! The bundle of a trust domain: a JWK set that says by `use` what each key signs (SPIFFE Trust Domain and Bundle §4, JWT-SVID §6).
//!
//! Whose bundle it is says whoever configures it, and nothing in it (SPIFFE Federation §5.1): bundles are never merged.

use super::KEY_USE;
use legation_agent_card::{
    CardAlgorithm, JwkSet,
    jwks::{JwkError, JwkSetError},
};
use legation_keys::{
    Algorithm, Json,
    json::{self, JsonLimits},
};
use serde_json::{Value, json};

/// Most bytes of a bundle. Those of SPIRE have certificates in them, too.
pub const MAX_BYTES: usize = 256 << 10;
/// Bounds on one.
const LIMITS: JsonLimits = JsonLimits { bytes: MAX_BYTES, depth: 8 };
/// Most keys of any kind.
const MAX_KEYS: usize = 256;

/// The keys by which one trust domain signs JWT-SVIDs.
#[derive(Clone, Debug)]
pub struct Bundle {
    keys: JwkSet,
    ids: Vec<String>,
    sequence: Option<u64>,
    refresh_hint: Option<u64>,
}

/// Why bytes are no bundle.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// Not strict JSON, no JWK set, or too many keys.
    #[error("the bundle is no JWK set: {0}")]
    Set(#[from] JwkSetError),
    /// A member is of another kind.
    #[error("`{member}` of a bundle is a whole number")]
    Member {
        /// Which.
        member: &'static str,
    },
    /// A key that signs JWT-SVIDs has no `kid`, or one that another has, too.
    #[error("each key of a bundle whose `use` is `jwt-svid` has a `kid` of its own (JWT-SVID §6)")]
    KeyId,
    /// It is older than the one that is held.
    #[error("the bundle is number {found}, and number {held} was there before: it is an old one")]
    Older {
        /// `spiffe_sequence` of the one that is held.
        held: u64,
        /// Of this one.
        found: u64,
    },
}

impl BundleError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Set(error) => error.code(),
            Self::Member { .. } | Self::KeyId => "bundle_invalid",
            Self::Older { .. } => "bundle_older",
        }
    }
}

impl Bundle {
    /// Reads a bundle. Keys for anything but JWT-SVIDs are left out, as those of a `use` or a kind that nobody knows; without any key
    /// all were withdrawn.
    ///
    /// # Errors
    /// [`BundleError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, BundleError> {
        let set = json::parse(bytes, LIMITS).map_err(JwkSetError::from)?;
        let all = set.get("keys").and_then(Json::as_array).ok_or(JwkSetError::Shape)?;
        if all.len() > MAX_KEYS {
            return Err(JwkSetError::TooMany.into());
        }
        let number = |member| match set.get(member) {
            None => Ok(None),
            Some(Json::Integer(number)) => {
                u64::try_from(*number).map(Some).map_err(|_| BundleError::Member { member })
            }
            Some(_) => Err(BundleError::Member { member }),
        };
        let (sequence, refresh_hint) = (number("spiffe_sequence")?, number("spiffe_refresh_hint")?);
        // Read strictly, so that this reader sees the same.
        let whole: Value = serde_json::from_slice(bytes).map_err(|_| JwkSetError::Shape)?;
        let whole = whole.get("keys").and_then(Value::as_array).ok_or(JwkSetError::Shape)?;
        let (mut ids, mut kept) = (Vec::new(), Vec::new());
        for key in whole.iter().filter(|key| key.get("use").and_then(Value::as_str) == Some(KEY_USE)) {
            let id = key.get("kid").and_then(Value::as_str).ok_or(BundleError::KeyId)?;
            if ids.iter().any(|other| other == id) {
                return Err(BundleError::KeyId);
            }
            ids.push(id.to_owned());
            // What the set's reader calls a key that signs.
            let mut key = key.clone();
            key.as_object_mut().map(|members| members.insert("use".to_owned(), "sig".into()));
            kept.push(key);
        }
        let keys = JwkSet::parse(json!({ "keys": kept }).to_string().as_bytes())?;
        Ok(Self { keys, ids, sequence, refresh_hint })
    }

    /// `spiffe_sequence`: a later one has a greater number.
    #[must_use]
    pub fn sequence(&self) -> Option<u64> {
        self.sequence
    }

    /// `spiffe_refresh_hint`: after how many seconds to look again.
    #[must_use]
    pub fn refresh_hint(&self) -> Option<u64> {
        self.refresh_hint
    }

    /// How many keys sign JWT-SVIDs.
    #[must_use]
    pub fn count(&self) -> usize {
        self.ids.len()
    }

    /// Holds that it is no older than another one of the same trust domain (SPIFFE Trust Domain and Bundle §4.1.1).
    ///
    /// # Errors
    /// [`BundleError::Older`].
    pub fn follows(&self, held: &Self) -> Result<(), BundleError> {
        match (held.sequence, self.sequence) {
            (Some(held), Some(found)) if found < held => Err(BundleError::Older { held, found }),
            // One that does not say its number any more can't be told from an old one.
            (Some(held), None) => Err(BundleError::Older { held, found: 0 }),
            _ => Ok(()),
        }
    }

    /// Whether a signature is by the key of that id; where none is named, by the only one that there is (`kid` is optional,
    /// JWT-SVID §2.2).
    pub(super) fn verifies(
        &self,
        id: Option<&str>,
        algorithm: CardAlgorithm,
        (input, signature): (&[u8], &[u8]),
    ) -> Result<bool, JwkError> {
        let id = match (id, self.ids.as_slice()) {
            (Some(id), _) => id,
            (None, [one]) => one,
            (None, _) => return Err(JwkError::NotFound { id: String::new() }),
        };
        self.keys.verifies(id, algorithm, input, signature)
    }
}

/// An algorithm that SVIDs are signed by, of those that are known here (JWT-SVID §2.1): EdDSA is none.
pub(super) fn algorithm(alg: &str) -> Result<CardAlgorithm, String> {
    let known = match alg {
        "ES256" => Some(CardAlgorithm::Own(Algorithm::Es256)),
        "ES384" => Some(CardAlgorithm::Es384),
        "RS256" => Some(CardAlgorithm::Rs256),
        "PS256" => Some(CardAlgorithm::Ps256),
        _ => None,
    };
    known.ok_or_else(|| "ES256, ES384, RS256, PS256".to_owned())
}

/// A bundle as it is published.
#[must_use]
pub fn document(keys: &[Value], sequence: i64, refresh_hint: i64) -> Value {
    json!({"keys": keys, "spiffe_sequence": sequence, "spiffe_refresh_hint": refresh_hint})
}
