//! What a line carries, and nothing else.

use std::fmt::{self, Display, Write};

use serde::{Serialize, Serializer};

use super::Id;

/// Bytes of one field; longer ones are cut, since reasons may quote a peer.
const LONGEST: usize = 1_024;

/// How urgent a line is (RFC 5424, section 6.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Something failed.
    Error = 3,
    /// Something fails soon if nobody acts.
    Warning = 4,
    /// Normal but worth noticing.
    Notice = 5,
    /// Normal.
    Info = 6,
}

impl Serialize for Priority {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&(*self as u8))
    }
}

/// One line of the journal. Serialised it looks as `journalctl --output=json` shows it: every value is a string.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub struct Entry {
    /// When it was told, RFC 3339 in UTC.
    pub timestamp: String,
    /// How urgent it is.
    pub priority: Priority,
    /// What kind of line it is.
    #[serde(rename = "MESSAGE_ID", serialize_with = "message_id")]
    pub id: &'static Id,
    /// English text.
    pub message: String,
    /// The packet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packet_id: Option<String>,
    /// The member of this box.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    /// The other side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    /// The document's number and notation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doc_code: Option<String>,
    /// The step of the walk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// How many it stands for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<String>,
    /// How long it took, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_us: Option<String>,
}

/// Names of the fields that carry text, as they stand in the journal.
pub const FIELDS: [&str; 11] = [
    "MESSAGE",
    "MESSAGE_ID",
    "PACKET_ID",
    "MEMBER",
    "PEER",
    "DOC_CODE",
    "STEP",
    "REASON",
    "NEXT",
    "COUNT",
    "DURATION_US",
];

impl Entry {
    /// The text of a field by its name in the journal; none where the line has no such field.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        let field = match name {
            "MESSAGE" => return Some(&self.message),
            "MESSAGE_ID" => return Some(self.id.message_id),
            "PACKET_ID" => &self.packet_id,
            "MEMBER" => &self.member,
            "PEER" => &self.peer,
            "DOC_CODE" => &self.doc_code,
            "STEP" => &self.step,
            "REASON" => &self.reason,
            "NEXT" => &self.next,
            "COUNT" => &self.count,
            "DURATION_US" => &self.duration_us,
            _ => return None,
        };
        field.as_deref()
    }

    pub(super) fn new(id: &'static Id) -> Self {
        Self {
            timestamp: String::new(),
            priority: id.priority,
            id,
            message: String::new(),
            packet_id: None,
            member: None,
            peer: None,
            doc_code: None,
            step: None,
            reason: None,
            next: None,
            count: None,
            duration_us: None,
        }
    }
}

fn message_id<S: Serializer>(id: &&'static Id, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(id.message_id)
}

/// A field's text: cut at [`LONGEST`], without control characters that a terminal would obey.
pub(super) fn field(value: impl Display) -> Option<String> {
    let mut text = Bounded(String::new());
    // Cut short or failed, what is there is kept.
    let _ = write!(text, "{value}");
    Some(text.0)
}

struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        for c in part.chars() {
            if self.0.len() + c.len_utf8() > LONGEST {
                return Err(fmt::Error);
            }
            self.0.push(if c.is_control() { ' ' } else { c });
        }
        Ok(())
    }
}
