//! A directory as it is made: all of it at hand.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::difference::taken_if;
use super::{BoxEntry, Changed, Directory, Fingerprint, Member, wrong};
use crate::clock::Moment;
use crate::packet::MemberId;
use crate::trust::Error;

/// What stands before the members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
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
}

/// What a directory says, in the order in which it is written, signed and sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hub: Option<BoxEntry>,
    /// All members; by code, so that differences can be entered.
    pub members: Vec<Member>,
    /// All boxes, likewise.
    pub boxes: Vec<BoxEntry>,
}

impl Content {
    /// Enters since when each member stands as it does, by the directory that was in force. Both are in the order of codes.
    ///
    /// # Errors
    /// When an entry of the one in force can't be read.
    pub fn enter_changes(&mut self, before: Option<&Directory>) -> Result<(), Error> {
        let now = Changed {
            version: self.version,
            at: self.issued,
        };
        let mut known = before.into_iter().flat_map(Directory::written).peekable();
        // A directory of an earlier release tells of no changes: all of it counts as its own.
        let unknown = before.map(|before| Changed {
            version: before.version,
            at: before.issued,
        });
        for member in &mut self.members {
            while taken_if(&mut known, |code| *code < member.code)?.is_some() {}
            let before = taken_if(&mut known, |code| *code == member.code)?;
            let since = before.map(|(_, raw)| since(&raw, member)).transpose()?;
            member.changed = Some(match since.flatten() {
                Some(since) => since.or(unknown).unwrap_or(now),
                None => now,
            });
        }
        Ok(())
    }

    /// Whether it contradicts itself: the same as [`Directory::new`] says, without making one.
    ///
    /// # Errors
    /// When a code, or a certificate, is registered twice, or a member is reached through a box that is not.
    pub fn check(&self) -> Result<(), Error> {
        let mut by_code = HashMap::with_capacity(self.members.len() * 3);
        let (mut tls, mut seal) = (HashMap::new(), HashMap::new());
        for member in &self.members {
            if by_code.insert(&member.code, member).is_some() {
                return Err(twice(&member.code));
            }
            own(&mut seal, &member.seal, &member.code)?;
        }
        let also: [fn(&Member) -> &Option<MemberId>; 2] = [|m| &m.code102, |m| &m.old_code];
        for form in also {
            for member in &self.members {
                if let Some(code) = form(member) {
                    by_code.entry(code).or_insert(member);
                }
            }
        }
        let mut boxes = HashSet::with_capacity(self.boxes.len());
        for entry in &self.boxes {
            if !boxes.insert(&entry.code) {
                return Err(twice(&entry.code));
            }
        }
        for entry in self.boxes.iter().chain(&self.hub) {
            own(&mut tls, &entry.tls, &entry.code)?;
            own(&mut seal, &entry.seal, &entry.code)?;
        }
        let is_box = |code: &MemberId| {
            let owner = by_code.get(code).map(|owner| &owner.code);
            boxes.contains(code) || owner.is_some_and(|owner| boxes.contains(owner))
        };
        let named = |member: &&Member| member.box_code.as_ref().is_some_and(|code| !is_box(code));
        match self.members.iter().find(named) {
            Some(Member { code, box_code, .. }) => Err(wrong(format_args!(
                "{code} is reached through {}, which is no registered box",
                box_code.as_ref().map_or("", MemberId::as_str)
            ))),
            None => Ok(()),
        }
    }
}

pub(super) fn twice(code: &MemberId) -> Error {
    wrong(format_args!("{code} is registered twice"))
}

fn own<'a>(
    owners: &mut HashMap<&'a Fingerprint, &'a MemberId>,
    prints: &'a [Fingerprint],
    code: &'a MemberId,
) -> Result<(), Error> {
    for print in prints {
        match owners.insert(print, code) {
            Some(other) if other != code => return Err(of_two(*print, other, code)),
            _ => {}
        }
    }
    Ok(())
}

pub(super) fn of_two(print: Fingerprint, one: &MemberId, other: &MemberId) -> Error {
    wrong(format_args!(
        "certificate {print} is registered for {one} and for {other}"
    ))
}

/// Since when a member stands as it does, where an entry says the same of it; that may not say since when.
fn since(raw: &[u8], member: &Member) -> Result<Option<Option<Changed>>, Error> {
    let plain = Member {
        changed: None,
        ..member.clone()
    };
    let written = serde_json::to_vec(&plain).map_err(wrong)?;
    let said = raw
        .strip_prefix(&written[..written.len() - 1])
        .and_then(|rest| rest.strip_prefix(b",\"changed\":")?.strip_suffix(b"}"));
    if let Some(said) = said {
        return serde_json::from_slice(said).map(Some).map_err(wrong);
    }
    // It says something else, or the same in the words of an earlier release.
    let mut known: Member = serde_json::from_slice(raw).map_err(wrong)?;
    let said = known.changed.take();
    Ok((known == plain).then_some(said))
}
