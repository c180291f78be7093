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
    tile::MAX_ENTRY,
    tree::Hash,
};
use legation_signer::SealedKey;
use legation_store::{
    StoreError, holder,
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
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// Most events and receipts that get their place at a time.
const TOGETHER: i64 = 4096;
/// The folder of logs within an organization's data.
pub const FOLDER: &str = "log";
/// The organization's DID document, within the folder of a log.
pub const DOCUMENT: &str = "did.json";
/// Delegations that are read at a time.
const PAGE: i64 = 1000;
/// The folder, within that of a log, of entries that are too long for a bundle.
pub const APART: &str = "apart";

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
            None => self.begin_log(folder, now)?,
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

    fn begin_log(&self, folder: &Path, now: i64) -> Result<Log, RegistryError> {
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
            let log = Log {
                name,
                origin,
                key_id,
                public_jwk,
                sealed: made.sealed,
                about,
                era: organization::get(tx, &self.id)?.era,
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
            self.begin_log(writer.folder().parent().unwrap_or(writer.folder()), now)?;
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
            self.write_segment(writer, &segment)?;
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

    fn write_segment(&self, writer: &mut Writer, segment: &Segment) -> Result<(), RegistryError> {
        let leaves = self.leaves(segment)?;
        let written = writer.size().checked_sub(size(segment.first));
        let gap = || {
            RegistryError::damaged("the order of the log", format!("segment {} is not next", segment.number))
        };
        let written = written.ok_or_else(gap)?;
        for leaf in leaves.into_iter().skip(usize::try_from(written).unwrap_or(usize::MAX)) {
            if leaf.bytes.len() <= MAX_ENTRY {
                writer.append(&leaf.bytes)?;
                continue;
            }
            let head = entry::head(&leaf.bytes);
            let head = head.ok_or_else(|| RegistryError::damaged("an entry of the log", "it is too long"))?;
            writer.put_apart(APART, &leaf.bytes)?;
            writer.append(&entry::apart(&head, &leaf.bytes))?;
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

    /// What decisions rest on, as far as it is there, for an export: the delegations that receipts name by their digests, the
    /// documents of the organization and its teams, its status lists and models as they are now.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn evidence(&self, chains: &BTreeSet<String>) -> Result<Vec<serde_json::Value>, RegistryError> {
        let mut all = Vec::new();
        self.store.read(|tx| -> Result<(), RegistryError> {
            let mut after = String::new();
            loop {
                let links = link::all_after(tx, &self.id, &after, PAGE)?;
                let Some(last) = links.last() else { break };
                after.clone_from(&last.id);
                for link in &links {
                    let digest = base64url::encode(&Sha256::digest(&link.secured));
                    if chains.contains(&digest) {
                        all.push(json!({"attached": "delegation", "sha256": digest, "text": link.secured}));
                    }
                }
            }
            for kind in [HolderKind::Organization, HolderKind::Team] {
                for one in holder::list(tx, &self.id, kind, "", PAGE)? {
                    let document = self.document_ever(tx, &one)?.to_json();
                    all.push(json!({"attached": "document", "id": one.did, "document": document}));
                }
            }
            let mut after = 0;
            loop {
                let lists = link::lists(tx, &self.id, after, PAGE)?;
                let Some(last) = lists.last() else { break };
                after = last.number;
                for list in &lists {
                    all.push(json!({"attached": "statusList", "id": list.url, "text": list.secured}));
                }
            }
            Ok(())
        })?;
        for model in self.models()? {
            let price = serde_json::to_value(&model.price).unwrap_or_default();
            all.push(json!({"attached": "model", "group": model.group, "name": model.name, "price": price}));
        }
        Ok(all)
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
