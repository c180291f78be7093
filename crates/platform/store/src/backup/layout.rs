//! Which tables there are: as the migrations make them, so that none is forgotten here.

use crate::{connection::Connection, error::StoreError, migrate};

/// Tables that are not of the organization: of processes, which are gone, and of the migrations.
const LEFT_OUT: [&str; 3] = ["migration", "process", "aside"];

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<String>,
    /// The columns of its primary key, in their order, by their places among the columns.
    pub(super) key: Vec<usize>,
}

/// The tables that the first so many migrations make, each after those that it refers to.
pub(super) fn tables(migration: i64) -> Result<Vec<Table>, StoreError> {
    let mut connection = Connection::Sqlite(rusqlite::Connection::open_in_memory()?);
    migrate::first(&mut connection, migration)?;
    let names = connection.query(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY rowid",
        &[],
    )?;
    let names = names.iter().map(|row| row.text(0)).collect::<Result<Vec<_>, _>>()?;
    let names = names.into_iter().filter(|name| !LEFT_OUT.contains(&name.as_str()));
    names.map(|name| table(&mut connection, name)).collect()
}

fn table(connection: &mut Connection, name: String) -> Result<Table, StoreError> {
    let rows =
        connection.query("SELECT name, pk FROM pragma_table_info($1) ORDER BY cid", &[(&name).into()])?;
    let (mut columns, mut key) = (Vec::new(), Vec::new());
    for row in &rows {
        if row.int(1)? > 0 {
            key.push((row.int(1)?, columns.len()));
        }
        columns.push(row.text(0)?);
    }
    key.sort_unstable();
    Ok(Table { name, columns, key: key.into_iter().map(|(_, place)| place).collect() })
}
