//! Judges boxes while they stay connected: a certificate revoked in the middle of a connection ends it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use rustls::CommonState;

use super::judge::{Judge, shown};
use crate::trust::{Identity, Refusal};

/// Remembers the chains of connected boxes, so that each request can be judged by the newest grounds.
#[derive(Debug)]
pub struct Watchful {
    judge: Judge,
    chains: Mutex<HashMap<[u8; 32], Vec<Vec<u8>>>>,
}

/// Chains remembered before the memory starts anew; a forgotten one ends its connection, and the box connects again.
const REMEMBERED: usize = 16_384;

impl Watchful {
    /// Judges by `judge`.
    #[must_use]
    pub fn new(judge: Judge) -> Self {
        Self {
            judge,
            chains: Mutex::default(),
        }
    }

    /// The box at the other end of an accepted connection, resumed or not.
    ///
    /// # Errors
    /// The refusal; the connection is to be closed.
    pub fn connection(&self, connection: &CommonState) -> Result<Identity, Refusal> {
        let chain = shown(connection)?;
        let identity = self.judge.judge_box(&chain)?;
        let mut chains = self.chains.lock().unwrap_or_else(PoisonError::into_inner);
        if chains.len() >= REMEMBERED {
            chains.clear();
        }
        chains.insert(identity.fingerprint, chain);
        Ok(identity)
    }

    /// The same box at one of its requests.
    ///
    /// # Errors
    /// The refusal; the connection is to be closed.
    pub fn request(&self, identity: &Identity) -> Result<(), Refusal> {
        let chain = {
            let chains = self.chains.lock().unwrap_or_else(PoisonError::into_inner);
            chains.get(&identity.fingerprint).cloned()
        };
        self.judge.judge_box(&chain.unwrap_or_default()).map(drop)
    }
}
