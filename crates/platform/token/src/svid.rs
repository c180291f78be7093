//! JWT-SVIDs (SPIFFE JWT-SVID): who a workload is, by the word of its trust domain, for services that know SPIFFE.
//!
//! | module | what it holds |
//! |---|---|
//! | this | [`SvidClaims`]: what one says, written and read strictly |
//! | [`id`] | [`SpiffeId`] and names of trust domains (SPIFFE-ID §2) |
//! | [`bundle`] | [`Bundle`]: the keys of one trust domain (SPIFFE Trust Domain and Bundle §4) |
//! | [`mod@verify`] | [`SignedSvid`] comes only out of [`verify::signed`] |
//!
//! An SVID says who somebody is and nothing of what that may do: it proves a holder, whose chain decides.

pub mod bundle;
pub mod id;
pub mod verify;

pub use bundle::{Bundle, BundleError};
pub use id::{SpiffeId, SpiffeIdError};
pub use verify::{SignedSvid, SvidError};

use crate::header;
use legation_keys::{
    Json,
    json::{self, JsonError, JsonLimits, Object},
    time::{Round, numeric_date},
};
use serde_json::{Value, json};

/// The `typ` of an SVID that is made here (JWT-SVID §2.3).
pub const TYPE: &str = "JWT";
/// `use` of a key that signs SVIDs, in a bundle (JWT-SVID §6).
pub const KEY_USE: &str = "jwt-svid";
/// The type of an SVID at a token endpoint, where it is asked for by `requested_token_type` (RFC 8693 §3).
pub const TOKEN_TYPE: &str = "urn:legation:params:oauth:token-type:jwt-svid";
/// What a chain has to grant on an audience, so that an SVID for it is made of the chain.
pub const ISSUE: &str = "svid:issue";
/// Where a trust domain's bundle is, at the origin of its organization.
pub const BUNDLE_PATH: &str = "/.well-known/spiffe-bundle";
/// Most bytes of an audience, and of a `jti`.
pub const MAX_NAME: usize = 512;
/// Bounds on a payload. SPIFFE lets issuers say more, which is read past.
const PAYLOAD: JsonLimits = JsonLimits { bytes: 16 << 10, depth: 16 };

/// What an SVID says, as far as it is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SvidClaims {
    /// `sub`: the workload.
    pub id: SpiffeId,
    /// `aud`: the one service that it is for.
    pub audience: String,
    /// `iat`, Unix seconds.
    pub issued_at: Option<i64>,
    /// `nbf`, Unix seconds.
    pub not_before: Option<i64>,
    /// `exp`, Unix seconds.
    pub expires_at: i64,
    /// `jti`.
    pub token_id: Option<String>,
}

/// Why claims are none of an SVID that is taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SvidClaimsError {
    /// Not strict JSON, or no object.
    #[error("{0}")]
    Json(#[from] JsonError),
    /// `sub` is no SPIFFE ID.
    #[error("`sub`: {0}")]
    Id(#[from] SpiffeIdError),
    /// A claim is missing or of another kind.
    #[error("`{member}` of an SVID is {expected}")]
    Member {
        /// Which.
        member: &'static str,
        /// What it has to be.
        expected: &'static str,
    },
}

impl SvidClaimsError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Json(error) => error.code(),
            Self::Id(_) => "spiffe_id_invalid",
            Self::Member { member: "aud", .. } => "audience_mismatch",
            Self::Member { .. } => "malformed",
        }
    }
}

impl SvidClaims {
    /// Reads the payload of an SVID (JWT-SVID §3). Of several audiences each could show it to the others, so that one is taken
    /// alone: §3.2 strongly recommends no more.
    ///
    /// # Errors
    /// [`SvidClaimsError`], the first rule that is broken.
    ///
    /// ```
    /// use legation_token::svid::SvidClaims;
    /// let claims = SvidClaims::read(br#"{"sub":"spiffe://acme.example/crm","aud":["api"],"exp":1795255500}"#)?;
    /// assert_eq!((claims.id.as_str(), claims.audience.as_str()), ("spiffe://acme.example/crm", "api"));
    /// assert!(SvidClaims::read(br#"{"sub":"spiffe://acme.example/crm","aud":["api","db"],"exp":1795255500}"#).is_err());
    /// assert!(SvidClaims::read(br#"{"sub":"spiffe://acme.example/crm","aud":"api"}"#).is_err());
    /// # Ok::<(), legation_token::svid::SvidClaimsError>(())
    /// ```
    pub fn read(payload: &[u8]) -> Result<Self, SvidClaimsError> {
        let claims = match json::parse(payload, PAYLOAD)? {
            Json::Object(claims) => claims,
            other => {
                let reason = format!("an object is expected, this is {}", other.kind());
                return Err(JsonError::Malformed { reason }.into());
            }
        };
        let wrong = |member, expected| SvidClaimsError::Member { member, expected };
        let id = SpiffeId::parse(header::text(&claims, "sub").ok_or(wrong("sub", "a SPIFFE ID"))?)?;
        let audience = audience(&claims).filter(|one| (1..=MAX_NAME).contains(&one.len()));
        let audience = audience.ok_or(wrong("aud", "one text of 1 to 512 bytes"))?.to_owned();
        let moment = |member, round| match claims.get(member) {
            None => Ok(None),
            Some(value) => {
                numeric_date(value, round).map(Some).ok_or(wrong(member, "a number of seconds since 1970"))
            }
        };
        let expires_at = moment("exp", Round::Down)?
            .ok_or(wrong("exp", "there, in seconds since 1970 (JWT-SVID §3.3)"))?;
        let (issued_at, not_before) = (moment("iat", Round::Up)?, moment("nbf", Round::Up)?);
        let token_id = match claims.get("jti") {
            None => None,
            Some(_) => {
                let text = header::text(&claims, "jti").filter(|id| (1..=MAX_NAME).contains(&id.len()));
                Some(text.ok_or(wrong("jti", "a text of 1 to 512 bytes"))?.to_owned())
            }
        };
        Ok(Self { id, audience, issued_at, not_before, expires_at, token_id })
    }

    /// The payload that is signed.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut made = json!({"sub": self.id.as_str(), "aud": [self.audience], "exp": self.expires_at});
        if let Some(members) = made.as_object_mut() {
            members.extend(self.issued_at.map(|at| ("iat".to_owned(), at.into())));
            members.extend(self.not_before.map(|at| ("nbf".to_owned(), at.into())));
            members.extend(self.token_id.as_ref().map(|id| ("jti".to_owned(), id.as_str().into())));
        }
        made
    }
}

fn audience<'o>(claims: &'o Object<'_>) -> Option<&'o str> {
    match claims.get("aud")? {
        Json::Array(all) => match all.as_slice() {
            [one] => one.as_str(),
            _ => None,
        },
        one => one.as_str(),
    }
}
