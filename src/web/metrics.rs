//! OpenMetrics 1.0 for monitoring: each gauge's level, and when traffic stops by it.

use super::html::put;
use crate::control::Report;
use crate::gauge::Level;

/// Its media type.
pub(super) const TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) fn text(report: &Report) -> String {
    let mut out = String::new();
    put!(
        out,
        "# TYPE trucgate_level gauge\n# HELP trucgate_level 0 in order, 1 declared risk, 2 somebody has to act, 3 traffic stops.\n"
    );
    for gauge in &report.gauges {
        let labels = labels(report, gauge.kind.name().en.as_str(), &gauge.subject);
        put!(out, "trucgate_level{{{labels}}} {}\n", number(gauge.level));
    }
    put!(
        out,
        "# TYPE trucgate_stops_seconds gauge\n# UNIT trucgate_stops_seconds seconds\n\
         # HELP trucgate_stops_seconds Seconds until traffic stops unless somebody acts; negative when it has.\n"
    );
    for gauge in &report.gauges {
        if let Some(at) = gauge.stops_at.or(gauge.end.as_ref().map(|end| end.at)) {
            let labels = labels(report, gauge.kind.name().en.as_str(), &gauge.subject);
            let left = (at - report.time).whole_seconds();
            put!(out, "trucgate_stops_seconds{{{labels}}} {left}\n");
        }
    }
    put!(
        out,
        "# TYPE trucgate info\n# HELP trucgate What runs here.\ntrucgate_info{{code=\"{}\",role=\"{}\",version=\"{}\"}} 1\n# EOF\n",
        escaped(&report.code),
        escaped(&report.role),
        escaped(&report.version),
    );
    out
}

fn number(level: Level) -> u8 {
    match level {
        Level::Good => 0,
        Level::Risk => 1,
        Level::Warning => 2,
        Level::Stops => 3,
    }
}

fn labels(report: &Report, kind: &str, subject: &str) -> String {
    format!(
        "code=\"{}\",gauge=\"{}\",subject=\"{}\"",
        escaped(&report.code),
        escaped(kind),
        escaped(subject)
    )
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}
