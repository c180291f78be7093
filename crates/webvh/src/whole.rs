//! That an entry's hash covers all of it.
//!
//! The library hashes an entry as it read it, without members that it does not know: whoever serves a log could add
//! some, such as a parameter that other readers act on. Here the hash is that of the line (did:webvh 1.0, "Entry Hash
//! Generation and Verification").

use crate::{LogError, log::LINE};
use legation_keys::{
    jcs,
    json::{self, Json, Object},
};
use multibase::Base;
use sha2::{Digest, Sha256};

/// A multihash's prefix: SHA-256, of 32 bytes.
const SHA2_256: [u8; 2] = [0x12, 0x20];

/// Each line's hash is the one that its `versionId` says. The log has been verified but for this.
pub(crate) fn check(log: &str) -> Result<(), LogError> {
    let mut before: Option<String> = None;
    for (index, text) in log.lines().enumerate() {
        let line = index + 1;
        let json = json::parse(text.as_bytes(), LINE).map_err(|error| LogError::Json { line, error })?;
        let missing = || LogError::Invalid { reason: format!("line {line} has no `versionId`") };
        let entry = json.as_object().ok_or_else(missing)?;
        let id = entry.get("versionId").and_then(Json::as_str).ok_or_else(missing)?;
        // The first entry is hashed with the SCID in the place of what comes before it.
        let scid =
            || json.get("parameters").and_then(|parameters| parameters.get("scid")).and_then(Json::as_str);
        let expected = entry_hash(entry, before.as_deref().or_else(scid).unwrap_or_default());
        let found = id.split_once('-').map_or("", |(_, hash)| hash);
        if found != expected {
            let reason = format!(
                "line {line} has the hash {expected}, its `versionId` says `{found}`: something was added to it or changed"
            );
            return Err(LogError::Invalid { reason });
        }
        before = Some(id.to_owned());
    }
    Ok(())
}

fn entry_hash(entry: &Object<'_>, before: &str) -> String {
    let hashed = entry.without("proof").with("versionId", Json::String(before.to_owned().into()));
    let digest = Sha256::digest(jcs::canonicalize(&Json::Object(hashed)));
    Base::Base58Btc.encode([SHA2_256.as_slice(), digest.as_slice()].concat())
}
