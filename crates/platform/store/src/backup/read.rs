//! How a backup is read: all of it before anything of it is believed.

use super::{
    BackupError,
    frames::{Frame, Head, Reader},
    layout::{self, Table},
};
use crate::{
    connection::{Connection, Location, Sync},
    error::StoreError,
    mark::hex,
    migrate, restored,
    store::make_private,
    tx::Tx,
    value::Value,
};
use std::io::Read;

/// What a backup holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// When it was made, Unix seconds.
    pub at: i64,
    /// The domains of its organizations.
    pub domains: Vec<String>,
    /// The encrypted master key, where it was kept with the rest.
    pub master: Option<String>,
    /// How many rows.
    pub rows: u64,
    /// SHA-256 of all of it, in hexadecimal digits.
    pub digest: String,
    migration: i64,
}

/// Reads a backup to its end, and holds it against its digest. Nothing is written anywhere.
///
/// # Errors
/// [`BackupError`].
pub fn contents(from: &mut dyn Read) -> Result<Contents, StoreError> {
    read(from, &mut |_, _| Ok(()), &mut |_, _| Ok(()))
}

/// Writes a backup into an empty database, and closes what is in it ([`restored`]), saying why, at a moment (Unix seconds);
/// `progress` is told how many rows were written. All of it is there once this returns, and else nothing.
///
/// # Errors
/// [`StoreError`]; [`BackupError`].
pub fn restore(
    location: &Location,
    from: &mut dyn Read,
    closed: (&str, i64),
    progress: &mut dyn FnMut(u64),
) -> Result<Contents, StoreError> {
    if let Location::Sqlite(path) = location {
        make_private(path).map_err(|error| {
            StoreError::unavailable(format!("`{}` can't be made: {error}", path.display()))
        })?;
    }
    let mut connection = Connection::open(location, Sync::Always)?;
    connection.begin(true)?;
    let done = fill(&mut connection, from, closed, progress);
    connection.batch(if done.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
    if let (Connection::Sqlite(_), Ok(_)) = (&connection, &done) {
        // So that the file alone is all of it.
        connection.batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    }
    done
}

fn fill(
    connection: &mut Connection,
    from: &mut dyn Read,
    (why, at): (&str, i64),
    progress: &mut dyn FnMut(u64),
) -> Result<Contents, StoreError> {
    if !migrate::is_empty(connection)? {
        return Err(BackupError::NotEmpty.into());
    }
    let (shared, mut written) = (core::cell::RefCell::new(&mut *connection), 0_u64);
    let contents = read(
        from,
        &mut |head, _| migrate::steps(*shared.borrow_mut(), Some(head.migration)),
        &mut |table, rows| {
            written = written.saturating_add(u64::try_from(rows.len()).unwrap_or_default());
            let into = format!("INSERT INTO {} ({})", table.name, table.columns.join(", "));
            Tx::new(*shared.borrow_mut()).insert_all(&into, rows, "")?;
            progress(written);
            Ok(())
        },
    )?;
    migrate::steps(connection, None)?;
    let rows = connection.query("SELECT id FROM organization", &[])?;
    for row in rows {
        restored::close(&mut Tx::new(connection), &row.text(0)?, why, at)?;
    }
    Ok(contents)
}

type OnHead<'a> = &'a mut dyn FnMut(&Head, &[Table]) -> Result<(), StoreError>;
type OnRows<'a> = &'a mut dyn FnMut(&Table, Vec<Vec<Value>>) -> Result<(), StoreError>;

fn read(from: &mut dyn Read, on_head: OnHead<'_>, on_rows: OnRows<'_>) -> Result<Contents, StoreError> {
    let mut reader = Reader::begin(from)?;
    let Frame::Head(head) = reader.frame()? else {
        return Err(BackupError::damaged("it does not begin with its head").into());
    };
    let known = migrate::known();
    if head.migration > known {
        return Err(BackupError::TooNew { found: head.migration, known }.into());
    }
    let tables = layout::tables(head.migration)?;
    on_head(&head, &tables)?;
    let mut contents =
        Contents { at: head.at, master: head.master, migration: head.migration, ..Contents::default() };
    let mut left = tables.iter();
    let mut current: Option<&Table> = None;
    loop {
        match reader.frame()? {
            Frame::Head(_) => return Err(BackupError::damaged("it has two heads").into()),
            Frame::Table { name, columns } => {
                let table = left.next().filter(|table| (&table.name, &table.columns) == (&name, &columns));
                let missing = || BackupError::damaged("its tables are not those of its version");
                current = Some(table.ok_or_else(missing)?);
            }
            Frame::Rows(rows) => {
                let table = current.ok_or_else(|| BackupError::damaged("it has rows of no table"))?;
                contents.take(table, &rows)?;
                on_rows(table, rows)?;
            }
            Frame::End { rows } if rows == contents.rows && left.next().is_none() => break,
            Frame::End { .. } => return Err(BackupError::damaged("some of its rows are missing").into()),
        }
    }
    contents.digest = hex(&reader.end()?);
    Ok(contents)
}

impl Contents {
    fn take(&mut self, table: &Table, rows: &[Vec<Value>]) -> Result<(), BackupError> {
        if rows.iter().any(|row| row.len() != table.columns.len()) {
            return Err(BackupError::damaged("a row has too few or too many columns"));
        }
        self.rows = self.rows.saturating_add(u64::try_from(rows.len()).unwrap_or_default());
        if table.name == "organization" {
            let domain = table.columns.iter().position(|column| column == "domain");
            let domain = |row: &Vec<Value>| match domain.and_then(|place| row.get(place)) {
                Some(Value::Text(text)) => Some(text.clone()),
                _ => None,
            };
            self.domains.extend(rows.iter().filter_map(domain));
        }
        Ok(())
    }
}
