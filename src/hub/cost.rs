//! What documents on paper would have cost: a model whose every assumption can be seen and set.

use serde::{Deserialize, Serialize};

use super::statistics::Traffic;

/// Assumptions about one document delivered on paper, in đồng and pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cost {
    /// Pages of a document with what is attached.
    pub pages: u32,
    /// One sheet of paper.
    pub paper_per_page: u32,
    /// Ink and wear of the copier for one page.
    pub ink_per_page: u32,
    /// Copies that the recipient makes of what it gets, for those who work on it.
    pub copies_at_recipient: u32,
    /// Envelope and stamp of the office.
    pub envelope: u32,
    /// Post or courier for one letter.
    pub postage: u32,
    /// Minutes of work at both ends: print, stamp, envelop, sign for, scan, enter.
    pub minutes: u32,
    /// An hour of that work.
    pub wage_per_hour: u32,
}

impl Default for Cost {
    /// Cautious figures, meant to be replaced by those of whoever publishes the result.
    fn default() -> Self {
        Self {
            pages: 6,
            paper_per_page: 150,
            ink_per_page: 200,
            copies_at_recipient: 1,
            envelope: 1_500,
            postage: 12_000,
            minutes: 20,
            wage_per_hour: 50_000,
        }
    }
}

/// What was not spent, in đồng.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Saved {
    /// Deliveries counted.
    pub deliveries: u64,
    /// Paper.
    pub paper: u64,
    /// Ink.
    pub ink: u64,
    /// Envelopes and post.
    pub post: u64,
    /// Time.
    pub work: u64,
}

impl Saved {
    /// All of it.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.paper + self.ink + self.post + self.work
    }
}

impl Cost {
    /// What that traffic would have cost: each delivery is a letter.
    #[must_use]
    pub fn saved(&self, traffic: Traffic) -> Saved {
        let deliveries = traffic.delivered;
        let pages = deliveries * u64::from(self.pages) * (1 + u64::from(self.copies_at_recipient));
        Saved {
            deliveries,
            paper: pages * u64::from(self.paper_per_page),
            ink: pages * u64::from(self.ink_per_page),
            post: deliveries * (u64::from(self.envelope) + u64::from(self.postage)),
            work: deliveries * u64::from(self.minutes) * u64::from(self.wage_per_hour) / 60,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_assumption_counts() {
        let traffic = Traffic {
            delivered: 1_000,
            ..Traffic::default()
        };
        let cost = Cost::default();
        let saved = cost.saved(traffic);
        assert_eq!(saved.paper, 1_000 * 6 * 2 * 150);
        assert_eq!(saved.work, 1_000 * 20 * 50_000 / 60);
        let dearer = [
            Cost { pages: 7, ..cost },
            Cost {
                paper_per_page: 151,
                ..cost
            },
            Cost {
                ink_per_page: 201,
                ..cost
            },
            Cost {
                copies_at_recipient: 2,
                ..cost
            },
            Cost {
                envelope: 1_501,
                ..cost
            },
            Cost {
                postage: 12_001,
                ..cost
            },
            Cost {
                minutes: 21,
                ..cost
            },
            Cost {
                wage_per_hour: 50_001,
                ..cost
            },
        ];
        for dearer in dearer {
            assert!(dearer.saved(traffic).total() > saved.total(), "{dearer:?}");
        }
    }
}
