//! What can go wrong with a log.

use std::fmt;

use crate::retry::Class;
use crate::store;

/// Why a record did not join a log or could not be proven.
#[derive(Debug)]
pub enum Error {
    /// The store could not keep or give it.
    Store(store::Error),
    /// The signer gave no signature: its words and class.
    Signer(String, Class),
    /// No such record or checkpoint in the log.
    Missing(String),
    /// What is stored contradicts itself.
    Damaged(String),
    /// The log's task has ended.
    Stopped,
}

impl Error {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Store(error) => error.class(),
            Self::Signer(_, class) => *class,
            Self::Missing(_) => Class::Refuse,
            Self::Damaged(_) => Class::Fatal,
            Self::Stopped => Class::Retry,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => write!(f, "evidence store: {error}"),
            Self::Signer(reason, _) => write!(f, "no seal: {reason}"),
            Self::Missing(what) => write!(f, "not in the evidence log: {what}"),
            Self::Damaged(what) => write!(f, "evidence log damaged: {what}"),
            Self::Stopped => f.write_str("the evidence log has stopped"),
        }
    }
}

impl std::error::Error for Error {}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        Self::Store(error)
    }
}

impl From<store::SqlError> for Error {
    fn from(error: store::SqlError) -> Self {
        Self::Store(error.into())
    }
}
