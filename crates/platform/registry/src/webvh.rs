//! The organization as a did:webvh, where it was made with one: a log of all versions of its document, which nobody can
//! rewrite.
//!
//! The organization's DID stays the did:web, by which everything is issued. The log is published beside its document: each
//! entry says what the document says, under the did:webvh's own name, and both name each other in `alsoKnownAs` (did:webvh
//! 1.0, "Publishing a Parallel did:web DID"). So whoever has the log can hold the document of any moment against it.
//!
//! Each entry is signed by a key that signs nothing else, and names the hash of the next one. A change of the document and its
//! entry are one transaction. An entry has to be of a later second than the one before; where it is not yet, it is written
//! when somebody looks next, as is one that is missing for any other reason ([`Registry::follow_document`]).
//!
//! A store that was put back may hold a key that has signed an entry since: another one by it would be a second history under the
//! same name. So there a log with another name is begun, once it is confirmed that the keys are still the organization's own.

use crate::{error::RegistryError, names, registry::Registry};
use legation_did::{Did, Document, web};
use legation_keys::{Algorithm, jcs, json};
use legation_signer::{ClientError, EntryTerms, SealedKey};
use legation_store::{
    StoreError, Tx,
    holder::{Holder, Kind},
    webvh,
    webvh::History,
};
use legation_webvh_entry::{Version, check, hashed::key_hash, named, read, scid_of, unnamed, write::LINE};
use serde_json::json;

/// Most entries of a log: those who read did:webvh here read no more.
pub const MOST_ENTRIES: i64 = 1024;
/// Most bytes of a log, for the same reason.
pub const MOST_BYTES: usize = 1024 * 1024;
/// By how much the clock of whoever wrote an entry may have been ahead, seconds: a day.
const AHEAD: i64 = 86_400;

/// How the log of an organization is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryState {
    /// The did:webvh.
    pub did: Did,
    /// How many versions it has.
    pub versions: usize,
    /// How many bytes.
    pub bytes: usize,
    /// From when the last one holds, Unix seconds.
    pub updated: i64,
    /// Whether the last one says what the document says.
    pub is_current: bool,
}

/// What a log lacks.
enum Due {
    Nothing,
    /// It is to be begun.
    Log,
    /// An entry after this one, which has that number.
    Entry(i64, Version),
}

impl Registry {
    /// The did:webvh of the organization; `None` where it was made without one.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn history_did(&self) -> Result<Option<String>, RegistryError> {
        Ok(self.read_open(|tx| webvh::get(tx, &self.id))?.map(|history| history.did))
    }

    /// The log, as it is published at `/.well-known/did.jsonl`: JSON Lines.
    ///
    /// # Errors
    /// [`RegistryError`]; [`StoreError::NotFound`] where the organization was made without one.
    pub fn history_log(&self) -> Result<String, RegistryError> {
        let lines = self.read_open(|tx| -> Result<_, StoreError> {
            let missing = || StoreError::NotFound { what: "did:webvh".to_owned() };
            let history = webvh::get(tx, &self.id)?.ok_or_else(missing)?;
            webvh::lines(tx, &self.id, &history.did, MOST_ENTRIES)
        })?;
        Ok(lines.into_iter().map(|line| line + "\n").collect())
    }

    /// The log held against the rules by which it was written, and its last version against the document; `None` where the
    /// organization was made without one.
    ///
    /// # Errors
    /// [`RegistryError`]; [`RegistryError::Damaged`] where it is not what was written.
    pub fn history(&self) -> Result<Option<HistoryState>, RegistryError> {
        self.store.read(|tx| {
            let Some(history) = webvh::get(tx, &self.id)? else { return Ok(None) };
            let (did, versions, bytes) = self.verified_history(tx, &history)?;
            let document = named(&self.history_document(tx)?, scid_of(&did));
            let count = versions.len();
            let last = versions.into_iter().next_back();
            let is_current = last.as_ref().is_some_and(|last| is_same(&last.document, &document));
            let updated = last.map_or(history.begun, |last| last.time);
            Ok(Some(HistoryState { did, versions: count, bytes, updated, is_current }))
        })
    }

    /// The versions of a log that is what was written, and its bytes.
    pub(crate) fn verified_history(
        &self,
        tx: &mut Tx<'_>,
        history: &History,
    ) -> Result<(Did, Vec<Version>, usize), RegistryError> {
        let damaged = |error: &dyn core::fmt::Display| RegistryError::damaged("the did:webvh", error);
        let did: Did = history.did.parse().map_err(|error| damaged(&error))?;
        let lines = webvh::lines(tx, &self.id, &history.did, MOST_ENTRIES)?;
        let versions = check(&did, lines.iter().map(String::as_str)).map_err(|error| damaged(&error))?;
        if !versions.last().is_some_and(|last| commits(last, history)) {
            return Err(damaged(
                &"its last version does not name the key that signs the next one: one is missing",
            ));
        }
        let bytes = lines.iter().map(|line| line.len() + 1).sum();
        Ok((did, versions, bytes))
    }

    /// Begins the log with the document as it is now. One that the organization has is not gone on with.
    pub(crate) fn begin_history(&self, tx: &mut Tx<'_>, now: i64) -> Result<(), RegistryError> {
        webvh::end(tx, &self.id, now)?;
        let (first, next) = (self.history_key()?, self.history_key()?);
        let document = self.history_document(tx)?;
        let terms = EntryTerms {
            place: &self.did,
            before: None,
            time: now,
            next: &next.public_key,
            document: &document,
        };
        let line = self.signer().webvh_entry(self.sealed(&first), &terms)?;
        let odd = |error: &dyn core::fmt::Display| RegistryError::damaged("the did:webvh", error);
        let version = read(&line).map_err(|error| odd(&error))?;
        let state = json::parse(version.document.as_bytes(), LINE).map_err(|error| odd(&error))?;
        let did = state.get("id").and_then(json::Json::as_str).unwrap_or_default().to_owned();
        let history = History { did: did.clone(), begun: now, ..next };
        webvh::begin(tx, &self.id, &history)?;
        webvh::append(tx, &self.id, &did, (1, &line))?;
        self.verified_history(tx, &history)?;
        self.note(tx, ("history.begun", &did), &json!({"versionId": version.version_id}), now)
    }

    /// Appends an entry where the organization's document says something else than the last one, and the clock is behind that
    /// one; begins a log where the one before could not be gone on with. A log that was tampered with is not gone on with: what
    /// it goes beside matters more, and `doctor` names it.
    pub(crate) fn follow(&self, tx: &mut Tx<'_>, now: i64) -> Result<bool, RegistryError> {
        match self.due(tx)? {
            Due::Nothing => Ok(false),
            Due::Log => self.begin_history(tx, now).map(|()| true),
            // One that was written by a clock that was far ahead can't be gone on with before that time has come, and nobody reads
            // a log of more entries: the next version begins another log.
            Due::Entry(number, last) if last.time > now.saturating_add(AHEAD) || number >= MOST_ENTRIES => {
                self.begin_history(tx, now).map(|()| true)
            }
            // Its entries have an order by their times.
            Due::Entry(_, last) if last.time >= now => Ok(false),
            Due::Entry(number, _) => self.append_version(tx, number, now),
        }
    }

    fn append_version(&self, tx: &mut Tx<'_>, number: i64, now: i64) -> Result<bool, RegistryError> {
        let Some(history) = webvh::get(tx, &self.id)? else { return Ok(false) };
        let (did, versions, bytes) = match self.verified_history(tx, &history) {
            Ok(verified) => verified,
            Err(RegistryError::Damaged { .. }) => return Ok(false),
            Err(error) => return Err(error),
        };
        let before = versions.last().map(|last| last.version_id.as_str()).unwrap_or_default();
        let next = History { did: history.did.clone(), begun: history.begun, ..self.history_key()? };
        let document = self.history_document(tx)?;
        let terms = EntryTerms {
            place: &self.did,
            before: Some((&did, before)),
            time: now,
            next: &next.public_key,
            document: &document,
        };
        let line = match self.signer().webvh_entry(self.sealed(&history), &terms) {
            Ok(line) => line,
            // What it goes beside matters more, the replacement of a key that others have above all.
            Err(ClientError::Refused { .. }) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        if bytes.saturating_add(line.len()) >= MOST_BYTES {
            return self.begin_history(tx, now).map(|()| true);
        }
        webvh::append(tx, &self.id, &history.did, (number.saturating_add(1), &line))?;
        webvh::set_key(tx, &self.id, &next)?;
        let (_, versions, _) = self.verified_history(tx, &next)?;
        let version = versions.last().map(|last| last.version_id.as_str());
        self.note(tx, ("history.appended", &history.did), &json!({"versionId": version}), now)?;
        Ok(true)
    }

    /// What the log lacks.
    fn due(&self, tx: &mut Tx<'_>) -> Result<Due, RegistryError> {
        let history = webvh::get(tx, &self.id)?;
        if history.is_none() && !webvh::had(tx, &self.id)? {
            return Ok(Due::Nothing);
        }
        // Whether its keys are still its own, nobody knows; that is no version of the document.
        if self.top(tx)?.unconfirmed.is_some() {
            return Ok(Due::Nothing);
        }
        let Some(history) = history else { return Ok(Due::Log) };
        let last = webvh::last(tx, &self.id, &history.did)?;
        let Some((number, Ok(last))) = last.map(|(number, line)| (number, read(&line))) else {
            return Ok(Due::Nothing);
        };
        let Ok(did) = history.did.parse::<Did>() else { return Ok(Due::Nothing) };
        let document = named(&self.history_document(tx)?, scid_of(&did));
        Ok(if is_same(&last.document, &document) { Due::Nothing } else { Due::Entry(number, last) })
    }

    /// Appends the entry of a change that has none yet, or begins the log that is to be begun. Gives whether there was one.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn follow_document(&self, now: i64) -> Result<bool, RegistryError> {
        match self.read_open(|tx| self.due(tx))? {
            Due::Nothing => Ok(false),
            // Under the lock it is looked again: another process may have done it.
            _ => self.change(|tx| self.follow(tx, now)),
        }
    }

    /// Seals the key that signs the next entry anew by the master key that seals now. Gives how many were.
    pub(crate) fn reseal_history_key(&self) -> Result<u64, RegistryError> {
        self.change(|tx| {
            let Some(history) = webvh::get(tx, &self.id)? else { return Ok(0) };
            let sealed = self.signer().reseal_key(self.sealed(&history))?;
            let Some(sealed) = sealed else { return Ok(0) };
            webvh::set_key(tx, &self.id, &History { sealed, ..history })?;
            Ok(1)
        })
    }

    /// Ties the document of the organization to its did:webvh, where it has one: as it is, or as it was at `at` (Unix seconds).
    pub(crate) fn tie(
        &self,
        tx: &mut Tx<'_>,
        holder: &Holder,
        at: Option<i64>,
        document: &mut Document,
    ) -> Result<(), RegistryError> {
        let did = match (holder.kind, at) {
            (Kind::Organization, None) => webvh::get(tx, &self.id)?.map(|history| history.did),
            (Kind::Organization, Some(at)) => webvh::did_as_of(tx, &self.id, at)?,
            _ => None,
        };
        if let Some(did) = did {
            document.add_also_known_as(did);
            self.add_services(document);
        }
        Ok(())
    }

    /// What an entry says, before the DID has a name: the organization's document under the name of the did:webvh.
    fn history_document(&self, tx: &mut Tx<'_>) -> Result<String, RegistryError> {
        let top = self.top(tx)?;
        let own = unnamed(&self.did).map_err(|error| RegistryError::damaged("the organization", error))?;
        let mut document = web::document(&own, &self.keys_of(tx, &top)?);
        document.add_also_known_as(self.did.to_string());
        self.add_services(&mut document);
        Ok(document.to_json().to_string())
    }

    /// The services that a did:webvh has whether it says so or not, which a did:web beside it has to say ("Publishing a Parallel
    /// did:web DID"). Both say them, so that they say the same.
    fn add_services(&self, document: &mut Document) {
        // Below the organization's own path, where it has one: what is at the root is somebody else's.
        let origin = names::origin(&self.did);
        let id = |name: &str| format!("{}#{name}", document.id());
        let (files, whois) = (id("files"), id("whois"));
        document.add_service(files, "relativeRef".to_owned(), format!("{origin}/"));
        document.add_service(whois, "LinkedVerifiablePresentation".to_owned(), format!("{origin}/whois.vp"));
    }

    /// A key that will sign an entry. It is named by the place, so that it signs for no other, and for nothing else.
    fn history_key(&self) -> Result<History, RegistryError> {
        let key_id = format!("webvh:{}#{}", self.did.method_specific_id(), uuid::Uuid::now_v7());
        let made = self.signer().generate(&self.id, &key_id, Algorithm::EdDsa)?;
        let public_key = made.public_key.to_multikey();
        Ok(History { did: String::new(), begun: 0, key_id, public_key, sealed: made.sealed })
    }

    fn sealed<'k>(&'k self, of: &'k History) -> SealedKey<'k> {
        SealedKey { organization: &self.id, key_id: &of.key_id, sealed: &of.sealed }
    }
}

/// Whether a version names the key that is kept for the next one.
fn commits(last: &Version, history: &History) -> bool {
    last.next_key_hashes.contains(&key_hash(&history.public_key))
}

/// Whether a canonical document says the same as another text.
fn is_same(canonical: &str, document: &str) -> bool {
    json::parse(document.as_bytes(), LINE).is_ok_and(|document| jcs::canonicalize(&document) == canonical)
}
