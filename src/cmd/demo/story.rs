//! One packet's story, as the journals of all machines tell it.

use std::path::Path;

use serde_json::Value;

use super::screen::Screen;
use super::table::{Line, Side, lay_out};

/// A line of some process about the packet: when, who, which step, what.
type Told = [String; 4];

pub(super) fn show(screen: &mut Screen, directory: &Path, packet: &str, code: &str) {
    screen.heading(
        &format!("Hành trình của văn bản {code}, đọc từ nhật ký của các máy"),
        "The story of that document, as the journals of all machines tell it",
    );
    let lines: Vec<Line> = read(directory, packet)
        .into_iter()
        .map(|told| Line::Cells(told.to_vec()))
        .collect();
    for line in lay_out(&[Side::Left; 4], &lines) {
        screen.line(&format!("  {line}"));
    }
    let logs = shown(directory);
    screen.note(
        &format!("xem đầy đủ: grep {packet} {logs}/*/*.log"),
        "this shows all fields of it",
    );
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
    told.sort();
    told
}

fn about(line: &str, packet: &str, who: &str) -> Option<Told> {
    let fields: Value = serde_json::from_str(line).ok()?;
    let field = |name: &str| fields[name].as_str().unwrap_or_default().to_owned();
    if field("PACKET_ID") != packet {
        return None;
    }
    let time = field("TIMESTAMP");
    let time = time.split_once('T').map_or("", |(_, clock)| clock);
    let mut text = field("MESSAGE");
    if let Some(member) = fields["MEMBER"].as_str() {
        text = format!("{text} ({member})");
    }
    Some([time.to_owned(), who.to_owned(), field("STEP"), text])
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
        let line = r#"{"TIMESTAMP":"2026-01-02T03:04:05.678Z","MESSAGE":"kept","PACKET_ID":"a","MEMBER":"G22","STEP":"keep"}"#;
        let told = about(line, "a", "box-1 relay").unwrap();
        assert_eq!(told, ["03:04:05.678Z", "box-1 relay", "keep", "kept (G22)"]);
        assert_eq!(about(line, "b", "box-1 relay"), None);
        assert_eq!(about("no json", "a", ""), None);
    }
}
