//! What the directory lists: members and boxes, with the certificates that are theirs.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::super::Error;
use super::super::agency::{Date, Domain, Stage};
use crate::clock::Moment;
use crate::packet::MemberId;

/// SHA-256 of a certificate's DER, written as lower-case hex.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// The fingerprint of a certificate in DER.
    #[must_use]
    pub fn of(der: &[u8]) -> Self {
        Self(super::super::fingerprint(der))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Fingerprint {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        data_encoding::HEXLOWER_PERMISSIVE
            .decode(text.as_bytes())
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or_else(|| Error::Directory(format!("{text:?} is not a fingerprint")))
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

/// Whether a code is in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// In use.
    #[default]
    Active,
    /// Given up, as by the mergers of 2025; perhaps with a successor.
    Closed,
}

/// One agency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// The code under which it is registered.
    pub code: MemberId,
    /// Its code by QCVN 102, if that is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code102: Option<MemberId>,
    /// An earlier code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_code: Option<MemberId>,
    /// Number in the list of agencies.
    pub id: u64,
    /// Number of the agency above it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u64>,
    /// Name, in Vietnamese.
    pub name: String,
    /// Mail address; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub mail: String,
    /// Level, 1 for ministries and provinces; 0 when unknown.
    #[serde(default)]
    pub level: u8,
    /// Code of the agency above it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<MemberId>,
    /// The box through which it is reached; none for members that are only listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub box_code: Option<MemberId>,
    /// Its seal certificates; two while one is being replaced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seal: Vec<Fingerprint>,
    /// Whether the code is in use.
    #[serde(default)]
    pub state: State,
    /// Who answers for it now that it is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub successor: Option<MemberId>,
    /// Which part of the state it is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<Domain>,
    /// How far its software has come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
    /// Since when, or until when it is planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage_date: Option<Date>,
    /// Who answers for it there; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub contact: String,
    /// Since when it stands so; the hub enters it when it publishes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<Changed>,
}

/// Which directory was the first to show a member as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Changed {
    /// Its version.
    pub version: u64,
    /// When it was issued.
    #[serde(with = "crate::clock::text")]
    pub at: Moment,
}

impl Member {
    /// A member in use with nothing but its mandatory fields.
    #[must_use]
    pub fn new(code: MemberId, id: u64, name: String) -> Self {
        Self {
            code,
            code102: None,
            old_code: None,
            id,
            pid: None,
            name,
            mail: String::new(),
            level: 0,
            parent: None,
            box_code: None,
            seal: Vec::new(),
            state: State::Active,
            successor: None,
            domain: None,
            stage: None,
            stage_date: None,
            contact: String::new(),
            changed: None,
        }
    }
}

/// One security server, or the hub.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoxEntry {
    /// The code in its TLS certificate: its member's, or a connection centre's (W).
    pub code: MemberId,
    /// Its TLS certificates; two while one is being replaced.
    pub tls: Vec<Fingerprint>,
    /// Seal certificates, of the hub only: a box seals as its members.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seal: Vec<Fingerprint>,
}
