//! `trucgate provision drill`: months ahead, what would happen if nothing were renewed. A running box or hub reads its own
//! gauges as of those days; no clock moves.

use super::super::operator::Whom;
use super::super::run::Failure;
use crate::control::{Answer, Ask, Report};
use crate::gauge::Level;

#[derive(Debug, clap::Args)]
pub(in crate::cmd) struct Arguments {
    /// Xa đến đâu, ví dụ 90d / how far ahead, such as 90d
    #[arg(long = "in", value_parser = days, default_value = "90d")]
    ahead: u16,
}

fn days(text: &str) -> Result<u16, String> {
    text.strip_suffix('d')
        .and_then(|days| days.parse().ok())
        .filter(|days| (1..=3_650).contains(days))
        .ok_or_else(|| format!("{text:?}: viết như / written as 90d"))
}

pub(super) fn run(whom: &Whom, arguments: &Arguments) -> Result<(), Failure> {
    let mut reports = Vec::new();
    for day in steps(arguments.ahead) {
        match whom.ask(&Ask::Drill { days: day }) {
            Ok(Answer::Status(report)) => reports.push((day, *report)),
            Ok(Answer::Refused(text)) => return Err(Failure::other(text)),
            Ok(other) => return Err(Failure::other(format!("{other:?}"))),
            Err(reason) => return Err(Failure::other(reason)),
        }
    }
    print!("{}", table(&reports));
    Ok(())
}

/// Eight columns at most: today, the last day, and what is between in equal steps.
fn steps(ahead: u16) -> Vec<u16> {
    let mut all: Vec<u16> = (0..8).map(|step| ahead * step / 7).collect();
    all.dedup();
    all
}

/// A row a gauge, a column a day.
fn table(reports: &[(u16, Report)]) -> String {
    let mut text = String::from(
        "Nếu không gia hạn gì / if nothing is renewed (ok, (!) rủi ro/risk, !! cần xử lý/act, XX dừng/stops):\n\n",
    );
    for (day, _) in reports {
        text += &format!("{:>6}", format!("+{day}d"));
    }
    text.push('\n');
    let Some((_, first)) = reports.first() else {
        return text;
    };
    for gauge in &first.gauges {
        for (_, report) in reports {
            let then = report
                .gauges
                .iter()
                .find(|one| (one.kind, &one.subject) == (gauge.kind, &gauge.subject));
            text += match then.map(|one| one.level) {
                Some(Level::Good) => "    ok",
                Some(Level::Risk) => "   (!)",
                Some(Level::Warning) => "    !!",
                Some(Level::Stops) => "    XX",
                None => "     -",
            };
        }
        text += &format!("  {}", gauge.kind.name());
        if !gauge.subject.is_empty() {
            text += &format!(" · {}", gauge.subject);
        }
        if let Some(end) = &gauge.end {
            text += &format!(" · hết hạn/ends {}", end.at.date());
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_written_plainly_and_columns_are_few() {
        assert_eq!(days("90d"), Ok(90));
        for text in ["", "d", "0d", "90", "-1d", "9999d"] {
            assert!(days(text).is_err(), "{text}");
        }
        assert_eq!(steps(7), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(steps(2), [0, 1, 2]);
        assert_eq!(steps(90).last(), Some(&90));
    }
}
