//! What a box tells those who help it: one file, signed by the box, of data only.
//!
//! # The file
//!
//! A plain tar (ustar, IEEE 1003.1) that every tar opens. Its entries come in one order, all bear the time at which the
//! bundle was made, and none has an owner, a link or anything that runs.
//!
//! | entry | what |
//! |---|---|
//! | `README.txt` | what is in it, what is not, how to verify it |
//! | `about.json` | version, image, slot, kernel, clock, updates |
//! | `status.json` | what `trucgate status --json` says, or why nobody answers |
//! | `certificates.json` | subjects, fingerprints and ends of the certificates that lie on the box |
//! | `units.txt`, `network.txt`, `disks.txt` | what the system's programs say |
//! | `config/*.toml` | configuration, of which only known keys are let through ([`redact`]) |
//! | `journal.json` | journal lines of the box's own units and of failed ones, by a list of fields |
//! | `signature.json` | [`Signature`], over every byte before its own head |
//!
//! The signature is the seal key's of one of the box's members, over the newest checkpoint of its log with the extension line
//! `support sha256:…`, as it is with backups. A box that can't sign makes a bundle without that entry, whose name and
//! README say so.

mod archive;
mod readme;
mod redact;
mod verify;
mod write;

use std::fmt;
use std::io;

use serde::{Deserialize, Serialize};

pub use redact::{Redacted, redact, without};
pub use verify::{Verified, verify};
pub use write::{Written, write};

use crate::packet::Digest;
use crate::retry::Class;
use crate::seal::Attestation;

/// The entry that says what the others are.
const README: &str = "README.txt";
/// The entry about the box.
pub const ABOUT: &str = "about.json";
/// The entry of the signature.
const SIGNATURE: &str = "signature.json";
/// Longest bundle that is read.
const LONGEST: u64 = 64 << 20;

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

impl Entry {
    /// An entry under a name that a bundle may have: letters, digits, `.`, `-` and `_`, at most one directory deep.
    #[must_use]
    pub fn new(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Option<Self> {
        let name = name.into();
        archive::fits(&name).then(|| Self {
            name,
            bytes: bytes.into(),
        })
    }
}

/// The box's word on a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// How many bytes of the file it is over.
    pub bytes: u64,
    /// Their SHA-256.
    pub digest: Digest,
    /// Checkpoint and signature.
    #[serde(flatten)]
    pub word: Attestation,
}

/// Why a bundle is not taken for what it says it is.
#[derive(Debug)]
pub enum Error {
    /// It can't be read.
    Disk(io::Error),
    /// It is none, or was changed, or cut off.
    Altered(String),
    /// The box that made it could not sign.
    Unsigned,
    /// Whose signature it carries.
    Signer(String),
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
            Self::Disk(error) => write!(f, "không đọc được / can't be read: {error}"),
            Self::Altered(what) => write!(
                f,
                "gói bị sửa, bị cắt hoặc không phải gói hỗ trợ / the bundle was altered, cut off, or is none: {what}"
            ),
            Self::Unsigned => f.write_str(
                "gói không có chữ ký: máy chưa cấp phát xong hoặc bộ ký không chạy lúc lập gói, ai cũng có thể làm ra nó / \
                 the bundle bears no signature: its box was not provisioned or its signer away, anybody may have made it",
            ),
            Self::Signer(what) => write!(
                f,
                "gói không do máy của đơn vị nào được tin cậy ký / the bundle is not signed by a box that the anchors know: {what}"
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

fn altered(what: impl fmt::Display) -> Error {
    Error::Altered(what.to_string())
}

#[cfg(test)]
mod tests;
