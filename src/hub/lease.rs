//! What a poll takes out of the mailboxes, in one transaction: urgent first, fair between members, then as it came.

use std::collections::{HashMap, VecDeque};

use super::mailbox::Waiting;
use super::order::{LEASED, READY};
use super::{Error, unsigned};
use crate::packet::MemberId;
use crate::store::{Tx, params};
use crate::uplink::MailboxEntry;

/// What a poll asks for.
#[derive(Debug)]
pub(super) struct Wanted {
    /// Members that may have mail; who stands first has the first turn.
    pub(super) members: Vec<MemberId>,
    /// Packets at most.
    pub(super) limit: usize,
    /// Milliseconds since 1970.
    pub(super) now: i64,
    /// Until when they are leased.
    pub(super) until: i64,
    /// Whether running leases end.
    pub(super) anew: bool,
}

/// What it got, and what each of its members has left.
#[derive(Debug)]
pub(super) struct Leased {
    pub(super) entries: Vec<MailboxEntry>,
    pub(super) left: Vec<(MemberId, Waiting)>,
}

/// One member's ready rows, read a few at a time.
struct Lane<'a> {
    member: &'a MemberId,
    rows: VecDeque<Row>,
    /// Behind which the next rows stand.
    read: (i64, i64),
    more: bool,
}

#[derive(Debug)]
struct Row {
    urgency: i64,
    position: i64,
    packet: String,
    size: i64,
}

/// Leases what a poll wants.
pub(super) fn lease(tx: &Tx<'_>, wanted: &Wanted) -> Result<Leased, Error> {
    let ended = if wanted.anew { i64::MAX } else { wanted.now };
    for member in &wanted.members {
        tx.prepare_cached(
            "UPDATE hub_mailbox SET state = 1 WHERE recipient = ?1 AND state = 2 AND leased_until <= ?2",
        )?
        .execute(params![member.as_str(), ended])?;
    }
    let chunk = wanted.limit / wanted.members.len().max(1) + 2;
    let mut lanes = Vec::with_capacity(wanted.members.len());
    for member in &wanted.members {
        let mut lane = Lane {
            member,
            rows: VecDeque::new(),
            read: (-1, 0),
            more: true,
        };
        lane.refill(tx, chunk)?;
        lanes.push(lane);
    }
    let mut entries = Vec::new();
    for urgency in 0..=4 {
        // Round after round, one of each member, until nobody has one of this urgency.
        let mut any = true;
        while any && entries.len() < wanted.limit {
            any = false;
            for lane in &mut lanes {
                if entries.len() == wanted.limit {
                    break;
                }
                if let Some(row) = lane.next(tx, urgency, chunk)? {
                    entries.push(take(tx, lane.member, &row, wanted.until)?);
                    any = true;
                }
            }
        }
    }
    let left = lanes
        .iter()
        .map(|lane| {
            let ready = lane.more || !lane.rows.is_empty();
            let waiting = Waiting {
                ready,
                lease_ends: first_end(tx, lane.member)?,
            };
            Ok((lane.member.clone(), waiting))
        })
        .collect::<Result<_, Error>>()?;
    Ok(Leased { entries, left })
}

impl Lane<'_> {
    fn next(&mut self, tx: &Tx<'_>, urgency: i64, chunk: usize) -> Result<Option<Row>, Error> {
        if self.rows.is_empty() && self.more {
            self.refill(tx, chunk)?;
        }
        Ok(match self.rows.front() {
            Some(row) if row.urgency == urgency => self.rows.pop_front(),
            _ => None,
        })
    }

    fn refill(&mut self, tx: &Tx<'_>, chunk: usize) -> Result<(), Error> {
        let mut select = tx.prepare_cached(
            "SELECT urgency, position, packet, size FROM hub_mailbox INDEXED BY hub_mailbox_ready
             WHERE recipient = ?1 AND state = 1 AND (urgency, position) > (?2, ?3)
             ORDER BY urgency, position LIMIT ?4",
        )?;
        let limit = i64::try_from(chunk).unwrap_or(i64::MAX);
        let rows = select.query_map(
            params![self.member.as_str(), self.read.0, self.read.1, limit],
            |row| {
                Ok(Row {
                    urgency: row.get(0)?,
                    position: row.get(1)?,
                    packet: row.get(2)?,
                    size: row.get(3)?,
                })
            },
        )?;
        for row in rows {
            self.rows.push_back(row?);
        }
        self.more = self.rows.len() >= chunk;
        if let Some(last) = self.rows.back() {
            self.read = (last.urgency, last.position);
        }
        Ok(())
    }
}

fn take(tx: &Tx<'_>, member: &MemberId, row: &Row, until: i64) -> Result<MailboxEntry, Error> {
    tx.prepare_cached("UPDATE hub_mailbox SET state = ?2, leased_until = ?3 WHERE position = ?1")?
        .execute(params![row.position, LEASED, until])?;
    let packet = row.packet.parse();
    Ok(MailboxEntry {
        packet: packet
            .map_err(|_| Error::Registry(format!("packet id {:?} in the store", row.packet)))?,
        to: member.clone(),
        size: unsigned(row.size),
    })
}

fn first_end(tx: &Tx<'_>, member: &MemberId) -> Result<Option<i64>, Error> {
    let mut select = tx.prepare_cached(
        "SELECT min(leased_until) FROM hub_mailbox WHERE recipient = ?1 AND state = 2",
    )?;
    Ok(select.query_row([member.as_str()], |row| row.get(0))?)
}

/// What waits for whom, read at the start.
pub(super) fn waiting(tx: &Tx<'_>) -> Result<HashMap<MemberId, Waiting>, Error> {
    let mut all: HashMap<MemberId, Waiting> = HashMap::new();
    let mut select = tx.prepare(
        "SELECT recipient, 1, NULL FROM hub_mailbox WHERE state = 1 GROUP BY recipient
         UNION ALL
         SELECT recipient, 2, min(leased_until) FROM hub_mailbox WHERE state = 2 GROUP BY recipient",
    )?;
    let rows = select.query_map([], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get(2)?))
    })?;
    for row in rows {
        let (member, state, ends) = row?;
        let member = member
            .parse()
            .map_err(|_| Error::Registry(format!("recipient {member:?} in the store")))?;
        let waiting = all.entry(member).or_default();
        waiting.ready |= state == READY;
        waiting.lease_ends = waiting.lease_ends.or(ends);
    }
    Ok(all)
}
