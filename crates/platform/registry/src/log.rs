//! The organization's log: receipts and events carried over from the store, in order, once, under signed checkpoints.
//!
//! The order is in the store before anything is written ([`logs`]), so that whoever carries over writes the same log.

use crate::{error::RegistryError, registry::Registry};
use legation_keys::{
    Algorithm, PublicKey, base64url, jcs,
    json::{self, JsonLimits},
    time,
};
use legation_log::{
    Checkpoint, NoteKey, Writer, about,
    entry::{self, Head, Kind, Leaf},
    note, reader,
    replay::attached::Named,
    tree::Hash,
};
use legation_signer::SealedKey;
use legation_store::{
    StoreError, Tx, holder,
    holder::Kind as HolderKind,
    link, logs,
    logs::{Entry, Erased, Hidden, Log, Segment},
    organization,
    receipt::Receipt,
    restored,
};
use legation_verifier::batch;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeSet, HashSet},
    path::{Path, PathBuf},
};

/// Most events and receipts that get their place at a time.
const TOGETHER: i64 = 4096;
/// The folder of logs within an organization's data.
pub const FOLDER: &str = "log";
pub use legation_log::reader::DOCUMENT;
/// Where a receipt begins to name its evidence.
const EVIDENCE: &[u8] = b"\"evidence\":[";
/// How long after its end a status list that no receipt names is kept as it was, seconds: what was decided by it is in the log
/// by then.
const FORGOTTEN: i64 = 86_400;
/// Delegations that are read at a time.
const PAGE: i64 = 1000;

/// What was carried over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Carried {
    /// How many entries.
    pub entries: u64,
    /// How many the log has now, under its checkpoint.
    pub size: u64,
    /// Whether the log is closed: what comes next is in another one, which is to be opened.
    pub is_closed: bool,
}

impl Registry {
    /// The logs of the organization, the oldest first.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn logs(&self) -> Result<Vec<Log>, RegistryError> {
        Ok(self.store.read(|tx| logs::all(tx, &self.id))?)
    }

    /// Opens the log that is written to, in a folder of logs. Where there is none yet, one is begun at `now` (Unix seconds),
    /// named after the year, with a key of its own, and told by an event. A log from before the organization was put back is
    /// closed: what followed in it then is not known any more.
    ///
    /// # Errors
    /// [`RegistryError`]; [`StoreError::Restored`] where the organization is closed. Where the log has entries that the store
    /// does not know of, that closes it.
    pub fn open_log(&self, folder: &Path, now: i64) -> Result<Writer, RegistryError> {
        let organization = self.store.read(|tx| organization::get(tx, &self.id))?;
        if let Some(why) = organization.closed {
            return Err(StoreError::Restored { why }.into());
        }
        let mut current = self.logs()?.into_iter().find(|log| log.ended.is_none());
        if let Some(old) = current.take_if(|log| log.era != organization.era) {
            let size = reader::checkpoint(&folder_of(folder, &old))
                .ok()
                .and_then(|note| Checkpoint::open(&note, &key_of(&old).ok()?).ok());
            self.end_log(&old, size.map(|seen| (seen.size, seen.root)), now)?;
        }
        let log = match current {
            Some(log) => log,
            None => self.begin_log(folder, None, now)?,
        };
        let mut writer = Writer::open(&folder_of(folder, &log), key_of(&log)?)?;
        let is_other = writer.size() == size(log.published) && writer.size() > 0 && writer.root() != log.root;
        if writer.size() > size(log.size) || is_other {
            let why = format!(
                "its log `{}` has {} entries, and the store knows {} of them or others: it is older than its log",
                log.origin,
                writer.size(),
                log.size
            );
            self.store.write(|tx| restored::close(tx, &self.id, &why, now))?;
            return Err(StoreError::Restored { why }.into());
        }
        writer.put(about::FILE, log.about.as_bytes())?;
        // With all keys that there were: one of them has signed what is said of the log.
        let document = self.store.read(|tx| -> Result<_, RegistryError> {
            let top = self.top(tx)?;
            self.document_ever(tx, &top)
        })?;
        writer.put(DOCUMENT, document.to_json().to_string().as_bytes())?;
        Ok(writer)
    }

    /// Begins a log, `beside` the one that it is to follow. Where another process has just begun it, it is that one.
    fn begin_log(&self, folder: &Path, beside: Option<&Log>, now: i64) -> Result<Log, RegistryError> {
        let year: String = time::format(now).chars().take(4).collect();
        let taken: Vec<String> = self.logs()?.into_iter().map(|log| log.name).collect();
        // A folder that nobody knows of is one from before the organization was put back.
        let is_free = |name: &String| !taken.contains(name) && !folder.join(name).exists();
        let mut names =
            core::iter::once(year.clone()).chain((2..10_000).map(|number| format!("{year}-{number}")));
        let name =
            names.find(is_free).ok_or_else(|| RegistryError::damaged("the logs", "there are too many"))?;
        let origin = format!("{}/log/{name}", self.host());
        let key_id = format!("log:{origin}");
        let made = self.signer().generate(&self.id, &key_id, Algorithm::EdDsa)?;
        let key = NoteKey::new(&origin, note::Kind::Text, &made.public_key)
            .map_err(|error| RegistryError::damaged("the log", error))?;
        let about = self.sign_receipt(&about::statement(&self.did, &key, now))?;
        let public_jwk = made.public_key.to_jwk().to_string();
        self.change(|tx| {
            let era = organization::get(tx, &self.id)?.era;
            let is_begun = |log: &Log| {
                log.ended.is_none() && log.era == era && beside.is_none_or(|beside| beside.name != log.name)
            };
            if let Some(begun) = logs::all(tx, &self.id)?.into_iter().find(is_begun) {
                return Ok(begun);
            }
            let log = Log {
                name,
                origin,
                key_id,
                public_jwk,
                sealed: made.sealed,
                about,
                era,
                began: now,
                ended: None,
                size: 0,
                published: 0,
                root: [0; 32],
            };
            logs::add(tx, &self.id, &log)?;
            let told = json!({"origin": log.origin, "key": key.to_string()});
            self.note(tx, ("log.begun", &log.name), &told, now)?;
            Ok(log)
        })
    }

    /// Closes a log. The event that says so, with the size and root of its last checkpoint, is in the log that follows.
    fn end_log(&self, log: &Log, last: Option<(u64, Hash)>, now: i64) -> Result<(), RegistryError> {
        self.change(|tx| self.close_log(tx, log, last, now))
    }

    /// The same, in a transaction with more.
    pub(crate) fn close_log(
        &self,
        tx: &mut legation_store::Tx<'_>,
        log: &Log,
        last: Option<(u64, Hash)>,
        now: i64,
    ) -> Result<(), RegistryError> {
        let (size, root) = last.unwrap_or_else(|| (size(log.published), log.root));
        logs::close(tx, &self.id, &log.name, now)?;
        let told = json!({"origin": log.origin, "size": size, "root": base64url::encode(&root)});
        self.note(tx, ("log.closed", &log.name), &told, now)
    }

    /// Closes a log whose year is over, once the event by which the next one began is in it: each of the two names the other.
    /// Gives whether it is closed.
    fn turn_over(&self, log: &Log, writer: &Writer, now: i64) -> Result<bool, RegistryError> {
        let year = |at: i64| time::format(at).chars().take(4).collect::<String>();
        if year(log.began) >= year(now) {
            return Ok(false);
        }
        let next = self.logs()?.into_iter().find(|next| next.ended.is_none() && next.name != log.name);
        if next.is_none() {
            self.begin_log(writer.folder().parent().unwrap_or(writer.folder()), Some(log), now)?;
            return Ok(false);
        }
        if self.store.read(|tx| logs::has_more(tx, &self.id, now))? {
            return Ok(false);
        }
        self.end_log(log, Some((writer.published(), writer.root())), now)?;
        Ok(true)
    }

    /// Carries over what is not in the log yet, and publishes a checkpoint, at `now` (Unix seconds).
    ///
    /// # Errors
    /// [`RegistryError`]. After one of the log's folder it has to be opened again.
    pub fn carry(&self, writer: &mut Writer, now: i64) -> Result<Carried, RegistryError> {
        let log = self.log_of(writer)?;
        let before = writer.published();
        loop {
            let next = (i64::try_from(writer.size()).unwrap_or(i64::MAX), 1);
            let mut found = self.store.read(|tx| logs::segments(tx, &self.id, &log.name, next))?;
            let Some(segment) = found.pop() else {
                // What another process gave its place meanwhile comes first: it is read anew, and not taken from here.
                if self.place(&log, now)?.is_none() {
                    break;
                }
                continue;
            };
            self.write_segment(writer, &segment, now)?;
            self.publish(writer, &log)?;
        }
        let is_closed = self.turn_over(&log, writer, now)?;
        let (size, entries) = (writer.published(), writer.published().saturating_sub(before));
        Ok(Carried { entries, size, is_closed })
    }

    fn log_of(&self, writer: &Writer) -> Result<Log, RegistryError> {
        let named = self.logs()?.into_iter().find(|log| log.origin == writer.origin());
        let missing = || StoreError::NotFound { what: format!("log `{}`", writer.origin()) };
        Ok(named.ok_or_else(missing)?)
    }

    /// Gives what has no place yet its place, and writes nothing: the first half of [`Registry::carry`].
    ///
    /// # Errors
    /// [`RegistryError`].
    #[doc(hidden)]
    pub fn place_only(&self, log: &Log, now: i64) -> Result<bool, RegistryError> {
        Ok(self.place(log, now)?.is_some())
    }

    /// Gives what has no place yet its place.
    fn place(&self, log: &Log, now: i64) -> Result<Option<Segment>, RegistryError> {
        if !self.store.read(|tx| logs::has_more(tx, &self.id, now))? {
            return Ok(None);
        }
        let salt =
            legation_keys::secret::random().map_err(|error| RegistryError::damaged("the log", error))?;
        let salted = (TOGETHER, salt);
        // No event: each would have to get a place, too.
        Ok(self.store.write(|tx| logs::place(tx, &self.id, &log.name, salted, now))?)
    }

    fn write_segment(&self, writer: &mut Writer, segment: &Segment, now: i64) -> Result<(), RegistryError> {
        let leaves = self.leaves(segment)?;
        self.keep_evidence(&leaves, now)?;
        let written = writer.size().checked_sub(size(segment.first));
        let gap = || {
            RegistryError::damaged("the order of the log", format!("segment {} is not next", segment.number))
        };
        let written = written.ok_or_else(gap)?;
        for leaf in leaves.into_iter().skip(usize::try_from(written).unwrap_or(usize::MAX)) {
            writer.append_any(&leaf.bytes)?;
        }
        Ok(())
    }

    /// The segment of a log that an index is in; `None` beyond its end.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn segment(&self, log: &str, index: i64) -> Result<Option<Segment>, RegistryError> {
        Ok(self.store.read(|tx| logs::segments(tx, &self.id, log, (index, 1)))?.pop())
    }

    /// What decisions rest on, as far as it is there, for an export: the delegations, DID documents and status lists that
    /// receipts name by their digests, as they were; the documents of the organization and its teams with all keys that
    /// they ever had; policies as they were bound; status lists and models as they are now.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn evidence(&self, named: &Named) -> Result<Vec<serde_json::Value>, RegistryError> {
        let mut all = Vec::new();
        self.store.read(|tx| -> Result<(), RegistryError> {
            let mut after = String::new();
            loop {
                let links = link::all_after(tx, &self.id, &after, PAGE)?;
                let Some(last) = links.last() else { break };
                after.clone_from(&last.id);
                for link in &links {
                    let digest = base64url::encode(&Sha256::digest(&link.secured));
                    if named.links.contains(&digest) {
                        all.push(json!({"attached": "delegation", "sha256": digest, "text": link.secured}));
                    }
                }
            }
            for kind in [HolderKind::Organization, HolderKind::Team] {
                for one in holder::list(tx, &self.id, kind, "", PAGE)? {
                    self.documents(tx, &one, named, &mut all)?;
                }
            }
            // What was bound in the very second may have been bound in it, or before.
            for (digest, at) in &named.policies {
                for at in [*at, at.saturating_sub(1)] {
                    let (found, told) = self.policies_told(tx, at)?;
                    if found == *digest {
                        all.push(told);
                        break;
                    }
                }
            }
            self.lists_then(tx, named, &mut all)
        })?;
        for model in self.models()? {
            let price = serde_json::to_value(&model.price).unwrap_or_default();
            let targets = model.target_prices();
            let mut told =
                json!({"attached": "model", "group": model.group, "name": model.name, "price": price});
            if let (Some(told), false) = (told.as_object_mut(), targets.is_empty()) {
                told.insert("targetPrices".to_owned(), json!(targets));
            }
            all.push(told);
        }
        Ok(all)
    }

    /// A holder's document with all its keys, and as it was wherever receipts name that.
    fn documents(
        &self,
        tx: &mut Tx<'_>,
        holder: &holder::Holder,
        named: &Named,
        all: &mut Vec<serde_json::Value>,
    ) -> Result<(), RegistryError> {
        let document = self.document_ever(tx, holder)?.to_json();
        all.push(json!({"attached": "document", "id": holder.did, "document": document}));
        let mut told = BTreeSet::new();
        for moment in holder::key_moments(tx, &self.id, &holder.id)? {
            let text = self.document_then(tx, holder, moment)?.to_json().to_string();
            let digest = base64url::encode(&Sha256::digest(&text));
            if named.evidence.contains(&digest) && told.insert(digest.clone()) {
                all.push(
                    json!({"attached": "documentThen", "id": holder.did, "sha256": digest, "text": text}),
                );
            }
        }
        Ok(())
    }

    /// Status lists as they were wherever receipts name them, and as they are.
    fn lists_then(
        &self,
        tx: &mut Tx<'_>,
        named: &Named,
        all: &mut Vec<serde_json::Value>,
    ) -> Result<(), RegistryError> {
        let digests: Vec<[u8; 32]> =
            named.evidence.iter().filter_map(|one| base64url::decode_array(one).ok()).collect();
        let mut told = HashSet::new();
        for (url, text) in link::past_lists(tx, &self.id, &digests)? {
            let digest = base64url::encode(&Sha256::digest(&text));
            all.push(json!({"attached": "statusListThen", "id": url, "sha256": digest, "text": text}));
            told.insert(text);
        }
        let mut after = 0;
        loop {
            let lists = link::lists(tx, &self.id, after, PAGE)?;
            let Some(last) = lists.last() else { return Ok(()) };
            after = last.number;
            for list in lists.iter().filter(|list| !told.contains(&list.secured)) {
                all.push(json!({"attached": "statusList", "id": list.url, "text": list.secured}));
            }
        }
    }

    /// Keeps the status lists that receipts of a segment name, and forgets those that none does.
    fn keep_evidence(&self, leaves: &[Leaf], now: i64) -> Result<(), RegistryError> {
        let mut digests = BTreeSet::new();
        let mut seen: HashSet<&[u8]> = HashSet::new();
        for leaf in leaves {
            // Most receipts of a moment name the same, which is not read again.
            let Some(from) = memchr::memmem::find(&leaf.bytes, EVIDENCE) else { continue };
            let rest = leaf.bytes.get(from.saturating_add(EVIDENCE.len())..).unwrap_or_default();
            // A URL may hold `]`; a quote stands in no text unescaped, and each object ends with a text.
            let Some(end) = memchr::memmem::find(rest, b"\"}]") else { continue };
            let named = rest.get(..end.saturating_add(3)).filter(|named| seen.insert(named));
            let Some(named) = named else { continue };
            let all: Vec<serde_json::Value> =
                serde_json::from_slice(&[b"[", named].concat()).unwrap_or_default();
            let digest =
                |one: &serde_json::Value| base64url::decode_array::<32>(one.get("digest")?.as_str()?).ok();
            digests.extend(all.iter().filter_map(digest));
        }
        let digests: Vec<[u8; 32]> = digests.into_iter().collect();
        // Where the log is behind, later segments name those that were used since.
        let told = leaves.iter().filter_map(|leaf| entry::head(&leaf.bytes)).map(|head| head.at).max();
        let ended = told.unwrap_or(now).min(now).saturating_sub(FORGOTTEN);
        self.store.write(|tx| {
            link::keep_lists(tx, &self.id, &digests)?;
            link::forget_lists(tx, &self.id, (ended, PAGE))
        })?;
        Ok(())
    }

    /// The leaves of a segment, with what is left out of them.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn leaves(&self, segment: &Segment) -> Result<Vec<Leaf>, RegistryError> {
        let entries = self.store.read(|tx| logs::entries(tx, &self.id, segment))?;
        entries.into_iter().map(|entry| leaf(entry, segment.salt.as_ref())).collect()
    }

    fn publish(&self, writer: &mut Writer, log: &Log) -> Result<(), RegistryError> {
        writer.publish(|checkpoint| self.sign_checkpoint(log, checkpoint))?;
        let size = i64::try_from(writer.published()).unwrap_or(i64::MAX);
        let published = (size, writer.root());
        self.store.write(|tx| logs::set_published(tx, &self.id, &log.name, published))?;
        Ok(())
    }

    /// Erases what is hidden of receipts, for good, at `now` (Unix seconds): of those with these numbers what they were about, what
    /// was expected and found. Their digests stay in the log, in which no proof breaks, and so does an event that says why.
    /// Gives how many were erased; those that were erased before, or are not in the log or not signed yet, are not.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn erase(&self, receipts: &BTreeSet<i64>, reason: &str, now: i64) -> Result<u64, RegistryError> {
        let mut erased = 0_u64;
        let mut left = receipts.clone();
        while let Some(first) = left.first().copied() {
            let Some(segment) = self.store.read(|tx| logs::of_receipt(tx, &self.id, first))? else { break };
            let (from, to) = segment.receipts;
            let here: BTreeSet<i64> = left.range(from.saturating_add(1)..=to).copied().collect();
            erased = erased.saturating_add(self.erase_in(&segment, &here)?);
            left.retain(|seq| *seq > to);
        }
        if erased > 0 {
            let told = json!({"receipts": erased, "reason": reason});
            self.change(|tx| self.note(tx, ("receipts.erased", "receipts"), &told, now))?;
        }
        Ok(erased)
    }

    fn erase_in(&self, segment: &Segment, meant: &BTreeSet<i64>) -> Result<u64, RegistryError> {
        let (mut erased, mut kept) = (Vec::new(), Vec::new());
        for entry in self.store.read(|tx| logs::entries(tx, &self.id, segment))? {
            let Entry::Receipt(receipt, by) = entry else { continue };
            let Some(salt) = salt_of(receipt.seq, &by, segment.salt.as_ref()) else { continue };
            if !meant.contains(&receipt.seq) || !receipt.signed {
                kept.push((receipt.seq, salt));
                continue;
            }
            let damaged = |error: String| RegistryError::damaged(&format!("receipt {}", receipt.seq), error);
            let made = entry::receipt(&head_of(&receipt), &receipt.body, &salt)
                .map_err(|error| damaged(error.to_string()))?;
            let (_, said) = entry::read(0, &made.bytes).map_err(|error| damaged(error.to_string()))?;
            erased.push(Erased {
                seq: receipt.seq,
                hash: batch::leaf_hash(&receipt.body),
                body: jcs::canonicalize(&said).into_bytes(),
                leaf: made.bytes,
            });
        }
        if erased.is_empty() {
            return Ok(0);
        }
        self.store.write(|tx| logs::erase(tx, &self.id, segment, (&erased, &kept)))?;
        Ok(u64::try_from(erased.len()).unwrap_or(u64::MAX))
    }

    /// The numbers of an agent's receipts up to a moment (Unix seconds), by its DID.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn receipts_of(&self, agent: &str, until: i64) -> Result<BTreeSet<i64>, RegistryError> {
        let (mut found, mut after) = (BTreeSet::new(), 0);
        loop {
            let page = self.receipts_after(after, PAGE)?;
            let Some(last) = page.last() else { return Ok(found) };
            after = last.seq;
            found.extend(page.iter().filter(|one| one.agent == agent && one.at <= until).map(|one| one.seq));
        }
    }

    /// Signs a checkpoint of a log, by the key that the signer has of it.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn sign_checkpoint(&self, log: &Log, checkpoint: &Checkpoint) -> Result<String, RegistryError> {
        let sealed = SealedKey { organization: &self.id, key_id: &log.key_id, sealed: &log.sealed };
        Ok(self.signer().checkpoint(sealed, checkpoint)?)
    }

    /// Where a receipt is in a log: the log's name, the index, and the leaf with what is left out of it. `None` where it was not
    /// carried over yet.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn place_of_receipt(&self, seq: i64) -> Result<Option<(String, u64, Leaf)>, RegistryError> {
        let segment = self.store.read(|tx| logs::of_receipt(tx, &self.id, seq))?;
        self.place_in(segment, |head| {
            matches!(head.kind, Kind::Receipt | Kind::Settlement) && head.seq == seq
        })
    }

    /// Where an event is in a log, the same.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn place_of_event(&self, seq: i64) -> Result<Option<(String, u64, Leaf)>, RegistryError> {
        let segment = self.store.read(|tx| logs::of_event(tx, &self.id, seq))?;
        self.place_in(segment, |head| head.kind == Kind::Event && head.seq == seq)
    }

    fn place_in(
        &self,
        segment: Option<Segment>,
        is_it: impl Fn(&Head) -> bool,
    ) -> Result<Option<(String, u64, Leaf)>, RegistryError> {
        let Some(segment) = segment else { return Ok(None) };
        let found = (size(segment.first)..)
            .zip(self.leaves(&segment)?)
            .find(|(_, leaf)| entry::head(&leaf.bytes).is_some_and(|head| is_it(&head)));
        Ok(found.map(|(index, leaf)| (segment.log, index, leaf)))
    }
}

/// The folder of a log, in the folder of logs.
#[must_use]
pub fn folder_of(logs: &Path, log: &Log) -> PathBuf {
    logs.join(&log.name)
}

/// The key of a log's checkpoints.
///
/// # Errors
/// [`RegistryError::Damaged`].
pub fn key_of(log: &Log) -> Result<NoteKey, RegistryError> {
    let wrong = |reason: String| RegistryError::damaged(&format!("the log `{}`", log.name), reason);
    let limits = JsonLimits { bytes: 4096, depth: 4 };
    let jwk = json::parse(log.public_jwk.as_bytes(), limits).map_err(|error| wrong(error.to_string()))?;
    let jwk = jwk.as_object().ok_or_else(|| wrong("its key is no object".to_owned()))?;
    let key = PublicKey::from_jwk(jwk).map_err(|error| wrong(error.to_string()))?;
    NoteKey::new(&log.origin, note::Kind::Text, &key).map_err(|error| wrong(error.to_string()))
}

fn size(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn leaf(entry: Entry, salt: Option<&[u8; 32]>) -> Result<Leaf, RegistryError> {
    let plain = |bytes| Leaf { bytes, disclosures: Vec::new() };
    match entry {
        Entry::Event(event) => {
            let told = entry::Event {
                kind: &event.kind,
                subject: &event.subject,
                actor: &event.actor,
                data: &event.data,
                previous: event.previous,
            };
            Ok(plain(entry::event(event.seq, event.at, &told)))
        }
        Entry::Count(count) => Ok(plain(entry::count(count.number, count.of, count.times, count.last))),
        Entry::Receipt(_, Hidden::Erased(leaf)) => Ok(plain(leaf)),
        Entry::Receipt(receipt, by) => {
            let what = || format!("receipt {}", receipt.seq);
            let own = salt_of(receipt.seq, &by, salt);
            let own = own.ok_or_else(|| RegistryError::damaged(&what(), "its salt is gone"))?;
            let head = head_of(&receipt);
            entry::receipt(&head, &receipt.body, &own).map_err(|error| RegistryError::damaged(&what(), error))
        }
    }
}

fn head_of(receipt: &Receipt) -> Head {
    let kind = if receipt.kind == "settle" { Kind::Settlement } else { Kind::Receipt };
    Head { at: receipt.at, kind, of: receipt.of, seq: receipt.seq }
}

/// What the salts of a receipt are made of; `None` once it is gone.
fn salt_of(seq: i64, by: &Hidden, segment: Option<&[u8; 32]>) -> Option<[u8; 32]> {
    match by {
        Hidden::Segment => segment.map(|segment| own_salt(segment, seq)),
        Hidden::Own(salt) => Some(*salt),
        Hidden::Erased(_) => None,
    }
}

/// What the salts of one receipt are made of, by what those of its segment are.
fn own_salt(segment: &[u8; 32], seq: i64) -> [u8; 32] {
    legation_log::hidden::derive(segment, &format!("receipt {seq}"))
}
