//! Packets, mail and promises in the hub's store, found by what people call a document.

use std::collections::BTreeSet;

use crate::clock::Moment;
use crate::evidence::Record;
use crate::hub::{Error, order};
use crate::packet::{DocId, PacketId};
use crate::seal::record_of;
use crate::spool::whole;
use crate::store::{SqlResult, Store, Tx, params};
use crate::trace::comparable;

/// The table of names, filled by whoever counts the evidence.
pub(in crate::hub) const NAMES_SCHEMA: &str = "
CREATE TABLE hub_name (
  name TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (name, number)) WITHOUT ROWID;
";

/// A packet or void as it was kept.
pub(super) struct Kept {
    pub(super) record: Record,
    pub(super) seal: Vec<u8>,
    pub(super) at: Moment,
    pub(super) unreached: Option<String>,
}

/// A place in a mailbox.
pub(super) struct Mail {
    pub(super) recipient: String,
    pub(super) state: i64,
    pub(super) leased: bool,
}

/// A recipient's receipt.
pub(super) struct Promise {
    pub(super) member: String,
    pub(super) status: String,
    pub(super) at: Moment,
    pub(super) seal: Vec<u8>,
}

/// What people call a packet: its code, its DocumentId and those it speaks of, and what each recipient's software calls it.
pub(in crate::hub) fn names(record: &Record) -> BTreeSet<String> {
    let written = record
        .code
        .iter()
        .chain(&record.document)
        .chain(&record.refs);
    let mut all: BTreeSet<String> = written.map(|name| comparable(name)).collect();
    let docs = record.to.iter().map(|to| {
        let doc = DocId::of_recipient(record.packet, &to.member);
        comparable(&doc.to_string())
    });
    all.extend(docs);
    all
}

/// Packets of that name, the newest first.
pub(super) async fn by_name(store: &Store, name: &str, limit: usize) -> Result<Vec<Kept>, Error> {
    let name = name.trim().to_owned();
    store
        .read(move |tx| {
            let mut found = Vec::new();
            for number in numbers(tx, &name, limit)? {
                found.extend(kept(tx, number)?);
            }
            Ok(found)
        })
        .await
}

fn numbers(tx: &Tx<'_>, name: &str, limit: usize) -> Result<Vec<i64>, Error> {
    let by_id = tx
        .prepare_cached("SELECT number FROM hub_packet WHERE id = ?1")?
        .query_map([name.to_lowercase()], |row| row.get(0))?
        .collect::<SqlResult<Vec<i64>>>()?;
    if !by_id.is_empty() {
        return Ok(by_id);
    }
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let named = tx
        .prepare_cached(
            "SELECT number FROM hub_name WHERE name = ?1 ORDER BY number DESC LIMIT ?2",
        )?
        .query_map(params![comparable(name), limit], |row| row.get(0))?
        .collect::<SqlResult<Vec<i64>>>()?;
    Ok(named)
}

fn kept(tx: &Tx<'_>, number: i64) -> Result<Option<Kept>, Error> {
    let mut select = tx.prepare_cached(
        "SELECT seal, bytes, kept_at, unreached FROM hub_packet JOIN seal_head ON seal_head.number = head
         WHERE hub_packet.number = ?1",
    )?;
    let mut rows = select.query([number])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let seal = whole(row, 0)?;
    let Ok(record) = record_of(&seal) else {
        return Ok(None);
    };
    Ok(Some(Kept {
        record,
        seal,
        at: moment(row.get(2)?),
        unreached: row.get(3)?,
    }))
}

pub(super) async fn mail(store: &Store, packet: PacketId) -> Result<Vec<Mail>, Error> {
    let all = move |tx: &Tx<'_>| -> Result<Vec<Mail>, Error> {
        let mut select =
            tx.prepare_cached("SELECT recipient, state FROM hub_mailbox WHERE packet = ?1")?;
        let rows = select.query_map([packet.to_string()], |row| {
            let state: i64 = row.get(1)?;
            Ok(Mail {
                recipient: row.get(0)?,
                state,
                leased: state != order::HIDDEN && state != order::READY && state != order::DONE,
            })
        })?;
        Ok(rows.collect::<SqlResult<_>>()?)
    };
    store.read(all).await
}

pub(super) async fn promises(store: &Store, packet: PacketId) -> Result<Vec<Promise>, Error> {
    let all = move |tx: &Tx<'_>| -> Result<Vec<Promise>, Error> {
        let mut select = tx.prepare_cached(
            "SELECT member, status, at, seal, bytes FROM hub_receipt JOIN seal_head ON seal_head.number = head
             WHERE packet = ?1 ORDER BY position",
        )?;
        let rows = select.query_map([packet.to_string()], |row| {
            Ok(Promise {
                member: row.get(0)?,
                status: row.get(1)?,
                at: moment(row.get(2)?),
                seal: whole(row, 3)?,
            })
        })?;
        Ok(rows.collect::<SqlResult<_>>()?)
    };
    store.read(all).await
}

fn moment(millis: i64) -> Moment {
    Moment::UNIX_EPOCH + time::Duration::milliseconds(millis)
}
