//! The machine and the box in a few lines.

use std::path::Path;

use serde_json::{Value, json};

use crate::clock::{Moment, rfc3339};
use crate::cmd::machine::Machine;
use crate::control::Report;
use crate::gauge::Kind;
use crate::update::State;

/// What `about.json` says.
pub(super) fn about(
    machine: &Machine,
    code: Option<&str>,
    report: Option<&Report>,
    updates: &Path,
    made: Moment,
) -> Value {
    let clock = report.and_then(|report| {
        let mut gauges = report.gauges.iter();
        gauges.find(|gauge| gauge.kind == Kind::Clock)
    });
    let slot = machine
        .slot
        .as_ref()
        .map(|slot| json!({ "letter": slot.letter.to_string(), "label": slot.label }));
    let updates = match State::read(updates) {
        Ok(state) => json!(state),
        Err(error) => json!({ "unread": error.to_string() }),
    };
    json!({
        "made": rfc3339(made),
        "machine": machine.name,
        "box": code,
        "role": report.map(|report| report.role.as_str()),
        "version": env!("CARGO_PKG_VERSION"),
        "running_version": report.map(|report| report.version.as_str()),
        "image": machine.image,
        "slot": slot,
        "kernel": first_word("/proc/sys/kernel/osrelease"),
        "uptime_seconds": first_word("/proc/uptime").and_then(|text| text.parse::<f64>().ok()),
        "clock": clock,
        "updates": updates,
    })
}

fn first_word(file: &str) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    text.split_whitespace().next().map(str::to_owned)
}

/// The box's code, as its configuration says.
pub(super) fn code(directory: &Path) -> Option<String> {
    let names = ["relay.toml", "trucgate.toml", "plan.toml"];
    names.into_iter().find_map(|name| {
        let text = std::fs::read_to_string(directory.join(name)).ok()?;
        let table: toml::Table = toml::from_str(&text).ok()?;
        table.get("box")?.get("code")?.as_str().map(str::to_owned)
    })
}
