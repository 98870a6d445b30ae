//! Packets that wait for their turn, by their ids alone: ten thousand of them take hardly any memory. A lane for each
//! priority; within one fair between members, first in, first out within a member.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use crate::packet::{MemberId, PacketId};

/// One lane.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    queues: Mutex<Queues>,
    more: Notify,
}

#[derive(Debug, Default)]
struct Queues {
    /// Members with something waiting, in the order of their next turn.
    round: VecDeque<MemberId>,
    waiting: HashMap<MemberId, VecDeque<PacketId>>,
}

impl Backlog {
    /// Adds a packet at the end of its member's queue.
    pub(super) fn push(&self, member: &MemberId, packet: PacketId) {
        self.with(|queues| {
            let queue = queues.waiting.entry(member.clone()).or_default();
            if queue.is_empty() {
                queues.round.push_back(member.clone());
            }
            queue.push_back(packet);
        });
        self.more.notify_one();
    }

    /// Waits until something is there. For one waiting task alone.
    pub(super) async fn filled(&self) {
        while self.with(|queues| queues.round.is_empty()) {
            self.more.notified().await;
        }
    }

    /// The next packet, of the member whose turn it is.
    pub(super) fn pop(&self) -> Option<PacketId> {
        self.with(|queues| {
            let member = queues.round.pop_front()?;
            let queue = queues.waiting.get_mut(&member)?;
            let packet = queue.pop_front()?;
            if queue.is_empty() {
                queues.waiting.remove(&member);
            } else {
                queues.round.push_back(member);
            }
            Some(packet)
        })
    }

    fn with<T>(&self, look: impl FnOnce(&mut Queues) -> T) -> T {
        look(&mut self.queues.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Chance, Clock};

    #[tokio::test]
    async fn members_take_turns_and_each_keeps_its_order() {
        let backlog = Backlog::default();
        let (a, b): (MemberId, MemberId) = ("A".parse().unwrap(), "B".parse().unwrap());
        let (clock, chance) = (Clock::system(), Chance::system());
        let ids: Vec<PacketId> = (0..5)
            .map(|_| PacketId::new(clock.now(), &chance))
            .collect();
        for id in &ids[..4] {
            backlog.push(&a, *id);
        }
        backlog.push(&b, ids[4]);
        backlog.filled().await;
        let order: Vec<PacketId> = std::iter::from_fn(|| backlog.pop()).collect();
        assert_eq!(order, [ids[0], ids[4], ids[1], ids[2], ids[3]]);
        assert!(backlog.pop().is_none());
    }
}
