//! What a restored spool learns from the hub before it offers or sends anything.

use super::row::{millis, signed};
use super::{Error, Spool};
use crate::clock::Moment;
use crate::packet::{MemberId, PacketId};
use crate::store::{OptionalExt, params};

impl Spool {
    /// Takes over what a member has said of packets since the backup: `collected` and `failed` end an offer. Gives those that
    /// were delivered to the box, were not collected, and are not here.
    ///
    /// # Errors
    /// When the store fails; the step may be repeated.
    pub async fn take_over(
        &self,
        member: &MemberId,
        said: Vec<(PacketId, String)>,
        at: Moment,
    ) -> Result<Vec<PacketId>, Error> {
        let member = member.clone();
        self.store
            .write(move |tx| {
                let mut missing = Vec::new();
                for (packet, status) in said {
                    let key = params![member.as_str(), packet.to_string()];
                    let here: Option<i64> = tx
                        .prepare_cached("SELECT number FROM inbox WHERE member = ?1 AND packet = ?2")?
                        .query_row(key, |row| row.get(0))
                        .optional()?;
                    let state = match (here, status.as_str()) {
                        (None, "delivered") => {
                            missing.push(packet);
                            continue;
                        }
                        (Some(number), "collected") => (number, "done"),
                        (Some(number), "failed") => (number, "fail"),
                        _ => continue,
                    };
                    tx.prepare_cached(
                        "UPDATE inbox SET state = ?2, updated = ?3 WHERE number = ?1 AND state IN ('initial', 'processing')",
                    )?
                    .execute(params![state.0, state.1, millis(at)])?;
                }
                Ok(missing)
            })
            .await
    }

    /// Places in the orders between `sender` and others: the next ones come behind those that the hub knows. Gives, of the
    /// places that the hub misses, those that no packet here holds: they were lost with the old box.
    ///
    /// # Errors
    /// When the store fails; the step may be repeated.
    pub async fn take_places(
        &self,
        sender: &MemberId,
        known: Vec<(MemberId, u64, Vec<u64>)>,
    ) -> Result<Vec<(MemberId, u64)>, Error> {
        let sender = sender.clone();
        self.store
            .write(move |tx| {
                let mut lost = Vec::new();
                for (to, last, missing) in known {
                    tx.prepare_cached(
                        "INSERT INTO pair (sender, recipient, last) VALUES (?1, ?2, ?3)
                         ON CONFLICT (sender, recipient) DO UPDATE SET last = max(last, excluded.last)",
                    )?
                    .execute(params![sender.as_str(), to.as_str(), signed(last)])?;
                    for place in missing {
                        let held = tx
                            .prepare_cached(
                                "SELECT 1 FROM recipient r JOIN outbound o ON o.packet = r.packet
                                 WHERE o.member = ?1 AND r.member = ?2 AND r.sequence = ?3",
                            )?
                            .exists(params![sender.as_str(), to.as_str(), signed(place)])?;
                        if !held {
                            lost.push((to.clone(), place));
                        }
                    }
                }
                Ok(lost)
            })
            .await
    }
}

/// Whether nothing was ever kept here.
///
/// # Errors
/// When the store can't be read.
pub fn is_empty(tx: &crate::store::Tx<'_>) -> Result<bool, Error> {
    let select = "SELECT NOT EXISTS (SELECT 1 FROM outbound) AND NOT EXISTS (SELECT 1 FROM inbox)
                  AND NOT EXISTS (SELECT 1 FROM evidence_record)";
    Ok(tx.query_row(select, [], |row| row.get(0))?)
}
