//! One packet's story, as the journals of all machines tell it.

use std::path::Path;

use serde_json::Value;

use super::cast::short;
use super::screen::Screen;
use super::table::{Line, Side, columns, lay_out};
use crate::journal::ids;

/// A line of some process about the packet: when, who, which step, for whom, what in Vietnamese, what in English.
type Told = [String; 6];

/// Columns of the English text.
const LONGEST: usize = 46;

pub(super) fn show(screen: &mut Screen, directory: &Path, packet: &str, code: &str) {
    screen.heading(
        &format!("Hành trình của văn bản {code}, đọc từ nhật ký của các máy (giờ UTC)"),
        "The story of that document, as the journals of all machines tell it (UTC)",
    );
    let lines: Vec<Line> = read(directory, packet)
        .into_iter()
        .map(|told| Line::Cells(told.to_vec()))
        .collect();
    for line in lay_out(&[Side::Left; 6], &lines) {
        screen.line(&format!("  {line}"));
    }
    let logs = shown(directory);
    screen.note("xem đầy đủ mọi trường:", "all fields of it:");
    screen.line(&format!("      grep {packet} {logs}/*/*.log"));
}

/// What a kind of line says, until the journal's catalog says it.
fn vietnamese(message_id: &str) -> &'static str {
    let known = [
        (&ids::PACKET_KEPT, "đã ghi bền, đã trả DocId"),
        (&ids::PACKET_SEALED, "đã đóng dấu vào nhật ký"),
        (&ids::PACKET_ACCEPTED, "Trục đã nhận"),
        (
            &ids::PACKET_DELIVERED,
            "đã kiểm chứng và ghi bền ở nơi nhận",
        ),
        (&ids::DOCUMENT_COLLECTED, "phần mềm nơi nhận báo done"),
        (&ids::DOCUMENT_FAILED, "phần mềm nơi nhận báo fail"),
        (&ids::RECEIPT_VERIFIED, "biên nhận đã về, đã kiểm chứng"),
    ];
    let found = known.iter().find(|(id, _)| id.message_id == message_id);
    found.map_or("", |(_, words)| words)
}

/// All lines about a packet, oldest first.
fn read(directory: &Path, packet: &str) -> Vec<Told> {
    let machines = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut told = Vec::new();
    for machine in machines {
        let logs = std::fs::read_dir(machine.path()).into_iter().flatten();
        for log in logs.flatten().map(|entry| entry.path()) {
            if log.extension().is_none_or(|extension| extension != "log") {
                continue;
            }
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            let process = log.file_stem().unwrap_or_default().to_string_lossy();
            let machine = machine.file_name();
            let machine = machine.to_string_lossy();
            let who = if machine == process {
                machine.into_owned()
            } else {
                format!("{machine} {process}")
            };
            told.extend(text.lines().filter_map(|line| about(line, packet, &who)));
        }
    }
    // Within a millisecond the order of a machine's own lines stays.
    told.sort_by(|one, other| one[0].cmp(&other[0]));
    told
}

fn about(line: &str, packet: &str, who: &str) -> Option<Told> {
    let fields: Value = serde_json::from_str(line).ok()?;
    let field = |name: &str| fields[name].as_str().unwrap_or_default().to_owned();
    if field("PACKET_ID") != packet {
        return None;
    }
    let mut text = field("MESSAGE");
    if columns(&text) > LONGEST {
        text = text.chars().take(LONGEST - 1).chain(['…']).collect();
    }
    Some([
        clock(&field("TIMESTAMP")),
        who.to_owned(),
        field("STEP"),
        short(&field("MEMBER")).to_owned(),
        vietnamese(&field("MESSAGE_ID")).to_owned(),
        text,
    ])
}

/// `03:04:05.678` of an RFC 3339 moment, with all three places so that texts sort as moments do.
fn clock(timestamp: &str) -> String {
    let clock = timestamp
        .split_once('T')
        .map_or(timestamp, |(_, clock)| clock);
    let clock = clock.trim_end_matches('Z');
    let (seconds, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    format!("{seconds}.{fraction:0<3}")
}

/// A path as people would type it: relative to where they are, if it lies below.
pub(super) fn shown(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    let below = here.and_then(|here| path.strip_prefix(here).ok().map(Path::to_owned));
    below.as_deref().unwrap_or(path).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_about_another_packet_is_left_out() {
        let line = r#"{"TIMESTAMP":"2026-01-02T03:04:05.67Z","MESSAGE":"kept","PACKET_ID":"a","MEMBER":"G22","STEP":"keep"}"#;
        let told = about(line, "a", "box-1 relay").unwrap();
        assert_eq!(
            told,
            ["03:04:05.670", "box-1 relay", "keep", "G22", "", "kept"]
        );
        assert_eq!(about(line, "b", "box-1 relay"), None);
        assert_eq!(about("no json", "a", ""), None);
    }
}
