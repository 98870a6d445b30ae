//! Draws a page: on a terminal only what has changed, so that nothing flickers and a slow line keeps up; on a line that
//! knows no cursor the whole page, when more than its clock has changed.

use std::io::{self, Write};

use super::page::WIDTH;
use super::row::Row;

/// Rows of a screen that has not told its size.
const HEIGHT: usize = 24;
/// Longest side that a terminal is believed to have.
const LONGEST: usize = 500;

/// Where the page is drawn.
#[derive(Debug)]
pub(super) struct Screen {
    ansi: bool,
    rows: usize,
    columns: usize,
    shown: Vec<String>,
    cleared: bool,
}

impl Screen {
    pub(super) fn open(ansi: bool) -> Self {
        Self {
            ansi,
            rows: HEIGHT,
            columns: WIDTH,
            shown: Vec::new(),
            cleared: false,
        }
    }

    /// Rows of a page; `None` where a page may have any number.
    pub(super) fn height(&self) -> Option<usize> {
        self.ansi.then_some(self.rows)
    }

    /// Draws all of it next time, on a screen of `size` from now on.
    pub(super) fn anew(&mut self, size: Option<(usize, usize)>) {
        let told = size.filter(|(rows, columns)| *rows > 0 && *columns > 0);
        if let Some((rows, columns)) = told {
            let size = (rows.min(LONGEST), columns.min(LONGEST));
            if size == (self.rows, self.columns) {
                return;
            }
            (self.rows, self.columns) = size;
            self.cleared = false;
        }
        if !self.ansi {
            self.shown.clear();
        }
    }

    pub(super) fn show(&mut self, rows: &[Row]) -> io::Result<()> {
        let drawn = if self.ansi {
            self.changes(rows)
        } else {
            self.whole(rows)
        };
        if drawn.is_empty() {
            return Ok(());
        }
        let mut out = io::stdout().lock();
        out.write_all(drawn.as_bytes())?;
        out.flush()
    }

    /// Each row that differs is drawn in its place. `ESC % G`: the line speaks UTF-8.
    fn changes(&mut self, rows: &[Row]) -> String {
        let mut drawn = String::new();
        if !self.cleared {
            drawn.push_str("\x1b%G\x1b[?25l\x1b[0m\x1b[2J");
            self.shown.clear();
            self.cleared = true;
        }
        let rows: Vec<String> = rows
            .iter()
            .take(self.rows)
            .map(|row| row.ansi(self.columns))
            .collect();
        for at in 0..rows.len().max(self.shown.len()) {
            let row = rows.get(at);
            if row.is_some() && row == self.shown.get(at) {
                continue;
            }
            // Erased behind its end, not before: what stays is never blank for a moment.
            drawn += &format!("\x1b[{};1H{}\x1b[K", at + 1, row.map_or("", String::as_str));
        }
        self.shown = rows;
        drawn
    }

    fn whole(&mut self, rows: &[Row]) -> String {
        let rows: Vec<String> = rows.iter().map(|row| row.text(WIDTH)).collect();
        // The first row holds the clock.
        if !self.shown.is_empty() && self.shown.get(1..) == rows.get(1..) {
            return String::new();
        }
        let drawn = rows.join("\r\n") + "\r\n\r\n";
        self.shown = rows;
        drawn
    }

    /// Leaves the terminal as whoever comes next needs it.
    pub(super) fn leave(&self) -> io::Result<()> {
        if self.ansi {
            let mut out = io::stdout().lock();
            write!(out, "\x1b[0m\x1b[2J\x1b[1;1H\x1b[?25h")?;
            out.flush()?;
        }
        Ok(())
    }
}

/// A page as text.
pub(super) fn plain(rows: &[Row]) -> String {
    rows.iter().map(|row| row.text(WIDTH) + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(texts: &[&str]) -> Vec<Row> {
        texts.iter().map(|text| Row::plain(*text)).collect()
    }

    #[test]
    fn only_what_has_changed_is_drawn_and_nothing_is_cleared_again() {
        let mut screen = Screen::open(true);
        let first = screen.changes(&page(&["17:00:00", "ổn", "[1] Mạng"]));
        assert!(first.contains("\x1b[2J") && first.contains("\x1b[2;1H\x1b[0mổn"));
        assert_eq!(screen.changes(&page(&["17:00:00", "ổn", "[1] Mạng"])), "");
        let tick = screen.changes(&page(&["17:00:01", "ổn", "[1] Mạng"]));
        assert_eq!(tick, "\x1b[1;1H\x1b[0m17:00:01\x1b[0m\x1b[K");
        let shorter = screen.changes(&page(&["17:00:01"]));
        assert_eq!(shorter, "\x1b[2;1H\x1b[K\x1b[3;1H\x1b[K");
        screen.anew(Some((40, 100)));
        assert!(screen.changes(&page(&["17:00:01"])).contains("\x1b[2J"));
        assert_eq!(screen.height(), Some(40));
        screen.anew(Some((0, usize::MAX)));
        assert_eq!(screen.height(), Some(40));
    }

    #[test]
    fn a_line_without_a_cursor_gets_no_control_characters_and_no_page_a_second() {
        let mut screen = Screen::open(false);
        assert_eq!(
            screen.whole(&page(&["17:00:00", "ổn"])),
            "17:00:00\r\nổn\r\n\r\n"
        );
        assert_eq!(screen.whole(&page(&["17:00:01", "ổn"])), "");
        assert!(screen.whole(&page(&["17:00:02", "dừng"])).contains("dừng"));
        screen.anew(None);
        assert!(!screen.whole(&page(&["17:00:02", "dừng"])).is_empty());
    }
}
