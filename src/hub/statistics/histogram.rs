//! Times in fixed buckets, two to each doubling: histograms of windows and members add up, and a percentile is off by a
//! fifth at most.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

/// The bucket of a time in milliseconds. Bucket 0 holds what took no time, bucket *n* begins at 2^((n-1)/2) ms.
pub(super) fn bucket(millis: i64) -> u8 {
    let Ok(millis @ 1..) = u64::try_from(millis) else {
        return 0;
    };
    let whole = millis.ilog2();
    let upper = (u128::from(millis).pow(2) >> (2 * whole + 1)) > 0;
    u8::try_from(1 + 2 * whole + u32::from(upper)).unwrap_or(u8::MAX)
}

/// How often something took how long.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram(BTreeMap<u8, u64>);

impl Histogram {
    pub(super) fn add(&mut self, bucket: u8, count: u64) {
        *self.0.entry(bucket).or_default() += count;
    }

    /// How many times were noted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.values().sum()
    }

    /// Milliseconds within which that share (0 to 1) of all was done.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate between two bounds"
    )]
    pub fn percentile(&self, share: f64) -> Option<u64> {
        let wanted = self.count() as f64 * share.clamp(0.0, 1.0);
        let mut below = 0.0;
        for (bucket, count) in &self.0 {
            let count = *count as f64;
            if below + count >= wanted && count > 0.0 {
                if *bucket == 0 {
                    return Some(0);
                }
                let within = ((wanted - below) / count).clamp(0.0, 1.0);
                let exponent = (f64::from(*bucket) - 1.0 + within) / 2.0;
                return Some(exponent.exp2().round() as u64);
            }
            below += count;
        }
        None
    }
}

impl Serialize for Histogram {
    /// As bounds and counts: `[[milliseconds, count], …]`, each bound the bucket's upper one.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|(bucket, count)| {
            let upper = (f64::from(*bucket) / 2.0).exp2();
            (if *bucket == 0 { 0.0 } else { upper.round() }, *count)
        }))
    }
}
