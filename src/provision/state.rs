//! What has been done, written after each step; a step that was cut off is not in it and is simply done again.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::clock::{self, Clock};
use crate::durable::Disk;
use crate::trust::directory::Fingerprint;

/// The written state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct State {
    /// The token.
    pub token: Option<TokenDone>,
    /// How the PIN is kept.
    pub pin: Option<PinDone>,
    /// Key pairs by label.
    pub keys: BTreeMap<String, KeyDone>,
    /// Requests by label: the key that each is for.
    pub requests: BTreeMap<String, Fingerprint>,
    /// Certificates by label.
    pub certificates: BTreeMap<String, CertificateDone>,
    /// Digest of the plan whose configuration was written.
    pub configured: Option<Fingerprint>,
    /// The enrolment.
    pub enrolment: Option<EnrolmentDone>,
    /// The self-test.
    pub tested: Option<TestDone>,
    /// When it was closed; nothing is undone any more.
    pub closed: Option<String>,
}

/// A token that was found or initialised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenDone {
    /// Its label.
    pub label: String,
    /// Its serial number.
    pub serial: String,
    /// When.
    pub at: String,
}

/// How the PIN is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinDone {
    /// What protects it.
    pub how: Protection,
    /// When.
    pub at: String,
}

/// What protects a PIN on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protection {
    /// Sealed by the TPM2 and the host key.
    Tpm2,
    /// Encrypted by the host key.
    HostKey,
    /// Nothing but the file's mode: a declared risk.
    Plain,
}

impl Protection {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Tpm2 => "TPM2 và khoá của máy / TPM2 and host key",
            Self::HostKey => "khoá của máy, không có TPM2 / host key, there is no TPM2",
            Self::Plain => {
                "RỦI RO: PIN không mã hoá, chỉ có quyền tệp / RISK: plain PIN, protected by the file's mode alone"
            }
        }
    }
}

/// A key pair whose attributes were read back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyDone {
    /// SHA-256 of its SubjectPublicKeyInfo.
    pub spki: Fingerprint,
    /// When.
    pub at: String,
}

/// An imported certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateDone {
    /// SHA-256 of it.
    pub fingerprint: Fingerprint,
    /// Its serial number.
    pub serial: String,
    /// End of its validity.
    pub not_after: String,
    /// When.
    pub at: String,
}

/// An enrolment that was handed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrolmentDone {
    /// Whether the hub's operator has approved it.
    pub approved: bool,
    /// The TLS certificate that it names.
    pub tls: Fingerprint,
    /// When.
    pub at: String,
}

/// A self-test that went well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestDone {
    /// DocIds of the documents that members sent to themselves.
    pub docs: Vec<String>,
    /// When.
    pub at: String,
}

impl State {
    /// Reads the state; nothing done yet where there is none.
    ///
    /// # Errors
    /// When the file is there and not understood.
    pub fn read(path: &Path) -> Result<Self, String> {
        let at = |error: String| format!("{}: {error}", path.display());
        match std::fs::read(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            read => serde_json::from_slice(&read.map_err(|error| at(error.to_string()))?)
                .map_err(|error| at(error.to_string())),
        }
    }

    pub(super) fn write(&self, path: &Path, disk: &Disk) -> Result<(), String> {
        let json = serde_json::to_vec_pretty(self).map_err(|error| error.to_string())?;
        disk.replace(path, &json)
            .map_err(|error| format!("{}: {error}", path.display()))
    }
}

pub(super) fn now(clock: &Clock) -> String {
    clock::rfc3339(clock.now())
}
