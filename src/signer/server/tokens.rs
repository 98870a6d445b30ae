//! The first token and the second, and which of them serves.
//!
//! The second is open and proven all the time, so that a wrong PIN or a missing key is found at the start and not in the
//! night when it is needed. It serves when the first has left requests unserved for the declared time, whether the first
//! says that it is away or says nothing, and gives back as soon as the first answers.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hsm::{KeyName, Lane, Pool, PublicKey, Scheme, State};

use crate::journal::{self, ids};
use crate::signer::Error;

/// How soon a silent first token with a full line is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    First,
    Standby,
}

#[derive(Debug)]
pub(super) struct Tokens {
    first: Pool,
    standby: Option<Standby>,
    /// The longest that a request may wait for its token.
    deadline: Duration,
}

#[derive(Debug)]
struct Standby {
    pool: Pool,
    after: Duration,
    /// Whether every key that it is to serve has been proven in it.
    sound: AtomicBool,
    absence: Arc<Mutex<Absence>>,
}

/// How the first token fails its askers.
#[derive(Debug, Default)]
struct Absence {
    /// When the first request came that it left unserved, and why it did.
    since: Option<(Instant, String)>,
    /// It keeps its connection and answers nothing: only asking shows that it is back.
    silent: bool,
    asked: bool,
    /// Whether the second serves, as the journal was told.
    covered: bool,
}

impl Tokens {
    pub(super) fn start(
        first: hsm::Config,
        standby: Option<(hsm::Config, Duration)>,
    ) -> Result<Self, Error> {
        let deadline = first.deadline;
        let second = |(config, after)| {
            let pool = Pool::start(config)?;
            Ok::<_, Error>(Standby {
                pool,
                after,
                sound: AtomicBool::new(false),
                absence: Arc::default(),
            })
        };
        Ok(Self {
            first: Pool::start(first)?,
            standby: standby.map(second).transpose()?,
            deadline,
        })
    }

    /// The pool of a token; the first's where there is no second.
    pub(super) fn pool(&self, which: Which) -> &Pool {
        match (which, &self.standby) {
            (Which::Standby, Some(standby)) => &standby.pool,
            _ => &self.first,
        }
    }

    /// The tokens that are configured.
    pub(super) fn all(&self) -> impl Iterator<Item = Which> + use<> {
        let second = self.standby.as_ref().map(|_| Which::Standby);
        [Which::First].into_iter().chain(second)
    }

    /// Whether a token is open.
    pub(super) fn is_there(&self, which: Which) -> bool {
        matches!(*self.pool(which).watch().borrow(), State::Ready(_))
    }

    fn may_serve(&self, standby: &Standby) -> bool {
        standby.sound.load(Ordering::Acquire) && self.is_there(Which::Standby)
    }

    /// From now on, or no longer, the second may serve.
    pub(super) fn set_sound(&self, sound: bool) {
        if let Some(standby) = &self.standby {
            standby.sound.store(sound, Ordering::Release);
        }
    }

    /// The token that serves a request now.
    pub(super) fn which(&self) -> Which {
        let Some(standby) = &self.standby else {
            return Which::First;
        };
        let there = self.is_there(Which::First);
        let mut absence = standby.absence();
        if there && !absence.silent {
            absence.end();
            return Which::First;
        }
        let (since, why) = absence
            .since
            .get_or_insert_with(|| (Instant::now(), "it is away".to_owned()));
        let due = since.elapsed() >= standby.after;
        if !due || !self.may_serve(standby) {
            return Which::First;
        }
        let why = why.clone();
        absence.cover(&why);
        Which::Standby
    }

    /// Whether the second stands in for the first, which is away or silent.
    pub(super) fn second_stands_in(&self) -> bool {
        self.standby.as_ref().is_some_and(|standby| {
            let failing = !self.is_there(Which::First) || standby.absence().silent;
            failing && standby.sound.load(Ordering::Acquire) && self.is_there(Which::Standby)
        })
    }

    /// Reads the public half of a key in one of the tokens.
    pub(super) async fn public_key(&self, which: Which, key: &KeyName) -> Result<PublicKey, Error> {
        let read = self.pool(which).public_key(key.clone());
        match tokio::time::timeout(self.deadline, read).await {
            Ok(read) => Ok(read?),
            Err(_) => Err(Error::Away("the token did not answer in time".into())),
        }
    }

    /// Signs with one of the tokens; a first one that leaves it unserved is remembered.
    pub(super) async fn sign(
        &self,
        which: Which,
        lane: Lane,
        key: &KeyName,
        scheme: Scheme,
        digest: Vec<u8>,
    ) -> Result<Vec<u8>, Error> {
        let begun = Instant::now();
        let watched = self.standby.as_ref().filter(|_| which == Which::First);
        let patience = match watched {
            Some(standby) if self.may_serve(standby) => standby.after.min(self.deadline),
            _ => self.deadline,
        };
        let signed = self.pool(which).sign(lane, key.clone(), scheme, digest);
        let (error, silent) = match tokio::time::timeout(patience, signed).await {
            Ok(Ok(signature)) => return Ok(signature),
            Ok(Err(error)) => (Error::from(error), false),
            Err(_) => (Error::Away("the token did not answer in time".into()), true),
        };
        if let (Some(standby), Error::Away(why) | Error::Halted(why)) = (watched, &error) {
            let mut absence = standby.absence();
            absence.since.get_or_insert((begun, why.clone()));
            absence.silent |= silent;
            drop(absence);
            if silent {
                self.ask_again(standby, key);
            }
        }
        Err(error)
    }

    /// Asks a silent first token until it answers, be it that it is away: from there on its state tells.
    fn ask_again(&self, standby: &Standby, key: &KeyName) {
        if std::mem::replace(&mut standby.absence().asked, true) {
            return;
        }
        let (first, key, absence) = (self.first.clone(), key.clone(), standby.absence.clone());
        tokio::spawn(async move {
            // The question waits in the token's own line, behind what it owes; only if the line is full it is put again.
            while matches!(first.public_key(key.clone()).await, Err(hsm::Error::Busy)) {
                tokio::time::sleep(ASK_AGAIN).await;
            }
            let mut absence = lock(&absence);
            absence.silent = false;
            absence.asked = false;
        });
    }

    /// Joins the threads of both and finalises their modules.
    pub(super) fn stop(&self) {
        self.first.stop();
        if let Some(standby) = &self.standby {
            standby.pool.stop();
        }
    }
}

impl Standby {
    fn absence(&self) -> MutexGuard<'_, Absence> {
        lock(&self.absence)
    }
}

impl Absence {
    fn cover(&mut self, why: &str) {
        if !std::mem::replace(&mut self.covered, true) {
            journal::line(&ids::STANDBY_SERVES)
                .reason(why)
                .next("look at the first token; the second serves until it is back, and there is no third")
                .say("the second token serves");
        }
    }

    fn end(&mut self) {
        self.since = None;
        if std::mem::take(&mut self.covered) {
            journal::line(&ids::TOKEN_BACK).say("the first token serves again");
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
