//! Mailboxes as boxes see them: a poll leases what may go out now, or waits for it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::bells::For;
use super::door::Asker;
use super::lease::{self, Wanted};
use super::{Error, Hub, box_of};
use crate::packet::MemberId;
use crate::store::Store;
use crate::uplink::{Ask, Mailbox, MailboxEntry};

/// Packets in one answer at most.
const LONGEST: u32 = 512;

/// Which members have mail, so that a poll touches no others. Forgets nothing that waits; may name one that has none.
#[derive(Debug, Default)]
pub(super) struct Mail(Mutex<HashMap<MemberId, Waiting>>);

/// What may wait for one member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Waiting {
    /// Something may be listed.
    pub(super) ready: bool,
    /// When the first of its leases ends, in milliseconds since 1970.
    pub(super) lease_ends: Option<i64>,
}

impl Mail {
    /// What waits in the store.
    pub(super) async fn load(store: &Store) -> Result<Self, Error> {
        let waiting = store.read(lease::waiting).await?;
        Ok(Self(Mutex::new(waiting)))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<MemberId, Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those of `members` that may be listed at `now`. They count as empty until they are settled, so that what
    /// comes meanwhile is not overlooked.
    fn take(&self, members: &mut Vec<MemberId>, now: i64) {
        let mut all = self.lock();
        members.retain(|member| {
            let due = |w: &Waiting| w.ready || w.lease_ends.is_some_and(|end| end <= now);
            let due = all.get(member).is_some_and(due);
            if due {
                all.remove(member);
            }
            due
        });
    }

    fn settle(&self, found: impl IntoIterator<Item = (MemberId, Waiting)>) {
        let mut all = self.lock();
        for (member, found) in found {
            if found == Waiting::default() {
                continue;
            }
            let now = all.entry(member).or_default();
            now.ready |= found.ready;
            now.lease_ends = match (now.lease_ends, found.lease_ends) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
        }
    }

    fn first_end(&self, members: &[MemberId]) -> Option<i64> {
        let all = self.lock();
        members
            .iter()
            .filter_map(|member| all.get(member)?.lease_ends)
            .min()
    }
}

impl Hub {
    /// Leases packets to a box; waits for the first as long as it asks.
    ///
    /// # Errors
    /// [`Error::Crowded`] when too many polls of the box wait already.
    pub(super) async fn list(&self, asker: &Asker, ask: Ask) -> Result<Mailbox, Error> {
        let mut seat = self.bells.seat(&asker.code, For::Mail)?;
        let mut stop = self.stop.subscribe();
        let deadline = self.poll_until(u64::from(ask.wait_ms));
        let limit = ask.limit.clamp(1, LONGEST);
        let mut anew = ask.anew;
        loop {
            seat.rung.borrow_and_update();
            let members = self.members_of(&asker.code)?;
            let entries = self
                .lease(&asker.code, members.clone(), limit, anew)
                .await?;
            anew = false;
            if !entries.is_empty() || Instant::now() >= deadline || *stop.borrow() {
                return Ok(Mailbox { entries });
            }
            let again = self.mail.first_end(&members).map_or(deadline, |end| {
                let wait = u64::try_from(end - self.now_ms()).unwrap_or(0);
                deadline.min(Instant::now() + Duration::from_millis(wait.max(1)))
            });
            tokio::select! {
                _ = seat.rung.changed() => {}
                () = sleep_until(again) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        }
    }

    /// When a poll ends that asks to wait that many milliseconds.
    pub(super) fn poll_until(&self, wait_ms: u64) -> Instant {
        let wait = wait_ms.min(u64::from(self.config.longest_poll_ms));
        Instant::now() + Duration::from_millis(wait)
    }

    /// These members have mail now, perhaps.
    pub(super) fn has_mail(&self, members: &[MemberId]) {
        let waiting = Waiting {
            ready: true,
            lease_ends: None,
        };
        self.mail
            .settle(members.iter().map(|member| (member.clone(), waiting)));
        let Ok(directory) = self.directory() else {
            return;
        };
        let mut rung: Vec<MemberId> = Vec::new();
        for member in members.iter().filter_map(|member| directory.find(member)) {
            if let Some(code) = box_of(&directory, &member).filter(|code| !rung.contains(code)) {
                self.bells.ring(&code, For::Mail);
                rung.push(code);
            }
        }
    }

    /// Also those that have closed: what was accepted for them before is still theirs.
    fn members_of(&self, code: &MemberId) -> Result<Vec<MemberId>, Error> {
        Ok(self.directory()?.codes_of_box(code).to_vec())
    }

    /// In a task of its own, since what was taken from memory must be settled even when the box has gone.
    async fn lease(
        &self,
        code: &MemberId,
        mut members: Vec<MemberId>,
        limit: u32,
        anew: bool,
    ) -> Result<Vec<MailboxEntry>, Error> {
        let now = self.now_ms();
        if !anew {
            self.mail.take(&mut members, now);
        }
        if members.is_empty() {
            return Ok(Vec::new());
        }
        let first = self.bells.next_turn(code, members.len());
        members.rotate_left(first);
        let until = now + i64::from(self.config.lease_seconds) * 1_000;
        let wanted = Wanted {
            members,
            limit: limit as usize,
            now,
            until,
            anew,
        };
        let hub = self.clone();
        let leased = tokio::spawn(async move {
            let again = wanted.members.clone();
            match hub.store.write(move |tx| lease::lease(tx, &wanted)).await {
                Ok(leased) => {
                    hub.mail.settle(leased.left);
                    Ok(leased.entries)
                }
                Err(error) => {
                    let ready = Waiting {
                        ready: true,
                        lease_ends: Some(until),
                    };
                    hub.mail
                        .settle(again.into_iter().map(|member| (member, ready)));
                    Err(error)
                }
            }
        });
        leased
            .await
            .map_err(|_| Error::Registry("the write was given up".to_owned()))?
    }
}
