//! The logs as they lie in the store: what is read back, proven again and exported.

use std::sync::Arc;

use super::{Error, Head, Proof, Succession, resealed};
use crate::merkle::checkpoint::Checkpoint;
use crate::merkle::{Batch, Frontier, Hash, leaf_hash};
use crate::packet::MemberId;
use crate::store::{OptionalExt, Store, Tx, params};

/// The tables of this room.
pub const SCHEMA: &str = "
CREATE TABLE evidence_record (
  log TEXT NOT NULL, idx INTEGER NOT NULL, key TEXT NOT NULL, body BLOB NOT NULL,
  PRIMARY KEY (log, idx)) WITHOUT ROWID;
CREATE UNIQUE INDEX evidence_key ON evidence_record (log, key);
CREATE TABLE evidence_head (
  log TEXT NOT NULL, size INTEGER NOT NULL, peaks BLOB NOT NULL, body BLOB NOT NULL, cms BLOB NOT NULL,
  PRIMARY KEY (log, size)) WITHOUT ROWID;
";

/// A cheap handle to all logs of this process's store.
#[derive(Clone, Debug)]
pub struct Archive {
    store: Store,
}

/// A record as it lies in a log.
pub(super) struct Stored {
    pub(super) index: u64,
    pub(super) body: Vec<u8>,
}

impl Archive {
    /// Over a store that has [`SCHEMA`].
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// The record with that key under the first head that covers it.
    ///
    /// # Errors
    /// [`Error::Missing`] when there is no such record or no head covers it yet.
    pub async fn proof(&self, log: &MemberId, key: &str) -> Result<Proof, Error> {
        let (log, key) = (log.clone(), key.to_owned());
        self.store
            .read(move |tx| {
                let stored = find(tx, &log, &key)?
                    .ok_or_else(|| Error::Missing(format!("{log} has no record {key}")))?;
                prove(tx, &log, stored)
            })
            .await
    }

    /// The newest head of a log.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn newest(&self, log: &MemberId) -> Result<Option<Head>, Error> {
        let log = log.clone();
        self.store.read(move |tx| newest(tx, &log)).await
    }

    /// Root over the first `size` records of a log, signed or not; `None` when it has fewer.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn root_at(&self, log: &MemberId, size: u64) -> Result<Option<Hash>, Error> {
        let log = log.clone();
        self.store
            .read(move |tx| super::audit::root_at(tx, &log, size))
            .await
    }

    /// Consistency proof between two sizes of a log (RFC 9162 section 2.1.4).
    ///
    /// # Errors
    /// [`Error::Missing`] when the log is shorter than `to` or `from` is larger than `to`.
    pub async fn consistency(
        &self,
        log: &MemberId,
        from: u64,
        to: u64,
    ) -> Result<Vec<Hash>, Error> {
        let log = log.clone();
        self.store
            .read(move |tx| {
                let edge = edge_at(tx, &log, from)?;
                let leaves = leaves(tx, &log, from, to)?;
                if from > to || from + leaves.len() as u64 != to {
                    return Err(Error::Missing(format!("{log} has no sizes {from} to {to}")));
                }
                Batch::new(edge, &leaves)
                    .consistency()
                    .ok_or_else(|| Error::Damaged(format!("{log} from {from} to {to}")))
            })
            .await
    }

    /// The first head of a log behind `size` records, proven to continue that size, which must be a head's or 0.
    ///
    /// # Errors
    /// When the store can't be read or contradicts itself.
    pub async fn next_head(&self, log: &MemberId, size: u64) -> Result<Option<Succession>, Error> {
        let log = log.clone();
        self.store
            .read(move |tx| {
                let next = "log = ?1 AND size > ?2 ORDER BY size";
                let Some(head) = head_where(tx, &log, next, size, &resealed::last_signature())?
                else {
                    return Ok(None);
                };
                let edge = edge_at(tx, &log, size)?;
                let leaves = leaves(tx, &log, size, head.size)?;
                let proof = Batch::new(edge, &leaves)
                    .consistency()
                    .ok_or_else(|| Error::Damaged(format!("{log} from {size} to {}", head.size)))?;
                Ok(Some(Succession {
                    head,
                    from: size,
                    proof,
                }))
            })
            .await
    }

    /// Bodies of up to `limit` records from `from` on, in order.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn records(
        &self,
        log: &MemberId,
        from: u64,
        limit: u32,
    ) -> Result<Vec<(u64, Vec<u8>)>, Error> {
        let log = log.clone();
        self.store
            .read(move |tx| {
                let mut select = tx.prepare_cached(
                    "SELECT idx, body FROM evidence_record WHERE log = ?1 AND idx >= ?2 ORDER BY idx LIMIT ?3",
                )?;
                let rows = select
                    .query_map(params![log.as_str(), signed(from), limit], |row| {
                        Ok((unsigned(row.get(0)?), row.get(1)?))
                    })?;
                rows.collect::<Result<_, _>>().map_err(Error::from)
            })
            .await
    }
}

pub(super) fn find(tx: &Tx<'_>, log: &MemberId, key: &str) -> Result<Option<Stored>, Error> {
    tx.prepare_cached("SELECT idx, body FROM evidence_record WHERE log = ?1 AND key = ?2")
        .and_then(|mut select| {
            select
                .query_row(params![log.as_str(), key], |row| {
                    Ok(Stored {
                        index: unsigned(row.get(0)?),
                        body: row.get(1)?,
                    })
                })
                .optional()
        })
        .map_err(Error::from)
}

pub(super) fn newest(tx: &Tx<'_>, log: &MemberId) -> Result<Option<Head>, Error> {
    head_where(
        tx,
        log,
        "log = ?1 ORDER BY size DESC",
        0,
        &resealed::last_signature(),
    )
}

fn prove(tx: &Tx<'_>, log: &MemberId, stored: Stored) -> Result<Proof, Error> {
    let head = match resealed::moved(tx, log, stored.index)? {
        Some(signature) => resealed::head(tx, log, signature)?,
        None => head_where(
            tx,
            log,
            "log = ?1 AND size > ?2 ORDER BY size",
            stored.index,
            "cms",
        )?,
    }
    .ok_or_else(|| Error::Missing(format!("{log}/{} is not sealed yet", stored.index)))?;
    prove_by(tx, log, stored, head)
}

pub(super) fn prove_by(
    tx: &Tx<'_>,
    log: &MemberId,
    stored: Stored,
    head: Head,
) -> Result<Proof, Error> {
    let edge = edge_of_head(tx, log, stored.index)?;
    let leaves = leaves(tx, log, edge.size(), head.size)?;
    let batch = Batch::new(edge, &leaves);
    let path = batch.inclusion(stored.index);
    match path {
        Some(path) if batch.root() == head.root => Ok(Proof {
            record: stored.body,
            index: stored.index,
            path,
            head: Arc::new(head),
        }),
        _ => Err(Error::Damaged(format!(
            "{log}: the records do not give the root of head {}",
            head.size
        ))),
    }
}

/// The head that meets a condition, under the signature that `cms` selects.
pub(super) fn head_where(
    tx: &Tx<'_>,
    log: &MemberId,
    condition: &str,
    bound: u64,
    cms: &str,
) -> Result<Option<Head>, Error> {
    let select = format!("SELECT body, {cms}, ?2 FROM evidence_head WHERE {condition} LIMIT 1");
    let found: Option<(Vec<u8>, Vec<u8>)> = tx.prepare_cached(&select).and_then(|mut select| {
        select
            .query_row(params![log.as_str(), signed(bound)], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()
    })?;
    found
        .map(|(body, cms)| {
            let checkpoint = Checkpoint::parse(&body)
                .map_err(|error| Error::Damaged(format!("{log}: {error}")))?;
            Ok(Head {
                origin: log.clone(),
                size: checkpoint.size,
                root: checkpoint.root,
                body,
                cms,
            })
        })
        .transpose()
}

/// The edge of the largest head of at most `size` records.
pub(super) fn edge_of_head(tx: &Tx<'_>, log: &MemberId, size: u64) -> Result<Frontier, Error> {
    let found: Option<(i64, Vec<u8>)> = tx
        .prepare_cached(
            "SELECT size, peaks FROM evidence_head WHERE log = ?1 AND size <= ?2 ORDER BY size DESC LIMIT 1",
        )
        .and_then(|mut select| {
            select
                .query_row(params![log.as_str(), signed(size)], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })
                .optional()
        })?;
    let Some((size, peaks)) = found else {
        return Ok(Frontier::empty());
    };
    let peaks = peaks
        .chunks(32)
        .map(Hash::try_from)
        .collect::<Result<_, _>>()
        .map_err(|_| Error::Damaged(format!("{log}: peaks of head {size}")))?;
    Frontier::from_parts(unsigned(size), peaks)
        .ok_or_else(|| Error::Damaged(format!("{log}: peaks of head {size}")))
}

pub(super) fn edge_at(tx: &Tx<'_>, log: &MemberId, size: u64) -> Result<Frontier, Error> {
    let mut edge = edge_of_head(tx, log, size)?;
    for leaf in leaves(tx, log, edge.size(), size)? {
        edge.push(leaf);
    }
    Ok(edge)
}

/// Leaf hashes of the records `from..to`.
pub(super) fn leaves(tx: &Tx<'_>, log: &MemberId, from: u64, to: u64) -> Result<Vec<Hash>, Error> {
    let mut select = tx.prepare_cached(
        "SELECT body FROM evidence_record WHERE log = ?1 AND idx >= ?2 AND idx < ?3 ORDER BY idx",
    )?;
    let rows = select.query_map(params![log.as_str(), signed(from), signed(to)], |row| {
        row.get_ref(0)?.as_blob().map(leaf_hash).map_err(Into::into)
    })?;
    rows.collect::<Result<_, _>>().map_err(Error::from)
}

/// SQLite's integers are signed; sizes never reach the difference.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
