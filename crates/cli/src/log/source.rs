//! Where entries come from: a log in a folder, or an export.

use super::{unread, unread_export};
use crate::{
    args::LogArgs,
    organization::data_dir::{DataDir, Signer, failed},
    output::Failure,
};
use legation_log::{
    Reader,
    checkpoint::Checkpoint,
    entry,
    export::{Export, Line},
    hidden::Disclosure,
    note::Note,
    reader,
};
use legation_registry::Registry;
use legation_store::logs::Segment;
use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
};

/// The folder of an organization's log: the one that is named, or the latest.
pub(super) fn folder(args: &LogArgs) -> Result<PathBuf, Failure> {
    let logs = DataDir::of(&args.data).logs()?;
    if let Some(name) = &args.log {
        return Ok(logs.join(name));
    }
    let missing = || {
        let text =
            format!("there is no log in `{}`; `legation up` writes one, or name a PATH", logs.display());
        Failure::file(text)
    };
    latest(&logs).ok_or_else(missing)
}

/// The folder of the latest log, by its name, which is its year.
pub(super) fn latest(logs: &Path) -> Option<PathBuf> {
    all(logs).pop()
}

/// The folders of all logs, the latest last.
pub(crate) fn all(logs: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(logs).into_iter().flatten();
    let mut all: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.is_dir())
        .collect();
    all.sort();
    all
}

/// An export.
pub(super) fn open(path: &Path) -> Result<Export<BufReader<File>>, Failure> {
    let failed =
        |error: std::io::Error| Failure::file(format!("`{}` can't be read: {error}", path.display()));
    let file = File::open(path).map_err(failed)?;
    Export::open(BufReader::with_capacity(1 << 20, file)).map_err(|error| unread_export(&error))
}

/// The organization whose log it is, with what was left out of its entries.
pub(super) struct Own {
    pub(super) registry: Registry,
    pub(super) log: String,
    kept: Option<(Segment, Vec<Vec<Disclosure>>)>,
    _signer: Signer,
}

impl Own {
    /// The organization of a data folder.
    pub(super) fn open(data: &DataDir, log: &Path) -> Result<Self, Failure> {
        data.location()?;
        let signer = data.signer()?;
        let registry = data.open(&signer)?;
        let log = log.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        Ok(Self { registry, log, kept: None, _signer: signer })
    }

    /// What was left out of an entry, by its index.
    pub(super) fn shown(&mut self, index: u64) -> Result<Vec<Disclosure>, Failure> {
        let index = i64::try_from(index).unwrap_or(i64::MAX);
        let holds = |segment: &Segment| (segment.first..segment.first + segment.entries).contains(&index);
        if !self.kept.as_ref().is_some_and(|(segment, _)| holds(segment)) {
            let found = self.registry.segment(&self.log, index).map_err(|error| failed(&error))?;
            self.kept = match found {
                Some(segment) => {
                    let leaves = self.registry.leaves(&segment).map_err(|error| failed(&error))?;
                    Some((segment, leaves.into_iter().map(|leaf| leaf.disclosures).collect()))
                }
                None => None,
            };
        }
        let place = |(segment, all): &(Segment, Vec<Vec<Disclosure>>)| {
            all.get(usize::try_from(index - segment.first).unwrap_or(usize::MAX)).cloned()
        };
        Ok(self.kept.as_ref().and_then(place).unwrap_or_default())
    }
}

/// What is done with an entry: its index, its bytes, and what was left out of it.
type Each<'e> =
    dyn FnMut(u64, &[u8], &mut dyn FnMut() -> Result<Vec<Disclosure>, Failure>) -> Result<(), Failure> + 'e;

/// Does something with each entry of an export, or of the organization's own log, in order. Of neither is anything verified
/// here; of an own log what was left out is read where it is asked for.
pub(super) fn each(file: Option<&Path>, of: &LogArgs, each: &mut Each<'_>) -> Result<(), Failure> {
    if let Some(path) = file {
        let mut export = open(path)?;
        let mut index = export.header().first;
        while let Some(line) = export.next_line().map_err(|error| unread_export(&error))? {
            if let Line::Entry(one) = line {
                if one.whole.as_ref().is_some_and(|whole| !entry::stands_for(&one.leaf, whole)) {
                    let text = format!("entry {index} is not the one that the log has the digest of");
                    return Err(Failure::invalid("value_mismatch", text));
                }
                each(index, one.entry(), &mut || Ok(one.shown.clone()))?;
                index = index.saturating_add(1);
            }
        }
        return Ok(());
    }
    let folder = folder(of)?;
    let note = reader::checkpoint(&folder).map_err(|error| unread(&error))?;
    let size = size_of(&note)?;
    let mut own = Own::open(&DataDir::of(&of.data), &folder)?;
    let reader = Reader::new(&folder, size);
    for (index, leaf) in (0..).zip(reader.entries(0)) {
        let leaf = leaf.map_err(|error| unread(&error))?;
        let whole = reader.whole(&leaf).map_err(|error| unread(&error))?;
        each(index, whole.as_deref().unwrap_or(&leaf), &mut || own.shown(index))?;
    }
    Ok(())
}

/// Does something with all that is attached to an export.
pub(super) fn attachments(path: &Path, each: &mut impl FnMut(&serde_json::Value)) -> Result<(), Failure> {
    let mut export = open(path)?;
    while let Some(line) = export.next_line().map_err(|error| unread_export(&error))? {
        if let Line::Attached(attached) = line {
            each(&attached);
        }
    }
    Ok(())
}

/// The size that a checkpoint says, unverified.
pub(super) fn size_of(note: &str) -> Result<u64, Failure> {
    let invalid = |code: &str, message: String| Failure::invalid(code, message);
    let text = Note::parse(note).map_err(|error| invalid(error.code(), error.to_string()))?;
    let read = Checkpoint::read(text.text()).map_err(|error| invalid(error.code(), error.to_string()))?;
    Ok(read.size)
}
