//! What can go wrong in a store, and what to do then.

use std::fmt;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use crate::retry::Class;

/// Why the store could not do it.
#[derive(Clone, Debug)]
pub enum Error {
    /// Another process holds the database, or the system is short of memory.
    Busy(String),
    /// The disk or the quota is full.
    Full(String),
    /// The disk reported a failure.
    Io(String),
    /// The commit failed: nobody knows whether the change is there until it is asked for.
    Commit(String),
    /// A unique key, foreign key or check of the schema forbids it.
    Constraint(String),
    /// The statement or a value does not fit the schema.
    Query(String),
    /// The closure panicked; its changes are undone.
    Panicked(String),
    /// The database is damaged.
    Corrupt(String),
    /// The database was written by a later release.
    Newer {
        /// Schema version in the file.
        found: usize,
        /// Newest schema version that this release knows.
        known: usize,
    },
    /// The database can't be opened.
    Open {
        /// The database's file.
        path: PathBuf,
        /// What was reported.
        reason: String,
    },
    /// The store is closing.
    Closed,
}

impl Error {
    /// What to do after it.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Busy(_) | Self::Full(_) | Self::Io(_) | Self::Commit(_) => Class::Retry,
            Self::Constraint(_) | Self::Query(_) | Self::Panicked(_) => Class::Refuse,
            Self::Corrupt(_) | Self::Newer { .. } | Self::Open { .. } | Self::Closed => {
                Class::Fatal
            }
        }
    }

    /// Whether a unique key was in the way: the row is there already.
    #[must_use]
    pub fn is_duplicate(error: &rusqlite::Error) -> bool {
        use rusqlite::ffi::{SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_UNIQUE};
        error.sqlite_error().is_some_and(|e| {
            matches!(
                e.extended_code,
                SQLITE_CONSTRAINT_PRIMARYKEY | SQLITE_CONSTRAINT_UNIQUE
            )
        })
    }

    /// The same error, said of opening `path` where that helps.
    pub(super) fn opening(self, path: &Path) -> Self {
        match self {
            Self::Query(reason) => Self::Open {
                path: path.to_owned(),
                reason,
            },
            Self::Corrupt(reason) => Self::Corrupt(format!("{}: {reason}", path.display())),
            other => other,
        }
    }

    /// A failed commit keeps a reason of its own; anything else means that its outcome is unknown.
    pub(super) fn of_commit(error: std::io::Error) -> Self {
        let known = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<rusqlite::Error>())
            .map(classify);
        match known {
            Some(known @ (Self::Busy(_) | Self::Full(_) | Self::Io(_) | Self::Corrupt(_))) => known,
            _ => Self::Commit(error.to_string()),
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        classify(&error)
    }
}

fn classify(error: &rusqlite::Error) -> Error {
    let text = error.to_string();
    match error.sqlite_error_code() {
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::OutOfMemory
            | ErrorCode::OperationInterrupted,
        ) => Error::Busy(text),
        Some(ErrorCode::DiskFull) => Error::Full(text),
        Some(ErrorCode::SystemIoFailure) => Error::Io(text),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Error::Corrupt(text),
        Some(ErrorCode::ConstraintViolation) => Error::Constraint(text),
        _ => Error::Query(text),
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy(reason) => write!(f, "the store is busy: {reason}"),
            Self::Full(reason) => write!(f, "the store's disk is full: {reason}"),
            Self::Io(reason) => write!(f, "the store's disk failed: {reason}"),
            Self::Commit(reason) => write!(f, "the store's commit failed: {reason}"),
            Self::Constraint(reason) => write!(f, "the store's schema forbids it: {reason}"),
            Self::Query(reason) => write!(f, "the store can't run it: {reason}"),
            Self::Panicked(reason) => write!(f, "a change of the store panicked: {reason}"),
            Self::Corrupt(reason) => write!(f, "the store is damaged: {reason}"),
            Self::Newer { found, known } => write!(
                f,
                "the store has schema version {found} and this release knows only {known}: \
                 a later release wrote it; start that one again or restore a backup made before it"
            ),
            Self::Open { path, reason } => {
                write!(f, "the store {} can't be opened: {reason}", path.display())
            }
            Self::Closed => f.write_str("the store is closing"),
        }
    }
}

impl std::error::Error for Error {}
