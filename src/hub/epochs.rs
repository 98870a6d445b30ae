//! Logs that begin anew behind an older head: a box was lost and came back from a backup.
//!
//! The hub promises that a member's log only grows, so that an older head is a rollback to it. Only two operators of the hub
//! let it go, for one member, one head and one old head that they name; what was witnessed of the lost part is kept beside
//! the log for ever.

use std::str::FromStr;

use data_encoding::BASE64;

use super::door::Asker;
use super::heads::{newest, other_root, root_at};
use super::{Error, Hub, millis, signed, unsigned};
use crate::https::{Response, StatusCode};
use crate::merkle::Hash;
use crate::merkle::checkpoint::Checkpoint;
use crate::packet::{MemberId, PacketId};
use crate::store::{self, OptionalExt, Tx, params};
use crate::uplink::{EpochAsk, Given, LogState, Pair, Said};

/// The tables of this room.
pub(super) const SCHEMA: &str = "
CREATE TABLE hub_epoch (
  member TEXT NOT NULL, number INTEGER NOT NULL, size INTEGER NOT NULL, root BLOB NOT NULL, old_size INTEGER NOT NULL,
  old_root BLOB NOT NULL, asked_at INTEGER NOT NULL, opened_at INTEGER, PRIMARY KEY (member, number)) WITHOUT ROWID;
CREATE TABLE hub_head_past (
  member TEXT NOT NULL, epoch INTEGER NOT NULL, size INTEGER NOT NULL, root BLOB NOT NULL, body BLOB NOT NULL,
  cms BLOB NOT NULL, PRIMARY KEY (member, epoch, size)) WITHOUT ROWID;
";

/// Packets in one answer.
const LONGEST: u32 = 2_000;
/// Missing places of one pair in one answer.
const MISSING: u64 = 10_000;

/// What two operators agree upon: a log goes on behind `size` records although the hub has seen `old_size`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// Whose log.
    pub member: MemberId,
    /// Records that the restored log has.
    pub size: u64,
    /// Root over them.
    pub root: Hash,
    /// Records that the hub has seen.
    pub old_size: u64,
    /// Root over those.
    pub old_root: Hash,
}

/// Tells a box what the hub has seen of a member's log.
pub(super) async fn state(hub: &Hub, asker: &Asker, member: MemberId) -> Result<Response, Error> {
    asker.speaks_for(&member)?;
    let state = hub.store.read(move |tx| state_of(tx, &member)).await?;
    Ok(Response::json(StatusCode::OK, &state))
}

/// Notes that a box asks for a new epoch.
///
/// # Errors
/// [`Error::Fork`] when the hub knows another history up to that head.
pub(super) async fn ask(hub: &Hub, asker: &Asker, ask: EpochAsk) -> Result<Response, Error> {
    asker.speaks_for(&ask.member)?;
    let root = BASE64.decode(ask.root.as_bytes()).ok();
    let root = root.and_then(|root| Hash::try_from(root).ok());
    let root = root.ok_or_else(|| Error::Call("the root is not 32 bytes".to_owned()))?;
    let now = hub.now_ms();
    let state = hub.store.write(move |tx| {
        note(tx, &ask, root, now)?;
        state_of(tx, &ask.member)
    });
    Ok(Response::json(StatusCode::OK, &state.await?))
}

fn note(tx: &Tx<'_>, ask: &EpochAsk, root: Hash, now: i64) -> Result<(), Error> {
    let member = &ask.member;
    if let Some(known) = root_at(tx, member, ask.size)?
        && known != root
    {
        return Err(other_root(member, ask.size));
    }
    let (old_size, old_root) = newest(tx, member)?;
    if ask.size >= old_size {
        return Ok(());
    }
    tx.execute(
        "DELETE FROM hub_epoch WHERE member = ?1 AND opened_at IS NULL
         AND NOT (size = ?2 AND root = ?3 AND old_size = ?4)",
        params![member.as_str(), signed(ask.size), root, signed(old_size)],
    )?;
    tx.execute(
        "INSERT OR IGNORE INTO hub_epoch (member, number, size, root, old_size, old_root, asked_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            member.as_str(),
            number(tx, member)? + 1,
            signed(ask.size),
            root,
            signed(old_size),
            old_root,
            now
        ],
    )?;
    Ok(())
}

/// Number of the epoch that a log is in.
fn number(tx: &Tx<'_>, member: &MemberId) -> Result<i64, store::Error> {
    Ok(tx.query_row(
        "SELECT ifnull(max(number), 1) FROM hub_epoch WHERE member = ?1 AND opened_at IS NOT NULL",
        [member.as_str()],
        |row| row.get(0),
    )?)
}

fn state_of(tx: &Tx<'_>, member: &MemberId) -> Result<LogState, Error> {
    let (size, root) = newest(tx, member)?;
    let mut pairs = Vec::new();
    let mut select = tx.prepare(
        "SELECT addressed, through, ifnull((SELECT max(sequence) FROM hub_ahead a
           WHERE a.sender = p.sender AND a.addressed = p.addressed), 0)
         FROM hub_pair p WHERE sender = ?1",
    )?;
    let mut rows = select.query([member.as_str()])?;
    while let Some(row) = rows.next()? {
        let (to, through, ahead): (String, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let mut missing = Vec::new();
        for sequence in unsigned(through) + 1..unsigned(ahead) {
            let there: Option<i64> = tx
                .prepare_cached(
                    "SELECT 1 FROM hub_ahead WHERE sender = ?1 AND addressed = ?2 AND sequence = ?3",
                )?
                .query_row(params![member.as_str(), to, signed(sequence)], |row| row.get(0))
                .optional()?;
            if there.is_none() {
                missing.push(sequence);
            }
            if missing.len() as u64 >= MISSING {
                break;
            }
        }
        let damaged = |_| Error::Registry(format!("code {to:?} in the store"));
        pairs.push(Pair {
            to: to.parse().map_err(damaged)?,
            last: unsigned(through.max(ahead)),
            missing,
        });
    }
    Ok(LogState {
        size,
        root: BASE64.encode(&root),
        epoch: unsigned(number(tx, member)?),
        pairs,
    })
}

/// Tells a box of which packets a member gave receipts.
pub(super) async fn given(
    hub: &Hub,
    asker: &Asker,
    member: MemberId,
    since: i64,
    after: Option<PacketId>,
) -> Result<Response, Error> {
    asker.speaks_for(&member)?;
    let given = hub.store.read(move |tx| {
        let after = after.map_or_else(String::new, |after| after.to_string());
        let mut select = tx.prepare_cached(
            "SELECT r.packet, p.size, max(CASE status WHEN 'delivered' THEN 1 WHEN 'collected' THEN 2 ELSE 3 END)
             FROM hub_receipt r JOIN hub_packet p ON p.id = r.packet
             WHERE r.packet > ?1 AND r.member = ?2 AND r.at >= ?3
             GROUP BY r.packet ORDER BY r.packet LIMIT ?4",
        )?;
        let rows = select.query_map(params![after, member.as_str(), since, LONGEST], |row| {
            Ok((row.get::<_, String>(0)?, row.get(1)?, row.get::<_, i64>(2)?))
        })?;
        let packets = rows.map(|row| {
            let (packet, size, status) = row?;
            let status = ["delivered", "collected", "failed"][usize::from(status > 1) + usize::from(status > 2)];
            Ok(Said {
                packet: PacketId::from_str(&packet)
                    .map_err(|_| Error::Registry(format!("packet id {packet:?} in the store")))?,
                size: unsigned(size),
                status: status.to_owned(),
            })
        });
        Ok::<_, Error>(Given {
            packets: packets.collect::<Result<_, Error>>()?,
        })
    });
    Ok(Response::json(StatusCode::OK, &given.await?))
}

impl Hub {
    /// Whether a box has asked for just this epoch, and the log still stands as it says.
    ///
    /// # Errors
    /// [`Error::Registry`] says what stands against it.
    pub async fn may_open_epoch(&self, epoch: &Epoch) -> Result<(), Error> {
        let epoch = epoch.clone();
        self.store.read(move |tx| asked(tx, &epoch).map(drop)).await
    }

    /// Lets a log go on behind an older head. For two operators alone.
    ///
    /// # Errors
    /// As [`Hub::may_open_epoch`], or when the store fails.
    pub async fn open_epoch(&self, epoch: &Epoch) -> Result<(), Error> {
        let (taken, now) = (epoch.clone(), millis(self.clock.now()));
        self.store.write(move |tx| open(tx, &taken, now)).await?;
        self.heads.forget();
        Ok(())
    }
}

fn asked(tx: &Tx<'_>, epoch: &Epoch) -> Result<i64, Error> {
    let member = &epoch.member;
    let number: Option<i64> = tx
        .query_row(
            "SELECT number FROM hub_epoch WHERE member = ?1 AND opened_at IS NULL
             AND size = ?2 AND root = ?3 AND old_size = ?4 AND old_root = ?5",
            params![
                member.as_str(),
                signed(epoch.size),
                epoch.root,
                signed(epoch.old_size),
                epoch.old_root
            ],
            |row| row.get(0),
        )
        .optional()?;
    let number = number.ok_or_else(|| {
        Error::Registry(format!(
            "no box has asked for an epoch of {member} behind {} records after {}; a restored box says in `trucgate status` what it asks for",
            epoch.size, epoch.old_size
        ))
    })?;
    if newest(tx, member)? == (epoch.old_size, epoch.old_root) {
        Ok(number)
    } else {
        Err(Error::Registry(format!(
            "the log of {member} has grown behind {} records: is its old box still at work?",
            epoch.old_size
        )))
    }
}

fn open(tx: &Tx<'_>, epoch: &Epoch, now: i64) -> Result<(), Error> {
    let number = asked(tx, epoch)?;
    let (member, size) = (epoch.member.as_str(), signed(epoch.size));
    tx.execute(
        "INSERT INTO hub_head_past (member, epoch, size, root, body, cms)
         SELECT member, ?3, size, root, body, cms FROM hub_head WHERE member = ?1 AND size > ?2",
        params![member, size, number - 1],
    )?;
    tx.execute(
        "DELETE FROM hub_head WHERE member = ?1 AND size > ?2",
        params![member, size],
    )?;
    if epoch.size > 0 {
        // Perhaps never announced: then it is here on the word of the two operators, without a signature.
        let head = Checkpoint {
            origin: member.to_owned(),
            size: epoch.size,
            root: epoch.root,
            extensions: Vec::new(),
        };
        tx.execute(
            "INSERT OR IGNORE INTO hub_head (member, size, root, body, cms) VALUES (?1, ?2, ?3, ?4, X'')",
            params![member, size, epoch.root, head.body().into_bytes()],
        )?;
    }
    tx.execute(
        "UPDATE hub_epoch SET opened_at = ?3 WHERE member = ?1 AND number = ?2",
        params![member, number, now],
    )?;
    Ok(())
}
