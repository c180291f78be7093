//! Delegations that agents made themselves, blocked by their digest: no status list has a place for them.

use crate::{error::RegistryError, registry::Registry};
use legation_credential::{LinkDigest, delegation::link_digest};
use legation_keys::base64url;
use legation_store::{StoreError, Tx, blocked, blocked::Blocked};
use serde_json::json;

impl Registry {
    /// Blocks a delegation by its digest, base64url, from the next call on and for good: nothing that descends from it
    /// passes. It is the SHA-256 of its text, as receipts name it, or of what was signed of it.
    ///
    /// # Errors
    /// [`RegistryError::Value`] for what is no digest.
    pub fn block_link(&self, digest: &str, reason: &str, now: i64) -> Result<Blocked, RegistryError> {
        let read = base64url::decode(digest).ok().and_then(|bytes| LinkDigest::try_from(bytes).ok());
        let digest = read.map(|digest| base64url::encode(&digest)).ok_or_else(|| RegistryError::Value {
            what: "digest",
            found: digest.chars().take(80).collect(),
            reason: "expected the SHA-256 of a delegation, 43 characters of base64url, as receipts show it"
                .to_owned(),
        })?;
        let block = Blocked { digest: digest.clone(), reason: reason.to_owned(), at: now };
        self.change(|tx| {
            if blocked::add(tx, &self.id, &block)? {
                self.tell(tx, ("delegation.blocked", &digest), &json!({"reason": reason}), now)?;
            }
            let kept = blocked::get(tx, &self.id, &digest)?;
            kept.ok_or_else(|| RegistryError::damaged("a block", "it was not kept"))
        })
    }

    /// Which of some digests are blocked.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn blocked(&self, digests: &[LinkDigest]) -> Result<Vec<LinkDigest>, RegistryError> {
        Ok(self.store.read(|tx| blocked_of(tx, &self.id, digests))?)
    }

    /// The blocks whose digests come after `after`, in their order, at most so many.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn blocks(&self, after: &str, most: i64) -> Result<Vec<Blocked>, RegistryError> {
        Ok(self.store.read(|tx| blocked::list(tx, &self.id, after, most))?)
    }
}

/// Which of some digests are blocked.
pub(crate) fn blocked_of(
    tx: &mut Tx<'_>,
    organization: &str,
    digests: &[LinkDigest],
) -> Result<Vec<LinkDigest>, StoreError> {
    let texts: Vec<String> = digests.iter().map(|digest| base64url::encode(digest)).collect();
    let found = blocked::among(tx, organization, &texts)?;
    let named = digests.iter().zip(&texts).filter(|(_, text)| found.contains(text));
    Ok(named.map(|(digest, _)| *digest).collect())
}

/// The digests by which a delegation that the signer issued may be blocked: of its text, and of what was signed of it.
pub(crate) fn digests(secured: &str) -> [LinkDigest; 2] {
    let signed = secured.rsplit_once('.').map_or(secured, |(signed, _)| signed);
    [link_digest(secured), link_digest(signed)]
}
