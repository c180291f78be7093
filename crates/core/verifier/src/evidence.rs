//! Evidence: what verification needs from outside, and how old it is.

mod file;
mod room;
mod seen;
mod share;

pub use file::EvidenceError;
pub use share::{Sponsor, sponsor};

use crate::{
    Trust,
    presentation::{Account, Link},
};
use legation_credential::{delegation::LinkDigest, status::SignedStatusList};
use legation_did::{Did, Document, DocumentError};
use legation_keys::{base64url, time};
use room::Room;
use seen::Seen;
use sha2::{Digest, Sha256};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

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
    room: Room,
    seen: Seen,
    /// Links that are blocked by their digest.
    blocked: HashSet<LinkDigest>,
    /// When what is too old was last looked for.
    swept_at: i64,
}

/// The account of what its owner adds, as from files: on nobody's behalf. No link's SHA-256.
const OWN: Account = [0; 32];
/// About how many bytes an entry takes beside its content and its names, of which there are three.
const ENTRY: usize = 512;
/// Seconds between two searches for what is too old, which walk through everything. The verifier
/// judges each piece's age by itself; this is about room only.
const SWEEP: i64 = 60;

/// A piece of evidence, or why it can't be had.
#[derive(Clone, Debug)]
pub(crate) struct Held<T> {
    pub(crate) item: Result<T, Lack>,
    pub(crate) fetched_at: i64,
    pub(crate) digest: [u8; 32],
    /// About how many bytes its content takes.
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
        self.put_document(did, Held { item, fetched_at, digest, size: bytes.len() }, OWN);
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
        self.put_list(url, Held { item, fetched_at, digest, size: secured.len() + unpacked }, OWN);
    }

    /// Notes why a need could not be met at `tried_at` (Unix seconds), for the denial to tell.
    pub fn add_failure(&mut self, need: &Need, reason: &str, tried_at: i64) {
        let (lack, digest, size) = (Lack::Unavailable(reason.to_owned()), [0; 32], reason.len());
        match need {
            Need::Document(did) => {
                let held = Held { item: Err(lack), fetched_at: tried_at, digest, size };
                self.put_document(did, held, OWN);
            }
            Need::StatusList(url) => {
                let held = Held { item: Err(lack), fetched_at: tried_at, digest, size };
                self.put_list(url, held, OWN);
            }
        }
    }

    /// Notes that a list made at `valid_from` (Unix seconds) was already verified for this URL,
    /// so that an older one is no longer accepted. Take it from [`Used::valid_from`] of an
    /// earlier verification, where that one had evidence of its own.
    pub fn note_status_list(&mut self, url: &str, valid_from: i64) {
        self.seen.note(OWN, url, valid_from);
    }

    /// Notes that a link is blocked, by the digest of its text
    /// ([`link_digest`](legation_credential::delegation::link_digest)): one that was made offline stands in no list, and is
    /// ended so by whoever runs the verifier. It is denied as one that is revoked.
    pub fn block(&mut self, link: LinkDigest) {
        self.blocked.insert(link);
    }

    /// Forgets, at `now` (Unix seconds), what takes more than `trust.limits.evidence_bytes`, and now
    /// and then what is too old to be relied on. Of too much, what was fetched longest ago goes first
    /// of the root link whose chains brought most ([`Evidence::add_for`]): who brings little loses
    /// nothing by who brings much. What was forgotten is asked for again when it is needed.
    ///
    /// That a list was seen is remembered as long as it matters: a list older than
    /// `trust.max_status_age` is refused for its age anyway.
    pub fn forget(&mut self, trust: &Trust, now: i64) {
        if now.saturating_sub(self.swept_at).unsigned_abs() >= SWEEP.unsigned_abs() {
            self.sweep(trust, now);
            self.swept_at = now;
        }
        while let Some(need) = self.room.first_to_go(trust.limits.evidence_bytes) {
            self.remove(&need, now);
        }
    }

    /// Drops, at `now` (Unix seconds), the status lists of some issuers and the documents of some DIDs, however fresh they
    /// are: somebody said that they have changed. That a list was seen is remembered, so that no older one is accepted
    /// after it. Gives how many were dropped.
    pub fn drop_of(
        &mut self,
        lists: &dyn Fn(&Did) -> bool,
        documents: &dyn Fn(&Did) -> bool,
        now: i64,
    ) -> usize {
        let is_of = |held: &Held<Arc<SignedStatusList>>| {
            held.item.as_ref().is_ok_and(|list| lists(&list.credential.issuer))
        };
        let lists = self.status_lists.iter().filter(|(_, held)| is_of(held));
        let lists = lists.map(|(url, _)| Need::StatusList(url.clone()));
        let documents = self.documents.keys().filter(|did| documents(did)).cloned().map(Need::Document);
        let all: Vec<Need> = lists.chain(documents).collect();
        all.iter().for_each(|need| self.remove(need, now));
        all.len()
    }

    fn sweep(&mut self, trust: &Trust, now: i64) {
        let fresh = |fetched_at: i64, most: i64| now.saturating_sub(fetched_at) <= most;
        let documents = self.documents.iter();
        let documents = documents.filter(|(_, held)| !fresh(held.fetched_at, trust.max_document_age));
        let lists = self.status_lists.iter();
        let lists = lists.filter(|(_, held)| !fresh(held.fetched_at, trust.max_status_age));
        let old: Vec<Need> = documents
            .map(|(did, _)| Need::Document(did.clone()))
            .chain(lists.map(|(url, _)| Need::StatusList(url.clone())))
            .collect();
        old.iter().for_each(|need| self.remove(need, now));
        self.seen.retain(|made| fresh(made, trust.max_status_age.saturating_add(trust.clock_skew)));
    }

    fn put_document(&mut self, did: &Did, held: Held<Arc<Document>>, account: Account) {
        let size = held.size + 3 * did.as_str().len() + ENTRY;
        self.room.take(Need::Document(did.clone()), account, held.fetched_at, size);
        self.documents.insert(did.clone(), held);
    }

    fn put_list(&mut self, url: &str, held: Held<Arc<SignedStatusList>>, account: Account) {
        self.remember(url, held.fetched_at);
        let size = held.size + 3 * url.len() + ENTRY;
        self.room.take(Need::StatusList(url.to_owned()), account, held.fetched_at, size);
        self.status_lists.insert(url.to_owned(), held);
    }

    fn remove(&mut self, need: &Need, now: i64) {
        match need {
            Need::Document(did) => {
                self.documents.remove(did);
            }
            Need::StatusList(url) => {
                self.remember(url, now);
                self.status_lists.remove(url);
            }
        }
        self.room.free(need);
    }

    /// Before a list is replaced: what was verified is remembered as seen, also where it led to a
    /// denial. Otherwise whoever serves a list could take a revocation back by serving the list
    /// from before it. A date that has not come yet is not remembered, since it would keep every
    /// corrected list away.
    fn remember(&mut self, url: &str, now: i64) {
        let Some(seen) = self.verified(url).filter(|seen| *seen <= now) else { return };
        let account = self.room.account(&Need::StatusList(url.to_owned())).unwrap_or(OWN);
        self.seen.note(account, url, seen);
    }

    /// When the list was made that is held for this URL and was verified.
    fn verified(&self, url: &str) -> Option<i64> {
        let list = self.status_lists.get(url)?.item.as_ref().ok()?;
        list.is_verified().then_some(list.credential.valid_from)
    }

    pub(crate) fn document(&self, did: &Did) -> Option<&Held<Arc<Document>>> {
        self.documents.get(did)
    }

    pub(crate) fn status_list(&self, url: &str) -> Option<&Held<Arc<SignedStatusList>>> {
        self.status_lists.get(url)
    }

    /// Whether a link is blocked, whichever form its signature has.
    pub(crate) fn is_blocked(&self, link: &Link) -> bool {
        !self.blocked.is_empty() && link.digests().any(|digest| self.blocked.contains(&digest))
    }

    pub(crate) fn newest_status(&self, url: &str) -> Option<i64> {
        self.seen.newest(url, &OWN)
    }
}
