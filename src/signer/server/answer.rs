//! Requests judged and answered.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use hsm::{Pool, Scheme, State};
use ring::digest;
use tokio::sync::{Mutex, watch};

use super::keys::Key;
use crate::clock::Clock;
use crate::durable::Disk;
use crate::journal::{self, ids};
use crate::merkle::Hash;
use crate::merkle::checkpoint::Checkpoint;
use crate::packet::{Digest, MemberId};
use crate::signer::heads::{Head, Ledger, Verdict};
use crate::signer::wire::{self, Ask, Bytes, Reply};
use crate::signer::{Config, Error, KeyUse, Status, TlsScheme, TokenState, policy};

/// The keys in force.
type Keys = Arc<[Arc<Key>]>;

/// All that answers need: the keys, the token, the ledgers.
#[derive(Debug)]
pub(super) struct Desk {
    /// Replaced as a whole when certificates are reloaded; a request keeps the key that it began with.
    keys: RwLock<Keys>,
    pool: Pool,
    ledgers: std::sync::Mutex<HashMap<MemberId, Arc<Mutex<Ledger>>>>,
    heads: PathBuf,
    disk: Disk,
    clock: Clock,
    deadline: Duration,
}

impl Desk {
    pub(super) fn new(
        config: &Config,
        keys: Vec<Key>,
        pool: hsm::Config,
        disk: Disk,
        clock: Clock,
    ) -> Result<Self, Error> {
        let desk = Self {
            keys: RwLock::new(keys.into_iter().map(Arc::new).collect()),
            pool: Pool::start(pool)?,
            ledgers: std::sync::Mutex::default(),
            heads: config.heads.clone(),
            disk,
            clock,
            deadline: config.deadline(),
        };
        desk.open_ledgers(&desk.keys())?;
        Ok(desk)
    }

    fn keys(&self) -> Keys {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Opens the ledger of each member that has none open yet.
    fn open_ledgers(&self, keys: &[Arc<Key>]) -> Result<(), Error> {
        let mut ledgers = self.ledgers.lock().unwrap_or_else(PoisonError::into_inner);
        for key in keys.iter().filter(|key| key.use_ == KeyUse::Seal) {
            if !ledgers.contains_key(&key.member) {
                let ledger = Ledger::open(&self.heads, &key.member)?;
                ledgers.insert(key.member.clone(), Arc::new(Mutex::new(ledger)));
            }
        }
        Ok(())
    }

    fn ledger(&self, member: &MemberId) -> Option<Arc<Mutex<Ledger>>> {
        let ledgers = self.ledgers.lock().unwrap_or_else(PoisonError::into_inner);
        ledgers.get(member).cloned()
    }

    /// Puts other keys in force once every pair is proven; until then, and on any error, the old ones stay.
    pub(super) async fn replace_keys(&self, keys: Vec<Key>) -> Result<(), Error> {
        let keys: Keys = keys.into_iter().map(Arc::new).collect();
        for key in keys.iter().filter(|key| !key.is_successor()) {
            key.prove(&self.pool).await?;
        }
        self.open_ledgers(&keys)?;
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        Ok(())
    }

    pub(super) fn watch(&self) -> watch::Receiver<State> {
        self.pool.watch()
    }

    pub(super) fn stop(&self) {
        self.pool.stop();
    }

    /// Waits for the token's first answer and proves the keys if it is there.
    pub(super) async fn first_look(&self, patience: Duration) -> Result<(), Error> {
        let mut states = self.watch();
        let looked = states.wait_for(|state| *state != State::Connecting);
        let there = matches!(
            tokio::time::timeout(patience, looked).await,
            Ok(Ok(state)) if matches!(*state, State::Ready(_))
        );
        match self.prove_all().await {
            Err(error @ Error::Broken(_)) if there => Err(error),
            _ => Ok(()),
        }
    }

    /// Proves every key that has not been proven yet.
    pub(super) async fn prove_all(&self) -> Result<(), Error> {
        for key in self.keys().iter().filter(|key| !key.is_successor()) {
            key.prove(&self.pool).await?;
        }
        Ok(())
    }

    pub(super) fn knows(&self, uid: u32) -> bool {
        self.keys().iter().any(|key| key.allows(uid))
    }

    /// Answers one request of the user `uid`.
    pub(super) async fn answer(&self, uid: u32, ask: Ask) -> Reply {
        let answered = match ask {
            Ask::Keys => Ok(Reply::Keys(
                self.keys()
                    .iter()
                    .filter(|key| key.allows(uid))
                    .map(|key| key.info().into())
                    .collect(),
            )),
            Ask::Status => Ok(Reply::Status(self.status(uid))),
            Ask::Seal {
                key,
                checkpoint,
                proof,
                from_size,
            } => match (self.key(uid, &key, KeyUse::Seal), wire::hashes(proof)) {
                (Ok(key), Some(proof)) => {
                    self.seal(uid, &key, &checkpoint.0, &proof, from_size).await
                }
                (Ok(_), None) => Err(Error::Refused("a proof consists of 32-byte hashes".into())),
                (Err(error), _) => Err(error),
            },
            Ask::Tls {
                key,
                scheme,
                message,
            } => match self.key(uid, &key, KeyUse::Tls) {
                Ok(key) => self.tls(uid, &key, scheme, &message.0).await,
                Err(error) => Err(error),
            },
        };
        if let Err(Error::Refused(why)) = &answered {
            journal::line(&ids::SIGNER_REFUSED)
                .peer(format_args!("uid {uid}"))
                .reason(why)
                .next("look at who asks for what; the signer's configuration says who may")
                .say("a request to the signer was refused");
        }
        answered.into()
    }

    fn status(&self, uid: u32) -> Status {
        let (token, reason) = match &*self.watch().borrow() {
            State::Ready(_) => (TokenState::Ready, None),
            State::Connecting => (TokenState::Connecting, None),
            State::Away(why) | State::LoginFailed(why) => (TokenState::Away, Some(why.to_string())),
            State::Halted(why) => (TokenState::Halted, Some(why.to_string())),
            State::Stopped => (TokenState::Away, Some("the signer ends".to_owned())),
        };
        let keys = self.keys();
        let allowed = keys.iter().filter(|key| key.allows(uid));
        Status {
            token,
            reason,
            keys: allowed.map(|key| key.status()).collect(),
        }
    }

    /// The key, if this user may use it for this. Whether it exists otherwise is not told.
    fn key(&self, uid: u32, name: &str, use_: KeyUse) -> Result<Arc<Key>, Error> {
        self.keys()
            .iter()
            .find(|key| key.name == name && key.allows(uid) && key.use_ == use_)
            .cloned()
            .ok_or_else(|| {
                Error::Refused(format!(
                    "user {uid} has no key {name:.64} for {}",
                    use_.as_str()
                ))
            })
    }

    async fn seal(
        &self,
        uid: u32,
        key: &Key,
        body: &[u8],
        proof: &[Hash],
        from_size: u64,
    ) -> Result<Reply, Error> {
        let checkpoint =
            Checkpoint::parse(body).map_err(|error| Error::Refused(error.to_string()))?;
        if checkpoint.origin != key.member.as_str() {
            return Err(Error::Refused(format!(
                "a checkpoint of {:.64} under the key of {}",
                checkpoint.origin, key.member
            )));
        }
        let new = Head::from(&checkpoint);
        let ledger = self
            .ledger(&key.member)
            .ok_or_else(|| Error::Broken(format!("no ledger of {}", key.member)))?;
        // Held until the signature is there: one member's heads are signed one after the other.
        let mut ledger = ledger.lock().await;
        match ledger.judge(&new, from_size, proof) {
            Verdict::Known | Verdict::Extends => {}
            Verdict::Behind(size) => return Ok(Reply::Behind(size)),
            Verdict::Refused(why) => {
                journal::line(&ids::CHECKPOINT_REFUSED)
                    .member(&key.member)
                    .peer(format_args!("uid {uid}"))
                    .reason(&why)
                    .next("was the box restored from an old copy, or is someone at its log?")
                    .say("a checkpoint that contradicts the member's log was not signed");
                return Err(Error::Refused(why));
            }
        }
        key.prove(&self.pool).await?;
        let begun = Instant::now();
        let broken = |error: der::Error| Error::Broken(format!("CMS: {error}"));
        let draft = key.signer.draft(body, self.clock.now()).map_err(broken)?;
        let digest = Digest::of(draft.to_sign()).as_bytes().to_vec();
        let kept = self.keep(&mut ledger, new);
        // Neither waits for the other; the signature leaves only when the head is durable.
        let (kept, signed) = tokio::join!(kept, self.sign(key, key.scheme(), digest));
        kept?;
        let cms = draft.finish(signed?).map_err(broken)?;
        record_signature(key, uid, format_args!("{} entries", new.size), begun);
        Ok(Reply::Sealed(Bytes(cms)))
    }

    async fn keep(&self, ledger: &mut Ledger, new: Head) -> Result<(), Error> {
        if ledger.last() == Some(new) {
            return Ok(());
        }
        let written = tokio::task::spawn_blocking(ledger.write(&self.disk, new))
            .await
            .unwrap_or_else(|panicked| Err(std::io::Error::other(panicked)));
        if let Err(error) = written {
            journal::line(&ids::DISK_FAULT)
                .reason(&error)
                .next("look at the disk that holds the signer's tree heads")
                .say("a tree head could not be made durable; its signature is held back");
            return Err(Error::Away(format!("the tree head can't be kept: {error}")));
        }
        ledger.advance(new);
        Ok(())
    }

    async fn tls(
        &self,
        uid: u32,
        key: &Key,
        scheme: TlsScheme,
        message: &[u8],
    ) -> Result<Reply, Error> {
        let handshake = policy::handshake(message, scheme).ok_or_else(|| {
            Error::Refused("a message that no TLS handshake asks to be signed".into())
        })?;
        if scheme.algorithm() != key.signer.algorithm() {
            return Err(Error::Refused(format!(
                "{scheme:?} with a key of another kind"
            )));
        }
        key.prove(&self.pool).await?;
        let begun = Instant::now();
        let scheme = scheme.of_token();
        let algorithm = match scheme.hash() {
            hsm::Hash::Sha256 => &digest::SHA256,
            hsm::Hash::Sha384 => &digest::SHA384,
            hsm::Hash::Sha512 => &digest::SHA512,
        };
        let hash = digest::digest(algorithm, message).as_ref().to_vec();
        let signed = self.sign(key, scheme, hash).await?;
        record_signature(key, uid, format_args!("{}", handshake.as_str()), begun);
        Ok(Reply::Signature(Bytes(signed)))
    }

    async fn sign(&self, key: &Key, scheme: Scheme, digest: Vec<u8>) -> Result<Vec<u8>, Error> {
        let signed = self
            .pool
            .sign(key.lane(), key.label.clone(), scheme, digest);
        let outcome = match tokio::time::timeout(self.deadline, signed).await {
            Ok(outcome) => outcome.map_err(Error::from),
            Err(_) => Err(Error::Away("the token did not answer in time".into())),
        };
        match &outcome {
            Ok(_) => key.track.good(),
            Err(error) => key.track.bad(error),
        }
        outcome
    }
}

/// Each signature is one line.
fn record_signature(key: &Key, uid: u32, what: std::fmt::Arguments<'_>, begun: Instant) {
    journal::line(&ids::SIGNER_SIGNATURE)
        .member(&key.member)
        .peer(format_args!("uid {uid}"))
        .step(key.use_.as_str())
        .duration(begun.elapsed())
        .say(format_args!("key {} signed: {what}", key.name));
}
