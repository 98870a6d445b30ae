//! What can go wrong between box and hub.

use std::fmt;
use std::sync::Arc;

use super::wire;
use crate::https;
use crate::retry::Class;
use crate::trust::Refusal;

/// Why a call to the hub gave no answer or the wrong one.
#[derive(Clone, Debug)]
pub enum Error {
    /// The connection or the exchange of messages failed.
    Http(https::Error),
    /// The hub answered with a problem.
    Problem {
        /// HTTP status.
        status: u16,
        /// Problem type, `about:blank` where it has none.
        kind: String,
        /// What the hub says.
        detail: String,
    },
    /// The answer is not one of this protocol.
    Malformed(String),
    /// This box is stopping.
    Stopped,
    /// A file to be sent can't be read.
    Body(Arc<std::io::Error>),
}

impl Error {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            // Who answers a handshake wrongly is not the hub, and what is not the hub refuses nothing for good.
            Self::Http(_) => Class::Retry,
            // Only what speaks of the thing itself is final: missing, conflict, too large, not to be processed. The rest
            // (registration, certificate, a busy or broken hub, a broken body) can be mended while it waits.
            Self::Problem {
                status: 404 | 409 | 413 | 422,
                ..
            } if !self.is_behind() && !self.is_fork() => Class::Refuse,
            Self::Problem { .. } => Class::Retry,
            Self::Malformed(_) | Self::Body(_) | Self::Stopped => Class::Retry,
        }
    }

    /// Whether nothing came back from the hub itself.
    #[must_use]
    pub fn is_away(&self) -> bool {
        matches!(self, Self::Http(_))
    }

    /// Whether whoever answered is not the hub, or does not take us for a box.
    #[must_use]
    pub fn is_verdict(&self) -> bool {
        matches!(self, Self::Http(error) if error.refusal().is_some() || error.class() == Class::Refuse)
    }

    /// Our verdict on the certificate of whoever answered in the hub's place.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Http(error) => error.refusal(),
            _ => None,
        }
    }

    /// Whether the hub does not take the certificate by which something is sealed; another one may be taken.
    #[must_use]
    pub fn is_refused_certificate(&self) -> bool {
        matches!(self, Self::Problem { status: 403, .. })
    }

    /// Whether the hub has seen another history of the log.
    #[must_use]
    pub fn is_fork(&self) -> bool {
        matches!(self, Self::Problem { kind, .. } if kind == super::FORK)
    }

    /// Whether the hub asks for the sender's head first.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        matches!(self, Self::Problem { kind, .. } if kind == super::BEHIND)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(error) => write!(f, "{error}"),
            Self::Problem { status, detail, .. } => write!(f, "the hub answers {status}: {detail}"),
            Self::Malformed(what) => write!(f, "the hub's answer is not understood: {what}"),
            Self::Stopped => f.write_str("this box is stopping"),
            Self::Body(error) => write!(f, "the body can't be read: {error}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<https::Error> for Error {
    fn from(error: https::Error) -> Self {
        Self::Http(error)
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::Body(Arc::new(error))
    }
}

impl From<wire::Malformed> for Error {
    fn from(error: wire::Malformed) -> Self {
        Self::Malformed(error.to_string())
    }
}
