//! How many handshakes one source may begin, so that strangers can't burn the token.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use tokio::time::Instant;

/// Sources remembered at once. When they are all in debt, strangers share one bucket.
const SOURCES: usize = 16_384;

/// The verdict on one more handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Pass,
    /// The first refusal since the source last passed: the one to journal.
    Refused,
    /// One of many more.
    RefusedAgain,
}

struct Bucket {
    tokens: f64,
    at: Instant,
    told: bool,
}

/// A token bucket per source.
pub(super) struct Budget {
    burst: f64,
    rate: f64,
    buckets: HashMap<IpAddr, Bucket>,
    swept: Option<Instant>,
}

impl Budget {
    pub(super) fn new(burst: u32, rate: u32) -> Self {
        Self {
            burst: f64::from(burst.max(1)),
            rate: f64::from(rate.max(1)),
            buckets: HashMap::new(),
            swept: None,
        }
    }

    pub(super) fn ask(&mut self, source: IpAddr, now: Instant) -> Verdict {
        let mut key = network(source);
        if self.buckets.len() >= SOURCES && !self.buckets.contains_key(&key) && !self.sweep(now) {
            key = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        }
        let (burst, rate) = (self.burst, self.rate);
        let bucket = self.buckets.entry(key).or_insert(Bucket {
            tokens: burst,
            at: now,
            told: false,
        });
        let earned = now.saturating_duration_since(bucket.at).as_secs_f64() * rate;
        bucket.tokens = (bucket.tokens + earned).min(burst);
        bucket.at = now;
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            bucket.told = false;
            return Verdict::Pass;
        }
        if std::mem::replace(&mut bucket.told, true) {
            Verdict::RefusedAgain
        } else {
            Verdict::Refused
        }
    }

    /// Forgets sources whose bucket is full again, at most once a second; whether there is room now.
    fn sweep(&mut self, now: Instant) -> bool {
        if self
            .swept
            .is_none_or(|at| now.saturating_duration_since(at) >= Duration::from_secs(1))
        {
            self.swept = Some(now);
            let full = Duration::from_secs_f64(self.burst / self.rate);
            self.buckets
                .retain(|_, b| now.saturating_duration_since(b.at) < full);
        }
        self.buckets.len() < SOURCES
    }
}

/// One household of addresses: an IPv6 source owns at least a /64.
fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V6(v6) => {
            let bits = u128::from(v6) >> 64 << 64;
            IpAddr::V6(Ipv6Addr::from(bits))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(n: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + n))
    }

    #[test]
    fn a_burst_passes_then_the_rate_rules_and_only_the_first_refusal_is_told() {
        let mut budget = Budget::new(3, 10);
        let start = Instant::now();
        for _ in 0..3 {
            assert_eq!(budget.ask(source(1), start), Verdict::Pass);
        }
        assert_eq!(budget.ask(source(1), start), Verdict::Refused);
        assert_eq!(budget.ask(source(1), start), Verdict::RefusedAgain);
        assert_eq!(budget.ask(source(2), start), Verdict::Pass);
        let later = start + Duration::from_millis(110);
        assert_eq!(budget.ask(source(1), later), Verdict::Pass);
        assert_eq!(budget.ask(source(1), later), Verdict::Refused);
    }

    #[test]
    fn one_ipv6_network_is_one_source_and_the_map_is_bounded() {
        let mut budget = Budget::new(1, 1);
        let now = Instant::now();
        assert_eq!(
            budget.ask("2001:db8::1".parse().unwrap(), now),
            Verdict::Pass
        );
        assert_eq!(
            budget.ask("2001:db8::2".parse().unwrap(), now),
            Verdict::Refused
        );
        for n in 0..40_000 {
            budget.ask(source(n), now);
        }
        assert!(budget.buckets.len() <= SOURCES + 1);
        // Sources whose buckets are full again make room.
        assert_eq!(
            budget.ask(source(50_000), now + Duration::from_secs(3)),
            Verdict::Pass
        );
        assert!(budget.buckets.len() < 10);
    }
}
