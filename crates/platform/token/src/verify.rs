//! A service's side: a token and what it is shown with, held against the keys of the issuer that the service trusts.

use crate::{
    Claims, ClaimsError, MAX_CLAIMS, SKEW, TYPE, TokenAlgorithm,
    dpop::{self, jws_code},
};
use legation_agent_card::{JwkSet, jwks::JwkError};
use legation_credential::{Authority, Possession, Request, Situation, Violation};
use legation_did::Did;
use legation_keys::{
    base64url,
    json::JsonLimits,
    jws::{self, JwsError},
    time::{self, Clock},
};
use sha2::{Digest, Sha256};

/// Most bytes of a token: its claims in base64url, a header, and a signature by RSA.
const MAX_TOKEN: usize = MAX_CLAIMS * 4 / 3 + 4096;
const HEADER: JsonLimits = JsonLimits { bytes: 2048, depth: 2 };
/// Most bytes of a `kid`.
const MAX_KEY_ID: usize = 512;

/// Whose tokens a service takes, and who it is. All of it is the service's own setting; nothing of a token says where its keys are.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'e> {
    /// The issuer, compared byte by byte.
    pub issuer: &'e str,
    /// The service's own name, compared byte by byte.
    pub audience: &'e str,
    /// The algorithms that it takes; [`TokenAlgorithm::ALL`] where nothing speaks against one.
    pub algorithms: &'e [TokenAlgorithm],
}

/// How a token is shown.
#[derive(Clone, Copy, Debug)]
pub enum Shown<'s> {
    /// By whoever has it: `Authorization: Bearer`.
    Bearer,
    /// With a proof of a key, `Authorization: DPoP`, that holds of this request and of this token ([`dpop::check`]).
    Proved(&'s dpop::Proof),
}

/// A token that its issuer has signed, read and not yet believed: whether it is for this service, holds now and is shown by whom it is
/// bound to is asked each time that it is shown. Nothing but [`signed`] makes one.
#[derive(Clone, Debug)]
pub struct SignedToken {
    claims: Claims,
    digest: [u8; 32],
}

/// A token that holds. Nothing but [`verify`] and [`SignedToken::shown`] makes one.
#[derive(Clone, Debug)]
pub struct VerifiedToken {
    claims: Claims,
    possession: Possession,
}

impl VerifiedToken {
    /// What it says.
    #[must_use]
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Who acts.
    #[must_use]
    pub fn agent(&self) -> &Did {
        &self.claims.client_id
    }

    /// For whom.
    #[must_use]
    pub fn principal(&self) -> &Did {
        &self.claims.subject
    }

    /// What it lets its holder do.
    #[must_use]
    pub fn authority(&self) -> &Authority {
        &self.claims.authority
    }

    /// Whether it lets its holder do this, at the audience that it is for. Totals are not judged: whose they are stands in
    /// [`Claims::ledger`].
    ///
    /// # Errors
    /// [`Violation`].
    pub fn permits(&self, request: &Request) -> Result<(), Violation> {
        let possession = Some(self.possession);
        self.claims
            .authority
            .permits_in(request, Situation { possession, ..Situation::at(&self.claims.audience) })
    }
}

/// Why a token does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is too long.
    #[error("the token has {found} bytes, at most {MAX_TOKEN} are read")]
    TooLarge {
        /// How many there are.
        found: usize,
    },
    /// Its form, or its header: another kind of token, an algorithm that is not allowed, a key of its own choosing.
    #[error("{0}")]
    Jws(#[from] JwsError),
    /// The issuer has no such key, or it is for another algorithm.
    #[error("{0}")]
    Key(#[from] JwkError),
    /// Its signature is of another key, or of another text.
    #[error("the signature of the token does not fit")]
    Signature,
    /// Its claims can't be read.
    #[error("{0}")]
    Claims(#[from] ClaimsError),
    /// Somebody else's.
    #[error("the token is of `{found}`, expected `{expected}`")]
    Issuer {
        /// Whose tokens are taken.
        expected: String,
        /// Whose it is.
        found: String,
    },
    /// For somebody else.
    #[error("the token is for `{found}`, and this is `{expected}`; ask for one for this service")]
    Audience {
        /// Who this is.
        expected: String,
        /// Whom it is for.
        found: String,
    },
    /// It has ended.
    #[error("the token ended at {}; ask for another one", time::format(*.at))]
    Expired {
        /// When, Unix seconds.
        at: i64,
    },
    /// It is of a time to come, or lives longer than a token may.
    #[error("the token is of a time to come, or lives for longer than {} seconds", crate::LIFE)]
    Time,
    /// It is bound to a key, and shown without a proof.
    #[error("the token is bound to a key: show it by `Authorization: DPoP` with a proof (RFC 9449 §7.2)")]
    ProofMissing,
    /// It is bound to no key, and shown as if it were.
    #[error("the token is bound to no key: show it by `Authorization: Bearer`")]
    Unbound,
    /// It is bound to another key.
    #[error("the proof is of another key than the token is bound to")]
    KeyMismatch,
    /// The proof was made with another token.
    #[error("the proof was made with another token")]
    ProofMismatch,
}

impl TokenError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "input_too_large",
            Self::Jws(error) => jws_code(error),
            Self::Key(JwkError::NotFound { .. }) => "key_not_found",
            Self::Key(JwkError::Algorithm { .. }) => "algorithm_not_allowed",
            Self::Key(_) => "key_unusable",
            Self::Signature => "signature_invalid",
            Self::Claims(error) => error.code(),
            Self::Issuer { .. } => "issuer_mismatch",
            Self::Audience { .. } => "audience_mismatch",
            Self::Expired { .. } => "expired",
            Self::Time => "not_yet_valid",
            Self::ProofMissing => "dpop_missing",
            Self::Unbound => "token_unbound",
            Self::KeyMismatch => "dpop_key_mismatch",
            Self::ProofMismatch => "dpop_token_mismatch",
        }
    }
}

/// Verifies a token at `now` (Unix seconds), by the keys of its issuer. It is accepted before its `exp` and at no moment after
/// it: by that much a revocation shows late, and clocks that differ are no reason for more.
///
/// # Errors
/// [`TokenError`], the first rule that is broken.
pub fn verify(
    token: &str,
    shown: Shown<'_>,
    keys: &JwkSet,
    expected: &Expected<'_>,
    now: i64,
) -> Result<VerifiedToken, TokenError> {
    signed(token, keys, (expected.issuer, expected.algorithms))?.shown((token, shown), expected.audience, now)
}

/// Holds that a token was signed by an issuer, whom `keys` are of, by one of these algorithms: what does not change with who shows it,
/// where, and when.
///
/// # Errors
/// [`TokenError`], the first rule that is broken.
pub fn signed(
    token: &str,
    keys: &JwkSet,
    (issuer, algorithms): (&str, &[TokenAlgorithm]),
) -> Result<SignedToken, TokenError> {
    if token.len() > MAX_TOKEN {
        return Err(TokenError::TooLarge { found: token.len() });
    }
    let parts = jws::split(token)?;
    let allowed = |alg: &str| {
        let known = TokenAlgorithm::from_jose(alg).filter(|known| algorithms.contains(known));
        known.ok_or_else(|| algorithms.iter().map(|one| one.jose()).collect::<Vec<_>>().join(", "))
    };
    let header = jws::read_header_by(parts.header, TYPE, HEADER, allowed)?;
    let algorithm = header.algorithm;
    let key_id = header.required_key_id()?;
    let key_id = key_id.get(..MAX_KEY_ID).unwrap_or(&key_id);
    let signature = base64url::decode(parts.signature).map_err(JwsError::from)?;
    if !keys.verifies(key_id, algorithm.card(), parts.signing_input.as_bytes(), &signature)? {
        return Err(TokenError::Signature);
    }
    let payload = base64url::decode(parts.payload).map_err(JwsError::from)?;
    let claims = Claims::read(&payload)?;
    if claims.issuer != issuer {
        let found = claims.issuer;
        return Err(TokenError::Issuer { expected: issuer.to_owned(), found });
    }
    Ok(SignedToken { claims, digest: Sha256::digest(token.as_bytes()).into() })
}

impl SignedToken {
    /// What it says.
    #[must_use]
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Holds that it is for `audience`, holds at `now` (Unix seconds), and is shown by whoever may show it.
    ///
    /// # Errors
    /// [`TokenError`], the first rule that is broken.
    pub fn shown(
        &self,
        (token, shown): (&str, Shown<'_>),
        audience: &str,
        now: i64,
    ) -> Result<VerifiedToken, TokenError> {
        // Of another text nothing was verified.
        if <[u8; 32]>::from(Sha256::digest(token.as_bytes())) != self.digest {
            return Err(TokenError::Signature);
        }
        check(&self.claims, audience, now)?;
        let possession = held(&self.claims, token, shown)?;
        Ok(VerifiedToken { claims: self.claims.clone(), possession })
    }
}

fn check(claims: &Claims, audience: &str, now: i64) -> Result<(), TokenError> {
    if claims.audience != audience {
        let found = claims.audience.clone();
        return Err(TokenError::Audience { expected: audience.to_owned(), found });
    }
    if now >= claims.expires_at {
        return Err(TokenError::Expired { at: claims.expires_at });
    }
    let clock = Clock { now, skew: SKEW };
    let begun =
        [Some(claims.issued_at), claims.not_before].into_iter().flatten().all(|from| clock.has_begun(from));
    let is_short = claims.expires_at.saturating_sub(claims.issued_at) <= crate::LIFE;
    if begun && is_short { Ok(()) } else { Err(TokenError::Time) }
}

/// Whoever shows it has the key that it is bound to.
fn held(claims: &Claims, token: &str, shown: Shown<'_>) -> Result<Possession, TokenError> {
    match (claims.key.as_deref(), shown) {
        (None, Shown::Bearer) => Ok(Possession::Vouched),
        (Some(_), Shown::Bearer) => Err(TokenError::ProofMissing),
        (None, Shown::Proved(_)) => Err(TokenError::Unbound),
        (Some(key), Shown::Proved(proof)) if proof.thumbprint() != key => Err(TokenError::KeyMismatch),
        (Some(_), Shown::Proved(proof)) if !proof.is_with(token) => Err(TokenError::ProofMismatch),
        (Some(_), Shown::Proved(_)) => Ok(Possession::Signed),
    }
}
