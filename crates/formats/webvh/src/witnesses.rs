//! Which proofs of witnesses count: those that verify as they stand.
//!
//! The library reads a proof without the members that it does not know, and would count one to which somebody added an
//! `expires` of long ago. What does not verify is left out before it counts, as "DID Witnesses" of did:webvh 1.0 lets
//! a resolver do; whether those that are left are enough, and of the right witnesses, is the library's to say.

use crate::{LogError, log::WITNESSES};
use legation_keys::{
    data_integrity::proofs,
    jcs,
    json::{self, Json, Object},
};
use legation_webvh_entry::hashed::{PURPOSE, signed_for_good};

/// The witnesses' file with the proofs that count.
pub(crate) fn counting(file: &[u8]) -> Result<String, LogError> {
    let json = json::parse(file, WITNESSES).map_err(|error| LogError::Json { line: 0, error })?;
    let versions = json.as_array().ok_or_else(|| {
        let reason = format!("the witnesses' file is {}, expected an array", json.kind());
        LogError::Invalid { reason }
    })?;
    let kept = versions.iter().filter_map(|version| {
        let version = version.as_object()?;
        let all = version.get("proof")?;
        let all = all.as_array().unwrap_or_else(|| core::slice::from_ref(all));
        let counts = |proof: &&Json<'_>| counts(&version.clone().with("proof", (*proof).clone()));
        let proofs = all.iter().filter(counts).cloned().collect();
        Some(Json::Object(version.clone().with("proof", Json::Array(proofs))))
    });
    Ok(jcs::canonicalize(&Json::Array(kept.collect())))
}

/// Whether the one proof of a version verifies, by the did:key that it names.
fn counts(version: &Object<'_>) -> bool {
    let Ok(all) = proofs(version) else { return false };
    all.iter().all(|proof| {
        let named = proof.verification_method.strip_prefix("did:key:").and_then(|id| id.split_once('#'));
        let key = named.filter(|(key, fragment)| key == fragment).map(|(key, _)| key);
        proof.purpose == PURPOSE && key.is_some_and(|key| signed_for_good(version, &all, proof, key).is_ok())
    })
}
