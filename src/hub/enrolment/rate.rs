//! How often an address may knock at the door of enrolments.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use crate::clock::Moment;

/// Addresses remembered; beyond that everyone shares what is left of the minute.
const ADDRESSES: usize = 4_096;

/// Counts calls by address and minute.
#[derive(Debug)]
pub(super) struct Rate {
    calls: u32,
    counted: Mutex<(i64, HashMap<IpAddr, u32>)>,
}

impl Rate {
    /// So many calls of one address in a minute.
    pub(super) fn new(calls: u32) -> Self {
        Self {
            calls,
            counted: Mutex::default(),
        }
    }

    /// Whether the address may call once more in this minute.
    pub(super) fn allows(&self, address: IpAddr, now: Moment) -> bool {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let minute = now.unix_timestamp().div_euclid(60);
        if counted.0 != minute {
            *counted = (minute, HashMap::new());
        }
        let calls = &mut counted.1;
        if calls.len() >= ADDRESSES && !calls.contains_key(&address) {
            return false;
        }
        let count = calls.entry(address).or_insert(0);
        *count += 1;
        *count <= self.calls
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_calls_a_minute_and_takes_none_of_another_s() {
        let rate = Rate::new(3);
        let (one, two) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        let now = Moment::UNIX_EPOCH;
        for _ in 0..3 {
            assert!(rate.allows(one, now));
        }
        assert!(!rate.allows(one, now));
        assert!(rate.allows(two, now));
        assert!(rate.allows(one, now + time::Duration::minutes(1)));
    }
}
