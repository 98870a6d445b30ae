//! The journal of the last days: the box's own units and those that have failed, by a list of fields.

use std::path::Path;

use serde_json::{Map, Value};

use super::ask::ask;
use crate::journal::{self, ids};

/// Whose lines, besides those of failed units.
const UNITS: [&str; 5] = [
    "trucgate-*",
    "chrony.service",
    "nftables.service",
    "systemd-networkd.service",
    "systemd-journal-upload.service",
];
/// What is let through of a line besides the fields of `journal`: when and who.
const FIELDS: [&str; 8] = [
    "__REALTIME_TIMESTAMP",
    "_BOOT_ID",
    "_PID",
    "_SYSTEMD_UNIT",
    "UNIT",
    "PRIORITY",
    "SYSLOG_IDENTIFIER",
    "EXIT_STATUS",
];
/// How far back.
const SINCE: &str = "--since=-7days";
/// Most of it; older lines stay behind.
const MOST: u64 = 20 << 20;

fn fields() -> impl Iterator<Item = &'static str> {
    FIELDS.into_iter().chain(journal::FIELDS)
}

/// Lines of JSON, the oldest first; `from` is a journal file instead of the machine's own journal.
pub(super) fn lines(failed: &[String], from: Option<&Path>) -> Result<String, String> {
    let mut words = vec![
        "journalctl".to_owned(),
        "--quiet".to_owned(),
        "--no-pager".to_owned(),
        "--output=json".to_owned(),
        "--reverse".to_owned(),
        SINCE.to_owned(),
        format!("--output-fields={}", fields().collect::<Vec<_>>().join(",")),
    ];
    let units = UNITS
        .iter()
        .copied()
        .chain(failed.iter().map(String::as_str));
    words.extend(units.map(|unit| format!("--unit={unit}")));
    words.extend(from.map(|file| format!("--file={}", file.display())));
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    Ok(in_order(&ask(&words, MOST)?, MOST))
}

/// What came newest first and was cut off behind `most` bytes, as lines in the order of time.
fn in_order(said: &[u8], most: u64) -> String {
    let mut lines: Vec<&[u8]> = said.split(|byte| *byte == b'\n').collect();
    // What stands behind the last line feed is none, or one that was cut.
    lines.pop();
    if said.len() as u64 == most {
        lines.push(b"{\"MESSAGE\":\"older lines are left out\"}");
    }
    lines.reverse();
    lines.into_iter().filter_map(line).collect()
}

fn line(json: &[u8]) -> Option<String> {
    let Ok(Value::Object(said)) = serde_json::from_slice(json) else {
        return None;
    };
    let known = said.into_iter().filter(|(name, value)| {
        fields().any(|known| known == name) && (value.is_string() || value.is_array())
    });
    // A field twice in a line is a list; bytes that are no text are one of numbers.
    let text = known.filter(|(_, value)| match value {
        Value::Array(all) => all.iter().all(Value::is_string),
        _ => true,
    });
    let mut kept: Map<String, Value> = text.collect();
    if kept.get("MESSAGE_ID").and_then(Value::as_str) == Some(ids::MAINTENANCE_LINE.message_id) {
        // What a person read at the shell may be anything.
        kept.insert("MESSAGE".to_owned(), "(removed)".into());
    }
    (!kept.is_empty()).then(|| format!("{}\n", Value::Object(kept)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_lines_are_kept_and_stand_in_the_order_of_time() {
        let line = |text: &str| format!("{{\"MESSAGE\":\"{text}\"}}\n");
        let (newest, older, oldest) = (line("3"), line("2"), line("1"));
        let said = format!("{newest}{older}{oldest}");
        let whole = in_order(said.as_bytes(), 1 << 20);
        assert_eq!(whole, format!("{oldest}{older}{newest}"));
        let most = newest.len() + older.len() + 5;
        let cut = in_order(&said.as_bytes()[..most], most as u64);
        let told = line("older lines are left out");
        assert_eq!(cut, format!("{told}{older}{newest}"));
    }

    #[test]
    fn only_listed_fields_of_a_line_are_let_through() {
        let kept = line(
            br#"{"MESSAGE":"a","_CMDLINE":"x --pin 1234","_HOSTNAME":"h","REASON":["a","b"],"NEXT":[104,105],"__CURSOR":"c"}"#,
        );
        assert_eq!(
            kept.as_deref(),
            Some("{\"MESSAGE\":\"a\",\"REASON\":[\"a\",\"b\"]}\n")
        );
        let id = ids::MAINTENANCE_LINE.message_id;
        let read = format!(r#"{{"MESSAGE":"secret = 1","MESSAGE_ID":"{id}"}}"#);
        let kept = line(read.as_bytes()).unwrap();
        assert!(kept.contains(id) && !kept.contains("secret"), "{kept}");
        assert_eq!(line(br#"{"_CMDLINE":"x"}"#), None);
        assert_eq!(line(b"MESSAGE=cut"), None);
    }
}
