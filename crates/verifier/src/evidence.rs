//! Evidence: what verification needs from outside, and how old it is.

use crate::Trust;
use legation_credential::status::SignedStatusList;
use legation_did::{Did, Document, DocumentError};
use legation_keys::{
    base64url,
    json::{self, JsonError, JsonLimits},
    time::{self, Round},
};
use sha2::{Digest, Sha256};
use std::{collections::HashMap, sync::Arc};

/// What a round of verification needs before it can go on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Need {
    /// The current DID document of this DID.
    Document(Did),
    /// The current status list published at this URL.
    StatusList(String),
}

/// DID documents and status lists, each with the time at which it was fetched.
///
/// Evidence is believed only as far as it proves itself: a DID document by where it was fetched
/// from (the resolver answers for that), a status list by its signature. did:key needs none.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    documents: HashMap<Did, Held<Arc<Document>>>,
    status_lists: HashMap<String, Held<Arc<SignedStatusList>>>,
    newest_status: HashMap<String, i64>,
}

/// A piece of evidence, or why it can't be had.
#[derive(Clone, Debug)]
pub(crate) struct Held<T> {
    pub(crate) item: Result<T, Lack>,
    pub(crate) fetched_at: i64,
    pub(crate) digest: [u8; 32],
    /// About how many bytes it takes, its name included: whoever passes a delegation on chooses the
    /// names, and a failure is little else.
    size: usize,
}

/// Why a piece of evidence is not there.
#[derive(Clone, Debug)]
pub(crate) enum Lack {
    /// It could not be fetched.
    Unavailable(String),
    /// It was fetched and is not what it should be.
    Unreadable(String),
}

impl Lack {
    pub(crate) fn reason(&self) -> &str {
        match self {
            Self::Unavailable(reason) | Self::Unreadable(reason) => reason,
        }
    }
}

/// A piece of evidence that a verification relied on, for a receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Used {
    /// The DID, or the URL of the status list.
    pub id: String,
    /// SHA-256 of the bytes as they were given.
    pub digest: [u8; 32],
    /// When it was fetched, Unix seconds.
    pub fetched_at: i64,
    /// When a status list was made, Unix seconds; `None` for a DID document.
    pub valid_from: Option<i64>,
}

impl Used {
    /// The use as JSON.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let mut json = serde_json::json!({
            "id": self.id,
            "digest": base64url::encode(&self.digest),
            "fetchedAt": time::format(self.fetched_at),
        });
        if let (Some(made), Some(members)) = (self.valid_from, json.as_object_mut()) {
            members.insert("validFrom".to_owned(), time::format(made).into());
        }
        json
    }
}

impl Evidence {
    /// No evidence at all; enough for chains of did:key without status.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the DID document of `did` as it was fetched at `fetched_at` (Unix seconds),
    /// replacing an earlier one.
    ///
    /// # Errors
    /// [`DocumentError`] where the bytes are no document; they are kept as a reason for
    /// `did_unresolved`. A document of another DID is kept as such a reason, too.
    pub fn add_document(&mut self, did: &Did, bytes: &[u8], fetched_at: i64) -> Result<(), DocumentError> {
        let parsed = Document::parse(bytes);
        let item = match &parsed {
            Ok(document) if document.id() == did => Ok(Arc::new(document.clone())),
            Ok(document) => Err(Lack::Unreadable(format!("a document of `{}`", document.id()))),
            Err(error) => Err(Lack::Unreadable(error.to_string())),
        };
        let digest = Sha256::digest(bytes).into();
        let size = did.as_str().len() + bytes.len();
        self.documents.insert(did.clone(), Held { item, fetched_at, digest, size });
        parsed.map(|_| ())
    }

    /// Adds the status list that was published at `url`, as it was fetched at `fetched_at` (Unix
    /// seconds). It unpacks at most `most_entries` entries, once. A list that can't be read
    /// is kept as a reason for `status_invalid`.
    pub fn add_status_list(&mut self, url: &str, secured: &str, fetched_at: i64, most_entries: usize) {
        let item = SignedStatusList::parse(secured, most_entries);
        let item = item.map(Arc::new).map_err(|error| Lack::Unreadable(error.to_string()));
        let digest = Sha256::digest(secured).into();
        let unpacked = item.as_ref().map_or(0, |list| list.credential.list.entries() / 8);
        let size = url.len() + secured.len() + unpacked;
        self.remember(url, fetched_at);
        self.status_lists.insert(url.to_owned(), Held { item, fetched_at, digest, size });
    }

    /// Before a list is replaced: what was verified is remembered as seen, also where it led to a
    /// denial. Otherwise whoever serves a list could take a revocation back by serving the list
    /// from before it. A date that has not come yet is not remembered, since it would keep every
    /// corrected list away.
    fn remember(&mut self, url: &str, now: i64) {
        let held = self.status_lists.get(url).and_then(|held| held.item.as_ref().ok());
        let seen = held.filter(|list| list.is_verified()).map(|list| list.credential.valid_from);
        if let Some(seen) = seen.filter(|seen| *seen <= now) {
            self.note_status_list(url, seen);
        }
    }

    /// Notes that a list made at `valid_from` (Unix seconds) was already verified for this URL,
    /// so that an older one is no longer accepted. Take it from [`Used::valid_from`] of an
    /// earlier verification, where that one had evidence of its own.
    pub fn note_status_list(&mut self, url: &str, valid_from: i64) {
        let newest = self.newest_status.entry(url.to_owned()).or_insert(valid_from);
        *newest = valid_from.max(*newest);
    }

    /// Notes, at `now` (Unix seconds), which status lists another evidence has seen verified, and takes
    /// nothing else of it: for a verification that fetches everything anew, and must not take an older
    /// list for a newer one.
    pub fn note_seen(&mut self, other: &Self, now: i64) {
        let verified = other.status_lists.iter().filter_map(|(url, held)| {
            let list = held.item.as_ref().ok().filter(|list| list.is_verified())?;
            Some((url, list.credential.valid_from)).filter(|(_, made)| *made <= now)
        });
        let noted = other.newest_status.iter().map(|(url, made)| (url, *made));
        for (url, made) in verified.chain(noted) {
            self.note_status_list(url, made);
        }
    }

    /// Notes why a need could not be met at `tried_at` (Unix seconds), for the denial to tell.
    pub fn add_failure(&mut self, need: &Need, reason: &str, tried_at: i64) {
        let (lack, digest) = (Lack::Unavailable(reason.to_owned()), [0; 32]);
        match need {
            Need::Document(did) => {
                let size = did.as_str().len() + reason.len();
                self.documents
                    .insert(did.clone(), Held { item: Err(lack), fetched_at: tried_at, digest, size });
            }
            Need::StatusList(url) => {
                self.remember(url, tried_at);
                let size = url.len() + reason.len();
                let held = Held { item: Err(lack), fetched_at: tried_at, digest, size };
                self.status_lists.insert(url.clone(), held);
            }
        }
    }

    /// Forgets, at `now` (Unix seconds), what is too old to be relied on, and then what was
    /// fetched longest ago until the rest takes at most `trust.limits.evidence_bytes`. What was
    /// forgotten is asked for again when it is needed.
    ///
    /// That a list was seen is remembered as long as it matters: a list older than
    /// `trust.max_status_age` is refused for its age anyway.
    pub fn forget(&mut self, trust: &Trust, now: i64) {
        let fresh = |fetched_at: i64, most: i64| now.saturating_sub(fetched_at) <= most;
        let urls: Vec<String> = self.status_lists.keys().cloned().collect();
        urls.iter().for_each(|url| self.remember(url, now));
        self.newest_status.retain(|_, made| fresh(*made, trust.max_status_age + trust.clock_skew));
        self.documents.retain(|_, held| fresh(held.fetched_at, trust.max_document_age));
        self.status_lists.retain(|_, held| fresh(held.fetched_at, trust.max_status_age));
        let documents = self.documents.values().map(|held| (held.fetched_at, held.size));
        let lists = self.status_lists.values().map(|held| (held.fetched_at, held.size));
        let mut all: Vec<(i64, usize)> = documents.chain(lists).collect();
        let mut left = trust.limits.evidence_bytes;
        all.sort_unstable_by(|one, other| other.cmp(one));
        // Everything fetched at the moment at which the room ends goes, with what is older.
        let end = all.into_iter().find(|(_, size)| match left.checked_sub(*size) {
            Some(rest) => {
                left = rest;
                false
            }
            None => true,
        });
        if let Some((end, _)) = end {
            self.documents.retain(|_, held| held.fetched_at > end);
            self.status_lists.retain(|_, held| held.fetched_at > end);
        }
    }

    /// Reads evidence from a file, as `schemas/evidence.schema.json` describes it:
    /// `didDocuments` (`did`, `fetchedAt`, and `document`, an object or the very text that was
    /// fetched) and `statusLists` (`url`, `fetchedAt`,
    /// `credential`, and `newestSeen` where a later list was already verified).
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
            let document = match entry.get("document") {
                // As it was fetched, so that a receipt's digest of it fits.
                Some(serde_json::Value::String(text)) => text.clone(),
                other => other.unwrap_or(&serde_json::Value::Null).to_string(),
            };
            // A document that can't be read stays as the reason of a denial.
            let _ = evidence.add_document(&did, document.as_bytes(), time_of(entry, "fetchedAt")?);
        }
        for entry in entries(&file, "statusLists", &["url", "fetchedAt", "credential", "newestSeen"])? {
            let (url, credential) = (text_of(entry, "url")?, text_of(entry, "credential")?);
            evidence.add_status_list(url, credential, time_of(entry, "fetchedAt")?, most_entries);
            if entry.get("newestSeen").is_some() {
                evidence.note_status_list(url, time_of(entry, "newestSeen")?);
            }
        }
        Ok(evidence)
    }

    pub(crate) fn document(&self, did: &Did) -> Option<&Held<Arc<Document>>> {
        self.documents.get(did)
    }

    pub(crate) fn status_list(&self, url: &str) -> Option<&Held<Arc<SignedStatusList>>> {
        self.status_lists.get(url)
    }

    pub(crate) fn newest_status(&self, url: &str) -> Option<i64> {
        self.newest_status.get(url).copied()
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

fn text_of<'v>(entry: &'v serde_json::Value, name: &'static str) -> Result<&'v str, EvidenceError> {
    let text = entry.get(name).and_then(serde_json::Value::as_str);
    text.ok_or(EvidenceError::Member { name, expected: "a text" })
}

fn time_of(entry: &serde_json::Value, name: &'static str) -> Result<i64, EvidenceError> {
    time::parse(text_of(entry, name)?, Round::Down)
        .ok_or(EvidenceError::Member { name, expected: "a time with zone" })
}
