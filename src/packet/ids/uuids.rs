//! Packets and documents, named by UUIDs (RFC 9562).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Malformed, MemberId};
use crate::clock::{Chance, Moment};

/// One packet on its whole way, a UUID of version 7: ids of later milliseconds sort after earlier ones.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PacketId([u8; 16]);

/// What a software calls a document: the sender and every recipient have one of their own for the same packet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DocId([u8; 16]);

impl PacketId {
    /// A new id of the given moment.
    #[must_use]
    pub fn new(at: Moment, chance: &Chance) -> Self {
        let milliseconds = u64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(0);
        let mut raw = [0; 16];
        raw[..6].copy_from_slice(&milliseconds.to_be_bytes()[2..]);
        raw[6..].copy_from_slice(&chance.bytes::<10>());
        Self(stamp(raw, 7))
    }

    /// The packet whose sender knows it by that docId; other docIds give an id that no packet has.
    #[must_use]
    pub const fn of_sender(doc: DocId) -> Self {
        Self(doc.0)
    }

    /// The 16 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl DocId {
    /// The docId at one recipient; the same packet always gives the same, so a repeated delivery is seen.
    #[must_use]
    pub fn of_recipient(packet: PacketId, member: &MemberId) -> Self {
        let mut hash = ring::digest::Context::new(&ring::digest::SHA256);
        hash.update(b"trucgate-doc");
        hash.update(packet.as_bytes());
        hash.update(member.as_str().as_bytes());
        let mut raw = [0; 16];
        raw.copy_from_slice(&hash.finish().as_ref()[..16]);
        Self(stamp(raw, 8))
    }

    /// The docId at the sender: the bytes of the packet id.
    #[must_use]
    pub const fn of_sender(packet: PacketId) -> Self {
        Self(packet.0)
    }

    /// The 16 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// Sets the version and variant bits of RFC 9562.
fn stamp(mut raw: [u8; 16], version: u8) -> [u8; 16] {
    raw[6] = (raw[6] & 0x0f) | (version << 4);
    raw[8] = (raw[8] & 0x3f) | 0x80;
    raw
}

/// The hyphenated lower-case form only, so that one id has one written form.
fn strict(text: &str) -> Option<Uuid> {
    let id = Uuid::try_parse(text).ok()?;
    let mut buffer = Uuid::encode_buffer();
    (*id.hyphenated().encode_lower(&mut buffer) == *text).then_some(id)
}

impl FromStr for PacketId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        strict(text)
            .filter(|id| stamp(*id.as_bytes(), 7) == *id.as_bytes())
            .map(|id| Self(id.into_bytes()))
            .ok_or(Malformed::Packet)
    }
}

impl FromStr for DocId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        strict(text)
            .map(|id| Self(id.into_bytes()))
            .ok_or(Malformed::Document)
    }
}

impl TryFrom<String> for PacketId {
    type Error = Malformed;

    fn try_from(text: String) -> Result<Self, Malformed> {
        text.parse()
    }
}

impl TryFrom<String> for DocId {
    type Error = Malformed;

    fn try_from(text: String) -> Result<Self, Malformed> {
        text.parse()
    }
}

impl From<PacketId> for String {
    fn from(id: PacketId) -> Self {
        id.to_string()
    }
}

impl From<DocId> for String {
    fn from(id: DocId) -> Self {
        id.to_string()
    }
}

impl fmt::Display for PacketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Uuid::from_bytes(self.0).hyphenated().fmt(f)
    }
}

impl fmt::Display for DocId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Uuid::from_bytes(self.0).hyphenated().fmt(f)
    }
}

impl fmt::Debug for PacketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PacketId({self})")
    }
}

impl fmt::Debug for DocId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DocId({self})")
    }
}
