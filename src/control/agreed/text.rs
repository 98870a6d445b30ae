//! What operators sign: canonical lines that a person can read. A text that reads back to other bytes is refused.

use std::str::FromStr;

use super::Action;
use crate::clock::{Moment, parse_rfc3339, rfc3339};
use crate::packet::{Digest, PacketId};

const PROPOSAL: &str = "trucgate-proposal 1";
const APPROVAL: &str = "trucgate-approval 1";

/// What the first person signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Its id, of use once.
    pub id: PacketId,
    /// Code of the box or hub that is to do it.
    pub at: String,
    /// What is to be done.
    pub action: Action,
    /// Name of who proposes it.
    pub by: String,
    /// When, by the clock of that box or hub.
    pub time: Moment,
}

/// What the second person signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// The proposal's id.
    pub id: PacketId,
    /// Code of the box or hub.
    pub at: String,
    /// Digest of the proposal's text.
    pub proposal: Digest,
    /// Name of who approves it.
    pub by: String,
    /// When, by the clock of that box or hub.
    pub time: Moment,
}

impl Proposal {
    /// The text.
    #[must_use]
    pub fn encode(&self) -> String {
        format!(
            "{PROPOSAL}\nid: {}\nat: {}\naction: {}\nby: {}\ntime: {}\n",
            self.id,
            self.at,
            self.action,
            self.by,
            rfc3339(self.time)
        )
    }

    /// Reads the canonical text and no other.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = Lines::of(text, PROPOSAL)?;
        let read = Self {
            id: lines.next("id")?,
            at: lines.next("at")?,
            action: Action::parse(&lines.next::<String>("action")?)?,
            by: lines.next("by")?,
            time: parse_rfc3339(&lines.next::<String>("time")?)?,
        };
        (read.encode() == text).then_some(read)
    }
}

impl Approval {
    /// The text.
    #[must_use]
    pub fn encode(&self) -> String {
        format!(
            "{APPROVAL}\nid: {}\nat: {}\nproposal: {}\nby: {}\ntime: {}\n",
            self.id,
            self.at,
            self.proposal,
            self.by,
            rfc3339(self.time)
        )
    }

    /// Reads the canonical text and no other.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = Lines::of(text, APPROVAL)?;
        let read = Self {
            id: lines.next("id")?,
            at: lines.next("at")?,
            proposal: lines.next("proposal")?,
            by: lines.next("by")?,
            time: parse_rfc3339(&lines.next::<String>("time")?)?,
        };
        (read.encode() == text).then_some(read)
    }
}

/// Lines `key: value` behind a first one that names the form.
pub(in crate::control) struct Lines<'a>(std::str::Lines<'a>);

impl<'a> Lines<'a> {
    pub(in crate::control) fn of(text: &'a str, first: &str) -> Option<Self> {
        let mut lines = text.lines();
        (lines.next()? == first).then_some(Self(lines))
    }

    pub(in crate::control) fn next<T: FromStr>(&mut self, key: &str) -> Option<T> {
        let value = self.0.next()?.strip_prefix(key)?.strip_prefix(": ")?;
        value.parse().ok()
    }
}
