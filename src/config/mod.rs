//! Gathers the configurations of all rooms: one file a process, unknown keys are errors.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::clock::Clock;
use crate::gauge::Lead;
use crate::packet::MemberId;
use crate::retry::Class;
use crate::signer::config::Who;
use crate::tls::TrustFiles;
use crate::trust::operators::Operators;
use crate::{hub, pki, relay, vxp};

/// What a relay reads.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelayConfig {
    /// This box.
    #[serde(rename = "box")]
    pub own: Own,
    /// The hub that it relays to.
    pub hub: HubAddress,
    /// Where software knocks.
    pub software: Software,
    /// What it trusts.
    pub trust: TrustFiles,
    /// Where revocation lists and OCSP answers are fetched.
    #[serde(default)]
    pub revocation: pki::Config,
    /// Where the heads of logs are stamped with the time; none are unless it is there.
    pub time_stamps: Option<pki::TimeStamps>,
    /// The door to the software.
    pub vxp: vxp::Config,
    /// Members and walks.
    pub relay: relay::Config,
    /// Its operators' way in.
    #[serde(default)]
    pub control: Control,
    /// For whom it is backed up; it can't be unless it is there.
    pub backup: Option<Backup>,
    /// Only in tests and the demo.
    #[serde(default)]
    pub test: Test,
}

/// Backups.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backup {
    /// Certificates of the agency, PEM or DER, with keys on P-256 that are kept off the box; each opens a backup alone.
    pub certificates: Vec<PathBuf>,
    /// Backups that stay in a directory to which they are written one after the other.
    #[serde(default = "seven")]
    pub keep: u16,
}

fn seven() -> u16 {
    7
}

/// What a hub reads.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HubConfig {
    /// The hub itself.
    #[serde(rename = "box")]
    pub own: Own,
    /// The name of its seal key at the signer.
    pub seal_key: String,
    /// Where boxes connect.
    pub listen: SocketAddr,
    /// Where boxes that are not registered yet ask to be; without it none can, save by a file.
    pub enrolment: Option<EnrolmentAt>,
    /// What it trusts.
    pub trust: TrustFiles,
    /// Where revocation lists and OCSP answers are fetched.
    #[serde(default)]
    pub revocation: pki::Config,
    /// Where the heads of logs are stamped with the time; none are unless it is there.
    pub time_stamps: Option<pki::TimeStamps>,
    /// Bounds of the exchange.
    #[serde(default)]
    pub hub: hub::Config,
    /// Its operators' way in.
    #[serde(default)]
    pub control: Control,
    /// Only in tests and the demo.
    #[serde(default)]
    pub test: Test,
}

/// The hub's door of enrolments.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrolmentAt {
    /// Where.
    pub listen: SocketAddr,
    /// Calls of one address in a minute.
    #[serde(default = "thirty")]
    pub calls_per_minute: u32,
}

fn thirty() -> u32 {
    30
}

/// What every process that speaks TLS knows of itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Own {
    /// Its code.
    pub code: MemberId,
    /// Where it keeps what is to last.
    pub state: PathBuf,
    /// The signer's socket.
    pub signer: PathBuf,
    /// The name of its TLS key at the signer.
    pub tls_key: String,
}

/// Where the hub is and who it must be.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HubAddress {
    /// `host:port`.
    pub address: String,
    /// The code that its certificates must carry.
    pub code: MemberId,
    /// The host name that its certificate must carry.
    pub name: String,
}

/// Where software connects.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Software {
    /// HTTPS.
    pub listen: SocketAddr,
    /// Plain HTTP for software that knows no TLS, a declared risk.
    pub plain: Option<Plain>,
}

/// Plain HTTP.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plain {
    /// Where.
    pub listen: SocketAddr,
    /// The only addresses that may use it.
    pub from: Vec<std::net::IpAddr>,
}

/// How operators reach a running process, and how early they are warned.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Control {
    /// The local socket; `control.sock` in the state directory unless said, where only root and the process's own user get
    /// to. For others put it into the runtime directory.
    pub socket: Option<PathBuf>,
    /// Users that may ask there, beside root and the process's own.
    pub allow: Vec<Who>,
    /// The management address: HTTPS for the operators below.
    pub listen: Option<SocketAddr>,
    /// Who operates here.
    pub operators: Operators,
    /// Days that the certification authority takes to issue a certificate.
    pub lead_days: u16,
    /// Days before the last day to ask it at which a warning begins.
    pub warning_days: u16,
    /// Minutes within which a second operator has to approve what the first has proposed.
    pub agree_minutes: u16,
    /// Minutes by which the clock may be off the hub's time before no certificate is judged by it any more.
    pub clock_skew_minutes: u16,
}

impl Default for Control {
    fn default() -> Self {
        Self {
            socket: None,
            allow: Vec::new(),
            listen: None,
            operators: Operators::default(),
            lead_days: 14,
            warning_days: 30,
            agree_minutes: 15,
            clock_skew_minutes: 10,
        }
    }
}

impl Control {
    /// Where the local socket of a process with that state directory is.
    #[must_use]
    pub fn socket_in(&self, state: &Path) -> PathBuf {
        self.socket
            .clone()
            .unwrap_or_else(|| state.join("control.sock"))
    }

    /// How early somebody has to act.
    #[must_use]
    pub fn lead(&self) -> Lead {
        let days = |days: u16| time::Duration::days(i64::from(days));
        Lead {
            authority: days(self.lead_days),
            warning: days(self.warning_days),
        }
    }
}

/// Settings of tests and the demo.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// A file with the seconds by which this process's clock is moved.
    pub clock: Option<PathBuf>,
}

impl Test {
    /// The clock that is configured: the machine's own unless a test moves it.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock.clone().map_or_else(Clock::system, Clock::moved)
    }
}

/// Why a configuration can't be used.
#[derive(Debug)]
pub struct Error {
    path: PathBuf,
    reason: String,
}

impl Error {
    /// Fatal: nothing runs before it is mended.
    #[must_use]
    pub fn class(&self) -> Class {
        Class::Fatal
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.reason)
    }
}

impl std::error::Error for Error {}

/// Reads a configuration.
///
/// # Errors
/// Names the file, the line and the key that is unknown, missing or wrong.
pub fn load<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let fault = |reason: String| Error {
        path: path.to_owned(),
        reason,
    };
    let text = std::fs::read_to_string(path).map_err(|error| fault(error.to_string()))?;
    toml::from_str(&text).map_err(|error| fault(error.to_string()))
}
