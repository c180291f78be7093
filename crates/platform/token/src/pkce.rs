//! Proof Key for Code Exchange (RFC 7636), by `S256` alone: whoever sees a code on its way can't use it.

use crate::Refused;
use legation_keys::base64url;
use sha2::{Digest, Sha256};

/// The one method.
pub const METHOD: &str = "S256";
/// How long a verifier is (§4.1).
const VERIFIER: core::ops::RangeInclusive<usize> = 43..=128;
/// Characters of a challenge: SHA-256 in base64url.
const CHALLENGE: usize = 43;

/// The challenge that a verifier answers (§4.6).
///
/// # Errors
/// [`Refused`] of what is no verifier.
///
/// ```
/// // RFC 7636, Appendix B.
/// let challenge = legation_token::pkce::challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")?;
/// assert_eq!(challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
/// assert!(legation_token::pkce::challenge("short").is_err());
/// # Ok::<(), legation_token::Refused>(())
/// ```
pub fn challenge(verifier: &str) -> Result<String, Refused> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if !VERIFIER.contains(&verifier.len()) || !verifier.bytes().all(fits) {
        let message = "`code_verifier` has 43 to 128 of `A-Z a-z 0-9 - . _ ~`";
        return Err(Refused::new("invalid_grant", "pkce_invalid", message));
    }
    Ok(base64url::encode(&Sha256::digest(verifier)))
}

/// Holds that a challenge is one, by the one method: without it anybody who sees the code could use it.
pub(crate) fn checked(challenge: Option<&str>, method: Option<&str>) -> Result<String, Refused> {
    let wrong = |code, message: &str| Err(Refused::request(code, message));
    let Some(challenge) = challenge else {
        return wrong(
            "pkce_missing",
            "`code_challenge` is missing; a code is given by PKCE alone (RFC 7636)",
        );
    };
    if method != Some(METHOD) {
        return wrong(
            "pkce_method",
            "`code_challenge_method` is `S256`; `plain`, which is meant where none is said, is not taken",
        );
    }
    if challenge.len() != CHALLENGE || base64url::decode_array::<32>(challenge).is_err() {
        return wrong(
            "pkce_invalid",
            "`code_challenge` is the SHA-256 of the verifier in base64url, 43 characters",
        );
    }
    Ok(challenge.to_owned())
}
