//! Gauges as rows: the worst of each kind on the first page, and what is to be done about it.

use super::language::{Language, shown};
use super::page::{NAME, WIDTH};
use super::row::{Row, Tone, paragraph};
use crate::clock::Moment;
use crate::control::{Report, span};
use crate::gauge::{Gauge, Kind, Level};

/// One row a kind, below it what is to be done unless that was said already.
pub(super) fn rows(report: &Report, now: Moment, language: Language) -> Vec<Row> {
    let since = (now - report.time).whole_seconds().max(0).unsigned_abs();
    let (mut rows, mut said) = (Vec::new(), None);
    for gauges in report.gauges.chunk_by(|one, next| one.kind == next.kind) {
        let (row, to_do) = kind(gauges, now, since, language);
        rows.push(row);
        if to_do.is_some() && to_do != said {
            rows.extend(to_do.clone());
            said = to_do;
        }
    }
    rows
}

/// The worst gauge of a kind, and how many more there are; `since` is how many seconds ago they were read.
fn kind(gauges: &[Gauge], now: Moment, since: u64, language: Language) -> (Row, Option<Row>) {
    let worst = gauges.iter().skip(1).fold(&gauges[0], |worst, gauge| {
        if rank(gauge) > rank(worst) {
            gauge
        } else {
            worst
        }
    });
    let mut text = language.of(&worst.state);
    if let Some(end) = worst
        .end
        .as_ref()
        .filter(|_| worst.kind == Kind::Certificate)
    {
        text = if worst.level == Level::Stops && worst.stops_at.is_none() {
            text
        } else {
            language.of(&end.left(now))
        };
    }
    if !worst.subject.is_empty() && worst.kind != Kind::Revocation {
        text = format!("{}: {text}", shown(&worst.subject));
    }
    if gauges.len() > 1 {
        text += &match language {
            Language::Vi => format!(" (và {} mục khác)", gauges.len() - 1),
            Language::En => format!(" (and {} more)", gauges.len() - 1),
        };
    } else if let Some(age) = worst.age {
        let (vi, en) = span(age.saturating_add(since));
        let age = match language {
            Language::Vi => format!(" ({vi} trước)"),
            Language::En => format!(" ({en} ago)"),
        };
        // Half an age says less than none.
        if text.chars().count() + age.chars().count() < WIDTH - NAME - 4 {
            text += &age;
        }
    }
    let row = gauge_row(worst, &text, language);
    let to_do = to_do_text(worst, now, language);
    (row, to_do.map(|text| Row::new(Tone::Act, text).spare()))
}

/// The worse and the sooner it ends, the greater.
fn rank(gauge: &Gauge) -> (Level, i64) {
    let end = gauge.end.as_ref();
    let nearness = end.map_or(i64::MIN, |end| -end.at.unix_timestamp());
    (gauge.level, nearness)
}

pub(super) fn gauge_row(gauge: &Gauge, text: &str, language: Language) -> Row {
    let (tone, sign) = sign(gauge.level);
    let name = language.of(&gauge.kind.name());
    Row::new(tone, format!("{sign} ")).then(Tone::Plain, format!("{:NAME$} {text}", capital(&name)))
}

/// What somebody has to do, and until when.
pub(super) fn to_do(gauge: &Gauge, now: Moment, language: Language) -> Vec<Row> {
    let text = to_do_text(gauge, now, language);
    let rows = text.map(|text| paragraph(Tone::Act, &text, "       "));
    rows.into_iter().flatten().collect()
}

fn to_do_text(gauge: &Gauge, now: Moment, language: Language) -> Option<String> {
    let unless = gauge.unless.as_ref();
    let what = language.of(unless.filter(|_| gauge.level >= Level::Warning)?);
    let left = gauge.stops_at.filter(|at| *at > now).map(|at| {
        let (vi, en) = span((at - now).whole_seconds().unsigned_abs());
        match language {
            Language::Vi => format!("dừng sau {vi}, trừ khi: "),
            Language::En => format!("stops in {en} unless: "),
        }
    });
    Some(format!("     → {}{what}", left.unwrap_or_default()))
}

pub(super) fn sign(level: Level) -> (Tone, &'static str) {
    match level {
        Level::Good => (Tone::Good, " ok"),
        Level::Risk => (Tone::Good, "(!)"),
        Level::Warning => (Tone::Act, " !!"),
        Level::Stops => (Tone::Stops, " XX"),
    }
}

fn capital(name: &str) -> String {
    let mut letters = name.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}
