//! The terminal of this process, taken raw: keys come one by one, and it is left as it was found.

use std::io::{self, IsTerminal};

use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};

/// Raw as long as it lives.
#[derive(Debug)]
pub(super) struct Raw(Option<Termios>);

impl Raw {
    /// Takes the terminal over; where standard input is none, keys come as they come.
    pub(super) fn begin() -> io::Result<Self> {
        let input = io::stdin();
        if !input.is_terminal() {
            return Ok(Self(None));
        }
        let before = tcgetattr(&input)?;
        let mut raw = before.clone();
        cfmakeraw(&mut raw);
        tcsetattr(&input, SetArg::TCSANOW, &raw)?;
        Ok(Self(Some(before)))
    }

    /// Whether there is a terminal.
    pub(super) fn is_terminal(&self) -> bool {
        self.0.is_some()
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            // A line that hung up has nobody who minds.
            let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, before);
        }
    }
}
