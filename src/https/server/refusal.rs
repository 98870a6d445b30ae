//! Why a peer was refused.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

use super::super::error::{Cause, describe};

/// Why a peer, or its connection, was refused. Use [`find_cause`](super::super::find_cause) to get at what a judge
/// or a certificate verifier said.
#[derive(Debug)]
pub enum Refusal {
    /// Its address is not among those that may connect.
    Address,
    /// As many connections are open as may be; told of once until there is room again.
    Crowded {
        /// The configured number.
        limit: usize,
    },
    /// Its address began too many handshakes; told of once until one passes again.
    Budget,
    /// Its handshake failed.
    Handshake(io::Error),
    /// Its handshake did not end in time.
    HandshakeDeadline(Duration),
    /// It does not speak the protocol that is demanded.
    Protocol {
        /// The ALPN name it agreed to, if any.
        agreed: Option<String>,
    },
    /// The judge refused it when it connected.
    Judged(Cause),
    /// The judge refused it while it was connected.
    Rejudged(Cause),
    /// A request's head did not end in time.
    SlowHead,
    /// It took no byte of its answer for too long.
    Stalled,
    /// What it sent is not HTTP, or its connection broke in the middle of a request.
    Broken(String),
    /// No connection could be accepted, whoever it was.
    Accept(io::Error),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address => f.write_str("its address may not connect here"),
            Self::Crowded { limit } => write!(f, "all {limit} connections are taken"),
            Self::Budget => f.write_str("its address begins too many TLS handshakes"),
            Self::Handshake(error) => write!(f, "TLS handshake failed: {}", describe(error)),
            Self::HandshakeDeadline(limit) => write!(
                f,
                "TLS handshake did not end within {} ms",
                limit.as_millis()
            ),
            Self::Protocol { agreed: None } => f.write_str("it does not offer HTTP/2 by ALPN"),
            Self::Protocol { agreed: Some(name) } => {
                write!(f, "it speaks {name}, which is not served here")
            }
            Self::Judged(cause) => write!(f, "refused: {cause}"),
            Self::Rejudged(cause) => write!(f, "refused while connected: {cause}"),
            Self::SlowHead => f.write_str("the head of a request did not end in time"),
            Self::Stalled => f.write_str("it took no byte of its answer for too long"),
            Self::Broken(reason) => write!(f, "its connection broke: {reason}"),
            Self::Accept(error) => write!(f, "no connection can be accepted: {error}"),
        }
    }
}

impl StdError for Refusal {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Handshake(error) | Self::Accept(error) => Some(error),
            Self::Judged(cause) | Self::Rejudged(cause) => Some(&**cause),
            _ => None,
        }
    }
}
