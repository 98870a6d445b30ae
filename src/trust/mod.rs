//! Chain, purpose and time in; [`Identity`] out. Pure: no clock, no network, no key.
//!
//! [`Trust`] is an immutable snapshot of anchors, intermediates, [`Profile`] and revocation lists; whoever loads a
//! new one publishes it. [`directory`] then says whether a valid certificate is also a registered one.

pub mod cms;
pub mod directory;
pub mod issue;
pub mod ocsp;
pub mod operators;
pub mod pem;
pub mod signature;
pub mod stamp;

mod agency;
mod anchors;
mod certificate;
mod chain;
mod profile;
mod refusal;
mod revocation;
mod statuses;

use std::fmt;

pub use anchors::{Bearer, Identity, Trust};
pub use certificate::{KeyKind, PublicKey, Summary, fingerprint, key_of, summary};
pub(crate) use profile::CODE_URI;
pub use profile::{CodeSource, Profile, Purpose};
pub use refusal::{Refusal, Verdict};
pub use revocation::{ListState, Revocation, Stale};
pub use statuses::{AnswerState, Issuers, Ocsp, Watched};

use crate::retry::Class;

/// Why trust material cannot be used at all.
#[derive(Debug)]
pub enum Error {
    /// A configured certificate.
    Certificate(Refusal),
    /// No anchor is configured.
    NoAnchor,
    /// A configured revocation list.
    List(String),
    /// An OCSP answer.
    Answer(String),
    /// A time stamp.
    Stamp(String),
    /// The directory contradicts itself or cannot be read.
    Directory(String),
    /// Operators that can't be told apart.
    Operators(String),
    /// The test authority could not make something.
    Issue(String),
}

impl Error {
    /// Refuse: the same material can never be used.
    #[must_use]
    pub fn class(&self) -> Class {
        Class::Refuse
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate(refusal) => write!(f, "configured {refusal}"),
            Self::NoAnchor => f.write_str("no trust anchor is configured"),
            Self::List(why) => write!(f, "revocation list {why}"),
            Self::Stamp(why) => write!(f, "time stamp: {why}"),
            Self::Answer(why) => write!(f, "OCSP answer: {why}"),
            Self::Directory(why) => write!(f, "directory: {why}"),
            Self::Operators(why) => write!(f, "operators: {why}"),
            Self::Issue(why) => write!(f, "test authority: {why}"),
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests;
