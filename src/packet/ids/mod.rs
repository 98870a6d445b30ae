//! Names of members, packets, documents and bytes.

mod digest;
mod member;
mod uuids;

use std::fmt;

pub use digest::Digest;
pub use member::{Generation, MemberId};
pub use uuids::{DocId, PacketId};

use crate::retry::Class;

/// A text that is not the id it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// Not 1 to 64 of `A-Z a-z 0-9 . _ -` with a letter or digit in front.
    Member,
    /// Not a hyphenated lower-case UUID of version 7.
    Packet,
    /// Not a hyphenated lower-case UUID.
    Document,
    /// Not `sha256:` and 64 lower-case hexadecimal digits.
    Digest,
}

impl Malformed {
    /// Always [`Class::Refuse`]: the same text never becomes an id.
    #[must_use]
    pub fn class(self) -> Class {
        Class::Refuse
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Member => {
                "a member id is 1 to 64 of A-Z a-z 0-9 . _ - and starts with a letter or digit"
            }
            Self::Packet => "a packet id is a hyphenated lower-case UUID of version 7",
            Self::Document => "a document id is a hyphenated lower-case UUID",
            Self::Digest => "a digest is sha256: and 64 lower-case hexadecimal digits",
        })
    }
}

impl std::error::Error for Malformed {}

#[cfg(test)]
mod tests;
