//! What software and operators are shown of the spool, a member at a time.

use std::collections::BTreeMap;

use super::row::{envelope, millis, moment, parsed, unsigned};
use super::{Error, KeptReceipt, Proofs, Spool};
use crate::clock::Moment;
use crate::packet::{DocId, Envelope, MemberId, PacketId};
use crate::store::{Row, SqlResult, Tx, params};

/// A span of time, both ends optional.
#[derive(Clone, Copy, Debug, Default)]
pub struct Window {
    /// Not before.
    pub from: Option<Moment>,
    /// Not after.
    pub to: Option<Moment>,
}

/// A packet offered to a member's software.
#[derive(Clone, Debug)]
pub struct Inboxed {
    /// The recipient's document id.
    pub doc: DocId,
    /// Its packet.
    pub packet: PacketId,
    /// From whom.
    pub from: MemberId,
    /// For whom.
    pub to: MemberId,
    /// `edoc` or `status`.
    pub messagetype: String,
    /// `initial` or `processing`.
    pub state: String,
    /// What the software said with it.
    pub reason: Option<String>,
    /// When it came.
    pub created: Moment,
    /// When its state changed.
    pub updated: Moment,
}

/// One recipient of a packet that a member sent.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Its packet.
    pub packet: PacketId,
    /// `edoc` or `status`.
    pub messagetype: String,
    /// Its header.
    pub envelope: Envelope,
    /// `kept`, `accepted` or `refused`.
    pub state: String,
    /// Why it was refused.
    pub reason: Option<String>,
    /// To whom.
    pub to: MemberId,
    /// `initial`, `accepted`, `delivered`, `done` or `fail`.
    pub received: String,
    /// What the recipient said.
    pub received_reason: Option<String>,
    /// When it was kept.
    pub kept_at: Moment,
    /// When the recipient's state changed.
    pub at: Moment,
}

/// How much is on its way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Packets kept and not yet with the hub.
    pub outbound: u64,
    /// Packets offered and not yet taken.
    pub inbound: u64,
    /// Receipts that the hub does not have yet.
    pub owed: u64,
}

/// What waits for one member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queue {
    /// Packets kept and not yet with the hub.
    pub outbound: u64,
    /// When the oldest of them was kept.
    pub outbound_since: Option<Moment>,
    /// Documents offered that its software has not taken.
    pub offered: u64,
    /// When the oldest of them came.
    pub offered_since: Option<Moment>,
}

/// Rows given at once: what software has not confirmed comes again.
const LONGEST_LIST: u32 = 2_000;

impl Spool {
    /// What is offered to a member: all that its software has not said done or fail of, oldest first.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn inbox(
        &self,
        member: &MemberId,
        messagetype: &str,
        window: Window,
    ) -> Result<Vec<Inboxed>, Error> {
        let (member, messagetype) = (member.clone(), messagetype.to_owned());
        self.store
            .read(move |tx| {
                let mut select = tx.prepare_cached(
                    "SELECT doc, packet, sender, state, reason, created, updated FROM inbox \
                     WHERE member = ?1 AND messagetype = ?2 AND state IN ('initial', 'processing') \
                     AND created BETWEEN ?3 AND ?4 ORDER BY created, packet LIMIT ?5",
                )?;
                let (from, to) = bounds(window);
                let rows = select.query_map(
                    params![member.as_str(), messagetype, from, to, LONGEST_LIST],
                    |row| Ok(inboxed(row, &member, &messagetype)),
                )?;
                rows.map(|row| row?).collect()
            })
            .await
    }

    /// How many packets are offered to a member.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn count_inbox(&self, member: &MemberId, messagetype: &str) -> Result<u64, Error> {
        let (member, messagetype) = (member.clone(), messagetype.to_owned());
        self.store
            .read(move |tx| {
                count(
                    tx,
                    "SELECT count(*) FROM inbox WHERE member = ?1 AND messagetype = ?2 \
                     AND state IN ('initial', 'processing')",
                    &[member.as_str(), &messagetype],
                )
            })
            .await
    }

    /// What a member sent, a row a recipient, newest first.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn sent(
        &self,
        member: &MemberId,
        messagetype: &str,
        window: Window,
    ) -> Result<Vec<Sent>, Error> {
        let (member, messagetype) = (member.clone(), messagetype.to_owned());
        self.store
            .read(move |tx| {
                let mut select = tx.prepare_cached(
                    "SELECT o.packet, o.messagetype, o.envelope, o.state, o.reason, r.member, r.state, r.reason, \
                     o.kept_at, r.at, o.ended_at FROM outbound o JOIN recipient r ON r.packet = o.packet \
                     WHERE o.member = ?1 AND o.messagetype = ?2 AND o.kept_at BETWEEN ?3 AND ?4 \
                     ORDER BY o.kept_at DESC, o.packet, r.member LIMIT ?5",
                )?;
                let (from, to) = bounds(window);
                let rows = select.query_map(
                    params![member.as_str(), messagetype, from, to, LONGEST_LIST],
                    |row| Ok(sent(row)),
                )?;
                rows.map(|row| row?).collect()
            })
            .await
    }

    /// Seals that lie with a packet, of this box's member or of others about it: receipts by word and member.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn receipts(&self, packet: PacketId) -> Result<Vec<KeptReceipt>, Error> {
        Proofs::new(self.store.clone()).receipts(packet).await
    }

    /// What waits, by member; members for whom nothing waits are left out.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn queues(&self) -> Result<BTreeMap<MemberId, Queue>, Error> {
        self.store
            .read(|tx| {
                let mut all: BTreeMap<MemberId, Queue> = BTreeMap::new();
                let select = "SELECT member, count(*), min(kept_at) FROM outbound \
                     WHERE state = 'kept' GROUP BY member";
                for (member, count, since) in waiting(tx, select)? {
                    let queue = all.entry(member).or_default();
                    (queue.outbound, queue.outbound_since) = (count, Some(since));
                }
                let select = "SELECT member, count(*), min(created) FROM inbox \
                     WHERE state IN ('initial', 'processing') GROUP BY member";
                for (member, count, since) in waiting(tx, select)? {
                    let queue = all.entry(member).or_default();
                    (queue.offered, queue.offered_since) = (count, Some(since));
                }
                Ok(all)
            })
            .await
    }

    /// How much is on its way through this box.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn load(&self) -> Result<Load, Error> {
        self.store
            .read(|tx| {
                Ok(Load {
                    outbound: count(
                        tx,
                        "SELECT count(*) FROM outbound WHERE state = 'kept'",
                        &[],
                    )?,
                    inbound: count(
                        tx,
                        "SELECT count(*) FROM inbox WHERE state IN ('initial', 'processing')",
                        &[],
                    )?,
                    owed: count(tx, "SELECT count(*) FROM owed", &[])?,
                })
            })
            .await
    }
}

fn waiting(tx: &Tx<'_>, select: &str) -> Result<Vec<(MemberId, u64, Moment)>, Error> {
    let mut select = tx.prepare_cached(select)?;
    let rows = select.query_map([], |row| {
        Ok((text(row, 0)?, unsigned(row.get(1)?), moment(row.get(2)?)))
    })?;
    rows.map(|row| {
        let (member, count, since) = row?;
        Ok((parsed(&member, "member")?, count, since))
    })
    .collect()
}

fn count(tx: &Tx<'_>, select: &str, parameters: &[&str]) -> Result<u64, Error> {
    let number: i64 = tx
        .prepare_cached(select)?
        .query_row(crate::store::params_from_iter(parameters), |row| row.get(0))?;
    Ok(unsigned(number))
}

fn bounds(window: Window) -> (i64, i64) {
    (
        window.from.map_or(i64::MIN, millis),
        window.to.map_or(i64::MAX, millis),
    )
}

fn inboxed(row: &Row<'_>, to: &MemberId, messagetype: &str) -> Result<Inboxed, Error> {
    Ok(Inboxed {
        doc: parsed(&text(row, 0)?, "document id")?,
        packet: parsed(&text(row, 1)?, "packet")?,
        from: parsed(&text(row, 2)?, "member")?,
        to: to.clone(),
        messagetype: messagetype.to_owned(),
        state: text(row, 3)?,
        reason: row.get(4)?,
        created: moment(row.get(5)?),
        updated: moment(row.get(6)?),
    })
}

fn sent(row: &Row<'_>) -> Result<Sent, Error> {
    let (state, mut received) = (text(row, 3)?, text(row, 6)?);
    let (mut at, ended): (i64, Option<i64>) = (row.get(9)?, row.get(10)?);
    // What the hub accepted it accepted for everyone: no row of a recipient is written for that.
    if state == "accepted" && received == "initial" {
        received.clone_from(&state);
        at = ended.unwrap_or(at);
    }
    Ok(Sent {
        packet: parsed(&text(row, 0)?, "packet")?,
        messagetype: text(row, 1)?,
        envelope: envelope(&text(row, 2)?)?,
        state,
        reason: row.get(4)?,
        to: parsed(&text(row, 5)?, "member")?,
        received,
        received_reason: row.get(7)?,
        kept_at: moment(row.get(8)?),
        at: moment(at),
    })
}

fn text(row: &Row<'_>, column: usize) -> SqlResult<String> {
    row.get(column)
}
