//! How much of the disk is free, asked of it a few times a second at most: intake looks at every document.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::spool::Spool;

/// How old an answer may be. What can be written in that time is little beside the reserve.
const FRESH: Duration = Duration::from_millis(50);

#[derive(Debug, Default)]
pub(super) struct Free {
    known: Mutex<Option<(Instant, u64)>>,
    /// Whether the last document was refused for want of room.
    stopped: AtomicBool,
}

impl Free {
    /// Bytes; all that there can be where the disk does not tell.
    pub(super) fn bytes(&self, spool: &Spool) -> u64 {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match *known {
            Some((at, bytes)) if at.elapsed() < FRESH => bytes,
            _ => {
                let bytes = spool.free_bytes().unwrap_or(u64::MAX);
                *known = Some((Instant::now(), bytes));
                bytes
            }
        }
    }

    /// Takes note of whether a document finds room; tells whether that was otherwise with the last one.
    pub(super) fn turned(&self, room: bool) -> bool {
        self.stopped.swap(!room, Ordering::Relaxed) == room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_told_once_and_a_start_with_room_is_none() {
        let free = Free::default();
        let turns = [true, false, false, true, true].map(|room| free.turned(room));
        assert_eq!(turns, [false, true, false, true, false]);
    }
}
