//! Days joined to spans of 8, 64 and 512 days, each counted beside its days: a year is the sum of some thirty rows a key.

use super::day::{Day, Window};

/// Bits of a day's number that each level drops.
const BITS: u32 = 3;
/// Days, and three lengths of spans.
pub(super) const LEVELS: [u8; 4] = [0, 1, 2, 3];

/// The span of that level in which a day lies.
pub(super) fn span(day: Day, level: u8) -> i32 {
    day.number() >> (BITS * u32::from(level))
}

/// Spans of one level that stand side by side, the first and the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) level: u8,
    pub(super) first: i32,
    pub(super) last: i32,
}

/// The fewest runs that are exactly a window.
pub(super) fn cover(window: Window) -> Vec<Run> {
    let (mut at, end) = (window.first.number(), window.last.number() + 1);
    let mut runs: Vec<Run> = Vec::new();
    while at < end {
        let fits = |level: &&u8| {
            let length = 1 << (BITS * u32::from(**level));
            at % length == 0 && at + length <= end
        };
        let level = LEVELS.iter().rev().find(fits).copied().unwrap_or(0);
        let number = span(Day::numbered(at), level);
        match runs.last_mut() {
            Some(run) if run.level == level && run.last + 1 == number => run.last = number,
            _ => runs.push(Run {
                level,
                first: number,
                last: number,
            }),
        }
        at += 1 << (BITS * u32::from(level));
    }
    runs
}
