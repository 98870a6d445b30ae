//! What can go wrong on a walk.

use std::fmt;

use crate::clock::{Moment, rfc3339};
use crate::packet::{Invalid, MemberId};
use crate::retry::Class;
use crate::{evidence, seal, spool, trust, uplink};

/// Why a packet did not get to its next step.
#[derive(Debug)]
pub enum Error {
    /// The spool.
    Spool(spool::Error),
    /// The evidence log.
    Evidence(evidence::Error),
    /// The hub.
    Hub(uplink::Error),
    /// A packet's seal that does not hold.
    Seal(seal::Refused),
    /// A receipt's seal that does not hold.
    Receipt(seal::Refused),
    /// A receipt that holds but is about something else.
    OtherReceipt(String),
    /// A document that can't be read.
    Document(Invalid),
    /// A document whose own words contradict its seal.
    Contradiction(String),
    /// No directory is known yet.
    NoDirectory,
    /// The clock is off by more than declared: no certificate is judged by it.
    ClockUnsure,
    /// The directory is past the time until which it is relied on.
    OldDirectory(Moment),
    /// A member of another box.
    NotOurs(MemberId),
    /// A directory that can't be used.
    Directory(trust::Error),
    /// The disk.
    Disk(std::io::Error),
    /// A copy for a backup that could not be made.
    Copy(String),
}

impl Error {
    /// Whether the same step may succeed later.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Spool(error) => error.class(),
            Self::Evidence(error) => error.class(),
            Self::Hub(error) => error.class(),
            Self::Seal(error) => error.class(),
            Self::Document(_) | Self::Contradiction(_) | Self::NotOurs(_) => Class::Refuse,
            Self::Directory(error) => error.class(),
            Self::Receipt(_)
            | Self::OtherReceipt(_)
            | Self::NoDirectory
            | Self::ClockUnsure
            | Self::OldDirectory(_)
            | Self::Disk(_)
            | Self::Copy(_) => Class::Retry,
        }
    }
}

impl Error {
    /// Whether what came is not the directory that the hub sealed.
    #[must_use]
    pub fn is_about_the_directory(&self) -> bool {
        matches!(
            self,
            Self::Directory(_) | Self::Seal(seal::Refused::OtherBody { .. })
        )
    }

    /// Whether a seal was refused only since too little is known of its certificate's revocation.
    #[must_use]
    pub fn is_unknown_revocation(&self) -> bool {
        matches!(self, Self::Seal(seal::Refused::Signer(refusal))
            if refusal.verdict == trust::Verdict::RevocationUnknown)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spool(error) => write!(f, "{error}"),
            Self::Evidence(error) => write!(f, "{error}"),
            Self::Hub(error) => write!(f, "{error}"),
            Self::Seal(error) => write!(f, "{error}"),
            Self::Receipt(error) => write!(f, "the hub's receipt does not hold: {error}"),
            Self::OtherReceipt(what) => write!(f, "the receipt is about something else: {what}"),
            Self::Document(error) => write!(f, "{error}"),
            Self::Contradiction(what) => write!(f, "the document contradicts its seal: {what}"),
            Self::NoDirectory => f.write_str("no directory of the hub is known yet"),
            Self::ClockUnsure => f.write_str("this machine's clock is off by more than declared"),
            Self::OldDirectory(end) => {
                write!(
                    f,
                    "the hub's directory was to be relied on until {}",
                    rfc3339(*end)
                )
            }
            Self::NotOurs(member) => write!(f, "{member} is not a member of this box"),
            Self::Directory(error) => write!(f, "{error}"),
            Self::Disk(error) => write!(f, "disk: {error}"),
            Self::Copy(why) => write!(f, "no copy was made: {why}"),
        }
    }
}

impl std::error::Error for Error {}

macro_rules! from {
    ($($source:ty => $variant:ident),* $(,)?) => {
        $(impl From<$source> for Error {
            fn from(error: $source) -> Self {
                Self::$variant(error)
            }
        })*
    };
}

from! {
    spool::Error => Spool,
    evidence::Error => Evidence,
    uplink::Error => Hub,
    seal::Refused => Seal,
    Invalid => Document,
    trust::Error => Directory,
    std::io::Error => Disk,
}
