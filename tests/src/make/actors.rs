//! Who plays. Keys are always the same, so that the files are: Ed25519 from the SHA-256 of a
//! name, P-256 from the JWKs below. They guard nothing.

use legation_did::key;
use legation_keys::{SecretKey, Signer, base64url};
use sha2::{Digest, Sha256};
use std::rc::Rc;

/// Somebody with a DID and a key.
pub(crate) struct Actor {
    pub(crate) did: String,
    pub(crate) kid: String,
    pub(crate) key: SecretKey,
}

/// P-256 keys for this corpus only.
const P256: [(&str, &str); 3] = [
    (
        "paula",
        r#"{"crv":"P-256","kty":"EC","x":"qOYF-EwxLo5QoyDlETySjOHZwzcVqSZXenjH3ufL8hQ","y":"hqzcFhYg4as3THoIX15Akt9DJwt1vYl-5UY1mw9D6zc","d":"hfjEIjgs_Mjmh325qbSNsDb-dzM-QZ9IViZxeRS5fM8"}"#,
    ),
    (
        "pascal",
        r#"{"crv":"P-256","kty":"EC","x":"ZfsCd1wkjevtBF9RiDcUJn0zSEheFHCp4br0I6QVi6M","y":"JU0ipZ5uf1f3YVed0hsTL_qxX-YnSiX43GtQTpTvICI","d":"BZKB4vBT5Qmec8ek5Jbxt4hGAL-UnK-ucrXOCZq9Vgs"}"#,
    ),
    (
        "petra",
        r#"{"crv":"P-256","kty":"EC","x":"F6GbbqjOTMPwLqHAzPn9BiFJTROAvn51lLj9ppfs-Ws","y":"qEa3I0RBSXWQZHM06y7K9VSJsLuA2l8-nFx7-P_qjjo","d":"l-0uRkuSN4uzAnS-lLoM568wBFzpBMKy-k--lSNAlW8"}"#,
    ),
];

/// The seed of an Ed25519 key.
pub(crate) fn seed(name: &str) -> [u8; 32] {
    Sha256::digest(format!("legation test corpus: {name}")).into()
}

/// An agent, known by its key.
pub(crate) fn agent(name: &str) -> Rc<Actor> {
    by_key(SecretKey::from_ed25519_seed(&seed(name)).unwrap())
}

/// An agent with a P-256 key.
pub(crate) fn p256(name: &str) -> Rc<Actor> {
    let (_, jwk) = P256.iter().find(|(known, _)| *known == name).unwrap();
    by_key(SecretKey::from_jwk(jwk).unwrap())
}

fn by_key(key: SecretKey) -> Rc<Actor> {
    let did = key::did(key.public_key());
    Rc::new(Actor { kid: key::method_id(&did), did: did.to_string(), key })
}

/// An organization: `did:web:NAME.example`, whose document names its key `key-1`.
pub(crate) fn company(name: &str) -> Rc<Actor> {
    let did = format!("did:web:{name}.example");
    let key = SecretKey::from_ed25519_seed(&seed(name)).unwrap();
    Rc::new(Actor { kid: format!("{did}#key-1"), did, key })
}

impl Actor {
    /// The same key under another DID and key id.
    pub(crate) fn named(&self, did: &str, kid: &str) -> Rc<Self> {
        let key = SecretKey::from_jwk(&self.key.to_jwk().unwrap()).unwrap();
        Rc::new(Self { did: did.to_owned(), kid: kid.to_owned(), key })
    }

    /// Its public key as a JWK.
    pub(crate) fn jwk(&self) -> serde_json::Value {
        self.key.public_key().to_jwk()
    }

    /// The bytes of its public key's x, which is all of an Ed25519 key.
    pub(crate) fn key_bytes(&self) -> Vec<u8> {
        base64url::decode(self.jwk()["x"].as_str().unwrap()).unwrap()
    }
}
