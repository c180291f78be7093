//! Requests that were pushed (RFC 9126): the reference is the request itself, sealed, so that a stranger who pushes many fills nothing.

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use legation_keys::base64url;
use legation_token::{
    Nonces,
    authorize::{MAX, REFERENCE},
};
use sha2::{Digest, Sha256};

/// For how long a reference is good, seconds: a person may have to get a code first.
const LIFE: i64 = 600;
/// Bytes of a nonce of AES-GCM, and of a moment.
const NONCE: usize = 12;
const MOMENT: usize = 8;
/// What is sealed for something else is none.
const LABEL: &[u8] = b"legation pushed request 1";

fn key(nonces: &Nonces) -> Result<RandomizedNonceKey, ()> {
    RandomizedNonceKey::new(&AES_256_GCM, &nonces.key_for("pushed requests")).map_err(drop)
}

/// A reference to a request, and until when it is good, Unix seconds.
pub(super) fn seal(nonces: &Nonces, request: &str, now: i64) -> Result<(String, i64), ()> {
    let until = now.saturating_add(LIFE);
    let mut sealed = [until.to_be_bytes().as_slice(), request.as_bytes()].concat();
    let nonce = key(nonces)?.seal_in_place_append_tag(Aad::from(LABEL), &mut sealed).map_err(drop)?;
    let whole = [nonce.as_ref().as_slice(), &sealed].concat();
    Ok((format!("{REFERENCE}{}", base64url::encode(&whole)), until))
}

/// A request by its reference, what it is known by, and until when it is good.
pub(super) fn open(nonces: &Nonces, reference: &str, now: i64) -> Option<(String, [u8; 32], i64)> {
    let sealed = reference.strip_prefix(REFERENCE).filter(|sealed| sealed.len() <= 2 * MAX)?;
    let bytes = base64url::decode(sealed).ok()?;
    let (nonce, rest) = bytes.split_first_chunk::<NONCE>()?;
    let mut rest = rest.to_vec();
    let opened = key(nonces).ok()?.open_in_place(Nonce::from(nonce), Aad::from(LABEL), &mut rest).ok()?;
    let (until, request) = opened.split_first_chunk::<MOMENT>()?;
    let until = i64::from_be_bytes(*until);
    let request = String::from_utf8(request.to_vec()).ok()?;
    (now < until).then(|| (request, Sha256::digest(&bytes).into(), until))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_reference_is_good_here_for_a_while_and_as_it_was_made() {
        let nonces = Nonces::new([1; 32]);
        let (reference, until) = seal(&nonces, "client_id=c", 1_795_255_200).unwrap();
        assert!(!reference.contains("client_id"));
        assert_eq!(open(&nonces, &reference, until - 1).unwrap().0, "client_id=c");
        assert!(open(&nonces, &reference, until).is_none());
        assert!(open(&Nonces::new([2; 32]), &reference, until - 1).is_none());
        let (begin, last) = reference.split_at(reference.len() - 1);
        let changed = format!("{begin}{}", if last == "A" { "Q" } else { "A" });
        assert!(open(&nonces, &changed, until - 1).is_none());
    }
}
