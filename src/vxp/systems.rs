//! Who may knock: systems, their secrets, and for whom they speak.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use ring::hmac;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::packet::MemberId;
use crate::retry::Class;

mod network;

pub use self::network::Network;

/// A system's shared secret: wiped when dropped, never shown.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a secret's text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    fn key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, self.0.as_bytes())
    }

    /// HMAC-SHA256 of a text under this secret.
    #[must_use]
    pub fn sign(&self, text: &[u8]) -> hmac::Tag {
        hmac::sign(&self.key(), text)
    }

    /// Whether `tag` is the HMAC-SHA256 of `text` under this secret; takes the same time for every wrong tag.
    #[must_use]
    pub fn verifies(&self, text: &[u8], tag: &[u8]) -> bool {
        hmac::verify(&self.key(), text, tag).is_ok()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(source)?);
        if text.is_empty() {
            return Err(serde::de::Error::custom("an empty secret"));
        }
        Ok(Self(text))
    }
}

/// A software as it is known once proven: the tenant of every call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct System {
    /// `systemid`.
    pub id: String,
    /// The member it speaks for.
    pub member: MemberId,
    /// Units below the member that it speaks for as well.
    pub units: Vec<MemberId>,
}

impl System {
    /// Whether it speaks for a member, by the code as configured; the directory knows the codes that mean the same.
    #[must_use]
    pub fn speaks_for(&self, member: &MemberId) -> bool {
        self.members().any(|own| own == member)
    }

    /// All members it speaks for, its own first.
    pub fn members(&self) -> impl Iterator<Item = &MemberId> {
        std::iter::once(&self.member).chain(&self.units)
    }
}

/// One `[[system]]` of the systems file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SystemEntry {
    /// `systemid`.
    pub systemid: String,
    /// Its secret.
    pub secret: Secret,
    /// The secret before the last rotation, taken as long as it stands here.
    pub old_secret: Option<Secret>,
    /// The member it speaks for.
    pub member: MemberId,
    /// Units below the member that it speaks for as well.
    #[serde(default)]
    pub units: Vec<MemberId>,
    /// Addresses (`10.1.2.3`) or networks (`10.1.2.0/24`) it may come from; none means any.
    #[serde(default)]
    pub sources: Vec<Network>,
    /// SHA-256 of the client certificate it must show, 64 hexadecimal digits.
    pub certificate: Option<String>,
}

/// Whom a request came from, as the connection tells.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// The address at the other end.
    pub address: IpAddr,
    /// SHA-256 of the client certificate shown, if one was.
    pub certificate: Option<[u8; 32]>,
}

/// All systems of a box; a snapshot, replaced as a whole.
#[derive(Clone, Debug, Default)]
pub struct Systems(HashMap<String, Credential>);

#[derive(Clone, Debug)]
struct Credential {
    system: Arc<System>,
    secret: Secret,
    old_secret: Option<Secret>,
    sources: Vec<Network>,
    certificate: Option<[u8; 32]>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SystemsFile {
    #[serde(default)]
    system: Vec<SystemEntry>,
}

impl Systems {
    /// Reads a systems file (TOML, `[[system]]` entries).
    ///
    /// # Errors
    /// [`Error::File`] with the reason; never with the file's text, which holds secrets.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let fault = |reason: String| Error::File {
            path: path.display().to_string(),
            reason,
        };
        let text = std::fs::read_to_string(path)
            .map(Zeroizing::new)
            .map_err(|error| fault(error.to_string()))?;
        let file: SystemsFile = toml::from_str(&text).map_err(|error: toml::de::Error| {
            // The message alone: the full text of the error quotes the line, and the line may hold a secret.
            fault(error.message().to_owned())
        })?;
        Self::new(file.system)
    }

    /// The systems of the given entries.
    ///
    /// # Errors
    /// [`Error::Twice`] or [`Error::Fingerprint`], with the systemid.
    pub fn new(entries: Vec<SystemEntry>) -> Result<Self, Error> {
        let mut systems = HashMap::with_capacity(entries.len());
        for entry in entries {
            let certificate = match &entry.certificate {
                None => None,
                Some(hex) => Some(
                    fingerprint(hex).ok_or_else(|| Error::Fingerprint(entry.systemid.clone()))?,
                ),
            };
            let credential = Credential {
                system: Arc::new(System {
                    id: entry.systemid.clone(),
                    member: entry.member,
                    units: entry.units,
                }),
                secret: entry.secret,
                old_secret: entry.old_secret,
                sources: entry.sources,
                certificate,
            };
            if systems.insert(entry.systemid.clone(), credential).is_some() {
                return Err(Error::Twice(entry.systemid));
            }
        }
        Ok(Self(systems))
    }

    /// All systems, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<System>> {
        self.0.values().map(|credential| &credential.system)
    }

    /// The system whose secret made one of the `readings` into `tag`, and which reading it was. An unknown
    /// systemid costs the same work and gives the same `None` as a wrong secret.
    pub(super) fn authenticate(
        &self,
        id: &str,
        readings: &[Vec<u8>],
        tag: &[u8],
    ) -> Option<(Arc<System>, usize)> {
        let nobody = Secret::new("nobody");
        let known = self.0.get(id);
        let slots = [
            known.map(|credential| &credential.secret),
            known.and_then(|credential| credential.old_secret.as_ref()),
        ];
        let mut proven = None;
        for slot in slots {
            for (index, reading) in readings.iter().enumerate() {
                let right = slot.unwrap_or(&nobody).verifies(reading, tag);
                if right && slot.is_some() {
                    proven = proven.or(Some(index));
                }
            }
        }
        Some((Arc::clone(&known?.system), proven?))
    }

    /// Whether a proven system may come from there, with that certificate.
    pub(super) fn admits(&self, system: &System, peer: Peer) -> Result<(), NotAdmitted> {
        let Some(credential) = self.0.get(&system.id) else {
            return Err(NotAdmitted::Source);
        };
        let sources = &credential.sources;
        if !sources.is_empty() && !sources.iter().any(|network| network.holds(peer.address)) {
            return Err(NotAdmitted::Source);
        }
        match credential.certificate {
            Some(wanted) if peer.certificate != Some(wanted) => Err(NotAdmitted::Certificate),
            _ => Ok(()),
        }
    }
}

/// Why a proven system is turned away all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAdmitted {
    /// Its address is not among the configured sources.
    Source,
    /// It did not show the configured client certificate.
    Certificate,
}

fn fingerprint(hex: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> = hex.bytes().filter(|byte| *byte != b':').collect();
    let raw = data_encoding::HEXLOWER_PERMISSIVE.decode(&digits).ok()?;
    raw.try_into().ok()
}

/// What can be wrong with a systems file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// It can't be read.
    File {
        /// Which file.
        path: String,
        /// Why, without its text.
        reason: String,
    },
    /// A systemid stands in it twice.
    Twice(String),
    /// The system's `certificate` is not 64 hexadecimal digits.
    Fingerprint(String),
}

impl Error {
    /// Always [`Class::Fatal`] at start; a reload keeps the systems it has.
    #[must_use]
    pub fn class(&self) -> Class {
        Class::Fatal
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, reason } => write!(f, "systems file {path}: {reason}"),
            Self::Twice(id) => write!(f, "systemid {id} stands twice in the systems file"),
            Self::Fingerprint(id) => write!(
                f,
                "the certificate of systemid {id} is not the 64 hexadecimal digits of a SHA-256 fingerprint"
            ),
        }
    }
}

impl std::error::Error for Error {}
