//! All of a store in one file, from either engine and back into either.
//!
//! | part of the file | what it holds |
//! |---|---|
//! | first line | that it is a backup, and of which format |
//! | frames | its length, then (as postcard) the head, the tables with their rows, and the end |
//! | the last 32 bytes | SHA-256 of all before |
//!
//! It is read in one transaction, as of one moment, while others go on. What processes have set aside of totals stands in
//! these as spent, and what they have not carried over is part of it, so that their own tables and journals are left out.
//! A backup that is cut or changed anywhere is none. The digest tells damage, not who wrote it: whoever can write the
//! file can write another one, so it belongs where nobody else can.

mod frames;
mod layout;
mod read;
mod write;

pub use read::{Contents, contents, restore};
pub use write::{Note, Written};

use crate::{
    connection::{Connection, Sync},
    error::StoreError,
    store::Store,
};
use std::io::Write;

/// The format that is written, and the only one that is read.
const FORMAT: &str = "legation backup 1\n";

/// Why a backup was not made, or is not believed. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackupError {
    /// The file begins otherwise.
    #[error("it is no backup of Legation; name the file that `legation backup` wrote")]
    NotABackup,
    /// The file is of another format.
    #[error(
        "it is a backup of format `{found}`, expected `1`; restore it with the version of Legation that wrote it"
    )]
    Format {
        /// The format that it says.
        found: String,
    },
    /// The file has no end, or is not what was written.
    #[error("the backup is damaged: {what}; take another copy of it")]
    Damaged {
        /// What is wrong.
        what: String,
    },
    /// It was made by a later version of Legation.
    #[error("the backup has tables of format {found}, this program knows up to {known}; use a newer version")]
    TooNew {
        /// The number of its last migration.
        found: i64,
        /// The last one that is known here.
        known: i64,
    },
    /// There is something in the database already.
    #[error("the database is not empty, and is left as it is; name an empty one")]
    NotEmpty,
    /// The file can't be read.
    #[error("the backup can't be read: {reason}")]
    Read {
        /// What the system says.
        reason: String,
    },
    /// The file can't be written.
    #[error("the backup can't be written: {reason}")]
    Write {
        /// What the system says.
        reason: String,
    },
}

impl BackupError {
    /// A stable name of the error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotABackup => "not_a_backup",
            Self::Format { .. } => "backup_format",
            Self::Damaged { .. } => "backup_damaged",
            Self::TooNew { .. } => "store_too_new",
            Self::NotEmpty => "database_not_empty",
            Self::Read { .. } => "backup_not_read",
            Self::Write { .. } => "backup_not_written",
        }
    }

    fn damaged(what: impl ToString) -> Self {
        Self::Damaged { what: what.to_string() }
    }
}

impl Store {
    /// Writes all of the store as of now, while others go on with it; `progress` is told how many rows were written.
    ///
    /// # Errors
    /// [`StoreError`]; [`BackupError::Write`] where it can't be written: what was written then is no backup.
    pub fn backup(
        &self,
        out: &mut dyn Write,
        note: Note,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Written, StoreError> {
        let mut connection = Connection::open(self.location(), Sync::Always)?;
        if let Connection::Postgres { .. } = connection {
            // A slow disk for the backup is no reason to give up.
            connection.batch("SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0")?;
        }
        connection.begin(false)?;
        write::all(&mut connection, out, note, progress)
    }
}
