//! Makes each head of a log known to the hub, in order, before any packet sealed under it.

use std::sync::Arc;

use tokio::sync::watch;

use super::gate::Gate;
use crate::evidence::{Head, Log, Witness};
use crate::journal;
use crate::retry::Class;
use crate::uplink::{Announced, Hub};

/// A cheap handle to the task that announces one log's heads.
#[derive(Clone)]
pub(super) struct Announcer {
    known: Arc<watch::Sender<u64>>,
    heads: Witness,
}

impl Announcer {
    pub(super) fn start(log: Log, hub: Hub, gate: Gate) -> Self {
        let known = Arc::new(watch::Sender::new(0));
        let heads = log.heads();
        tokio::spawn(run(log, hub, gate, Arc::downgrade(&known)));
        Self { known, heads }
    }

    /// Waits until the hub knows the newest head. What gathers meanwhile shares the next one: else a fast token makes
    /// heads faster than a distant hub takes them, and after an outage the urgent waits for all heads before its own.
    pub(super) async fn caught_up(&self) {
        let (mut heads, mut known) = (self.heads.clone(), self.known.subscribe());
        loop {
            let newest = heads.borrow_and_update().as_ref().map_or(0, |h| h.size);
            if *known.borrow_and_update() >= newest {
                return;
            }
            let changed = tokio::select! {
                changed = heads.changed() => changed,
                changed = known.changed() => changed,
            };
            if changed.is_err() {
                return;
            }
        }
    }

    /// Waits until the hub knows `head`.
    pub(super) async fn known(&self, head: &Head) {
        let _ = self
            .known
            .subscribe()
            .wait_for(|size| *size >= head.size)
            .await;
    }

    /// The hub says that it does not know a head that it was told: announces all anew.
    pub(super) fn forget(&self) {
        self.known.send_replace(0);
    }
}

async fn run(log: Log, hub: Hub, gate: Gate, known: std::sync::Weak<watch::Sender<u64>>) {
    let mut newest = log.heads();
    loop {
        let Some(size) = known.upgrade().map(|k| *k.borrow()) else {
            return;
        };
        match log.archive().next_head(log.member(), size).await {
            Ok(Some(next)) => {
                gate.pass().await;
                let answer = hub.announce(&next.head, next.from, &next.proof).await;
                let reached = match answer {
                    Ok(Announced::Taken) => next.head.size,
                    Ok(Announced::Behind(theirs)) => theirs,
                    Err(error) => {
                        refused(&log, &error);
                        gate.failed(&error);
                        pause().await;
                        continue;
                    }
                };
                if let Some(known) = known.upgrade() {
                    known.send_replace(reached);
                }
            }
            Ok(None) => {
                let mut forgotten = match known.upgrade() {
                    Some(known) => known.subscribe(),
                    None => return,
                };
                tokio::select! {
                    changed = newest.changed() => if changed.is_err() { return },
                    _ = forgotten.wait_for(|now| *now < size) => {}
                }
            }
            Err(_) => pause().await,
        }
    }
}

fn refused(log: &Log, error: &crate::uplink::Error) {
    if error.class() == Class::Refuse {
        journal::line(&journal::ids::CHECKPOINT_REFUSED)
            .member(log.member())
            .step("announce")
            .reason(error)
            .next("the hub holds another history of this log: call the hub's operator, send nothing by other ways")
            .error("the hub refuses this member's log");
    }
}

/// Between two tries at something that is not the hub's being away.
async fn pause() {
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
}
