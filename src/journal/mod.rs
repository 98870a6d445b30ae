//! Lines that people act on: to journald where this process is a service, else as JSON on stderr.
//!
//! A line never makes its writer wait: it goes into a bounded queue, and one thread carries it on. What finds no room
//! is counted, and the count becomes a line of its own once there is room. The fields are these and no others, so that
//! nothing else can reach a journal: never a secret, never a document's content beyond its code.

mod catalog;
mod entry;
/// Kinds of lines.
pub mod ids;
mod sink;

use std::collections::VecDeque;
use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use crate::clock::{Clock, rfc3339};

pub use catalog::Explanation;
pub use entry::{Entry, FIELDS, Priority};
pub use ids::Id;
use sink::Queue;
pub use sink::share;

/// Entries that a listener may leave unread before it misses some.
const LISTENED: usize = 1_024;
/// How long the end of a process waits for its last lines.
const FLUSH: Duration = Duration::from_secs(1);

/// Errors that are remembered.
const REMEMBERED: usize = 20;

static QUEUE: OnceLock<Queue> = OnceLock::new();
static LISTENERS: Mutex<Vec<SyncSender<Arc<Entry>>>> = Mutex::new(Vec::new());
static LISTENED_TO: AtomicBool = AtomicBool::new(false);
static ERRORS: Mutex<VecDeque<Arc<Entry>>> = Mutex::new(VecDeque::new());

/// Keeps the journal open; dropped at the end of `main`, it waits a moment for the last lines.
#[derive(Debug)]
#[must_use = "dropped at once, it flushes nothing"]
pub struct Journal(());

/// Opens the journal under `name`, the `SYSLOG_IDENTIFIER`. Called once by `main`; before it lines reach listeners only.
pub fn init(name: &str) -> Journal {
    QUEUE.get_or_init(|| Queue::start(name));
    Journal(())
}

impl Drop for Journal {
    fn drop(&mut self) {
        flush();
    }
}

/// [`init`] where this process is a service. A command whose words are for the person who typed it says nothing besides.
#[must_use = "dropped at once, it flushes nothing"]
pub fn init_in_service(name: &str) -> Option<Journal> {
    sink::is_service().then(|| init(name))
}

/// Waits a moment for the last lines: for a process that ends where it stands.
pub fn flush() {
    if let Some(queue) = QUEUE.get() {
        queue.flush(FLUSH);
    }
}

/// All entries of this process from now on, for tests and for operators who follow the journal from afar. A listener
/// that is slow misses entries and delays nobody.
#[must_use]
pub fn listen() -> Receiver<Arc<Entry>> {
    let (sender, receiver) = sync_channel(LISTENED);
    LISTENERS
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(sender);
    LISTENED_TO.store(true, Ordering::Release);
    receiver
}

/// The last errors of this process, the newest first, for pages that show them where no journal can be read.
#[must_use]
pub fn errors() -> Vec<Arc<Entry>> {
    let errors = ERRORS.lock().unwrap_or_else(PoisonError::into_inner);
    errors.iter().rev().cloned().collect()
}

fn remember(entry: &Arc<Entry>) {
    let mut errors = ERRORS.lock().unwrap_or_else(PoisonError::into_inner);
    if errors.len() == REMEMBERED {
        errors.pop_front();
    }
    errors.push_back(entry.clone());
}

/// Begins a line of one kind.
pub fn line(id: &'static Id) -> Line {
    Line(Box::new(Entry::new(id)))
}

/// A line being written. It is told by one of its last four methods.
#[derive(Debug)]
#[must_use = "a line is told by say, info, notice, warning or error"]
pub struct Line(Box<Entry>);

impl Line {
    /// `PACKET_ID`: the packet it is about.
    pub fn packet(mut self, packet: impl Display) -> Self {
        self.0.packet_id = entry::field(packet);
        self
    }

    /// `MEMBER`: the member of this box that it concerns.
    pub fn member(mut self, member: impl Display) -> Self {
        self.0.member = entry::field(member);
        self
    }

    /// `PEER`: the other side, by address or name.
    pub fn peer(mut self, peer: impl Display) -> Self {
        self.0.peer = entry::field(peer);
        self
    }

    /// `DOC_CODE`: the document's number and notation.
    pub fn doc_code(mut self, code: impl Display) -> Self {
        self.0.doc_code = entry::field(code);
        self
    }

    /// `STEP`: the step of the walk.
    pub fn step(mut self, step: impl Display) -> Self {
        self.0.step = entry::field(step);
        self
    }

    /// `REASON`: why it happened.
    pub fn reason(mut self, reason: impl Display) -> Self {
        self.0.reason = entry::field(reason);
        self
    }

    /// `NEXT`: what a person can do about it.
    pub fn next(mut self, next: impl Display) -> Self {
        self.0.next = entry::field(next);
        self
    }

    /// `COUNT`: how many the line stands for.
    pub fn count(mut self, count: u64) -> Self {
        self.0.count = entry::field(count);
        self
    }

    /// `DURATION_US`: how long it took, in microseconds.
    pub fn duration(mut self, duration: Duration) -> Self {
        self.0.duration_us = entry::field(duration.as_micros());
        self
    }

    /// Tells the line at its kind's own priority. `text` is English and holds no content of a document.
    pub fn say(self, text: impl Display) {
        let priority = self.0.id.priority;
        self.tell(priority, text);
    }

    /// Tells the line as information that asks for nothing.
    pub fn info(self, text: impl Display) {
        self.tell(Priority::Info, text);
    }

    /// Tells the line as normal but worth noticing.
    pub fn notice(self, text: impl Display) {
        self.tell(Priority::Notice, text);
    }

    /// Tells the line as something that becomes an error if nobody acts.
    pub fn warning(self, text: impl Display) {
        self.tell(Priority::Warning, text);
    }

    /// Tells the line as an error.
    pub fn error(self, text: impl Display) {
        self.tell(Priority::Error, text);
    }

    fn tell(mut self, priority: Priority, text: impl Display) {
        self.0.priority = priority;
        self.0.message = entry::field(text).unwrap_or_default();
        self.0.timestamp = rfc3339(Clock::system().now());
        let entry = Arc::from(self.0);
        if priority == Priority::Error {
            remember(&entry);
        }
        if LISTENED_TO.load(Ordering::Acquire) {
            LISTENERS
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .retain(|l| {
                    !matches!(
                        l.try_send(Arc::clone(&entry)),
                        Err(TrySendError::Disconnected(_))
                    )
                });
        }
        if let Some(queue) = QUEUE.get() {
            queue.put(entry);
        }
    }
}

#[cfg(test)]
mod tests;
