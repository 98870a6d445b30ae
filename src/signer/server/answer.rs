//! Requests judged and answered.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use hsm::State;
use ring::digest;
use tokio::sync::{Mutex, watch};

use super::keys::{Face, Key};
use super::tokens::{Tokens, Which};
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

/// For how long a TLS key that a reload took out of force still ends handshakes: longer than whoever shows its certificate
/// takes to ask for the new one.
const OVERLAP: Duration = Duration::from_secs(120);

/// TLS keys that the last reload took out of force.
#[derive(Debug)]
struct Former {
    keys: Vec<Arc<Key>>,
    since: Instant,
}

/// All that answers need: the keys, the token, the ledgers.
#[derive(Debug)]
pub(super) struct Desk {
    /// Replaced as a whole when certificates are reloaded; a request keeps the key that it began with.
    keys: RwLock<Keys>,
    former: std::sync::Mutex<Option<Former>>,
    tokens: Tokens,
    ledgers: std::sync::Mutex<HashMap<MemberId, Arc<Mutex<Ledger>>>>,
    heads: PathBuf,
    disk: Disk,
    clock: Clock,
}

impl Desk {
    pub(super) fn new(
        config: &Config,
        keys: Vec<Key>,
        tokens: Tokens,
        disk: Disk,
        clock: Clock,
    ) -> Result<Self, Error> {
        let desk = Self {
            keys: RwLock::new(keys.into_iter().map(Arc::new).collect()),
            former: std::sync::Mutex::default(),
            tokens,
            ledgers: std::sync::Mutex::default(),
            heads: config.heads.clone(),
            disk,
            clock,
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

    /// Puts other keys in force once every pair is proven; until then, and on any error, the old ones stay. A second
    /// token that is away proves them when it is back, and serves no sooner.
    pub(super) async fn replace_keys(&self, keys: Vec<Key>) -> Result<(), Error> {
        let keys: Keys = keys.into_iter().map(Arc::new).collect();
        let mut sound = true;
        for which in self.tokens.all() {
            for key in keys.iter().filter(|key| !key.is_successor()) {
                let proven = key.prove(&self.tokens, which).await;
                if proven.is_err() && which == Which::Standby && !self.tokens.is_there(which) {
                    sound = false;
                    break;
                }
                proven?;
            }
        }
        self.open_ledgers(&keys)?;
        self.tokens.set_sound(sound);
        self.put_in_force(keys);
        Ok(())
    }

    fn put_in_force(&self, keys: Keys) {
        let mut former = self.former.lock().unwrap_or_else(PoisonError::into_inner);
        let stays = |old: &Key| keys.iter().any(|key| key.shows == old.shows);
        let replaced = |old: &Key| keys.iter().any(|key| key.name == old.name);
        let old: Vec<_> = self
            .keys()
            .iter()
            .filter(|old| old.use_ == KeyUse::Tls && replaced(old) && !stays(old))
            .cloned()
            .collect();
        // A reload that changes nothing cuts no overlap short.
        if !old.is_empty() {
            *former = Some(Former {
                keys: old,
                since: Instant::now(),
            });
        }
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    pub(super) fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    pub(super) fn watch(&self, which: Which) -> watch::Receiver<State> {
        self.tokens.pool(which).watch()
    }

    pub(super) fn stop(&self) {
        self.tokens.stop();
    }

    /// Waits for the tokens' first answers and proves the keys in those that are there.
    pub(super) async fn first_look(&self, patience: Duration) -> Result<(), Error> {
        let end = tokio::time::Instant::now() + patience;
        for which in self.tokens.all() {
            let mut states = self.watch(which);
            let looked = states.wait_for(|state| *state != State::Connecting);
            let there = matches!(
                tokio::time::timeout_at(end, looked).await,
                Ok(Ok(state)) if matches!(*state, State::Ready(_))
            );
            if !there {
                continue;
            }
            if let Err(error @ Error::Broken(_)) = self.prove_all(which).await {
                return Err(error);
            }
        }
        Ok(())
    }

    /// Proves every key that has not been proven yet in that token.
    pub(super) async fn prove_all(&self, which: Which) -> Result<(), Error> {
        for key in self.keys().iter().filter(|key| !key.is_successor()) {
            key.prove(&self.tokens, which).await?;
        }
        if which == Which::Standby {
            self.tokens.set_sound(true);
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
                certificate,
                scheme,
                message,
            } => match self.tls_key(uid, &key, certificate) {
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
        let (first, reason) = match &*self.watch(Which::First).borrow() {
            State::Ready(_) => (TokenState::Ready, None),
            State::Connecting => (TokenState::Connecting, None),
            State::Away(why) | State::LoginFailed(why) => (TokenState::Away, Some(why.to_string())),
            State::Halted(why) => (TokenState::Halted, Some(why.to_string())),
            State::Stopped => (TokenState::Away, Some("the signer ends".to_owned())),
        };
        let token = if self.tokens.second_stands_in() {
            TokenState::Standby
        } else {
            first
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

    /// The TLS key of that name whose certificate that is, in force or until lately.
    fn tls_key(&self, uid: u32, name: &str, certificate: Digest) -> Result<Arc<Key>, Error> {
        let key = self.key(uid, name, KeyUse::Tls)?;
        if key.shows == certificate {
            return Ok(key);
        }
        let former = self.former.lock().unwrap_or_else(PoisonError::into_inner);
        former
            .iter()
            .filter(|former| former.since.elapsed() < OVERLAP)
            .flat_map(|former| &former.keys)
            .find(|old| old.name == name && old.allows(uid) && old.shows == certificate)
            .cloned()
            .ok_or_else(|| {
                Error::Refused(format!(
                    "key {name:.64} is not, or no longer, that of the certificate {certificate}"
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
        let begun = Instant::now();
        let kept = self.keep(&mut ledger, new);
        let signed = self.with_a_token(key, |which, face| self.cms(key, which, face, body));
        // Neither waits for the other; the signature leaves only when the head is durable.
        let (kept, signed) = tokio::join!(kept, signed);
        kept?;
        let cms = signed?;
        record_signature(key, uid, format_args!("{} entries", new.size), begun);
        Ok(Reply::Sealed(Bytes(cms)))
    }

    async fn cms(
        &self,
        key: &Key,
        which: Which,
        face: &Face,
        body: &[u8],
    ) -> Result<Vec<u8>, Error> {
        let broken = |error: der::Error| Error::Broken(format!("CMS: {error}"));
        let draft = face.signer.draft(body, self.clock.now()).map_err(broken)?;
        let digest = Digest::of(draft.to_sign()).as_bytes().to_vec();
        let signed = self
            .tokens
            .sign(which, key.lane(), &face.label, face.scheme(), digest)
            .await?;
        draft.finish(signed).map_err(broken)
    }

    /// Signs with the token that serves; if it turns out not to, and another does now, with that one.
    async fn with_a_token<'a, F>(
        &self,
        key: &'a Key,
        sign: impl Fn(Which, &'a Face) -> F,
    ) -> Result<Vec<u8>, Error>
    where
        F: Future<Output = Result<Vec<u8>, Error>>,
    {
        let serving = || {
            let which = self.tokens.which();
            let face = key.face(which).map(|face| (which, face));
            face.unwrap_or((Which::First, key.first()))
        };
        let (which, face) = serving();
        let outcome = match self.prove_and(key, which, sign(which, face)).await {
            Err(failed @ (Error::Away(_) | Error::Halted(_))) => match serving() {
                (now, face) if now != which => self.prove_and(key, now, sign(now, face)).await,
                _ => Err(failed),
            },
            done => done,
        };
        match &outcome {
            Ok(_) => key.track.good(),
            Err(error) => key.track.bad(error),
        }
        outcome
    }

    async fn prove_and<T>(
        &self,
        key: &Key,
        which: Which,
        signed: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        key.prove(&self.tokens, which).await?;
        signed.await
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
        if scheme.algorithm() != key.first().signer.algorithm() {
            return Err(Error::Refused(format!(
                "{scheme:?} with a key of another kind"
            )));
        }
        let begun = Instant::now();
        let scheme = scheme.of_token();
        let algorithm = match scheme.hash() {
            hsm::Hash::Sha256 => &digest::SHA256,
            hsm::Hash::Sha384 => &digest::SHA384,
            hsm::Hash::Sha512 => &digest::SHA512,
        };
        let hash = digest::digest(algorithm, message).as_ref().to_vec();
        let signed = self
            .with_a_token(key, |which, face| {
                let hash = hash.clone();
                self.tokens
                    .sign(which, key.lane(), &face.label, scheme, hash)
            })
            .await?;
        record_signature(key, uid, format_args!("{}", handshake.as_str()), begun);
        Ok(Reply::Signature(Bytes(signed)))
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
