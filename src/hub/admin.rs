//! Changes of the registry: who the hub is, which boxes and members there are.
//!
//! They are written into the hub's store, by the hub or beside it by another process; a running hub sees the counter
//! move and publishes a new directory. A change that would contradict the rest is refused as a whole.

pub mod enrolment;
mod history;
mod import;
mod table;

use serde::{Deserialize, Serialize};

pub(super) use history::SCHEMA;
pub use history::{Done, Entered, Line, Order, history, proof};
pub use import::{Imported, RefusedLine, import};

use super::Error;
use super::directory::registry_error;
use crate::clock::Moment;
use crate::packet::MemberId;
use crate::signer::KeyUse;
use crate::store::{OptionalExt, Store, Tx, params};
use crate::trust::directory::{
    BoxEntry, Content, Date, Directory, Domain, Fingerprint, Member, Stage, State,
};

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Change {
    /// The hub's own code and certificates.
    SetHub(BoxEntry),
    /// Adds a box or replaces it.
    AddBox(BoxEntry),
    /// Adds a member or replaces it.
    AddMember(Box<Member>),
    /// Says of a member what stands beside its certificates; what is left out stays.
    DescribeMember(Description),
    /// Registers one more certificate of a member (seal), a box (TLS) or the hub (both): the overlap of a renewal.
    AddCertificate(CertificateOf),
    /// Takes one of several certificates out again.
    RemoveCertificate(CertificateOf),
    /// Closes a code, perhaps in favour of a successor.
    CloseMember {
        /// The code under which it is registered.
        code: MemberId,
        /// Who answers for it now.
        successor: Option<MemberId>,
    },
}

/// What is said of a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// The code under which it is registered.
    pub code: MemberId,
    /// Which part of the state it is of.
    pub domain: Option<Domain>,
    /// How far its software has come.
    pub stage: Option<Stage>,
    /// Since when, or until when it is planned; goes with the stage.
    pub stage_date: Option<Date>,
    /// Who answers for it there.
    pub contact: Option<String>,
}

/// A certificate and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateOf {
    /// The code of the member, box or hub.
    pub code: MemberId,
    /// What it is for.
    #[serde(rename = "use")]
    pub use_: KeyUse,
    /// SHA-256 of it.
    pub certificate: Fingerprint,
}

/// The registry as it stands.
#[derive(Clone, Debug, Default)]
pub(super) struct Registry {
    hub: Option<BoxEntry>,
    boxes: Vec<BoxEntry>,
    members: Vec<Member>,
}

impl Registry {
    /// Makes a directory of it, the one behind `before`, if it does not contradict itself.
    pub(super) fn directory(
        self,
        version: u64,
        issued: Moment,
        valid_until: Moment,
        before: Option<&Directory>,
    ) -> Result<Directory, Error> {
        let mut content = self.content(version, issued, valid_until);
        content.check().map_err(registry_error)?;
        content.enter_changes(before).map_err(registry_error)?;
        Directory::new(content).map_err(registry_error)
    }

    /// The register as it stands, with no version and no time.
    fn unpublished(self) -> Result<Directory, Error> {
        self.directory(0, Moment::UNIX_EPOCH, Moment::UNIX_EPOCH, None)
    }

    /// Whether it contradicts itself.
    fn check(self) -> Result<(), Error> {
        let content = self.content(0, Moment::UNIX_EPOCH, Moment::UNIX_EPOCH);
        content.check().map_err(registry_error)
    }

    fn content(self, version: u64, issued: Moment, valid_until: Moment) -> Content {
        Content {
            version,
            issued,
            valid_until,
            hub: self.hub,
            members: self.members,
            boxes: self.boxes,
        }
    }
}

impl Change {
    /// The code of the entry that it changes.
    fn code(&self) -> MemberId {
        match self {
            Self::SetHub(entry) | Self::AddBox(entry) => &entry.code,
            Self::AddMember(member) => &member.code,
            Self::DescribeMember(said) => &said.code,
            Self::AddCertificate(one) | Self::RemoveCertificate(one) => &one.code,
            Self::CloseMember { code, .. } => code,
        }
        .clone()
    }
}

/// Applies changes, all or none; gives the registry's new state number.
///
/// # Errors
/// [`Error::Registry`] when the result would contradict itself, or a code to be closed is not registered.
pub async fn apply(store: &Store, order: Order, changes: Vec<Change>) -> Result<u64, Error> {
    let done = Done::Applied(changes);
    let text = history::Text::of(order, &done)?;
    store
        .write(move |tx| {
            if let Done::Applied(changes) = &done {
                changes.iter().try_for_each(|change| write(tx, change))?;
            }
            text.keep(tx)?;
            registry(tx)?.check()?;
            tx.execute("UPDATE hub_registry_change SET counter = counter + 1", [])?;
            Ok(super::unsigned(change(tx)?))
        })
        .await
}

fn write(tx: &Tx<'_>, change: &Change) -> Result<(), Error> {
    match change {
        Change::SetHub(hub) => {
            tx.execute("DELETE FROM hub_registry WHERE kind = 'hub'", [])?;
            put(tx, "hub", &hub.code, hub)
        }
        Change::AddBox(entry) => put(tx, "box", &entry.code, entry),
        Change::AddMember(member) => put(tx, "member", &member.code, member),
        Change::AddCertificate(one) => certificates(tx, one, |all| {
            if !all.contains(&one.certificate) {
                all.push(one.certificate);
            }
        }),
        Change::RemoveCertificate(one) => {
            certificates(tx, one, |all| all.retain(|print| *print != one.certificate))
        }
        Change::DescribeMember(said) => {
            let mut member = registered(tx, &said.code)?;
            member.domain = said.domain.or(member.domain);
            if said.stage.is_some() {
                (member.stage, member.stage_date) = (said.stage, said.stage_date);
            }
            if let Some(contact) = &said.contact {
                member.contact.clone_from(contact);
            }
            put(tx, "member", &said.code, &member)
        }
        Change::CloseMember { code, successor } => {
            let mut member = registered(tx, code)?;
            member.state = State::Closed;
            member.successor.clone_from(successor);
            put(tx, "member", code, &member)
        }
    }
}

fn registered(tx: &Tx<'_>, code: &MemberId) -> Result<Member, Error> {
    let entry: Option<String> = tx
        .query_row(
            "SELECT entry FROM hub_registry WHERE kind = 'member' AND code = ?1",
            [code.as_str()],
            |row| row.get(0),
        )
        .optional()?;
    read(&entry.ok_or_else(|| Error::Registry(format!("{code} is not registered")))?)
}

/// The register as it stands, not published and not signed: for tools beside a hub.
///
/// # Errors
/// When it can't be read or contradicts itself.
pub async fn listed(store: &Store) -> Result<Directory, Error> {
    store.read(|tx| registry(tx)?.unpublished()).await
}

/// Whether a member can be taken out: it is registered, and nothing waits for it any more.
///
/// # Errors
/// [`Error::Registry`] says what stands against it.
pub(super) fn may_remove(tx: &Tx<'_>, code: &MemberId) -> Result<(), Error> {
    let count = |select: &str| -> Result<i64, Error> {
        Ok(tx.query_row(select, [code.as_str()], |row| row.get(0))?)
    };
    if count("SELECT count(*) FROM hub_registry WHERE kind = 'member' AND code = ?1")? == 0 {
        return Err(Error::Registry(format!("{code} is not registered")));
    }
    let waiting = count("SELECT count(*) FROM hub_mailbox WHERE recipient = ?1 AND state < 3")?;
    if waiting > 0 {
        return Err(Error::Registry(format!(
            "{waiting} packets wait for {code}: close its code and let them be taken first"
        )));
    }
    Ok(())
}

/// Takes a member out of the register. What it sent and got stays on record.
///
/// # Errors
/// As [`may_remove`], or when the rest would contradict itself.
pub(super) async fn remove(store: &Store, order: Order, code: MemberId) -> Result<(), Error> {
    let text = history::Text::of(order, &Done::Removed(code.clone()))?;
    store
        .write(move |tx| {
            may_remove(tx, &code)?;
            text.keep(tx)?;
            tx.execute(
                "DELETE FROM hub_registry WHERE kind = 'member' AND code = ?1",
                [code.as_str()],
            )?;
            registry(tx)?.check()?;
            tx.execute("UPDATE hub_registry_change SET counter = counter + 1", [])?;
            Ok(())
        })
        .await
}

/// Changes the list of certificates that a code is registered with for one use; the last one stays.
fn certificates(
    tx: &Tx<'_>,
    of: &CertificateOf,
    change: impl Fn(&mut Vec<Fingerprint>),
) -> Result<(), Error> {
    let find = |kind: &str| -> Result<Option<String>, Error> {
        Ok(tx
            .query_row(
                "SELECT entry FROM hub_registry WHERE kind = ?1 AND code = ?2",
                [kind, of.code.as_str()],
                |row| row.get(0),
            )
            .optional()?)
    };
    let changed = |all: &mut Vec<Fingerprint>| {
        change(all);
        if all.is_empty() {
            let code = &of.code;
            return Err(Error::Registry(format!(
                "{code} would have no certificate left"
            )));
        }
        Ok(())
    };
    if let Some(entry) = find("hub")? {
        let mut hub: BoxEntry = read(&entry)?;
        changed(match of.use_ {
            KeyUse::Tls => &mut hub.tls,
            KeyUse::Seal => &mut hub.seal,
        })?;
        return put(tx, "hub", &of.code, &hub);
    }
    let entry = match of.use_ {
        KeyUse::Tls => find("box")?,
        KeyUse::Seal => find("member")?,
    };
    let entry = entry.ok_or_else(|| Error::Registry(format!("{} is not registered", of.code)))?;
    match of.use_ {
        KeyUse::Tls => {
            let mut entry: BoxEntry = read(&entry)?;
            changed(&mut entry.tls)?;
            put(tx, "box", &of.code, &entry)
        }
        KeyUse::Seal => {
            let mut member: Member = read(&entry)?;
            changed(&mut member.seal)?;
            put(tx, "member", &of.code, &member)
        }
    }
}

fn put(tx: &Tx<'_>, kind: &str, code: &MemberId, entry: &impl Serialize) -> Result<(), Error> {
    let entry = serde_json::to_string(entry).map_err(|error| Error::Registry(error.to_string()))?;
    tx.prepare_cached(
        "INSERT OR REPLACE INTO hub_registry (kind, code, entry) VALUES (?1, ?2, ?3)",
    )?
    .execute(params![kind, code.as_str(), entry])?;
    Ok(())
}

/// The number of the registry's state.
pub(super) fn change(tx: &Tx<'_>) -> Result<i64, Error> {
    Ok(
        tx.query_row("SELECT counter FROM hub_registry_change", [], |row| {
            row.get(0)
        })?,
    )
}

/// Reads the whole registry.
pub(super) fn registry(tx: &Tx<'_>) -> Result<Registry, Error> {
    let mut registry = Registry::default();
    let mut select =
        tx.prepare_cached("SELECT kind, entry FROM hub_registry ORDER BY kind, code")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let (kind, entry): (String, String) = (row.get(0)?, row.get(1)?);
        match kind.as_str() {
            "hub" => registry.hub = Some(read(&entry)?),
            "box" => registry.boxes.push(read(&entry)?),
            _ => registry.members.push(read(&entry)?),
        }
    }
    Ok(registry)
}

fn read<T: serde::de::DeserializeOwned>(entry: &str) -> Result<T, Error> {
    serde_json::from_str(entry).map_err(|error| Error::Registry(error.to_string()))
}
