//! How often an address may knock at the door of enrolments.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use crate::clock::Moment;

/// Calls of one address in a minute.
const CALLS: u32 = 30;
/// Addresses remembered; beyond that everyone shares what is left of the minute.
const ADDRESSES: usize = 4_096;

/// Counts calls by address and minute.
#[derive(Debug, Default)]
pub(super) struct Rate(Mutex<(i64, HashMap<IpAddr, u32>)>);

impl Rate {
    /// Whether the address may call once more in this minute.
    pub(super) fn allows(&self, address: IpAddr, now: Moment) -> bool {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
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
        *count <= CALLS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_calls_a_minute_and_takes_none_of_another_s() {
        let rate = Rate::default();
        let (one, two) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        let now = Moment::UNIX_EPOCH;
        for _ in 0..CALLS {
            assert!(rate.allows(one, now));
        }
        assert!(!rate.allows(one, now));
        assert!(rate.allows(two, now));
        assert!(rate.allows(one, now + time::Duration::minutes(1)));
    }
}
