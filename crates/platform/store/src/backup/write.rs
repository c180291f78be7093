//! How a backup is written.

use super::{
    BackupError,
    frames::{Frame, Head, Writer},
    layout::{self, Table},
};
use crate::{connection::Connection, error::StoreError, mark::hex, migrate, value::Value};
use std::io::Write;

/// Rows that are read at a time.
const PAGE: usize = 512;
/// Of rows that are longer, fewer are written at a time: bytes.
const LONG: usize = 4 << 20;

/// What is written down beside the tables.
#[derive(Debug, Default)]
pub struct Note {
    /// When it is made, Unix seconds.
    pub at: i64,
    /// The master key, encrypted by somebody else's secret, where it is to be kept with the rest.
    pub master: Option<String>,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// How many rows.
    pub rows: u64,
    /// SHA-256 of all of it, in hexadecimal digits.
    pub digest: String,
}

pub(super) fn all(
    connection: &mut Connection,
    out: &mut dyn Write,
    note: Note,
    progress: &mut dyn FnMut(u64),
) -> Result<Written, StoreError> {
    let (migration, known) = (migrate::found(connection)?, migrate::known());
    if migration > known {
        // Tables that are not known here would be left out.
        return Err(StoreError::TooNew { found: migration, known });
    }
    let mut writer = Writer::begin(out)?;
    let Note { at, master } = note;
    writer.frame(&Frame::Head(Head { at, migration, master }))?;
    let mut rows = 0;
    for table in layout::tables(migration)? {
        writer.frame(&Frame::Table { name: table.name.clone(), columns: table.columns.clone() })?;
        one(connection, &table, &mut |page| {
            rows += u64::try_from(page.len()).unwrap_or_default();
            progress(rows);
            writer.frame(&Frame::Rows(page))
        })?;
    }
    writer.frame(&Frame::End { rows })?;
    Ok(Written { rows, digest: hex(&writer.end()?) })
}

/// Reads a table in the order of its key, page by page.
fn one(
    connection: &mut Connection,
    table: &Table,
    write: &mut dyn FnMut(Vec<Vec<Value>>) -> Result<(), BackupError>,
) -> Result<(), StoreError> {
    let Table { name, columns, key } = table;
    let names: Vec<&str> = key.iter().filter_map(|place| columns.get(*place).map(String::as_str)).collect();
    let names = names.join(", ");
    let places: Vec<String> = (1..=key.len()).map(|number| format!("${number}")).collect();
    let all = format!("SELECT {} FROM {name}", columns.join(", "));
    let after = format!("{all} WHERE ({names}) > ({}) ORDER BY {names} LIMIT {PAGE}", places.join(", "));
    let mut sql = format!("{all} ORDER BY {names} LIMIT {PAGE}");
    let mut last: Vec<Value> = Vec::new();
    loop {
        let rows = connection.query(&sql, &last)?;
        let count = rows.len();
        let mut page: Vec<Vec<Value>> = Vec::with_capacity(count);
        let mut bytes = 0_usize;
        for row in rows {
            let row = row.into_values();
            bytes = bytes.saturating_add(row.iter().map(length).sum());
            page.push(row);
            if bytes > LONG {
                last = key_of(&page, key);
                write(core::mem::take(&mut page))?;
                bytes = 0;
            }
        }
        if !page.is_empty() {
            last = key_of(&page, key);
            write(page)?;
        }
        if count < PAGE {
            return Ok(());
        }
        sql.clone_from(&after);
    }
}

fn key_of(page: &[Vec<Value>], key: &[usize]) -> Vec<Value> {
    let last = page.last().map(Vec::as_slice).unwrap_or_default();
    key.iter().filter_map(|place| last.get(*place).cloned()).collect()
}

fn length(value: &Value) -> usize {
    match value {
        Value::Null | Value::Int(_) => 8,
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
    }
}
