//! What we want to say, before it is XML.

use crate::clock::Moment;
use crate::packet::{Kind, MemberId, Priority};

/// An agency as it stands in From and To.
#[derive(Clone, Debug)]
pub struct Party {
    /// OrganId.
    pub id: MemberId,
    /// OrganName, and OrganizationInCharge.
    pub name: String,
}

/// A document answered, recalled, updated or replaced: ResponseFor.
#[derive(Clone, Debug)]
pub struct Answered {
    /// OrganId of the agency that issued it.
    pub organ: MemberId,
    /// Its number and notation, such as `7816/VPCP-TTĐT`.
    pub code: String,
    /// Its DocumentId.
    pub document: String,
    /// Its PromulgationDate, `YYYY/MM/DD`.
    pub promulgated: String,
}

/// Who acted: StaffInfo. Empty texts are left out.
#[derive(Clone, Debug, Default)]
pub struct Staff {
    /// Department.
    pub department: String,
    /// Staff: the person's name.
    pub name: String,
    /// Email.
    pub email: String,
    /// Mobile.
    pub mobile: String,
}

/// A document packet without its attachments.
#[derive(Clone, Debug)]
pub struct DocumentDraft {
    /// New, recall, update or replacement.
    pub kind: Kind,
    /// From.
    pub from: Party,
    /// To, at least one.
    pub to: Vec<Party>,
    /// DocumentId, usually `CODE,YYYY/MM/DD,NUMBER/NOTATION`.
    pub document: String,
    /// CodeNumber.
    pub number: String,
    /// CodeNotation.
    pub notation: String,
    /// PromulgationInfo/Place.
    pub place: String,
    /// PromulgationDate, `YYYY/MM/DD`.
    pub promulgated: String,
    /// DocumentType/TypeName.
    pub type_name: String,
    /// Subject.
    pub subject: String,
    /// Content; empty leaves it out.
    pub content: String,
    /// SignerInfo/FullName; empty leaves SignerInfo out.
    pub signer: String,
    /// OtherInfo/Priority.
    pub priority: Priority,
    /// ResponseFor: the documents answered or acted on. A replacement names them in ReplacementInfo too.
    pub answers: Vec<Answered>,
    /// BussinessDocReason; empty leaves it out.
    pub reason: String,
    /// Bussiness/StaffInfo of a change.
    pub staff: Staff,
    /// TraceHeader/Timestamp, written in the time of Việt Nam.
    pub at: Moment,
}

/// An attachment: its names, and the bytes to be encoded as they are read.
#[derive(Debug)]
pub struct Content<R> {
    /// ContentId without `cid:`.
    pub id: String,
    /// AttachmentName.
    pub name: String,
    /// ContentType.
    pub content_type: String,
    /// The bytes; by custom a ZIP holding the one file.
    pub bytes: R,
}

/// A status packet.
#[derive(Clone, Debug)]
pub struct StatusDraft {
    /// From: who reports.
    pub from: Party,
    /// ResponseFor: whose document it is and which.
    pub answer: Answered,
    /// StaffInfo.
    pub staff: Staff,
    /// StatusCode, such as `03`.
    pub status: String,
    /// Description.
    pub description: String,
    /// Timestamp, written in the time of Việt Nam.
    pub at: Moment,
}
