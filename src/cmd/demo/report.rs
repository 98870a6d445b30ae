//! The one table at the end.

use super::cast::short;
use super::ledger::{End, Entry, Group, Ledger};
use super::screen::{Screen, bytes, seconds};
use super::table::{Line, Side, lay_out};
use super::verify::Promised;

/// What became of one line of the ledger.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcome {
    pub(super) promised: Promised,
    /// Recipients, over all packets of the line.
    recipients: usize,
    /// Those that had to end as *collected* and *failed*.
    due: (usize, usize),
    pub(super) problems: Vec<String>,
}

impl Outcome {
    /// Adds a packet whose proofs hold.
    pub(super) fn add(&mut self, entry: &Entry, promised: Promised) {
        let sum = &mut self.promised;
        sum.accepted += promised.accepted;
        sum.delivered += promised.delivered;
        sum.collected += promised.collected;
        sum.failed += promised.failed;
        sum.seals += promised.seals;
        let count = |wanted| entry.ends.iter().filter(|(_, end)| *end == wanted).count();
        self.recipients += entry.ends.len();
        self.due.0 += count(End::Collected);
        self.due.1 += count(End::Failed);
    }

    /// Whether all of it ended where it had to, with proof.
    pub(super) fn holds(&self) -> bool {
        let got = &self.promised;
        self.problems.is_empty()
            && self.recipients > 0
            && got.accepted == self.recipients
            && got.delivered == self.due.0 + self.due.1
            && (got.collected, got.failed) == self.due
    }
}

const SIDES: [Side; 8] = [
    Side::Left,
    Side::Left,
    Side::Left,
    Side::Right,
    Side::Right,
    Side::Right,
    Side::Right,
    Side::Right,
];
const VIETNAMESE: [&str; 8] = [
    "Văn bản",
    "Từ",
    "Đến",
    "Cỡ",
    "Trục nhận",
    "Đã đến",
    "Đã lấy",
    "Kiểm chứng",
];
const ENGLISH: [&str; 8] = [
    "document",
    "from",
    "to",
    "size",
    "accepted",
    "delivered",
    "collected",
    "verified",
];

pub(super) fn show(screen: &mut Screen, ledger: &Ledger, outcomes: &[Outcome]) {
    screen.line("");
    for line in lay_out(&SIDES, &lines(ledger, outcomes)) {
        screen.line(&line);
    }
}

fn lines(ledger: &Ledger, outcomes: &[Outcome]) -> Vec<Line> {
    let words = |row: [&str; 8]| Line::Cells(row.map(str::to_owned).to_vec());
    let mut lines = vec![words(VIETNAMESE), words(ENGLISH), Line::Rule];
    for (group, outcome) in ledger.groups.iter().zip(outcomes) {
        lines.push(Line::Cells(cells(group, outcome)));
        let remarks = group.remarks.iter().chain(&outcome.problems);
        lines.extend(remarks.map(|remark| Line::Remark(remark.clone())));
    }
    lines.push(Line::Rule);
    lines
}

fn cells(group: &Group, outcome: &Outcome) -> Vec<String> {
    let got = &outcome.promised;
    let all = outcome.recipients;
    let size: u64 = group.entries.iter().map(|entry| entry.size).sum();
    let collected = match got.failed {
        0 => format!("{}/{all}", got.collected),
        failed if failed == all => "fail".to_owned(),
        failed => format!("{}/{all}, {failed} fail", got.collected),
    };
    vec![
        group.label.clone(),
        group
            .entries
            .first()
            .map(|entry| short(entry.from.as_str()).to_owned())
            .unwrap_or_default(),
        addressees(group),
        bytes(size),
        format!("{}/{all}", got.accepted),
        format!("{}/{all}", got.delivered),
        collected,
        if outcome.holds() { "✓" } else { "✗" }.to_owned(),
    ]
}

/// One name, or how many.
fn addressees(group: &Group) -> String {
    let Some(first) = group.entries.first() else {
        return String::new();
    };
    match first.ends.as_slice() {
        [(only, _)] => short(only.as_str()).to_owned(),
        many => format!("{} nơi nhận", many.len()),
    }
}

/// The last words.
pub(super) fn sum_up(screen: &mut Screen, ledger: &Ledger, holds: bool) {
    let packets = ledger.entries().count();
    let recipients: usize = ledger.entries().map(|entry| entry.ends.len()).sum();
    let time = seconds(screen.elapsed());
    if holds {
        screen.good(
            &format!("{packets} gói tin, {recipients} lượt gửi: mọi dòng đều đúng. Tổng thời gian {time}."),
            &format!("{packets} packets to {recipients} recipients: every row holds. Total time {time}."),
        );
    } else {
        screen.bad(
            &format!("Có dòng không đúng (✗). Tổng thời gian {time}."),
            "Some row does not hold (✗).",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::Digest;
    use crate::vxp::MessageType;

    fn entry(ends: &[(&str, End)]) -> Entry {
        Entry {
            doc: "0190a0b0-0000-7000-8000-000000000000".parse().unwrap(),
            message_type: MessageType::Edoc,
            from: "000.00.00.G22".parse().unwrap(),
            size: 1_000,
            digest: Digest::of(b""),
            ends: ends
                .iter()
                .map(|(code, end)| (code.parse().unwrap(), *end))
                .collect(),
        }
    }

    #[test]
    fn a_line_holds_when_each_recipient_ended_where_it_had_to() {
        let entry = entry(&[
            ("000.00.00.H41", End::Collected),
            ("000.00.00.H14", End::Failed),
            ("000.00.01.H01", End::Accepted),
        ]);
        let good = Promised {
            accepted: 3,
            delivered: 2,
            collected: 1,
            failed: 1,
            seals: 6,
        };
        let mut outcome = Outcome::default();
        assert!(!outcome.holds(), "nothing was sent");
        outcome.add(&entry, good);
        assert!(outcome.holds());
        for bad in [
            Promised {
                accepted: 2,
                ..good
            },
            Promised {
                delivered: 3,
                ..good
            },
            Promised {
                collected: 2,
                failed: 0,
                ..good
            },
        ] {
            let mut outcome = Outcome::default();
            outcome.add(&entry, bad);
            assert!(!outcome.holds(), "{bad:?}");
        }
        outcome.problems.push("a seal".to_owned());
        assert!(!outcome.holds());
    }

    #[test]
    fn a_line_of_the_table_names_its_parts() {
        let group = Group {
            label: "1/VPCP-KSTT".to_owned(),
            entries: vec![entry(&[("000.00.00.H41", End::Collected)])],
            remarks: Vec::new(),
        };
        let mut outcome = Outcome::default();
        let promised = Promised {
            accepted: 1,
            delivered: 1,
            collected: 1,
            failed: 0,
            seals: 4,
        };
        outcome.add(&group.entries[0], promised);
        assert_eq!(
            cells(&group, &outcome),
            [
                "1/VPCP-KSTT",
                "VPCP",
                "Nghệ An",
                "1,0 KB",
                "1/1",
                "1/1",
                "1/1",
                "✓"
            ]
        );
    }
}
