//! Makes each head of a log known to the hub, in order, before any packet sealed under it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::gate::Gate;
use crate::clock::Chance;
use crate::evidence::{Head, Log};
use crate::journal;
use crate::retry::Backoff;
use crate::uplink::{Announced, Hub};

/// A cheap handle to the task that announces one log's heads.
#[derive(Clone)]
pub(super) struct Announcer {
    known: Arc<watch::Sender<u64>>,
}

impl Announcer {
    pub(super) fn start(log: Log, hub: Hub, gate: Gate, chance: Chance) -> Self {
        let known = Arc::new(watch::Sender::new(0));
        tokio::spawn(run(log, hub, gate, chance, Arc::downgrade(&known)));
        Self { known }
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

async fn run(
    log: Log,
    hub: Hub,
    gate: Gate,
    chance: Chance,
    known: std::sync::Weak<watch::Sender<u64>>,
) {
    let mut newest = log.heads();
    let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10));
    let mut told = None;
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
                        refused(&log, &error, &mut told);
                        gate.failed(&error);
                        tokio::time::sleep(backoff.next(&chance)).await;
                        continue;
                    }
                };
                backoff.reset();
                told = None;
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
            Err(_) => tokio::time::sleep(backoff.next(&chance)).await,
        }
    }
}

/// Tells once why the hub does not take a head, as long as the reason stays the same.
fn refused(log: &Log, error: &crate::uplink::Error, told: &mut Option<String>) {
    let reason = error.to_string();
    if error.is_away() || told.as_ref() == Some(&reason) {
        return;
    }
    let next = if error.is_fork() {
        "the hub holds another history of this log: call the hub's operator, send nothing by other ways"
    } else {
        "mend what the reason names, certificate or registration; packets wait and go on by themselves"
    };
    journal::line(&journal::ids::CHECKPOINT_REFUSED)
        .member(log.member())
        .step("announce")
        .reason(&reason)
        .next(next)
        .error("the hub does not take this member's log");
    *told = Some(reason);
}
