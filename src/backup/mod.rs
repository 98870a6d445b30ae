//! A box's backup: an archive that only the agency opens and only the box can have made.
//!
//! # The file
//!
//! | part | bytes |
//! |---|---|
//! | magic | `trucgate backup 1` and a line feed |
//! | header | length (32 bits, big-endian) and JSON ([`Header`]): whose, when, the heads of its logs |
//! | envelope | length and CMS AuthEnvelopedData ([`envelope`]) that holds the content key, 32 bytes |
//! | chunks | length and AES-256-GCM of up to 64 KiB each ([`chunks`]); the last one's length has its highest bit set |
//! | signature | length and JSON ([`Attestation`](crate::seal::Attestation)): a checkpoint of a member's log and its CMS signature |
//!
//! Nothing follows. The signature is the seal key's, which signs nothing but checkpoints of its own member's log: the newest
//! one is signed once more with the extension line `backup sha256:…`, the digest of all bytes before the signature's length.
//! `openssl cms -decrypt` opens the envelope with the agency's key, on a machine where that key is at home; the 32 bytes
//! that come out open the rest here.
//!
//! # What is in it
//!
//! Data only. [`Kind`] is the whole list of what an entry can be; each has one place, and no entry carries a path, a mode,
//! an owner, a link or anything that runs. No key, no PIN and no credential is in it. The secrets of software are, since
//! without them each software would have to be set up anew; they lie inside the encryption like the documents.

pub mod chunks;
mod entry;
pub mod envelope;
mod file;
mod inspect;
mod last;
mod read;
mod write;

use std::fmt;
use std::io;

use serde::{Deserialize, Serialize};

pub use entry::{Kind, RESTORED};
pub use inspect::{Contents, inspect};
pub use last::{Last, Rehearsal};
pub use read::{Checked, check, extract};
pub use write::{Part, Written, write};

use crate::clock::Moment;
use crate::packet::{MemberId, PacketId};
use crate::retry::Class;
use crate::seal::Unattested;
use crate::{evidence, spool, store};

/// What stands at the beginning.
const MAGIC: &[u8] = b"trucgate backup 1\n";
/// Longest header, envelope and signature.
const LONGEST: u32 = 1 << 20;

/// Whose backup it is; readable without a key, and under the signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Its id.
    pub id: PacketId,
    /// The box.
    #[serde(rename = "box")]
    pub own: MemberId,
    /// When the copy was made.
    #[serde(with = "crate::clock::text")]
    pub made: Moment,
    /// The newest head of each of its logs.
    pub logs: Vec<LogHead>,
}

/// Where a log stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogHead {
    /// Whose.
    pub member: MemberId,
    /// Records under it.
    pub size: u64,
    /// Root over them, in hexadecimal.
    pub root: String,
}

/// Why a backup is not made or not used.
#[derive(Debug)]
pub enum Error {
    /// The disk, a full one among it.
    Disk(io::Error),
    /// It is no backup, or one that was changed, or cut off.
    Altered(String),
    /// The key does not open it.
    Key(String),
    /// Whose signature it carries.
    Signer(String),
    /// What is in it does not hold.
    Content(String),
    /// A recipient's certificate can't be used.
    Recipient(String),
}

impl Error {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Disk(_) => Class::Retry,
            _ => Class::Refuse,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disk(error) => write!(f, "ổ đĩa / disk: {error}"),
            Self::Altered(what) => write!(
                f,
                "bản sao lưu bị sửa, bị cắt hoặc không phải bản sao lưu / the backup was altered, cut off, or is none: {what}"
            ),
            Self::Key(what) => write!(
                f,
                "khoá này không mở được bản sao lưu / this key does not open the backup: {what}"
            ),
            Self::Signer(what) => write!(
                f,
                "bản sao lưu không do máy của cơ quan này ký / the backup is not signed by a box of this agency: {what}"
            ),
            Self::Content(what) => write!(
                f,
                "nội dung bản sao lưu không đúng / what is in the backup does not hold: {what}"
            ),
            Self::Recipient(what) => write!(
                f,
                "chứng thư sao lưu không dùng được / the backup certificate can't be used: {what}"
            ),
        }
    }
}

impl std::error::Error for Error {}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

impl From<Unattested> for Error {
    fn from(error: Unattested) -> Self {
        match error {
            Unattested::Signer(why) => Self::Signer(why),
            Unattested::AnotherFile => altered(error),
        }
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        Self::Content(error.to_string())
    }
}

impl From<evidence::Error> for Error {
    fn from(error: evidence::Error) -> Self {
        Self::Content(error.to_string())
    }
}

impl From<spool::Error> for Error {
    fn from(error: spool::Error) -> Self {
        match error {
            spool::Error::Body(error) => Self::Disk(error),
            other => Self::Content(other.to_string()),
        }
    }
}

fn altered(what: impl fmt::Display) -> Error {
    Error::Altered(what.to_string())
}

#[cfg(test)]
mod tests;
