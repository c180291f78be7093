//! did:key: the identifier is the public key, as a Multikey.

use crate::{
    Did, DidError,
    document::{Document, Purpose},
    syntax::shorten,
};
use legation_keys::PublicKey;

/// The did:key of a public key.
#[must_use]
pub fn did(key: &PublicKey) -> Did {
    // A Multikey is base58, whose characters every DID may hold.
    Did::known_good(format!("did:key:{}", key.to_multikey()))
}

/// The public key that a did:key is.
///
/// # Errors
/// [`DidError::Key`] where the DID is of another method or holds no supported key.
pub fn public_key(did: &Did) -> Result<PublicKey, DidError> {
    let wrong = |reason: String| DidError::Key { found: shorten(did.as_str()), reason };
    if did.method() != "key" {
        return Err(wrong("the method is another one".to_owned()));
    }
    PublicKey::from_multikey(did.method_specific_id()).map_err(|error| wrong(error.to_string()))
}

/// The DID URL of a did:key's one verification method: the fragment repeats the Multikey.
#[must_use]
pub fn method_id(did: &Did) -> String {
    format!("{did}#{}", did.method_specific_id())
}

/// The document that a did:key stands for. Its one key has every purpose that signing knows.
///
/// # Errors
/// As [`public_key`].
pub fn document(did: &Did) -> Result<Document, DidError> {
    let mut document = Document::new(did.clone());
    document.add_key(method_id(did), public_key(did)?, &Purpose::ALL);
    Ok(document)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_spelling_of_a_key_is_a_did_key() {
        // did:key specification, test vectors: Ed25519 and P-256.
        for text in [
            "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp",
            "did:key:zDnaerx9CtbPJ1q36T5Ln5wYt3MQYeGRG5ehnPAmxcf5mDZpv",
        ] {
            let parsed: Did = text.parse().unwrap();
            assert_eq!(did(&public_key(&parsed).unwrap()), parsed);
        }
        for text in [
            "did:key:6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp",
            "did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme",
            "did:key:z",
            "did:key:f00",
            "did:web:example.com",
        ] {
            assert!(matches!(public_key(&text.parse().unwrap()), Err(DidError::Key { .. })), "{text}");
        }
    }
}
