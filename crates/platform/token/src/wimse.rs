//! Workload identity tokens and their proofs (WIMSE: draft-ietf-wimse-workload-creds, draft-ietf-wimse-wpt), and WIT-SVIDs (SPIFFE), which
//! are such tokens: who a workload is, with a key, and a proof by that key that binds one request.
//!
//! | module | what it holds |
//! |---|---|
//! | this | [`workload`]: a [`Workload`] comes only out of a token and a proof that both hold, in this order |
//! | [`wit`] | the token: `wit+jwt` |
//! | [`wpt`] | the proof: `wpt+jwt`, made and held against the request; its `oth` binds a chain of delegations beside it |
//!
//! It proves a holder and gives nothing: what a workload may do is in its chain. These are drafts, and so is this.

pub mod wit;
pub mod wpt;

pub use wit::{Anchor, Wit};
pub use wpt::{Making, Of};

use crate::dpop::jws_code;
use legation_agent_card::jwks::JwkError;
use legation_keys::{PublicKey, base64url, json::JsonError, jws::JwsError, public::PublicKeyError};
use sha2::{Digest, Sha256};

/// The header of a request that carries a chain of delegations, as `oth` names it.
pub const AGENT_DELEGATION: &str = "agent-delegation";

/// A workload that has shown its token and proved its key for one request. Nothing but [`workload`] makes one.
#[derive(Clone, Debug)]
pub struct Workload {
    id: String,
    key: PublicKey,
    proof: [u8; 32],
    until: i64,
}

impl Workload {
    /// Its one identifier: a `spiffe://` or a `wimse://` URI.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The key that it has proved.
    #[must_use]
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// What its proof is known by, when it comes a second time: SHA-256 of its key and its `jti`.
    #[must_use]
    pub fn proof(&self) -> [u8; 32] {
        self.proof
    }

    /// Until when the proof could come a second time, Unix seconds.
    #[must_use]
    pub fn until(&self) -> i64 {
        self.until
    }
}

/// Why there is no workload. It is answered with 400 (draft-ietf-wimse-workload-creds).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WimseError {
    /// One of the two is not there once.
    #[error("one `{header}` is expected, {found} came")]
    Count {
        /// The header.
        header: &'static str,
        /// How many came.
        found: usize,
    },
    /// It is too long.
    #[error("{found} bytes, at most {limit} are read")]
    TooLarge {
        /// How many are read.
        limit: usize,
        /// How many there are.
        found: usize,
    },
    /// Its form, or its header.
    #[error("{0}")]
    Jws(#[from] JwsError),
    /// Its payload is not strict JSON.
    #[error("{0}")]
    Json(#[from] JsonError),
    /// The trust domain has no such key.
    #[error("{0}")]
    Key(#[from] JwkError),
    /// The key in `cnf` is none.
    #[error("`cnf.jwk`: {0}")]
    Confirmation(#[from] PublicKeyError),
    /// The signature is of another key, or of another text.
    #[error("the signature does not fit")]
    Signature,
    /// A claim is missing, of another kind, or one that may not be there.
    #[error("`{0}` is not as it has to be")]
    Claim(&'static str),
    /// It is of another trust domain than the keys.
    #[error("the token is of `{found}`, and the keys of `{expected}`")]
    TrustDomain {
        /// Whose keys they are.
        expected: String,
        /// Whose the token is.
        found: String,
    },
    /// It has ended, or is of a time to come.
    #[error("it has ended, is of a time to come, or lives too long")]
    Time,
    /// The proof is for another request.
    #[error("the proof is for another audience than this request's")]
    Audience,
    /// The proof was made with another token than this one, or does not cover one that is beside it.
    #[error("`{0}` of the proof is not the SHA-256 of what came with it")]
    Binding(&'static str),
    /// The proof covers a header that did not come, or that nobody here knows.
    #[error("`oth` of the proof has `{0}`, which did not come, or which is not known here")]
    Other(String),
}

impl WimseError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Count { .. } => "workload_headers",
            Self::TooLarge { .. } => "input_too_large",
            Self::Jws(error) => jws_code(error),
            Self::Json(error) => error.code(),
            Self::Key(JwkError::NotFound { .. }) => "key_not_found",
            Self::Key(JwkError::Algorithm { .. }) => "algorithm_not_allowed",
            Self::Key(_) | Self::Confirmation(_) => "key_unusable",
            Self::Signature => "signature_invalid",
            Self::Claim(_) => "malformed",
            Self::TrustDomain { .. } => "trust_domain_mismatch",
            Self::Time => "expired",
            Self::Audience => "audience_mismatch",
            Self::Binding(_) | Self::Other(_) => "proof_binding",
        }
    }
}

/// The workload that makes a request: its token, by the anchor of its trust domain, then its proof. `wits` and `wpts` are the values of all
/// headers `Workload-Identity-Token` and `Workload-Proof-Token`; whether the proof came before says whoever remembers [`Workload::proof`].
///
/// # Errors
/// [`WimseError`], the first rule that is broken.
pub fn workload(
    (wits, wpts): (&[&str], &[&str]),
    anchor: &Anchor<'_>,
    of: &Of<'_>,
    now: i64,
) -> Result<Workload, WimseError> {
    let [text] = wits else {
        return Err(WimseError::Count { header: "Workload-Identity-Token", found: wits.len() });
    };
    let wit = Wit::read(text)?;
    wit.verify(text, anchor, now)?;
    let (proof, until) = wpt::check(wpts, (&wit, text), of, now)?;
    let (id, key) = (wit.id, wit.key);
    Ok(Workload { id, key, proof, until })
}

/// The hash by which a proof covers a token or a header (draft-ietf-wimse-wpt §2.1).
#[must_use]
pub fn hash(value: &str) -> String {
    base64url::encode(&Sha256::digest(value.trim().as_bytes()))
}
