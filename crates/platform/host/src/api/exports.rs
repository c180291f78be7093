//! Exports of the organization's log: the lines that `legation log export` writes, in parts.

use super::{
    asked::{Asked, MOST},
    endpoint::{Endpoint, Member},
    error::ApiError,
};
use legation_log::{
    Checkpoint, ReadError, Reader, about, entry,
    export::{Header, write_attached, write_end, write_entry},
    note::Note,
    proof::{Nodes, subtrees},
    reader,
    replay::attached::Named,
    tree::Hash,
    verify::WITNESSED,
};
use legation_registry::log::DOCUMENT;
use serde_json::{Value, json};
use std::{
    io,
    path::{Path, PathBuf},
};

/// Most bytes of a part: 8 MiB, as lines.
const MOST_BYTES: usize = 8 << 20;

const FIRST: Member =
    Member { name: "first", kind: "integer", about: "The index of the first entry; by default 0." };
const ENTRIES: Member =
    Member { name: "limit", kind: "integer", about: "Most entries of the part: 1 to 1000, by default 1000." };
const LOG: Member = Member {
    name: "log",
    kind: "string",
    about: "Which log, by its name, such as `2026`; by default the latest.",
};

pub(super) const ENDPOINTS: &[Endpoint] = &[Endpoint::get(
    ("/v1/log-export", "admin:log.export"),
    "A part of the log with all that it takes to verify it offline (`legation log verify`), without the values that entries leave out.",
    &[LOG, FIRST, ENTRIES],
    "LogExport",
    export,
)];

fn unread(error: &ReadError) -> ApiError {
    ApiError::new(503, error.code(), error.to_string())
}

fn unwritten(error: io::Error) -> ApiError {
    ApiError::new(503, "log_unavailable", error.to_string())
}

/// The folder of a log of this organization: one of those that are there, so that a name leads nowhere else.
fn folder(logs: &Path, wanted: Option<&str>) -> Option<(String, PathBuf)> {
    let found = std::fs::read_dir(logs).ok()?.filter_map(|one| {
        let path = one.ok()?.path();
        Some((path.file_name()?.to_str()?.to_owned(), path)).filter(|(_, path)| path.is_dir())
    });
    found.filter(|(name, _)| wanted.is_none_or(|wanted| wanted == name)).max()
}

fn export(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let none = || ApiError::new(404, "not_found", "there is no such log here; `legation up` writes one");
    let (name, path) = asked.logs.and_then(|logs| folder(logs, asked.query("log"))).ok_or_else(none)?;
    let first = asked.number("first", 0, i64::MAX)?.unwrap_or(0).unsigned_abs();
    let most = asked.number("limit", 1, MOST)?.unwrap_or(MOST).unsigned_abs();
    let text = |name: &str| reader::text(&path, name).map_err(|error| unread(&error));
    let note = reader::checkpoint(&path).map_err(|error| unread(&error))?;
    let read = Note::parse(&note).ok().and_then(|note| Checkpoint::read(note.text()).ok());
    let size = read.map(|read| read.size).ok_or_else(|| {
        ApiError::new(503, "log_unavailable", "the checkpoint of the log can't be read; try again")
    })?;
    if first >= size {
        let message = format!("the log has {size} entries; name a smaller `first`");
        return Err(ApiError::new(404, "not_found", message));
    }
    let mut log = Reader::new(&path, size);
    let (lines, named, entries) = lines(&log, (first, first.saturating_add(most).min(size)))?;
    let end = first.saturating_add(entries);
    let header = Header {
        about: text(about::FILE)?.unwrap_or_default(),
        document: text(DOCUMENT)?.unwrap_or_default(),
        witnessed: text(WITNESSED)?,
        note,
        first,
        entries,
        left: nodes(&mut log, (0, first))?,
        right: nodes(&mut log, (end, size))?,
    };
    let mut out = Vec::with_capacity(lines.len());
    header.write(&mut out).map_err(unwritten)?;
    out.extend(lines);
    let all = asked.registry.evidence(&named)?;
    for one in &all {
        write_attached(&mut out, one).map_err(unwritten)?;
        if out.len() > MOST_BYTES {
            return Err(too_much());
        }
    }
    write_end(&mut out, entries, u64::try_from(all.len()).unwrap_or(u64::MAX)).map_err(unwritten)?;
    let export = String::from_utf8(out).map_err(|_| {
        ApiError::new(503, "entry_malformed", "an entry is no text; `legation log export` writes it")
    })?;
    let next = (end < size).then_some(end);
    Ok(json!({
        "log": name, "first": first, "entries": entries, "size": size, "attached": all.len(), "next": next, "export": export,
    }))
}

fn too_much() -> ApiError {
    let message = format!(
        "the part has more than {MOST_BYTES} bytes; name a smaller `limit`, or use `legation log export`"
    );
    ApiError::new(413, "export_too_large", message)
}

/// The lines of entries, what they name, and how many they are.
fn lines(log: &Reader, (first, end): (u64, u64)) -> Result<(Vec<u8>, Named, u64), ApiError> {
    let (mut out, mut named, mut entries) = (Vec::new(), Named::default(), 0_u64);
    for (index, leaf) in (first..end).zip(log.entries(first)) {
        let leaf = leaf.map_err(|error| unread(&error))?;
        let whole = log.whole(&leaf).map_err(|error| unread(&error))?;
        write_entry(&mut out, &leaf, whole.as_deref(), &[]).map_err(unwritten)?;
        if out.len() > MOST_BYTES {
            return Err(too_much());
        }
        if let Ok((_, entry)) = entry::read(index, whole.as_deref().unwrap_or(&leaf)) {
            named.add(&entry);
        }
        entries = entries.saturating_add(1);
    }
    Ok((out, named, entries))
}

fn nodes(log: &mut Reader, (from, to): (u64, u64)) -> Result<Vec<Hash>, ApiError> {
    let node = |(level, index)| log.node(level, index).map_err(|error| unread(&error));
    subtrees(from, to).map(node).collect()
}
