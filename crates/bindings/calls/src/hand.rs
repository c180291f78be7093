//! Who signs: a key that is here, or one that is elsewhere and is asked.

use crate::Failure;
use core::cell::RefCell;
use legation_keys::{PublicKey, SecretKey, Signer, base64url, public::Signature, secret::SignError};
use serde_json::{Value, json};

/// Who signs.
#[derive(Debug)]
pub enum Hand {
    /// A key that is here.
    Own(Box<SecretKey>),
    /// A key that signs elsewhere: a call says what is to be signed, and is made again with the signature.
    Elsewhere(PublicKey),
}

impl Hand {
    /// The key that verifies.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        match self {
            Self::Own(key) => key.public_key(),
            Self::Elsewhere(key) => key,
        }
    }

    /// Does what needs one signature. Of a key elsewhere `given` is the signature; without one the answer is
    /// `{"toSign": BASE64URL}`: the same call with its signature, 64 bytes, is answered.
    ///
    /// # Errors
    /// What `work` fails with; or where the signature does not fit what is to be signed.
    pub fn sign(
        &self,
        given: Option<&[u8]>,
        work: impl FnOnce(&dyn Signer) -> Result<Value, Failure>,
    ) -> Result<Value, Failure> {
        let public = match self {
            Self::Own(key) => return work(key.as_ref()),
            Self::Elsewhere(public) => public,
        };
        let given = given.map(Signature::try_from).transpose();
        let given = given.map_err(|_| Failure::input("signature", "64 bytes, R and S"))?;
        let once = Once { public, given, asked: RefCell::new(None) };
        let answer = work(&once);
        match once.asked.into_inner() {
            Some(message) => Ok(json!({"toSign": base64url::encode(&message)})),
            None => answer,
        }
    }
}

/// A signer that gives the signature that it has, or remembers what it was asked to sign.
struct Once<'k> {
    public: &'k PublicKey,
    given: Option<Signature>,
    asked: RefCell<Option<Vec<u8>>>,
}

impl Signer for Once<'_> {
    fn public_key(&self) -> &PublicKey {
        self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignError> {
        match self.given {
            Some(signature) if self.public.verify(message, &signature).is_ok() => Ok(signature),
            Some(_) => {
                Err(SignError { reason: "the signature is of something else, or by another key".to_owned() })
            }
            None => {
                *self.asked.borrow_mut() = Some(message.to_vec());
                Ok([0; 64])
            }
        }
    }
}
