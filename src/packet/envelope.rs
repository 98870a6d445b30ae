//! What the exchange knows of a packet: its header, read once.

use serde::{Deserialize, Serialize};

use super::MemberId;

/// What a packet does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A new document (BussinessDocType 0, or none).
    New,
    /// Withdraws an issued document (BussinessDocType 1).
    Recall,
    /// Changes what was sent about a document (BussinessDocType 2).
    Update,
    /// Puts a document in the place of others (BussinessDocType 3).
    Replacement,
    /// Says what became of a document at its receiver.
    Status,
}

impl Kind {
    /// The kebab-case name of records, logs and stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Recall => "recall",
            Self::Update => "update",
            Self::Replacement => "replacement",
            Self::Status => "status",
        }
    }
}

/// The urgency on the document; a higher one goes first in every queue.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Priority {
    /// 0, thường.
    #[default]
    Normal = 0,
    /// 1, khẩn.
    Urgent = 1,
    /// 2, thượng khẩn.
    VeryUrgent = 2,
    /// 3, hỏa tốc.
    Express = 3,
    /// 4, hỏa tốc hẹn giờ.
    ExpressAt = 4,
}

impl Priority {
    /// The number of OtherInfo/Priority.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The priority of a number of OtherInfo/Priority.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Normal),
            1 => Some(Self::Urgent),
            2 => Some(Self::VeryUrgent),
            3 => Some(Self::Express),
            4 => Some(Self::ExpressAt),
            _ => None,
        }
    }
}

/// The header of a packet, as far as the exchange uses or shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// What the packet does.
    pub kind: Kind,
    /// From/OrganId.
    pub from: MemberId,
    /// To/OrganId in order, each once; of a status: ResponseFor/OrganId.
    pub to: Vec<MemberId>,
    /// DocumentId, free text; often `CODE,YYYY/MM/DD,NUMBER/NOTATION` or a UUID. None in a status.
    pub document: Option<String>,
    /// Code/CodeNumber, not always a number.
    pub number: Option<String>,
    /// Code/CodeNotation; of a status: the whole ResponseFor/Code.
    pub notation: Option<String>,
    /// PromulgationDate as written, `YYYY/MM/DD` but not always possible.
    pub promulgated: Option<String>,
    /// DocumentType/TypeName.
    pub type_name: Option<String>,
    /// Subject (trích yếu).
    pub subject: Option<String>,
    /// OtherInfo/Priority.
    pub priority: Priority,
    /// DocumentIds that this packet names (recalled, updated, replaced, answered), each once: these bind order.
    pub refs: Vec<String>,
    /// StatusCode of a status.
    pub status: Option<String>,
    /// BussinessDocReason, or the Description of a status.
    pub reason: Option<String>,
    /// AttachmentEncoded/Attachment in order.
    pub attachments: Vec<Attachment>,
    /// Contradictions and oddities in English that were kept and are shown, not refused.
    pub notes: Vec<String>,
}

/// What is known of an attachment without holding it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// ContentId without `cid:`.
    pub id: String,
    /// AttachmentName.
    pub name: String,
    /// ContentType as claimed; the content is a ZIP of one file even where it claims otherwise.
    pub content_type: String,
    /// Base64 characters of ContentTransferEncoded, without white space.
    pub encoded_len: u64,
}

impl Envelope {
    /// The document's own number and notation (số/ký hiệu) as people write them, such as `7816/VPCP-TTĐT`.
    #[must_use]
    pub fn code(&self) -> Option<String> {
        match (self.number.as_deref(), self.notation.as_deref()) {
            (Some(number), Some(notation)) => Some(format!("{number}/{notation}")),
            (Some(one), None) | (None, Some(one)) => Some(one.to_owned()),
            (None, None) => None,
        }
    }
}
