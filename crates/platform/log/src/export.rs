//! Exports: entries that follow one another, with all that it takes to verify them on a machine without network.
//!
//! Lines of JSON. The first says which log, under which checkpoint, and has the hashes of what is before and after. Then
//! an entry a line, with what is shown of it; then what is attached, such as delegations; the last line says how many
//! of each there are. A line that is missing, added, moved or changed does not fit the checkpoint's root.

use crate::{
    hidden::Disclosure,
    tree::{Compact, Hash},
};
use data_encoding::BASE64;
use serde_json::{Value, json};
use std::io::{self, BufRead, Read, Write};

/// The `type` of the first line.
pub const TYPE: &str = "LegationLogExport";
const LEAF: &[u8] = b"{\"leaf\":";
const WHOLE: &[u8] = b"{\"whole\":";
const AND_LEAF: &[u8] = b",\"leaf\":";
/// Most bytes of a line.
pub const MAX_LINE: u64 = 64 << 20;

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the organization says of the log.
    pub about: String,
    /// The organization's DID document, by its own word.
    pub document: String,
    /// The checkpoint, as a note.
    pub note: String,
    /// The latest checkpoint that witnesses signed, where it is another one.
    pub witnessed: Option<String>,
    /// The index of the first entry.
    pub first: u64,
    /// How many entries there are.
    pub entries: u64,
    /// The subtrees of what is before, from the left.
    pub left: Vec<Hash>,
    /// The subtrees of what is after, from the left.
    pub right: Vec<Hash>,
}

/// An entry of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// As it stands in the log.
    pub leaf: Vec<u8>,
    /// Where that is a digest, the entry.
    pub whole: Option<Vec<u8>>,
    /// What is shown of it.
    pub shown: Vec<Disclosure>,
}

impl Exported {
    /// The entry, wherever it stands.
    #[must_use]
    pub fn entry(&self) -> &[u8] {
        self.whole.as_deref().unwrap_or(&self.leaf)
    }
}

/// A line below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// An entry.
    Entry(Exported),
    /// Something else, such as a delegation: an object whose `attached` says what it is.
    Attached(Value),
    /// The end: how many entries and attachments there are.
    End(u64, u64),
}

/// Why an export can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// It is none.
    #[error("it is no export of a log: {reason}")]
    Format {
        /// What is wrong.
        reason: &'static str,
    },
    /// A line is none of an export.
    #[error("line {line} is none of an export: it was cut, changed or added")]
    Line {
        /// Its number, from 1 on.
        line: u64,
    },
    /// It ends too early.
    #[error("it ends after line {line}, without its last line: it was cut")]
    Cut {
        /// The number of its last line.
        line: u64,
    },
    /// Something follows its end.
    #[error("something follows its last line: it was padded")]
    Padded,
    /// The system does not read it.
    #[error("it can't be read: {reason}")]
    Disk {
        /// What the system says.
        reason: String,
    },
}

impl ExportError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Format { .. } | Self::Line { .. } => "export_malformed",
            Self::Cut { .. } => "export_cut",
            Self::Padded => "export_padded",
            Self::Disk { .. } => "log_unavailable",
        }
    }
}

fn hashes(all: &[Hash]) -> Vec<String> {
    all.iter().map(|hash| BASE64.encode(hash)).collect()
}

impl Header {
    /// Writes it.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let line = json!({
            "type": TYPE, "version": 1, "about": self.about, "document": self.document, "checkpoint": self.note,
            "witnessed": self.witnessed, "first": self.first, "entries": self.entries,
            "left": hashes(&self.left), "right": hashes(&self.right),
        });
        writeln!(out, "{line}")
    }

    fn read(line: &[u8]) -> Result<Self, ExportError> {
        let wrong = |reason| ExportError::Format { reason };
        let json: Value = serde_json::from_slice(line).map_err(|_| wrong("its first line is no JSON"))?;
        if json.get("type").and_then(Value::as_str) != Some(TYPE) || json.get("version") != Some(&json!(1)) {
            return Err(wrong("its first line does not say so, or is of another version"));
        }
        let text = |name: &str| json.get(name).and_then(Value::as_str).map(str::to_owned);
        let number = |name: &str| {
            json.get(name).and_then(Value::as_u64).filter(|number| i64::try_from(*number).is_ok())
        };
        let hash = |one: &Value| BASE64.decode(one.as_str()?.as_bytes()).ok()?.try_into().ok();
        let all = |name: &str| -> Option<Vec<Hash>> {
            json.get(name)?.as_array().filter(|all| all.len() <= 128)?.iter().map(hash).collect()
        };
        Ok(Self {
            about: text("about").unwrap_or_default(),
            document: text("document").unwrap_or_default(),
            note: text("checkpoint").ok_or_else(|| wrong("it has no checkpoint"))?,
            witnessed: text("witnessed"),
            first: number("first").ok_or_else(|| wrong("it does not say where it begins"))?,
            entries: number("entries").ok_or_else(|| wrong("it does not say how many entries it has"))?,
            left: all("left").ok_or_else(|| wrong("it has no hashes of what is before"))?,
            right: all("right").ok_or_else(|| wrong("it has no hashes of what is after"))?,
        })
    }

    /// The tree of what is before. `None` where the hashes are not as many as that takes.
    #[must_use]
    pub fn before(&self) -> Option<Compact> {
        Compact::of(self.first, &self.left)
    }
}

/// Writes an entry with what is shown of it; `whole` is the entry itself where the log has its digest.
///
/// # Errors
/// Those of writing.
pub fn write_entry(
    out: &mut impl Write,
    leaf: &[u8],
    whole: Option<&[u8]>,
    shown: &[Disclosure],
) -> io::Result<()> {
    match whole {
        None => out.write_all(LEAF)?,
        Some(whole) => {
            out.write_all(WHOLE)?;
            out.write_all(whole)?;
            out.write_all(AND_LEAF)?;
        }
    }
    out.write_all(leaf)?;
    out.write_all(b",\"shown\":[")?;
    for (number, one) in shown.iter().enumerate() {
        let comma = if number == 0 { "" } else { "," };
        write!(out, "{comma}\"{}\"", one.text())?;
    }
    out.write_all(b"]}\n")
}

/// Writes something that is attached: an object with a member `attached`.
///
/// # Errors
/// Those of writing.
pub fn write_attached(out: &mut impl Write, attached: &Value) -> io::Result<()> {
    writeln!(out, "{attached}")
}

/// Writes the last line.
///
/// # Errors
/// Those of writing.
pub fn write_end(out: &mut impl Write, entries: u64, attached: u64) -> io::Result<()> {
    writeln!(out, "{}", json!({"end": true, "entries": entries, "attached": attached}))
}

/// Reads an export line by line.
#[derive(Debug)]
pub struct Export<R> {
    from: R,
    line: u64,
    has_ended: bool,
    header: Header,
}

impl<R: BufRead> Export<R> {
    /// Reads the first line.
    ///
    /// # Errors
    /// [`ExportError`].
    pub fn open(mut from: R) -> Result<Self, ExportError> {
        let line = read_line(&mut from)?.ok_or(ExportError::Format { reason: "it is empty" })?;
        let header = Header::read(&line)?;
        Ok(Self { from, line: 1, has_ended: false, header })
    }

    /// The first line.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The next line; `None` after the end.
    ///
    /// # Errors
    /// [`ExportError`].
    pub fn next_line(&mut self) -> Result<Option<Line>, ExportError> {
        let Some(line) = read_line(&mut self.from)? else {
            return if self.has_ended { Ok(None) } else { Err(ExportError::Cut { line: self.line }) };
        };
        if self.has_ended {
            return Err(ExportError::Padded);
        }
        self.line = self.line.saturating_add(1);
        let wrong = ExportError::Line { line: self.line };
        if let Some(rest) = line.strip_prefix(LEAF) {
            return read_entry(rest, None).map(Some).ok_or(wrong);
        }
        if let Some(rest) = line.strip_prefix(WHOLE) {
            // What stands in its place has no such member, so that the last one is where that begins.
            let at = memchr::memmem::rfind(rest, AND_LEAF).ok_or_else(|| wrong.clone())?;
            let (whole, rest) = rest.split_at_checked(at).ok_or_else(|| wrong.clone())?;
            let rest = rest.strip_prefix(AND_LEAF).unwrap_or_default();
            return read_entry(rest, Some(whole.to_vec())).map(Some).ok_or(wrong);
        }
        let json: Value = serde_json::from_slice(&line).map_err(|_| wrong.clone())?;
        if json.get("end") == Some(&Value::Bool(true)) {
            let number = |name: &str| json.get(name).and_then(Value::as_u64);
            self.has_ended = true;
            let counts = number("entries").zip(number("attached"));
            return counts.map(|(entries, attached)| Some(Line::End(entries, attached))).ok_or(wrong);
        }
        if json.get("attached").is_some_and(Value::is_string) {
            Ok(Some(Line::Attached(json)))
        } else {
            Err(wrong)
        }
    }
}

/// An entry ends where what is shown begins: base64url has no quotes, so that the last such place is the one.
fn read_entry(rest: &[u8], whole: Option<Vec<u8>>) -> Option<Line> {
    const SHOWN: &[u8] = b",\"shown\":[";
    let inner = rest.strip_suffix(b"]}")?;
    let at = memchr::memmem::rfind(inner, SHOWN)?;
    let (leaf, shown) = inner.split_at_checked(at)?;
    let shown = core::str::from_utf8(shown.strip_prefix(SHOWN)?).ok()?;
    let quoted = |one: &str| Some(Disclosure::of(one.strip_prefix('"')?.strip_suffix('"')?.to_owned()));
    let shown = if shown.is_empty() { Some(Vec::new()) } else { shown.split(',').map(quoted).collect() };
    Some(Line::Entry(Exported { leaf: leaf.to_vec(), whole, shown: shown? }))
}

fn read_line(from: &mut impl BufRead) -> Result<Option<Vec<u8>>, ExportError> {
    let mut line = Vec::new();
    let read = from.by_ref().take(MAX_LINE).read_until(b'\n', &mut line);
    read.map_err(|error| ExportError::Disk { reason: error.to_string() })?;
    match line.pop() {
        None => Ok(None),
        Some(b'\n') => Ok(Some(line)),
        // A line without an end was cut.
        Some(_) => Err(ExportError::Format {
            reason: "a line of it has no end: it was cut, or the line is too long",
        }),
    }
}
