//! What a packet leaves in the store, all of it in one transaction: its row, a mailbox row for each recipient, its
//! places in the orders.

use std::sync::Arc;

use super::{Error, order, signed};
use crate::evidence::{Record, RecordKind};
use crate::merkle::Hash;
use crate::packet::{MemberId, PacketId};
use crate::spool::Parted;
use crate::store::{self, OptionalExt, Tx, params};

/// A verified packet or void on its way into the store.
#[derive(Clone, Debug)]
pub(super) struct Incoming {
    pub(super) record: Record,
    /// The record's leaf hash.
    pub(super) leaf: Hash,
    /// Who stands behind each addressee, in the same order; none for a code that is not reached.
    pub(super) recipients: Vec<Option<MemberId>>,
    /// Why those are not.
    pub(super) unreached: Option<String>,
    pub(super) seal: Parted,
    /// The body, if it lies in the row.
    pub(super) body: Option<Arc<[u8]>>,
    /// Milliseconds since 1970.
    pub(super) at: i64,
}

/// What is known of a packet id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// Nothing.
    New,
    /// This very record.
    Same,
    /// Another one.
    Other,
}

/// Compares a record with the one kept under its packet id.
pub(super) fn known(tx: &Tx<'_>, packet: PacketId, leaf: &Hash) -> Result<Known, store::Error> {
    let kept: Option<Vec<u8>> = tx
        .prepare_cached("SELECT leaf FROM hub_packet WHERE id = ?1")?
        .query_row([packet.to_string()], |row| row.get(0))
        .optional()?;
    Ok(match kept {
        None => Known::New,
        Some(kept) if kept == leaf => Known::Same,
        Some(_) => Known::Other,
    })
}

/// Keeps a packet or void; whether it was new. One that is kept already changes nothing.
///
/// # Errors
/// [`Error::Conflict`] when its id stands for another record.
pub(super) fn insert(tx: &Tx<'_>, incoming: &Incoming) -> Result<bool, Error> {
    let (record, leaf) = (&incoming.record, incoming.leaf);
    match known(tx, record.packet, &leaf)? {
        Known::New => {}
        Known::Same => return Ok(false),
        Known::Other => return Err(Error::Conflict(record.packet)),
    }
    let (id, sender) = (record.packet.to_string(), record.from.as_str());
    let void = record.kind == RecordKind::Void;
    tx.prepare_cached(
        "INSERT INTO hub_packet (id, void, sender, leaf, digest, size, names, kept_at, seal, head, body, unreached)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?
    .execute(params![
        id,
        void,
        sender,
        leaf,
        record.digest.to_string(),
        signed(record.size),
        names(record),
        incoming.at,
        incoming.seal.front,
        incoming.seal.keep_head(tx)?,
        incoming.body.as_deref(),
        incoming.unreached
    ])?;
    let chained = record.message.as_deref() != Some("new") || !record.refs.is_empty();
    for (to, recipient) in record.to.iter().zip(&incoming.recipients) {
        let addressed = to.member.as_str();
        if let Some(recipient) = recipient.as_ref().filter(|_| !void) {
            let state = if chained && to.sequence > 0 {
                order::HIDDEN
            } else {
                order::READY
            };
            // Two of an agency's codes in one packet are still one delivery.
            tx.prepare_cached(
                "INSERT OR IGNORE INTO hub_mailbox
                 (packet, recipient, size, sender, addressed, sequence, urgency, state)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                id,
                recipient.as_str(),
                signed(record.size),
                sender,
                addressed,
                signed(to.sequence),
                4 - i64::from(record.priority.min(4)),
                state
            ])?;
        }
        if to.sequence > 0 {
            order::arrived(tx, sender, addressed, to.sequence)?;
            order::release(tx, sender, addressed)?;
        }
    }
    Ok(true)
}

/// Why some recipients of a kept packet are not reached.
pub(super) fn unreached(tx: &Tx<'_>, packet: PacketId) -> Result<Option<String>, store::Error> {
    let kept: Option<Option<String>> = tx
        .prepare_cached("SELECT unreached FROM hub_packet WHERE id = ?1")?
        .query_row([packet.to_string()], |row| row.get(0))
        .optional()?;
    Ok(kept.flatten())
}

/// The DocumentIds by which a packet is tied to others, one a line.
fn names(record: &Record) -> String {
    let all: Vec<&str> = record
        .document
        .iter()
        .chain(&record.refs)
        .map(String::as_str)
        .collect();
    all.join("\n")
}
