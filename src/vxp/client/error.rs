//! What can go wrong at the software's side.

use std::fmt;

use crate::https;
use crate::retry::Class;

/// What can go wrong at the software's side.
#[derive(Debug)]
pub enum Error {
    /// Not an endpoint, or TLS given where it has none.
    Endpoint(String),
    /// A parameter that can't stand in a header.
    Header(String),
    /// The connection failed.
    Wire(https::Error),
    /// Not JSON, or without `status`, `ErrorCode` and `ErrorDesc`.
    NotAnswer {
        /// The HTTP status.
        status: u16,
        /// How the body begins.
        body: String,
    },
}

impl Error {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Wire(error) => error.class(),
            Self::Endpoint(_) | Self::Header(_) | Self::NotAnswer { .. } => Class::Refuse,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Endpoint(url) => write!(f, "{url} is no endpoint of a box"),
            Self::Header(name) => write!(f, "the value of {name} can't stand in a header"),
            Self::Wire(error) => error.fmt(f),
            Self::NotAnswer { status, body } => {
                write!(f, "HTTP {status} with no answer of the exchange: {body}")
            }
        }
    }
}

impl std::error::Error for Error {}
