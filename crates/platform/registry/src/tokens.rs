//! The keys that sign agents' identity tokens: one for each algorithm, made when it is first asked for, replaced with the
//! organization's own.

use crate::{error::RegistryError, registry::Registry, spiffe::SVIDS};
use legation_keys::Algorithm;
use legation_store::{Tx, token, token::Key};
use legation_token::TokenAlgorithm;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// For how long a key that was replaced is published on, seconds: tokens live for five minutes, and who reads keys may keep them
/// for minutes.
const OVERLAP: i64 = 3600;

impl Registry {
    /// The key that signs tokens by an algorithm now; made where there is none.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn token_key(&self, algorithm: TokenAlgorithm, now: i64) -> Result<Key, RegistryError> {
        let signs = |key: &Key| key.until.is_none() && key.algorithm == algorithm.jose();
        let keys = self.read_open(|tx| token::keys(tx, &self.id))?;
        if let Some(key) = keys.into_iter().find(signs) {
            return Ok(key);
        }
        self.change(|tx| {
            // Another process may have made it meanwhile.
            match token::keys(tx, &self.id)?.into_iter().find(signs) {
                Some(key) => Ok(key),
                None => self.new_token_key(tx, algorithm, now),
            }
        })
    }

    /// What the nonces of the token endpoint are made by: the same in all processes of the organization, and known to nobody else.
    /// It is made of the sealed form of the key that was made first, which never leaves the store.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn nonce_key(&self, now: i64) -> Result<[u8; 32], RegistryError> {
        let keys = self.read_open(|tx| token::keys(tx, &self.id))?;
        let first = keys.into_iter().find(|key| key.until.is_none() && key.algorithm != SVIDS);
        let first = match first {
            Some(key) => key,
            None => self.token_key(TokenAlgorithm::Es256, now)?,
        };
        let digest = Sha256::new_with_prefix("legation token nonces 1\n").chain_update(&first.sealed);
        Ok(digest.finalize().into())
    }

    /// The JWKs that tokens are verified by at `now` (Unix seconds); one is made where there is none.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn token_jwks(&self, now: i64) -> Result<Vec<Value>, RegistryError> {
        let mut keys = self.read_open(|tx| token::keys(tx, &self.id))?;
        // Those of SVIDs are in a bundle of their own.
        keys.retain(|key| key.algorithm != SVIDS);
        if keys.iter().all(|key| key.until.is_some()) {
            keys.push(self.token_key(TokenAlgorithm::Es256, now)?);
        }
        let is_published = |key: &&Key| key.until.is_none_or(|until| now < until);
        let jwks = keys.iter().filter(is_published).map(|key| serde_json::from_str(&key.public_jwk));
        jwks.collect::<Result<_, _>>().map_err(|error| RegistryError::damaged("a key of tokens", error))
    }

    fn new_token_key(
        &self,
        tx: &mut Tx<'_>,
        algorithm: TokenAlgorithm,
        now: i64,
    ) -> Result<Key, RegistryError> {
        let key_id = format!("{}#token-{}", self.origin(), uuid::Uuid::now_v7());
        let own = match algorithm {
            TokenAlgorithm::EdDsa => Some(Algorithm::EdDsa),
            TokenAlgorithm::Es256 => Some(Algorithm::Es256),
            TokenAlgorithm::Rs256 => None,
        };
        let (public_jwk, sealed) = match own {
            None => {
                let made = self.signer().generate_rsa(&self.id, &key_id)?;
                (made.public_jwk, made.sealed)
            }
            Some(own) => {
                let made = self.signer().generate(&self.id, &key_id, own)?;
                let mut jwk = made.public_key.to_jwk();
                let said = [
                    ("kid", made.public_key.thumbprint()),
                    ("alg", algorithm.jose().to_owned()),
                    ("use", "sig".to_owned()),
                ];
                if let Some(members) = jwk.as_object_mut() {
                    members.extend(said.map(|(name, value)| (name.to_owned(), value.into())));
                }
                (jwk.to_string(), made.sealed)
            }
        };
        let algorithm = algorithm.jose().to_owned();
        let key = Key { key_id, algorithm, public_jwk, sealed, created: now, until: None };
        token::add_key(tx, &self.id, &key)?;
        let jwk = serde_json::from_str::<Value>(&key.public_jwk).unwrap_or_default();
        self.note(
            tx,
            ("tokens.key-made", &key.key_id),
            &json!({"kid": jwk.get("kid"), "alg": key.algorithm}),
            now,
        )?;
        Ok(key)
    }

    /// Replaces the keys that sign tokens, where there are any: new ones are made when they are asked for. The old ones are
    /// published a while longer, unless others may have them.
    pub(crate) fn renew_token_keys(
        &self,
        tx: &mut Tx<'_>,
        compromised: bool,
        now: i64,
    ) -> Result<(), RegistryError> {
        token::end_keys(tx, &self.id, now)?;
        if token::keys(tx, &self.id)?.is_empty() {
            return Ok(());
        }
        token::retire_keys(tx, &self.id, (!compromised).then(|| now.saturating_add(OVERLAP)))?;
        self.note(
            tx,
            ("tokens.keys-replaced", self.origin().as_str()),
            &json!({"compromised": compromised}),
            now,
        )
    }

    /// Seals the keys anew by the master key that seals now. Gives how many were.
    pub(crate) fn reseal_token_keys(&self) -> Result<u64, RegistryError> {
        self.change(|tx| {
            let mut resealed = 0;
            for key in token::keys(tx, &self.id)? {
                let of = legation_signer::SealedKey {
                    organization: &self.id,
                    key_id: &key.key_id,
                    sealed: &key.sealed,
                };
                let sealed = self.signer().reseal_key(of)?;
                if let Some(sealed) = sealed {
                    token::set_sealed(tx, &self.id, &key.key_id, sealed)?;
                    resealed += 1;
                }
            }
            Ok(resealed)
        })
    }
}
