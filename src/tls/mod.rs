//! TLS whose private keys stay behind the signer, and whose verdicts come from [`crate::trust`].
//!
//! TLS 1.3 first (RFC 8446), 1.2 with AEAD suites only. A [`Credential`] is proven by a test signature before it can
//! be presented; [`Current`] swaps it without dropping connections. A resumed session carries the certificate of the
//! first one but none of its verdict: call [`judge_connection`] on every accepted connection.

mod again;
mod config;
mod credential;
mod files;
mod judge;
mod signer_key;
mod verifier;

use std::fmt;

pub use again::Watchful;
pub use config::{Clients, client_config, server_config, web_client_config};
pub use credential::{Credential, Current, KeyHandle, Scheme};
pub use files::TrustFiles;
pub use judge::{
    Grounds, Judge, judge_candidate_connection, judge_connection, judge_software_connection,
    refusal_in, refusal_of,
};
pub use signer_key::SignerKey;
pub use verifier::HubVerifier;

use crate::retry::Class;

/// Why a credential or a configuration cannot be used.
#[derive(Debug)]
pub enum Error {
    /// The certificate cannot be read or has a key of no use here.
    Certificate(String),
    /// The signer did not sign the test message.
    Signer(std::io::Error),
    /// The signer's key is not the certificate's.
    NotAPair(String),
    /// rustls refuses the configuration.
    Configuration(String),
}

impl Error {
    /// Retry while the signer is away; Refuse for certificates; Fatal for configurations.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Signer(_) => Class::Retry,
            Self::Certificate(_) | Self::NotAPair(_) => Class::Refuse,
            Self::Configuration(_) => Class::Fatal,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate(why) => write!(f, "TLS certificate: {why}"),
            Self::Signer(error) => write!(f, "the signer did not prove the TLS key: {error}"),
            Self::NotAPair(subject) => {
                write!(
                    f,
                    "the signer's key does not belong to the certificate of {subject}"
                )
            }
            Self::Configuration(why) => write!(f, "TLS configuration: {why}"),
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests;
