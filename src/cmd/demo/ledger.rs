//! What was sent, and where each packet has to end at each recipient.

use std::collections::HashMap;

use crate::packet::{Digest, DocId, MemberId};
use crate::vxp::MessageType;

/// Where a packet has to end at one recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The software said *done*.
    Collected,
    /// The software said *fail*.
    Failed,
    /// The hub has it; no box carries this recipient.
    Accepted,
}

/// One packet.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// The sender's docId.
    pub(super) doc: DocId,
    pub(super) message_type: MessageType,
    pub(super) from: MemberId,
    pub(super) size: u64,
    pub(super) digest: Digest,
    pub(super) ends: Vec<(MemberId, End)>,
}

/// One line of the table: a packet, or a series of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    /// What it is, for people.
    pub(super) label: String,
    pub(super) entries: Vec<Entry>,
    /// Remarks below it, Vietnamese and English.
    pub(super) remarks: Vec<String>,
}

/// All that was sent, in order.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) groups: Vec<Group>,
}

impl Ledger {
    /// Begins a line of the table.
    pub(super) fn begin(&mut self, label: impl Into<String>) {
        self.groups.push(Group {
            label: label.into(),
            ..Group::default()
        });
    }

    /// Adds a packet to the line that was begun last.
    pub(super) fn add(&mut self, entry: Entry) {
        if self.groups.is_empty() {
            self.begin("");
        }
        if let Some(group) = self.groups.last_mut() {
            group.entries.push(entry);
        }
    }

    /// Says something below the line that was begun last.
    pub(super) fn remark(&mut self, text: impl Into<String>) {
        if let Some(group) = self.groups.last_mut() {
            group.remarks.push(text.into());
        }
    }

    /// A packet has to end otherwise at a recipient.
    pub(super) fn ends(&mut self, doc: DocId, at: &MemberId, end: End) {
        let entries = self.groups.iter_mut().flat_map(|group| &mut group.entries);
        for entry in entries.filter(|entry| entry.doc == doc) {
            for (_, known) in entry.ends.iter_mut().filter(|(member, _)| member == at) {
                *known = end;
            }
        }
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.groups.iter().flat_map(|group| &group.entries)
    }

    /// How many packets each recipient has to get.
    pub(super) fn due(&self) -> HashMap<&MemberId, usize> {
        let mut due = HashMap::new();
        let ends = self.entries().flat_map(|entry| &entry.ends);
        for (member, _) in ends.filter(|(_, end)| *end != End::Accepted) {
            *due.entry(member).or_default() += 1;
        }
        due
    }
}
