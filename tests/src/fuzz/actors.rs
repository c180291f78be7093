//! Who plays: always the same keys, so that an input means the same on every run. They guard nothing.

use legation_did::{Did, Document, key, method_id, web};
use legation_keys::{SecretKey, Signer};
use std::sync::LazyLock;

pub(crate) const NOW: i64 = 1_795_262_400;
pub(crate) const SHOP: &str = "did:web:shop.example";

/// A P-256 key for these tests only.
const P256: &str = r#"{"crv":"P-256","kty":"EC","x":"qOYF-EwxLo5QoyDlETySjOHZwzcVqSZXenjH3ufL8hQ","y":"hqzcFhYg4as3THoIX15Akt9DJwt1vYl-5UY1mw9D6zc","d":"hfjEIjgs_Mjmh325qbSNsDb-dzM-QZ9IViZxeRS5fM8"}"#;

/// Somebody with a DID and a key.
pub(crate) struct Actor {
    pub(crate) did: Did,
    pub(crate) key_id: String,
    pub(crate) key: SecretKey,
}

impl Actor {
    fn of(did: Option<&str>, key: SecretKey) -> Self {
        let did = did.map_or_else(|| key::did(key.public_key()), |did| did.parse().unwrap());
        Self { key_id: method_id(&did, key.public_key()), did, key }
    }

    pub(crate) fn document(&self) -> Document {
        match self.did.method() {
            "key" => key::document(&self.did).unwrap(),
            _ => web::document(&self.did, &[self.key.public_key().clone()]),
        }
    }
}

/// Everybody. The first is the usual root; 1 and 5 are organizations, 4 has a P-256 key.
pub(crate) static ACTORS: LazyLock<Vec<Actor>> = LazyLock::new(|| {
    let seed = |number: u8| SecretKey::from_ed25519_seed(&[number; 32]).unwrap();
    vec![
        Actor::of(None, seed(1)),
        Actor::of(Some("did:web:acme.example"), seed(2)),
        Actor::of(None, seed(3)),
        Actor::of(None, seed(4)),
        Actor::of(None, SecretKey::from_jwk(P256).unwrap()),
        Actor::of(Some("did:web:agents.example:mail"), seed(6)),
        Actor::of(None, seed(7)),
        Actor::of(None, seed(8)),
    ]
});

/// The shop, to whom is presented.
pub(crate) static SHOP_ACTOR: LazyLock<Actor> =
    LazyLock::new(|| Actor::of(Some(SHOP), SecretKey::from_ed25519_seed(&[9; 32]).unwrap()));
