//! Reads a public file.

use crate::location::Location;
use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

/// Most bytes of a file that is served. A status list of a million random entries takes about
/// 250 KiB; each answer is held in memory while it is sent.
pub const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// Why a file is not served.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ReadError {
    /// It is not there, is no regular file, or lies outside the folder.
    NotFound,
    /// Larger than [`MAX_BYTES`].
    TooLarge,
    /// The system does not let it be read.
    Unreadable,
}

/// Reads the file at a location in the folder `root`. It blocks.
pub(crate) fn read(root: &Path, location: &Location) -> Result<Vec<u8>, ReadError> {
    // The folder itself may be a link, and may be exchanged for a new one while this runs.
    let root = root.canonicalize().map_err(refused)?;
    let mut path = root.clone();
    path.extend(&location.names);
    let path = path.canonicalize().map_err(refused)?;
    // A symbolic link may lead to another public file, such as a newer version, but not out.
    // A device or a pipe would never end.
    if !path.starts_with(&root) || !fs::metadata(&path).map_err(refused)?.is_file() {
        return Err(ReadError::NotFound);
    }
    let mut bytes = Vec::new();
    File::open(&path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes)).map_err(refused)?;
    if u64::try_from(bytes.len()).map_or(true, |length| length > MAX_BYTES) {
        return Err(ReadError::TooLarge);
    }
    Ok(bytes)
}

fn refused(error: io::Error) -> ReadError {
    match error.kind() {
        // `a/did.json` where `a` is a file, and a name longer than the system knows, are no more
        // than paths at which there is nothing.
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidFilename => {
            ReadError::NotFound
        }
        _ => ReadError::Unreadable,
    }
}
