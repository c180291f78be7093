//! How far a store was known to be, kept in a file beside it: the numbers of the last event and the last receipt, and the epoch.
//!
//! A database that is put back by other means than a restore (a file that was copied back, a standby that was behind and
//! took over) holds less than was known. That is noticed when it is opened, and by whoever runs every few seconds, and closes
//! it ([`crate::restored`]): else it would be a second budget, and an amnesty.
//!
//! The file is written anew and synced after each event, and for receipts by [`crate::Store::keep_mark`]. It never says
//! more than what is on the database's disk. Where it is put back with the database, nobody can tell.

use crate::{connection::Connection, error::StoreError, restored, tx::Tx};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt::Write as _,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// What the file begins with.
const FIRST: &str = "legation mark 1";
/// Most bytes of it: some hundred thousand organizations.
const MOST: u64 = 16 << 20;

/// How far an organization is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Point {
    /// How often it was opened again after it was put back.
    pub era: i64,
    /// The number of its last change that decisions depend on.
    pub epoch: i64,
    /// The number of its last event.
    pub events: i64,
    /// The number of its last receipt.
    pub receipts: i64,
}

impl Point {
    /// Whether it is behind what was known.
    fn is_behind(self, known: Self) -> bool {
        let counts = |point: Self| [point.epoch, point.events, point.receipts];
        let is_less = counts(self).into_iter().zip(counts(known)).any(|(own, known)| own < known);
        self.era < known.era || (self.era == known.era && is_less)
    }

    /// The further one of two, part by part; of a later era the later one.
    fn with(self, other: Self) -> Self {
        match self.era.cmp(&other.era) {
            core::cmp::Ordering::Less => other,
            core::cmp::Ordering::Greater => self,
            core::cmp::Ordering::Equal => Self {
                era: self.era,
                epoch: self.epoch.max(other.epoch),
                events: self.events.max(other.events),
                receipts: self.receipts.max(other.receipts),
            },
        }
    }
}

/// Organizations by their ids.
pub(crate) type Points = BTreeMap<String, Point>;

/// Such a file.
#[derive(Debug)]
pub(crate) struct Mark {
    path: PathBuf,
}

/// What a database says beside what was known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compared {
    Same,
    Further,
    Behind,
}

/// How far the organizations of a database are.
pub(crate) fn points(connection: &mut Connection) -> Result<Points, StoreError> {
    let rows = connection.query("SELECT id, era, epoch, events, receipts FROM organization", &[])?;
    let point = |row: &crate::value::Row| {
        let point =
            Point { era: row.int(1)?, epoch: row.int(2)?, events: row.int(3)?, receipts: row.int(4)? };
        Ok((row.text(0)?, point))
    };
    rows.iter().map(point).collect()
}

impl Mark {
    /// The one beside a folder of journals.
    pub(crate) fn beside(journals: &Path) -> Self {
        let name = journals.file_name().unwrap_or_default().to_string_lossy();
        let own =
            name.strip_suffix("aside").map_or_else(|| format!("{name}-mark"), |name| format!("{name}mark"));
        Self { path: journals.with_file_name(own) }
    }

    /// Closes the organizations of a database that are behind what was known; keeps how far the others are.
    pub(crate) fn hold_against(&self, connection: &mut Connection) -> Result<(), StoreError> {
        let known = self.locked(|| self.read())?;
        let mut ahead = points(connection)?;
        let behind: Vec<(String, Point, Point)> = ahead
            .iter()
            .filter_map(|(id, point)| Some((id.clone(), *point, *known.get(id)?)))
            .filter(|(_, point, known)| point.is_behind(*known))
            .collect();
        for (id, found, known) in &behind {
            ahead.remove(id);
            let why = format!(
                "it has {} events and {} receipts at epoch {}, and {}, {} and {} were known",
                found.events, found.receipts, found.epoch, known.events, known.receipts, known.epoch
            );
            connection.begin(true)?;
            let closed = restored::close(&mut Tx::new(connection), id, &why, now());
            connection.batch(if closed.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
            closed?;
        }
        // Nothing is written where nothing is known yet, and nothing there.
        if ahead.is_empty() { Ok(()) } else { self.raise(&ahead) }
    }

    /// Holds what a database says against what was known.
    pub(crate) fn compare(&self, points: &Points) -> Result<Compared, StoreError> {
        let known = self.locked(|| self.read())?;
        let is_behind =
            |(id, point): (&String, &Point)| known.get(id).is_some_and(|known| point.is_behind(*known));
        Ok(if points.iter().any(is_behind) {
            Compared::Behind
        } else if points.iter().all(|(id, point)| known.get(id) == Some(point)) {
            Compared::Same
        } else {
            Compared::Further
        })
    }

    /// What was known of one.
    pub(crate) fn get(&self, id: &str) -> Result<Option<Point>, StoreError> {
        Ok(self.locked(|| self.read())?.get(id).copied())
    }

    /// Keeps that these are at least so far. It is on the disk once this returns.
    pub(crate) fn raise(&self, points: &Points) -> Result<(), StoreError> {
        self.locked(|| {
            let known = self.read()?;
            let mut raised = known.clone();
            for (id, point) in points {
                let entry = raised.entry(id.clone()).or_default();
                *entry = entry.with(*point);
            }
            if raised == known {
                return Ok(());
            }
            self.write(&raised).map_err(|error| self.unusable(&error.to_string()))
        })
    }

    fn unusable(&self, reason: &str) -> StoreError {
        let path = self.path.display();
        StoreError::unavailable(format!(
            "`{path}`, which says how far it was known to be, can't be used: {reason}"
        ))
    }

    fn beside_it(&self, end: &str) -> PathBuf {
        let mut name: OsString = self.path.clone().into();
        name.push(end);
        name.into()
    }

    /// Processes change it one after another.
    fn locked<T>(&self, work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let lock = options.open(self.beside_it(".lock")).and_then(|file| file.lock().map(|()| file));
        let _lock = lock.map_err(|error| self.unusable(&error.to_string()))?;
        work()
    }

    fn read(&self) -> Result<Points, StoreError> {
        match fs::metadata(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Points::new()),
            Err(error) => return Err(self.unusable(&error.to_string())),
            Ok(found) if found.len() > MOST => return Err(self.unusable("it is too long")),
            Ok(_) => {}
        }
        let text = fs::read_to_string(&self.path).map_err(|error| self.unusable(&error.to_string()))?;
        parse(&text).ok_or_else(|| {
            self.unusable("it was damaged; remove it only where the database is known to be the latest")
        })
    }

    fn write(&self, points: &Points) -> io::Result<()> {
        let next = self.beside_it(".new");
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&next)?;
        file.write_all(text(points).as_bytes())?;
        file.sync_all()?;
        fs::rename(&next, &self.path)?;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}

fn text(points: &Points) -> String {
    let mut text = format!("{FIRST}\n");
    for (id, Point { era, epoch, events, receipts }) in points {
        // Writing to a text never fails.
        let _ = writeln!(text, "{id} {era} {epoch} {events} {receipts}");
    }
    let digest = Sha256::digest(&text);
    let _ = writeln!(text, "{}", hex(&digest));
    text
}

fn parse(text: &str) -> Option<Points> {
    let text = text.strip_suffix('\n')?;
    let (body, digest) = text.rsplit_once('\n')?;
    if hex(&Sha256::digest(format!("{body}\n"))) != digest {
        return None;
    }
    let mut lines = body.lines();
    lines.next().filter(|first| *first == FIRST)?;
    let line = |line: &str| {
        let mut words = line.split(' ');
        let id = words.next()?.to_owned();
        let mut number = || words.next()?.parse().ok();
        let point = Point { era: number()?, epoch: number()?, events: number()?, receipts: number()? };
        Some((id, point))
    };
    lines.map(line).collect()
}

/// Bytes as people compare them.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The time, Unix seconds. The one place of the store that reads the clock: nobody asks for what is noticed when it is opened.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.ok().and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use super::*;

    #[test]
    fn a_mark_that_was_changed_anywhere_is_none() {
        let point = Point { era: 1, epoch: 20, events: 300, receipts: 4000 };
        let written = text(&[("org".to_owned(), point)].into());
        assert_eq!(parse(&written).unwrap()["org"], point);
        for at in 0..written.len() {
            let mut bytes = written.clone().into_bytes();
            bytes[at] ^= 1;
            assert!(String::from_utf8(bytes).ok().and_then(|text| parse(&text)).is_none(), "{at}");
            assert!(parse(written.get(..at).unwrap()).is_none(), "cut at {at}");
        }
    }

    #[test]
    fn what_is_behind_in_any_part_is_behind_and_a_later_era_is_not() {
        let known = Point { era: 1, epoch: 20, events: 300, receipts: 4000 };
        for behind in [
            Point { epoch: 19, ..known },
            Point { events: 299, epoch: 90, ..known },
            Point { receipts: 3999, events: 900, ..known },
            Point { era: 0, epoch: 99, events: 999, receipts: 9999 },
        ] {
            assert!(behind.is_behind(known), "{behind:?}");
        }
        assert!(!known.is_behind(known));
        let later = Point { era: 2, epoch: 30, events: 1, receipts: 1 };
        assert!(!later.is_behind(known));
        assert_eq!(known.with(later), later);
        assert_eq!(later.with(known), later);
    }
}
