//! The way to the signer: connects when needed and again when lost, many requests under way at once.
//!
//! Two threads of its own write and read, so that tasks and blocked TLS handshakes share one connection.

use std::collections::HashMap;
use std::io::BufReader;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::wire::{self, Answer, Ask, Reply, Request};
use super::{Error, KeyInfo, KeyUse, SealAnswer, SealRequest, Status, TlsScheme};
use crate::packet::Digest;

/// Requests that may wait to be written.
const QUEUE: usize = 1024;
const DEADLINE: Duration = Duration::from_secs(10);
/// A signer that does not even read is as good as gone.
const WRITE_DEADLINE: Duration = Duration::from_secs(5);

/// A cheap handle to the signer behind a socket.
#[derive(Clone, Debug)]
pub struct Client {
    jobs: SyncSender<Job>,
    turns: Arc<Turns>,
    deadline: Duration,
}

/// Seals that may be asked for at the same time. More would only stand in the token's line, each with a tree that was
/// cut before its turn.
#[derive(Debug)]
struct Turns {
    free: Arc<Semaphore>,
    number: Mutex<usize>,
}

impl Turns {
    fn new() -> Self {
        let number = turns_for(2);
        Self {
            free: Arc::new(Semaphore::new(number)),
            number: Mutex::new(number),
        }
    }

    /// Follows what the signer says of its sessions.
    fn fit(&self, sessions: usize) {
        let mut number = self.number.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = turns_for(sessions);
        if wanted > *number {
            self.free.add_permits(wanted - *number);
            *number = wanted;
        } else {
            *number -= self.free.forget_permits(*number - wanted);
        }
    }
}

/// One in each session, and one more behind it, so that the token never waits for the next.
fn turns_for(sessions: usize) -> usize {
    2 * sessions.clamp(1, 64)
}

#[derive(Debug)]
struct Job {
    ask: Ask,
    back: Back,
}

#[derive(Debug)]
enum Back {
    Task(oneshot::Sender<Result<Reply, Error>>),
    Thread(SyncSender<Result<Reply, Error>>),
}

impl Back {
    fn send(self, outcome: Result<Reply, Error>) {
        // The asker may have given up meanwhile.
        match self {
            Self::Task(sender) => drop(sender.send(outcome)),
            Self::Thread(sender) => drop(sender.try_send(outcome)),
        }
    }
}

impl Client {
    /// A client of the signer that listens at `socket`; nothing is connected before the first request.
    ///
    /// # Errors
    /// When no thread can be made.
    pub fn new(socket: &Path) -> Result<Self, Error> {
        let (jobs, waiting) = mpsc::sync_channel(QUEUE);
        let socket = socket.to_owned();
        thread("signer-client", move || write(&socket, &waiting))?;
        Ok(Self {
            jobs,
            turns: Arc::new(Turns::new()),
            deadline: DEADLINE,
        })
    }

    /// The same connection with another deadline for each answer; 10 s unless told.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// The keys that this process may use.
    ///
    /// # Errors
    /// When the signer is away.
    pub async fn keys(&self) -> Result<Vec<KeyInfo>, Error> {
        let keys = self.ask(Ask::Keys).await?.into_keys()?;
        if let Some(key) = keys.iter().find(|key| key.use_ == KeyUse::Seal) {
            self.turns.fit(key.sessions);
        }
        Ok(keys)
    }

    /// Waits, first come first served, until a seal that is asked for reaches the token with hardly anyone before it.
    /// The turn ends when what it gives is dropped.
    pub async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        // It is never closed; if it were, nobody would have to wait.
        self.turns.free.clone().acquire_owned().await.ok()
    }

    /// How the token and this process's keys stand, as the signer knows it from what happened last.
    ///
    /// # Errors
    /// When the signer is away.
    pub async fn status(&self) -> Result<Status, Error> {
        self.ask(Ask::Status).await?.into_status()
    }

    /// Has a checkpoint signed.
    ///
    /// # Errors
    /// When signer or token is away, or the policy forbids it: not this member's key, a rollback, a fork.
    pub async fn seal(&self, key: &str, request: SealRequest) -> Result<SealAnswer, Error> {
        self.ask(Ask::seal(key, request)).await?.into_seal()
    }

    /// Has the message of a TLS handshake that shows the certificate of that digest signed, and blocks the calling thread meanwhile: give the runtime notice
    /// (`block_in_place`) where it is one of its own.
    ///
    /// # Errors
    /// When signer or token is away, or the message is none of a TLS handshake.
    pub fn tls_sign_blocking(
        &self,
        key: &str,
        certificate: Digest,
        scheme: TlsScheme,
        message: &[u8],
    ) -> Result<Vec<u8>, Error> {
        let (back, answer) = mpsc::sync_channel(1);
        let ask = Ask::Tls {
            key: key.to_owned(),
            certificate,
            scheme,
            message: wire::Bytes(message.to_vec()),
        };
        self.send(ask, Back::Thread(back))?;
        match answer.recv_timeout(self.deadline) {
            Ok(outcome) => outcome?.into_signature(),
            Err(RecvTimeoutError::Timeout) => Err(late()),
            Err(RecvTimeoutError::Disconnected) => Err(lost()),
        }
    }

    async fn ask(&self, ask: Ask) -> Result<Reply, Error> {
        let (back, answer) = oneshot::channel();
        self.send(ask, Back::Task(back))?;
        match tokio::time::timeout(self.deadline, answer).await {
            Ok(outcome) => outcome.unwrap_or_else(|_| Err(lost())),
            Err(_) => Err(late()),
        }
    }

    fn send(&self, ask: Ask, back: Back) -> Result<(), Error> {
        self.jobs
            .try_send(Job { ask, back })
            .map_err(|refused| match refused {
                TrySendError::Full(_) => Error::Away("too many requests wait".into()),
                TrySendError::Disconnected(_) => lost(),
            })
    }
}

fn late() -> Error {
    Error::Away("no answer in time".into())
}

fn lost() -> Error {
    Error::Away("the connection was lost".into())
}

fn thread(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Error> {
    std::thread::Builder::new()
        .name(name.into())
        .spawn(body)
        .map_err(|error| Error::Away(format!("no thread: {error}")))
}

/// One connection and who waits for answers on it.
struct Link {
    stream: UnixStream,
    waiting: Arc<Waiting>,
    reader: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Waiting(Mutex<Askers>);

#[derive(Debug)]
enum Askers {
    /// Who waits for which answer.
    Open(HashMap<u64, Back>),
    /// The connection has ended, and this is its last word to everybody.
    Ended(Result<Reply, Error>),
}

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, Askers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, id: u64) -> Option<Back> {
        match &mut *self.lock() {
            Askers::Open(askers) => askers.remove(&id),
            Askers::Ended(_) => None,
        }
    }

    /// Everybody who waits is told, and nobody waits here any more. The first word stays.
    fn end(&self, outcome: Result<Reply, Error>) {
        let mut askers = self.lock();
        if let Askers::Open(open) = &mut *askers {
            let open = std::mem::take(open);
            *askers = Askers::Ended(outcome.clone());
            drop(askers);
            for (_, back) in open {
                back.send(outcome.clone());
            }
        }
    }
}

impl Link {
    fn open(socket: &Path) -> Result<Self, Error> {
        let away = |error: std::io::Error| Error::Away(format!("{}: {error}", socket.display()));
        let stream = UnixStream::connect(socket).map_err(away)?;
        stream
            .set_write_timeout(Some(WRITE_DEADLINE))
            .map_err(away)?;
        let waiting = Arc::new(Waiting(Mutex::new(Askers::Open(HashMap::new()))));
        let (from, answered) = (stream.try_clone().map_err(away)?, Arc::clone(&waiting));
        let reader = thread("signer-answers", move || read(from, &answered))?;
        Ok(Self {
            stream,
            waiting,
            reader: Some(reader),
        })
    }

    /// Sends a request, or gives the way back back when the connection turns out to be lost.
    fn send(&mut self, request: &Request, back: Back) -> Result<(), Back> {
        match &mut *self.waiting.lock() {
            Askers::Open(askers) => askers.insert(request.id, back),
            Askers::Ended(_) => return Err(back),
        };
        match wire::write_blocking(&mut self.stream, request) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                if let Some(back) = self.waiting.take(request.id) {
                    back.send(Err(Error::Refused(error.to_string())));
                }
                Ok(())
            }
            Err(_) => {
                let back = self.waiting.take(request.id);
                self.close();
                back.map_or(Ok(()), Err)
            }
        }
    }

    /// What an ended connection had to say: a signer that refuses its peer says so before anything is asked.
    fn last_word(mut self) -> Result<Reply, Error> {
        self.close();
        // It ends with what had already arrived.
        let _ = self.reader.take().map(JoinHandle::join);
        match &*self.waiting.lock() {
            Askers::Ended(outcome) => outcome.clone(),
            Askers::Open(_) => Err(lost()),
        }
    }

    fn close(&self) {
        // Wakes the reader, which tells those who wait.
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.close();
    }
}

/// The writer's life: as long as a handle exists.
fn write(socket: &Path, jobs: &Receiver<Job>) {
    let mut link: Option<Link> = None;
    let mut id = 0;
    for job in jobs {
        if matches!(&job.back, Back::Task(back) if back.is_closed()) {
            continue;
        }
        id += 1;
        let request = Request { id, ask: job.ask };
        let mut back = job.back;
        // A connection lost while nobody asked is found out here; a fresh one gets the request then.
        if let Some(open) = &mut link {
            match open.send(&request, back) {
                Ok(()) => continue,
                Err(unsent) => back = unsent,
            }
        }
        link = None;
        match Link::open(socket) {
            Ok(mut open) => match open.send(&request, back) {
                Ok(()) => link = Some(open),
                Err(unsent) => unsent.send(open.last_word()),
            },
            Err(error) => back.send(Err(error)),
        }
    }
}

/// The reader's life: as long as its connection.
fn read(stream: UnixStream, waiting: &Waiting) {
    let mut stream = BufReader::new(stream);
    while let Ok(Some(bytes)) = wire::read_blocking(&mut stream) {
        let Ok(answer) = wire::content::<Answer>(&bytes) else {
            break;
        };
        if answer.id == wire::EVERY {
            waiting.end(Ok(answer.reply));
        } else if let Some(back) = waiting.take(answer.id) {
            back.send(Ok(answer.reply));
        }
    }
    waiting.end(Err(lost()));
    let _ = stream.get_ref().shutdown(Shutdown::Both);
}
