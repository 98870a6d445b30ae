//! The queue and the one thread behind it.

use std::fs::{File, Metadata};
use std::io::{PipeWriter, Write};
use std::os::fd::OwnedFd;
use std::os::linux::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use tracing::Dispatch;
use tracing_subscriber::layer::SubscriberExt;

use super::{Entry, Priority, ids};
use crate::clock::{Clock, rfc3339};

/// Lines that may wait; a journal that stands still costs no more memory than these.
const QUEUE: usize = 4_096;
/// By which systemd names the stream that is the journal's, see systemd.exec(5).
const STREAM: &str = "JOURNAL_STREAM";
/// Where journald listens; the same that `tracing-journald` writes to.
const JOURNALD: &str = "/run/systemd/journal/socket";

/// The way to the thread that writes.
#[derive(Debug)]
pub(super) struct Queue {
    lines: SyncSender<Arc<Entry>>,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    queued: AtomicU64,
    dropped: AtomicU64,
    written: Mutex<u64>,
    wrote: Condvar,
}

impl Queue {
    pub(super) fn start(name: &str) -> Self {
        let (lines, waiting) = sync_channel(QUEUE);
        let counts = Arc::new(Counts::default());
        let (name, counted) = (name.to_owned(), Arc::clone(&counts));
        let thread = std::thread::Builder::new().name("journal".to_owned());
        if let Err(error) = thread.spawn(move || carry(&name, &waiting, &counted)) {
            // Without its thread the queue is closed: each line is counted as dropped, nobody waits.
            let _ = writeln!(std::io::stderr(), "no thread for the journal: {error}");
        }
        Self { lines, counts }
    }

    /// Queues a line or counts it as dropped.
    pub(super) fn put(&self, entry: Arc<Entry>) {
        self.counts.queued.fetch_add(1, Ordering::AcqRel);
        if self.lines.try_send(entry).is_err() {
            self.counts.queued.fetch_sub(1, Ordering::AcqRel);
            self.counts.dropped.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Waits until all that is queued now is written, or until `patience` is over.
    pub(super) fn flush(&self, patience: Duration) {
        let until = self.counts.queued.load(Ordering::Acquire);
        let written = self
            .counts
            .written
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        drop(
            self.counts
                .wrote
                .wait_timeout_while(written, patience, |written| *written < until),
        );
    }
}

fn carry(name: &str, waiting: &Receiver<Arc<Entry>>, counts: &Counts) {
    let mut out = Out::open(name);
    while let Ok(entry) = waiting.recv() {
        out.write(&entry);
        let mut many = 1;
        // What waits meanwhile goes out in the same system call.
        while many < MANY
            && out.has_room()
            && let Ok(entry) = waiting.try_recv()
        {
            out.write(&entry);
            many += 1;
        }
        let dropped = counts.dropped.swap(0, Ordering::AcqRel);
        if dropped > 0 {
            out.write(&lines_dropped(dropped));
        }
        out.flush();
        *counts
            .written
            .lock()
            .unwrap_or_else(PoisonError::into_inner) += many;
        counts.wrote.notify_all();
        if many >= BUSY {
            // More of the kind is to come: woken for each line, this thread would cost more than all it writes.
            std::thread::park_timeout(GATHERING);
        }
    }
}

fn lines_dropped(count: u64) -> Entry {
    let mut entry = Entry::new(&ids::LINES_DROPPED);
    entry.timestamp = rfc3339(Clock::system().now());
    entry.message = format!("{count} journal lines were dropped");
    entry.reason = Some("the journal took lines more slowly than they came".to_owned());
    entry.next = Some("look at systemd-journald and its disk".to_owned());
    entry.count = Some(count.to_string());
    entry
}

/// Lines at once that tell of many more to come.
const BUSY: u64 = 4;
/// How long they gather then.
const GATHERING: Duration = Duration::from_millis(2);
/// Lines that go out before they are counted as written.
const MANY: u64 = 256;
/// Bytes of lines that go to stderr at once.
const TOGETHER: usize = 32 * 1024;

/// Where lines end up.
struct Out {
    name: String,
    journald: Option<Journald>,
    /// Lines for stderr, not written yet.
    held: Vec<u8>,
}

struct Journald {
    dispatch: Dispatch,
    probe: UnixDatagram,
}

impl Out {
    fn open(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            journald: is_service().then(|| Journald::open(name)).flatten(),
            held: Vec::new(),
        }
    }

    fn write(&mut self, entry: &Entry) {
        match &self.journald {
            // The layer hides its errors, so the socket is asked first; one that went away costs no line.
            Some(journald) if journald.probe.connect(JOURNALD).is_ok() => {
                tracing::dispatcher::with_default(&journald.dispatch, || emit(entry));
            }
            _ => self.write_json(entry),
        }
    }

    fn has_room(&self) -> bool {
        self.held.len() < TOGETHER
    }

    fn flush(&mut self) {
        if !self.held.is_empty() {
            // Where stderr is gone too there is nobody left to tell.
            let _ = std::io::stderr().write_all(&self.held);
            self.held.clear();
        }
    }

    fn write_json(&mut self, entry: &Entry) {
        #[derive(serde::Serialize)]
        #[serde(rename_all = "SCREAMING_SNAKE_CASE")]
        struct Named<'e> {
            #[serde(flatten)]
            entry: &'e Entry,
            syslog_identifier: &'e str,
        }
        let named = Named {
            entry,
            syslog_identifier: &self.name,
        };
        let before = self.held.len();
        match serde_json::to_writer(&mut self.held, &named) {
            Ok(()) => self.held.push(b'\n'),
            Err(_) => self.held.truncate(before),
        }
    }
}

impl Journald {
    fn open(name: &str) -> Option<Self> {
        let layer = tracing_journald::layer()
            .ok()?
            .with_field_prefix(None)
            .with_syslog_identifier(name.to_owned());
        Some(Self {
            dispatch: Dispatch::new(tracing_subscriber::registry().with(layer)),
            probe: UnixDatagram::unbound().ok()?,
        })
    }
}

/// Whether this process's stderr is the journal's (systemd.exec(5), `$JOURNAL_STREAM`): only then its lines belong
/// there, and a person who starts the program by hand sees them.
pub(super) fn is_service() -> bool {
    let stderr = std::fs::metadata("/proc/self/fd/2").map(|stderr| name_of(&stderr));
    matches!(
        (std::env::var(STREAM), stderr),
        (Ok(stream), Ok(stderr)) if stream == stderr
    )
}

/// A stream as `$JOURNAL_STREAM` names it.
fn name_of(stream: &Metadata) -> String {
    format!("{}:{}", stream.st_dev(), stream.st_ino())
}

/// Lets a child of a service, whose `stderr` this process reads, write its lines to the journal all the same; what else it says
/// goes into the pipe.
///
/// # Errors
/// When the pipe can't be asked.
pub fn share(child: &mut Command, stderr: &PipeWriter) -> std::io::Result<()> {
    if is_service() {
        let stream = File::from(OwnedFd::from(stderr.try_clone()?));
        child.env(STREAM, name_of(&stream.metadata()?));
    }
    Ok(())
}

/// One tracing event an entry. Its level stands for the priority as `tracing-journald` maps it by default.
fn emit(entry: &Entry) {
    macro_rules! event {
        ($level:ident) => {
            tracing::event!(
                target: "trucgate",
                tracing::Level::$level,
                MESSAGE_ID = entry.id.message_id,
                TIMESTAMP = entry.timestamp.as_str(),
                PACKET_ID = entry.packet_id.as_deref(),
                MEMBER = entry.member.as_deref(),
                PEER = entry.peer.as_deref(),
                DOC_CODE = entry.doc_code.as_deref(),
                STEP = entry.step.as_deref(),
                REASON = entry.reason.as_deref(),
                NEXT = entry.next.as_deref(),
                COUNT = entry.count.as_deref(),
                DURATION_US = entry.duration_us.as_deref(),
                message = entry.message.as_str(),
            )
        };
    }
    match entry.priority {
        Priority::Error => event!(ERROR),
        Priority::Warning => event!(WARN),
        Priority::Notice => event!(INFO),
        Priority::Info => event!(DEBUG),
    }
}
