//! The hub-signed list of members and boxes: who has which certificates. A valid certificate that is not in it
//! opens nothing.

use std::collections::HashMap;
use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Error;
pub use super::agency::{Date, Domain, Stage};
use super::anchors::Identity;
use super::refusal::{Refusal, Verdict};
use crate::clock::Moment;
use crate::packet::MemberId;

/// SHA-256 of a certificate's DER, written as lower-case hex.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// The fingerprint of a certificate in DER.
    #[must_use]
    pub fn of(der: &[u8]) -> Self {
        Self(super::fingerprint(der))
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

    /// The same as another, whenever each was changed.
    fn stands_as(&self, other: &Self) -> bool {
        let before = Self {
            changed: other.changed,
            ..self.clone()
        };
        before == *other
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

/// What a directory says, as it is signed and sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// Grows with every change.
    pub version: u64,
    /// When the hub issued it.
    #[serde(with = "crate::clock::text")]
    pub issued: Moment,
    /// Until when it may be relied on without a newer one.
    #[serde(with = "crate::clock::text")]
    pub valid_until: Moment,
    /// The hub itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hub: Option<BoxEntry>,
    /// All members.
    pub members: Vec<Member>,
    /// All boxes.
    pub boxes: Vec<BoxEntry>,
}

impl Content {
    /// Enters since when each member stands as it does, by the directory that was in force.
    pub fn enter_changes(&mut self, before: Option<&Directory>) {
        for member in &mut self.members {
            let same = before.and_then(|before| {
                let known = before.find(&member.code)?;
                // A directory of an earlier release tells of no changes: all of it counts as its own.
                let unknown = Changed {
                    version: before.version,
                    at: before.issued,
                };
                known
                    .stands_as(member)
                    .then(|| known.changed.unwrap_or(unknown))
            });
            member.changed = Some(same.unwrap_or(Changed {
                version: self.version,
                at: self.issued,
            }));
        }
    }
}

/// A directory with its indexes; immutable, read through [`Content`]'s fields.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Content", into = "Content")]
pub struct Directory {
    content: Content,
    by_code: HashMap<MemberId, usize>,
    by_box: HashMap<MemberId, usize>,
    of_box: HashMap<MemberId, Vec<usize>>,
    tls_owner: HashMap<Fingerprint, MemberId>,
    seal_owner: HashMap<Fingerprint, MemberId>,
}

impl Deref for Directory {
    type Target = Content;

    fn deref(&self) -> &Content {
        &self.content
    }
}

impl From<Directory> for Content {
    fn from(directory: Directory) -> Self {
        directory.content
    }
}

impl TryFrom<Content> for Directory {
    type Error = Error;

    fn try_from(content: Content) -> Result<Self, Error> {
        Self::new(content)
    }
}

impl Directory {
    /// Indexes `content`. A code in use wins over the same text as somebody's QCVN 102 or earlier code.
    ///
    /// # Errors
    /// When a code, or a certificate, is registered twice.
    pub fn new(content: Content) -> Result<Self, Error> {
        let mut by_code = HashMap::with_capacity(content.members.len() * 2);
        let (mut tls_owner, mut seal_owner) = (HashMap::new(), HashMap::new());
        let own = |owners: &mut HashMap<_, _>, print: &Fingerprint, code: &MemberId| match owners
            .insert(*print, code.clone())
        {
            Some(other) if other != *code => Err(Error::Directory(format!(
                "certificate {print} is registered for {other} and for {code}"
            ))),
            _ => Ok(()),
        };
        for (at, member) in content.members.iter().enumerate() {
            if by_code.insert(member.code.clone(), at).is_some() {
                return Err(Error::Directory(format!(
                    "{} is registered twice",
                    member.code
                )));
            }
            for print in &member.seal {
                own(&mut seal_owner, print, &member.code)?;
            }
        }
        let also: [fn(&Member) -> &Option<MemberId>; 2] = [|m| &m.code102, |m| &m.old_code];
        for other in also {
            for (at, member) in content.members.iter().enumerate() {
                if let Some(code) = other(member) {
                    by_code.entry(code.clone()).or_insert(at);
                }
            }
        }
        let mut by_box = HashMap::new();
        for (at, entry) in content.boxes.iter().enumerate() {
            if by_box.insert(entry.code.clone(), at).is_some() {
                return Err(Error::Directory(format!(
                    "box {} is registered twice",
                    entry.code
                )));
            }
        }
        for entry in content.boxes.iter().chain(&content.hub) {
            for print in &entry.tls {
                own(&mut tls_owner, print, &entry.code)?;
            }
            for print in &entry.seal {
                own(&mut seal_owner, print, &entry.code)?;
            }
        }
        let mut directory = Self {
            content,
            by_code,
            by_box,
            of_box: HashMap::new(),
            tls_owner,
            seal_owner,
        };
        directory.of_box = directory.behind_boxes();
        Ok(directory)
    }

    fn behind_boxes(&self) -> HashMap<MemberId, Vec<usize>> {
        let mut all: HashMap<_, Vec<usize>> = HashMap::new();
        for (at, member) in self.content.members.iter().enumerate() {
            if let Some(entry) = self.box_of(member) {
                all.entry(entry.code.clone()).or_default().push(at);
            }
        }
        all
    }

    /// Reads the JSON of a directory.
    ///
    /// # Errors
    /// When it is not one, or contradicts itself.
    pub fn from_json(json: &[u8]) -> Result<Self, Error> {
        serde_json::from_slice(json).map_err(|error| Error::Directory(error.to_string()))
    }

    /// Writes the JSON of a directory, whose bytes are what gets signed.
    ///
    /// # Errors
    /// Never for a directory that was read.
    pub fn to_json(&self) -> Result<Vec<u8>, Error> {
        serde_json::to_vec(&self.content).map_err(|error| Error::Directory(error.to_string()))
    }

    /// The member that `code` names in any of its three forms.
    #[must_use]
    pub fn find(&self, code: &MemberId) -> Option<&Member> {
        self.by_code.get(code).map(|at| &self.content.members[*at])
    }

    /// The box registered under `code`, or under another form of that member's code.
    #[must_use]
    pub fn find_box(&self, code: &MemberId) -> Option<&BoxEntry> {
        let at = self.by_box.get(code).or_else(|| {
            let member = self.find(code)?;
            self.by_box.get(&member.code)
        });
        at.map(|at| &self.content.boxes[*at])
    }

    /// The box through which `member` is reached, whichever form of the code names it.
    #[must_use]
    pub fn box_of(&self, member: &Member) -> Option<&BoxEntry> {
        self.find_box(member.box_code.as_ref()?)
    }

    /// The members reached through a box.
    pub fn members_of_box<'a>(&'a self, code: &MemberId) -> impl Iterator<Item = &'a Member> {
        let code = self.find_box(code).map(|entry| &entry.code);
        code.and_then(|code| self.of_box.get(code))
            .into_iter()
            .flatten()
            .map(|at| &self.content.members[*at])
    }

    /// The box whose TLS certificate this is.
    ///
    /// # Errors
    /// `NotRegistered`, or `AnotherMember` when the certificate stands under another code.
    pub fn registered_box(&self, identity: &Identity) -> Result<&BoxEntry, Refusal> {
        self.find_box(&identity.code)
            .filter(|entry| entry.tls.contains(&Fingerprint(identity.fingerprint)))
            .ok_or_else(|| self.unregistered(identity, &self.tls_owner, "box"))
    }

    /// The member whose seal certificate this is. One that has closed still seals: it answers for what it was sent and
    /// what it sent before, and begins nothing new ([`Directory::open_seal`]).
    ///
    /// # Errors
    /// `NotRegistered` or `AnotherMember`.
    pub fn registered_seal(&self, identity: &Identity) -> Result<&Member, Refusal> {
        self.find(&identity.code)
            .filter(|member| member.seal.contains(&Fingerprint(identity.fingerprint)))
            .ok_or_else(|| self.unregistered(identity, &self.seal_owner, "member"))
    }

    /// The member whose seal certificate this is and whose code is in use.
    ///
    /// # Errors
    /// As [`Directory::registered_seal`], and `NotRegistered` for a closed code, its successor named.
    pub fn open_seal(&self, identity: &Identity) -> Result<&Member, Refusal> {
        let member = self.registered_seal(identity)?;
        if member.state == State::Closed {
            let mut detail = format!("the code {} is closed", member.code);
            if let Some(successor) = &member.successor {
                detail += &format!("; its successor is {successor}");
            }
            return Err(identity.refuse(Verdict::NotRegistered, detail));
        }
        Ok(member)
    }

    /// The hub, if this is its TLS certificate.
    ///
    /// # Errors
    /// `NotRegistered` or `AnotherMember`.
    pub fn registered_hub(&self, identity: &Identity) -> Result<&BoxEntry, Refusal> {
        self.hub_with(identity, |hub| &hub.tls, &self.tls_owner)
    }

    /// The hub, if this is its seal certificate.
    ///
    /// # Errors
    /// `NotRegistered` or `AnotherMember`.
    pub fn registered_hub_seal(&self, identity: &Identity) -> Result<&BoxEntry, Refusal> {
        self.hub_with(identity, |hub| &hub.seal, &self.seal_owner)
    }

    fn hub_with(
        &self,
        identity: &Identity,
        prints: fn(&BoxEntry) -> &Vec<Fingerprint>,
        owners: &HashMap<Fingerprint, MemberId>,
    ) -> Result<&BoxEntry, Refusal> {
        self.content
            .hub
            .as_ref()
            .filter(|hub| hub.code == identity.code)
            .filter(|hub| prints(hub).contains(&Fingerprint(identity.fingerprint)))
            .ok_or_else(|| self.unregistered(identity, owners, "hub"))
    }

    fn unregistered(
        &self,
        identity: &Identity,
        owners: &HashMap<Fingerprint, MemberId>,
        what: &str,
    ) -> Refusal {
        let print = Fingerprint(identity.fingerprint);
        match owners.get(&print) {
            Some(owner) if *owner != identity.code => identity.refuse(
                Verdict::AnotherMember,
                format!("it says {}, but is registered for {owner}", identity.code),
            ),
            _ => identity.refuse(
                Verdict::NotRegistered,
                format!("{what} {} has no certificate {print}", identity.code),
            ),
        }
    }
}
