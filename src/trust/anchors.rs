//! The snapshot that judges.

mod standing;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use ring::digest::{Context, SHA256};

use self::standing::Asking;
use super::Error;
use super::certificate::Certificate;
use super::chain::{Path, Search};
use super::pem;
use super::profile::{Profile, Purpose};
use super::refusal::{Refusal, Verdict};
use super::revocation::{ListState, Lists, Revocation};
use super::statuses::Statuses;
use crate::clock::{self, Moment};
use crate::packet::MemberId;

/// Certificates shown in one chain at most.
const LONGEST_CHAIN: usize = 10;
/// Remembered paths before the older half is forgotten.
const REMEMBERED: usize = 2048;

/// Whom a judged certificate speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The identification code that it carries.
    pub code: MemberId,
    /// Subject (RFC 4514).
    pub subject: String,
    /// Serial number in lower-case hex.
    pub serial: String,
    /// SHA-256 of the certificate's DER.
    pub fingerprint: [u8; 32],
    /// Begin of its validity.
    pub not_before: Moment,
    /// End of its validity.
    pub not_after: Moment,
    /// SubjectPublicKeyInfo (RFC 5280 section 4.1) in DER.
    pub spki_der: Vec<u8>,
    /// The certificate in DER.
    pub certificate: Vec<u8>,
}

impl Identity {
    /// A refusal that points at this certificate.
    #[must_use]
    pub fn refuse(&self, verdict: Verdict, detail: impl Into<String>) -> Refusal {
        Refusal {
            subject: self.subject.clone(),
            serial: self.serial.clone(),
            validity: Some((self.not_before, self.not_after)),
            ..Refusal::new(verdict, detail)
        }
    }
}

/// A judged certificate of which no identification code is asked (software of an agency).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bearer {
    /// Subject (RFC 4514).
    pub subject: String,
    /// Serial number in lower-case hex.
    pub serial: String,
    /// SHA-256 of the certificate's DER.
    pub fingerprint: [u8; 32],
}

/// Anchors, intermediates, profile and revocation: one immutable snapshot.
pub struct Trust {
    anchors: Arc<[Arc<Certificate>]>,
    intermediates: Arc<[Arc<Certificate>]>,
    profile: Profile,
    lists: Lists,
    ocsp: Asking,
    statuses: Arc<Statuses>,
    remembered: Arc<Mutex<Remembered>>,
}

/// Paths whose signatures are verified, by digest of the chain as shown; two generations.
#[derive(Default)]
struct Remembered {
    young: HashMap<[u8; 32], Arc<Path>>,
    old: HashMap<[u8; 32], Arc<Path>>,
}

impl Remembered {
    fn get(&mut self, key: &[u8; 32]) -> Option<Arc<Path>> {
        if let Some(path) = self.young.get(key) {
            return Some(path.clone());
        }
        let path = self.old.remove(key)?;
        self.put(*key, path.clone());
        Some(path)
    }

    fn put(&mut self, key: [u8; 32], path: Arc<Path>) {
        if self.young.len() >= REMEMBERED / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, path);
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust")
            .field("anchors", &self.anchors.len())
            .field("intermediates", &self.intermediates.len())
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}

impl Trust {
    /// A snapshot of certificates (each DER, or PEM with any number) and verified revocation lists.
    ///
    /// # Errors
    /// When there is no anchor, or anything cannot be read or is not signed by a configured authority.
    pub fn new(
        anchors: Vec<Vec<u8>>,
        intermediates: Vec<Vec<u8>>,
        profile: Profile,
        revocation: Revocation,
    ) -> Result<Self, Error> {
        let anchors = load(&anchors)?;
        if anchors.is_empty() {
            return Err(Error::NoAnchor);
        }
        let intermediates = load(&intermediates)?;
        let lists = Lists::load(&revocation, &both(&anchors, &intermediates))?;
        Ok(Self {
            anchors: anchors.into(),
            intermediates: intermediates.into(),
            profile,
            lists,
            ocsp: Asking::nobody(),
            statuses: Arc::default(),
            remembered: Arc::default(),
        })
    }

    /// The same anchors and profile with newer lists; verified signatures stay remembered.
    ///
    /// # Errors
    /// When a list cannot be read or is not signed by a configured authority.
    pub fn with_revocation(&self, revocation: &Revocation) -> Result<Self, Error> {
        Ok(Self {
            anchors: self.anchors.clone(),
            intermediates: self.intermediates.clone(),
            profile: self.profile,
            lists: Lists::load(revocation, &both(&self.anchors, &self.intermediates))?,
            ocsp: self.ocsp.clone(),
            statuses: self.statuses.clone(),
            remembered: self.remembered.clone(),
        })
    }

    /// Judges `chain` (DER, end certificate first, perhaps alone) for `purpose` at the time `at`.
    ///
    /// Signatures of a chain seen before are remembered; validity, usage and revocation are judged anew.
    ///
    /// # Errors
    /// A refusal that names the certificate at fault.
    pub fn judge(
        &self,
        chain: &[Vec<u8>],
        purpose: Purpose,
        at: Moment,
    ) -> Result<Identity, Refusal> {
        let leaf = self.leaf(chain, purpose, at)?;
        Ok(Identity {
            code: self.profile.code_of(&leaf)?,
            subject: leaf.subject_text.clone(),
            serial: leaf.serial_hex(),
            fingerprint: leaf.fingerprint,
            not_before: leaf.not_before,
            not_after: leaf.not_after,
            spki_der: leaf.spki_der.clone(),
            certificate: leaf.der.clone(),
        })
    }

    /// As [`Trust::judge`], without asking for an identification code.
    ///
    /// # Errors
    /// A refusal that names the certificate at fault.
    pub fn judge_bearer(
        &self,
        chain: &[Vec<u8>],
        purpose: Purpose,
        at: Moment,
    ) -> Result<Bearer, Refusal> {
        let leaf = self.leaf(chain, purpose, at)?;
        Ok(Bearer {
            subject: leaf.subject_text.clone(),
            serial: leaf.serial_hex(),
            fingerprint: leaf.fingerprint,
        })
    }

    /// `leaf` completed by what is between it and its anchor, which is left out; no validity is judged.
    ///
    /// # Errors
    /// When no path leads to an anchor.
    pub fn chain_for(&self, leaf: &[u8]) -> Result<Vec<Vec<u8>>, Refusal> {
        let leaf = Arc::new(Certificate::read(leaf)?);
        let path = Search::new(&self.anchors, &self.intermediates, |_| Ok(())).run(leaf)?;
        let below = &path[..path.len() - 1];
        Ok(below.iter().map(|one| one.der.clone()).collect())
    }

    /// What the lists in `bytes` are, once each is signed by a configured authority.
    ///
    /// # Errors
    /// When one cannot be read or is not signed by a configured authority.
    pub fn lists_in(&self, bytes: &[u8]) -> Result<Vec<ListState>, Error> {
        let alone = Revocation {
            lists: vec![bytes.to_vec()],
            ..Revocation::none()
        };
        let lists = Lists::load(&alone, &both(&self.anchors, &self.intermediates))?;
        Ok(lists.states())
    }

    /// The loaded lists in DER, to be kept beside a signature.
    #[must_use]
    pub fn revocation_material(&self) -> Vec<Vec<u8>> {
        self.lists.ders()
    }

    /// The loaded lists' ages, for gauges.
    #[must_use]
    pub fn lists(&self) -> Vec<ListState> {
        self.lists.states()
    }

    /// The anchors in DER.
    #[must_use]
    pub fn anchors(&self) -> Vec<Vec<u8>> {
        self.anchors.iter().map(|one| one.der.clone()).collect()
    }

    /// The configured intermediates in DER.
    #[must_use]
    pub fn intermediates(&self) -> Vec<Vec<u8>> {
        let all = self.intermediates.iter();
        all.map(|one| one.der.clone()).collect()
    }

    fn leaf(
        &self,
        chain: &[Vec<u8>],
        purpose: Purpose,
        at: Moment,
    ) -> Result<Arc<Certificate>, Refusal> {
        let Some((first, rest)) = chain.split_first() else {
            return Err(Refusal::new(Verdict::NoCertificate, ""));
        };
        if chain.len() > LONGEST_CHAIN {
            let detail = format!("{} certificates are too many for a chain", chain.len());
            return Err(Refusal::new(Verdict::Malformed, detail));
        }
        let accept = |path: &[Arc<Certificate>]| self.accept(path, purpose, at);
        let key = digest(chain);
        let seen = self.remembered().get(&key);
        if let Some(path) = seen
            && accept(&path).is_ok()
        {
            return Ok(path[0].clone());
        }
        let leaf = Arc::new(Certificate::read(first)?);
        let mut pool: Vec<_> = self.intermediates.to_vec();
        // What else was sent only helps; what can't be read doesn't.
        pool.extend(
            rest.iter()
                .filter_map(|der| Certificate::read(der).ok())
                .map(Arc::new),
        );
        let path = Search::new(&self.anchors, &pool, accept).run(leaf)?;
        let leaf = path[0].clone();
        self.remembered().put(key, Arc::new(path));
        Ok(leaf)
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, Remembered> {
        self.remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// All that is judged anew each time: use, validity, revocation.
    fn accept(
        &self,
        path: &[Arc<Certificate>],
        purpose: Purpose,
        at: Moment,
    ) -> Result<(), Refusal> {
        self.profile.suits(&path[0], purpose)?;
        for one in path {
            if at < one.not_before {
                return Err(one.refuse(Verdict::NotYetValid, now(at)));
            }
            if at > one.not_after {
                return Err(one.refuse(Verdict::Expired, now(at)));
            }
        }
        for pair in path.windows(2) {
            Profile::authority_suits(&pair[1], purpose)?;
            self.standing(&pair[0], &pair[1], at)?;
        }
        Ok(())
    }
}

fn now(at: Moment) -> String {
    format!("judged at {}", clock::rfc3339(at))
}

fn load(inputs: &[Vec<u8>]) -> Result<Vec<Arc<Certificate>>, Error> {
    let mut all: Vec<Arc<Certificate>> = Vec::new();
    for bytes in inputs {
        let ders = pem::certificates(bytes)
            .filter(|ders| !ders.is_empty())
            .ok_or_else(|| {
                Error::Certificate(Refusal::new(Verdict::Malformed, "neither DER nor PEM"))
            })?;
        for der in ders {
            let one = Certificate::read(&der).map_err(Error::Certificate)?;
            if !all.iter().any(|other| other.fingerprint == one.fingerprint) {
                all.push(Arc::new(one));
            }
        }
    }
    Ok(all)
}

fn both(anchors: &[Arc<Certificate>], others: &[Arc<Certificate>]) -> Vec<Arc<Certificate>> {
    anchors.iter().chain(others).cloned().collect()
}

fn digest(chain: &[Vec<u8>]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for der in chain {
        context.update(&(der.len() as u64).to_be_bytes());
        context.update(der);
    }
    let mut bytes = [0; 32];
    bytes.copy_from_slice(context.finish().as_ref());
    bytes
}
