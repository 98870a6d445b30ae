//! What the demo tells people: Vietnamese first, English below; no control characters unless stdout is a terminal.

use std::io::{IsTerminal, Write, stdout};
use std::time::{Duration, Instant};

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
        let mark = format!("{}✓{}", self.style(GREEN), self.style(PLAIN));
        self.line(&format!("  {mark} {vi}"));
        self.english("    ", en);
    }

    /// Something that does not.
    pub(super) fn bad(&mut self, vi: &str, en: &str) {
        let mark = format!("{}✗{}", self.style(RED), self.style(PLAIN));
        self.line(&format!("{mark} {vi}"));
        self.english("  ", en);
    }

    /// Something worth knowing.
    pub(super) fn note(&mut self, vi: &str, en: &str) {
        self.line(&format!("  · {vi}"));
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
        if !en.is_empty() {
            self.faint(&format!("{indent}{en}"));
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

/// `1,2 s` as Vietnamese writes it.
pub(super) fn seconds(time: Duration) -> String {
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
