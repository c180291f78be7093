//! What a link or a presentation was signed with.

use legation_keys::{Algorithm, base64url, data_integrity::Hashes, public::Signature};
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

    /// The same text with the other form of its signature, where it has one: anybody can make it of this one (ES256).
    pub(crate) fn twin(&self) -> Option<String> {
        let Signed::Beginning(signed) = self.signed else { return None };
        let input = self.secured.get(..signed).filter(|_| self.algorithm == Algorithm::Es256)?;
        Some(format!("{input}.{}", base64url::encode(&other_form(&self.signature))))
    }
}

/// The order of P-256's group (SEC 2 §2.4.2).
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
    0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// Of (r, s) on P-256 the form (r, order − s), which verifies as well.
fn other_form(signature: &Signature) -> Signature {
    let mut other = *signature;
    let mut borrow = false;
    // From the last byte, which weighs least; s is the second half.
    for (byte, order) in other.iter_mut().rev().zip(ORDER.iter().rev()) {
        let (less, first) = order.overflowing_sub(*byte);
        let (less, second) = less.overflowing_sub(u8::from(borrow));
        (*byte, borrow) = (less, first || second);
    }
    other
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use legation_keys::{SecretKey, Signer};

    #[test]
    fn the_other_form_of_a_signature_verifies_and_is_the_twin_of_its_twin() {
        let key = SecretKey::generate(Algorithm::Es256).unwrap();
        for text in ["", "a", "b", "c"] {
            let signature = key.sign(text.as_bytes()).unwrap();
            let other = other_form(&signature);
            assert_ne!(other, signature);
            assert!(key.public_key().verify(text.as_bytes(), &other).is_ok(), "{text}");
            assert_eq!(other_form(&other), signature);
        }
    }
}
