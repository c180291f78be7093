//! Identity tokens that were issued and have not ended: of which chain, by which key, and whether somebody revoked one. Where a token
//! is shown, its chain is judged as it is then.

use crate::{error::RegistryError, registry::Registry};
use legation_keys::base64url;
use legation_store::{issued, issued::Issued};
use serde_json::json;
use sha2::{Digest, Sha256};

/// What a token is known by, wherever something is kept of it: SHA-256 of its `jti`, base64url.
#[must_use]
pub fn digest(jti: &str) -> String {
    base64url::encode(&Sha256::digest(jti))
}

impl Registry {
    /// Keeps what is asked for when a token is shown, before anybody has it.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn keep_token(&self, token: &Issued, now: i64) -> Result<(), RegistryError> {
        self.change(|tx| Ok(issued::add(tx, &self.id, token, now)?))
    }

    /// What was kept of a token; `None` where none of this id was issued here lately.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn issued_token(&self, id: &str) -> Result<Option<Issued>, RegistryError> {
        Ok(self.read_open(|tx| issued::get(tx, &self.id, id))?)
    }

    /// Whether a token was issued here and is not revoked.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn token_stands(&self, id: &str) -> Result<bool, RegistryError> {
        Ok(self.read_open(|tx| issued::stands(tx, &self.id, id))?)
    }

    /// Revokes a token: from the next time on that it is shown here, or asked about, it is none. Gives whether it stood until then.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn revoke_token(&self, id: &str, now: i64) -> Result<bool, RegistryError> {
        self.change(|tx| {
            let Some(token) = issued::get(tx, &self.id, id)?.filter(|token| token.revoked.is_none()) else {
                return Ok(false);
            };
            issued::revoke(tx, &self.id, id, now)?;
            self.note(tx, ("token.revoked", &token.agent), &json!({"token": id}), now)?;
            Ok(true)
        })
    }

    /// Whether a proof of possession is shown for the first time, in whichever process; it is remembered `until` (Unix seconds).
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn first_shown(&self, id: &[u8; 32], until: i64, now: i64) -> Result<bool, RegistryError> {
        self.change(|tx| Ok(issued::first_shown(tx, &self.id, (&base64url::encode(id), until), now)?))
    }

    /// Whether something that passes once was shown already, in whichever process.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn was_shown(&self, id: &[u8; 32]) -> Result<bool, RegistryError> {
        Ok(self.read_open(|tx| issued::was_shown(tx, &self.id, &base64url::encode(id)))?)
    }
}
