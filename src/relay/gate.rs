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

    /// Tells that a call failed; the first to tell of a hub that is away starts the prober. What the hub itself
    /// answers to one member's call is no reason for the others to wait.
    pub(super) fn failed(&self, error: &Error) {
        if !error.is_away() || !self.open.send_replace(false) {
            return;
        }
        tell(error);
        tokio::spawn(self.clone().probe(verdict(error)));
    }

    /// `told` is the verdict of either side that was journalled last since the hub went away.
    async fn probe(self, mut told: Option<String>) {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
        loop {
            tokio::time::sleep(backoff.next(&self.chance)).await;
            match self.hub.directory(u64::MAX, Duration::ZERO, false).await {
                Ok(_) => {
                    journal::line(&journal::ids::HUB_BACK).info("the hub can be reached again");
                    self.open.send_replace(true);
                    return;
                }
                // A line that was down and then leads to a stranger is news.
                Err(error) => {
                    let verdict = verdict(&error);
                    if verdict != told {
                        tell(&error);
                        told = verdict;
                    }
                }
            }
        }
    }
}

fn verdict(error: &Error) -> Option<String> {
    error.is_verdict().then(|| error.to_string())
}

/// Who answers but is not the hub, or does not let us in, is told apart from a line that is down.
fn tell(error: &Error) {
    let (id, next, text) = if let Some(refusal) = error.refusal() {
        let text = "whoever answers at the hub's address is refused, and gets nothing";
        (&journal::ids::PEER_REFUSED, refusal.next(), text)
    } else if error.is_verdict() {
        let next =
            "check this box's certificate and its registration at the hub, then the hub's address";
        let text = "the hub's address does not take this box";
        (&journal::ids::PEER_REFUSED, next, text)
    } else {
        let next = "packets wait and go on by themselves; check the line and the hub's address";
        let text = "the hub can't be reached";
        (&journal::ids::HUB_AWAY, next, text)
    };
    journal::line(id)
        .peer("hub")
        .step("submit")
        .reason(error)
        .next(next)
        .warning(text);
}
