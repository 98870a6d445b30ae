//! Writes the packets that we author ourselves, in the element order of QCVN 102:2016.
//!
//! Attachments stream: the writer holds one buffer, whatever their size. What it writes,
//! [`Reader`](super::Reader) reads.

mod document;
mod draft;
mod status;
mod xml;

use std::fmt;
use std::io;

pub use document::write_document;
pub use draft::{Answered, Content, DocumentDraft, Party, Staff, StatusDraft};
pub use status::write_status;

use crate::retry::Class;

/// Why a packet could not be written.
#[derive(Debug)]
pub enum Error {
    /// A text holds a character that XML 1.0 can't carry; the element and the character.
    Character(&'static str, char),
    /// The draft has no recipient, or is of a kind that the function does not write.
    Draft(&'static str),
    /// The sink or the source of an attachment failed.
    Io(io::Error),
}

impl Error {
    /// What to do: only input and output may work another time.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Character(..) | Self::Draft(_) => Class::Refuse,
            Self::Io(_) => Class::Retry,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Character(element, char) => {
                write!(
                    f,
                    "{element} holds U+{:04X}, which XML 1.0 can't carry",
                    u32::from(*char)
                )
            }
            Self::Draft(why) => f.write_str(why),
            Self::Io(error) => write!(f, "writing a packet: {error}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Character(..) | Self::Draft(_) => None,
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

#[cfg(test)]
mod tests;
