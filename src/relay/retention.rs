//! Bodies that were taken long ago make room; records and receipts stay.

use std::sync::Arc;
use std::time::Duration;

use super::Relay;
use crate::journal;

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(3_600);
/// Bodies taken away at once.
pub(super) const BATCH: u32 = 256;

pub(super) async fn run(relay: Arc<Relay>) {
    loop {
        let days = time::Duration::days(i64::from(relay.config.keep_days));
        let before = relay.clock.now() - days;
        match relay.spool.forget_bodies(None, before, BATCH).await {
            Ok(count) if count == BATCH as usize => continue,
            Ok(_) => {}
            Err(error) => journal::line(&journal::ids::DISK_FAULT)
                .step("retention")
                .reason(error)
                .next("it is tried again within the hour")
                .warning("old bodies could not be taken away"),
        }
        tokio::time::sleep(EVERY).await;
    }
}
