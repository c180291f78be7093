//! Claims out of a verified chain.

use crate::{Claims, LIFE, MAX_CLAIMS, Narrowed, claims::MAX_NAME};
use legation_credential::extend;
use legation_verifier::VerifiedChain;

/// What a token is made with, beside its chain.
#[derive(Clone, Copy, Debug)]
pub struct Issue<'i> {
    /// `iss`.
    pub issuer: &'i str,
    /// `aud`.
    pub audience: &'i str,
    /// What goes into it, narrowed from the same chain.
    pub narrowed: &'i Narrowed,
    /// `jti`.
    pub id: &'i str,
    /// The thumbprint of the key that whoever shows it proves.
    pub key: Option<&'i str>,
    /// Until when the status of the chain that it was verified by may be relied on, Unix seconds.
    pub status_until: i64,
    /// Now, Unix seconds.
    pub now: i64,
}

/// Why no token was made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MakeError {
    /// The authority is not of this chain.
    #[error("the token would permit more than the chain; it was not made")]
    Wider,
    /// The chain, or its status, ends now.
    #[error("the chain ends now; a token of it would never be valid")]
    Ended,
    /// It does not fit into a header.
    #[error(
        "the token would say {found} bytes, at most {MAX_CLAIMS} are written; ask for fewer actions by `scope`"
    )]
    TooLarge {
        /// How many.
        found: usize,
    },
    /// `jti` is empty or too long.
    #[error("`jti` has 1 to {MAX_NAME} bytes")]
    Id,
}

impl MakeError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Wider => "token_widened",
            Self::Ended => "expired",
            Self::TooLarge { .. } => "token_too_large",
            Self::Id => "malformed",
        }
    }
}

/// The claims of a token of a chain. It ends with the chain, when the status of the chain would have to be looked at again, or
/// after [`LIFE`], whichever is first.
///
/// # Errors
/// [`MakeError`].
pub fn of_chain(chain: &VerifiedChain, issue: Issue<'_>) -> Result<Claims, MakeError> {
    let Issue { issuer, audience, narrowed, id, key, status_until, now } = issue;
    if !(1..=MAX_NAME).contains(&id.len()) {
        return Err(MakeError::Id);
    }
    // What was narrowed from another chain is no part of this one.
    extend(chain.effective().clone(), &narrowed.authority).map_err(|_| MakeError::Wider)?;
    let ends = chain.links().iter().map(|link| link.valid_until);
    let ends = ends.chain([status_until, now.saturating_add(LIFE)]).min().unwrap_or(now);
    if ends <= now {
        return Err(MakeError::Ended);
    }
    let claims = Claims {
        issuer: issuer.to_owned(),
        subject: chain.principal().clone(),
        client_id: chain.agent().clone(),
        audience: audience.to_owned(),
        issued_at: now,
        not_before: None,
        expires_at: ends,
        id: id.to_owned(),
        actors: chain.links().iter().rev().map(|link| link.subject.to_string()).collect(),
        authority: narrowed.authority.clone(),
        links: chain.links().iter().map(|link| link.digest).collect(),
        ledger: narrowed.ledger.clone(),
        key: key.map(str::to_owned),
    };
    match claims.to_json().to_string().len() {
        0..=MAX_CLAIMS => Ok(claims),
        found => Err(MakeError::TooLarge { found }),
    }
}
