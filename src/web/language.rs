//! Vietnamese and English: words, numbers, dates, spans, money.

use crate::clock::Moment;
use crate::gauge::Text;
use crate::hub::statistics::Day;

/// What a page is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Vietnamese.
    Vi,
    /// English.
    En,
}

use Language::{En, Vi};

impl Language {
    /// By the `lang` of an address; Vietnamese unless English is asked for.
    pub(super) fn asked(lang: Option<&str>) -> Self {
        if lang == Some("en") { En } else { Vi }
    }

    /// Its code (BCP 47).
    pub(super) fn code(self) -> &'static str {
        match self {
            Vi => "vi",
            En => "en",
        }
    }

    pub(super) fn other(self) -> Self {
        match self {
            Vi => En,
            En => Vi,
        }
    }

    pub(super) fn say(self, vi: &'static str, en: &'static str) -> &'static str {
        match self {
            Vi => vi,
            En => en,
        }
    }

    pub(super) fn pick(self, text: &Text) -> &str {
        match self {
            Vi => &text.vi,
            En => &text.en,
        }
    }

    /// `12.257` and `12,257`.
    pub(super) fn number(self, number: u64) -> String {
        let digits = number.to_string();
        let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                shown.push_str(self.say(".", ","));
            }
            shown.push(digit);
        }
        shown
    }

    /// Tenths: `1,3` and `1.3`; a whole number without them.
    pub(super) fn tenths(self, tenths: u64) -> String {
        let whole = self.number(tenths / 10);
        match tenths % 10 {
            0 => whole,
            rest => format!("{whole}{}{rest}", self.say(",", ".")),
        }
    }

    /// A share in percent, one place behind the comma; a dash of nothing.
    pub(super) fn share(self, part: u64, whole: u64) -> String {
        if whole == 0 {
            return "–".to_owned();
        }
        // Not quite all is never shown as all.
        let tenths = if part < whole {
            (part * 1_000 / whole).min(999)
        } else {
            1_000
        };
        format!("{}%", self.tenths(tenths))
    }

    pub(super) fn day(self, day: Day) -> String {
        match self {
            Vi => day.vi(),
            En => day.en(),
        }
    }

    /// A moment in Vietnam, to the minute.
    pub(super) fn moment(self, at: Moment) -> String {
        let (hour, minute, _) = (at + time::Duration::hours(7)).to_hms();
        format!("{hour:02}:{minute:02} {}", self.day(Day::of(at)))
    }

    /// How long something took, in its largest unit; a dash of nothing.
    pub(super) fn span(self, millis: Option<u64>) -> String {
        let Some(millis) = millis else {
            return "–".to_owned();
        };
        let tenths = |unit: u64| self.tenths((millis * 10 + unit / 2) / unit);
        match millis {
            0..1_000 => format!("{millis} ms"),
            1_000..90_000 => format!("{} {}", tenths(1_000), self.say("giây", "s")),
            90_000..5_400_000 => format!("{} {}", tenths(60_000), self.say("phút", "min")),
            5_400_000..172_800_000 => format!("{} {}", tenths(3_600_000), self.say("giờ", "h")),
            _ => format!("{} {}", tenths(86_400_000), self.say("ngày", "days")),
        }
    }

    pub(super) fn bytes(self, bytes: u64) -> String {
        let tenths = |shift: u32| self.tenths(((bytes >> (shift - 7)) * 10) >> 7);
        match bytes {
            0..1_024 => format!("{bytes} B"),
            1_024..1_048_576 => format!("{} KiB", tenths(10)),
            1_048_576..1_073_741_824 => format!("{} MiB", tenths(20)),
            _ => format!("{} GiB", tenths(30)),
        }
    }

    /// Đồng in a unit that can be read aloud.
    pub(super) fn money(self, dong: u64) -> String {
        let (amount, unit) = match dong {
            0..1_000_000 => (self.number(dong), ""),
            1_000_000..1_000_000_000 => (self.tenths(dong / 100_000), self.say("triệu", "million")),
            _ => (self.tenths(dong / 100_000_000), self.say("tỷ", "billion")),
        };
        let space = if unit.is_empty() { "" } else { " " };
        match self {
            Vi => format!("{amount}{space}{unit} đồng"),
            En => format!("VND {amount}{space}{unit}"),
        }
    }
}
