//! A directory as it is made: all of it at hand.

use serde::{Deserialize, Serialize};

use super::{BoxEntry, Changed, Directory, Member};
use crate::clock::Moment;

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
    /// Enters since when each member stands as it does, by the directory that was in force.
    pub fn enter_changes(&mut self, before: Option<&Directory>) {
        let now = Changed {
            version: self.version,
            at: self.issued,
        };
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
            member.changed = Some(same.unwrap_or(now));
        }
    }
}
