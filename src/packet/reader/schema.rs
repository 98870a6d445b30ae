//! Which element may stand in which, how often, and what is read from it (QCVN 102:2016, read leniently in order).

/// What an open element is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// The document itself; its only child is the root.
    Document,
    Root,
    Envelope,
    Header,
    Message,
    From,
    To,
    ResponseFor,
    Code,
    Promulgation,
    DocumentType,
    OtherInfo,
    TraceList,
    Trace,
    Business,
    Replacements,
    Replacement,
    Body,
    Manifest,
    Reference,
    AttachmentList,
    Attachment,
    /// ContentTransferEncoded.
    Content,
    /// An element of text that is kept.
    Leaf(Field),
    /// Known or unknown, walked and not kept.
    Skipped,
    /// A signature: walked, not kept, its texts bounded by the header's size only.
    Signature,
}

/// A text that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    FromOrgan,
    ToOrgan,
    AnswerOrgan,
    AnswerCode,
    AnswerDocument,
    AnswerDate,
    Document,
    Number,
    Notation,
    Promulgated,
    TypeName,
    Subject,
    DueDate,
    Priority,
    Status,
    Description,
    TraceOrgan,
    BusinessType,
    BusinessReason,
    BusinessDocument,
    ReplacedDocument,
    ReferenceId,
    AttachmentId,
    AttachmentName,
    AttachmentType,
}

/// How often a child stands in its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Times {
    /// Exactly once.
    One,
    /// At most once.
    Maybe,
    /// At most once by the standard; more are noted, for nothing rests on it.
    Noted,
    /// Any number.
    Many,
}

pub(super) type Child = (&'static str, Node, Times);

use Field as F;
use Node as N;
use Times::{Many, Maybe, Noted, One};

const ADDRESS: [Child; 7] = [
    ("OrganizationInCharge", N::Skipped, Noted),
    ("OrganName", N::Skipped, Noted),
    ("OrganAdd", N::Skipped, Noted),
    ("Email", N::Skipped, Noted),
    ("Telephone", N::Skipped, Noted),
    ("Fax", N::Skipped, Noted),
    ("Website", N::Skipped, Noted),
];

const fn party(organ: Field) -> [Child; 8] {
    let [a, b, c, d, e, f, g] = ADDRESS;
    [("OrganId", N::Leaf(organ), One), a, b, c, d, e, f, g]
}

const FROM: [Child; 8] = party(F::FromOrgan);
const TO: [Child; 8] = party(F::ToOrgan);

/// The known children of an element.
pub(super) const fn children(node: Node) -> &'static [Child] {
    match node {
        N::Document => &[("edXML", N::Root, One)],
        N::Root => &[
            ("edXMLEnvelope", N::Envelope, One),
            ("AttachmentEncoded", N::AttachmentList, Maybe),
        ],
        N::Envelope => &[
            ("edXMLHeader", N::Header, One),
            ("edXMLBody", N::Body, Maybe),
        ],
        N::Header => &[
            ("MessageHeader", N::Message, One),
            ("TraceHeaderList", N::TraceList, Maybe),
            ("Signature", N::Signature, Many),
            ("DigitalSignature", N::Signature, Many),
        ],
        N::Message => &[
            ("From", N::From, One),
            ("To", N::To, Many),
            ("DocumentId", N::Leaf(F::Document), Maybe),
            ("Code", N::Code, Maybe),
            ("PromulgationInfo", N::Promulgation, Maybe),
            ("DocumentType", N::DocumentType, Maybe),
            ("Subject", N::Leaf(F::Subject), Maybe),
            ("Content", N::Skipped, Maybe),
            ("SignerInfo", N::Skipped, Maybe),
            ("DueDate", N::Leaf(F::DueDate), Maybe),
            ("ToPlaces", N::Skipped, Maybe),
            ("OtherInfo", N::OtherInfo, Maybe),
            ("ResponseFor", N::ResponseFor, Many),
            ("SteeringType", N::Skipped, Maybe),
            ("StaffInfo", N::Skipped, Maybe),
            ("StatusCode", N::Leaf(F::Status), Maybe),
            ("Description", N::Leaf(F::Description), Maybe),
            ("Timestamp", N::Skipped, Maybe),
        ],
        N::From => &FROM,
        N::To => &TO,
        N::ResponseFor => &[
            ("OrganId", N::Leaf(F::AnswerOrgan), Maybe),
            ("Code", N::Leaf(F::AnswerCode), Maybe),
            ("DocumentId", N::Leaf(F::AnswerDocument), Maybe),
            ("PromulgationDate", N::Leaf(F::AnswerDate), Maybe),
        ],
        N::Code => &[
            ("CodeNumber", N::Leaf(F::Number), Maybe),
            ("CodeNotation", N::Leaf(F::Notation), Maybe),
        ],
        N::Promulgation => &[
            ("Place", N::Skipped, Noted),
            ("PromulgationDate", N::Leaf(F::Promulgated), Maybe),
        ],
        N::DocumentType => &[
            ("Type", N::Skipped, Noted),
            ("TypeDetail", N::Skipped, Noted),
            ("TypeName", N::Leaf(F::TypeName), Maybe),
        ],
        N::OtherInfo => &[
            ("Priority", N::Leaf(F::Priority), Maybe),
            ("SphereOfPromulgation", N::Skipped, Noted),
            ("TyperNotation", N::Skipped, Noted),
            ("PromulgationAmount", N::Skipped, Noted),
            ("PageAmount", N::Skipped, Noted),
            ("Direction", N::Skipped, Noted),
            ("Appendixes", N::Skipped, Noted),
        ],
        N::TraceList => &[
            ("TraceHeader", N::Trace, Many),
            ("Bussiness", N::Business, Maybe),
        ],
        N::Trace => &[
            ("OrganId", N::Leaf(F::TraceOrgan), Maybe),
            ("Timestamp", N::Skipped, Noted),
        ],
        N::Business => &[
            ("BussinessDocType", N::Leaf(F::BusinessType), Maybe),
            ("BussinessDocReason", N::Leaf(F::BusinessReason), Maybe),
            ("Paper", N::Skipped, Noted),
            ("DocumentId", N::Leaf(F::BusinessDocument), Maybe),
            ("BussinessDocumentInfo", N::Skipped, Noted),
            ("ReplacementInfoList", N::Replacements, Maybe),
            ("StaffInfo", N::Skipped, Noted),
        ],
        N::Replacements => &[("ReplacementInfo", N::Replacement, Many)],
        N::Replacement => &[
            ("DocumentId", N::Leaf(F::ReplacedDocument), One),
            ("OrganIdList", N::Skipped, Noted),
        ],
        N::Body => &[("edXMLManifest", N::Manifest, Maybe)],
        N::Manifest => &[("Reference", N::Reference, Many)],
        N::Reference => &[
            ("ContentId", N::Leaf(F::ReferenceId), Maybe),
            ("ContentType", N::Skipped, Noted),
            ("Description", N::Skipped, Noted),
            ("AttachmentName", N::Skipped, Noted),
        ],
        N::AttachmentList => &[("Attachment", N::Attachment, Many)],
        N::Attachment => &[
            ("ContentId", N::Leaf(F::AttachmentId), One),
            ("AttachmentName", N::Leaf(F::AttachmentName), Maybe),
            ("Description", N::Skipped, Noted),
            ("ContentType", N::Leaf(F::AttachmentType), Maybe),
            ("ContentTransferEncoded", N::Content, One),
        ],
        N::Content | N::Leaf(_) | N::Skipped | N::Signature => &[],
    }
}

/// Names on which routing, kind or attachments rest: where they are not known children, they are refused, never skipped.
pub(super) fn is_critical(name: &str) -> bool {
    matches!(
        name,
        "edXML"
            | "edXMLEnvelope"
            | "edXMLHeader"
            | "MessageHeader"
            | "From"
            | "To"
            | "ResponseFor"
            | "StatusCode"
            | "TraceHeaderList"
            | "TraceHeader"
            | "Bussiness"
            | "BussinessDocType"
            | "edXMLBody"
            | "edXMLManifest"
            | "AttachmentEncoded"
            | "Attachment"
            | "ContentTransferEncoded"
    )
}
