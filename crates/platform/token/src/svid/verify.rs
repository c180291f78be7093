//! A service's side: an SVID held against the bundle of its trust domain.

use super::{Bundle, SvidClaims, SvidClaimsError, bundle::algorithm};
use crate::{SKEW, dpop::jws_code};
use legation_agent_card::jwks::JwkError;
use legation_keys::{
    base64url,
    json::{self, JsonLimits},
    jws::{self, JwsError},
    time::{self, Clock},
};
use sha2::{Digest, Sha256};

/// Most bytes of an SVID.
const MAX_SVID: usize = 24 << 10;
const HEADER: JsonLimits = JsonLimits { bytes: 2048, depth: 2 };
/// Most bytes of a `kid`.
const MAX_KEY_ID: usize = 512;
/// The members that a header may have (JWT-SVID §2).
const MEMBERS: [&str; 3] = ["alg", "kid", "typ"];
/// The `typ`s that one may have (JWT-SVID §2.3).
const TYPES: [&str; 2] = ["JWT", "JOSE"];

/// An SVID that its trust domain has signed, not believed yet: whom it is for and when is asked each time that it is shown. Nothing
/// but [`signed`] makes one.
#[derive(Clone, Debug)]
pub struct SignedSvid {
    claims: SvidClaims,
    digest: [u8; 32],
}

/// Why an SVID does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SvidError {
    /// It is too long.
    #[error("the SVID has {found} bytes, at most {MAX_SVID} are read")]
    TooLarge {
        /// How many there are.
        found: usize,
    },
    /// Its form, or its header: an algorithm that is not allowed.
    #[error("{0}")]
    Jws(#[from] JwsError),
    /// Its header has a member that none may have.
    #[error("the header has `{found}`: an SVID's has `alg`, `kid` and `typ`, and nothing else (JWT-SVID §2)")]
    Header {
        /// Which, shortened.
        found: String,
    },
    /// Its `typ` is another one.
    #[error("`typ` is `{found}`, which is no SVID's: it is `JWT`, `JOSE` or left out (JWT-SVID §2.3)")]
    Type {
        /// Which, shortened.
        found: String,
    },
    /// The bundle has no such key, or it is for another algorithm.
    #[error("{0}")]
    Key(#[from] JwkError),
    /// Its signature is of another key, or of another text.
    #[error("the signature of the SVID does not fit")]
    Signature,
    /// Its claims can't be read.
    #[error("{0}")]
    Claims(#[from] SvidClaimsError),
    /// It is of another trust domain than the bundle.
    #[error("the SVID is of `{found}`, and the bundle of `{expected}`")]
    TrustDomain {
        /// Whose bundle it is.
        expected: String,
        /// Whose the SVID is.
        found: String,
    },
    /// For somebody else.
    #[error("the SVID is for `{found}`, and this is `{expected}`; ask for one for this service")]
    Audience {
        /// Who this is.
        expected: String,
        /// Whom it is for.
        found: String,
    },
    /// It has ended.
    #[error("the SVID ended at {}; ask for another one", time::format(*.at))]
    Expired {
        /// When, Unix seconds.
        at: i64,
    },
    /// It is of a time to come.
    #[error("the SVID is of a time to come")]
    NotYet,
    /// It lives too long.
    #[error("the SVID lives for longer than {most} seconds, which is more than is taken here")]
    TooLong {
        /// How long one may.
        most: i64,
    },
}

impl SvidError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "input_too_large",
            Self::Jws(error) => jws_code(error),
            Self::Header { .. } => "svid_header",
            Self::Type { .. } => "type_mismatch",
            Self::Key(JwkError::NotFound { .. }) => "key_not_found",
            Self::Key(JwkError::Algorithm { .. }) => "algorithm_not_allowed",
            Self::Key(_) => "key_unusable",
            Self::Signature => "signature_invalid",
            Self::Claims(error) => error.code(),
            Self::TrustDomain { .. } => "trust_domain_mismatch",
            Self::Audience { .. } => "audience_mismatch",
            Self::Expired { .. } => "expired",
            Self::NotYet => "not_yet_valid",
            Self::TooLong { .. } => "svid_too_long",
        }
    }
}

/// Whether a text says by its own word that it is an SVID, well-formed or not: its `sub` begins as a SPIFFE ID does.
#[must_use]
pub fn is_svid(text: &str) -> bool {
    const SCHEME: &str = "spiffe:";
    if text.len() > MAX_SVID {
        return false;
    }
    let payload = jws::split(text).ok().and_then(|parts| base64url::decode(parts.payload).ok());
    let Some(payload) = payload else { return false };
    let Ok(claims) = json::parse(&payload, super::PAYLOAD) else { return false };
    let subject = claims.get("sub").and_then(|subject| subject.as_str()).unwrap_or_default();
    subject.get(..SCHEME.len()).is_some_and(|scheme| scheme.eq_ignore_ascii_case(SCHEME))
}

/// What an SVID says by its own word.
///
/// # Errors
/// [`SvidError`], of its form and its claims.
pub fn claims_of(text: &str) -> Result<SvidClaims, SvidError> {
    if text.len() > MAX_SVID {
        return Err(SvidError::TooLarge { found: text.len() });
    }
    let payload = base64url::decode(jws::split(text)?.payload).map_err(JwsError::from)?;
    Ok(SvidClaims::read(&payload)?)
}

/// Holds that an SVID was signed by the trust domain that `bundle` is of.
///
/// # Errors
/// [`SvidError`], the first rule that is broken.
pub fn signed(text: &str, bundle: &Bundle, trust_domain: &str) -> Result<SignedSvid, SvidError> {
    if text.len() > MAX_SVID {
        return Err(SvidError::TooLarge { found: text.len() });
    }
    let parts = jws::split(text)?;
    let header = base64url::decode(parts.header).map_err(JwsError::from)?;
    let header = json::parse(&header, HEADER).map_err(JwsError::from)?;
    let members = header.as_object().ok_or(JwsError::HeaderShape)?;
    if let Some((found, _)) = members.iter().find(|(name, _)| !MEMBERS.contains(name)) {
        return Err(SvidError::Header { found: found.chars().take(40).collect() });
    }
    let text_of = |name: &str| match members.get(name) {
        None => Ok(None),
        Some(value) => value.as_str().map(Some).ok_or(JwsError::HeaderShape),
    };
    let (alg, kid) = (text_of("alg")?.unwrap_or_default(), text_of("kid")?);
    let algorithm = algorithm(alg)
        .map_err(|allowed| JwsError::Algorithm { found: alg.chars().take(40).collect(), allowed })?;
    if let Some(found) = text_of("typ")?.filter(|typ| !TYPES.contains(typ)) {
        return Err(SvidError::Type { found: found.chars().take(40).collect() });
    }
    let kid = kid.map(|kid| kid.get(..MAX_KEY_ID).unwrap_or(kid));
    // Whose it is comes first: no other bundle is asked for a key.
    let payload = base64url::decode(parts.payload).map_err(JwsError::from)?;
    let claims = SvidClaims::read(&payload)?;
    if claims.id.trust_domain() != trust_domain {
        let (expected, found) = (trust_domain.to_owned(), claims.id.trust_domain().to_owned());
        return Err(SvidError::TrustDomain { expected, found });
    }
    let signature = base64url::decode(parts.signature).map_err(JwsError::from)?;
    if !bundle.verifies(kid, algorithm, (parts.signing_input.as_bytes(), &signature))? {
        return Err(SvidError::Signature);
    }
    Ok(SignedSvid { claims, digest: Sha256::digest(text.as_bytes()).into() })
}

impl SignedSvid {
    /// What it says.
    #[must_use]
    pub fn claims(&self) -> &SvidClaims {
        &self.claims
    }

    /// The SHA-256 of its text.
    #[must_use]
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// Holds that it is for `audience` and holds at `now` (Unix seconds), and lives for `most` seconds at most. It is taken before its
    /// `exp` and at no moment after it.
    ///
    /// # Errors
    /// [`SvidError`], the first rule that is broken.
    pub fn holds(&self, audience: &str, most: i64, now: i64) -> Result<(), SvidError> {
        let SvidClaims { audience: found, issued_at, not_before, expires_at, .. } = &self.claims;
        if found != audience {
            return Err(SvidError::Audience { expected: audience.to_owned(), found: found.clone() });
        }
        if now >= *expires_at {
            return Err(SvidError::Expired { at: *expires_at });
        }
        let clock = Clock { now, skew: SKEW };
        if ![issued_at, not_before].into_iter().flatten().all(|from| clock.has_begun(*from)) {
            return Err(SvidError::NotYet);
        }
        // Where it does not say when it begins, it does now.
        let begins = issued_at.or(*not_before).unwrap_or(now);
        if expires_at.saturating_sub(begins.min(now)) > most {
            return Err(SvidError::TooLong { most });
        }
        Ok(())
    }
}
