//! A status list, as the host of an issuer publishes it.

use crate::{NOW, Outcome};
use legation_credential::{
    delegation::MEDIA_TYPE,
    status::{StatusList, StatusListCredential, StatusPurpose},
};
use legation_did::{Did, key};
use legation_keys::{SecretKey, Signer, jws};

/// Where the list is published.
pub const LIST: &str = "https://acme.example/status/1";
/// The entry of a chain's root; each further link has the next one.
pub(crate) const FIRST_ENTRY: usize = 94_567;
/// Of so many entries one is set, here and there.
const ONE_IN: usize = 100;

fn host() -> Outcome<SecretKey> {
    Ok(SecretKey::from_ed25519_seed(&[99; 32])?)
}

/// Who signs the list.
///
/// # Errors
/// None: its key is in order.
pub(crate) fn publisher() -> Outcome<Did> {
    Ok(key::did(host()?.public_key()))
}

/// The signed list, of at least so many entries. A hundredth of them is set, none that a chain has.
///
/// # Errors
/// What signing says.
pub fn publish(entries: usize) -> Outcome<String> {
    let key = host()?;
    let issuer = key::did(key.public_key());
    let mut list = StatusList::new(entries);
    let mut random = Random::new(1);
    for _ in 0..list.entries() / ONE_IN {
        let index = random.below(list.entries());
        list.set(index, true);
    }
    for entry in 0..16 {
        list.set(FIRST_ENTRY + entry, false);
    }
    let credential = StatusListCredential {
        id: Some(LIST.to_owned()),
        issuer: issuer.clone(),
        valid_from: NOW - 60,
        valid_until: None,
        purposes: vec![StatusPurpose::Revocation],
        list,
    };
    let payload = credential.to_json().to_string();
    Ok(jws::sign(MEDIA_TYPE, &key::method_id(&issuer), payload.as_bytes(), &key)?)
}

/// Numbers that look random and are the same each time (SplitMix64).
pub struct Random(u64);

impl Random {
    /// Starts a sequence.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number, below `most`, which is not 0.
    pub fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) >> 1).unwrap_or_default() % most.max(1)
    }
}
