//! The line at which somebody may sit: keys come one by one, and it is left as it was found.

use std::io::{self, IsTerminal, Read, Write};
use std::sync::mpsc::Sender;

use super::super::raw::Raw;
use super::Event;
use super::keys::{ASK_SIZE, Key, keys};

/// The terminal of this process.
#[derive(Debug)]
pub(super) struct Terminal {
    _raw: Raw,
    ansi: bool,
}

impl Terminal {
    /// Takes it over and sends keys to `events`. Where standard input is no terminal, keys come as they come.
    pub(super) fn open(events: Sender<Event>) -> io::Result<Self> {
        let raw = Raw::begin()?;
        let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
        let ansi = io::stdout().is_terminal() && !dumb;
        if ansi && raw.is_terminal() {
            let mut out = io::stdout().lock();
            out.write_all(ASK_SIZE.as_bytes())?;
            out.flush()?;
        }
        std::thread::Builder::new()
            .name("keys".to_owned())
            .spawn(move || read(&events))?;
        Ok(Self { _raw: raw, ansi })
    }

    /// Whether it has a cursor that can be moved.
    pub(super) fn understands_ansi(&self) -> bool {
        self.ansi
    }

    /// Which line it is.
    pub(super) fn name(&self) -> String {
        nix::unistd::ttyname(io::stdin())
            .map_or_else(|_| "console".to_owned(), |path| path.display().to_string())
    }
}

fn read(events: &Sender<Event>) {
    let mut buffer = [0; 256];
    loop {
        let pressed = match io::stdin().lock().read(&mut buffer) {
            Ok(0) => vec![Key::Gone],
            Ok(length) => keys(&buffer[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => vec![Key::Gone],
        };
        let gone = pressed.contains(&Key::Gone);
        if events.send(Event::Keys(pressed)).is_err() || gone {
            return;
        }
    }
}
