//! What was sent in the weeks before the opening: as many documents and deliveries as were announced, shared out over days
//! and members by a fixed rule.

use super::members::{CENTRAL, DEDICATED};

/// 19 January to 8 March 2019.
pub(super) const DAYS: usize = 49;
/// Documents sent.
pub(super) const SENT: usize = 12_257;
/// Documents received: one for each recipient.
pub(super) const RECEIVED: usize = 35_360;
/// Documents that go to everybody else.
const CIRCULARS: usize = 120;

/// One document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Letter {
    /// Places in the list of members.
    pub(super) from: usize,
    pub(super) to: Vec<usize>,
}

/// The documents of each day. `silent` sends none.
pub(super) fn letters(members: usize, silent: usize) -> Vec<Vec<Letter>> {
    let mut dice = Dice(2_019);
    let weights: Vec<u64> = (0..members)
        .map(|member| if member == silent { 0 } else { weight(member) })
        .collect();
    let mut letters: Vec<Letter> = (0..SENT)
        .map(|number| Letter {
            from: if number < CIRCULARS {
                // Those go out from the centre.
                loop {
                    let from = dice.among(&weights);
                    if from < CENTRAL {
                        break from;
                    }
                }
            } else {
                dice.among(&weights)
            },
            to: Vec::new(),
        })
        .collect();
    for (letter, count) in letters.iter_mut().zip(recipients(members)) {
        letter.to = others(&mut dice, members, letter.from, count);
    }
    dice.shuffle(&mut letters);
    let mut days = Vec::with_capacity(DAYS);
    for count in per_day() {
        days.push(letters.split_off(letters.len() - count));
    }
    days
}

/// Recipients of each document: circulars first, then one to three, in sum those that were announced.
fn recipients(members: usize) -> Vec<usize> {
    let mut counts = vec![members - 1; CIRCULARS];
    let rest = SENT - CIRCULARS;
    let left = RECEIVED - CIRCULARS * (members - 1);
    let (each, more) = (left / rest, left % rest);
    counts.extend((0..rest).map(|number| each + usize::from(number < more)));
    // One for a neighbour of three: as many in sum, and not all the same.
    for pair in counts[CIRCULARS..].chunks_exact_mut(2).step_by(2) {
        if pair[0] > 1 {
            pair[0] -= 1;
            pair[1] += 1;
        }
    }
    counts
}

/// How many documents each day has: few on Saturdays and Sundays and in the week of the new year, more towards the end.
fn per_day() -> [usize; DAYS] {
    const NEW_YEAR: std::ops::RangeInclusive<usize> = 14..=22;
    let weights: [usize; DAYS] = std::array::from_fn(|day| {
        // The first is a Saturday.
        let base = match day % 7 {
            _ if NEW_YEAR.contains(&day) => 2,
            0 => 6,
            1 => 3,
            _ => 100,
        };
        base * (100 + 2 * day)
    });
    let all: usize = weights.iter().sum();
    let mut counts = weights.map(|weight| SENT * weight / all);
    let busiest = DAYS - 1;
    counts[busiest] += SENT - counts.iter().sum::<usize>();
    counts
}

/// The Government Office sends most, ministries more than provinces, those with a server of their own more than others.
fn weight(member: usize) -> u64 {
    const OFFICE: usize = 21;
    match member {
        OFFICE => 40,
        0..CENTRAL => 8,
        CENTRAL..DEDICATED => 4,
        _ => 2,
    }
}

fn others(dice: &mut Dice, members: usize, from: usize, count: usize) -> Vec<usize> {
    let mut all: Vec<usize> = (0..members).filter(|member| *member != from).collect();
    dice.shuffle(&mut all);
    all.truncate(count);
    all
}

/// The same throws at each run.
struct Dice(u64);

impl Dice {
    /// SplitMix64.
    fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.throw() % end.max(1) as u64).unwrap_or(0)
    }

    fn among(&mut self, weights: &[u64]) -> usize {
        let mut left = self.throw() % weights.iter().sum::<u64>().max(1);
        for (place, weight) in weights.iter().enumerate() {
            if left < *weight {
                return place;
            }
            left -= weight;
        }
        0
    }

    fn shuffle<T>(&mut self, all: &mut [T]) {
        for last in (1..all.len()).rev() {
            all.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_days_sum_up_to_what_was_announced() {
        let (members, silent) = (95, 29);
        let days = letters(members, silent);
        assert_eq!(days.len(), DAYS);
        assert!(days.iter().all(|day| !day.is_empty()));
        let all: Vec<&Letter> = days.iter().flatten().collect();
        assert_eq!(all.len(), SENT);
        assert_eq!(
            all.iter().map(|letter| letter.to.len()).sum::<usize>(),
            RECEIVED
        );
        let mut senders = vec![0; members];
        for letter in &all {
            senders[letter.from] += 1;
            let mut to = letter.to.clone();
            to.sort_unstable();
            to.dedup();
            assert_eq!(to.len(), letter.to.len(), "each recipient once");
            assert!(!to.is_empty() && !to.contains(&letter.from));
        }
        assert_eq!(senders[silent], 0);
        assert!(
            senders
                .iter()
                .enumerate()
                .all(|(at, sent)| at == silent || *sent > 0)
        );
        assert_eq!(days, letters(members, silent), "the same at each run");
    }
}
