//! The first admin of an organization that was made without one: whoever types the code that the first start printed, once
//! and within an hour, by a key of its own.

use crate::{Admin, Profile, admins::PREFIX, error::RegistryError, proof, registry::Registry};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use legation_did::Did;
use legation_keys::secret::random;
use legation_store::{
    StoreError, Tx, claim,
    claim::Claim,
    holder::{self, Kind},
};
use serde_json::json;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// For how long a code may be typed, seconds.
const LIFE: i64 = 3600;
/// How often another one may be typed before it ends: 60 bits are not found in so many tries.
const MOST_TRIES: i64 = 100;
/// What a code is written with: none is like another one (Crockford's base 32).
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Admins that are read at a time.
const PAGE: i64 = 1000;
/// Letters of a code, five bits each.
const LENGTH: usize = 12;

impl Registry {
    /// Makes the code by which the first admin is made, in place of the one before, for an hour; `None` where there is or
    /// was an admin. Only its digest is kept.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn new_claim(&self, now: i64) -> Result<Option<Zeroizing<String>>, RegistryError> {
        let letters = drawn()?;
        self.change(|tx| {
            if self.has_admin(tx)? {
                return Ok(None);
            }
            let claim = Claim { digest: self.digest_of(&letters), until: now.saturating_add(LIFE), tries: 0 };
            claim::put(tx, &self.id, &claim)?;
            self.note(tx, ("claim.made", "claim"), &json!({}), now)?;
            Ok(Some(written(&letters)))
        })
    }

    /// Makes whoever shows the code and holds the key of `did` the first admin, who may do everything. `proof` is that of
    /// [`crate::proof::prove`], with the DID as the name.
    ///
    /// # Errors
    /// [`RegistryError::Claim`] where the code is another one, was used, or has ended: which of it is not told.
    pub fn claim(&self, code: &str, did: &Did, proof: &str, now: i64) -> Result<Admin, RegistryError> {
        proof::held(proof, &self.did, did, now)?;
        let typed = self.digest_of(&letters_of(code));
        // What was tried in vain is kept, too: so it is no error within the transaction.
        let claimed = self.change(|tx| {
            let Some(claim) = claim::get(tx, &self.id)?.filter(|claim| now < claim.until) else {
                return Ok(None);
            };
            if verify_slices_are_equal(&claim.digest, &typed).is_err() {
                let tries = claim.tries.saturating_add(1);
                if tries < MOST_TRIES {
                    claim::put(tx, &self.id, &Claim { tries, ..claim })?;
                } else {
                    claim::remove(tx, &self.id)?;
                    self.note(tx, ("claim.ended", "claim"), &json!({"tries": tries}), now)?;
                }
                return Ok(None);
            }
            claim::remove(tx, &self.id)?;
            if self.has_admin(tx)? {
                return Ok(None);
            }
            let everything = [format!("{PREFIX}*")];
            self.by("claim").add_admin_in(tx, did, &self.admin_profile(&everything), now).map(Some)
        });
        claimed?.ok_or(RegistryError::Claim)
    }

    /// Whether somebody is or ever was an admin, other than for the hours of a session.
    fn has_admin(&self, tx: &mut Tx<'_>) -> Result<bool, RegistryError> {
        let mut after = String::new();
        loop {
            let admins = holder::list(tx, &self.id, Kind::Admin, &after, PAGE)?;
            let Some(last) = admins.last() else { return Ok(false) };
            after.clone_from(&last.name);
            for admin in &admins {
                if Profile::read(&admin.body, &admin.name)?.until.is_none() {
                    return Ok(true);
                }
            }
        }
    }

    fn digest_of(&self, letters: &[u8]) -> [u8; 32] {
        let begin = format!("legation claim\n{}\n", self.id);
        Sha256::new_with_prefix(begin).chain_update(letters).finalize().into()
    }
}

/// The letters of a new code.
pub(crate) fn drawn() -> Result<Zeroizing<Vec<u8>>, RegistryError> {
    let drawn = random::<LENGTH>().map_err(|error| StoreError::Unavailable { reason: error.to_string() })?;
    let letters = drawn.iter().filter_map(|byte| LETTERS.get(usize::from(byte % 32)).copied());
    Ok(Zeroizing::new(letters.collect()))
}

/// A code as it is shown.
pub(crate) fn written(letters: &[u8]) -> Zeroizing<String> {
    let parts: Vec<&str> =
        letters.chunks(4).map(|part| core::str::from_utf8(part).unwrap_or_default()).collect();
    Zeroizing::new(parts.join("-"))
}

/// A code as it was meant, however it was typed.
pub(crate) fn letters_of(code: &str) -> Zeroizing<Vec<u8>> {
    let letters = code.bytes().take(64).filter(u8::is_ascii_alphanumeric);
    let meant = |letter: u8| match letter.to_ascii_uppercase() {
        b'O' => b'0',
        b'I' | b'L' => b'1',
        other => other,
    };
    Zeroizing::new(letters.map(meant).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_meant_however_it_is_typed() {
        assert_eq!(*letters_of("ab0o-l1i9 "), *letters_of("AB00-1119"));
        assert_eq!(letters_of(&"x".repeat(1000)).len(), 64);
    }
}
