//! Entries are written: the first one, by which the DID gets its name, and each further one.

use crate::{
    METHOD, SCID,
    error::EntryError,
    hashed::{PURPOSE, entry_hash, key_hash, scid},
};
use legation_did::{Did, key};
use legation_keys::{
    Signer,
    data_integrity::{self, ProofOptions},
    jcs,
    json::{self, Json, JsonLimits, Object},
    time,
};
use serde_json::{Map, Value, json};

/// A line holds a document, which may have 64 KiB, with its proof.
pub const LINE: JsonLimits = JsonLimits { bytes: 80 * 1024, depth: 20 };
/// What stands for the SCID until it is known; base58 has no such letters in a row by chance.
const UNKNOWN: &str = "QmSCIDSCIDSCIDSCIDSCIDSCIDSCIDSCIDSCIDSCIDSCID";

/// What a new entry says of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    /// `updateKeys`, as Multikeys; `None` where they stay as they are.
    pub update_keys: Option<Vec<String>>,
    /// Those of which `nextKeyHashes` has the hashes, as Multikeys: of the next entry's keys each is one of them. `None` where
    /// nothing is said of them.
    pub next_keys: Option<Vec<String>>,
    /// Whether this is the last entry.
    pub deactivated: bool,
}

/// A new log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// The DID, with the SCID that the first entry gives.
    pub did: Did,
    /// The first line, without its end.
    pub line: String,
}

/// A new entry's time, what it says of the log, and the key that signs it.
#[derive(Clone, Copy)]
pub struct New<'a> {
    /// Seconds since 1970; after that of the entry before.
    pub time: i64,
    /// What it says of the log.
    pub parameters: &'a Parameters,
    /// Signs it, by Ed25519.
    pub key: &'a dyn Signer,
}

impl core::fmt::Debug for New<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("New")
            .field("time", &self.time)
            .field("parameters", self.parameters)
            .finish_non_exhaustive()
    }
}

/// The did:webvh of the place of a did:web, before it has a SCID: the documents that are given to [`begin`] and [`go_on`]
/// are of this one, and named anew in the entry.
///
/// # Errors
/// [`EntryError::Did`] where it is no did:web.
pub fn unnamed(place: &Did) -> Result<Did, EntryError> {
    Ok(format!("did:webvh:{UNKNOWN}:{}", place.method_specific_id()).parse()?)
}

/// The text of a document of [`unnamed`], named by a SCID.
#[must_use]
pub fn named(document: &str, scid: &str) -> String {
    document.replace(UNKNOWN, scid)
}

/// The SCID of a did:webvh; empty of any other DID.
#[must_use]
pub fn scid_of(did: &Did) -> &str {
    let id = did.as_str().strip_prefix("did:webvh:").unwrap_or_default();
    id.split_once(':').map_or("", |(scid, _)| scid)
}

/// Writes the first entry of a log: `document` is the JSON text of a document of [`unnamed`].
///
/// # Errors
/// [`EntryError`].
pub fn begin(document: &str, new: New<'_>) -> Result<Begun, EntryError> {
    let document = named(document, SCID);
    let state = json::parse(document.as_bytes(), LINE)?;
    let mut parameters = parameters(new.parameters);
    parameters.insert("method".to_owned(), METHOD.into());
    parameters.insert("scid".to_owned(), SCID.into());
    let text = Value::Object(parameters).to_string();
    let preliminary = preliminary((SCID, new.time), &json::parse(text.as_bytes(), LINE)?, &state);
    let scid = scid(&preliminary);
    let preliminary = preliminary.replace(SCID, &scid);
    let entry = json::parse(preliminary.as_bytes(), LINE)?;
    let id = entry.get("state").and_then(|state| state.get("id")).and_then(Json::as_str);
    let did: Did = id.unwrap_or_default().parse()?;
    if scid_of(&did) != scid {
        let expected = format!("did:webvh:{scid}:DOMAIN");
        return Err(EntryError::Document { found: did.to_string(), expected });
    }
    let line = signed(&entry, (1, &scid), new.key)?;
    Ok(Begun { did, line })
}

/// Writes the entry after the one of this `versionId`, without the line's end: `document` is the JSON text of a document of
/// [`unnamed`], or of the DID itself.
///
/// # Errors
/// [`EntryError`].
pub fn go_on(did: &Did, before: &str, document: &str, new: New<'_>) -> Result<String, EntryError> {
    let document = named(document, scid_of(did));
    let state = json::parse(document.as_bytes(), LINE)?;
    let found = state.get("id").and_then(Json::as_str).unwrap_or_default();
    if found != did.as_str() {
        return Err(EntryError::Document { found: found.to_owned(), expected: did.to_string() });
    }
    let number = number(before).and_then(|number| number.checked_add(1));
    let number = number.ok_or_else(|| EntryError::VersionId { found: before.chars().take(80).collect() })?;
    let text = Value::Object(parameters(new.parameters)).to_string();
    let preliminary = preliminary((before, new.time), &json::parse(text.as_bytes(), LINE)?, &state);
    let entry = json::parse(preliminary.as_bytes(), LINE)?;
    signed(&entry, (number, before), new.key)
}

/// The number with which a `versionId` begins, where it is one.
pub(crate) fn number(version_id: &str) -> Option<usize> {
    let (number, hash) = version_id.split_once('-')?;
    let is_hash = hash.len() == 46 && hash.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let read: usize = number.parse().ok().filter(|_| is_hash)?;
    // One number has one spelling.
    (read > 0 && read.to_string() == number).then_some(read)
}

fn parameters(of: &Parameters) -> Map<String, Value> {
    let mut written = Map::new();
    if let Some(keys) = &of.update_keys {
        written.insert("updateKeys".to_owned(), json!(keys));
    }
    if let Some(keys) = &of.next_keys {
        let hashes: Vec<String> = keys.iter().map(|key| key_hash(key)).collect();
        written.insert("nextKeyHashes".to_owned(), json!(hashes));
    }
    if of.deactivated {
        written.insert("deactivated".to_owned(), true.into());
    }
    written
}

fn preliminary((version_id, at): (&str, i64), parameters: &Json<'_>, state: &Json<'_>) -> String {
    let text = |text: String| Json::String(text.into());
    let entry = Object::default()
        .with("versionId", text(version_id.to_owned()))
        .with("versionTime", text(time::format(at)))
        .with("parameters", parameters.clone())
        .with("state", state.clone());
    jcs::canonicalize(&Json::Object(entry))
}

/// The entry with its `versionId`, and its proof in an array, as the method writes it ("The DID Log File").
fn signed(
    entry: &Json<'_>,
    (number, before): (usize, &str),
    signer: &dyn Signer,
) -> Result<String, EntryError> {
    let none = Object::default();
    let entry = entry.as_object().unwrap_or(&none);
    let id = format!("{number}-{}", entry_hash(entry, before));
    let entry = entry.clone().with("versionId", Json::String(id.into()));
    let method = key::method_id(&key::did(signer.public_key()));
    let created = entry.get("versionTime").and_then(Json::as_str);
    let created = created.and_then(|text| time::parse(text, time::Round::Down));
    let options =
        ProofOptions { verification_method: &method, purpose: PURPOSE, created, ..ProofOptions::default() };
    let line = data_integrity::add(&entry, options, signer)?;
    let signed = json::parse(line.as_bytes(), LINE)?;
    let signed = signed.as_object().unwrap_or(&none);
    let proof = signed.get("proof").cloned().unwrap_or(Json::Null);
    Ok(jcs::canonicalize(&Json::Object(signed.clone().with("proof", Json::Array(vec![proof])))))
}
