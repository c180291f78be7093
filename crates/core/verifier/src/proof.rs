//! A proof of possession that stands beside a chain: the signature of the request that it is for.

use legation_keys::{Algorithm, base64url, public::Signature};

/// What somebody signed of an HTTP request (RFC 9421), read and held against the request, and not
/// believed yet: the key is looked up in the document of the chain's last subject.
#[derive(Clone, Debug)]
pub struct Proof {
    /// The signature base (RFC 9421 §2.5), ASCII.
    pub signing_input: String,
    /// What the parameter `alg` says; `None` where there is none, and the key tells.
    pub algorithm: Option<Algorithm>,
    /// `keyid`: the RFC 7638 SHA-256 thumbprint of an `authentication` key, base64url.
    pub key_thumbprint: String,
    /// The signature, 64 bytes.
    pub signature: Signature,
    /// The signer's own nonce; a ledger remembers it.
    pub nonce: String,
    /// When it was made, Unix seconds.
    pub created: i64,
    /// When it ends, Unix seconds.
    pub expires: i64,
}

impl Proof {
    /// The text that a receipt names by its SHA-256: the chain, the signature base and the signature
    /// (base64url), a line feed between them. Who keeps it can repeat the decision.
    #[must_use]
    pub fn record(&self, chain: &str) -> String {
        format!("{chain}\n{}\n{}", self.signing_input, base64url::encode(&self.signature))
    }
}
