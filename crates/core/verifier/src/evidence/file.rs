//! Evidence in a file.

use super::Evidence;
use legation_keys::{
    json::{self, JsonError, JsonLimits},
    time::{self, Round},
};
use std::borrow::Cow;

impl Evidence {
    /// Reads evidence from a file, as `schemas/evidence.schema.json` describes it:
    /// `didDocuments` (`did`, `fetchedAt`, and `document`, an object or the very text that was
    /// fetched) and `statusLists` (`url`, `fetchedAt`,
    /// `credential`, a JWS, a document with proofs or its text, and `newestSeen` where a later list was already
    /// verified).
    ///
    /// # Errors
    /// [`EvidenceError`]. What a document or a list itself lacks is no error here: the verifier
    /// names it in its denial.
    ///
    /// ```
    /// use legation_verifier::Evidence;
    /// let text = br#"{"didDocuments": [{"did": "did:web:a.example", "fetchedAt": "2026-11-21T10:00:00Z",
    ///     "document": {"id": "did:web:a.example"}}]}"#;
    /// assert!(Evidence::parse(text, 1 << 24).is_ok());
    /// assert!(Evidence::parse(b"[]", 1 << 24).is_err());
    /// ```
    pub fn parse(text: &[u8], most_entries: usize) -> Result<Self, EvidenceError> {
        // Strictly first, so that no member stands twice; then as values, to write documents out.
        json::parse(text, JsonLimits { bytes: 64 << 20, depth: 32 })?;
        let file: serde_json::Value = serde_json::from_slice(text)
            .map_err(|error| JsonError::Malformed { reason: error.to_string() })?;
        if !file.is_object() {
            return Err(EvidenceError::Member { name: "(the file)", expected: "an object" });
        }
        known(&file, &["didDocuments", "statusLists"])?;
        let mut evidence = Self::new();
        for entry in entries(&file, "didDocuments", &["did", "fetchedAt", "document"])? {
            let did = text_of(entry, "did")?.parse();
            let did = did.map_err(|_| EvidenceError::Member { name: "did", expected: "a DID" })?;
            let document = entry.get("document").map_or(Cow::Borrowed("null"), json_text);
            // A document that can't be read stays as the reason of a denial.
            let _ = evidence.add_document(&did, document.as_bytes(), time_of(entry, "fetchedAt")?);
        }
        for entry in entries(&file, "statusLists", &["url", "fetchedAt", "credential", "newestSeen"])? {
            let url = text_of(entry, "url")?;
            let credential = entry.get("credential").filter(|json| json.is_string() || json.is_object());
            let expected = "a JWS, or a document with proofs";
            let credential = credential.ok_or(EvidenceError::Member { name: "credential", expected })?;
            let fetched_at = time_of(entry, "fetchedAt")?;
            evidence.add_status_list(url, &json_text(credential), fetched_at, most_entries);
            if entry.get("newestSeen").is_some() {
                evidence.note_status_list(url, time_of(entry, "newestSeen")?);
            }
        }
        Ok(evidence)
    }
}

/// Why a file of evidence can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    /// Not strict JSON.
    #[error("{0}")]
    Json(#[from] JsonError),
    /// A member is missing or not what it should be.
    #[error("`{name}` must be {expected}")]
    Member {
        /// Which one.
        name: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// A member that is not known.
    #[error("`{found}` is not known; there are {known}")]
    Unknown {
        /// Its name.
        found: String,
        /// The members there are.
        known: String,
    },
}

/// The entries of a list, which may hold these members only: a misspelt `newestSeen` would
/// silently let an old list pass.
fn entries<'v>(
    file: &'v serde_json::Value,
    name: &'static str,
    members: &[&str],
) -> Result<&'v [serde_json::Value], EvidenceError> {
    let Some(list) = file.get(name) else { return Ok(&[]) };
    let list = list.as_array().ok_or(EvidenceError::Member { name, expected: "an array" })?;
    list.iter().try_for_each(|entry| known(entry, members))?;
    Ok(list)
}

fn known(object: &serde_json::Value, members: &[&str]) -> Result<(), EvidenceError> {
    let mut names = object.as_object().into_iter().flat_map(serde_json::Map::keys);
    match names.find(|name| !members.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => {
            Err(EvidenceError::Unknown { found: name.chars().take(80).collect(), known: members.join(", ") })
        }
    }
}

/// The text that was fetched, so that a receipt's digest of it fits, or the text of the JSON that stands there.
fn json_text(json: &serde_json::Value) -> Cow<'_, str> {
    match json {
        serde_json::Value::String(text) => text.into(),
        other => other.to_string().into(),
    }
}

fn text_of<'v>(entry: &'v serde_json::Value, name: &'static str) -> Result<&'v str, EvidenceError> {
    let text = entry.get(name).and_then(serde_json::Value::as_str);
    text.ok_or(EvidenceError::Member { name, expected: "a text" })
}

fn time_of(entry: &serde_json::Value, name: &'static str) -> Result<i64, EvidenceError> {
    time::parse(text_of(entry, name)?, Round::Down)
        .ok_or(EvidenceError::Member { name, expected: "a time with zone" })
}
