//! Packets found by what people call them: a document's code, its DocumentId, a DocId, a packet id.
//!
//! Names are read out of the envelopes when somebody asks, behind cursors: keeping a packet costs nothing for it.

use std::collections::BTreeSet;

use super::row::{self, envelope, moment, parsed, signed, unsigned};
use super::{Error, KeptReceipt, Spool, whole};
use crate::clock::Moment;
use crate::packet::{Digest, DocId, Envelope, MemberId, PacketId};
use crate::store::{Row, SqlResult, Tx, params};
use crate::trace::comparable;

/// A recipient's code and state, the reason of that, and since when.
pub type Recipient = (MemberId, String, Option<String>, Moment);

/// The table of names; `side` is 0 for what went out, 1 for what came in.
pub const NAMES_SCHEMA: &str = "
CREATE TABLE spool_name (
  name TEXT NOT NULL, side INTEGER NOT NULL, number INTEGER NOT NULL,
  PRIMARY KEY (name, side, number)) WITHOUT ROWID;
";

/// Packets whose names are read in one transaction.
const CHUNK: i64 = 500;

/// A packet that a member of this box sent.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Its id.
    pub packet: PacketId,
    /// Who sent it.
    pub member: MemberId,
    /// Its header.
    pub envelope: Envelope,
    /// SHA-256 of the document.
    pub digest: Digest,
    /// Bytes of it.
    pub size: u64,
    /// `kept`, `accepted` or `refused`.
    pub state: String,
    /// Why it was refused.
    pub reason: Option<String>,
    /// When it was kept.
    pub kept_at: Moment,
    /// When the hub took it, or would not.
    pub ended_at: Option<Moment>,
    /// Its recipients in order: code, state, reason, since when.
    pub recipients: Vec<Recipient>,
    /// Seals that lie with it.
    pub receipts: Vec<KeptReceipt>,
}

/// A packet that came for a member of this box.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// Its id.
    pub packet: PacketId,
    /// What the member's software calls it.
    pub doc: DocId,
    /// For whom.
    pub member: MemberId,
    /// From whom.
    pub sender: MemberId,
    /// Its header.
    pub envelope: Envelope,
    /// SHA-256 of the document.
    pub digest: Digest,
    /// Bytes of it.
    pub size: u64,
    /// `initial`, `processing`, `done` or `fail`.
    pub state: String,
    /// What the software said with it.
    pub reason: Option<String>,
    /// When it came.
    pub created: Moment,
    /// When its state changed.
    pub updated: Moment,
    /// The sender's seal.
    pub seal: Vec<u8>,
    /// Seals of this member about it.
    pub receipts: Vec<KeptReceipt>,
}

/// What a name stands for.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Sent from here.
    pub outgoing: Vec<Outgoing>,
    /// Came here.
    pub incoming: Vec<Incoming>,
}

impl Spool {
    /// Packets of that name, the newest first, up to `limit` of each side.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn find(&self, name: &str, limit: u32) -> Result<Found, Error> {
        while self.store.write(read_names).await? {}
        let name = name.trim().to_owned();
        self.store
            .read(move |tx| {
                let mut found = Found::default();
                for number in numbers(tx, &name, 0, limit)? {
                    found.outgoing.extend(outgoing(tx, number)?);
                }
                for number in numbers(tx, &name, 1, limit)? {
                    found.incoming.extend(incoming(tx, number)?);
                }
                Ok(found)
            })
            .await
    }
}

/// Reads the names of a chunk of packets; whether there are more.
fn read_names(tx: &Tx<'_>) -> Result<bool, Error> {
    let mut full = false;
    for (side, cursor, select) in [
        (
            0,
            "named.out",
            "SELECT number, envelope FROM outbound WHERE number > ?1 ORDER BY number LIMIT ?2",
        ),
        (
            1,
            "named.in",
            "SELECT number, envelope FROM inbox WHERE number > ?1 ORDER BY number LIMIT ?2",
        ),
    ] {
        let mut last = signed(row::cursor(tx, cursor)?);
        let (mut select, mut count) = (tx.prepare_cached(select)?, 0);
        let mut rows = select.query(params![last, CHUNK])?;
        while let Some(row) = rows.next()? {
            last = row.get(0)?;
            count += 1;
            for name in names(&envelope(&row.get::<_, String>(1)?)?) {
                tx.prepare_cached(
                    "INSERT OR IGNORE INTO spool_name (name, side, number) VALUES (?1, ?2, ?3)",
                )?
                .execute(params![name, side, last])?;
            }
        }
        full |= count == CHUNK;
        if count > 0 {
            row::keep_cursor(tx, cursor, unsigned(last))?;
        }
    }
    Ok(full)
}

fn names(envelope: &Envelope) -> BTreeSet<String> {
    let code = envelope.code();
    let all = code.iter().chain(&envelope.document).chain(&envelope.refs);
    all.map(|name| comparable(name)).collect()
}

fn numbers(tx: &Tx<'_>, name: &str, side: i64, limit: u32) -> Result<BTreeSet<i64>, Error> {
    let own = if side == 0 {
        "SELECT number FROM outbound WHERE packet = ?1"
    } else {
        "SELECT number FROM inbox WHERE packet = ?1 UNION SELECT number FROM inbox WHERE doc = ?1"
    };
    let by_id = tx
        .prepare_cached(own)?
        .query_map([name.to_lowercase()], |row| row.get(0))?
        .collect::<SqlResult<BTreeSet<i64>>>()?;
    if !by_id.is_empty() {
        return Ok(by_id);
    }
    let named = tx
        .prepare_cached(
            "SELECT number FROM spool_name WHERE name = ?1 AND side = ?2 ORDER BY number DESC LIMIT ?3",
        )?
        .query_map(params![comparable(name), side, limit], |row| row.get(0))?
        .collect::<SqlResult<BTreeSet<i64>>>()?;
    Ok(named)
}

fn outgoing(tx: &Tx<'_>, number: i64) -> Result<Option<Outgoing>, Error> {
    let mut select = tx.prepare_cached(
        "SELECT packet, member, envelope, digest, size, state, reason, kept_at, ended_at FROM outbound WHERE number = ?1",
    )?;
    let mut rows = select.query([number])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let id = text(row, 0)?;
    Ok(Some(Outgoing {
        packet: parsed(&id, "packet")?,
        member: parsed(&text(row, 1)?, "member")?,
        envelope: envelope(&text(row, 2)?)?,
        digest: parsed(&text(row, 3)?, "digest")?,
        size: unsigned(row.get(4)?),
        state: text(row, 5)?,
        reason: row.get(6)?,
        kept_at: moment(row.get(7)?),
        ended_at: row.get::<_, Option<i64>>(8)?.map(moment),
        recipients: recipients(tx, &id)?,
        receipts: receipts(tx, &id)?,
    }))
}

fn recipients(tx: &Tx<'_>, packet: &str) -> Result<Vec<Recipient>, Error> {
    let mut select = tx.prepare_cached(
        "SELECT member, state, reason, at FROM recipient WHERE packet = ?1 ORDER BY member",
    )?;
    let mut rows = select.query([packet])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let member = parsed(&text(row, 0)?, "member")?;
        all.push((member, text(row, 1)?, row.get(2)?, moment(row.get(3)?)));
    }
    Ok(all)
}

fn incoming(tx: &Tx<'_>, number: i64) -> Result<Option<Incoming>, Error> {
    let mut select = tx.prepare_cached(
        "SELECT packet, doc, member, sender, envelope, inbox.digest, size, state, reason, created, updated, seal, bytes
         FROM inbox JOIN seal_head ON seal_head.number = head WHERE inbox.number = ?1",
    )?;
    let mut rows = select.query([number])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let (id, member) = (text(row, 0)?, text(row, 2)?);
    let mut receipts = receipts(tx, &id)?;
    // What other recipients said is between them and the sender.
    receipts.retain(|(_, by, _)| *by == member);
    Ok(Some(Incoming {
        packet: parsed(&id, "packet")?,
        doc: parsed(&text(row, 1)?, "document id")?,
        member: parsed(&member, "member")?,
        sender: parsed(&text(row, 3)?, "member")?,
        envelope: envelope(&text(row, 4)?)?,
        digest: parsed(&text(row, 5)?, "digest")?,
        size: unsigned(row.get(6)?),
        state: text(row, 7)?,
        reason: row.get(8)?,
        created: moment(row.get(9)?),
        updated: moment(row.get(10)?),
        seal: whole(row, 11)?,
        receipts,
    }))
}

fn receipts(tx: &Tx<'_>, packet: &str) -> SqlResult<Vec<KeptReceipt>> {
    let mut select = tx.prepare_cached(
        "SELECT status, member, seal, bytes FROM receipt JOIN seal_head ON seal_head.number = head
         WHERE packet = ?1 ORDER BY status, member",
    )?;
    let rows = select.query_map([packet], |row| {
        Ok((row.get(0)?, row.get(1)?, whole(row, 2)?))
    })?;
    rows.collect()
}

fn text(row: &Row<'_>, column: usize) -> SqlResult<String> {
    row.get(column)
}
