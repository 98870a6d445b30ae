//! Witness of the members' logs: a head is known once it was shown to continue the newest one before it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use data_encoding::BASE64;

use super::door::Asker;
use super::{Error, Hub, signed, unsigned};
use crate::merkle::checkpoint::Checkpoint;
use crate::merkle::{Hash, empty_root, verify_consistency};
use crate::packet::MemberId;
use crate::seal::Sealer;
use crate::store::{OptionalExt, Tx, params};
use crate::uplink::{Announced, Announcement};

/// Heads remembered before the memory starts anew.
const REMEMBERED: usize = 16_384;

/// Known heads that were asked for lately.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<HashMap<(MemberId, u64), Hash>>);

impl Known {
    fn root(&self, member: &MemberId, size: u64) -> Option<Hash> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&(member.clone(), size)).copied()
    }

    pub(super) fn forget(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    fn remember(&self, member: &MemberId, size: u64, root: Hash) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert((member.clone(), size), root);
    }
}

/// A head with its signature, as it is kept.
struct Announcing {
    member: MemberId,
    head: Checkpoint,
    body: Vec<u8>,
    cms: Vec<u8>,
    from: u64,
    proof: Vec<Hash>,
}

impl Hub {
    /// Takes a member's new head, if it continues its log.
    ///
    /// # Errors
    /// [`Error::Fork`] when it does not; else when it is not the member's, or not of this box.
    pub(super) async fn announce(
        &self,
        asker: &Asker,
        announcement: &Announcement,
    ) -> Result<Announced, Error> {
        let body = base64(&announcement.checkpoint)?;
        let cms = base64(&announcement.cms)?;
        let hash = |text: &String| {
            Hash::try_from(base64(text)?)
                .map_err(|_| Error::Call("a proof's hash is not 32 bytes".to_owned()))
        };
        let proof = announcement
            .proof
            .iter()
            .map(hash)
            .collect::<Result<_, _>>()?;
        let sealer = Sealer::Member(&asker.directory);
        let head = self
            .opener
            .head(&body, &cms, &asker.trust, sealer, self.clock.now())?;
        let member: MemberId = head
            .origin
            .parse()
            .map_err(|_| Error::Call("the head's origin is no member".to_owned()))?;
        asker.speaks_for(&member)?;
        let (size, root) = (head.size, head.root);
        let from = announcement.from;
        let announcing = Announcing {
            member: member.clone(),
            head,
            body,
            cms,
            from,
            proof,
        };
        let announced = self.store.write(move |tx| take(tx, &announcing)).await?;
        if announced == Announced::Taken && size > 0 {
            self.heads.remember(&member, size, root);
        }
        Ok(announced)
    }

    /// Judges a head's signature as [`Hub::announce`] does, and enters nothing.
    ///
    /// # Errors
    /// When the signature does not hold, or the member is not of this box.
    pub(super) fn rehearse(&self, asker: &Asker, head: &Announcement) -> Result<(), Error> {
        let (body, cms) = (base64(&head.checkpoint)?, base64(&head.cms)?);
        let sealer = Sealer::Member(&asker.directory);
        let now = self.clock.now();
        let head = self.opener.head(&body, &cms, &asker.trust, sealer, now)?;
        let member: MemberId = head
            .origin
            .parse()
            .map_err(|_| Error::Call("the head's origin is no member".to_owned()))?;
        asker.speaks_for(&member)
    }

    /// Whether a head was announced.
    ///
    /// # Errors
    /// [`Error::Behind`] when it was not, [`Error::Fork`] when another of its size was.
    pub(super) async fn knows(&self, member: &MemberId, head: &Checkpoint) -> Result<(), Error> {
        let size = head.size;
        let root = match self.heads.root(member, size) {
            Some(root) => root,
            None => {
                let asked = member.clone();
                let (found, newest) = self
                    .store
                    .read(move |tx| {
                        Ok::<_, Error>((root_at(tx, &asked, size)?, newest(tx, &asked)?))
                    })
                    .await?;
                let root = found.ok_or(Error::Behind(newest.0))?;
                self.heads.remember(member, size, root);
                root
            }
        };
        if root == head.root {
            Ok(())
        } else {
            Err(other_root(member, size))
        }
    }
}

/// A head beyond the newest known one is proven to continue that. One that was overtaken on the way is proven to be
/// continued by it: the proof then leads from the head to the size `from`.
fn take(tx: &Tx<'_>, new: &Announcing) -> Result<Announced, Error> {
    let (member, head) = (&new.member, &new.head);
    let (newest, root) = newest(tx, member)?;
    let known = if head.size == 0 {
        Some(empty_root())
    } else {
        root_at(tx, member, head.size)?
    };
    match known {
        Some(known) if known == head.root => return Ok(Announced::Taken),
        Some(_) => return Err(other_root(member, head.size)),
        None if new.from != newest => return Ok(Announced::Behind(newest)),
        None => {}
    }
    let (here, there) = ((head.size, &head.root), (newest, &root));
    let (old, later) = if head.size < newest {
        (here, there)
    } else {
        (there, here)
    };
    if !verify_consistency(old.0, old.1, later.0, later.1, &new.proof) {
        return Err(Error::Fork {
            member: member.clone(),
            what: format!("size {} does not continue size {}", later.0, old.0),
        });
    }
    tx.prepare_cached(
        "INSERT INTO hub_head (member, size, root, body, cms) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![
        member.as_str(),
        signed(head.size),
        head.root,
        new.body,
        new.cms
    ])?;
    Ok(Announced::Taken)
}

pub(super) fn newest(tx: &Tx<'_>, member: &MemberId) -> Result<(u64, Hash), Error> {
    let found = tx
        .prepare_cached(
            "SELECT size, root FROM hub_head WHERE member = ?1 ORDER BY size DESC LIMIT 1",
        )?
        .query_row([member.as_str()], |row| {
            Ok((unsigned(row.get(0)?), row.get(1)?))
        })
        .optional()?;
    Ok(found.unwrap_or((0, empty_root())))
}

pub(super) fn root_at(tx: &Tx<'_>, member: &MemberId, size: u64) -> Result<Option<Hash>, Error> {
    let mut select =
        tx.prepare_cached("SELECT root FROM hub_head WHERE member = ?1 AND size = ?2")?;
    Ok(select
        .query_row(params![member.as_str(), signed(size)], |row| row.get(0))
        .optional()?)
}

pub(super) fn other_root(member: &MemberId, size: u64) -> Error {
    Error::Fork {
        member: member.clone(),
        what: format!("another root is known of size {size}"),
    }
}

fn base64(text: &str) -> Result<Vec<u8>, Error> {
    BASE64
        .decode(text.as_bytes())
        .map_err(|error| Error::Call(format!("base64: {error}")))
}
