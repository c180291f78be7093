//! That the hash and the proofs of an entry cover all of it.
//!
//! The library hashes an entry and its proof as it read them, without members that it does not know, and of several
//! proofs it verifies the first: whoever serves a log could add a parameter that other readers act on, an `expires`
//! to a proof, or a proof that fits nothing. Here the hash is that of the line (did:webvh 1.0, "Entry Hash Generation
//! and Verification"), and each proof is verified as it stands there. The method speaks of one proof, by a key of the
//! active `updateKeys` ("Authorized Keys"); its schema has room for several, and each is held to the same.

use crate::{LogError, log::LINE};
use didwebvh_rs::{log_entry_state::LogEntryState, parameters::Parameters};
use legation_keys::{
    Algorithm, PublicKey,
    data_integrity::{Proof, hashes, proofs},
    jcs,
    json::{self, Json, Object},
};
use multibase::Base;
use sha2::{Digest, Sha256};

/// A multihash's prefix: SHA-256, of 32 bytes.
const SHA2_256: [u8; 2] = [0x12, 0x20];
/// What the proof of an entry is for.
pub(crate) const PURPOSE: &str = "assertionMethod";

/// Each line's hash is the one that its `versionId` says, and each of its proofs verifies. The log has been verified
/// but for this, and `entries` is what it was read as.
pub(crate) fn check(log: &str, entries: &[LogEntryState]) -> Result<(), LogError> {
    let mut before: Option<(String, &Parameters)> = None;
    for (index, text) in log.lines().enumerate() {
        let line = index + 1;
        let invalid = |reason: String| LogError::Invalid { reason: format!("line {line} {reason}") };
        let json = json::parse(text.as_bytes(), LINE).map_err(|error| LogError::Json { line, error })?;
        let missing = || invalid("has no `versionId`".to_owned());
        let entry = json.as_object().ok_or_else(missing)?;
        let id = entry.get("versionId").and_then(Json::as_str).ok_or_else(missing)?;
        // The first entry is hashed with the SCID in the place of what comes before it.
        let scid =
            || json.get("parameters").and_then(|parameters| parameters.get("scid")).and_then(Json::as_str);
        let previous = before.as_ref().map(|(id, _)| id.as_str()).or_else(scid).unwrap_or_default();
        let expected = entry_hash(entry, previous);
        let found = id.split_once('-').map_or("", |(_, hash)| hash);
        if found != expected {
            return Err(invalid(format!(
                "has the hash {expected}, its `versionId` says `{found}`: something was added to it or changed"
            )));
        }
        let parameters =
            &entries.get(index).ok_or_else(|| invalid("was not verified".to_owned()))?.validated_parameters;
        let keys = update_keys(before.as_ref().map(|(_, parameters)| *parameters), parameters);
        check_proofs(entry, &keys)
            .map_err(|reason| invalid(format!("has a proof that does not count: {reason}")))?;
        before = Some((id.to_owned(), parameters));
    }
    Ok(())
}

/// The active `updateKeys`, of which one signs the entry: those of the entry before, or its own where that one named
/// their hashes, and in the first ("Authorized Keys").
fn update_keys<'p>(before: Option<&'p Parameters>, own: &'p Parameters) -> Vec<&'p str> {
    let active = before.filter(|before| !before.pre_rotation_active).unwrap_or(own);
    active.active_update_keys.iter().map(|key| key.as_str()).collect()
}

fn check_proofs(entry: &Object<'_>, keys: &[&str]) -> Result<(), String> {
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

/// Whether a proof verifies as it stands by this Ed25519 key, a Multikey, and does so for good.
pub(crate) fn signed_for_good(
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

fn entry_hash(entry: &Object<'_>, before: &str) -> String {
    let hashed = entry.without("proof").with("versionId", Json::String(before.to_owned().into()));
    let digest = Sha256::digest(jcs::canonicalize(&Json::Object(hashed)));
    Base::Base58Btc.encode([SHA2_256.as_slice(), digest.as_slice()].concat())
}
