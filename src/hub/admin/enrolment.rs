//! The operator's part of an enrolment: invite a box, see who asks, approve or refuse.

use std::sync::Arc;

use super::super::enrolment::{plain, sha256};
use super::super::{Error, millis};
use super::history::{self, Done, Order};
use super::{Change, read, registry, write};
use crate::clock::{Chance, Moment};
use crate::packet::MemberId;
use crate::store::{OptionalExt, Store, params};
use crate::trust::directory::{BoxEntry, Directory, Member};
use crate::uplink::enrolment::Enrolment;

/// Letters of a code: no two look alike.
const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// A box that waits for a decision.
#[derive(Clone, Debug)]
pub struct Pending {
    /// What it asks.
    pub message: Enrolment,
    /// When it asked, in milliseconds since 1970.
    pub at: i64,
    /// What the registry says of its members today: the box through which each is reached, if it is listed.
    pub today: Vec<(MemberId, Option<Option<MemberId>>)>,
}

/// Makes a single-use code for a box and its members; one given before is void.
///
/// # Errors
/// When the store fails.
pub async fn invite(
    store: &Store,
    box_code: MemberId,
    members: Vec<MemberId>,
    expires: Moment,
    chance: &Chance,
) -> Result<String, Error> {
    let letters = chance
        .bytes::<20>()
        .map(|byte| LETTERS[usize::from(byte % 32)]);
    let groups: Vec<_> = letters.chunks(5).map(String::from_utf8_lossy).collect();
    let code = groups.join("-");
    let digest = sha256(plain(&code).as_bytes());
    let named: Vec<&str> = members.iter().map(MemberId::as_str).collect();
    let (named, expires) = (named.join(" "), millis(expires));
    store
        .write(move |tx| {
            tx.execute(
                "INSERT OR REPLACE INTO hub_invitation (box, code, members, expires) VALUES (?1, ?2, ?3, ?4)",
                params![box_code.as_str(), digest, named, expires],
            )?;
            Ok::<_, Error>(())
        })
        .await?;
    Ok(code)
}

/// The boxes that wait.
///
/// # Errors
/// When the store can't be read.
pub async fn pending(store: &Store) -> Result<Vec<Pending>, Error> {
    store
        .read(|tx| {
            let directory = registry(tx)?.unpublished()?;
            let mut select = tx.prepare(
                "SELECT message, at FROM hub_enrolment WHERE state = 'pending' ORDER BY at",
            )?;
            let mut rows = select.query([])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                let message: Enrolment = read(&row.get::<_, String>(0)?)?;
                let members = message.members.iter();
                let today = members.map(|m| (m.code.clone(), home(&directory, &m.code)));
                found.push(Pending {
                    today: today.collect(),
                    at: row.get(1)?,
                    message,
                });
            }
            Ok(found)
        })
        .await
}

fn home(directory: &Directory, code: &MemberId) -> Option<Option<MemberId>> {
    directory.find(code).map(|member| member.box_code.clone())
}

/// Registers a pending box and its members; approved before, nothing more happens. A member that another box carries today
/// moves only where `may_move`. Where it `replaces` a box that was lost, that one's TLS certificates are registered no more.
///
/// # Errors
/// [`Error::Registry`] when none waits under this code, a member would move unasked, or the result would contradict itself.
pub async fn approve(
    store: &Store,
    order: Order,
    box_code: MemberId,
    may_move: bool,
    replaces: bool,
) -> Result<(), Error> {
    store
        .write(move |tx| {
            let found: Option<(String, String)> = tx
                .query_row(
                    "SELECT state, message FROM hub_enrolment WHERE box = ?1",
                    [box_code.as_str()],
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )
                .optional()?;
            let message = match found {
                Some((state, message)) if state == "pending" => message,
                Some((state, _)) if state == "approved" => return Ok(()),
                _ => return Err(none(&box_code)),
            };
            let message: Enrolment = read(&message)?;
            let directory = registry(tx)?.unpublished()?;
            let changes = changes(&directory, &message, may_move, replaces)?;
            changes.iter().try_for_each(|change| write(tx, change))?;
            let enrolment = box_code.clone();
            history::Text::of(order, &Done::Approved { enrolment, changes })?.keep(tx)?;
            registry(tx)?.check()?;
            tx.execute("UPDATE hub_registry_change SET counter = counter + 1", [])?;
            tx.execute(
                "UPDATE hub_enrolment SET state = 'approved' WHERE box = ?1",
                [box_code.as_str()],
            )?;
            Ok(())
        })
        .await
}

/// Refuses a pending box, with a reason that it is told.
///
/// # Errors
/// [`Error::Registry`] when none waits under this code.
pub async fn refuse(store: &Store, box_code: MemberId, reason: String) -> Result<(), Error> {
    store
        .write(move |tx| {
            let changed = tx.execute(
                "UPDATE hub_enrolment SET state = 'refused', reason = ?2 WHERE box = ?1 AND state = 'pending'",
                params![box_code.as_str(), reason],
            )?;
            if changed == 0 {
                return Err(none(&box_code));
            }
            Ok(())
        })
        .await
}

fn none(code: &MemberId) -> Error {
    Error::Registry(format!(
        "không có đăng ký nào của {code} đang chờ / no enrolment of {code} waits; see `trucgate hub admin pending`"
    ))
}

fn changes(
    directory: &Directory,
    message: &Enrolment,
    may_move: bool,
    replaces: bool,
) -> Result<Vec<Change>, Error> {
    let print = |shown: &crate::uplink::enrolment::Shown| {
        shown
            .fingerprint()
            .map_err(|refusal| Error::Registry(refusal.to_string()))
    };
    let mut entry = directory
        .find_box(&message.box_code)
        .map(Arc::unwrap_or_clone)
        .unwrap_or_else(|| BoxEntry {
            code: message.box_code.clone(),
            tls: Vec::new(),
            seal: Vec::new(),
        });
    let tls = print(&message.tls)?;
    if replaces {
        // The old box is let in no more. Seals that it made stay good: what it sent is still on its way.
        entry.tls = vec![tls];
    }
    if !entry.tls.contains(&tls) {
        entry.tls.push(tls);
    }
    let box_code = entry.code.clone();
    let mut changes = vec![Change::AddBox(entry)];
    let mut next_id = directory.members().map(|m| m.id).max().unwrap_or(0);
    for shown in &message.members {
        let mut member = match directory.find(&shown.code) {
            Some(known) => Arc::unwrap_or_clone(known),
            None => {
                next_id += 1;
                Member::new(shown.code.clone(), next_id, shown.name.clone())
            }
        };
        match &member.box_code {
            Some(other) if *other != box_code && !may_move => {
                return Err(Error::Registry(format!(
                    "{} đang dùng máy chủ bảo mật {other}; thêm --move nếu đúng là chuyển / is reached through {other} today; say --move if it is to move",
                    member.code
                )));
            }
            _ => member.box_code = Some(box_code.clone()),
        }
        let seal = print(&shown.seal)?;
        if !member.seal.contains(&seal) {
            member.seal.push(seal);
        }
        changes.push(Change::AddMember(Box::new(member)));
    }
    Ok(changes)
}
