//! The hash of an entry, the SCID of a log, and the proofs that count (did:webvh 1.0, "SCID Generation and Verification",
//! "Entry Hash Generation and Verification", "Authorized Keys").

use crate::SCID;
use legation_keys::{
    Algorithm, PublicKey,
    data_integrity::{Proof, hashes, proofs},
    jcs,
    json::{Json, Object},
};
use multibase::Base;
use sha2::{Digest, Sha256};

/// What the proof of an entry is for.
pub const PURPOSE: &str = "assertionMethod";

/// A multihash's prefix: SHA-256, of 32 bytes.
const SHA2_256: [u8; 2] = [0x12, 0x20];

fn multihash(text: &str) -> String {
    let digest = Sha256::digest(text);
    Base::Base58Btc.encode([SHA2_256.as_slice(), digest.as_slice()].concat())
}

/// The hash of an entry that comes after `before`: the `versionId` of the one before, and the SCID of the first.
#[must_use]
pub fn entry_hash(entry: &Object<'_>, before: &str) -> String {
    multihash(&unsigned(entry, before))
}

/// The entry without its proofs, canonical, with something else for its `versionId`.
pub(crate) fn unsigned(entry: &Object<'_>, version_id: &str) -> String {
    let entry = entry.without("proof").with("versionId", Json::String(version_id.to_owned().into()));
    jcs::canonicalize(&Json::Object(entry))
}

/// The SCID that a first entry gives, whose text has [`SCID`] wherever that will stand.
pub(crate) fn scid(preliminary: &str) -> String {
    multihash(preliminary)
}

/// Whether a first entry is the one that gives this SCID.
pub(crate) fn gives(entry: &Object<'_>, of: &str) -> bool {
    scid(&unsigned(entry, SCID).replace(of, SCID)) == of
}

/// The hash by which a log names a key, a Multikey, before it signs ("Pre-Rotation Key Hash Generation and Verification").
#[must_use]
pub fn key_hash(multikey: &str) -> String {
    multihash(multikey)
}

/// Holds each proof of an entry against the keys, as Multikeys, of which any may sign it.
///
/// # Errors
/// Why one of them does not count.
pub fn check_proofs(entry: &Object<'_>, keys: &[&str]) -> Result<(), String> {
    let all = proofs(entry).map_err(|error| error.to_string())?;
    all.iter().try_for_each(|proof| check_proof(entry, &all, proof, keys))
}

fn check_proof(
    entry: &Object<'_>,
    all: &[Proof<'_>],
    proof: &Proof<'_>,
    keys: &[&str],
) -> Result<(), String> {
    if proof.purpose != PURPOSE {
        return Err(format!("its `proofPurpose` is not `{PURPOSE}`"));
    }
    let signed_by = |key: &&&str| proof.verification_method == format!("did:key:{key}#{key}");
    let key = keys.iter().find(signed_by);
    signed_for_good(entry, all, proof, key.ok_or("its `verificationMethod` is none of the `updateKeys`")?)
}

/// Holds a proof, as it stands, against this Ed25519 key, a Multikey: whether it verifies, and does so for good.
///
/// # Errors
/// Why it does not.
pub fn signed_for_good(
    document: &Object<'_>,
    all: &[Proof<'_>],
    proof: &Proof<'_>,
    key: &str,
) -> Result<(), String> {
    // A log is read long after it was written: what held then has to hold for good.
    if proof.expires.is_some() {
        return Err("it ends by an `expires`".to_owned());
    }
    let key = PublicKey::from_multikey(key).ok().filter(|key| key.algorithm() == Algorithm::EdDsa);
    let key = key.ok_or("its key is no Ed25519 key")?;
    let signed = hashes(document, all, proof).map_err(|error| error.to_string())?;
    key.verify(&signed, &proof.signature).map_err(|_| "it does not fit".to_owned())
}
