//! The keeper: one thread that opens the token, and opens it anew after it was lost.
//!
//! Reopening sessions never recovers a lost token: every session is dropped, the module finalised and
//! initialised, the process logged in and the keys found anew. The first try is made at once; then presence is
//! looked for every 500 ms without logging in, because only a login can lock a token.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cryptoki::error::{Error as Pkcs11Error, RvError};
use tokio::sync::watch;

use crate::error::{Error, Failure, Loss};
use crate::module::Module;
use crate::pin::Pin;
use crate::profile::{Login, Profile};
use crate::session::{Manners, Seat};
use crate::token::{self, TokenName};

const PRESENCE: Duration = Duration::from_millis(500);
const AFTER_A_FAILED_LOGIN: Duration = Duration::from_secs(30);
/// Lives in a row that end without one signature before the keeper takes its time.
const FRUITLESS: u32 = 3;

/// How the pool stands with its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// The token is being opened for the first time or right after it was lost.
    Connecting,
    /// Signatures are served; the number grows with each recovery.
    Ready(u64),
    /// The token is not there; it is looked for every 500 ms.
    Away(Error),
    /// The token refused the PIN, or two tokens have its name: nothing is tried again before a person has acted and the process is started anew.
    Halted(Error),
    /// Login failed for another reason; it is tried again after 30 s.
    LoginFailed(Error),
    /// The pool has been stopped.
    Stopped,
}

/// What keeper and workers share about the connection.
#[derive(Debug)]
pub(crate) struct Gate {
    inner: Mutex<Inner>,
    changed: Condvar,
    publish: watch::Sender<State>,
    served: AtomicBool,
    /// Seats with a session; a token may give fewer than there are.
    pub(crate) seated: AtomicUsize,
}

#[derive(Debug)]
struct Inner {
    state: State,
    lost: Option<Loss>,
    stop: bool,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self {
            inner: Mutex::new(Inner {
                state: State::Connecting,
                lost: None,
                stop: false,
            }),
            changed: Condvar::new(),
            publish: watch::Sender::new(State::Connecting),
            served: AtomicBool::new(false),
            seated: AtomicUsize::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn watch(&self) -> watch::Receiver<State> {
        self.publish.subscribe()
    }

    pub(crate) fn stop(&self) {
        self.lock().stop = true;
        self.changed.notify_all();
    }

    pub(crate) fn served(&self) {
        self.served.store(true, Ordering::Relaxed);
    }

    /// A worker found the connection of `generation` broken. Later reports about the same life change nothing.
    pub(crate) fn lost(&self, generation: u64, loss: Loss) {
        let mut inner = self.lock();
        if inner.state == State::Ready(generation) {
            inner.lost = Some(loss);
            inner.state = State::Connecting;
            self.publish.send_replace(State::Connecting);
            self.changed.notify_all();
        }
    }

    /// Waits while the token is being opened, at most `patience`, and tells why it can't be used if it can't.
    pub(crate) fn ready(&self, patience: Duration) -> Result<(), Error> {
        let (inner, _) = self
            .changed
            .wait_timeout_while(self.lock(), patience, |inner| {
                inner.state == State::Connecting && !inner.stop
            })
            .unwrap_or_else(PoisonError::into_inner);
        match &inner.state {
            State::Ready(_) => Ok(()),
            State::Connecting => Err(Error::Away("it is being opened".into())),
            State::Away(e) | State::Halted(e) | State::LoginFailed(e) => Err(e.clone()),
            State::Stopped => Err(Error::Stopped),
        }
    }

    fn set(&self, state: State) {
        let mut inner = self.lock();
        inner.state = state.clone();
        inner.lost = None;
        self.publish.send_if_modified(|old| {
            let new = *old != state;
            *old = state;
            new
        });
        self.changed.notify_all();
    }

    /// Waits for a report of loss; `None` when the pool stops.
    fn wait_lost(&self) -> Option<Loss> {
        let inner = self
            .changed
            .wait_while(self.lock(), |inner| inner.lost.is_none() && !inner.stop)
            .unwrap_or_else(PoisonError::into_inner);
        if inner.stop { None } else { inner.lost }
    }

    /// Waits `time` or until the pool stops; whether it goes on.
    fn pause(&self, time: Option<Duration>) -> bool {
        let Some(end) = time.and_then(|t| Instant::now().checked_add(t)) else {
            let inner = self.changed.wait_while(self.lock(), |inner| !inner.stop);
            drop(inner);
            return false;
        };
        let left = end.saturating_duration_since(Instant::now());
        let (inner, _) = self
            .changed
            .wait_timeout_while(self.lock(), left, |inner| !inner.stop)
            .unwrap_or_else(PoisonError::into_inner);
        !inner.stop
    }

    fn stopped(&self) -> bool {
        self.lock().stop
    }
}

pub(crate) struct Keeper {
    pub(crate) module: Module,
    pub(crate) token: TokenName,
    pub(crate) pin: Pin,
    /// Instead of the one that the token's own words choose.
    pub(crate) profile: Option<Profile>,
    pub(crate) gate: Arc<Gate>,
    /// At most one for each worker; a worker holds one while it uses the session in it.
    pub(crate) seats: Arc<[Mutex<Option<Seat>>]>,
}

impl Keeper {
    /// Runs until the pool stops.
    pub(crate) fn run(self) {
        let mut generation = 0;
        let mut fruitless = 0;
        while !self.gate.stopped() {
            generation += 1;
            let pause = match self.open(generation) {
                Ok(()) => {
                    self.gate.served.store(false, Ordering::Relaxed);
                    self.gate.set(State::Ready(generation));
                    let loss = self.gate.wait_lost();
                    self.close();
                    fruitless = match loss {
                        None => break,
                        Some(_) if self.gate.served.load(Ordering::Relaxed) => 0,
                        Some(Loss::Unexplained) => FRUITLESS,
                        Some(_) => fruitless + 1,
                    };
                    match fruitless {
                        // A token that logs in and then fails every request is not worn out by logins.
                        FRUITLESS.. => {
                            fruitless = 0;
                            self.gate.set(State::LoginFailed(Error::Login(
                                "the token logs in but then fails each request".into(),
                            )));
                            Some(AFTER_A_FAILED_LOGIN)
                        }
                        _ => continue,
                    }
                }
                Err(failure) => {
                    self.close();
                    let error = failure.error;
                    match error {
                        Error::Pin(_) | Error::SeveralTokens(_) => {
                            self.gate.set(State::Halted(error));
                            None
                        }
                        Error::Login(_) => {
                            self.gate.set(State::LoginFailed(error));
                            Some(AFTER_A_FAILED_LOGIN)
                        }
                        other => {
                            self.gate.set(State::Away(as_away(other)));
                            Some(PRESENCE)
                        }
                    }
                }
            };
            if !self.gate.pause(pause) {
                break;
            }
        }
        self.gate.set(State::Stopped);
    }

    fn open(&self, generation: u64) -> Result<(), Failure> {
        let locks = self.module.initialize()?;
        let context = self.module.context();
        let (slot, info) = token::find(context, &self.token)?;
        if info.user_pin_locked() {
            return Err(Error::Pin("PinLocked".into()).into());
        }
        let profile = match &self.profile {
            Some(configured) => configured.clone(),
            None => Profile::of(info.manufacturer_id(), info.model()).1,
        };
        let manners = Manners {
            mechanisms: token::mechanisms(context, slot, &profile.mechanisms)?,
            alone: (!locks || !profile.threads).then(Arc::default),
        };
        let limit = token::most_sessions(&info, &profile).min(self.seats.len());
        let mut opened = Vec::with_capacity(limit);
        while opened.len() < limit {
            match context.open_ro_session(slot) {
                Ok(session) => opened.push(Seat::new(generation, session, manners.clone())),
                // Others may hold the rest; one is enough to serve, only slower.
                Err(Pkcs11Error::Pkcs11(RvError::SessionCount, _)) if !opened.is_empty() => break,
                Err(error) => return Err(error.into()),
            }
        }
        let logins = match profile.login {
            Login::Process => 1,
            Login::Session => opened.len(),
        };
        for seat in opened.iter().take(logins) {
            token::login(seat.session(), &self.pin)?;
        }
        self.gate.seated.store(opened.len(), Ordering::Release);
        for (place, seat) in self.seats.iter().zip(opened) {
            *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(seat);
        }
        Ok(())
    }

    /// Waits for the calls under way, drops every session, then finalises.
    fn close(&self) {
        for place in self.seats.iter() {
            place.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
        self.module.finalize();
    }
}

fn as_away(error: Error) -> Error {
    match error {
        Error::Away(_) => error,
        other => Error::Away(other.to_string()),
    }
}
