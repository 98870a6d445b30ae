//! What lies with a packet to prove it, bodies untouched: also for tools that read a box's store from outside.

use super::{Error, whole};
use crate::packet::{MemberId, PacketId};
use crate::store::{OptionalExt, Store, params};

/// A receipt as it is kept: its word, whose it is, its seal.
pub type KeptReceipt = (String, String, Vec<u8>);

/// The seals in a box's store.
#[derive(Clone, Debug)]
pub struct Proofs {
    store: Store,
}

impl Proofs {
    /// Over a store that has [`super::SCHEMA`].
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// The sender's seal of a packet that came for that member, kept when the body is gone too.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn received(
        &self,
        member: &MemberId,
        packet: PacketId,
    ) -> Result<Option<Vec<u8>>, Error> {
        let member = member.clone();
        self.store
            .read(move |tx| {
                Ok(tx
                    .prepare_cached(
                        "SELECT seal, bytes FROM inbox JOIN seal_head ON seal_head.number = head \
                         WHERE member = ?1 AND packet = ?2",
                    )?
                    .query_row(params![member.as_str(), packet.to_string()], |row| {
                        whole(row, 0)
                    })
                    .optional()?)
            })
            .await
    }

    /// Seals that lie with a packet, of this box's member or of others about it: receipts by word and member.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn receipts(&self, packet: PacketId) -> Result<Vec<KeptReceipt>, Error> {
        self.store
            .read(move |tx| {
                let mut select = tx.prepare_cached(
                    "SELECT status, member, seal, bytes FROM receipt JOIN seal_head ON seal_head.number = head \
                     WHERE packet = ?1 ORDER BY status, member",
                )?;
                let rows = select.query_map([packet.to_string()], |row| {
                    Ok((
                        row.get(0)?,
                        row.get(1)?,
                        whole(row, 2)?,
                    ))
                })?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }
}
