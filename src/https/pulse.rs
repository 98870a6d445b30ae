//! The state of one served connection, kept so cheaply that a request costs no timer: the connection's own task
//! looks at it now and then.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::limits::Limits;

/// Why a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Nothing to do before then.
    Fine(Instant),
    /// No request for too long.
    Idle,
    /// A request's head did not end in time.
    SlowHead,
    /// The peer takes no bytes of its answer.
    Stalled,
}

/// What happens on one connection. Times are milliseconds since `start` plus one; 0 is *not now*.
pub(super) struct Pulse {
    start: Instant,
    /// Whether the bytes read between requests are a request's head (HTTP/1.1), or may be anything (HTTP/2).
    heads: bool,
    in_flight: AtomicUsize,
    head: AtomicU64,
    idle: AtomicU64,
    blocked: AtomicU64,
    /// Bodies whose next chunk waits until the peer has taken the last one.
    waiting: AtomicUsize,
    handed: AtomicU64,
    unread: AtomicBool,
    last: AtomicBool,
    /// Rung when the connection should end after what is under way.
    pub(super) close: Notify,
}

impl Pulse {
    pub(super) fn new(heads: bool) -> Self {
        Self {
            start: Instant::now(),
            heads,
            in_flight: AtomicUsize::new(0),
            head: AtomicU64::new(u64::from(heads)),
            idle: AtomicU64::new(1),
            blocked: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
            handed: AtomicU64::new(0),
            unread: AtomicBool::new(false),
            last: AtomicBool::new(false),
            close: Notify::new(),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX - 1) + 1
    }

    /// Bytes came.
    pub(super) fn read(&self) {
        if self.heads && self.in_flight.load(Relaxed) == 0 && self.head.load(Relaxed) == 0 {
            self.head.store(self.now(), Relaxed);
        }
    }

    /// The peer took bytes.
    pub(super) fn wrote(&self) {
        if self.blocked.load(Relaxed) != 0 {
            self.blocked.store(0, Relaxed);
        }
    }

    /// The peer takes no bytes for now.
    pub(super) fn blocked(&self) {
        if self.blocked.load(Relaxed) == 0 {
            self.blocked.store(self.now(), Relaxed);
        }
    }

    /// A body was dropped before its end: the peer may still be sending.
    pub(super) fn linger(&self) {
        self.unread.store(true, Relaxed);
    }

    /// Whether the rest of a request should be taken before the connection closes, so that the peer reads its
    /// answer instead of a reset.
    pub(super) fn lingers(&self) -> bool {
        self.heads && self.unread.load(Relaxed)
    }

    /// From now on each answer is the connection's last.
    pub(super) fn last(&self) {
        self.last.store(true, Relaxed);
    }

    pub(super) fn is_last(&self) -> bool {
        self.last.load(Relaxed)
    }

    /// Whether the peer began a request's head, or its very first, and did not end it.
    pub(super) fn awaits_head(&self) -> bool {
        self.in_flight.load(Relaxed) == 0 && self.head.load(Relaxed) != 0
    }

    pub(super) fn begin(&self) {
        self.in_flight.fetch_add(1, Relaxed);
        self.head.store(0, Relaxed);
    }

    pub(super) fn end(&self) {
        if self.in_flight.fetch_sub(1, Relaxed) == 1 {
            self.idle.store(self.now(), Relaxed);
        }
    }

    /// A chunk was handed to the wire and another will follow.
    pub(super) fn hand(&self) {
        self.handed.store(self.now(), Relaxed);
        self.waiting.fetch_add(1, Relaxed);
    }

    /// The wire asks for the next chunk.
    pub(super) fn taken(&self) {
        self.waiting.fetch_sub(1, Relaxed);
    }

    /// Whether the connection is to end, and if not, when to look again.
    pub(super) fn look(&self, limits: &Limits) -> Look {
        let now = self.now();
        let mut next = limits.head_deadline.min(limits.stall).min(limits.idle);
        let mut late = |since: u64, allowed: Duration| {
            if since == 0 {
                return false;
            }
            let waited = Duration::from_millis(now.saturating_sub(since));
            next = next.min(allowed.saturating_sub(waited));
            waited >= allowed
        };
        if late(self.blocked.load(Relaxed), limits.stall) {
            return Look::Stalled;
        }
        if self.waiting.load(Relaxed) > 0 && late(self.handed.load(Relaxed), limits.stall) {
            return Look::Stalled;
        }
        if self.in_flight.load(Relaxed) == 0 {
            if late(self.head.load(Relaxed), limits.head_deadline) {
                return Look::SlowHead;
            }
            if self.head.load(Relaxed) == 0 && late(self.idle.load(Relaxed), limits.idle) {
                return Look::Idle;
            }
        }
        Look::Fine(Instant::now() + next.max(Duration::from_millis(5)))
    }
}
