//! What can go wrong with a store.

use crate::backup::BackupError;

/// Why a store gave no answer. Nothing opens on any of them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database can't be reached, is locked for too long, is full, or answers nonsense.
    #[error("the store can't be used: {reason}; see to the database, then try again")]
    Unavailable {
        /// What the database says.
        reason: String,
    },
    /// The database was made by a later version of Legation.
    #[error("the store has format {found}, this program knows up to {known}; use a newer version")]
    TooNew {
        /// The number of its last migration.
        found: i64,
        /// The last one that is known here.
        known: i64,
    },
    /// The organization was restored from a backup, or is behind what was known of it: it is closed until somebody who has
    /// its data says what holds.
    #[error(
        "the store is closed since it was put back ({why}): see what holds with `legation doctor`, then open it with \
         `legation restore --reopen`"
    )]
    Restored {
        /// What was noticed.
        why: String,
    },
    /// A backup can't be made, or is none.
    #[error("{0}")]
    Backup(#[from] BackupError),
    /// The text that should name a PostgreSQL database does not.
    #[error("the database URL can't be read: {reason}; write `postgres://USER@HOST/DATABASE`")]
    Url {
        /// What is wrong. It never holds the URL, which may hold a password.
        reason: String,
    },
    /// What is to be added is there already, or one of its names is taken.
    #[error("{what} is there already")]
    Exists {
        /// What it is.
        what: String,
    },
    /// There is no such thing, or it belongs to somebody else.
    #[error("there is no {what}")]
    NotFound {
        /// What was looked for.
        what: String,
    },
    /// A verb of the caller's own refused, within the transaction, which was taken back.
    #[error("{0}")]
    Refused(String),
}

impl StoreError {
    /// A stable name of the error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unavailable { .. } => "store_unavailable",
            Self::TooNew { .. } => "store_too_new",
            Self::Restored { .. } => "store_restored",
            Self::Backup(error) => error.code(),
            Self::Url { .. } => "store_url",
            Self::Exists { .. } => "already_exists",
            Self::NotFound { .. } => "not_found",
            Self::Refused(_) => "refused",
        }
    }

    pub(crate) fn unavailable(reason: impl ToString) -> Self {
        Self::Unavailable { reason: reason.to_string() }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::ConstraintViolation) => {
                Self::Exists { what: "one of its names".to_owned() }
            }
            _ => Self::unavailable(error),
        }
    }
}

impl From<postgres::Error> for StoreError {
    fn from(error: postgres::Error) -> Self {
        if error.code() == Some(&postgres::error::SqlState::UNIQUE_VIOLATION) {
            return Self::Exists { what: "one of its names".to_owned() };
        }
        // The error alone says only "db error".
        let detail = error.as_db_error().map(|db| db.message().to_owned());
        Self::Unavailable { reason: detail.unwrap_or_else(|| error.to_string()) }
    }
}
