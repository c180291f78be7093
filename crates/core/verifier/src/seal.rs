//! What a link or a presentation was signed with.

use legation_keys::{Algorithm, data_integrity::Hashes, public::Signature};
use std::sync::Arc;

/// A secured text, and how it says it was signed.
#[derive(Clone, Debug)]
pub(crate) struct Seal {
    /// A compact JWS, or a document with proofs in JSON.
    pub(crate) secured: Arc<str>,
    pub(crate) signed: Signed,
    pub(crate) algorithm: Algorithm,
    pub(crate) key_id: String,
    pub(crate) signature: Signature,
}

/// What a signature covers.
#[derive(Clone, Debug)]
pub(crate) enum Signed {
    /// So many bytes of a JWS, from its beginning.
    Beginning(usize),
    /// The hashes of a Data Integrity proof and its document.
    Hashes(Box<Hashes>),
}

impl Seal {
    /// What the signature covers.
    pub(crate) fn signing_input(&self) -> &[u8] {
        match &self.signed {
            Signed::Beginning(signed) => self.secured.as_bytes().get(..*signed).unwrap_or_default(),
            Signed::Hashes(hashes) => hashes.as_slice(),
        }
    }

    /// Whether it is a Data Integrity proof.
    pub(crate) fn is_proof(&self) -> bool {
        matches!(self.signed, Signed::Hashes(_))
    }
}
