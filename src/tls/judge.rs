//! The one who judges peers, with the newest trust and directory at hand.

use std::io;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::{CertificateError, CommonState, OtherError};
use tokio::sync::watch;

use crate::clock::Clock;
use crate::packet::MemberId;
use crate::trust::directory::Directory;
use crate::trust::{Bearer, Identity, Purpose, Refusal, Trust, Verdict};

/// What verdicts rest on; a new one is published whole.
#[derive(Clone, Debug)]
pub struct Grounds {
    /// Anchors, profile, revocation.
    pub trust: Arc<Trust>,
    /// Registered certificates; `None` until the first directory is there.
    pub directory: Option<Arc<Directory>>,
    /// False while the clock is further off than declared: then nobody is judged but the hub, which tells the time.
    pub clock_sure: bool,
}

impl Grounds {
    /// Grounds under a clock that can be relied on.
    #[must_use]
    pub fn new(trust: Arc<Trust>, directory: Option<Arc<Directory>>) -> Self {
        Self {
            trust,
            directory,
            clock_sure: true,
        }
    }
}

/// A cheap handle that judges peers by the newest grounds.
#[derive(Clone, Debug)]
pub struct Judge {
    grounds: watch::Receiver<Grounds>,
    clock: Clock,
}

impl Judge {
    /// Judges by what `grounds` holds at the time of each verdict.
    #[must_use]
    pub fn new(grounds: watch::Receiver<Grounds>, clock: Clock) -> Self {
        Self { grounds, clock }
    }

    /// A box that connects: chain, use as TLS client, registered certificate.
    ///
    /// # Errors
    /// The refusal, ready for the journal.
    pub fn judge_box(&self, chain: &[Vec<u8>]) -> Result<Identity, Refusal> {
        let grounds = self.grounds()?;
        let identity = grounds
            .trust
            .judge(chain, Purpose::TlsClient, self.clock.now())?;
        let directory = grounds
            .directory
            .ok_or_else(|| identity.refuse(Verdict::NotRegistered, "no directory is at hand"))?;
        directory.registered_box(&identity)?;
        Ok(identity)
    }

    /// A box that asks to be registered: chain and use as TLS client, in no directory yet.
    ///
    /// # Errors
    /// The refusal, ready for the journal.
    pub fn judge_candidate(&self, chain: &[Vec<u8>]) -> Result<Identity, Refusal> {
        let grounds = self.grounds()?;
        grounds
            .trust
            .judge(chain, Purpose::TlsClient, self.clock.now())
    }

    /// The hub that was dialled: chain, use as TLS server, `expected` code, and registered where a directory is known;
    /// also under a clock that is off, since only the hub can say that it is right again.
    ///
    /// # Errors
    /// The refusal, ready for the journal.
    pub fn judge_hub(
        &self,
        chain: &[Vec<u8>],
        expected: Option<&MemberId>,
    ) -> Result<Identity, Refusal> {
        let grounds = self.grounds.borrow().clone();
        let identity = grounds
            .trust
            .judge(chain, Purpose::TlsServer, self.clock.now())?;
        if let Some(code) = expected.filter(|code| **code != identity.code) {
            let detail = format!("{code} was dialled, {} answered", identity.code);
            return Err(identity.refuse(Verdict::AnotherMember, detail));
        }
        if let Some(directory) = &grounds.directory {
            directory.registered_hub(&identity)?;
        }
        Ok(identity)
    }

    /// Takes the OCSP answer that a server sent along with its chain (RFC 6066 section 8); one that can't be used says
    /// nothing, and the chain is judged without it.
    pub(super) fn take_staple(&self, chain: &[Vec<u8>], answer: &[u8]) {
        if answer.is_empty() {
            return;
        }
        let (trust, now) = (self.grounds.borrow().trust.clone(), self.clock.now());
        if let Ok(watched) = trust.watch(chain, now) {
            let _ = trust.answered(&watched, None, answer, now);
        }
    }

    /// Software that shows a certificate: chain and use as TLS client.
    ///
    /// # Errors
    /// The refusal, ready for the journal.
    pub fn judge_software(&self, chain: &[Vec<u8>]) -> Result<Bearer, Refusal> {
        let grounds = self.grounds()?;
        grounds
            .trust
            .judge_bearer(chain, Purpose::TlsClient, self.clock.now())
    }

    fn grounds(&self) -> Result<Grounds, Refusal> {
        let grounds = self.grounds.borrow().clone();
        if grounds.clock_sure {
            Ok(grounds)
        } else {
            Err(Refusal::new(
                Verdict::ClockUnsure,
                "the clock is not synchronised",
            ))
        }
    }
}

/// Judges the box at the other end of an accepted connection anew, resumed or not.
///
/// # Errors
/// The refusal; the connection is to be closed.
pub fn judge_connection(judge: &Judge, connection: &CommonState) -> Result<Identity, Refusal> {
    judge.judge_box(&shown(connection)?)
}

/// Judges the box that asks to be registered anew.
///
/// # Errors
/// The refusal; the connection is to be closed.
pub fn judge_candidate_connection(
    judge: &Judge,
    connection: &CommonState,
) -> Result<Identity, Refusal> {
    judge.judge_candidate(&shown(connection)?)
}

/// Judges the software at the other end anew; `None` when it showed no certificate.
///
/// # Errors
/// The refusal; the connection is to be closed.
pub fn judge_software_connection(
    judge: &Judge,
    connection: &CommonState,
) -> Result<Option<Bearer>, Refusal> {
    match shown(connection) {
        Ok(chain) => judge.judge_software(&chain).map(Some),
        Err(_) => Ok(None),
    }
}

/// The chain that the other end showed.
pub(super) fn shown(connection: &CommonState) -> Result<Vec<Vec<u8>>, Refusal> {
    connection
        .peer_certificates()
        .map(|chain| chain.iter().map(|der| der.to_vec()).collect())
        .ok_or_else(|| Refusal::new(Verdict::NoCertificate, ""))
}

pub(super) fn chain_of(leaf: &CertificateDer<'_>, rest: &[CertificateDer<'_>]) -> Vec<Vec<u8>> {
    std::iter::once(leaf)
        .chain(rest)
        .map(|der| der.to_vec())
        .collect()
}

/// Carries a refusal through rustls.
pub(super) fn carried(refusal: Refusal) -> rustls::Error {
    rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(refusal))))
}

/// The refusal that ended a handshake, if it was one of ours.
#[must_use]
pub fn refusal_of(error: &rustls::Error) -> Option<Refusal> {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::Other(other)) => {
            other.0.downcast_ref::<Refusal>().cloned()
        }
        rustls::Error::NoCertificatesPresented => Some(Refusal::new(Verdict::NoCertificate, "")),
        _ => None,
    }
}

/// As [`refusal_of`], for the error of an accept or connect.
#[must_use]
pub fn refusal_in(error: &io::Error) -> Option<Refusal> {
    refusal_of(error.get_ref()?.downcast_ref()?)
}
