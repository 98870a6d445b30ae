//! What was entered into the register, by whom and when: written with the change itself, and put on the hub's record before a
//! directory shows it.
//!
//! The hub's log has one owner, the running hub; an operator's command beside it can't write there. So the change, its text
//! and a note that a record is due are one transaction, and the hub pays what is due before it publishes.

use serde::{Deserialize, Serialize};

use super::Change;
use crate::clock::{Chance, Clock, Moment};
use crate::evidence::{Archive, Entry, Record, RecordKind};
use crate::hub::{Error, Hub, millis, signed, unsigned};
use crate::packet::{Digest, MemberId, PacketId};
use crate::seal::{Bundle, Known, Seal};
use crate::store::{OptionalExt, Row, SqlResult, Store, Tx, params};
use crate::trust::directory::Member;

/// The tables of this room.
pub(in crate::hub) const SCHEMA: &str = "
CREATE TABLE hub_entered (
  number INTEGER PRIMARY KEY, packet TEXT NOT NULL UNIQUE, at INTEGER NOT NULL, ordered_by TEXT NOT NULL,
  kind TEXT NOT NULL, count INTEGER NOT NULL, text BLOB NOT NULL, digest TEXT NOT NULL, size INTEGER NOT NULL,
  recorded INTEGER NOT NULL DEFAULT 0);
CREATE INDEX hub_entered_due ON hub_entered (number) WHERE recorded = 0;
CREATE TABLE hub_entered_code (
  code TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (code, number)) WITHOUT ROWID;
";

/// Who orders a change, and when.
#[derive(Clone, Debug)]
pub struct Order {
    packet: PacketId,
    at: Moment,
    by: String,
}

impl Order {
    /// An order of `by`, now.
    #[must_use]
    pub fn new(by: impl Into<String>, clock: &Clock, chance: &Chance) -> Self {
        let at = clock.now();
        Self {
            packet: PacketId::new(at, chance),
            at,
            by: by.into(),
        }
    }
}

/// What an order changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Done {
    /// A file of changes.
    Applied(Vec<Change>),
    /// A table's members that were new or said something new.
    Imported(Vec<Member>),
    /// A box's enrolment, and what it changed.
    Approved {
        /// The box.
        enrolment: MemberId,
        /// The changes.
        changes: Vec<Change>,
    },
    /// A member that was taken out.
    Removed(MemberId),
}

/// The text that is kept, and whose digest goes on record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entered<D = Done> {
    /// The record's id.
    pub id: PacketId,
    /// When it was ordered.
    #[serde(with = "crate::clock::text")]
    pub at: Moment,
    /// Who ordered it.
    pub by: String,
    /// What was changed.
    pub done: D,
}

/// An order with its text, ready to be kept.
#[derive(Debug)]
pub(super) struct Text {
    order: Order,
    kind: &'static str,
    codes: Vec<MemberId>,
    count: u64,
    text: Vec<u8>,
}

impl Text {
    /// Writes down what an order does.
    pub(super) fn of(order: Order, done: &Done) -> Result<Self, Error> {
        let (kind, codes) = match done {
            Done::Applied(changes) => ("applied", changes.iter().map(Change::code).collect()),
            Done::Imported(members) => {
                ("imported", members.iter().map(|m| m.code.clone()).collect())
            }
            Done::Approved { changes, .. } => {
                ("approved", changes.iter().map(Change::code).collect())
            }
            Done::Removed(code) => ("removed", vec![code.clone()]),
        };
        let entered = Entered {
            id: order.packet,
            at: order.at,
            by: order.by.clone(),
            done,
        };
        let text = serde_json::to_vec(&entered).map_err(|e| Error::Registry(e.to_string()))?;
        Ok(Self {
            order,
            kind,
            count: codes.len() as u64,
            codes,
            text,
        })
    }

    /// Keeps it beside the change, in one transaction with it.
    pub(super) fn keep(&self, tx: &Tx<'_>) -> Result<(), Error> {
        tx.execute(
            "INSERT INTO hub_entered (packet, at, ordered_by, kind, count, text, digest, size)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                self.order.packet.to_string(),
                millis(self.order.at),
                self.order.by,
                self.kind,
                signed(self.count),
                self.text,
                Digest::of(&self.text).to_string(),
                signed(self.text.len() as u64),
            ],
        )?;
        let number: i64 = tx.query_row("SELECT max(number) FROM hub_entered", [], |r| r.get(0))?;
        let mut insert = tx.prepare_cached(
            "INSERT OR IGNORE INTO hub_entered_code (code, number) VALUES (?1, ?2)",
        )?;
        for code in &self.codes {
            insert.execute(params![code.as_str(), number])?;
        }
        Ok(())
    }
}

/// A line of the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Its number, counted from 1.
    pub number: u64,
    /// The record's id.
    pub id: PacketId,
    /// When it was ordered.
    #[serde(with = "crate::clock::text")]
    pub at: Moment,
    /// Who ordered it.
    pub by: String,
    /// applied, imported, approved or removed.
    pub kind: String,
    /// How many entries it changed.
    pub count: u64,
    /// Digest of its text.
    pub digest: Digest,
    /// Length of its text.
    pub size: u64,
    /// Whether the hub has it on its record; it will before the next directory.
    pub recorded: bool,
}

const LINE: &str = "number, packet, at, ordered_by, kind, count, digest, size, recorded";

fn line(row: &Row<'_>) -> SqlResult<Option<Line>> {
    let (id, digest): (String, String) = (row.get(1)?, row.get(6)?);
    let at = time::Duration::milliseconds(row.get(2)?);
    let (Ok(id), Ok(digest)) = (id.parse(), digest.parse()) else {
        return Ok(None);
    };
    Ok(Some(Line {
        number: unsigned(row.get(0)?),
        id,
        at: Moment::UNIX_EPOCH + at,
        by: row.get(3)?,
        kind: row.get(4)?,
        count: unsigned(row.get(5)?),
        digest,
        size: unsigned(row.get(7)?),
        recorded: row.get(8)?,
    }))
}

/// What was entered, the newest first; of one member or box, if a code is given.
///
/// # Errors
/// When the store can't be read.
pub async fn history(store: &Store, code: Option<MemberId>, most: u32) -> Result<Vec<Line>, Error> {
    store
        .read(move |tx| {
            let of_code = match &code {
                Some(_) => "WHERE number IN (SELECT number FROM hub_entered_code WHERE code = ?1)",
                None => "WHERE ?1 = ''",
            };
            let select =
                format!("SELECT {LINE} FROM hub_entered {of_code} ORDER BY number DESC LIMIT ?2");
            let code = code.as_ref().map_or("", MemberId::as_str);
            let mut select = tx.prepare(&select)?;
            let lines: SqlResult<Vec<_>> = select.query_map(params![code, most], line)?.collect();
            Ok(lines?.into_iter().flatten().collect())
        })
        .await
}

/// The text of what was entered under a number, and the proof that the hub has it on record: no proof until it is signed.
///
/// # Errors
/// [`Error::Registry`] when there is none of that number.
pub async fn proof(
    store: &Store,
    hub: &MemberId,
    number: u64,
) -> Result<(Line, Vec<u8>, Option<Bundle>), Error> {
    let found = store.read(move |tx| {
        let select = format!("SELECT {LINE}, text FROM hub_entered WHERE number = ?1");
        let row = |row: &Row<'_>| Ok((line(row)?, row.get::<_, Vec<u8>>(9)?));
        let found = tx.query_row(&select, [signed(number)], row).optional()?;
        Ok::<_, Error>(found.and_then(|(line, text)| Some((line?, text))))
    });
    let Some((line, text)) = found.await? else {
        return Err(Error::Registry(format!(
            "không có thay đổi số {number} / there is no change number {number}"
        )));
    };
    let archive = Archive::new(store.clone());
    let bundle = match archive.proof(hub, &key(line.id)).await {
        Ok(proof) => {
            let seal = Seal::from(&proof).encode();
            let known = Known::of(&archive, &seal, &[]).await?;
            let bundle = Bundle::new(&seal, std::iter::empty(), &known.lists);
            Some(bundle.with(&known.answers, &[]))
        }
        Err(crate::evidence::Error::Missing(_)) => None,
        Err(error) => return Err(error.into()),
    };
    Ok((line, text, bundle))
}

fn key(id: PacketId) -> String {
    format!("register:{id}")
}

impl Hub {
    /// Puts on record what was entered and is not there yet, each once.
    pub(in crate::hub) async fn record_entered(&self) -> Result<(), Error> {
        let due = self.store.read(|tx| {
            let select =
                format!("SELECT {LINE} FROM hub_entered WHERE recorded = 0 ORDER BY number");
            let mut select = tx.prepare_cached(&select)?;
            let lines: SqlResult<Vec<_>> = select.query_map([], line)?.collect();
            Ok::<_, Error>(lines?)
        });
        for line in due.await?.into_iter().flatten() {
            let what = (line.digest, line.size);
            let own = self.log.member().clone();
            let mut record = Record::new(RecordKind::Register, line.id, what, own, line.at);
            record.status = Some(line.kind);
            record.reason = Some(line.by);
            let key = key(line.id);
            self.log.enter(Entry { key, record }).await?;
            let number = signed(line.number);
            self.store
                .write(move |tx| {
                    let done = "UPDATE hub_entered SET recorded = 1 WHERE number = ?1";
                    tx.execute(done, [number])?;
                    Ok::<_, Error>(())
                })
                .await?;
        }
        Ok(())
    }
}
