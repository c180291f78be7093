//! From a store into a folder, to be verified there: nothing of it is believed here.

use crate::{
    bucket::Bucket,
    push::{PushError, Pushed, tiles},
};
use futures::{StreamExt, TryStreamExt, future, stream};
use legation_log::{
    Checkpoint, ReadError, Reader, about, entry,
    note::Note,
    reader,
    tile::{Holds, Tile, WIDTH},
    verify::WITNESSED,
    writer::{APART, CHECKPOINT},
};
use std::{fs, io, path::Path};

/// Objects that are read at a time.
const TOGETHER: usize = 16;

/// Reads a log out of a store into a folder, which is made where it is missing: entries, hashes and what stands beside them,
/// the checkpoint last.
///
/// # Errors
/// [`PushError`].
pub async fn pull(bucket: &Bucket, folder: &Path) -> Result<Pushed, PushError> {
    let missing = || ReadError::Missing { folder: format!("{bucket:?}") };
    let (note, _) = bucket.get(CHECKPOINT).await?.ok_or_else(missing)?;
    let text = String::from_utf8_lossy(&note);
    let read = Checkpoint::read(Note::parse(&text).map_err(legation_log::CheckpointError::from)?.text())?;
    // Whatever size the store claims: the first tile that is missing ends it.
    let each = stream::iter(tiles(0, read.size)).map(|tile| tile_into(bucket, tile, folder));
    let count = |objects: u64, ()| future::ok(objects.saturating_add(1));
    let mut objects = each.buffer_unordered(TOGETHER).try_fold(0, count).await?;
    for leaf in Reader::new(folder, read.size).entries(0) {
        let Some(digest) = entry::apart_digest(&leaf?) else { continue };
        let path = format!("{APART}/{digest}");
        let missing = || ReadError::Tile { path: path.clone() };
        let (bytes, _) = bucket.get(&path).await?.ok_or_else(missing)?;
        write(folder, &path, &bytes)?;
        objects = objects.saturating_add(1);
    }
    for name in [about::FILE, reader::DOCUMENT, WITNESSED] {
        if let Some((bytes, _)) = bucket.get(name).await? {
            write(folder, name, &bytes)?;
        }
    }
    write(folder, CHECKPOINT, &note)?;
    Ok(Pushed { size: read.size, objects })
}

/// A tile: the one of this width, or the whole one that it became since.
async fn tile_into(bucket: &Bucket, tile: Tile, folder: &Path) -> Result<(), PushError> {
    let whole = Tile { width: WIDTH, ..tile };
    for one in [tile, whole] {
        if let Some((bytes, _)) = bucket.get(&one.path()).await? {
            // Of a tile that is whole by now only the beginning is of this size.
            return Ok(write(folder, &one.path(), &bytes)?);
        }
    }
    let what = if tile.holds == Holds::Entries { "entries" } else { "hashes" };
    Err(ReadError::Tile { path: format!("{} ({what})", tile.path()) }.into())
}

fn write(folder: &Path, path: &str, bytes: &[u8]) -> Result<(), ReadError> {
    let to = folder.join(path);
    let failed = |error: io::Error| ReadError::Disk { path: path.to_owned(), reason: error.to_string() };
    fs::create_dir_all(to.parent().unwrap_or(folder)).map_err(failed)?;
    fs::write(&to, bytes).map_err(failed)
}
