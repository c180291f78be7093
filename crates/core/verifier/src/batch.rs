//! Batches: one signature for many receipts, none of which can be left out, changed or put elsewhere afterwards.
//!
//! A batch names its receipts by their numbers and the root of their Merkle tree (RFC 9162 §2.1.1), and the batch before
//! it by its SHA-256. Whoever holds the receipts computes the root again.

use crate::receipt::{self, ReceiptError};
use legation_credential::{delegation::check_types, error::malformed};
use legation_did::Document;
use legation_keys::{Signer, base64url, jws, secret::SignError, time};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The `typ` of a signed batch.
pub const MEDIA_TYPE: &str = "legation-receipt-batch+jwt";
/// The `type` of a batch.
pub const TYPE: &str = "LegationReceiptBatch";

/// A batch: JSON bytes to sign, of receipts with the numbers from `first` on, in order, at `now` (Unix seconds).
/// `verifier` is their [`crate::Trust::audience`]; `before` is the batch before it as it was signed, empty for the first.
#[must_use]
pub fn of_receipts(verifier: &str, first: i64, receipts: &[&[u8]], before: &str, now: i64) -> Vec<u8> {
    json!({
        "type": TYPE,
        "at": time::format(now),
        "verifier": verifier,
        "first": first,
        "count": receipts.len(),
        "root": base64url::encode(&root(receipts)),
        "previous": previous(before),
    })
    .to_string()
    .into_bytes()
}

/// Signs a batch's bytes. `key_id` is one of the signer's `assertionMethod` keys.
///
/// # Errors
/// [`SignError`].
pub fn sign(batch: &[u8], key_id: &str, signer: &dyn Signer) -> Result<String, SignError> {
    jws::sign(MEDIA_TYPE, key_id, batch, signer)
}

/// Checks a signed batch by its signer's DID document, as [`receipt::verify`] does, and that these are its receipts, all
/// of them and in their order; `before` is the batch before it, as it was signed.
///
/// # Errors
/// [`ReceiptError`]; [`ReceiptError::Batch`] where they are not.
pub fn verify(
    secured: &str,
    signer: &Document,
    (first, receipts): (i64, &[&[u8]]),
    before: &str,
) -> Result<(), ReceiptError> {
    let hashes: Vec<[u8; 32]> = receipts.iter().map(|receipt| leaf_hash(receipt)).collect();
    verify_hashes(secured, signer, (first, &hashes), before)
}

/// As [`verify`], by the receipts' hashes as leaves ([`leaf_hash`]): of some the text may not be there any more.
///
/// # Errors
/// [`ReceiptError`]; [`ReceiptError::Batch`] where they are not.
pub fn verify_hashes(
    secured: &str,
    signer: &Document,
    (first, receipts): (i64, &[[u8; 32]]),
    before: &str,
) -> Result<(), ReceiptError> {
    let said = receipt::verify_as(secured, signer, MEDIA_TYPE, |batch| {
        let object = batch.as_object().ok_or_else(|| malformed("the payload", "an object", batch))?;
        check_types(object, &[TYPE])
    })?;
    let is = |member: &str, value: Value| said.get(member) == Some(&value);
    let holds = is("first", json!(first))
        && is("count", json!(receipts.len()))
        && is("root", base64url::encode(&root_of(receipts.iter().copied())).into())
        && is("previous", previous(before).into());
    if holds { Ok(()) } else { Err(ReceiptError::Batch) }
}

fn previous(before: &str) -> String {
    if before.is_empty() { String::new() } else { base64url::encode(&Sha256::digest(before)) }
}

/// The root of a Merkle tree over leaves (RFC 9162 §2.1.1); of none it is the SHA-256 of nothing.
#[must_use]
pub fn root(leaves: &[&[u8]]) -> [u8; 32] {
    root_of(leaves.iter().map(|leaf| leaf_hash(leaf)))
}

/// The hash of a leaf (RFC 9162 §2.1.1).
#[must_use]
pub fn leaf_hash(leaf: &[u8]) -> [u8; 32] {
    Sha256::new_with_prefix([0]).chain_update(leaf).finalize().into()
}

fn root_of(leaves: impl Iterator<Item = [u8; 32]>) -> [u8; 32] {
    // The roots of full subtrees from the left, each with how many leaves it has.
    let mut full: Vec<(usize, [u8; 32])> = Vec::new();
    for leaf in leaves {
        let mut node = (1, leaf);
        while let Some((size, left)) = full.pop_if(|(size, _)| *size == node.0) {
            node = (size * 2, parent(&left, &node.1));
        }
        full.push(node);
    }
    let right_to_left = full.into_iter().rev().map(|(_, node)| node);
    right_to_left.reduce(|right, left| parent(&left, &right)).unwrap_or_else(|| Sha256::digest([]).into())
}

fn parent(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    Sha256::new_with_prefix([1]).chain_update(left).chain_update(right).finalize().into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use legation_did::{Purpose, web};
    use legation_keys::{Algorithm, SecretKey};

    /// The leaves and roots of the trees that the test data of Certificate Transparency has.
    #[test]
    fn roots_are_those_of_certificate_transparency() {
        let leaves: [&[u8]; 8] = [
            &[],
            &[0],
            &[0x10],
            &[0x20, 0x21],
            &[0x30, 0x31],
            &[0x40, 0x41, 0x42, 0x43],
            &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
            &[0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f],
        ];
        let roots = [
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        for (size, expected) in roots.iter().enumerate() {
            let hex: String = root(&leaves[..size]).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hex, *expected, "{size}");
        }
    }

    /// By the definition of RFC 9162 §2.1.1, to the letter.
    fn by_definition(leaves: &[&[u8]]) -> [u8; 32] {
        match leaves {
            [] => Sha256::digest([]).into(),
            [leaf] => Sha256::new_with_prefix([0]).chain_update(leaf).finalize().into(),
            many => {
                let split = many.len().next_power_of_two() / 2;
                parent(&by_definition(&many[..split]), &by_definition(&many[split..]))
            }
        }
    }

    #[test]
    fn roots_are_those_of_the_definition() {
        let leaves: Vec<[u8; 1]> = (0..130).map(|number| [number]).collect();
        let leaves: Vec<&[u8]> = leaves.iter().map(<[u8; 1]>::as_slice).collect();
        for size in 0..leaves.len() {
            assert_eq!(root(&leaves[..size]), by_definition(&leaves[..size]), "{size}");
        }
    }

    #[test]
    fn a_receipt_that_is_left_out_changed_or_moved_breaks_its_batch_and_so_does_another_batch_before_it() {
        const NOW: i64 = 1_795_255_200;
        let acme = "did:web:acme.example".parse().unwrap();
        let key = SecretKey::generate(Algorithm::EdDsa).unwrap();
        let document = web::document(&acme, std::slice::from_ref(key.public_key()));
        let id = document.usable(Purpose::AssertionMethod, NOW).next().unwrap().0.to_owned();
        let receipts: [&[u8]; 3] = [b"a", b"b", b"c"];
        let secured = sign(&of_receipts(acme.as_str(), 7, &receipts, "before", NOW), &id, &key).unwrap();
        let check =
            |first, receipts: &[&[u8]], before| verify(&secured, &document, (first, receipts), before);
        assert_eq!(check(7, &receipts, "before"), Ok(()));
        let broken: [(i64, &[&[u8]], &str); 6] = [
            (7, &[b"a", b"b"], "before"),
            (7, &[b"a", b"c", b"b"], "before"),
            (7, &[b"a", b"x", b"c"], "before"),
            (7, &[b"a", b"b", b"c", b"d"], "before"),
            (8, &receipts, "before"),
            (7, &receipts, ""),
        ];
        for (first, receipts, before) in broken {
            assert_eq!(check(first, receipts, before), Err(ReceiptError::Batch), "{first} {before}");
        }
        // A receipt is no batch, and a batch no receipt.
        assert_eq!(receipt::verify(&secured, &document).unwrap_err().code(), "type_mismatch");
        let other = SecretKey::generate(Algorithm::EdDsa).unwrap();
        let forged = sign(&of_receipts(acme.as_str(), 7, &receipts, "before", NOW), &id, &other).unwrap();
        assert_eq!(verify(&forged, &document, (7, &receipts), "before"), Err(ReceiptError::Signature));
    }
}
