//! A bounded queue of requests, and the way back for their answers.

use std::collections::VecDeque;
use std::sync::mpsc::SyncSender;
use std::sync::{Condvar, Mutex, PoisonError};

use tokio::sync::oneshot;

use crate::error::Error;
use crate::key::{KeyName, PublicKey};
use crate::mechanism::Scheme;

#[derive(Debug)]
pub(crate) enum Work {
    Sign {
        key: KeyName,
        scheme: Scheme,
        digest: Vec<u8>,
    },
    PublicKey(KeyName),
}

#[derive(Debug)]
pub(crate) enum Answer {
    Signature(Vec<u8>),
    PublicKey(PublicKey),
}

/// The way back: to a task or to a blocked thread.
#[derive(Debug)]
pub(crate) enum Reply {
    Task(oneshot::Sender<Result<Answer, Error>>),
    Thread(SyncSender<Result<Answer, Error>>),
}

#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) work: Work,
    pub(crate) reply: Reply,
}

impl Job {
    /// Whoever asked has gone: the token's time is better spent on others.
    pub(crate) fn is_abandoned(&self) -> bool {
        matches!(&self.reply, Reply::Task(sender) if sender.is_closed())
    }

    pub(crate) fn answer(self, outcome: Result<Answer, Error>) {
        // The asker may have gone meanwhile; then nobody misses the answer.
        match self.reply {
            Reply::Task(sender) => drop(sender.send(outcome)),
            Reply::Thread(sender) => drop(sender.try_send(outcome)),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<(VecDeque<Job>, bool)>,
    filled: Condvar,
    capacity: usize,
}

impl Queue {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            state: Mutex::new((VecDeque::new(), false)),
            filled: Condvar::new(),
            capacity,
        }
    }

    pub(crate) fn push(&self, job: Job) -> Result<(), Error> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.1 {
            return Err(Error::Stopped);
        }
        if state.0.len() >= self.capacity {
            return Err(Error::Busy);
        }
        state.0.push_back(job);
        self.filled.notify_one();
        Ok(())
    }

    /// The next request; `None` once the queue is closed and empty.
    pub(crate) fn pop(&self) -> Option<Job> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(job) = state.0.pop_front() {
                return Some(job);
            }
            if state.1 {
                return None;
            }
            state = self
                .filled
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub(crate) fn close(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.1 = true;
        self.filled.notify_all();
    }
}
