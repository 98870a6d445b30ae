//! After a start: what the last run left on its way walks the normal road again.

use std::sync::Arc;

use super::{Error, Relay, outbound};

/// Starts every packet that is kept and not finished. Receipts that are owed and the mailbox need no such step: their
/// walks read what is there.
pub(super) async fn outbound(relay: &Arc<Relay>) -> Result<(), Error> {
    for waiting in relay.spool.waiting().await? {
        outbound::begin_later(relay, &waiting);
    }
    Ok(())
}
