//! What can go wrong on the wire, with whom and when.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::retry::Class;
use crate::trust::Refusal;

/// An error of a callback, whatever its room calls it.
pub type Cause = Box<dyn StdError + Send + Sync>;

/// How far an exchange with a peer had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Looking up the peer's address.
    Resolve,
    /// Opening the TCP connection.
    Connect,
    /// Agreeing on TLS and on who the other is.
    Handshake,
    /// Sending the request, up to the head of the answer.
    Request,
    /// Reading the answer's body.
    Body,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Handshake => "handshake",
            Self::Request => "request",
            Self::Body => "body",
        })
    }
}

/// An error of this room.
#[derive(Clone, Debug)]
pub enum Error {
    /// The server's address can't be listened on.
    Bind {
        /// The configured address.
        address: SocketAddr,
        /// What the system said.
        reason: String,
    },
    /// An exchange with a peer failed.
    Exchange {
        /// The peer's address as configured, with the resolved one where it is known.
        peer: String,
        /// How far it had come.
        phase: Phase,
        /// Whether the same call may succeed later.
        class: Class,
        /// What happened.
        reason: String,
        /// Our verdict on its certificate, where that is why.
        refusal: Option<Arc<Refusal>>,
    },
    /// A body is longer than allowed.
    TooLarge {
        /// The most bytes allowed.
        limit: u64,
    },
    /// A peer stopped sending in the middle of a body, or sent too slowly.
    Stalled {
        /// Who should have sent.
        peer: String,
        /// Bytes that came before.
        received: u64,
        /// How long nothing, or too little, came.
        waited: Duration,
    },
    /// A body ended before its end.
    Broken {
        /// Who should have sent.
        peer: String,
        /// Bytes that came before.
        received: u64,
        /// What happened.
        reason: String,
    },
    /// The caller's own request is not HTTP: a bad path, header or server name.
    Call {
        /// What is wrong with it.
        reason: String,
    },
}

impl Error {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Bind { .. } => Class::Fatal,
            Self::Exchange { class, .. } => *class,
            Self::TooLarge { .. } | Self::Call { .. } => Class::Refuse,
            Self::Stalled { .. } | Self::Broken { .. } => Class::Retry,
        }
    }

    /// Our verdict on the certificate of the peer that answered, where that is why.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Exchange { refusal, .. } => refusal.as_deref(),
            _ => None,
        }
    }

    pub(super) fn because(mut self, cause: &(dyn StdError + 'static)) -> Self {
        if let Self::Exchange { refusal, .. } = &mut self {
            *refusal = find_cause::<Refusal>(cause).cloned().map(Arc::new);
        }
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind { address, reason } => write!(f, "can't listen on {address}: {reason}"),
            Self::Exchange {
                peer,
                phase,
                reason,
                ..
            } => write!(f, "{phase} with {peer} failed: {reason}"),
            Self::TooLarge { limit } => write!(f, "the body is longer than {limit} bytes"),
            Self::Stalled {
                peer,
                received,
                waited,
            } => write!(
                f,
                "{peer} sent {received} bytes of the body and then too little for {} ms",
                waited.as_millis()
            ),
            Self::Broken {
                peer,
                received,
                reason,
            } => write!(
                f,
                "the body from {peer} broke after {received} bytes: {reason}"
            ),
            Self::Call { reason } => write!(f, "not a request: {reason}"),
        }
    }
}

impl StdError for Error {}

/// The first error of type `E` among `error` and its causes, looking into `io::Error` and rustls's wrappers, whose
/// own `source` skips what they carry.
#[must_use]
pub fn find_cause<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    let mut at = Some(error);
    while let Some(error) = at {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        at = inner(error);
    }
    None
}

fn inner<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    use rustls::{CertificateError, Error as Tls};
    if let Some(io) = error.downcast_ref::<io::Error>() {
        return io.get_ref().map(|e| e as &(dyn StdError + 'static));
    }
    match error.downcast_ref::<Tls>() {
        Some(Tls::Other(other) | Tls::InvalidCertificate(CertificateError::Other(other))) => {
            Some(other.0.as_ref())
        }
        _ => error.source(),
    }
}

/// The texts of an error and its causes, each said once.
pub(super) fn describe(error: &(dyn StdError + 'static)) -> String {
    let mut text = String::new();
    let mut at = Some(error);
    while let Some(error) = at {
        let said = error.to_string();
        if !text.contains(&said) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&said);
        }
        at = inner(error);
    }
    text
}

/// The class of an error of a connection: a verdict of either side's TLS is final, all else may pass.
pub(super) fn class_of(error: &(dyn StdError + 'static)) -> Class {
    use rustls::Error as Tls;
    // What refuses because something is away, a revocation list or the right time, may pass.
    if let Some(refusal) = find_cause::<Refusal>(error) {
        return refusal.class();
    }
    match find_cause::<Tls>(error) {
        Some(
            Tls::InvalidCertificate(_)
            | Tls::InvalidCertRevocationList(_)
            | Tls::NoCertificatesPresented
            | Tls::PeerIncompatible(_)
            | Tls::NoApplicationProtocol
            | Tls::UnsupportedNameType,
        ) => Class::Refuse,
        Some(Tls::AlertReceived(alert)) if is_verdict(*alert) => Class::Refuse,
        _ => Class::Retry,
    }
}

fn is_verdict(alert: rustls::AlertDescription) -> bool {
    use rustls::AlertDescription as Alert;
    matches!(
        alert,
        Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::CertificateRequired
            | Alert::NoCertificate
            | Alert::UnknownCA
            | Alert::AccessDenied
            | Alert::HandshakeFailure
            | Alert::ProtocolVersion
            | Alert::InsufficientSecurity
            | Alert::UnrecognisedName
            | Alert::NoApplicationProtocol
    )
}
