//! A shell at a terminal of its own, whose every line goes to this terminal and to the journal.

use std::fs::File;
use std::io::{self, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use nix::pty::openpty;

use crate::cmd::raw::Raw;
use crate::journal::{self, ids};

/// Lines that one session may put into the journal: a flood must not push out what was there.
const LINES: u64 = 20_000;
/// The longest of them, in bytes.
const LINE: usize = 2_048;

/// How a session ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    /// Lines that were journalled.
    pub(super) lines: u64,
    in_time: bool,
}

impl Ended {
    pub(super) fn reason(&self) -> &'static str {
        match (self.in_time, self.lines < LINES) {
            (true, true) => "the shell was left",
            (true, false) => "the shell was left; lines beyond the bound were not journalled",
            (false, _) => "the time was over",
        }
    }
}

/// Runs the shell, until it ends or `patience` is over.
pub(super) fn run(shell: &str, patience: Duration) -> io::Result<Ended> {
    let end = Instant::now() + patience;
    let pty = openpty(None, None)?;
    let mut words = shell.split(' ');
    let side = || pty.slave.try_clone().map(Stdio::from);
    let mut child = Command::new(words.next().unwrap_or_default())
        .args(words)
        .env(
            "TERM",
            std::env::var("TERM").unwrap_or_else(|_| "linux".to_owned()),
        )
        .env("PATH", "/usr/bin:/usr/sbin")
        .env("PS1", "bảo-trì# ")
        .stdin(side()?)
        .stdout(side()?)
        .stderr(side()?)
        .spawn()?;
    drop(pty.slave);
    // Keys go to the shell's own terminal as they are.
    let _raw = Raw::begin()?;
    let (mut typed, mut shown) = (File::from(pty.master.try_clone()?), File::from(pty.master));
    // Ends with the process: nobody can take a read from a terminal back.
    std::thread::spawn(move || {
        let mut keys = [0; 256];
        while let Ok(count @ 1..) = io::stdin().lock().read(&mut keys) {
            if typed.write_all(&keys[..count]).is_err() {
                return;
            }
        }
    });
    let (told, heard) = channel();
    std::thread::spawn(move || tell(&mut shown, &told));
    let mut lines = Lines::default();
    let in_time = loop {
        match heard.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(bytes) => {
                let mut out = io::stdout().lock();
                out.write_all(&bytes)?;
                out.flush()?;
                lines.take(&bytes);
            }
            Err(RecvTimeoutError::Disconnected) => break true,
            Err(RecvTimeoutError::Timeout) => break false,
        }
    };
    lines.end();
    finish(&mut child)?;
    Ok(Ended {
        lines: lines.count,
        in_time,
    })
}

fn tell(shown: &mut File, told: &Sender<Vec<u8>>) {
    let mut bytes = [0; 4_096];
    // When the last program at that terminal has gone, reading from it fails.
    while let Ok(count @ 1..) = shown.read(&mut bytes) {
        if told.send(bytes[..count].to_vec()).is_err() {
            return;
        }
    }
}

/// What the shell has begun and left behind is ended by the unit, as all of its processes are.
fn finish(child: &mut Child) -> io::Result<()> {
    if child.try_wait()?.is_none() {
        child.kill()?;
    }
    child.wait().map(|_| ())
}

/// What was shown, line by line.
#[derive(Default)]
struct Lines {
    count: u64,
    begun: Vec<u8>,
}

impl Lines {
    fn take(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if *byte == b'\n' {
                self.end();
            } else if self.begun.len() < LINE {
                self.begun.push(*byte);
            }
        }
    }

    fn end(&mut self) {
        let text = plain(&String::from_utf8_lossy(&std::mem::take(&mut self.begun)));
        if text.is_empty() || self.count >= LINES {
            return;
        }
        self.count += 1;
        journal::line(&ids::MAINTENANCE_LINE).notice(text);
    }
}

/// Without control sequences (ECMA-48) and other control characters; a backspace takes back.
fn plain(text: &str) -> String {
    let (mut plain, mut rest) = (String::new(), text.chars());
    while let Some(c) = rest.next() {
        match c {
            '\x1b' => {
                if rest.next() == Some('[') {
                    rest.by_ref().find(|c| ('\x40'..='\x7e').contains(c));
                }
            }
            '\x08' => {
                plain.pop();
            }
            '\t' => plain.push(' '),
            c if c.is_control() => {}
            c => plain.push(c),
        }
    }
    plain.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn a_line_is_journalled_as_it_was_read() {
        assert_eq!(plain("\x1b[1;32mls\x1b[0m /vas\x08r\r"), "ls /var");
        assert_eq!(plain("\x07\x1b[2J\t"), "");
        assert_eq!(plain("cáp số 2"), "cáp số 2");
    }
}
