//! What the signer is told at its start.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hsm::{Pin, TokenName};
use serde::Deserialize;

use super::{Error, KeyUse};
use crate::packet::MemberId;
use crate::systemd::Credentials;

/// The signer's configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Socket that it listens at.
    pub socket: PathBuf,
    /// Directory of the last tree heads, one file a member.
    pub heads: PathBuf,
    /// The PKCS#11 module.
    pub module: PathBuf,
    /// Label of the token; this or `token_serial`.
    pub token_label: Option<String>,
    /// Serial number of the token.
    pub token_serial: Option<String>,
    /// Name of the system's credential that holds the PIN; this or `pin_file`.
    pub pin_credential: Option<String>,
    /// File that holds the PIN.
    pub pin_file: Option<PathBuf>,
    /// How the token is treated, as `trucgate provision probe` writes it; otherwise what is known of such a token.
    pub profile: Option<hsm::Profile>,
    /// The PIN itself, where bench work holds it already; no file can say it.
    #[serde(skip)]
    pub pin: Option<Pin>,
    /// Sessions kept for seals.
    #[serde(default = "two")]
    pub seal_sessions: usize,
    /// Sessions kept for TLS.
    #[serde(default = "two")]
    pub tls_sessions: usize,
    /// Requests that may wait for each of the two.
    #[serde(default = "queue")]
    pub queue: usize,
    /// Milliseconds that a request may wait for the token.
    #[serde(default = "deadline")]
    pub deadline_ms: u64,
    /// Milliseconds that each signature takes at least: a slow token, for tests and benches.
    pub min_sign_time_ms: Option<u64>,
    /// A second token that serves while the first is away.
    pub standby: Option<StandbyConfig>,
    /// The keys that are served, and to whom.
    pub keys: Vec<KeyConfig>,
}

/// The second token: another module, or another token of the same.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandbyConfig {
    /// Its PKCS#11 module.
    pub module: PathBuf,
    /// Its label; this or `token_serial`.
    pub token_label: Option<String>,
    /// Its serial number.
    pub token_serial: Option<String>,
    /// Name of the system's credential that holds its PIN; this or `pin_file`.
    pub pin_credential: Option<String>,
    /// File that holds its PIN.
    pub pin_file: Option<PathBuf>,
    /// How it is treated, as [`Config::profile`].
    pub profile: Option<hsm::Profile>,
    /// Milliseconds that the first token may leave a request unserved before this one serves.
    #[serde(default = "after")]
    pub after_ms: u64,
}

/// What stands for a key in the second token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Standby {
    /// The same key under the same label, for the same certificate.
    #[default]
    Same,
    /// Nothing: what needs the key waits for the first token.
    None,
    /// A sister key with a certificate of its own, which the directory must know, too.
    Sister {
        /// Its label in the second token.
        label: String,
        /// PEM file of its certificates, its own first.
        certificates: PathBuf,
    },
}

/// One key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyConfig {
    /// Its name in requests.
    pub name: String,
    /// The member or box that it speaks for.
    pub member: MemberId,
    /// What it is for.
    #[serde(rename = "use")]
    pub use_: KeyUse,
    /// Its label in the token.
    pub label: String,
    /// PEM file of its certificates, its own first.
    pub certificates: PathBuf,
    /// What stands for it in the second token, if one is configured.
    pub standby: Option<Standby>,
    /// Who may use it.
    pub allow: Vec<Who>,
}

/// What stands before the certificates in a file whose key has another label than the configuration says: the way in which
/// a renewal puts certificate and key in place at once.
pub const LABEL: &str = "trucgate-label: ";

/// What is appended to a key's name for the one that is to take its place.
pub const SUCCESSOR: &str = ".next";

impl KeyConfig {
    /// The file of the certificates that are to come next.
    #[must_use]
    pub fn next_file(&self) -> PathBuf {
        self.certificates.with_extension("next.pem")
    }

    /// The file of the certificates that were in force before.
    #[must_use]
    pub fn previous_file(&self) -> PathBuf {
        self.certificates.with_extension("previous.pem")
    }

    /// The key's label: that of its certificates' file where it names one.
    #[must_use]
    pub fn label_in(&self, file: &str) -> String {
        label_in(file).unwrap_or(&self.label).to_owned()
    }

    /// The successor, if its certificates are there: served beside the key under a name of its own.
    #[must_use]
    pub fn successor(&self) -> Option<Self> {
        let certificates = self.next_file();
        certificates.exists().then(|| Self {
            name: format!("{}{SUCCESSOR}", self.name),
            certificates,
            ..self.clone()
        })
    }
}

/// The label that a file of certificates names for its key.
#[must_use]
pub fn label_in(file: &str) -> Option<&str> {
    file.lines()
        .find_map(|line| line.strip_prefix(LABEL))
        .map(str::trim)
}

/// A user of this machine.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Who {
    /// By number.
    Uid(u32),
    /// By name, looked up at the start.
    Name(String),
}

fn two() -> usize {
    2
}

fn queue() -> usize {
    1024
}

fn deadline() -> u64 {
    8_000
}

fn after() -> u64 {
    2_000
}

impl Config {
    /// The longest that a request may wait for the token.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        Duration::from_millis(self.deadline_ms)
    }

    /// Refuses what would be ignored or could never work.
    ///
    /// # Errors
    /// Names the first such setting.
    pub fn check(&self) -> Result<(), Error> {
        if self.keys.is_empty() {
            return Err(broken("no keys"));
        }
        if self.seal_sessions == 0 || self.tls_sessions == 0 || self.queue == 0 {
            return Err(broken("sessions and queue are at least 1"));
        }
        for (place, key) in self.keys.iter().enumerate() {
            if key.allow.is_empty() {
                return Err(broken(&format!("nobody may use key {}", key.name)));
            }
            match (&key.standby, &self.standby) {
                (Some(_), None) => {
                    return Err(broken(&format!(
                        "key {} names a standby, but there is no second token",
                        key.name
                    )));
                }
                // A handshake shows its certificate before the signature is asked for.
                (Some(Standby::Sister { .. }), _) if key.use_ == KeyUse::Tls => {
                    return Err(broken(&format!(
                        "key {} is for TLS, which can't change its certificate on the way: copy it into the second token, \
                         or say standby = \"none\"",
                        key.name
                    )));
                }
                _ => {}
            }
            if self.keys[..place]
                .iter()
                .any(|known| known.name == key.name)
            {
                return Err(broken(&format!("two keys are called {}", key.name)));
            }
        }
        Ok(())
    }

    /// What the pool of the first token needs, PIN included.
    ///
    /// # Errors
    /// When token or PIN are named twice or not at all, or the PIN can't be read.
    pub fn pool(&self, credentials: &Credentials) -> Result<hsm::Config, Error> {
        Ok(hsm::Config {
            module: self.module.clone(),
            token: token(self.token_label.as_ref(), self.token_serial.as_ref())?,
            pin: match &self.pin {
                Some(pin) => pin.clone(),
                None => pin(
                    self.pin_credential.as_deref(),
                    self.pin_file.as_deref(),
                    credentials,
                )?,
            },
            profile: self.profile.clone(),
            seal_sessions: self.seal_sessions,
            tls_sessions: self.tls_sessions,
            queue: self.queue,
            deadline: self.deadline(),
            min_sign_time: self.min_sign_time_ms.map(Duration::from_millis),
        })
    }

    /// What the pool of the second token needs, if there is one, and after what time it serves.
    ///
    /// # Errors
    /// As [`Config::pool`].
    pub fn standby_pool(
        &self,
        credentials: &Credentials,
    ) -> Result<Option<(hsm::Config, Duration)>, Error> {
        let Some(second) = &self.standby else {
            return Ok(None);
        };
        let named = |error: Error| match error {
            Error::Broken(why) => Error::Broken(format!("[standby] {why}")),
            other => other,
        };
        let pool = hsm::Config {
            module: second.module.clone(),
            token: token(second.token_label.as_ref(), second.token_serial.as_ref())
                .map_err(named)?,
            pin: pin(
                second.pin_credential.as_deref(),
                second.pin_file.as_deref(),
                credentials,
            )
            .map_err(named)?,
            profile: second.profile.clone(),
            ..self.pool(credentials)?
        };
        Ok(Some((pool, Duration::from_millis(second.after_ms))))
    }
}

fn token(label: Option<&String>, serial: Option<&String>) -> Result<TokenName, Error> {
    match (label, serial) {
        (Some(label), None) => Ok(TokenName::Label(label.clone())),
        (None, Some(serial)) => Ok(TokenName::Serial(serial.clone())),
        _ => Err(broken("give either token_label or token_serial")),
    }
}

fn pin(
    credential: Option<&str>,
    file: Option<&Path>,
    credentials: &Credentials,
) -> Result<Pin, Error> {
    match (credential, file) {
        (Some(name), None) => pin_of(name, credentials),
        (None, Some(file)) => {
            Pin::read(file).map_err(|e| broken(&format!("PIN file {}: {e}", file.display())))
        }
        _ => Err(broken("give either pin_credential or pin_file")),
    }
}

fn pin_of(name: &str, credentials: &Credentials) -> Result<Pin, Error> {
    let secret = credentials
        .get(name)
        .map_err(|e| broken(&format!("PIN credential {name}: {e}")))?
        .ok_or_else(|| broken(&format!("the PIN credential {name} was not delivered")))?;
    match std::str::from_utf8(secret.line()) {
        Ok(pin) if !pin.is_empty() => Ok(Pin::new(pin.to_owned())),
        _ => Err(broken(&format!("the PIN credential {name} holds no PIN"))),
    }
}

fn broken(why: &str) -> Error {
    Error::Broken(format!("configuration: {why}"))
}
