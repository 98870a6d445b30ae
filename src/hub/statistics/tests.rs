//! Counts over a store that is filled with evidence as the exchange writes it, cut at any moment.

mod bench;
mod evidence;
mod sums;

use super::{Day, Window};

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn window(first: &str, last: &str) -> Window {
    Window {
        first: day(first),
        last: day(last),
    }
}
