//! All that others know of the token: a process alone with it, its socket, and what it signs for whom.
//!
//! The signer is no oracle. It builds the attributes that it signs, keeps the last tree head of each member and
//! refuses to roll back or fork a log; a TLS key signs only what a TLS handshake asks to be signed.

pub mod client;
pub mod cms;
pub mod config;
pub mod heads;
pub mod policy;
pub mod server;
pub mod wire;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::merkle::Hash;
use crate::packet::MemberId;
use crate::retry::Class;

pub use client::Client;
pub use config::Config;

/// What a key is for; it signs nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyUse {
    /// TLS handshakes, both ends.
    Tls,
    /// Checkpoints of a member's log.
    Seal,
}

impl KeyUse {
    /// The word for it in configuration and journal.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::Seal => "seal",
        }
    }
}

/// Algorithm of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// RSA, 2048 bits or more.
    Rsa,
    /// ECDSA on P-256.
    P256,
}

/// A key that the asker may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// Its name in requests.
    pub name: String,
    /// The member or box that it speaks for.
    pub member: MemberId,
    /// What it is for.
    pub use_: KeyUse,
    /// Its algorithm.
    pub algorithm: Algorithm,
    /// Signatures that the signer makes with such keys at the same time.
    pub sessions: usize,
    /// DER certificates, the key's own first.
    pub chain: Vec<Vec<u8>>,
}

/// How the token stands with the signer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenState {
    /// Logged in; signatures are served.
    Ready,
    /// The first token is away or silent; the second stands in for it.
    Standby,
    /// It is being opened.
    Connecting,
    /// It is not there, or its login failed; it is tried again.
    Away,
    /// It refused the PIN; nothing is tried before a person has acted.
    Halted,
}

/// How the signer stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Status {
    /// The token.
    pub token: TokenState,
    /// Why it is not ready.
    pub reason: Option<String>,
    /// The asker's keys.
    pub keys: Vec<KeyStatus>,
}

/// How one key stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyStatus {
    /// Its name.
    pub name: String,
    /// Its label in the token.
    pub label: String,
    /// Whether a signature has proven that it is its certificate's.
    pub proven: bool,
    /// Milliseconds since its last signature; `None` when it has made none since the start.
    pub signed_ms: Option<u64>,
    /// Why it has made none since.
    pub failing: Option<String>,
}

/// A checkpoint to be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealRequest {
    /// The body, as [`crate::merkle::checkpoint`] writes it.
    pub checkpoint: Vec<u8>,
    /// Consistency proof from the tree of `from_size` entries (RFC 9162 section 2.1.4).
    pub proof: Vec<Hash>,
    /// Size that the proof starts from: the last one signed, 0 at the beginning.
    pub from_size: u64,
}

/// What came of a [`SealRequest`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SealAnswer {
    /// Signed.
    Signed {
        /// DER of a detached CMS SignedData over the checkpoint.
        cms: Vec<u8>,
    },
    /// Not signed: the proof must start from another size.
    Behind {
        /// Size of the last head that the signer knows, 0 for none.
        size: u64,
    },
}

/// Signature schemes of TLS (RFC 8446 section 4.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TlsScheme {
    /// rsa_pkcs1_sha256, TLS 1.2 only.
    RsaPkcs1Sha256,
    /// rsa_pkcs1_sha384, TLS 1.2 only.
    RsaPkcs1Sha384,
    /// rsa_pkcs1_sha512, TLS 1.2 only.
    RsaPkcs1Sha512,
    /// rsa_pss_rsae_sha256.
    RsaPssSha256,
    /// rsa_pss_rsae_sha384.
    RsaPssSha384,
    /// rsa_pss_rsae_sha512.
    RsaPssSha512,
    /// ecdsa_secp256r1_sha256.
    EcdsaP256Sha256,
}

impl TlsScheme {
    /// The algorithm of the keys that it needs.
    #[must_use]
    pub fn algorithm(self) -> Algorithm {
        match self {
            Self::EcdsaP256Sha256 => Algorithm::P256,
            _ => Algorithm::Rsa,
        }
    }

    /// The scheme as the token knows it.
    #[must_use]
    pub fn of_token(self) -> hsm::Scheme {
        use hsm::{Hash, Scheme};
        match self {
            Self::RsaPkcs1Sha256 => Scheme::RsaPkcs1(Hash::Sha256),
            Self::RsaPkcs1Sha384 => Scheme::RsaPkcs1(Hash::Sha384),
            Self::RsaPkcs1Sha512 => Scheme::RsaPkcs1(Hash::Sha512),
            Self::RsaPssSha256 => Scheme::RsaPss(Hash::Sha256),
            Self::RsaPssSha384 => Scheme::RsaPss(Hash::Sha384),
            Self::RsaPssSha512 => Scheme::RsaPss(Hash::Sha512),
            Self::EcdsaP256Sha256 => Scheme::EcdsaP256,
        }
    }
}

/// Why there is no signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The signer or its token is away or busy; the same request may succeed later.
    Away(String),
    /// The policy or the request forbids it.
    Refused(String),
    /// The signer waits for a person (PIN, certificate, ledger). Whoever asked goes on waiting, too.
    Halted(String),
    /// This process can't be a signer: configuration, certificate, ledger or module.
    Broken(String),
}

impl Error {
    /// What to do about it.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Away(_) | Self::Halted(_) => Class::Retry,
            Self::Refused(_) => Class::Refuse,
            Self::Broken(_) => Class::Fatal,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Away(why) => write!(f, "the signer can't sign now: {why}"),
            Self::Refused(why) => write!(f, "the signer refuses: {why}"),
            Self::Halted(why) => write!(f, "the signer waits for a person: {why}"),
            Self::Broken(why) => write!(f, "the signer can't work: {why}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<hsm::Error> for Error {
    fn from(error: hsm::Error) -> Self {
        let why = error.to_string();
        match (error.class(), error) {
            (hsm::Class::Retry, _) => Self::Away(why),
            (hsm::Class::Refuse, _) => Self::Refused(why),
            (hsm::Class::Fatal, hsm::Error::Module { .. } | hsm::Error::InUse) => Self::Broken(why),
            // Ending the process would have it started again, and the wrong PIN tried again.
            (hsm::Class::Fatal, _) => Self::Halted(why),
        }
    }
}

#[cfg(test)]
mod tests;
