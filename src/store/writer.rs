//! The one thread that changes the database.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::{Error, Tx, commit, roll_back};
use crate::durable::Disk;

/// Closures that may wait; more make their callers wait.
const QUEUE: usize = 1_024;
/// Closures in one transaction at most.
const GROUP: usize = 512;
/// Closures of a group that tell of many writers: the next group then waits a moment for them. A lone writer, or a few,
/// never wait; for many the fewer commits mean shorter waits in all.
const BUSY: usize = 16;
/// That moment.
const GATHERING: Duration = Duration::from_micros(1_000);
/// Work in one transaction after which no further closure joins it.
const WORK: Duration = Duration::from_millis(8);

#[derive(Debug)]
pub(super) struct Writer {
    /// Taken only while dropping.
    queue: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
    commits: Arc<AtomicU64>,
}

impl Writer {
    pub(super) fn start(connection: Connection, disk: Disk) -> Result<Self, Error> {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let commits = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&commits);
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || run(&connection, &disk, waiting, &counted))
            .map_err(|error| Error::Busy(error.to_string()))?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
            commits,
        })
    }

    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Closures in the queue.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.queue
            .as_ref()
            .map_or(0, |queue| queue.max_capacity() - queue.capacity())
    }

    pub(super) async fn write<T, E, F>(&self, change: F) -> Result<T, E>
    where
        F: FnOnce(&Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (job, answer) = Change::queued(change);
        let queue = self.queue.as_ref().ok_or(Error::Closed)?;
        queue.send(job).await.map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }

    pub(super) fn write_blocking<T, E, F>(&self, change: F) -> Result<T, E>
    where
        F: FnOnce(&Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (job, answer) = Change::queued(change);
        let queue = self.queue.as_ref().ok_or(Error::Closed)?;
        queue.blocking_send(job).map_err(|_| Error::Closed)?;
        answer.blocking_recv().map_err(|_| Error::Closed)?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A closure may own the last handle; its thread can't wait for itself.
            if thread.thread().id() != std::thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}

/// A queued closure together with the one who waits for it.
trait Job: Send {
    /// Runs the closure; whether its changes shall stay.
    fn run(&mut self, tx: &Tx<'_>) -> bool;
    /// Tells the closure's result if it is durable, else the store's failure.
    fn answer(self: Box<Self>, outcome: &Result<(), Error>);
}

struct Change<F, T, E> {
    change: Option<F>,
    result: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<F, T, E> Change<F, T, E>
where
    F: FnOnce(&Tx<'_>) -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: From<Error> + Send + 'static,
{
    fn queued(change: F) -> (Box<dyn Job>, oneshot::Receiver<Result<T, E>>) {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Self {
            change: Some(change),
            result: None,
            reply,
        });
        (job, answer)
    }
}

impl<F, T, E> Job for Change<F, T, E>
where
    F: FnOnce(&Tx<'_>) -> Result<T, E> + Send,
    T: Send,
    E: From<Error> + Send,
{
    fn run(&mut self, tx: &Tx<'_>) -> bool {
        let Some(change) = self.change.take() else {
            return false;
        };
        let result = guarded(|| change(tx));
        let keep = result.is_ok();
        self.result = Some(result);
        keep
    }

    fn answer(self: Box<Self>, outcome: &Result<(), Error>) {
        let result = match (outcome, self.result) {
            (Ok(()), Some(result)) => result,
            (Ok(()), None) => Err(Error::Closed.into()),
            // Even a refusal counts no more: it may rest on a row of this group that was not kept.
            (Err(error), _) => Err(error.clone().into()),
        };
        // Nobody may be waiting any more.
        let _ = self.reply.send(result);
    }
}

/// Turns a panic of `f` into an error.
pub(super) fn guarded<T, E: From<Error>>(f: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    catch_unwind(AssertUnwindSafe(f))
        .unwrap_or_else(|panic| Err(Error::Panicked(words(panic.as_ref())).into()))
}

fn words(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without words".to_owned())
}

fn run(
    connection: &Connection,
    disk: &Disk,
    mut waiting: mpsc::Receiver<Box<dyn Job>>,
    commits: &AtomicU64,
) {
    let mut group = Vec::with_capacity(GROUP);
    let mut busy = false;
    while let Some(first) = waiting.blocking_recv() {
        let outcome = transaction(connection, disk, first, &mut waiting, &mut group, busy);
        busy = group.len() >= BUSY;
        if outcome.is_ok() {
            commits.fetch_add(1, Ordering::Relaxed);
        }
        for job in group.drain(..) {
            job.answer(&outcome);
        }
    }
}

/// Runs one group up to its commit. All that ran stand in `group` afterwards.
fn transaction(
    connection: &Connection,
    disk: &Disk,
    first: Box<dyn Job>,
    waiting: &mut mpsc::Receiver<Box<dyn Job>>,
    group: &mut Vec<Box<dyn Job>>,
    mut gathers: bool,
) -> Result<(), Error> {
    let started = Instant::now();
    let mut next = Some(first);
    let mut done = execute(connection, "BEGIN IMMEDIATE");
    while let Some(mut job) = next.take() {
        if done.is_ok() {
            done = one(connection, job.as_mut());
        }
        group.push(job);
        if done.is_ok() && group.len() < GROUP && started.elapsed() < WORK {
            next = waiting.try_recv().ok();
            if next.is_none() && std::mem::take(&mut gathers) {
                std::thread::park_timeout(GATHERING);
                next = waiting.try_recv().ok();
            }
        }
    }
    let done = done.and_then(|()| commit(connection, disk));
    if done.is_err() {
        roll_back(connection);
    }
    done
}

/// Runs one closure behind its savepoint.
fn one(connection: &Connection, job: &mut dyn Job) -> Result<(), Error> {
    execute(connection, "SAVEPOINT one")?;
    let keep = job.run(&Tx(connection));
    if connection.is_autocommit() {
        // A full or failing disk makes SQLite end the whole transaction, whoever of the group met it.
        return Err(Error::Io(
            "the transaction was given up by the database".to_owned(),
        ));
    }
    if !keep {
        execute(connection, "ROLLBACK TO one")?;
    }
    execute(connection, "RELEASE one")
}

fn execute(connection: &Connection, sql: &str) -> Result<(), Error> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}
