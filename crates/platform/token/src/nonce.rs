//! Nonces that nobody has to remember: each says when it was made, under a tag that only whoever has the key can make.
//!
//! A nonce is no secret and may come more than once: whoever uses what stands under it counts that by itself. It says that what
//! stands under it was made lately, for this server.

use legation_keys::{
    base64url, mac,
    secret::{SecretKeyError, random},
};

/// For how many seconds a nonce is good.
pub const LIFE: i64 = 300;
/// Bytes of the moment, of what makes two of one moment differ, and of the tag.
const MOMENT: usize = 8;
const RANDOM: usize = 8;
const TAG: usize = 16;

/// What a nonce is for; one for the other is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Of a presentation that is exchanged.
    Presentation,
    /// Of a proof of possession (RFC 9449 §8).
    Dpop,
}

impl Purpose {
    fn label(self) -> &'static [u8] {
        match self {
            Self::Presentation => b"legation presentation nonce 1",
            Self::Dpop => b"legation dpop nonce 1",
        }
    }
}

/// Makes nonces and knows its own again. All processes that have the same key know each other's.
#[derive(Clone)]
pub struct Nonces {
    key: [u8; 32],
}

impl core::fmt::Debug for Nonces {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        out.debug_struct("Nonces").finish_non_exhaustive()
    }
}

impl Nonces {
    /// Nonces by a key.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// A nonce, good for [`LIFE`] from `now` (Unix seconds) on.
    ///
    /// # Errors
    /// [`SecretKeyError::Generate`] where the system gives no randomness.
    pub fn make(&self, purpose: Purpose, now: i64) -> Result<String, SecretKeyError> {
        let body = [now.to_be_bytes().as_slice(), &random::<RANDOM>()?].concat();
        let tag = self.tag(purpose, &body);
        Ok(base64url::encode(&[body.as_slice(), &tag].concat()))
    }

    /// Whether it is one of these, for that purpose, and still good.
    ///
    /// ```
    /// use legation_token::{Nonces, nonce::Purpose};
    /// let nonces = Nonces::new([1; 32]);
    /// let nonce = nonces.make(Purpose::Dpop, 1_795_255_200)?;
    /// assert!(nonces.is_good(Purpose::Dpop, &nonce, 1_795_255_499));
    /// assert!(!nonces.is_good(Purpose::Dpop, &nonce, 1_795_255_500));
    /// assert!(!nonces.is_good(Purpose::Presentation, &nonce, 1_795_255_200));
    /// # Ok::<(), legation_keys::secret::SecretKeyError>(())
    /// ```
    #[must_use]
    pub fn is_good(&self, purpose: Purpose, nonce: &str, now: i64) -> bool {
        let Ok(bytes) = base64url::decode_array::<{ MOMENT + RANDOM + TAG }>(nonce) else { return false };
        let Some((body, tag)) = bytes.split_at_checked(MOMENT + RANDOM) else { return false };
        let Some(moment) = body.first_chunk::<MOMENT>() else { return false };
        let made = i64::from_be_bytes(*moment);
        // Another process may have a clock that is ahead.
        let is_fresh = (-crate::SKEW..LIFE).contains(&now.saturating_sub(made));
        is_fresh & same(tag, &self.tag(purpose, body))
    }

    /// A key for something else, which all processes have that know each other's nonces.
    #[must_use]
    pub fn key_for(&self, label: &str) -> [u8; 32] {
        mac::sign(&self.key, &[b"legation key for ", label.as_bytes()].concat())
    }

    fn tag(&self, purpose: Purpose, body: &[u8]) -> [u8; TAG] {
        let whole = mac::sign(&self.key, &[purpose.label(), body].concat());
        let mut tag = [0; TAG];
        tag.iter_mut().zip(whole).for_each(|(one, byte)| *one = byte);
        tag
    }
}

/// Compared in constant time.
fn same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |all, (one, other)| all | (one ^ other)) == 0
}
