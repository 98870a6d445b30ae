//! Seals at rest. Many stand under one signed head, three kilobytes of each; it lies once, and each row has its own part
//! and the head's number.

use crate::packet::Digest;
use crate::store::{OptionalExt, Row, SqlResult, Tx, params};

/// The table of heads, for every store that keeps seals.
pub const SEAL_HEADS: &str = "
CREATE TABLE seal_head (number INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, bytes BLOB NOT NULL);
";

/// A seal cut before its head. The two parts put together are the seal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parted {
    /// Record and path.
    pub front: Vec<u8>,
    /// Checkpoint and signature; shared by all that were sealed together.
    pub head: Vec<u8>,
}

impl From<(&[u8], &[u8])> for Parted {
    fn from((front, head): (&[u8], &[u8])) -> Self {
        Self {
            front: front.to_vec(),
            head: head.to_vec(),
        }
    }
}

impl Parted {
    /// Lays the head down, once; gives its number.
    ///
    /// # Errors
    /// When the store fails.
    pub fn keep_head(&self, tx: &Tx<'_>) -> SqlResult<i64> {
        let digest = Digest::of(&self.head);
        let known = tx
            .prepare_cached("SELECT number FROM seal_head WHERE digest = ?1")?
            .query_row([digest.as_bytes()], |row| row.get(0))
            .optional()?;
        if let Some(number) = known {
            return Ok(number);
        }
        tx.prepare_cached("INSERT INTO seal_head (digest, bytes) VALUES (?1, ?2)")?
            .execute(params![digest.as_bytes(), self.head])?;
        Ok(tx.last_insert_rowid())
    }
}

/// The whole seal of a row: its own part at `column` and its head's bytes in the next.
///
/// # Errors
/// When a column is no blob.
pub fn whole(row: &Row<'_>, column: usize) -> SqlResult<Vec<u8>> {
    let mut seal: Vec<u8> = row.get(column)?;
    seal.extend_from_slice(row.get_ref(column + 1)?.as_blob()?);
    Ok(seal)
}
