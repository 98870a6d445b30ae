//! How much each member sent and received. The records of the hub's log hold the same, so the figures can be rebuilt.

use super::{Error, millis, unsigned};
use crate::clock::Moment;
use crate::store::{Store, params};

/// One member's figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// The member's code.
    pub member: String,
    /// Packets accepted from it.
    pub sent: u64,
    /// Packets that were delivered to it.
    pub received: u64,
}

/// Counts what was accepted and delivered in `from..until`, for each member that had any.
///
/// # Errors
/// When the store can't be read.
pub async fn count(store: &Store, from: Moment, until: Moment) -> Result<Vec<Count>, Error> {
    let (from, until) = (millis(from), millis(until));
    store
        .read(move |tx| {
            let mut select = tx.prepare_cached(
                "SELECT member, sum(sent), sum(received) FROM (
                   SELECT sender AS member, 1 AS sent, 0 AS received FROM hub_packet
                     WHERE void = 0 AND kept_at >= ?1 AND kept_at < ?2
                   UNION ALL
                   SELECT member, 0, 1 FROM hub_receipt
                     WHERE status = 'delivered' AND at >= ?1 AND at < ?2)
                 GROUP BY member ORDER BY member",
            )?;
            let rows = select.query_map(params![from, until], |row| {
                Ok(Count {
                    member: row.get(0)?,
                    sent: unsigned(row.get(1)?),
                    received: unsigned(row.get(2)?),
                })
            })?;
            rows.collect::<Result<_, _>>().map_err(Error::from)
        })
        .await
}
