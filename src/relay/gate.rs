//! Whether the hub can be reached. One prober asks while it is away; everyone else waits here instead of asking too.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::clock::Chance;
use crate::journal;
use crate::retry::Backoff;
use crate::uplink::{Error, Hub};

/// A cheap handle.
#[derive(Clone)]
pub(super) struct Gate {
    open: Arc<watch::Sender<bool>>,
    hub: Hub,
    chance: Chance,
}

impl Gate {
    pub(super) fn new(hub: Hub, chance: Chance) -> Self {
        Self {
            open: Arc::new(watch::Sender::new(true)),
            hub,
            chance,
        }
    }

    /// Waits until the hub is thought to be there.
    pub(super) async fn pass(&self) {
        // The sender lives in self.
        let _ = self.open.subscribe().wait_for(|open| *open).await;
    }

    /// Tells that a call failed; the first to tell that the hub is away starts the prober.
    pub(super) fn failed(&self, error: &Error) {
        if !error.is_away() || !self.open.send_replace(false) {
            return;
        }
        journal::line(&journal::ids::HUB_AWAY)
            .step("submit")
            .reason(error)
            .next("packets wait and go on by themselves; check the line and the hub's address")
            .warning("the hub can't be reached");
        tokio::spawn(self.clone().probe());
    }

    async fn probe(self) {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
        loop {
            tokio::time::sleep(backoff.next(&self.chance)).await;
            if self.hub.directory(u64::MAX, Duration::ZERO).await.is_ok() {
                journal::line(&journal::ids::HUB_BACK).info("the hub can be reached again");
                self.open.send_replace(true);
                return;
            }
        }
    }
}
