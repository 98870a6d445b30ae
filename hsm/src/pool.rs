//! The pool: threads with sessions of their own, in two lanes, and one keeper that heals the connection.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::{oneshot, watch};

use crate::error::{Error, Failure, Loss};
use crate::keeper::{Gate, Keeper, State};
use crate::key::{KeyName, PublicKey};
use crate::mechanism::Scheme;
use crate::module::Module;
use crate::pin::Pin;
use crate::profile::Profile;
use crate::queue::{Answer, Job, Queue, Reply, Work};
use crate::session::Seat;
use crate::token::TokenName;

/// How long a request waits for a token that is just being opened: the first try after a loss takes milliseconds.
const PATIENCE: Duration = Duration::from_millis(900);

/// What a pool needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// The PKCS#11 module's file.
    pub module: PathBuf,
    /// The token.
    pub token: TokenName,
    /// Its PIN.
    pub pin: Pin,
    /// How the token is treated; `None` for what is known of it, see [`Profile::of`].
    pub profile: Option<Profile>,
    /// Sessions kept for seals, at least 1. A token that gives too few has them shared.
    pub seal_sessions: usize,
    /// Sessions kept for TLS, at least 1.
    pub tls_sessions: usize,
    /// Requests that may wait in each lane; more are told [`Error::Busy`].
    pub queue: usize,
    /// How long [`Pool::sign_blocking`] waits for its answer. Tasks put their own deadline around theirs.
    pub deadline: Duration,
    /// Makes every signature of this token take at least this long, one after the other: a slow token for benches and tests.
    pub min_sign_time: Option<Duration>,
}

/// Which sessions serve a request: strangers who open TLS connections can't starve seals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Seals.
    Seal,
    /// TLS handshakes.
    Tls,
}

/// A cheap handle to the token's sessions. The last one dropped joins the threads and finalises the module.
#[derive(Clone, Debug)]
pub struct Pool(Arc<Owner>);

#[derive(Debug)]
struct Owner {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared {
    gate: Arc<Gate>,
    seals: Queue,
    tls: Queue,
    seats: Arc<[Mutex<Option<Seat>>]>,
    pace: Option<Pace>,
    deadline: Duration,
}

impl Pool {
    /// Loads the module and starts the threads. It does not wait for the token: see [`Pool::watch`].
    ///
    /// # Errors
    /// When the module can't be loaded, a workbench of this process holds it, or threads can't be made.
    pub fn start(config: Config) -> Result<Self, Error> {
        let module = Module::load(&config.module)?;
        let seals = config.seal_sessions.max(1);
        let seats: Arc<[_]> = (0..seals + config.tls_sessions.max(1))
            .map(|_| Mutex::new(None))
            .collect();
        let shared = Arc::new(Shared {
            gate: Arc::new(Gate::new()),
            seals: Queue::new(config.queue.max(1)),
            tls: Queue::new(config.queue.max(1)),
            seats: Arc::clone(&seats),
            pace: config.min_sign_time.map(Pace::new),
            deadline: config.deadline,
        });
        let pool = Self(Arc::new(Owner {
            shared: Arc::clone(&shared),
            threads: Mutex::default(),
        }));
        let keeper = Keeper {
            module,
            token: config.token,
            pin: config.pin,
            profile: config.profile,
            gate: Arc::clone(&shared.gate),
            seats: Arc::clone(&seats),
        };
        pool.spawn("token-keeper", move || keeper.run())?;
        for place in 0..seats.len() {
            let shared = Arc::clone(&shared);
            let lane = if place < seals { Lane::Seal } else { Lane::Tls };
            pool.spawn("token-session", move || shared.work(lane, place))?;
        }
        Ok(pool)
    }

    fn spawn(&self, name: &str, body: impl FnOnce() + Send + 'static) -> Result<(), Error> {
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(body)
            .map_err(|error| Error::Unfit(format!("no thread for the token: {error}")))?;
        self.0
            .threads
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(thread);
        Ok(())
    }

    /// The state of the connection, now and from now on.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<State> {
        self.0.shared.gate.watch()
    }

    /// Signs a digest; dropping the future gives the request up if it still waits.
    ///
    /// # Errors
    /// As the token and the key say; see [`Error::class`].
    pub async fn sign(
        &self,
        lane: Lane,
        key: KeyName,
        scheme: Scheme,
        digest: Vec<u8>,
    ) -> Result<Vec<u8>, Error> {
        signature(
            self.ask(
                lane,
                Work::Sign {
                    key,
                    scheme,
                    digest,
                },
            )
            .await?,
        )
    }

    /// Signs a digest and blocks the calling thread meanwhile.
    ///
    /// # Errors
    /// As [`Pool::sign`], and [`Error::Late`] after the configured deadline.
    pub fn sign_blocking(
        &self,
        lane: Lane,
        key: KeyName,
        scheme: Scheme,
        digest: Vec<u8>,
    ) -> Result<Vec<u8>, Error> {
        let (reply, answer) = mpsc::sync_channel(1);
        self.0.shared.queue(lane).push(Job {
            work: Work::Sign {
                key,
                scheme,
                digest,
            },
            reply: Reply::Thread(reply),
        })?;
        match answer.recv_timeout(self.0.shared.deadline) {
            Ok(outcome) => signature(outcome?),
            Err(RecvTimeoutError::Timeout) => Err(Error::Late),
            Err(RecvTimeoutError::Disconnected) => Err(Error::Stopped),
        }
    }

    /// Reads the public half of a key.
    ///
    /// # Errors
    /// As the token and the key say.
    pub async fn public_key(&self, key: KeyName) -> Result<PublicKey, Error> {
        match self.ask(Lane::Seal, Work::PublicKey(key)).await? {
            Answer::PublicKey(key) => Ok(key),
            Answer::Signature(_) => Err(Error::Stopped),
        }
    }

    async fn ask(&self, lane: Lane, work: Work) -> Result<Answer, Error> {
        let (reply, answer) = oneshot::channel();
        self.0.shared.queue(lane).push(Job {
            work,
            reply: Reply::Task(reply),
        })?;
        answer.await.unwrap_or(Err(Error::Stopped))
    }

    /// Answers what waits, joins every thread and finalises the module. Blocks while the token finishes its calls.
    pub fn stop(&self) {
        self.0.stop();
    }
}

fn signature(answer: Answer) -> Result<Vec<u8>, Error> {
    match answer {
        Answer::Signature(bytes) => Ok(bytes),
        Answer::PublicKey(_) => Err(Error::Stopped),
    }
}

impl Owner {
    fn stop(&self) {
        self.shared.seals.close();
        self.shared.tls.close();
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let mut threads = threads.into_iter();
        // The keeper was started first and ends last, so that it finalises when no worker calls the token any more.
        let keeper = threads.next();
        threads.for_each(|thread| drop(thread.join()));
        self.shared.gate.stop();
        keeper.map(JoinHandle::join);
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn queue(&self, lane: Lane) -> &Queue {
        match lane {
            Lane::Seal => &self.seals,
            Lane::Tls => &self.tls,
        }
    }

    /// A worker's life: its own session, one request after the other.
    fn work(&self, lane: Lane, place: usize) {
        while let Some(job) = self.queue(lane).pop() {
            if job.is_abandoned() {
                continue;
            }
            let mut outcome = self.attempt(place, &job.work);
            if matches!(&outcome, Err(failure) if failure.loss == Loss::Gone) {
                // Signing again is harmless, and the recovery's first try is made at once.
                outcome = self.attempt(place, &job.work);
            }
            job.answer(outcome.map_err(|failure| failure.error));
        }
    }

    fn attempt(&self, place: usize, work: &Work) -> Result<Answer, Failure> {
        self.gate.ready(PATIENCE)?;
        let seated = self.gate.seated.load(Ordering::Acquire).max(1);
        let mut seat = self.seats[place % seated]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(seat) = seat.as_mut() else {
            return Err(Error::Away("it was lost".into()).into());
        };
        let alone = seat.alone();
        let _turn = alone
            .as_ref()
            .map(|one| one.lock().unwrap_or_else(PoisonError::into_inner));
        let outcome = match work {
            Work::Sign {
                key,
                scheme,
                digest,
            } => {
                let turn = self.pace.as_ref().map(Pace::turn);
                let signed = seat.sign(key, *scheme, digest);
                if let Some(end) = turn {
                    wait_until(end);
                }
                signed.map(Answer::Signature)
            }
            Work::PublicKey(key) => seat.public_key(key).map(Answer::PublicKey),
        };
        match &outcome {
            Ok(_) => self.gate.served(),
            Err(failure) if failure.loss != Loss::None => {
                self.gate.lost(seat.generation, failure.loss);
            }
            Err(_) => {}
        }
        outcome
    }
}

/// A slow token: turns are handed out one after the other, whoever asks.
#[derive(Debug)]
struct Pace {
    each: Duration,
    free: Mutex<Instant>,
}

impl Pace {
    fn new(each: Duration) -> Self {
        Self {
            each,
            free: Mutex::new(Instant::now()),
        }
    }

    /// When the signature that starts now may end.
    fn turn(&self) -> Instant {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        *free = (*free).max(Instant::now()) + self.each;
        *free
    }
}

fn wait_until(end: Instant) {
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        std::thread::park_timeout(left);
    }
}
