//! Bells that wake the polls of a box, and the seats in which polls wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::Error;
use crate::packet::MemberId;

/// What a poll waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum For {
    /// Packets.
    Mail,
    /// Receipts.
    Receipts,
    /// A newer directory; it has no bell, only seats.
    Directory,
}

/// One bell for each box and kind, made when its first poll comes.
#[derive(Debug)]
pub(super) struct Bells {
    seats: usize,
    hung: Mutex<HashMap<(MemberId, For), Bell>>,
}

#[derive(Clone, Debug)]
struct Bell {
    rung: watch::Sender<()>,
    seats: Arc<Semaphore>,
    polls: usize,
}

/// A poll that may wait; its seat is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    /// Changes when the bell rings.
    pub(super) rung: watch::Receiver<()>,
    _seat: OwnedSemaphorePermit,
}

impl Bells {
    pub(super) fn new(seats: usize) -> Self {
        Self {
            seats,
            hung: Mutex::default(),
        }
    }

    /// Takes a seat at a box's bell.
    ///
    /// # Errors
    /// [`Error::Crowded`] when all are taken.
    pub(super) fn seat(&self, code: &MemberId, what: For) -> Result<Seat, Error> {
        let mut hung = self.hung.lock().unwrap_or_else(PoisonError::into_inner);
        let bell = hung.entry((code.clone(), what)).or_insert_with(|| Bell {
            rung: watch::channel(()).0,
            seats: Arc::new(Semaphore::new(self.seats)),
            polls: 0,
        });
        let seat = bell.seats.clone().try_acquire_owned();
        Ok(Seat {
            rung: bell.rung.subscribe(),
            _seat: seat.map_err(|_| Error::Crowded)?,
        })
    }

    /// Who of `members` has the first turn in a box's next list, so that each has it once in a while.
    pub(super) fn next_turn(&self, code: &MemberId, members: usize) -> usize {
        let mut hung = self.hung.lock().unwrap_or_else(PoisonError::into_inner);
        hung.get_mut(&(code.clone(), For::Mail)).map_or(0, |bell| {
            bell.polls = bell.polls.wrapping_add(1);
            bell.polls % members.max(1)
        })
    }

    /// Whether a poll of a box waits now.
    pub(super) fn is_waiting(&self, code: &MemberId, what: For) -> bool {
        let hung = self.hung.lock().unwrap_or_else(PoisonError::into_inner);
        hung.get(&(code.clone(), what))
            .is_some_and(|bell| bell.seats.available_permits() < self.seats)
    }

    /// Wakes the polls of a box.
    pub(super) fn ring(&self, code: &MemberId, what: For) {
        let hung = self.hung.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bell) = hung.get(&(code.clone(), what)) {
            bell.rung.send_replace(());
        }
    }
}
