//! The frames of a backup, as they are written and read.

use super::{BackupError, FORMAT};
use crate::value::Value;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::io::{self, Read, Write};

/// Most bytes of a frame. What says more is none, so that nothing is allocated on the word of a damaged file.
const LONGEST: usize = 256 << 20;
/// Bytes of a SHA-256.
const DIGEST: usize = 32;

/// What a frame holds.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Frame {
    Head(Head),
    /// The rows that follow are of this table, with these columns.
    Table {
        name: String,
        columns: Vec<String>,
    },
    Rows(Vec<Vec<Value>>),
    /// The last one: how many rows there are.
    End {
        rows: u64,
    },
}

/// What a backup says of itself.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Head {
    /// When it was made, Unix seconds.
    pub(super) at: i64,
    /// The number of the last migration.
    pub(super) migration: i64,
    /// What was asked to be kept with it.
    pub(super) master: Option<String>,
}

fn failed(error: &io::Error) -> BackupError {
    BackupError::Write { reason: error.to_string() }
}

/// Writes frames, and hashes them.
pub(super) struct Writer<'a> {
    out: &'a mut dyn Write,
    digest: Sha256,
}

impl<'a> Writer<'a> {
    pub(super) fn begin(out: &'a mut dyn Write) -> Result<Self, BackupError> {
        let mut writer = Self { out, digest: Sha256::new() };
        writer.bytes(FORMAT.as_bytes())?;
        Ok(writer)
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), BackupError> {
        self.digest.update(bytes);
        self.out.write_all(bytes).map_err(|error| failed(&error))
    }

    pub(super) fn frame(&mut self, frame: &Frame) -> Result<(), BackupError> {
        let too_long = || BackupError::Write { reason: "a row is too long".to_owned() };
        let payload = postcard::to_allocvec(frame).map_err(|_| too_long())?;
        let length = u32::try_from(payload.len()).map_err(|_| too_long())?;
        if payload.len() > LONGEST {
            return Err(too_long());
        }
        self.bytes(&length.to_be_bytes())?;
        self.bytes(&payload)
    }

    /// Writes the digest. Gives it.
    pub(super) fn end(self) -> Result<[u8; DIGEST], BackupError> {
        let digest: [u8; DIGEST] = self.digest.finalize().into();
        self.out.write_all(&digest).and_then(|()| self.out.flush()).map_err(|error| failed(&error))?;
        Ok(digest)
    }
}

/// Reads frames, and hashes them.
pub(super) struct Reader<'a> {
    from: &'a mut dyn Read,
    digest: Sha256,
}

impl<'a> Reader<'a> {
    pub(super) fn begin(from: &'a mut dyn Read) -> Result<Self, BackupError> {
        let mut reader = Self { from, digest: Sha256::new() };
        let mut first = Vec::with_capacity(FORMAT.len());
        let limit = u64::try_from(FORMAT.len()).unwrap_or_default();
        let read = (&mut reader.from).take(limit).read_to_end(&mut first);
        read.map_err(|error| BackupError::Read { reason: error.to_string() })?;
        if first == FORMAT.as_bytes() {
            reader.digest.update(&first);
            return Ok(reader);
        }
        let name = FORMAT.trim_end_matches("1\n").as_bytes();
        match first.strip_prefix(name) {
            Some(rest) if rest.first().is_some_and(u8::is_ascii_digit) => {
                let digits = rest.iter().take_while(|byte| byte.is_ascii_digit());
                Err(BackupError::Format { found: digits.map(|byte| char::from(*byte)).collect() })
            }
            _ => Err(BackupError::NotABackup),
        }
    }

    fn exactly(&mut self, bytes: &mut [u8]) -> Result<(), BackupError> {
        self.from.read_exact(bytes).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => BackupError::damaged("it ends too early"),
            _ => BackupError::Read { reason: error.to_string() },
        })
    }

    pub(super) fn frame(&mut self) -> Result<Frame, BackupError> {
        let mut length = [0; 4];
        self.exactly(&mut length)?;
        self.digest.update(length);
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length > LONGEST {
            return Err(BackupError::damaged("a part of it is too long"));
        }
        // It grows as it is read: a length alone allocates nothing.
        let (mut payload, most) = (Vec::new(), u64::try_from(length).unwrap_or_default());
        let read = (&mut self.from).take(most).read_to_end(&mut payload);
        let read = read.map_err(|error| BackupError::Read { reason: error.to_string() })?;
        if read < length {
            return Err(BackupError::damaged("it ends too early"));
        }
        self.digest.update(&payload);
        let unreadable = |_| BackupError::damaged("a part of it can't be read");
        let (frame, rest) = postcard::take_from_bytes(&payload).map_err(unreadable)?;
        if rest.is_empty() { Ok(frame) } else { Err(BackupError::damaged("a part of it is too long")) }
    }

    /// Reads the digest, with which the file ends, and holds it against what was read. Gives it.
    pub(super) fn end(mut self) -> Result<[u8; DIGEST], BackupError> {
        let mut said = [0; DIGEST];
        self.exactly(&mut said)?;
        let mut more = [0; 1];
        let read =
            self.from.read(&mut more).map_err(|error| BackupError::Read { reason: error.to_string() })?;
        if read != 0 {
            return Err(BackupError::damaged("something follows its end"));
        }
        let found: [u8; DIGEST] = self.digest.finalize().into();
        if found == said { Ok(found) } else { Err(BackupError::damaged("its digest does not fit")) }
    }
}
