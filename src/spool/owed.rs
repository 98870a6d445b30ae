//! Receipts that this box owes: written down with the deed they speak of, gone when the hub has them.

use super::inbound::keep_own_receipt;
use super::{Error, Parted, Spool};
use crate::packet::MemberId;
use crate::packet::record::Record;
use crate::store::{Tx, params};

/// A receipt that the hub does not have yet.
#[derive(Clone, Debug)]
pub struct Owed {
    /// Its key in the member's log.
    pub key: String,
    /// Whose receipt.
    pub member: MemberId,
    /// What it says.
    pub record: Record,
}

/// The key of a receipt in its member's log: one for each word about each packet.
fn key_of(record: &Record) -> String {
    format!(
        "receipt:{}:{}",
        record.status.as_deref().unwrap_or_default(),
        record.packet
    )
}

pub(super) fn owe(tx: &Tx<'_>, record: &Record) -> Result<(), Error> {
    tx.prepare_cached(
        "INSERT OR IGNORE INTO owed (key, member, record, made) VALUES (?1, ?2, ?3, \
         (SELECT ifnull(max(made), 0) + 1 FROM owed WHERE member = ?2))",
    )?
    .execute(params![
        format!("{}/{}", record.from, key_of(record)),
        record.from.as_str(),
        record.encode()
    ])?;
    Ok(())
}

impl Spool {
    /// Up to `limit` receipts that a member owes, oldest first.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn owed(&self, member: &MemberId, limit: u32) -> Result<Vec<Owed>, Error> {
        let member = member.clone();
        self.store
            .read(move |tx| {
                let mut select = tx.prepare_cached(
                    "SELECT record FROM owed WHERE member = ?1 ORDER BY made LIMIT ?2",
                )?;
                let rows = select.query_map(params![member.as_str(), limit], |row| {
                    row.get::<_, Vec<u8>>(0)
                })?;
                rows.map(|row| {
                    let record =
                        Record::parse(&row?).map_err(|error| Error::Damaged(error.to_string()))?;
                    Ok(Owed {
                        key: key_of(&record),
                        member: member.clone(),
                        record,
                    })
                })
                .collect()
            })
            .await
    }

    /// The hub has these receipts: they lie with their packets and are owed no more.
    ///
    /// # Errors
    /// When the store fails; the step may be repeated.
    pub async fn settle(&self, settled: Vec<(Owed, Parted)>) -> Result<(), Error> {
        self.store
            .write(move |tx| {
                for (owed, seal) in &settled {
                    keep_own_receipt(tx, &owed.record, seal)?;
                    tx.prepare_cached("DELETE FROM owed WHERE key = ?1")?
                        .execute([format!("{}/{}", owed.member, owed.key)])?;
                }
                Ok(())
            })
            .await
    }
}
