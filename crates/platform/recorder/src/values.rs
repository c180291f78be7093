//! What was left out of entries: the resource, the facts, what was found. It stands beside the log, a file for each bundle of
//! 256 entries and a line for each entry; whoever removes a line, or a file, has erased it for good, and no proof breaks. It is
//! plain text in a folder that only its owner reads.

use crate::kept::file_of;
use legation_log::{WriteError, Writer, hidden::Disclosure};
use serde_json::{Value, json};
use std::{collections::HashSet, fs::DirBuilder, io, os::unix::fs::DirBuilderExt, path::Path};

/// The folder of it, within that of the log.
pub const FOLDER: &str = "shown";

/// What was left out of an entry, by its index; nothing where it was erased.
///
/// # Errors
/// Those of reading.
pub fn shown(folder: &Path, index: u64) -> io::Result<Vec<Disclosure>> {
    let lines = lines(folder, index)?;
    let found = lines.iter().find(|(at, _)| *at == index);
    let json: Value = found.and_then(|(_, line)| serde_json::from_str(line).ok()).unwrap_or_default();
    let all = json.get("shown").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    Ok(all.iter().filter_map(|one| Some(Disclosure::of(one.as_str()?.to_owned()))).collect())
}

/// The lines of the file that an entry's is in, with their indices.
fn lines(folder: &Path, index: u64) -> io::Result<Vec<(u64, String)>> {
    let text = text(folder, &file_of(index))?;
    let line = |line: &str| {
        let json: Value = serde_json::from_str(line).ok()?;
        Some((json.get("index")?.as_u64()?, line.to_owned()))
    };
    Ok(text.lines().filter_map(line).collect())
}

fn text(folder: &Path, file: &str) -> io::Result<String> {
    match std::fs::read_to_string(folder.join(file)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        text => text,
    }
}

/// What was left out of the entries of the last bundle.
#[derive(Debug, Default)]
pub(crate) struct Values {
    lines: Vec<(u64, String)>,
    is_changed: bool,
    /// Up to which entry they are in the file; of those, whatever is there no more was erased.
    written: u64,
}

impl Values {
    /// Those of a log of so many entries; of what was never published nothing is kept.
    pub(crate) fn open(folder: &Path, size: u64) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder.join(FOLDER))?;
        let mut lines = if size.is_multiple_of(256) { Vec::new() } else { lines(folder, size)? };
        lines.retain(|(index, _)| *index < size);
        Ok(Self { lines, is_changed: false, written: size })
    }

    pub(crate) fn add(&mut self, index: u64, shown: &[Disclosure]) {
        if shown.is_empty() {
            return;
        }
        let shown: Vec<&str> = shown.iter().map(Disclosure::text).collect();
        self.lines.push((index, json!({"index": index, "shown": shown}).to_string()));
        self.is_changed = true;
    }

    /// Writes the file of the bundle, and begins the next one where that is whole.
    pub(crate) fn write(&mut self, writer: &mut Writer) -> Result<(), WriteError> {
        let Some((first, _)) = self.lines.first() else { return Ok(()) };
        let path = file_of(*first);
        if core::mem::take(&mut self.is_changed) {
            let there = text(writer.folder(), &path)
                .map_err(|error| WriteError::Disk { reason: format!("`{path}`: {error}") })?;
            let there: HashSet<&str> = there.lines().collect();
            let written = self.written;
            self.lines.retain(|(index, line)| *index >= written || there.contains(line.as_str()));
            let text: String = self.lines.iter().map(|(_, line)| format!("{line}\n")).collect();
            writer.put(&path, text.as_bytes())?;
            self.written = writer.size();
        }
        if file_of(writer.size()) != path {
            self.lines.clear();
        }
        Ok(())
    }
}
