//! What can go wrong in the spool.

use std::fmt;
use std::io;

use crate::retry::Class;
use crate::store;

/// Why the spool could not keep, give or change a packet.
#[derive(Debug)]
pub enum Error {
    /// The database failed.
    Store(store::Error),
    /// A body's file failed.
    Body(io::Error),
    /// The same packet id came with another digest.
    Conflict(String),
    /// This member has no such packet or document.
    Missing(String),
    /// The step is impossible from the state that the packet is in.
    Impossible(String),
    /// What is stored can't be read back.
    Damaged(String),
}

impl Error {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Store(error) => error.class(),
            Self::Body(_) => Class::Retry,
            Self::Conflict(_) | Self::Missing(_) | Self::Impossible(_) => Class::Refuse,
            Self::Damaged(_) => Class::Fatal,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => write!(f, "spool: {error}"),
            Self::Body(error) => write!(f, "spool, body file: {error}"),
            Self::Conflict(what) => write!(f, "same packet id, another digest: {what}"),
            Self::Missing(what) => write!(f, "not in the spool: {what}"),
            Self::Impossible(what) => write!(f, "impossible step: {what}"),
            Self::Damaged(what) => write!(f, "spool damaged: {what}"),
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

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Body(error)
    }
}
