//! A log of ours is held against the rules by which it was written.

use crate::{
    METHOD,
    error::EntryError,
    hashed::{check_proofs, entry_hash, gives, key_hash},
    write::{LINE, number, scid_of},
};
use legation_did::Did;
use legation_keys::{
    jcs,
    json::{self, Json, Object},
    time::{self, Round},
};

/// A version of the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Its id, as `3-Qm…`.
    pub version_id: String,
    /// From when it held, seconds since 1970.
    pub time: i64,
    /// The document, as canonical JSON.
    pub document: String,
    /// The hashes of the keys that may sign the next one.
    pub next_key_hashes: Vec<String>,
}

/// Reads one line, without holding it against anything but its form.
///
/// # Errors
/// [`EntryError`].
pub fn read(line: &str) -> Result<Version, EntryError> {
    let json = json::parse(line.as_bytes(), LINE)?;
    let entry = json.as_object().cloned().unwrap_or_default();
    version(&entry).map_err(|reason| EntryError::Broken { number: 0, reason })
}

/// Holds the lines of a log of this DID against the rules of did:webvh 1.0, as far as they are used here: each entry names the
/// hashes of the keys that sign the next one; nothing is ended, moved or witnessed. Gives its versions, the first one first.
/// Nothing is asked of the clock: the last entry may be of tomorrow.
///
/// # Errors
/// [`EntryError`], for the first rule that is broken.
pub fn check<'l>(did: &Did, lines: impl IntoIterator<Item = &'l str>) -> Result<Vec<Version>, EntryError> {
    let mut all: Vec<Version> = Vec::new();
    for line in lines {
        let number = all.len() + 1;
        let broken = |reason: String| EntryError::Broken { number, reason };
        let json =
            json::parse(line.as_bytes(), LINE).map_err(|error| broken(format!("is not read: {error}")))?;
        let entry = json.as_object().ok_or_else(|| broken("is no object".to_owned()))?;
        let version = held(did, entry, all.last(), number).map_err(broken)?;
        all.push(version);
    }
    if all.is_empty() { Err(EntryError::Empty) } else { Ok(all) }
}

const MEMBERS: [&str; 5] = ["versionId", "versionTime", "parameters", "state", "proof"];
const FIRST: [&str; 4] = ["method", "scid", "updateKeys", "nextKeyHashes"];
const FURTHER: [&str; 2] = ["updateKeys", "nextKeyHashes"];

/// One entry, after the one before.
fn held(did: &Did, entry: &Object<'_>, before: Option<&Version>, expected: usize) -> Result<Version, String> {
    let unknown = |name: &str| format!("has `{name}`, which is not written here");
    if let Some(name) = entry.unknown_member(&MEMBERS) {
        return Err(unknown(name));
    }
    let found = version(entry)?;
    let parameters = entry.get("parameters").and_then(Json::as_object).ok_or("has no `parameters`")?;
    let known: &[&str] = if before.is_some() { &FURTHER } else { &FIRST };
    if let Some(name) = parameters.unknown_member(known) {
        return Err(unknown(name));
    }
    let scid = scid_of(did);
    if number(&found.version_id) != Some(expected) {
        return Err(format!("has the `versionId` `{}`", found.version_id));
    }
    let hash = entry_hash(entry, before.map_or(scid, |before| &before.version_id));
    if found.version_id.split_once('-').map(|(_, hash)| hash) != Some(&hash) {
        return Err(format!("has the hash {hash}, its `versionId` says another: it was changed"));
    }
    let id = entry.get("state").and_then(|state| state.get("id")).and_then(Json::as_str);
    if id != Some(did.as_str()) {
        return Err(format!("has a document of `{}`", id.unwrap_or_default()));
    }
    let keys = texts(parameters.get("updateKeys")).ok_or("has no `updateKeys`")?;
    if keys.is_empty() || found.next_key_hashes.is_empty() {
        return Err("names no keys".to_owned());
    }
    match before {
        None => {
            let said = |name: &str| parameters.get(name).and_then(Json::as_str);
            if said("method") != Some(METHOD) || said("scid") != Some(scid) || !gives(entry, scid) {
                return Err("does not give the DID its name".to_owned());
            }
        }
        Some(before) if found.time <= before.time => {
            return Err("is not after the one before".to_owned());
        }
        Some(before) => {
            let is_named = |key: &&str| before.next_key_hashes.contains(&key_hash(key));
            if !keys.iter().all(is_named) {
                return Err("has a key whose hash the one before does not name".to_owned());
            }
        }
    }
    check_proofs(entry, &keys).map_err(|reason| format!("has a proof that does not count: {reason}"))?;
    Ok(found)
}

/// What an entry says.
fn version(entry: &Object<'_>) -> Result<Version, String> {
    let text = |name: &str| entry.get(name).and_then(Json::as_str).ok_or_else(|| format!("has no `{name}`"));
    let at = time::parse(text("versionTime")?, Round::Down).ok_or("has a `versionTime` that is none")?;
    let hashes = entry.get("parameters").and_then(|parameters| parameters.get("nextKeyHashes"));
    let hashes = texts(hashes).ok_or("has no `nextKeyHashes`")?;
    Ok(Version {
        version_id: text("versionId")?.to_owned(),
        time: at,
        document: jcs::canonicalize(entry.get("state").ok_or("has no `state`")?),
        next_key_hashes: hashes.into_iter().map(str::to_owned).collect(),
    })
}

fn texts<'j>(json: Option<&'j Json<'_>>) -> Option<Vec<&'j str>> {
    json?.as_array()?.iter().map(Json::as_str).collect()
}
