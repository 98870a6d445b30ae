//! A terminal with a program at its other end: a pseudo-terminal, and of ECMA-48 what a Linux console does with what the
//! program sends. What it does not know fails the test.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Instant;

use nix::pty::openpty;
use nix::sys::termios::{LocalFlags, tcgetattr};

use crate::world::PATIENCE;

const ROWS: usize = 24;
const COLUMNS: usize = 80;

pub struct Line {
    child: Child,
    keys: File,
    slave: OwnedFd,
    sent: Receiver<Vec<u8>>,
    unread: Vec<u8>,
    grid: Vec<Vec<char>>,
    at: (usize, usize),
    /// How often all of it was cleared.
    pub cleared: u32,
    /// Control sequences that came.
    pub sequences: u32,
}

impl Line {
    /// Starts a program at a new line of 24 rows and 80 columns.
    pub fn with(command: &mut Command) -> Self {
        let pty = openpty(None, None).unwrap();
        let end = || Stdio::from(pty.slave.try_clone().unwrap());
        let child = command.stdin(end()).stdout(end()).spawn().unwrap();
        let keys = File::from(pty.master.try_clone().unwrap());
        let mut master = File::from(pty.master);
        let (tell, sent) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4_096];
            while let Ok(length @ 1..) = master.read(&mut buffer) {
                if tell.send(buffer[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            keys,
            slave: pty.slave,
            sent,
            unread: Vec::new(),
            grid: vec![vec![' '; COLUMNS]; ROWS],
            at: (0, 0),
            cleared: 0,
            sequences: 0,
        }
    }

    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until the screen fits.
    pub fn until(&mut self, fits: impl Fn(&str) -> bool) -> String {
        self.until_pressing("", fits)
    }

    /// Waits until the screen fits, and presses `keys` whenever something has come that does not.
    pub fn until_pressing(&mut self, keys: &str, fits: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let shown = self.shown();
            if fits(&shown) {
                return shown;
            }
            match self
                .sent
                .recv_timeout(end.saturating_duration_since(Instant::now()))
            {
                Ok(bytes) => {
                    self.unread.extend(bytes);
                    self.draw();
                    self.press(keys);
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("the screen shows\n{shown}")
                }
            }
        }
    }

    pub fn shown(&self) -> String {
        let rows = self.grid.iter().map(|row| row.iter().collect::<String>());
        rows.map(|row| row.trim_end().to_owned() + "\n").collect()
    }

    /// Whether the kernel waits for whole lines and echoes, as for a shell.
    pub fn is_as_for_a_shell(&self) -> bool {
        let flags = tcgetattr(&self.slave).unwrap().local_flags;
        flags.contains(LocalFlags::ICANON | LocalFlags::ECHO)
    }

    pub fn ends(mut self) -> (ExitStatus, bool) {
        let status = self.child.wait().unwrap();
        (status, self.is_as_for_a_shell())
    }

    fn draw(&mut self) {
        while let Some((first, rest)) = self.unread.split_first() {
            if *first == 0x1b {
                let Some(length) = sequence(rest) else {
                    return;
                };
                let sequence = String::from_utf8(rest[..length].to_vec()).unwrap();
                self.unread.drain(..=length);
                self.obey(&sequence);
                continue;
            }
            let text = match std::str::from_utf8(&self.unread) {
                Ok(text) => text,
                Err(error) if error.valid_up_to() > 0 => {
                    std::str::from_utf8(&self.unread[..error.valid_up_to()]).unwrap()
                }
                // The rest of a letter is on its way.
                Err(_) => return,
            };
            let letter = text.chars().next().unwrap();
            self.unread.drain(..letter.len_utf8());
            match letter {
                '\r' => self.at.1 = 0,
                '\n' if self.at.0 + 1 < ROWS => self.at.0 += 1,
                '\n' => {
                    self.grid.remove(0);
                    self.grid.push(vec![' '; COLUMNS]);
                }
                letter => self.put(letter),
            }
        }
    }

    fn put(&mut self, letter: char) {
        assert!(!letter.is_control(), "{letter:?}");
        let (row, column) = self.at;
        self.grid[row][column.min(COLUMNS - 1)] = letter;
        self.at.1 += 1;
    }

    fn obey(&mut self, sequence: &str) {
        self.sequences += 1;
        let place = |text: &str, most: usize| text.parse::<usize>().unwrap_or(1).clamp(1, most) - 1;
        match sequence {
            "%G" | "[?25l" | "[?25h" => {}
            "[2J" => {
                self.grid = vec![vec![' '; COLUMNS]; ROWS];
                self.cleared += 1;
            }
            "[K" => {
                let (row, column) = self.at;
                self.grid[row]
                    .iter_mut()
                    .skip(column)
                    .for_each(|place| *place = ' ');
            }
            "[6n" => {
                let answer = format!("\x1b[{};{}R", self.at.0 + 1, self.at.1 + 1);
                self.press(&answer);
            }
            _ if sequence.ends_with('m') => {}
            _ if sequence.ends_with('H') => {
                let (row, column) = sequence[1..sequence.len() - 1].split_once(';').unwrap();
                self.at = (place(row, ROWS), place(column, COLUMNS));
            }
            _ => panic!("no console knows ESC {sequence}"),
        }
    }
}

/// How long the sequence behind an escape is, once it is whole.
fn sequence(rest: &[u8]) -> Option<usize> {
    match rest.first()? {
        b'[' => {
            let end = rest[1..]
                .iter()
                .position(|byte| (0x40..=0x7e).contains(byte))?;
            Some(end + 2)
        }
        _ => (rest.len() >= 2).then_some(2),
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // Ended already where the test went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
