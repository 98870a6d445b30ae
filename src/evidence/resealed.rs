//! Heads that are signed once more, by another certificate, and the records that are proven by such a signature.
//!
//! A certificate that was good when a head was signed may be refused later. The head is signed again then and keeps its
//! first signature: what was taken under that one stays proven by it, and by the time stamp over it, for ever. Only a
//! record whose own seal was refused is proven by the later one.

use super::archive::{find, head_where, newest, prove_by, signed};
use super::{Archive, Error, Head, Proof};
use crate::packet::MemberId;
use crate::store::{OptionalExt, Tx, params};

/// The tables of this part. Signature 0 of a head is its first.
pub const RESEALED_SCHEMA: &str = "
CREATE TABLE evidence_resealed (
  log TEXT NOT NULL, size INTEGER NOT NULL, number INTEGER NOT NULL, cms BLOB NOT NULL,
  PRIMARY KEY (log, size, number)) WITHOUT ROWID;
CREATE TABLE evidence_moved (
  log TEXT NOT NULL, idx INTEGER NOT NULL, size INTEGER NOT NULL, number INTEGER NOT NULL,
  PRIMARY KEY (log, idx)) WITHOUT ROWID;
ALTER TABLE evidence_stamp ADD COLUMN number INTEGER NOT NULL DEFAULT 0;
";

/// Selects the last signature over a head.
pub(super) fn last_signature() -> String {
    signature("ORDER BY r.number DESC")
}

/// Selects, of a head, the later signature that `which` names, or else the first.
fn signature(which: &str) -> String {
    format!(
        "coalesce((SELECT r.cms FROM evidence_resealed r WHERE r.log = evidence_head.log \
         AND r.size = evidence_head.size {which} LIMIT 1), cms)"
    )
}

/// One signature over one head: its size, and which one over it.
pub(super) type Signature = (i64, i64);

impl Archive {
    /// The record with that key under the last signature over the newest head, by which it is proven from now on: its own
    /// head is sealed by a certificate that is no longer taken.
    ///
    /// # Errors
    /// As [`Archive::proof`].
    pub async fn proof_now(&self, log: &MemberId, key: &str) -> Result<Proof, Error> {
        let (log, key) = (log.clone(), key.to_owned());
        self.store()
            .write(move |tx| {
                let missing = || Error::Missing(format!("{log} has no sealed record {key}"));
                let stored = find(tx, &log, &key)?.ok_or_else(missing)?;
                let head = newest(tx, &log)?.filter(|head| head.size > stored.index);
                let (index, head) = (stored.index, head.ok_or_else(missing)?);
                let number = last(tx, &log, head.size)?;
                tx.prepare_cached("INSERT OR REPLACE INTO evidence_moved (log, idx, size, number) VALUES (?1, ?2, ?3, ?4)")?
                    .execute(params![log.as_str(), signed(index), signed(head.size), number])?;
                prove_by(tx, &log, stored, head)
            })
            .await
    }
}

/// Keeps one more signature over a head.
pub(super) fn keep(tx: &Tx<'_>, head: &Head) -> Result<(), Error> {
    let log = &head.origin;
    let next = last(tx, log, head.size)? + 1;
    tx.prepare_cached(
        "INSERT INTO evidence_resealed (log, size, number, cms) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![log.as_str(), signed(head.size), next, head.cms])?;
    Ok(())
}

/// Number of the last signature over the head of that size.
fn last(tx: &Tx<'_>, log: &MemberId, size: u64) -> Result<i64, Error> {
    let last: Option<i64> = tx
        .prepare_cached("SELECT max(number) FROM evidence_resealed WHERE log = ?1 AND size = ?2")?
        .query_row(params![log.as_str(), signed(size)], |row| row.get(0))?;
    Ok(last.unwrap_or(0))
}

/// Which signature over the head of that size `cms` is; `None` for none of them.
pub(super) fn number_of(
    tx: &Tx<'_>,
    log: &MemberId,
    size: u64,
    cms: &[u8],
) -> Result<Option<i64>, Error> {
    let number = tx
        .prepare_cached(
            "SELECT 0 FROM evidence_head WHERE log = ?1 AND size = ?2 AND cms = ?3
             UNION ALL
             SELECT number FROM evidence_resealed WHERE log = ?1 AND size = ?2 AND cms = ?3
             LIMIT 1",
        )?
        .query_row(params![log.as_str(), signed(size), cms], |row| row.get(0))
        .optional()?;
    Ok(number)
}

/// The signature by which a record is proven instead of its own head's.
pub(super) fn moved(tx: &Tx<'_>, log: &MemberId, index: u64) -> Result<Option<Signature>, Error> {
    let moved = tx
        .prepare_cached("SELECT size, number FROM evidence_moved WHERE log = ?1 AND idx = ?2")?
        .query_row(params![log.as_str(), signed(index)], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    Ok(moved)
}

/// A head under one of its signatures.
pub(super) fn head(
    tx: &Tx<'_>,
    log: &MemberId,
    (size, number): Signature,
) -> Result<Option<Head>, Error> {
    let cms = signature(&format!("AND r.number = {number}"));
    let size = u64::try_from(size).unwrap_or(0);
    head_where(tx, log, "log = ?1 AND size = ?2", size, &cms)
}
