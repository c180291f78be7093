//! Why a proof of possession does not hold.

use legation_keys::{
    Algorithm, base64url::Base64Error, json::JsonError, jws::JwsError, public::PublicKeyError,
};

/// A member that is missing, too long or of another kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wrong(pub &'static str);

/// Why a proof of possession does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DpopError {
    /// There is none.
    #[error("the header `DPoP` is missing: send a proof of the key that the token is bound to (RFC 9449)")]
    Missing,
    /// There are several: another reader might judge another one.
    #[error("the header `DPoP` stands there more than once; send one proof")]
    Several,
    /// It is too long.
    #[error("the proof has {found} bytes, at most {limit} are read")]
    TooLarge {
        /// Most bytes.
        limit: usize,
        /// How many there are.
        found: usize,
    },
    /// Its form, its `alg`, `typ` or `crit`.
    #[error("{0}")]
    Jws(#[from] JwsError),
    /// Its payload is no strict JSON.
    #[error("{0}")]
    Json(#[from] JsonError),
    /// A part is not base64url.
    #[error("{0}")]
    Base64(#[from] Base64Error),
    /// A member is missing, too long or of another kind.
    #[error("`{}` of the proof is missing, too long, or not what it has to be", .0.0)]
    Claim(Wrong),
    /// The key in its header is none.
    #[error("{0}")]
    Key(#[from] PublicKeyError),
    /// The key in its header is private.
    #[error("`jwk` of the proof holds a private key; send the public part, and replace this key")]
    Private,
    /// The key is for another algorithm.
    #[error("`jwk` of the proof is no key for {algorithm}")]
    Algorithm {
        /// What `alg` says.
        algorithm: Algorithm,
    },
    /// Its signature is of another key.
    #[error("the signature of the proof is not of the key in its header")]
    Signature,
    /// It is of another method.
    #[error("`htm` of the proof is another method than `{expected}`")]
    Method {
        /// The request's.
        expected: String,
    },
    /// It is of another URL.
    #[error("`htu` of the proof is not the URL of this request")]
    Url,
    /// It has no nonce of the server, or an old one.
    #[error("put the nonce of the header `DPoP-Nonce` into the proof, and ask again")]
    UseNonce,
    /// It was made too long ago, or will be made.
    #[error(
        "`iat` of the proof is {issued}, and now is {now}; make one for each request, by a clock that is right"
    )]
    Time {
        /// The verifier's time, Unix seconds.
        now: i64,
        /// When it was made by its own word, Unix seconds.
        issued: i64,
    },
    /// It was made with another token.
    #[error("`ath` of the proof is not the SHA-256 of this token")]
    Token,
    /// It was shown before.
    #[error("the proof was shown before; make one for each request")]
    Replayed,
    /// More proofs are remembered than there may be.
    #[error("too many proofs are remembered; try again later")]
    Full,
}

impl DpopError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "dpop_missing",
            Self::Several => "dpop_several",
            Self::TooLarge { .. } => "input_too_large",
            Self::Jws(error) => jws_code(error),
            Self::Json(error) => error.code(),
            Self::Base64(_) | Self::Claim(_) => "malformed",
            Self::Key(_) => "key_unusable",
            Self::Private => "key_private",
            Self::Algorithm { .. } => "algorithm_not_allowed",
            Self::Signature => "signature_invalid",
            Self::Method { .. } => "dpop_method_mismatch",
            Self::Url => "dpop_url_mismatch",
            Self::UseNonce => "dpop_nonce",
            Self::Time { .. } => "dpop_stale",
            Self::Token => "dpop_token_mismatch",
            Self::Replayed => "dpop_replayed",
            Self::Full => "overloaded",
        }
    }

    /// The `error` that it is answered with (RFC 9449 §5, §7.1, §8).
    #[must_use]
    pub fn oauth(&self) -> &'static str {
        match self {
            Self::UseNonce => "use_dpop_nonce",
            Self::Full => "temporarily_unavailable",
            _ => "invalid_dpop_proof",
        }
    }
}

/// The code of a JWS that is none that may be verified, as a denial has it.
pub(crate) fn jws_code(error: &JwsError) -> &'static str {
    match error {
        JwsError::Json(error) => error.code(),
        JwsError::Algorithm { .. } => "algorithm_not_allowed",
        JwsError::Type { .. } => "type_mismatch",
        JwsError::Critical { .. } => "crit_unknown",
        JwsError::KeyInHeader { .. } => "key_in_header",
        JwsError::NoKeyId => "key_not_named",
        JwsError::Parts { .. } | JwsError::Base64(_) | JwsError::HeaderShape | JwsError::SignatureLength => {
            "malformed"
        }
    }
}
