//! What some pieces of evidence add to the counts: sums, whatever order they come in.

use std::collections::BTreeMap;

use super::NATION;
use super::day::Day;
use super::histogram::bucket;
use super::measure::{Failure, Kind, Stage, Traffic};
use super::span::{LEVELS, span};
use crate::evidence::Record;
use crate::uplink::Unreached;

/// A level and the number of a span.
type Span = (u8, i32);

/// Prefix of words that count failures; the others are business statuses.
pub(super) const FAILED: &str = "failed:";

/// When a member was first and last seen, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) sent: Option<(i64, i64)>,
    pub(super) received: Option<(i64, i64)>,
}

/// Sums of a chunk of evidence.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) traffic: BTreeMap<(Span, String, Kind), Traffic>,
    pub(super) pairs: BTreeMap<(Span, String, String), u64>,
    pub(super) times: BTreeMap<(Span, String, Stage, u8), u64>,
    pub(super) words: BTreeMap<(Span, String, String), u64>,
    pub(super) seen: BTreeMap<String, Seen>,
}

impl Tally {
    /// A packet that the hub kept at that moment.
    pub(super) fn packet(&mut self, at: i64, record: &Record, unreached: Option<&str>) {
        let (sender, kind) = (record.from.as_str(), Kind::of(record.message.as_deref()));
        let day = Day::of_millis(at);
        let told = Unreached::from_reason(unreached);
        let mut addressed = 0;
        for to in &record.to {
            match told.why(&to.member) {
                Some(why) => self.failure(day, sender, Failure::unreached(why)),
                None => {
                    addressed += 1;
                    self.pair(day, sender, to.member.as_str());
                }
            }
        }
        let traffic = Traffic {
            sent: 1,
            addressed,
            sent_bytes: record.size,
            ..Traffic::default()
        };
        self.traffic(day, sender, kind, traffic);
        if kind == Kind::Status
            && let Some(status) = &record.status
        {
            self.word(day, sender, status);
        }
        widen(
            &mut self.seen.entry(sender.to_owned()).or_default().sent,
            at,
        );
    }

    /// A packet that never came: its box gave it up.
    pub(super) fn void(&mut self, at: i64, record: &Record) {
        let (sender, kind) = (record.from.as_str(), Kind::of(record.message.as_deref()));
        let day = Day::of_millis(at);
        let voided = Traffic {
            voided: 1,
            ..Traffic::default()
        };
        self.traffic(day, sender, kind, voided);
        self.failure(day, sender, Failure::GivenUp);
    }

    /// A recipient's receipt about a packet; whether it was delivered before.
    pub(super) fn receipt(&mut self, at: i64, receipt: &Record, packet: &Record, delivered: bool) {
        let (member, kind) = (receipt.from.as_str(), Kind::of(packet.message.as_deref()));
        let day = Day::of_millis(at);
        let word = receipt.status.as_deref().unwrap_or_default();
        let mut traffic = Traffic::default();
        match word {
            "delivered" => {
                traffic.delivered = 1;
                traffic.received_bytes = packet.size;
                let seen = self.seen.entry(member.to_owned()).or_default();
                widen(&mut seen.received, at);
            }
            "collected" => traffic.collected = 1,
            "failed" => {
                traffic.failed = 1;
                let failure = if delivered {
                    Failure::RefusedBySoftware
                } else {
                    Failure::RefusedByBox
                };
                self.failure(day, member, failure);
            }
            _ => return,
        }
        self.traffic(day, member, kind, traffic);
        if let Some(stage) = Stage::of(kind, word) {
            let took = (receipt.time - packet.time).whole_milliseconds();
            let bucket = bucket(i64::try_from(took).unwrap_or(0));
            for (level, who) in everywhere(member) {
                let key = ((level, span(day, level)), who.to_owned(), stage, bucket);
                *self.times.entry(key).or_default() += 1;
            }
        }
    }

    /// Evidence that can't be read back.
    pub(super) fn damaged(&mut self, at: i64, member: &str) {
        self.failure(Day::of_millis(at), member, Failure::Damaged);
    }

    fn traffic(&mut self, day: Day, member: &str, kind: Kind, more: Traffic) {
        for (level, who) in everywhere(member) {
            let key = ((level, span(day, level)), who.to_owned(), kind);
            *self.traffic.entry(key).or_default() += more;
        }
    }

    fn pair(&mut self, day: Day, sender: &str, recipient: &str) {
        for level in LEVELS {
            let key = (
                (level, span(day, level)),
                sender.to_owned(),
                recipient.to_owned(),
            );
            *self.pairs.entry(key).or_default() += 1;
        }
    }

    fn failure(&mut self, day: Day, member: &str, failure: Failure) {
        self.word(day, member, &format!("{FAILED}{}", failure.word()));
    }

    fn word(&mut self, day: Day, member: &str, word: &str) {
        for (level, who) in everywhere(member) {
            let key = ((level, span(day, level)), who.to_owned(), word.to_owned());
            *self.words.entry(key).or_default() += 1;
        }
    }
}

/// Every level, for the member and for the nation.
fn everywhere(member: &str) -> impl Iterator<Item = (u8, &str)> {
    LEVELS
        .into_iter()
        .flat_map(move |level| [(level, member), (level, NATION)])
}

fn widen(seen: &mut Option<(i64, i64)>, at: i64) {
    let (first, last) = seen.unwrap_or((at, at));
    *seen = Some((first.min(at), last.max(at)));
}
