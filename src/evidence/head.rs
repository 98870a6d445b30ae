//! A signed tree head, and one record's place under it.

use std::sync::Arc;

use crate::merkle::Hash;
use crate::packet::MemberId;

/// A checkpoint and its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Whose log.
    pub origin: MemberId,
    /// Number of records under it.
    pub size: u64,
    /// Root over them.
    pub root: Hash,
    /// The signed bytes (C2SP tlog-checkpoint body).
    pub body: Vec<u8>,
    /// CMS SignedData, detached, over `body`.
    pub cms: Vec<u8>,
}

/// One record with all that shows that it is in its member's log.
#[derive(Clone, Debug)]
pub struct Proof {
    /// The record's canonical bytes.
    pub record: Vec<u8>,
    /// Its place, counted from 0.
    pub index: u64,
    /// Inclusion path (RFC 9162 section 2.1.3).
    pub path: Vec<Hash>,
    /// The head that it leads to.
    pub head: Arc<Head>,
}

/// A head and the proof that it continues the one before it.
#[derive(Clone, Debug)]
pub struct Succession {
    /// The head.
    pub head: Head,
    /// Size of the head before it, 0 for the first.
    pub from: u64,
    /// Consistency proof from there (RFC 9162 section 2.1.4).
    pub proof: Vec<Hash>,
}
