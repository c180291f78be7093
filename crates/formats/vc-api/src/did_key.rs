//! The documents of did:keys that nothing here signs or verifies a chain by: of larger curves, and, with the feature
//! `foreign-keys`, of secp256k1, X25519 and BLS12-381, as `did-method-key` writes them.

use crate::larger::LargerPublicKey;
use legation_did::Did;
use serde_json::Value;

/// The document of a did:key of such a kind, or why it is none; `None` for all other DIDs, those of the keys of chains among
/// them.
pub async fn document(did: &Did) -> Option<Result<Value, String>> {
    if did.method() != "key" {
        return None;
    }
    match LargerPublicKey::from_multikey(did.method_specific_id()) {
        Some(key) => Some(key.map(|key| key.document()).map_err(|error| error.to_string())),
        #[cfg(feature = "foreign-keys")]
        None => foreign::document(did).await,
        #[cfg(not(feature = "foreign-keys"))]
        None => None,
    }
}

#[cfg(feature = "foreign-keys")]
mod foreign {
    //! `did-method-key` writes a document of whatever bytes follow a prefix that it knows, in any base, and has every key sign.
    //! So what it is given is looked at before, and what an X25519 key is for is set right afterwards.

    use did_method_key::DIDKey;
    use legation_did::Did;
    use serde_json::{Value, json};
    use ssi_dids_core::resolution::{DIDMethodResolver as _, Options, Parameters};

    /// Characters of the longest, a point of G2 in base58.
    const MOST: usize = 140;

    /// A kind of key.
    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Kind {
        Secp256k1,
        X25519,
        /// BLS12-381, in G1 or G2.
        Bls,
    }

    /// What a Multikey starts with (Multicodec), how many bytes follow, and the kind.
    const KINDS: [([u8; 2], usize, Kind); 4] = [
        ([0xe7, 0x01], 33, Kind::Secp256k1),
        ([0xec, 0x01], 32, Kind::X25519),
        ([0xea, 0x01], 48, Kind::Bls),
        ([0xeb, 0x01], 96, Kind::Bls),
    ];

    /// What a signing key is for (did:key §3.1).
    const SIGNS: [&str; 4] =
        ["authentication", "assertionMethod", "capabilityInvocation", "capabilityDelegation"];

    pub(super) async fn document(did: &Did) -> Option<Result<Value, String>> {
        let multikey = did.method_specific_id();
        let text = Some(multikey).filter(|text| text.starts_with('z') && text.len() <= MOST)?;
        let (_, bytes) = multibase::decode(text).ok()?;
        let (codec, key) = bytes.split_first_chunk::<2>()?;
        let (_, size, kind) = KINDS.into_iter().find(|(prefix, ..)| prefix == codec)?;
        Some(match fits(kind, size, key) {
            Ok(()) => resolved(multikey, kind).await,
            Err(reason) => Err(reason.to_owned()),
        })
    }

    /// Whether the bytes are a key in the one way in which such a key is written, as far as is looked at: whether a point
    /// of BLS12-381 is one, whoever uses it finds out.
    fn fits(kind: Kind, size: usize, key: &[u8]) -> Result<(), &'static str> {
        let (first, last) =
            (key.first().copied().unwrap_or_default(), key.last().copied().unwrap_or_default());
        match kind {
            _ if key.len() != size => Err("the key is not as long as its kind has it"),
            // RFC 7748 §5: the highest bit is no part of the key.
            Kind::X25519 if last & 0x80 != 0 => Err("the X25519 key has a bit set that no such key has"),
            // Compressed, and not the point at infinity, which is nobody's key.
            Kind::Bls if first & 0xc0 != 0x80 => Err("the BLS12-381 key is no compressed point"),
            _ => Ok(()),
        }
    }

    async fn resolved(multikey: &str, kind: Kind) -> Result<Value, String> {
        if kind == Kind::Secp256k1 {
            // As a JWK the point is worked out, which has to be one of the curve.
            let parameters =
                Parameters { public_key_format: Some("JsonWebKey2020".to_owned()), ..Parameters::default() };
            let options = Options { parameters, ..Options::default() };
            let point = DIDKey.resolve_method_representation(multikey, options).await;
            point.map_err(|_| "the bytes are no valid public key of secp256k1".to_owned())?;
        }
        let output = DIDKey.resolve_method_representation(multikey, Options::default()).await;
        let output = output.map_err(|error| error.to_string())?;
        let mut document: Value =
            serde_json::from_slice(&output.document).map_err(|error| error.to_string())?;
        let id = json!([format!("did:key:{multikey}#{multikey}")]);
        if let Some(members) = document.as_object_mut() {
            for purpose in SIGNS {
                members.remove(purpose);
                if kind != Kind::X25519 {
                    members.insert(purpose.to_owned(), id.clone());
                }
            }
            if kind == Kind::X25519 {
                members.insert("keyAgreement".to_owned(), id);
            }
        }
        Ok(document)
    }
}
