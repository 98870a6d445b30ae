//! How much of the disk is free, asked of it a few times a second at most: intake looks at every document.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::spool::Spool;

/// How old an answer may be. What can be written in that time is little beside the reserve.
const FRESH: Duration = Duration::from_millis(50);

#[derive(Debug, Default)]
pub(super) struct Free(Mutex<Option<(Instant, u64)>>);

impl Free {
    /// Bytes; all that there can be where the disk does not tell.
    pub(super) fn bytes(&self, spool: &Spool) -> u64 {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match *known {
            Some((at, bytes)) if at.elapsed() < FRESH => bytes,
            _ => {
                let bytes = spool.free_bytes().unwrap_or(u64::MAX);
                *known = Some((Instant::now(), bytes));
                bytes
            }
        }
    }
}
