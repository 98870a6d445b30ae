//! When something that was fetched is to be fetched anew: at half of its life, jittered, so that a country's boxes do not
//! all ask in one second.

use std::time::Duration;

use crate::clock::{Chance, Clock, Moment};
use crate::retry::Backoff;

/// How often a clock that may be set is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Sooner than this nothing is asked for twice that lives long enough.
const SOONEST: time::Duration = time::Duration::seconds(30);

/// When to ask anew for what was made at `made` and is good until `until`; no later than `longest` from `now`.
pub(super) fn due(
    (made, until): (Moment, Moment),
    now: Moment,
    longest: Duration,
    chance: &Chance,
) -> Moment {
    let jitter = 0.45 + chance.fraction() / 10.0;
    let life: time::Duration = until - made;
    let half = made + life * jitter;
    // What was fetched in the second half of its life is looked for again and again, not all the time.
    let soonest = now + (life / 10_i32).clamp(time::Duration::milliseconds(200), SOONEST);
    let later = if half > now {
        half
    } else {
        now + (until - now) * jitter
    };
    let latest = now + time::Duration::try_from(longest).unwrap_or(SOONEST) * (0.9 + jitter / 10.0);
    later.max(soonest).min(latest.max(soonest))
}

/// The longest wait between tries while nothing can be had, and while traffic stands still for it.
const PATIENT: Duration = Duration::from_secs(60);
const URGENT: Duration = Duration::from_secs(5);

/// Waits between tries of a source that is away.
pub(super) fn backoff() -> Backoff {
    Backoff::new(Duration::from_millis(250), PATIENT)
}

/// The next wait after a failure; shorter while traffic stands still.
pub(super) fn again(backoff: &mut Backoff, over: bool, chance: &Chance) -> Duration {
    let wait = backoff.next(chance);
    if over { wait.min(URGENT) } else { wait }
}

/// Waits until the clock says `due`, looking at it each second, since it may be set.
pub(super) async fn until(due: Moment, clock: &Clock) {
    loop {
        let left = due - clock.now();
        let Ok(left) = Duration::try_from(left) else {
            return;
        };
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left.min(LOOK)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn half_a_life_with_jitter_and_never_in_a_hurry() {
        let (made, chance) = (datetime!(2026-03-01 00:00 UTC), Chance::system());
        let day = Duration::from_secs(86_400);
        let after = |life: time::Duration, now: time::Duration| {
            due((made, made + life), made + now, day, &chance) - made
        };
        let hours = time::Duration::hours;
        let seen: Vec<_> = (0..50).map(|_| after(hours(10), hours(0))).collect();
        assert!(
            seen.iter().all(|at| *at >= hours(4) && *at <= hours(6)),
            "{seen:?}"
        );
        assert!(seen.iter().any(|at| *at != seen[0]), "no jitter");
        // Long lives are cut, late ones shared out, dead ones not hammered.
        assert!(after(hours(24 * 30), hours(0)) <= hours(24));
        let late = after(hours(10), hours(8));
        assert!(late > hours(8) && late < hours(10), "{late}");
        assert!(after(hours(10), hours(11)) >= hours(11) + SOONEST);
        // An answer of four seconds is asked for in time.
        let short = after(time::Duration::seconds(4), time::Duration::ZERO);
        assert!(short <= time::Duration::milliseconds(2_300), "{short}");
    }
}
