//! One connection to either engine. The same texts of SQL run on both: integers, texts and bytes only, `$1` for
//! parameters, `ON CONFLICT`; a row is locked by [`Connection::locked`].

use crate::{
    error::StoreError,
    value::{Row, Value},
};
use core::time::Duration;
use rusqlite::{ErrorCode, OpenFlags};
use std::{collections::HashMap, path::PathBuf};

/// How long a connection waits for another one's lock, and for an answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Most statements that a connection keeps prepared.
const PREPARED: usize = 128;

/// Pages of the write-ahead log at which whoever commits shortens it: 256 MiB.
const LATE: usize = 65_536;

/// Where a store is.
#[derive(Clone, PartialEq, Eq)]
pub enum Location {
    /// A file, on a disk of this machine.
    Sqlite(PathBuf),
    /// A PostgreSQL database, by its URL, which may hold a password.
    Postgres(String),
}

impl core::fmt::Debug for Location {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Sqlite(path) => f.debug_tuple("Sqlite").field(path).finish(),
            Self::Postgres(_) => f.write_str("Postgres"),
        }
    }
}

/// When what is committed is on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sync {
    /// Before the commit returns.
    Always,
    /// The same, by one who commits much: the write-ahead log is shortened by another thread.
    Often,
    /// It survives the process at once, and the machine once the file of the write-ahead log is synced. PostgreSQL
    /// always syncs.
    Later,
}

/// A connection.
pub(crate) enum Connection {
    Sqlite(rusqlite::Connection),
    Postgres { client: Box<postgres::Client>, prepared: HashMap<String, postgres::Statement> },
}

impl Connection {
    pub(crate) fn open(location: &Location, sync: Sync) -> Result<Self, StoreError> {
        match location {
            Location::Sqlite(path) => {
                let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
                    | OpenFlags::SQLITE_OPEN_CREATE
                    | OpenFlags::SQLITE_OPEN_NO_MUTEX;
                let connection = rusqlite::Connection::open_with_flags(path, flags)?;
                connection.busy_timeout(PATIENCE)?;
                connection.set_prepared_statement_cache_capacity(PREPARED);
                connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
                // Verbs may erase: what they take away is written over, and not only forgotten.
                let erases = if sync == Sync::Always { "ON" } else { "FAST" };
                let level = if sync == Sync::Later { "NORMAL" } else { "FULL" };
                connection.execute_batch(&format!(
                    "PRAGMA synchronous = {level}; PRAGMA foreign_keys = ON; PRAGMA secure_delete = {erases}"
                ))?;
                if sync != Sync::Always {
                    // A thread of its own does that in time; this is for where it can't.
                    connection.execute_batch(&format!("PRAGMA wal_autocheckpoint = {LATE}"))?;
                }
                Ok(Self::Sqlite(connection))
            }
            Location::Postgres(text) => {
                let wrong = |error: postgres::Error| StoreError::Url { reason: error.to_string() };
                let mut config: postgres::Config = text.parse().map_err(wrong)?;
                config.connect_timeout(PATIENCE).tcp_user_timeout(PATIENCE).application_name("legation");
                let mut client = config.connect(postgres::NoTls)?;
                let millis = PATIENCE.as_millis();
                client.batch_execute(&format!(
                    "SET statement_timeout = {millis}; SET lock_timeout = {millis}; SET synchronous_commit = on; \
                     SET idle_in_transaction_session_timeout = {millis}"
                ))?;
                // A plan that was made while a table was small is kept until the table is analyzed, a minute later at best: with
                // a hundred thousand rows more it reads all of them. Plans of ours take some ten microseconds to make. What only
                // speaks PostgreSQL's protocol may not know this, and plans in a way of its own.
                drop(client.batch_execute("SET plan_cache_mode = force_custom_plan"));
                Ok(Self::Postgres { client: Box::new(client), prepared: HashMap::new() })
            }
        }
    }

    pub(crate) fn query(&mut self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, StoreError> {
        match self {
            Self::Sqlite(connection) => {
                let mut statement = connection.prepare_cached(&numbered(sql))?;
                let columns = statement.column_count();
                let parameters = rusqlite::params_from_iter(parameters);
                let rows = statement.query_map(parameters, |row| Row::sqlite(row, columns))?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            }
            Self::Postgres { client, prepared } => {
                let statement = statement(client, prepared, sql)?;
                let rows = client.query(&statement, &as_parameters(parameters))?;
                Ok(rows.iter().map(Row::postgres).collect::<Result<_, _>>()?)
            }
        }
    }

    /// Runs a statement. Gives how many rows it changed.
    pub(crate) fn execute(&mut self, sql: &str, parameters: &[Value]) -> Result<u64, StoreError> {
        match self {
            Self::Sqlite(connection) => {
                let mut statement = connection.prepare_cached(&numbered(sql))?;
                let changed = statement.execute(rusqlite::params_from_iter(parameters))?;
                Ok(u64::try_from(changed).unwrap_or(u64::MAX))
            }
            Self::Postgres { client, prepared } => {
                let statement = statement(client, prepared, sql)?;
                Ok(client.execute(&statement, &as_parameters(parameters))?)
            }
        }
    }

    /// Runs statements that have no parameters and are not kept.
    pub(crate) fn batch(&mut self, sql: &str) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(connection) => Ok(connection.execute_batch(sql)?),
            Self::Postgres { client, .. } => Ok(client.batch_execute(sql)?),
        }
    }

    /// Begins a transaction. In SQLite one that writes has the whole file.
    pub(crate) fn begin(&mut self, writes: bool) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) if writes => self.batch("BEGIN IMMEDIATE"),
            Self::Sqlite(_) => self.batch("BEGIN"),
            Self::Postgres { .. } if writes => self.batch("BEGIN"),
            Self::Postgres { .. } => self.batch("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"),
        }
    }

    /// Begins a transaction that writes, where nobody else's is in the way; `false` where one is. Of SQLite only.
    pub(crate) fn begin_at_once(&mut self) -> Result<bool, StoreError> {
        let Self::Sqlite(connection) = self else {
            return self.begin(true).map(|()| true);
        };
        connection.busy_timeout(Duration::ZERO)?;
        let begun = connection.execute_batch("BEGIN IMMEDIATE");
        connection.busy_timeout(PATIENCE)?;
        match begun {
            Ok(()) => Ok(true),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// A query whose rows nobody else changes until the transaction ends.
    pub(crate) fn locked(&mut self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, StoreError> {
        match self {
            Self::Sqlite(_) => self.query(sql, parameters),
            Self::Postgres { .. } => self.query(&format!("{sql} FOR UPDATE"), parameters),
        }
    }
}

fn as_parameters(parameters: &[Value]) -> Vec<&(dyn postgres::types::ToSql + core::marker::Sync)> {
    parameters.iter().map(|one| one as &(dyn postgres::types::ToSql + core::marker::Sync)).collect()
}

/// `$1` is a name in SQLite, and names are numbered as they come; `?1` is a number in it.
fn numbered(sql: &str) -> String {
    sql.replace('$', "?")
}

fn statement(
    client: &mut postgres::Client,
    prepared: &mut HashMap<String, postgres::Statement>,
    sql: &str,
) -> Result<postgres::Statement, StoreError> {
    if let Some(known) = prepared.get(sql) {
        return Ok(known.clone());
    }
    if prepared.len() >= PREPARED {
        prepared.clear();
    }
    let statement = client.prepare(sql)?;
    prepared.insert(sql.to_owned(), statement.clone());
    Ok(statement)
}
