//! The log in its folder, with the numbers of its entries.

use crate::{
    gathered::Count,
    recorder::Of,
    values::{self, Values},
};
use legation_agent::Decided;
use legation_keys::secret;
use legation_log::{
    Checkpoint, NoteKey, Reader, WriteError, Writer, about,
    entry::{self, Head, Kind},
    tile::WIDTH,
};

/// A file beside the tiles: up to which size the numbers are known without reading entries, and those numbers. It may be
/// lost.
const NUMBERS: &str = "numbers";
/// After how many entries it is written.
const OFTEN: u64 = 4096;

/// A log that is written to.
#[derive(Debug)]
pub(crate) struct Kept {
    writer: Writer,
    receipts: i64,
    counts: i64,
    values: Values,
    noted: u64,
}

fn damaged(what: impl ToString) -> WriteError {
    WriteError::Damaged { what: what.to_string() }
}

impl Kept {
    /// Opens it, and finds out which numbers come next.
    pub(crate) fn open(folder: &std::path::Path, key: &NoteKey, of: &Of) -> Result<Self, WriteError> {
        let mut writer = Writer::open(folder, key.clone())?;
        if !of.about.is_empty() && !folder.join(about::FILE).exists() {
            writer.put(about::FILE, of.about.as_bytes())?;
        }
        let size = writer.size();
        let (noted, mut receipts, mut counts) =
            numbers(folder).filter(|(noted, ..)| *noted <= size).unwrap_or_default();
        for leaf in Reader::new(folder, size).entries(noted) {
            let leaf = leaf.map_err(damaged)?;
            let head = entry::head(&leaf).ok_or_else(|| damaged("an entry of it is none"))?;
            match head.kind {
                Kind::Receipt | Kind::Settlement => receipts = head.seq,
                Kind::Count => counts = head.seq,
                Kind::Event => {}
            }
        }
        let values = Values::open(folder, size).map_err(damaged)?;
        Ok(Self { writer, receipts, counts, values, noted })
    }

    /// Adds a decision, and gives its number.
    pub(crate) fn add(&mut self, decided: &Decided) -> Result<i64, WriteError> {
        let seq = self.receipts.saturating_add(1);
        let salt = secret::random().map_err(damaged)?;
        let head = Head { at: decided.at, kind: Kind::Receipt, of: None, seq };
        let leaf = entry::receipt(&head, &decided.receipt, &salt).map_err(damaged)?;
        let index = self.writer.size();
        self.values.add(index, &leaf.disclosures);
        self.append(&leaf.bytes)?;
        self.receipts = seq;
        Ok(seq)
    }

    /// Adds how often a denial happened.
    pub(crate) fn count(&mut self, count: Count) -> Result<(), WriteError> {
        let seq = self.counts.saturating_add(1);
        self.append(&entry::count(seq, count.of, count.times, count.last))?;
        self.counts = seq;
        Ok(())
    }

    fn append(&mut self, leaf: &[u8]) -> Result<(), WriteError> {
        self.writer.append_any(leaf)?;
        // What was left out of a bundle's entries is a file, too.
        if self.writer.size().is_multiple_of(WIDTH as u64) {
            self.values.write(&mut self.writer)?;
        }
        Ok(())
    }

    /// Publishes what was added: it is on the disk once this returns.
    pub(crate) fn publish(&mut self, key: &NoteKey, of: &Of) -> Result<(), WriteError> {
        self.values.write(&mut self.writer)?;
        let sign = |next: &Checkpoint| {
            let text = next.text();
            key.sign(&text, 0, &*of.signer).map(|line| format!("{text}\n{line}"))
        };
        self.writer.publish(sign)?;
        if self.writer.size().saturating_sub(self.noted) >= OFTEN {
            self.note()?;
        }
        Ok(())
    }

    /// Notes the numbers, so that who opens the log next need not read it.
    pub(crate) fn note(&mut self) -> Result<(), WriteError> {
        let (size, receipts, counts) = (self.writer.published(), self.receipts, self.counts);
        self.writer.put(NUMBERS, format!("{size} {receipts} {counts}\n").as_bytes())?;
        self.noted = size;
        Ok(())
    }
}

fn numbers(folder: &std::path::Path) -> Option<(u64, i64, i64)> {
    let text = std::fs::read_to_string(folder.join(NUMBERS)).ok()?;
    let mut parts = text.split_whitespace();
    let all = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    parts.next().is_none().then_some(all)
}

/// Where what was left out of a bundle's entries is.
pub(crate) fn file_of(index: u64) -> String {
    format!("{}/{:09}", values::FOLDER, index / WIDTH as u64)
}
