//! That the hash and the proofs of an entry cover all of it.
//!
//! The library hashes an entry and its proof as it read them, without members that it does not know, and of several
//! proofs it verifies the first: whoever serves a log could add a parameter that other readers act on, an `expires`
//! to a proof, or a proof that fits nothing. Here the hash is that of the line (did:webvh 1.0, "Entry Hash Generation
//! and Verification"), and each proof is verified as it stands there. The method speaks of one proof, by a key of the
//! active `updateKeys` ("Authorized Keys"); its schema has room for several, and each is held to the same.

use crate::{LogError, log::LINE};
use didwebvh_rs::{log_entry_state::LogEntryState, parameters::Parameters};
use legation_keys::json::{self, Json};
use legation_webvh_entry::hashed::{check_proofs, entry_hash};

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
