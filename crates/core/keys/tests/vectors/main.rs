//! Published vectors, and what is answered to each. Every vector is counted, and every answer that differs
//! from what its set says is listed in the test by its number, with the reason.
//!
//! | set | vectors | answer here |
//! |---|---|---|
//! | Wycheproof `ed25519` | 151: 88 valid, 63 invalid | the same; 12 of the invalid have not 64 bytes |
//! | RFC 8032 §7.1 | 5 | signed the same, valid |
//! | `ed25519-speccheck` (`../ed25519.rs`), the same 12 as noble's `edge-cases` | 12 | 3, 4 and 5 valid, which hold with the cofactor; the rest have a small order, a second encoding or a large S |
//! | ZIP 215, from noble: the 14 encodings of small order, as key and as R | 196 | no key; ZIP 215 takes all, 3 are valid without the cofactor too |
//! | the same 14 encodings as R of a key in order | 14 | invalid, though the equation holds |
//! | Wycheproof `ecdsa_secp256r1_sha256_p1363` | 262: 173 valid, 89 invalid | the same; DER, which JWS does not have, is not read |
//! | Wycheproof `json_web_signature` | 401: 46 valid, 355 invalid | 2 of the valid are ES256 and valid; 43 are RSA, HMAC or ES512 and refused by `alg`, 372 by its header's encoding; no invalid one is valid |
//! | Wycheproof `json_web_key` | 26: 5 valid, 21 invalid | the valid are RSA or HMAC, refused by `alg`; no invalid one is valid |
//! | Wycheproof `json_web_crypto` | 83: 6 valid, 77 invalid | the one valid ES256 is valid; 3 valid are RSA or HMAC, 2 are encrypted |
//! | JOSE cookbook (RFC 7520, 7797, 8037) | 11 JWS, 6 JWK | RFC 8037 A.4 is signed the same and verified, but its header has no `kid`; the rest are other algorithms or JSON serializations |
//! | RFC 7515 A.3 | 1 | valid |
//! | Data Integrity `eddsa-jcs-2022` | 1 | canonical forms, hashes and signature are made the same; with any one thing changed it does not fit |
//! | did:key | 30 | Ed25519 (5) and P-256 (3) are read and written the same; 22 are other kinds |
//! | multibase, ignored without `../shared` | 81 | none is a key: 78 are in another base |
//! | JSONTestSuite | 335 | see `json.rs`: no `n_` accepted, every `y_` but two with duplicates; each `i_` decided |
//! | JCS of RFC 8785 (`../jcs.rs`) | 6 texts, 100,000 numbers | the same bytes |
//! | RFC 9421 appendix B | | in `legation-http-signature` |
//!
//! Of each Ed25519 signature `verdict` demands one answer: alone, at each place among honest ones, eight
//! times at once, and with a table.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod data_integrity;
mod ed25519;
mod json;
mod jws;
mod names;
mod p256;
#[path = "../verdict/mod.rs"]
mod verdict;

use serde_json::Value;
use std::collections::BTreeMap;

/// The cases of a data file.
fn cases(file: &str) -> Vec<Value> {
    let mut file: Value = serde_json::from_str(file).unwrap();
    serde_json::from_value(file["cases"].take()).unwrap()
}

fn hex(text: &str) -> Vec<u8> {
    data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).unwrap()
}

/// How often each answer was given.
#[derive(Default)]
struct Tally(BTreeMap<String, usize>);

impl Tally {
    fn count(&mut self, answer: impl Into<String>) {
        *self.0.entry(answer.into()).or_default() += 1;
    }

    /// Holds the counts against those that are expected; together they are all vectors of the set.
    fn is(&self, total: usize, expected: &[(&str, usize)]) {
        let expected: BTreeMap<String, usize> =
            expected.iter().map(|(answer, count)| ((*answer).to_owned(), *count)).collect();
        assert_eq!(self.0, expected);
        assert_eq!(self.0.values().sum::<usize>(), total);
    }
}
