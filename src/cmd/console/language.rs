//! The two languages of the page, and the letters that a console can show.

use crate::gauge::Text;

/// What the page is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::cmd) enum Language {
    /// Tiếng Việt
    Vi,
    /// English
    En,
}

impl Language {
    pub(super) fn other(self) -> Self {
        match self {
            Self::Vi => Self::En,
            Self::En => Self::Vi,
        }
    }

    /// The words of this language.
    pub(super) fn say<'w>(self, vi: &'w str, en: &'w str) -> &'w str {
        match self {
            Self::Vi => vi,
            Self::En => en,
        }
    }

    pub(super) fn of(self, text: &Text) -> String {
        shown(self.say(&text.vi, &text.en))
    }
}

/// Text from elsewhere as the console may show it: no control character, and only letters that the console font of the
/// image has (Vietnamese-Fixed16: Latin with all Vietnamese letters). The rest becomes `?`, of one column each.
pub(super) fn shown(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            ' '..='~'
            | '\u{a1}'..='\u{ff}'
            | 'Ă'
            | 'ă'
            | 'Đ'
            | 'đ'
            | 'Ĩ'
            | 'ĩ'
            | 'Ũ'
            | 'ũ'
            | 'Ơ'
            | 'ơ'
            | 'Ư'
            | 'ư'
            | '\u{1ea0}'..='\u{1ef9}'
            | '…'
            | '→'
            | '–'
            | '—'
            | '─'
            | '“'
            | '”' => c,
            c if c.is_control() => ' ',
            _ => '?',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_steer_the_terminal_or_has_no_glyph_is_not_shown() {
        assert_eq!(shown("a\u{1b}[2J\nb"), "a [2J b");
        assert_eq!(shown("Ủy ban 中 e\u{301}"), "Ủy ban ? e?");
    }
}
