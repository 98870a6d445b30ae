//! What OCSP responders said, by certificate: shared by all snapshots of one trust, so that an answer counts at once and a
//! new revocation list does not forget it. An answer is tied to its authority's name and key, which signed it.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use super::Error;
use super::certificate::Certificate;
use super::ocsp::{self, Answer, Question, Status};
use super::refusal::{Refusal, Verdict};
use super::revocation::{Known, Lists, SKEW, Serial, aligned};
use crate::clock::{self, Moment};

/// Certificates watched at most; a nation's exchange has some ten thousand.
const MOST: usize = 100_000;

/// Whose certificates OCSP is asked about.
#[derive(Clone, Debug, Default)]
pub struct Ocsp {
    /// The authorities whose responders are configured.
    pub issuers: Issuers,
    /// Whether a certificate that names a responder itself is asked about there.
    pub declared: bool,
    /// How long past its nextUpdate an answer is still believed; also how long a responder that never answered is waited
    /// for before the declared mode *refuse* refuses for good.
    pub window: Duration,
}

/// Authorities whose certificates are asked about.
#[derive(Clone, Debug)]
pub enum Issuers {
    /// These, each DER or PEM.
    These(Vec<Vec<u8>>),
    /// Every one.
    All,
}

impl Default for Issuers {
    fn default() -> Self {
        Self::These(Vec::new())
    }
}

/// A certificate whose status is to be asked for.
#[derive(Clone, Debug)]
pub struct Watched {
    pub(crate) certificate: Arc<Certificate>,
    pub(crate) issuer: Arc<Certificate>,
}

impl Watched {
    pub(crate) fn new(certificate: Arc<Certificate>, issuer: Arc<Certificate>) -> Self {
        Self {
            certificate,
            issuer,
        }
    }

    /// One value for one certificate: digest of its authority and serial number.
    #[must_use]
    pub fn key(&self) -> [u8; 32] {
        let (authority, serial) = key(&self.certificate, &self.issuer);
        super::certificate::fingerprint(&[&authority[..], &serial[..]].concat())
    }

    /// The certificate in DER.
    #[must_use]
    pub fn certificate(&self) -> &[u8] {
        &self.certificate.der
    }

    /// Its issuer's certificate in DER.
    #[must_use]
    pub fn issuer_certificate(&self) -> &[u8] {
        &self.issuer.der
    }

    /// SHA-256 over its issuer's name and key.
    #[must_use]
    pub fn authority(&self) -> [u8; 32] {
        self.issuer.authority
    }

    /// The http URLs of responders that it names itself.
    #[must_use]
    pub fn responders(&self) -> &[String] {
        &self.certificate.responders
    }

    /// The http URLs of revocation lists that it names itself.
    #[must_use]
    pub fn list_sources(&self) -> &[String] {
        &self.certificate.list_sources
    }

    /// When it stops being of interest.
    #[must_use]
    pub fn not_after(&self) -> Moment {
        self.certificate.not_after
    }

    /// Subject and serial number, for people.
    #[must_use]
    pub fn shown(&self) -> String {
        let one = &self.certificate;
        format!("{} (serial {})", one.subject_text, one.serial_hex())
    }

    /// The question to its issuer's responder.
    ///
    /// # Errors
    /// Never, in practice.
    pub fn question(&self, nonce: Option<[u8; ocsp::NONCE]>) -> Result<Question, Error> {
        Question::new(&self.certificate, &self.issuer, nonce)
    }
}

/// State of one answer, for gauges and for whoever refreshes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerState {
    /// Subject and serial number of the certificate.
    pub certificate: String,
    /// Whether it is revoked.
    pub revoked: bool,
    /// Whether the responder knows it.
    pub known: bool,
    /// When the answer was made.
    pub this_update: Moment,
    /// Until when it is good.
    pub next_update: Moment,
}

pub(crate) type Key = ([u8; 32], Serial);

pub(crate) fn key(certificate: &Certificate, issuer: &Certificate) -> Key {
    (issuer.authority, aligned(&certificate.serial))
}

struct Entry {
    watched: Watched,
    since: Moment,
    answer: Option<Arc<Answer>>,
}

#[derive(Default)]
struct Shelf {
    entries: HashMap<Key, Entry>,
    fresh: Vec<Watched>,
}

/// The shelf of answers.
#[derive(Default)]
pub(crate) struct Statuses {
    shelf: RwLock<Shelf>,
    wake: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

impl fmt::Debug for Statuses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Statuses")
    }
}

/// What answers know of one certificate.
pub(crate) enum Word {
    /// An answer that is young enough says good.
    Fresh,
    /// It was due then, and the window is over.
    Stale(Moment),
    /// None yet, though asked for since then.
    Missing(Moment),
    /// The responder does not know the certificate.
    Unknown,
    /// Nobody is asked.
    NotAsked,
}

impl Statuses {
    /// What answers say of `certificate`; where none is here and one is `wanted`, it is noted for who asks.
    pub(crate) fn judge(
        &self,
        (certificate, issuer): (&Arc<Certificate>, &Arc<Certificate>),
        at: Moment,
        wanted: bool,
        window: time::Duration,
        lists: &Lists,
    ) -> Result<Word, Refusal> {
        let key = key(certificate, issuer);
        let found = {
            let shelf = self.shelf.read().unwrap_or_else(PoisonError::into_inner);
            let entry = shelf.entries.get(&key);
            entry.map(|entry| (entry.since, entry.answer.clone()))
        };
        let Some((since, answer)) = found else {
            if wanted {
                self.watch(certificate, issuer, at);
                return Ok(Word::Missing(at));
            }
            return Ok(Word::NotAsked);
        };
        let Some(answer) = answer else {
            return Ok(if wanted {
                Word::Missing(since)
            } else {
                Word::NotAsked
            });
        };
        if let Status::Revoked(since) = answer.status
            && since <= at + SKEW
        {
            let detail = format!("since {}, by OCSP", clock::rfc3339(since));
            return Err(certificate.refuse(Verdict::Revoked, detail));
        }
        if let Some(delegate) = answer.delegate.as_ref().filter(|one| !one.no_check)
            && !matches!(lists.judge(delegate, issuer, at), Ok(Known::Fresh))
        {
            // A delegate whose own revocation is not known answers nothing.
            return Ok(Word::Missing(since));
        }
        let end = answer
            .next_update
            .checked_add(window)
            .unwrap_or(answer.next_update);
        Ok(match answer.status {
            Status::Unknown => Word::Unknown,
            _ if end < at => Word::Stale(answer.next_update),
            _ => Word::Fresh,
        })
    }

    /// Notes a certificate and wakes who asks.
    pub(crate) fn watch(
        &self,
        certificate: &Arc<Certificate>,
        issuer: &Arc<Certificate>,
        at: Moment,
    ) {
        let watched = Watched {
            certificate: certificate.clone(),
            issuer: issuer.clone(),
        };
        {
            let mut shelf = self.shelf.write().unwrap_or_else(PoisonError::into_inner);
            let shelf = &mut *shelf;
            let key = key(certificate, issuer);
            if shelf.entries.len() >= MOST || shelf.entries.contains_key(&key) {
                return;
            }
            let entry = Entry {
                watched: watched.clone(),
                since: at,
                answer: None,
            };
            shelf.entries.insert(key, entry);
            shelf.fresh.push(watched);
        }
        if let Some(wake) = self.wake.get() {
            wake();
        }
    }

    pub(crate) fn on_watch(&self, wake: Box<dyn Fn() + Send + Sync>) {
        // The first one stays: there is one who asks.
        let _ = self.wake.set(wake);
    }

    pub(crate) fn take_new(&self) -> Vec<Watched> {
        let mut shelf = self.shelf.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut shelf.fresh)
    }

    /// Takes certificates out that ended before `now`.
    pub(crate) fn forget_before(&self, now: Moment) {
        let mut shelf = self.shelf.write().unwrap_or_else(PoisonError::into_inner);
        shelf
            .entries
            .retain(|_, entry| entry.watched.not_after() >= now);
    }

    /// Keeps what `der` says of `watched`, unless something newer is here; gives the state of what is.
    pub(crate) fn admit(
        &self,
        watched: &Watched,
        der: &[u8],
        nonce: Option<&[u8]>,
        now: Option<Moment>,
    ) -> Result<AnswerState, Error> {
        let issuer = std::slice::from_ref(&watched.issuer);
        let serial = &watched.certificate.serial;
        let answer = ocsp::read(der, issuer, nonce)?
            .into_iter()
            .find(|answer| answer.serial == *serial)
            .ok_or_else(|| Error::Answer("it speaks of other certificates".to_owned()))?;
        if let Some(now) = now {
            let stamp = clock::rfc3339;
            if answer.this_update > now + SKEW || answer.produced_at > now + SKEW {
                let why = format!("it is from the future: {}", stamp(answer.this_update));
                return Err(Error::Answer(why));
            }
            if answer.next_update < now {
                let why = format!("it is stale: good until {} only", stamp(answer.next_update));
                return Err(Error::Answer(why));
            }
        }
        let mut shelf = self.shelf.write().unwrap_or_else(PoisonError::into_inner);
        let entry = shelf
            .entries
            .entry(key(&watched.certificate, &watched.issuer))
            .or_insert_with(|| Entry {
                watched: watched.clone(),
                since: answer.this_update,
                answer: None,
            });
        // A peer may have stapled a newer one than a responder gives that answers from a cache.
        if let Some(newer) = &entry.answer
            && newer.this_update > answer.this_update
        {
            return Ok(state(watched, newer));
        }
        let state = state(watched, &answer);
        entry.answer = Some(Arc::new(answer));
        Ok(state)
    }

    /// How many certificates have no answer yet.
    pub(crate) fn missing(&self) -> usize {
        let shelf = self.shelf.read().unwrap_or_else(PoisonError::into_inner);
        let entries = shelf.entries.values();
        entries.filter(|entry| entry.answer.is_none()).count()
    }

    /// All answers, for gauges.
    pub(crate) fn states(&self) -> Vec<AnswerState> {
        let shelf = self.shelf.read().unwrap_or_else(PoisonError::into_inner);
        shelf
            .entries
            .values()
            .filter_map(|entry| Some(state(&entry.watched, entry.answer.as_ref()?)))
            .collect()
    }

    /// The answer about a certificate as it was received.
    pub(crate) fn answer(
        &self,
        certificate: &Certificate,
        issuer: &Certificate,
    ) -> Option<Arc<[u8]>> {
        let shelf = self.shelf.read().unwrap_or_else(PoisonError::into_inner);
        let entry = shelf.entries.get(&key(certificate, issuer))?;
        Some(entry.answer.as_ref()?.der.clone())
    }
}

fn state(watched: &Watched, answer: &Answer) -> AnswerState {
    AnswerState {
        certificate: watched.shown(),
        revoked: matches!(answer.status, Status::Revoked(_)),
        known: answer.status != Status::Unknown,
        this_update: answer.this_update,
        next_update: answer.next_update,
    }
}
