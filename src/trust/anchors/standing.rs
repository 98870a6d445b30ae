//! Whether a certificate of a path still stands: what lists and OCSP answers say together, and the declared mode where
//! neither is young enough.

use std::sync::Arc;

use super::super::Error;
use super::super::certificate::Certificate;
use super::super::ocsp::Question;
use super::super::refusal::{Refusal, Verdict};
use super::super::revocation::{Known, Stale};
use super::super::statuses::{AnswerState, Issuers, Ocsp, Watched, Word};
use super::{LONGEST_CHAIN, Search, Trust, load};
use crate::clock::{self, Moment};

/// [`Ocsp`] as it is asked at each verdict.
#[derive(Clone, Debug)]
pub(super) struct Asking {
    /// Name and key of the authorities; `None` for all of them.
    issuers: Option<Arc<[[u8; 32]]>>,
    declared: bool,
    window: time::Duration,
}

impl Asking {
    pub(super) fn nobody() -> Self {
        Self {
            issuers: Some(Arc::default()),
            declared: false,
            window: time::Duration::ZERO,
        }
    }
}

impl Trust {
    /// The same, with OCSP asked as declared.
    ///
    /// # Errors
    /// When a named authority can't be read.
    pub fn with_ocsp(mut self, ocsp: &Ocsp) -> Result<Self, Error> {
        self.ocsp = Asking {
            issuers: match &ocsp.issuers {
                Issuers::All => None,
                Issuers::These(all) => Some(load(all)?.iter().map(|one| one.authority).collect()),
            },
            declared: ocsp.declared,
            window: ocsp.window.try_into().unwrap_or(time::Duration::MAX),
        };
        Ok(self)
    }

    /// The same, going on with the OCSP answers of `old`.
    #[must_use]
    pub fn with_answers_of(mut self, old: &Self) -> Self {
        self.statuses = old.statuses.clone();
        self
    }

    /// Calls `wake` whenever a certificate is met whose status nobody has asked for; only the first call counts.
    pub fn on_watch(&self, wake: impl Fn() + Send + Sync + 'static) {
        self.statuses.on_watch(Box::new(wake));
    }

    /// Certificates met since the last call, whose status is to be asked for.
    #[must_use]
    pub fn take_new(&self) -> Vec<Watched> {
        self.statuses.take_new()
    }

    /// Has the status of `chain`'s end certificate asked for, as of a certificate that is met.
    ///
    /// # Errors
    /// When no path leads to an anchor.
    pub fn watch(&self, chain: &[Vec<u8>], at: Moment) -> Result<Watched, Refusal> {
        let pair = self.pair(chain)?;
        let watched = Watched::new(pair.0.clone(), pair.1.clone());
        if self.asks(&pair.0, &pair.1) {
            self.statuses.watch(&pair.0, &pair.1, at);
        }
        Ok(watched)
    }

    /// A certificate and its issuer as kept from an earlier run, once a path leads from the issuer to an anchor.
    ///
    /// # Errors
    /// When none does, or the issuer did not sign.
    pub fn watched_again(&self, certificate: &[u8], issuer: &[u8]) -> Result<Watched, Refusal> {
        let pair = self.pair(&[certificate.to_vec(), issuer.to_vec()])?;
        Ok(Watched::new(pair.0, pair.1))
    }

    /// Takes an answer about `watched`, judged as of `now`, with the nonce of `question` where it asked one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn answered(
        &self,
        watched: &Watched,
        question: Option<&Question>,
        der: &[u8],
        now: Moment,
    ) -> Result<AnswerState, Error> {
        let nonce = question.and_then(|question| question.nonce.as_deref());
        self.statuses.admit(watched, der, nonce, Some(now))
    }

    /// Takes an answer whose age does not matter: one that was kept.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn answered_once(&self, watched: &Watched, der: &[u8]) -> Result<AnswerState, Error> {
        self.statuses.admit(watched, der, None, None)
    }

    /// The answer that is known about `watched`, as it was received.
    #[must_use]
    pub fn answer(&self, watched: &Watched) -> Option<Arc<[u8]>> {
        self.statuses.answer(&watched.certificate, &watched.issuer)
    }

    /// All answers, for gauges.
    #[must_use]
    pub fn answers(&self) -> Vec<AnswerState> {
        self.statuses.states()
    }

    /// Forgets answers about certificates that ended before `now`.
    pub fn forget_before(&self, now: Moment) {
        self.statuses.forget_before(now);
    }

    /// How many certificates are asked about and have no answer yet.
    #[must_use]
    pub fn unanswered(&self) -> usize {
        self.statuses.missing()
    }

    /// When certificates whose newest answer was good until `due` stop being accepted; `None` when they never do.
    #[must_use]
    pub fn answers_stop_at(&self, due: Moment) -> Option<Moment> {
        let end = due.checked_add(self.ocsp.window);
        end.filter(|_| self.lists.then() != Stale::Continue)
    }

    fn asks(&self, certificate: &Certificate, issuer: &Certificate) -> bool {
        let named = self.ocsp.issuers.as_ref();
        named.is_none_or(|all| all.contains(&issuer.authority))
            || self.ocsp.declared
                && !(certificate.responders.is_empty() && certificate.list_sources.is_empty())
    }

    /// Whether `certificate` stands: neither lists nor answers revoke it, and one of them is young enough to know, or the
    /// declared mode goes on without.
    pub(super) fn standing(
        &self,
        certificate: &Arc<Certificate>,
        issuer: &Arc<Certificate>,
        at: Moment,
    ) -> Result<(), Refusal> {
        let listed = self.lists.judge(certificate, issuer, at)?;
        let (wanted, window) = (self.asks(certificate, issuer), self.ocsp.window);
        let pair = (certificate, issuer);
        let said = self.statuses.judge(pair, at, wanted, window, &self.lists)?;
        if listed == Known::Fresh || matches!(said, Word::Fresh) {
            return Ok(());
        }
        let name = &issuer.subject_text;
        let mut then = self.lists.then();
        let detail = match (said, listed) {
            (Word::Unknown, _) => {
                // Nobody is away: the issuer's own responder has never heard of it.
                then = if then == Stale::Refuse {
                    then
                } else {
                    Stale::Queue
                };
                format!("the responder of {name} does not know it")
            }
            (Word::Missing(since), _) => {
                // Refused for good only once it was waited for as long as declared.
                if then == Stale::Refuse && at <= since.checked_add(window).unwrap_or(since) {
                    then = Stale::Queue;
                }
                format!("no answer yet of a responder of {name}")
            }
            (Word::Stale(due), _) => format!(
                "the OCSP answer of {name} was due at {} and the declared window is over",
                clock::rfc3339(due)
            ),
            (_, Known::Stale(due)) => format!(
                "the list of {name} was due at {} and the declared window is over",
                clock::rfc3339(due)
            ),
            _ => format!("no revocation list of {name}"),
        };
        match then {
            Stale::Continue => Ok(()),
            Stale::Queue => Err(Refusal {
                deferred: true,
                ..certificate.refuse(Verdict::RevocationUnknown, detail)
            }),
            Stale::Refuse => Err(certificate.refuse(Verdict::RevocationUnknown, detail)),
        }
    }

    /// A chain's end certificate and its issuer, on a path to an anchor; no validity is judged.
    fn pair(&self, chain: &[Vec<u8>]) -> Result<(Arc<Certificate>, Arc<Certificate>), Refusal> {
        let (first, rest) = chain
            .split_first()
            .ok_or_else(|| Refusal::new(Verdict::NoCertificate, ""))?;
        let mut pool = self.intermediates.to_vec();
        let more = rest.iter().take(LONGEST_CHAIN);
        pool.extend(
            more.filter_map(|der| Certificate::read(der).ok())
                .map(Arc::new),
        );
        let leaf = Arc::new(Certificate::read(first)?);
        let path = Search::new(&self.anchors, &pool, |_| Ok(())).run(leaf)?;
        Ok((path[0].clone(), path[1].clone()))
    }
}
