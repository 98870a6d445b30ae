//! A system's share of the door: requests at once and requests a second, so that one that floods waits in a
//! queue of its own, and gives way while a quiet system is about.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::refusal::{ErrorCode, Refusal};
use crate::journal;

/// What one system may use.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Quota {
    /// Requests worked on at once.
    pub in_flight: NonZeroU32,
    /// Of these, how many begin in a tenth of a second while a quiet system was served lately: what is worked on at once
    /// is what others wait for.
    pub in_flight_beside_quiet: NonZeroU32,
    /// Requests that may wait for their turn; one more is refused at once.
    pub waiting: u32,
    /// Longest wait for a turn, in seconds.
    pub wait_seconds: u32,
    /// Requests a second over time; none means as many as the machine does.
    pub per_second: Option<NonZeroU32>,
    /// Requests beyond the rate that may come at once after a pause.
    pub burst: u32,
}

impl Default for Quota {
    fn default() -> Self {
        Self {
            in_flight: NonZeroU32::new(32).unwrap_or(NonZeroU32::MIN),
            in_flight_beside_quiet: NonZeroU32::new(8).unwrap_or(NonZeroU32::MIN),
            waiting: 1024,
            wait_seconds: 30,
            per_second: None,
            burst: 100,
        }
    }
}

/// A system with no more requests than these, waiting ones included, is quiet; with more than those it is busy.
const QUIET: usize = 2;
const BUSY: usize = 8;
/// For how long a quiet system is thought of.
const LATELY: Duration = Duration::from_secs(10);
/// How long others of its system wait at most for one request of a busy system: what takes long, as slow uploads do, is
/// no flood.
const GIVES_WAY: Duration = Duration::from_secs(1);
/// A turn of a busy system that gives way comes back no sooner than this after it began. Its requests then come in
/// small flocks that share commits and signatures, and leave the machine to the quiet one in between: a document alone
/// costs ten times the processor time of one in a flock.
const FLOCK: Duration = Duration::from_millis(100);

/// How often a flood of one system is told while it lasts.
const TOLD: Duration = Duration::from_secs(60);

/// All systems' shares.
#[derive(Debug)]
pub(super) struct Quotas {
    quota: Quota,
    gates: Mutex<HashMap<String, Arc<Gate>>>,
}

#[derive(Debug)]
struct Gate {
    /// Fair: first come, first served.
    turns: Arc<Semaphore>,
    /// Places in the queue, those at work included.
    places: Arc<Semaphore>,
    /// Fewer turns, for while a quiet system is about.
    beside: Arc<Semaphore>,
    /// When it was served as a quiet one; none since it was busy.
    quiet: Mutex<Option<Instant>>,
    /// When the next request would be due at the system's rate.
    due: Mutex<Option<Instant>>,
    /// When its flood was told last.
    told: Mutex<Option<Instant>>,
}

/// A turn at work; given back when dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _turn: OwnedSemaphorePermit,
    #[cfg_attr(not(test), expect(dead_code, reason = "held, not read"))]
    beside: Option<Beside>,
    _place: OwnedSemaphorePermit,
}

/// A turn of a system that gives way, until it is dropped.
type Beside = oneshot::Sender<()>;

async fn beside(gate: &Gate) -> Option<Beside> {
    let turn = Arc::clone(&gate.beside).acquire_owned().await.ok()?;
    let (held, over) = oneshot::channel();
    tokio::spawn(async move {
        let since = Instant::now();
        let _ = timeout(GIVES_WAY, over).await;
        sleep_until(since + FLOCK).await;
        drop(turn);
    });
    Some(held)
}

impl Quotas {
    pub(super) fn new(quota: Quota) -> Self {
        Self {
            quota,
            gates: Mutex::default(),
        }
    }

    /// Waits for a turn of this system.
    pub(super) async fn turn(&self, system: &str) -> Result<Turn, Refusal> {
        let gate = self.gate(system);
        let turn = self.turn_at(system, &gate).await;
        if turn.is_err() {
            gate.tell(system);
        }
        turn
    }

    async fn turn_at(&self, system: &str, gate: &Gate) -> Result<Turn, Refusal> {
        let place = Arc::clone(&gate.places)
            .try_acquire_owned()
            .map_err(|_| busy())?;
        let last = Instant::now() + Duration::from_secs(u64::from(self.quota.wait_seconds));
        if let Some(due) = self.book(gate, last)? {
            sleep_until(due).await;
        }
        let gives_way = self.gives_way(system, gate);
        let turn = timeout_at(last, Arc::clone(&gate.turns).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            return Err(busy());
        };
        let beside = if gives_way {
            timeout_at(last, beside(gate)).await.map_err(|_| busy())?
        } else {
            None
        };
        Ok(Turn {
            _turn: turn,
            beside,
            _place: place,
        })
    }

    /// Whether this system is busy while another one is quiet.
    fn gives_way(&self, system: &str, gate: &Gate) -> bool {
        let all = (self.quota.in_flight.get() + self.quota.waiting) as usize;
        let used = all.saturating_sub(gate.places.available_permits());
        let now = Instant::now();
        if used <= QUIET {
            *gate.quiet.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        }
        if used <= BUSY {
            return false;
        }
        *gate.quiet.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        gates.iter().any(|(other, gate)| {
            let quiet = *gate.quiet.lock().unwrap_or_else(PoisonError::into_inner);
            other != system && quiet.is_some_and(|at| now < at + LATELY)
        })
    }

    /// Books the next place at the system's rate; gives when it begins if that is not yet.
    fn book(&self, gate: &Gate, last: Instant) -> Result<Option<Instant>, Refusal> {
        let Some(rate) = self.quota.per_second else {
            return Ok(None);
        };
        let step = Duration::from_secs(1) / rate.get();
        let now = Instant::now();
        let mut due = gate.due.lock().unwrap_or_else(PoisonError::into_inner);
        let at = due.map_or(now, |due| due.max(now));
        let begins = at.checked_sub(step * self.quota.burst).unwrap_or(now);
        if begins > last {
            return Err(busy());
        }
        *due = Some(at + step);
        Ok((begins > now).then_some(begins))
    }

    fn gate(&self, system: &str) -> Arc<Gate> {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(gate) = gates.get(system) {
            return Arc::clone(gate);
        }
        let (turns, waiting) = (
            self.quota.in_flight.get() as usize,
            self.quota.waiting as usize,
        );
        let gate = Arc::new(Gate {
            turns: Arc::new(Semaphore::new(turns)),
            places: Arc::new(Semaphore::new(turns + waiting)),
            beside: Arc::new(Semaphore::new(
                self.quota.in_flight_beside_quiet.get() as usize
            )),
            quiet: Mutex::new(None),
            due: Mutex::new(None),
            told: Mutex::new(None),
        });
        gates.insert(system.to_owned(), Arc::clone(&gate));
        gate
    }
}

impl Gate {
    fn tell(&self, system: &str) {
        let now = Instant::now();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none_or(|at| now >= at + TOLD) {
            *told = Some(now);
            journal::line(&journal::ids::SYSTEM_FLOOD)
                .peer(system)
                .step("quota")
                .next("ask whoever runs that software; if it is meant, raise [vxp.quota] in the relay's configuration")
                .say("a software sends more than its quota and is told to come later");
        }
    }
}

fn busy() -> Refusal {
    Refusal::new(
        ErrorCode::HubError,
        "Hệ thống này đang gửi quá nhiều yêu cầu cùng lúc, vượt hạn mức được cấp; giảm số kết nối song song rồi thử lại sau.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quotas(in_flight: u32, waiting: u32, per_second: Option<u32>) -> Quotas {
        Quotas::new(Quota {
            in_flight: NonZeroU32::new(in_flight).unwrap(),
            in_flight_beside_quiet: NonZeroU32::MIN,
            waiting,
            wait_seconds: 1,
            per_second: per_second.and_then(NonZeroU32::new),
            burst: 1,
        })
    }

    #[tokio::test]
    async fn a_flooding_system_fills_its_own_queue_only() {
        let lines = journal::listen();
        let quotas = quotas(1, 0, None);
        let held = quotas.turn("flooding").await.unwrap();
        for _ in 0..2 {
            assert_eq!(
                quotas.turn("flooding").await.unwrap_err().code,
                ErrorCode::HubError
            );
        }
        let told = |line: &Arc<journal::Entry>| {
            line.id == &journal::ids::SYSTEM_FLOOD && line.peer.as_deref() == Some("flooding")
        };
        assert_eq!(lines.try_iter().filter(told).count(), 1, "once a minute");
        quotas.turn("B").await.unwrap();
        drop(held);
        quotas.turn("flooding").await.unwrap();
    }

    #[tokio::test]
    async fn a_busy_system_gives_way_while_a_quiet_one_is_about() {
        let quotas = quotas(32, 32, None);
        let mut held = Vec::new();
        for _ in 0..20 {
            held.push(quotas.turn("busy").await.unwrap());
        }
        assert!(held.iter().all(|turn| turn.beside.is_none()), "alone");
        quotas.turn("quiet").await.unwrap();
        held.push(quotas.turn("busy").await.unwrap());
        assert!(held[20].beside.is_some(), "one at a time beside it");
        let waited = Instant::now();
        let next = quotas.turn("busy");
        let early = timeout(GIVES_WAY / 2, next).await;
        assert!(early.is_err(), "while it is worked on");
        held.push(quotas.turn("busy").await.unwrap());
        assert!(
            held[21].beside.is_some() && waited.elapsed() >= GIVES_WAY,
            "what takes long is no flood"
        );
        assert!(!quotas.gives_way("quiet", &quotas.gate("quiet")));
        // A system that was quiet before it was busy is none that others give way to.
        for _ in 0..20 {
            held.push(quotas.turn("quiet").await.unwrap());
        }
        assert!(!quotas.gives_way("busy", &quotas.gate("busy")));
    }

    #[tokio::test]
    async fn turns_of_a_busy_system_come_back_late_while_it_gives_way() {
        let quotas = quotas(32, 32, None);
        quotas.turn("quiet").await.unwrap();
        let gate = quotas.gate("busy");
        let mut held = Vec::new();
        while held.len() <= BUSY {
            held.push(gate.places.clone().try_acquire_owned().unwrap());
        }
        let began = Instant::now();
        drop(quotas.turn("busy").await.unwrap());
        let next = quotas.turn("busy").await.unwrap();
        assert!(began.elapsed() >= FLOCK && next.beside.is_some());
    }

    #[tokio::test]
    async fn a_turn_that_never_comes_is_refused_at_the_end_of_the_wait() {
        let mut quotas = quotas(1, 1, None);
        quotas.quota.wait_seconds = 0;
        let _held = quotas.turn("A").await.unwrap();
        assert_eq!(
            quotas.turn("A").await.unwrap_err().code,
            ErrorCode::HubError
        );
    }

    #[tokio::test]
    async fn beyond_the_rate_requests_wait_and_then_are_refused() {
        let quotas = quotas(100, 0, Some(1));
        let gate = quotas.gate("A");
        let last = Instant::now() + Duration::from_millis(1500);
        assert!(quotas.book(&gate, last).unwrap().is_none());
        assert!(quotas.book(&gate, last).unwrap().is_none());
        assert!(quotas.book(&gate, last).unwrap().is_some());
        assert!((0..3).any(|_| quotas.book(&gate, last).is_err()));
    }
}
