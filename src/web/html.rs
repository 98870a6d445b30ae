//! Text that can't become markup.

use std::fmt::{self, Display, Formatter, Write};

/// A text as it may stand between tags and in quoted attributes.
pub(super) struct Escaped<T>(pub(super) T);

/// Escapes what is shown.
pub(super) fn esc<T: Display>(text: T) -> Escaped<T> {
    Escaped(text)
}

struct Escaping<'a, 'b>(&'a mut Formatter<'b>);

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
            self.0.write_str(&rest[..at])?;
            self.0.write_str(match rest.as_bytes()[at] {
                b'&' => "&amp;",
                b'<' => "&lt;",
                b'>' => "&gt;",
                b'"' => "&quot;",
                _ => "&#39;",
            })?;
            rest = &rest[at + 1..];
        }
        self.0.write_str(rest)
    }
}

impl<T: Display> Display for Escaped<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(Escaping(f), "{}", self.0)
    }
}

/// Appends to a page; writing to a String never fails.
macro_rules! put {
    ($out:expr, $($what:tt)*) => {{
        let _ = ::std::fmt::Write::write_fmt(&mut $out, format_args!($($what)*));
    }};
}

pub(super) use put;
