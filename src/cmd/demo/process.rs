//! A child process of the exchange: started, waited for by what it says, stopped, killed.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::super::run::UNTIL_STDIN_ENDS;

/// A running child. Dropped, it is killed; if this process ends without that, it stops by itself.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    notify: UnixDatagram,
    said: Arc<Said>,
}

/// What a child wrote to its journal.
#[derive(Debug, Default)]
struct Said {
    lines: Mutex<Lines>,
    more: Condvar,
}

#[derive(Debug, Default)]
struct Lines {
    all: Vec<Value>,
    ended: bool,
    /// From now on lines of these kinds are only counted.
    counted: Vec<Counter>,
}

/// A kind of line, and how many of it there were.
#[derive(Clone, Debug)]
struct Counter {
    id: &'static str,
    count: Arc<AtomicU64>,
}

impl Process {
    /// Starts `executable` with `arguments`; its journal lines go to `log` too.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn start(
        name: &str,
        executable: &Path,
        arguments: &[&str],
        environment: &[(&str, &Path)],
        directory: &Path,
    ) -> Result<Self, String> {
        let socket = directory.join(format!("{name}.notify"));
        remove_socket(&socket);
        let notify = UnixDatagram::bind(&socket).map_err(told)?;
        let mut command = Command::new(executable);
        command
            .args(arguments)
            .env_remove("JOURNAL_STREAM")
            .env("NOTIFY_SOCKET", &socket)
            .env(UNTIL_STDIN_ENDS, "yes")
            // Held open for as long as this process lives, whatever ends it.
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        for (key, value) in environment {
            command.env(key, value);
        }
        let mut child = command.spawn().map_err(told)?;
        let said = Arc::new(Said::default());
        if let Some(stderr) = child.stderr.take() {
            let log = directory.join(format!("{name}.log"));
            let log = File::options()
                .create(true)
                .append(true)
                .open(log)
                .map_err(told)?;
            let said = said.clone();
            std::thread::spawn(move || said.listen(stderr, log));
        }
        Ok(Self {
            name: name.to_owned(),
            child,
            notify,
            said,
        })
    }

    /// Waits until it says that it is ready.
    ///
    /// # Errors
    /// When it ended instead, or said nothing before the deadline; with its last words.
    pub fn ready(&mut self, deadline: Duration) -> Result<(), String> {
        let end = Instant::now() + deadline;
        let step = Duration::from_millis(100);
        self.notify.set_read_timeout(Some(step)).map_err(told)?;
        let mut message = [0; 512];
        while Instant::now() < end {
            if let Ok(length) = self.notify.recv(&mut message)
                && String::from_utf8_lossy(&message[..length]).contains("READY=1")
            {
                return Ok(());
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!(
                    "{} ended with {status}: {}",
                    self.name,
                    self.last_words()
                ));
            }
        }
        Err(format!("{} is not ready: {}", self.name, self.last_words()))
    }

    /// Waits for a journal line that `fits`, from line number `from` on; gives its number and fields.
    ///
    /// # Errors
    /// When it ended, or none came before the deadline.
    pub fn line(
        &self,
        from: usize,
        deadline: Duration,
        fits: impl Fn(&Value) -> bool,
    ) -> Result<(usize, Value), String> {
        let end = Instant::now() + deadline;
        let mut next = from;
        let mut lines = self.said.lock();
        loop {
            while let Some(line) = lines.all.get(next) {
                if fits(line) {
                    return Ok((next, line.clone()));
                }
                next += 1;
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || lines.ended {
                drop(lines);
                return Err(format!(
                    "{} did not say it: {}",
                    self.name,
                    self.last_words()
                ));
            }
            lines = self
                .said
                .more
                .wait_timeout(lines, left)
                .map_or_else(|poisoned| poisoned.into_inner().0, |(lines, _)| lines);
        }
    }

    /// How many journal lines there are so far.
    #[must_use]
    pub fn lines(&self) -> usize {
        self.said.lock().all.len()
    }

    /// From now on lines of these kinds are counted and forgotten, so that a long run under load costs neither memory
    /// nor the reading of each line. Gives the count of each.
    #[must_use]
    pub fn count_only(&self, ids: &[&'static crate::journal::Id]) -> Vec<Arc<AtomicU64>> {
        let counters: Vec<Counter> = ids
            .iter()
            .map(|id| Counter {
                id: id.message_id,
                count: Arc::default(),
            })
            .collect();
        let counts = counters.iter().map(|one| one.count.clone()).collect();
        self.said.lock().counted = counters;
        counts
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Peak resident memory so far, in bytes, as the kernel counts it; `None` when it has ended.
    #[must_use]
    pub fn peak_memory(&self) -> Option<u64> {
        self.counted("VmHWM:")
    }

    /// The same without the pages of mapped files that are resident now: what of the executable was read is no memory that
    /// the process asked for, and a debug build has more of it with every release.
    #[must_use]
    pub fn peak_data(&self) -> Option<u64> {
        Some(
            self.peak_memory()?
                .saturating_sub(self.counted("RssFile:")?),
        )
    }

    fn counted(&self, what: &str) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).ok()?;
        let line = status.lines().find(|line| line.starts_with(what))?;
        let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
        Some(kilobytes * 1024)
    }

    /// Pulls the plug: SIGKILL, and waits until it is gone.
    ///
    /// # Errors
    /// When it can't be killed.
    pub fn kill(&mut self) -> Result<(), String> {
        self.child.kill().map_err(told)?;
        self.child.wait().map(drop).map_err(told)
    }

    /// Asks it to stop and waits until it has.
    ///
    /// # Errors
    /// When it can't be asked.
    pub fn terminate(&mut self) -> Result<std::process::ExitStatus, String> {
        self.signal(Signal::SIGTERM)?;
        self.child.wait().map_err(told)
    }

    /// Tells it to read its files again.
    ///
    /// # Errors
    /// When it can't be told.
    pub fn reload(&self) -> Result<(), String> {
        self.signal(Signal::SIGHUP)
    }

    fn signal(&self, signal: Signal) -> Result<(), String> {
        let id = i32::try_from(self.id()).map_err(told)?;
        kill(Pid::from_raw(id), signal).map_err(told)
    }

    /// Its last journal lines, for an error message.
    #[must_use]
    pub fn last_words(&self) -> String {
        let lines = self.said.lock();
        let from = lines.all.len().saturating_sub(5);
        let last: Vec<String> = lines.all[from..].iter().map(ToString::to_string).collect();
        last.join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.kill();
    }
}

impl Said {
    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listen(&self, stderr: impl std::io::Read, log: File) {
        let mut stderr = BufReader::with_capacity(64 * 1024, stderr);
        let mut log = BufWriter::new(log);
        let mut line = Vec::new();
        while matches!(stderr.read_until(b'\n', &mut line), Ok(1..)) {
            // The log is for people who look later; a full disk must not end the demo.
            let _ = log.write_all(&line);
            self.take(line.trim_ascii_end());
            line.clear();
            if stderr.buffer().is_empty() {
                let _ = log.flush();
            }
        }
        self.lock().ended = true;
        self.more.notify_all();
    }

    fn take(&self, line: &[u8]) {
        let mut lines = self.lock();
        if let Some(id) = message_id(line)
            && let Some(counter) = lines.counted.iter().find(|one| one.id.as_bytes() == id)
        {
            counter.count.fetch_add(1, Ordering::Relaxed);
            return;
        }
        lines.all.push(
            serde_json::from_slice(line)
                .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(line).into_owned())),
        );
        self.more.notify_all();
    }
}

/// The line's `MESSAGE_ID`, found without reading the line.
fn message_id(line: &[u8]) -> Option<&[u8]> {
    const NAME: &[u8] = b"\"MESSAGE_ID\":\"";
    // Only time and priority stand before it.
    let start = line.get(..160).unwrap_or(line);
    let at = start.windows(NAME.len()).position(|part| part == NAME)?;
    line.get(at + NAME.len()..)?.get(..32)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a socket of the last run holds nothing"
)]
fn remove_socket(path: &PathBuf) {
    let _ = std::fs::remove_file(path);
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}
