//! What the demo tells people: Vietnamese first, English below; no control characters unless stdout is a terminal.

use std::io::{IsTerminal, Write, stdout};
use std::time::{Duration, Instant};

use super::table::columns;

/// Where the demo speaks.
#[derive(Debug)]
pub(super) struct Screen {
    /// Lines may be taken back.
    moves: bool,
    colours: bool,
    started: Instant,
    scene: Instant,
    passing: bool,
}

/// Why the demo stops: what should have been, and what was.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) expected: String,
    pub(super) came: String,
}

impl Fault {
    pub(super) fn new(expected: impl Into<String>, came: impl Into<String>) -> Self {
        Self {
            expected: expected.into(),
            came: came.into(),
        }
    }
}

/// A process, the disk or the network did not do what it always does.
impl From<String> for Fault {
    fn from(came: String) -> Self {
        Self::new("bước này chạy được / this step works", came)
    }
}

/// Columns of running text.
const WIDTH: usize = 92;

const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const RED: &str = "\x1b[31m";
const GREEN: &str = "\x1b[32m";
const PLAIN: &str = "\x1b[0m";

impl Screen {
    pub(super) fn open() -> Self {
        let terminal = stdout().is_terminal();
        let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
        let now = Instant::now();
        let moves = terminal && !dumb;
        Self {
            moves,
            colours: moves && std::env::var_os("NO_COLOR").is_none(),
            started: now,
            scene: now,
            passing: false,
        }
    }

    /// Since the demo began.
    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// A heading in both languages.
    pub(super) fn heading(&mut self, vi: &str, en: &str) {
        self.scene = Instant::now();
        self.line("");
        self.line(&format!("{}{vi}{}", self.style(BOLD), self.style(PLAIN)));
        self.english("", en);
    }

    /// Something that holds.
    pub(super) fn good(&mut self, vi: &str, en: &str) {
        self.marked("✓", GREEN, vi, en);
    }

    /// Something that does not.
    pub(super) fn bad(&mut self, vi: &str, en: &str) {
        self.marked("✗", RED, vi, en);
    }

    /// Something worth knowing.
    pub(super) fn note(&mut self, vi: &str, en: &str) {
        self.marked("·", PLAIN, vi, en);
    }

    fn marked(&mut self, mark: &str, colour: &'static str, vi: &str, en: &str) {
        let mark = format!("{}{mark}{}", self.style(colour), self.style(PLAIN));
        for (number, line) in wrap(vi, WIDTH).iter().enumerate() {
            let before = if number == 0 { mark.as_str() } else { " " };
            self.line(&format!("  {before} {line}"));
        }
        self.english("    ", en);
    }

    /// How long the scene took.
    pub(super) fn took(&mut self) {
        let line = format!("    {}", seconds(self.scene.elapsed()));
        self.faint(&line);
    }

    /// What goes on right now: replaced by whatever comes next, and shown on terminals only.
    pub(super) fn passing(&mut self, text: &str) {
        if self.moves {
            self.put(&format!("\r\x1b[K    … {text}"));
            self.passing = true;
        }
    }

    pub(super) fn line(&mut self, text: &str) {
        let clear = if self.passing { "\r\x1b[K" } else { "" };
        self.passing = false;
        self.put(&format!("{clear}{text}\n"));
    }

    /// A less important line.
    pub(super) fn faint(&mut self, text: &str) {
        self.line(&format!("{}{text}{}", self.style(DIM), self.style(PLAIN)));
    }

    fn english(&mut self, indent: &str, en: &str) {
        for line in wrap(en, WIDTH) {
            self.faint(&format!("{indent}{line}"));
        }
    }

    fn style(&self, code: &'static str) -> &'static str {
        if self.colours { code } else { "" }
    }

    /// A reader that went away ends nothing: the exit code still tells.
    fn put(&self, text: &str) {
        let mut out = stdout().lock();
        let _ = out.write_all(text.as_bytes());
        let _ = out.flush();
    }
}

/// Breaks a text between words into lines of at most `width` columns; a longer word stands alone.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if columns(line) + 1 + columns(word) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// `1,2 s` as Vietnamese writes it, milliseconds below a second.
pub(super) fn seconds(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        return format!("{} ms", time.as_millis());
    }
    format!("{:.1} s", time.as_secs_f64()).replace('.', ",")
}

/// Bytes for people.
pub(super) fn bytes(count: u64) -> String {
    let text = match count {
        0..1_000 => format!("{count} B"),
        1_000..1_000_000 => format!("{:.1} KB", count as f64 / 1e3),
        _ => format!("{:.1} MB", count as f64 / 1e6),
    };
    text.replace('.', ",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_breaks_between_words_by_columns() {
        assert_eq!(wrap("Đà Nẵng nhận đủ", 9), ["Đà Nẵng", "nhận đủ"]);
        assert_eq!(wrap("một-từ-rất-dài a", 4), ["một-từ-rất-dài", "a"]);
        assert!(wrap("", 4).is_empty());
    }

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(seconds(Duration::from_millis(42)), "42 ms");
        assert_eq!(seconds(Duration::from_millis(1_260)), "1,3 s");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(4_800), "4,8 KB");
        assert_eq!(bytes(60_000_000), "60,0 MB");
    }
}
