//! Rows of a page: pieces of text, each with what it means.

use super::page::WIDTH;

/// What a piece means. Colours only repeat what words say, for a line that shows none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Head,
    Key,
    Good,
    Act,
    Stops,
}

impl Tone {
    /// ANSI (ECMA-48) attributes; what the Linux console and every terminal emulator has.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Plain => "\x1b[0m",
            Self::Head => "\x1b[0;7m",
            Self::Key => "\x1b[0;1m",
            Self::Good => "\x1b[0;32m",
            Self::Act => "\x1b[0;1;33m",
            Self::Stops => "\x1b[0;1;31m",
        }
    }
}

/// One row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    pieces: Vec<(Tone, String)>,
    /// Left out where the page is higher than the screen.
    pub(super) spare: bool,
}

impl Row {
    pub(super) fn new(tone: Tone, text: impl Into<String>) -> Self {
        Self::default().then(tone, text)
    }

    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self::new(Tone::Plain, text)
    }

    pub(super) fn then(mut self, tone: Tone, text: impl Into<String>) -> Self {
        self.pieces.push((tone, text.into()));
        self
    }

    pub(super) fn spare(mut self) -> Self {
        self.spare = true;
        self
    }

    /// Its text alone, cut at `width` columns.
    pub(super) fn text(&self, width: usize) -> String {
        let mut text = String::new();
        for (_, piece) in self.cut(width) {
            text.push_str(&piece);
        }
        text.trim_end().to_owned()
    }

    /// With attributes, cut at `width` columns; ends as it began, without any.
    pub(super) fn ansi(&self, width: usize) -> String {
        let mut text = String::new();
        for (tone, piece) in self.cut(width) {
            text.push_str(tone.code());
            text.push_str(&piece);
        }
        text.push_str(Tone::Plain.code());
        text
    }

    fn cut(&self, width: usize) -> Vec<(Tone, String)> {
        let mut room = width;
        let whole: usize = self
            .pieces
            .iter()
            .map(|(_, text)| text.chars().count())
            .sum();
        let mut cut = Vec::new();
        for (tone, text) in &self.pieces {
            let piece: String = text.chars().take(room).collect();
            room -= piece.chars().count();
            cut.push((*tone, piece));
        }
        if whole > width
            && let Some((_, last)) = cut.iter_mut().rev().find(|(_, piece)| !piece.is_empty())
        {
            last.pop();
            last.push('…');
        }
        cut
    }
}

/// Text over as many rows as it takes on a page; further ones begin with `indent`.
pub(super) fn paragraph(tone: Tone, text: &str, indent: &str) -> impl Iterator<Item = Row> + use<> {
    let lines = wrapped(text, WIDTH, indent).into_iter();
    lines.map(move |line| Row::new(tone, line))
}

/// Text broken at blanks into lines of `width` columns at most; further lines begin with `indent`. What fits stays as it is.
fn wrapped(text: &str, width: usize, indent: &str) -> Vec<String> {
    if text.chars().count() <= width {
        return vec![text.to_owned()];
    }
    let blanks = text.len() - text.trim_start_matches(' ').len();
    let mut lines = Vec::new();
    let mut line = text[..blanks].to_owned();
    let mut empty = true;
    for word in text.split_whitespace() {
        if !empty && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(std::mem::replace(&mut line, indent.to_owned()));
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_cut_where_the_screen_ends_and_says_so() {
        let row = Row::new(Tone::Good, " ok ").then(Tone::Plain, "Đường tới Trục");
        assert_eq!(row.text(80), " ok Đường tới Trục");
        assert_eq!(row.text(10), " ok Đường…");
        assert_eq!(row.ansi(5), "\x1b[0;32m ok \x1b[0m…\x1b[0m");
        assert_eq!(wrapped("một hai ba bốn", 8, "  "), ["một hai", "  ba bốn"]);
    }
}
