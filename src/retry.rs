//! What to do after an error, and how long to wait before the next try.

use std::time::Duration;

use crate::clock::Chance;

/// The class of an error, given where it is born and turned into HTTP, exit code and journal priority at the edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// The same call may succeed later: something is away, full or busy.
    Retry,
    /// The same call can never succeed: the input or the peer is wrong.
    Refuse,
    /// This process can't go on: its own state or configuration is broken.
    Fatal,
}

/// Full-jitter exponential back-off: each wait is random between half the step and the step, and the step doubles up to a cap.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    cap: Duration,
    step: Duration,
}

impl Backoff {
    /// Starts at `first` and never waits longer than `cap`.
    #[must_use]
    pub fn new(first: Duration, cap: Duration) -> Self {
        Self {
            first,
            cap,
            step: first,
        }
    }

    /// The next wait.
    pub fn next(&mut self, chance: &Chance) -> Duration {
        let wait = self.step.mul_f64(0.5 + chance.fraction() / 2.0);
        self.step = (self.step * 2).min(self.cap);
        wait
    }

    /// After a success the next failure starts small again.
    pub fn reset(&mut self) {
        self.step = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_cap_and_fall_back_after_a_success() {
        let chance = Chance::system();
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        let waits: Vec<_> = (0..8).map(|_| backoff.next(&chance)).collect();
        assert!(waits[0] >= Duration::from_millis(50) && waits[0] <= Duration::from_millis(100));
        assert!(waits[7] >= Duration::from_millis(500) && waits[7] <= Duration::from_secs(1));
        backoff.reset();
        assert!(backoff.next(&chance) <= Duration::from_millis(100));
    }
}
