//! Keys as terminals send them (ECMA-48, and what the Linux console adds).

/// A key, or an answer of the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Letter(char),
    Up,
    Down,
    PageUp,
    PageDown,
    /// Escape.
    Back,
    /// Backspace: takes a letter away.
    Erase,
    /// Ctrl-U: takes the whole line away.
    Clear,
    Enter,
    /// How many rows and columns there are, as asked for by [`ASK_SIZE`].
    Size(usize, usize),
    /// Nobody is at the line any more.
    Gone,
}

/// Sends the cursor as far as it goes and asks where it is: that works over a serial line, too, whose kernel knows no size.
pub(super) const ASK_SIZE: &str = "\x1b[999;999H\x1b[6n";

/// The keys in what was read at once. A sequence that is cut is none.
pub(super) fn keys(read: &[u8]) -> Vec<Key> {
    let mut keys = Vec::new();
    let mut rest = read;
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        match (first, behind.first()) {
            (0x1b, Some(b'[' | b'O')) => {
                let sequence = &behind[1..];
                let end = sequence
                    .iter()
                    .position(|byte| (0x40..=0x7e).contains(byte));
                let Some(end) = end else {
                    return keys;
                };
                keys.extend(sequence_key(&sequence[..end], sequence[end]));
                rest = &sequence[end + 1..];
            }
            (0x1b, _) => keys.push(Key::Back),
            (0x7f | 0x08, _) => keys.push(Key::Erase),
            (0x15, _) => keys.push(Key::Clear),
            // One key, however the line ends its lines.
            (b'\r', Some(b'\n')) => {}
            (b'\r' | b'\n', _) => keys.push(Key::Enter),
            (b' '..=b'~', _) => keys.push(Key::Letter(char::from(*first).to_ascii_lowercase())),
            _ => {}
        }
    }
    keys
}

fn sequence_key(parameters: &[u8], end: u8) -> Option<Key> {
    match (parameters, end) {
        (b"", b'A') => Some(Key::Up),
        (b"", b'B') => Some(Key::Down),
        (b"5", b'~') => Some(Key::PageUp),
        (b"6", b'~') => Some(Key::PageDown),
        (_, b'R') => {
            let text = std::str::from_utf8(parameters).ok()?;
            let (rows, columns) = text.split_once(';')?;
            Some(Key::Size(rows.parse().ok()?, columns.parse().ok()?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_edit_a_line_are_told_apart() {
        assert_eq!(
            keys(b"\x7f\x08\x15\r\n\r\n\n"),
            [
                Key::Erase,
                Key::Erase,
                Key::Clear,
                Key::Enter,
                Key::Enter,
                Key::Enter
            ]
        );
    }

    #[test]
    fn keys_are_read_as_consoles_and_terminals_send_them() {
        assert_eq!(
            keys(b"1L\x1b[A\x1bOB\x1b[6~\x1b[24;80R\x1b\xff\t"),
            [
                Key::Letter('1'),
                Key::Letter('l'),
                Key::Up,
                Key::Down,
                Key::PageDown,
                Key::Size(24, 80),
                Key::Back,
            ]
        );
        assert_eq!(keys(b"\x1b[12"), []);
        assert_eq!(keys(b"\x1b[99999999999999999999;1R"), []);
    }
}
