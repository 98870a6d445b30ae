//! Makes each head of a log known to the hub, in order, before any packet sealed under it.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::watch;

use super::Error;
use super::fence::{Fence, Stage};
use super::gate::Gate;
use crate::clock::Chance;
use crate::evidence::{Head, Log};
use crate::journal;
use crate::retry::Backoff;
use crate::uplink::{self, Announced, Hub};

/// A cheap handle to the task that announces one log's heads.
#[derive(Clone)]
pub(super) struct Announcer {
    log: Log,
    hub: Hub,
    /// Size of the newest head that the hub knows; `None` while that is not known.
    known: Arc<watch::Sender<Option<u64>>>,
}

impl Announcer {
    pub(super) fn start(log: Log, hub: Hub, gate: Gate, chance: Chance, fence: Fence) -> Self {
        let known = Arc::new(watch::Sender::new(None));
        let announcer = Self {
            log: log.clone(),
            hub: hub.clone(),
            known,
        };
        let task = Task {
            log,
            hub,
            gate,
            chance,
            known: Arc::downgrade(&announcer.known),
        };
        tokio::spawn(async move {
            fence.reached(Stage::Sealing).await;
            task.run().await;
        });
        announcer
    }

    /// Waits until the hub knows the newest head. What gathers meanwhile shares the next one: else a fast token makes
    /// heads faster than a distant hub takes them, and after an outage the urgent waits for all heads before its own.
    pub(super) async fn caught_up(&self) {
        let (mut heads, mut known) = (self.log.heads(), self.known.subscribe());
        loop {
            let newest = heads.borrow_and_update().as_ref().map(|head| head.size);
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
        let reached = |size: &Option<u64>| size.is_some_and(|size| size >= head.size);
        // The sender lives in self.
        let _ = self.known.subscribe().wait_for(reached).await;
    }

    /// The hub does not know `head` although it was told of it or of a later one: tells it again.
    ///
    /// # Errors
    /// What the hub or the log answers.
    pub(super) async fn again(&self, head: &Head) -> Result<(), Error> {
        let size = match newest_of(&self.log, &self.hub).await? {
            Some(size) if size >= head.size => size,
            size => {
                self.known.send_replace(size);
                return Ok(());
            }
        };
        let proof = self
            .log
            .archive()
            .consistency(self.log.member(), head.size, size)
            .await?;
        self.hub.announce(head, size, &proof).await?;
        Ok(())
    }
}

/// Asks the hub for the size of the newest head that it knows, by announcing ours without a proof.
async fn newest_of(log: &Log, hub: &Hub) -> Result<Option<u64>, Error> {
    let Some(mut newest) = log.archive().newest(log.member()).await? else {
        return Ok(Some(0));
    };
    let asked = match hub.announce(&newest, newest.size, &[]).await {
        Err(error) if error.is_refused_certificate() => {
            log.seal_again().await?;
            newest = log.archive().newest(log.member()).await?.unwrap_or(newest);
            hub.announce(&newest, newest.size, &[]).await?
        }
        other => other?,
    };
    Ok(Some(match asked {
        Announced::Taken => newest.size,
        Announced::Behind(size) => size,
    }))
}

struct Task {
    log: Log,
    hub: Hub,
    gate: Gate,
    chance: Chance,
    /// Weak, so that the task ends with the last handle.
    known: Weak<watch::Sender<Option<u64>>>,
}

impl Task {
    async fn run(self) {
        let mut told = Told::nothing();
        while let Some(known) = self.known.upgrade() {
            let size = *known.borrow();
            match self.step(size).await {
                Ok(Some(reached)) => {
                    told = Told::nothing();
                    known.send_replace(Some(reached));
                }
                Ok(None) => {
                    let receiver = known.subscribe();
                    drop(known);
                    if !self.more(receiver, size).await {
                        return;
                    }
                }
                Err(error) => self.trouble(&error, &mut told).await,
            }
        }
    }

    /// Announces the next head; gives the size reached, `None` when there is no further head.
    async fn step(&self, known: Option<u64>) -> Result<Option<u64>, Error> {
        self.gate.pass().await;
        let Some(size) = known else {
            return newest_of(&self.log, &self.hub).await;
        };
        let archive = self.log.archive();
        let Some(next) = archive.next_head(self.log.member(), size).await? else {
            return Ok(None);
        };
        let announced = match self.hub.announce(&next.head, next.from, &next.proof).await {
            Err(error) if error.is_refused_certificate() => {
                self.newest_instead(size, error).await?
            }
            other => (other?, next.head.size),
        };
        Ok(Some(match announced {
            (Announced::Taken, reached) => reached,
            (Announced::Behind(theirs), _) => theirs,
        }))
    }

    /// A head that is refused for its certificate is passed over once the member seals by another one: the newest head
    /// covers it, signed by the key that is in force now.
    async fn newest_instead(
        &self,
        known: u64,
        refused: uplink::Error,
    ) -> Result<(Announced, u64), Error> {
        self.log.seal_again().await?;
        let (archive, member) = (self.log.archive(), self.log.member());
        let Some(newest) = archive.newest(member).await? else {
            return Err(refused.into());
        };
        let proof = archive.consistency(member, known, newest.size).await?;
        let announced = self.hub.announce(&newest, known, &proof).await?;
        Ok((announced, newest.size))
    }

    /// Waits for a new head, or for what was known to be taken back; false when the log has ended.
    async fn more(&self, mut known: watch::Receiver<Option<u64>>, size: Option<u64>) -> bool {
        let mut heads = self.log.heads();
        let past = |head: &Option<Arc<Head>>| head.as_ref().map(|head| head.size) > size;
        tokio::select! {
            head = heads.wait_for(past) => head.is_ok(),
            changed = known.wait_for(|now| *now != size) => changed.is_ok(),
        }
    }

    /// Waits before the next try; the same reason is told once.
    async fn trouble(&self, error: &Error, told: &mut Told) {
        if let Error::Hub(error) = error {
            self.gate.failed(error);
            told.tell(&self.log, error);
        }
        tokio::time::sleep(told.backoff.next(&self.chance)).await;
    }
}

/// What was told of the trouble that is still there.
struct Told {
    reason: Option<String>,
    backoff: Backoff,
}

impl Told {
    fn nothing() -> Self {
        Self {
            reason: None,
            backoff: Backoff::new(Duration::from_millis(200), Duration::from_secs(10)),
        }
    }

    fn tell(&mut self, log: &Log, error: &uplink::Error) {
        let reason = error.to_string();
        if error.is_away() || self.reason.as_ref() == Some(&reason) {
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
        self.reason = Some(reason);
    }
}
