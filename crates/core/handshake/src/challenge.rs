//! The challenge: what the callee signs for one caller, one endpoint, one card and one moment.

use crate::message::{MAX_CHALLENGE, check_members};
use legation_credential::{
    CredentialError, delegation,
    error::{seconds, text},
};
use legation_did::Did;
use legation_keys::{
    Signer, base64url,
    json::{self, JsonError, JsonLimits},
    jws::{self, Compact},
    mac,
    secret::{SecretKeyError, SignError, random},
    time::Round,
};
use legation_verifier::{Code, Denial, presentation::MAX_NONCE};
use serde_json::json;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// The `typ` of a challenge.
pub const MEDIA_TYPE: &str = "legation-challenge+jwt";
/// How long a challenge may be answered, in seconds.
pub const LIFETIME: i64 = 60;
/// Most seconds that a caller accepts as a challenge's lifetime.
pub const MAX_LIFETIME: i64 = 300;
/// Random bytes in a callee's nonce; its tag follows them.
const SALT: usize = 16;
const LIMITS: JsonLimits = JsonLimits { bytes: MAX_CHALLENGE, depth: 4 };
const MEMBERS: [&str; 8] = ["iss", "aud", "endpoint", "callerNonce", "nonce", "card", "iat", "exp"];

/// SHA-256 of a challenge or of the canonical form of a card.
pub type Sha256Digest = [u8; 32];

/// What a challenge says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Challenge {
    /// `iss`: who is called.
    pub(crate) callee: Did,
    /// `aud`: who calls.
    pub(crate) caller: Did,
    /// Where.
    pub(crate) endpoint: String,
    pub(crate) caller_nonce: String,
    pub(crate) nonce: String,
    /// Which card the callee publishes.
    pub(crate) card: Sha256Digest,
    /// `iat`, Unix seconds.
    pub(crate) issued_at: i64,
    /// `exp`, Unix seconds.
    pub(crate) expires_at: i64,
}

impl Challenge {
    /// Splits a challenge and reads what it says. Nothing is verified.
    pub(crate) fn read(secured: &str) -> Result<(Compact<'_>, Self), Denial> {
        if secured.len() > MAX_CHALLENGE {
            let error = JsonError::TooLarge { limit: MAX_CHALLENGE, found: secured.len() };
            return Err(CredentialError::from(error).into());
        }
        let parts = jws::split(secured).map_err(CredentialError::from)?;
        let payload =
            base64url::decode(parts.payload).map_err(jws::JwsError::from).map_err(CredentialError::from)?;
        let claims = json::parse(&payload, LIMITS).map_err(CredentialError::from)?;
        let object = claims
            .as_object()
            .ok_or_else(|| legation_credential::error::malformed("the payload", "an object", &claims))?;
        check_members(object, &MEMBERS)?;
        let nonce = text(object, "nonce")?;
        if nonce.is_empty() || nonce.len() > MAX_NONCE {
            let expected = format!("a nonce of 1 to {MAX_NONCE} bytes");
            return Err(Denial::new(Code::Malformed, expected, format!("{} bytes", nonce.len())));
        }
        let card = base64url::decode(text(object, "card")?).ok().and_then(|bytes| bytes.try_into().ok());
        let challenge = Self {
            callee: delegation::did(object, "iss")?,
            caller: delegation::did(object, "aud")?,
            endpoint: text(object, "endpoint")?.to_owned(),
            caller_nonce: text(object, "callerNonce")?.to_owned(),
            nonce: nonce.to_owned(),
            card: card.ok_or_else(|| Denial::new(Code::Malformed, "a SHA-256 as `card`", "another text"))?,
            issued_at: seconds(object, "iat", Round::Up)?,
            expires_at: seconds(object, "exp", Round::Down)?,
        };
        Ok((parts, challenge))
    }

    pub(crate) fn sign(&self, key_id: &str, signer: &dyn Signer) -> Result<String, SignError> {
        let claims = json!({
            "iss": self.callee.as_str(),
            "aud": self.caller.as_str(),
            "endpoint": self.endpoint,
            "callerNonce": self.caller_nonce,
            "nonce": self.nonce,
            "card": base64url::encode(&self.card),
            "iat": self.issued_at,
            "exp": self.expires_at,
        });
        jws::sign(MEDIA_TYPE, key_id, claims.to_string().as_bytes(), signer)
    }

    /// All that the nonce's tag covers: each part with its length, so that no two challenges write
    /// the same bytes.
    fn tagged(&self, salt: &[u8]) -> Vec<u8> {
        let mut bytes = MEDIA_TYPE.as_bytes().to_vec();
        let (from, until) = (self.issued_at.to_be_bytes(), self.expires_at.to_be_bytes());
        let (callee, caller) = (self.callee.as_str().as_bytes(), self.caller.as_str().as_bytes());
        let (endpoint, nonce) = (self.endpoint.as_bytes(), self.caller_nonce.as_bytes());
        for part in [salt, callee, caller, endpoint, nonce, &self.card, &from, &until] {
            bytes.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            bytes.extend_from_slice(part);
        }
        bytes
    }
}

/// What names a challenge in a presentation and in receipts: the SHA-256 of its text, base64url.
#[must_use]
pub fn transcript(challenge: &str) -> String {
    base64url::encode(&Sha256::digest(challenge))
}

/// The secret by which a callee knows its own challenges again. Processes that answer at one endpoint
/// share it; it may change at any time, which ends the handshakes that are under way. Each of them counts
/// an answer once by a ledger of its own.
#[derive(Clone)]
pub struct ChallengeKey(Zeroizing<[u8; 32]>);

impl core::fmt::Debug for ChallengeKey {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        out.write_str("ChallengeKey(secret)")
    }
}

impl ChallengeKey {
    /// A new key from the system's random source.
    ///
    /// # Errors
    /// [`SecretKeyError::Generate`] where that source fails.
    pub fn generate() -> Result<Self, SecretKeyError> {
        Ok(Self(Zeroizing::new(random()?)))
    }

    /// A key of 32 random bytes that several processes share.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The nonce of a challenge: random bytes, then the tag over them and all else it says.
    pub(crate) fn nonce(&self, challenge: &Challenge) -> Result<String, SecretKeyError> {
        let salt: [u8; SALT] = random()?;
        let tag = mac::sign(self.0.as_slice(), &challenge.tagged(&salt));
        Ok(base64url::encode(&[salt.as_slice(), &tag].concat()))
    }

    /// Whether a challenge is one that this key made; compared in constant time.
    pub(crate) fn made(&self, challenge: &Challenge) -> bool {
        let Ok(bytes) = base64url::decode(&challenge.nonce) else { return false };
        let Some((salt, tag)) = bytes.split_at_checked(SALT) else { return false };
        mac::fits(self.0.as_slice(), &challenge.tagged(salt), tag)
    }
}
