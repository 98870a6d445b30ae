//! What the door asks of the walk behind it. Every question names the authenticated [`System`], so that no
//! answer can exist without a tenant.

use std::fs::File;
use std::sync::Arc;

use bytes::Bytes;

use super::refusal::Refusal;
use super::systems::System;
use crate::clock::Moment;
use crate::packet::{Digest, DocId, MemberId};

/// The walk behind the door. Methods are called concurrently; a dropped future may have done its work or not.
///
/// The desk decides who is who: codes are as the software wrote them, and whether a code is this system's own
/// ([`System::speaks_for`] after looking it up in the directory) is asked on every call.
pub trait Desk: Send + Sync + 'static {
    /// Takes one document on its way in.
    type Intake: Intake;

    /// Starts to take a document (`sendEdoc`); refuses what the parameters alone forbid.
    fn begin(
        &self,
        system: &System,
        params: SendParams,
    ) -> impl Future<Output = Result<Self::Intake, Refusal>> + Send;

    /// What waits for this system's members, oldest first, until it is confirmed with done or fail.
    fn received(
        &self,
        system: &System,
        message_type: MessageType,
        window: Window,
    ) -> impl Future<Output = Result<Rows<ReceivedRow>, Refusal>> + Send;

    /// What this system's members sent, one row per recipient, oldest first.
    fn sent(
        &self,
        system: &System,
        message_type: MessageType,
        window: Window,
    ) -> impl Future<Output = Result<Rows<SentRow>, Refusal>> + Send;

    /// A received document of this system's members; [`Refusal::no_such_document`] for any other.
    fn open(
        &self,
        system: &System,
        doc: DocId,
    ) -> impl Future<Output = Result<Document, Refusal>> + Send;

    /// The sealed proof of a sent or received document, as `trucgate evidence verify` reads it.
    fn proof(
        &self,
        system: &System,
        doc: DocId,
    ) -> impl Future<Output = Result<Bytes, Refusal>> + Send;

    /// What became of a received document at the software. Saying the same twice is no error.
    fn update_status(
        &self,
        system: &System,
        doc: DocId,
        status: Transport,
        description: Option<String>,
    ) -> impl Future<Output = Result<(), Refusal>> + Send;

    /// How many packets of a type wait for this system's members.
    fn count(
        &self,
        system: &System,
        message_type: MessageType,
    ) -> impl Future<Output = Result<u64, Refusal>> + Send;

    /// The members of the directory; with `level`, those of that administrative level (1 to 4) only.
    fn agencies(
        &self,
        system: &System,
        level: Option<u8>,
    ) -> impl Future<Output = Result<Rows<Agency>, Refusal>> + Send;

    /// The units of the directory changed after directory version `since`, closed ones included.
    fn units(
        &self,
        system: &System,
        since: Option<u64>,
    ) -> impl Future<Output = Result<Rows<Unit>, Refusal>> + Send;

    /// Asks to add a unit below the system's member.
    fn register_agency(
        &self,
        system: &System,
        agency: NewAgency,
    ) -> impl Future<Output = Result<(), Refusal>> + Send;

    /// Asks to take a unit away, by its code.
    fn delete_agency(
        &self,
        system: &System,
        code: MemberId,
    ) -> impl Future<Output = Result<(), Refusal>> + Send;
}

/// One document on its way in. Dropped before [`Intake::finish`], it leaves nothing behind.
pub trait Intake: Send + 'static {
    /// The next bytes of the document and of nothing else; never empty.
    fn feed(&mut self, bytes: Bytes) -> impl Future<Output = Result<(), Refusal>> + Send;

    /// The document is whole: `digest` and `size` (bytes) are of all that was fed, and agree with what the
    /// software declared. Durable when it returns; gives the sender's docId. It runs to its end even when the
    /// software has gone away meanwhile.
    fn finish(
        self,
        digest: Digest,
        size: u64,
    ) -> impl Future<Output = Result<DocId, Refusal>> + Send;
}

/// Rows of an answer, made while it is written, so that a directory of 120,000 members is never held twice.
pub type Rows<T> = Box<dyn Iterator<Item = T> + Send>;

/// The header parameters of `sendEdoc`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendParams {
    /// Who sends according to the software; must agree with the packet's own From.
    pub from: Option<MemberId>,
    /// The recipients, in order; `None` means the packet's own To.
    pub to: Option<Vec<MemberId>>,
    /// Document or status.
    pub message_type: MessageType,
    /// Bytes of the HTTP body if declared, framing and line end included: an upper bound for reserving room.
    pub body_len: Option<u64>,
}

/// `messagetype`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageType {
    /// Documents and what changes them.
    Edoc,
    /// Status packets.
    Status,
}

impl MessageType {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Edoc => "edoc",
            Self::Status => "status",
        }
    }
}

/// The transport status of one packet at one recipient; never to be mixed with status packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// Not yet fetched.
    Initial,
    /// The software has begun.
    Processing,
    /// The software has stored it.
    Done,
    /// The software, or the exchange, could not.
    Fail,
}

impl Transport {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Initial => "initial",
            Self::Processing => "processing",
            Self::Done => "done",
            Self::Fail => "fail",
        }
    }
}

/// `fromDate` and `toDate`, both inclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// Not before this moment.
    pub from: Option<Moment>,
    /// Not after this moment.
    pub to: Option<Moment>,
}

impl Window {
    /// Whether a moment lies in it.
    #[must_use]
    pub fn holds(&self, at: Moment) -> bool {
        self.from.is_none_or(|from| at >= from) && self.to.is_none_or(|to| at <= to)
    }
}

/// One row of `getReceivedEdocList`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedRow {
    /// The recipient's docId.
    pub doc: DocId,
    /// Document or status.
    pub message_type: MessageType,
    /// When the box took it in.
    pub created: Moment,
    /// When its status last changed.
    pub updated: Moment,
    /// The sender.
    pub from: MemberId,
    /// The recipient.
    pub to: MemberId,
    /// Where it stands.
    pub status: Transport,
    /// The same for people, in Vietnamese.
    pub status_desc: String,
}

/// One row of `getSentEdocList`: one packet at one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentRow {
    /// Document or status.
    pub message_type: MessageType,
    /// The sender's docId.
    pub sender_doc: DocId,
    /// The recipient's docId.
    pub receiver_doc: DocId,
    /// The sender.
    pub from: MemberId,
    /// The recipient.
    pub to: MemberId,
    /// Subject of the document.
    pub title: String,
    /// Number and notation of the document.
    pub notation: String,
    /// How far the sending went.
    pub send_status: Transport,
    /// The same for people, in Vietnamese; the reason of a `fail`.
    pub send_status_desc: String,
    /// What the recipient's software says.
    pub receive_status: Transport,
    /// The same for people, in Vietnamese.
    pub receive_status_desc: String,
    /// When the box took it in.
    pub sent: Moment,
    /// When the recipient's box had it.
    pub received: Option<Moment>,
}

/// A member as the agencies' lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agency {
    /// Number in the directory.
    pub id: u64,
    /// Number of the unit above.
    pub pid: Option<u64>,
    /// Identification code.
    pub code: String,
    /// Name in Vietnamese.
    pub name: String,
    /// Mail address; may be empty.
    pub mail: String,
    /// Code of an older generation.
    pub old_code: Option<String>,
    /// Code of QCVN 102:2016.
    pub code102: Option<String>,
}

/// A unit as `getSynchronizeUnit` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Number in the directory.
    pub id: u64,
    /// Number of the unit above.
    pub pid: Option<u64>,
    /// Identification code.
    pub code: String,
    /// Name in Vietnamese.
    pub name: String,
    /// Mail address; may be empty.
    pub mail: String,
    /// Code of the connection centre (box) that carries it.
    pub center_code: String,
    /// Directory version of its last change.
    pub version: u64,
    /// Closed.
    pub deleted: bool,
    /// When it last changed.
    pub modified: Moment,
    /// Sends and receives itself.
    pub is_agency: bool,
}

/// The body of `registerAgency`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAgency {
    /// Number wished for, if any.
    pub id: Option<u64>,
    /// Number of the unit above.
    pub pid: Option<u64>,
    /// Code of the unit above.
    pub pcode: Option<MemberId>,
    /// Identification code.
    pub code: MemberId,
    /// Name in Vietnamese.
    pub name: String,
    /// Mail address.
    pub mail: String,
    /// Telephone.
    pub mobile: Option<String>,
    /// Fax.
    pub fax: Option<String>,
}

/// A kept document, ready to be read.
#[derive(Clone, Debug)]
pub struct Document {
    /// Length in bytes.
    pub size: u64,
    /// Digest of the bytes.
    pub digest: Digest,
    /// The bytes.
    pub content: Content,
}

/// Where a document's bytes are.
#[derive(Clone, Debug)]
pub enum Content {
    /// At hand.
    Bytes(Bytes),
    /// In an open file (so that a purge can't take it away mid-answer), from `offset` on.
    File {
        /// The file.
        file: Arc<File>,
        /// Where the document begins in it, in bytes.
        offset: u64,
    },
}
