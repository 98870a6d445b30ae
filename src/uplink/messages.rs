//! The JSON messages between box and hub. Unknown fields are refused: a message that is not known is never guessed.

use serde::{Deserialize, Serialize};

use crate::packet::{MemberId, PacketId};

/// A member's new head, shown to continue its log.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Announcement {
    /// Checkpoint body, base64.
    pub checkpoint: String,
    /// CMS SignedData over it, base64.
    pub cms: String,
    /// The size that the proof starts from.
    pub from: u64,
    /// Consistency proof, each hash in base64.
    pub proof: Vec<String>,
}

/// What the hub did with an announcement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Announced {
    /// The head is known now.
    Taken,
    /// The newest head that the hub knows has another size: prove from there.
    Behind(u64),
}

/// Asks for packets.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// Milliseconds to wait for the first one; at most 60,000.
    pub wait_ms: u32,
    /// At most that many; at most 512.
    pub limit: u32,
    /// This box has just started: what was leased to it before is free again.
    pub anew: bool,
}

/// Packets leased to the box that asked.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mailbox {
    /// In the order in which they are to be fetched.
    pub entries: Vec<MailboxEntry>,
}

/// One packet for one member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailboxEntry {
    /// Its id.
    pub packet: PacketId,
    /// For whom.
    pub to: MemberId,
    /// Bytes of its body.
    pub size: u64,
}

/// Verdicts on receipts, in their order.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Taken {
    /// One each.
    pub verdicts: Vec<Verdict>,
}

/// What the hub did with one receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Durable, now or before.
    Taken,
    /// Its head must be announced first, proven from this size.
    Behind(u64),
    /// Never acceptable, and why.
    Refused(String),
}

/// The newest head of the hub's own log.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HubHead {
    /// Checkpoint body, base64.
    pub checkpoint: String,
    /// CMS SignedData over it, base64.
    pub cms: String,
    /// Consistency proof from the size that was asked for, each hash in base64.
    pub proof: Vec<String>,
}
