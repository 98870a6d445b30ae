//! Whose turn it is: urgent first; within one priority fair between members; first in, first out within a member.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::packet::{MemberId, Priority};

/// A number of slots handed out in order. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Schedule(Arc<Mutex<Lanes>>);

#[derive(Debug, Default)]
struct Lanes {
    free: usize,
    /// Highest priority last.
    lanes: [Lane; 5],
}

#[derive(Debug, Default)]
struct Lane {
    /// Members with someone waiting, in the order of their next turn.
    round: VecDeque<MemberId>,
    waiting: HashMap<MemberId, VecDeque<oneshot::Sender<Turn>>>,
}

/// A slot, given back when it is dropped.
#[derive(Debug)]
pub struct Turn(Option<Schedule>);

impl Schedule {
    /// A schedule with that many slots.
    #[must_use]
    pub fn new(slots: usize) -> Self {
        Self(Arc::new(Mutex::new(Lanes {
            free: slots,
            ..Lanes::default()
        })))
    }

    /// Waits for a slot.
    pub async fn turn(&self, member: &MemberId, priority: Priority) -> Turn {
        let receiver = {
            let mut lanes = self.lock();
            if lanes.free > 0 {
                lanes.free -= 1;
                return Turn(Some(self.clone()));
            }
            let (sender, receiver) = oneshot::channel();
            lanes.lanes[usize::from(priority.number())].push(member, sender);
            receiver
        };
        // The sender is dropped only with the schedule itself.
        receiver.await.unwrap_or(Turn(None))
    }

    /// How many wait for a slot.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let lanes = self.lock();
        let queues = lanes.lanes.iter().flat_map(|lane| lane.waiting.values());
        queues.map(VecDeque::len).sum()
    }

    fn give_back(&self) {
        let mut turn = Turn(Some(self.clone()));
        loop {
            let next = {
                let mut lanes = self.lock();
                let next = lanes.lanes.iter_mut().rev().find_map(Lane::pop);
                if next.is_none() {
                    lanes.free += 1;
                }
                next
            };
            let Some(next) = next else {
                turn.0 = None;
                return;
            };
            match next.send(turn) {
                Ok(()) => return,
                // Whoever waited has gone: the slot goes to the next.
                Err(back) => turn = back,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Lanes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lane {
    fn push(&mut self, member: &MemberId, sender: oneshot::Sender<Turn>) {
        let queue = self.waiting.entry(member.clone()).or_default();
        if queue.is_empty() {
            self.round.push_back(member.clone());
        }
        queue.push_back(sender);
    }

    fn pop(&mut self) -> Option<oneshot::Sender<Turn>> {
        let member = self.round.pop_front()?;
        let queue = self.waiting.get_mut(&member)?;
        let next = queue.pop_front();
        if queue.is_empty() {
            self.waiting.remove(&member);
        } else {
            self.round.push_back(member);
        }
        next
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(schedule) = self.0.take() {
            schedule.give_back();
        }
    }
}
