//! Documents: new, recall, update, replacement.

use std::io::{Read, Write};

use data_encoding::BASE64;

use super::Error;
use super::draft::{Answered, Content, DocumentDraft};
use super::xml::{Xml, timestamp};
use crate::packet::Kind;

/// A multiple of three, so that only the last piece is padded.
const PIECE: usize = 48 * 1024;

/// Writes a document with its attachments, one after the other, encoded as they are read.
///
/// The manifest stands before the attachments, so the list is taken whole; of their bytes one piece is held at a time.
/// Elements are small writes: give a buffered sink.
///
/// # Errors
/// [`Error::Draft`] for a draft without recipient or of kind status, [`Error::Character`] for a text that XML can't
/// carry, [`Error::Io`] of sink or source. What was written until then is no packet.
pub fn write_document<W: Write, R: Read>(
    draft: &DocumentDraft,
    attachments: impl IntoIterator<Item = Content<R>>,
    out: W,
) -> Result<W, Error> {
    if draft.kind == Kind::Status {
        return Err(Error::Draft("a status is written by write_status"));
    }
    if draft.to.is_empty() {
        return Err(Error::Draft("a document needs a recipient"));
    }
    let attachments: Vec<_> = attachments.into_iter().collect();
    let mut xml = Xml::start(out)?;
    message(&mut xml, draft)?;
    trace(&mut xml, draft)?;
    xml.close("edXMLHeader")?;
    manifest(&mut xml, &attachments)?;
    xml.close("edXMLEnvelope")?;
    xml.without_prefix();
    if !attachments.is_empty() {
        xml.open("AttachmentEncoded")?;
        for content in attachments {
            attachment(&mut xml, content)?;
        }
        xml.close("AttachmentEncoded")?;
    }
    xml.close("edXML")?;
    Ok(xml.out)
}

fn message(xml: &mut Xml<impl Write>, draft: &DocumentDraft) -> Result<(), Error> {
    xml.open("MessageHeader")?;
    xml.party("From", &draft.from)?;
    for party in &draft.to {
        xml.party("To", party)?;
    }
    xml.leaf("DocumentId", &draft.document)?;
    xml.open("Code")?;
    xml.leaf("CodeNumber", &draft.number)?;
    xml.leaf("CodeNotation", &draft.notation)?;
    xml.close("Code")?;
    xml.open("PromulgationInfo")?;
    xml.leaf("Place", &draft.place)?;
    xml.leaf("PromulgationDate", &draft.promulgated)?;
    xml.close("PromulgationInfo")?;
    xml.open("DocumentType")?;
    xml.leaf("Type", "1")?;
    xml.leaf("TypeName", &draft.type_name)?;
    xml.close("DocumentType")?;
    xml.leaf("Subject", &draft.subject)?;
    xml.leaf_if("Content", &draft.content)?;
    if !draft.signer.is_empty() {
        xml.open("SignerInfo")?;
        xml.leaf("FullName", &draft.signer)?;
        xml.close("SignerInfo")?;
    }
    xml.open("OtherInfo")?;
    xml.leaf("Priority", &draft.priority.number().to_string())?;
    xml.close("OtherInfo")?;
    for answer in &draft.answers {
        answered(xml, answer)?;
    }
    xml.close("MessageHeader")
}

fn trace(xml: &mut Xml<impl Write>, draft: &DocumentDraft) -> Result<(), Error> {
    xml.open("TraceHeaderList")?;
    xml.open("TraceHeader")?;
    xml.leaf("OrganId", draft.from.id.as_str())?;
    xml.leaf("Timestamp", &timestamp(draft.at))?;
    xml.close("TraceHeader")?;
    xml.open("Bussiness")?;
    let number = match draft.kind {
        Kind::New | Kind::Status => "0",
        Kind::Recall => "1",
        Kind::Update => "2",
        Kind::Replacement => "3",
    };
    xml.leaf("BussinessDocType", number)?;
    xml.leaf_if("BussinessDocReason", &draft.reason)?;
    xml.leaf("Paper", "0")?;
    match (draft.kind, draft.answers.first()) {
        (Kind::Recall | Kind::Update, Some(answer)) => xml.leaf("DocumentId", &answer.document)?,
        (Kind::Replacement, Some(_)) => replacements(xml, draft)?,
        _ => {}
    }
    if draft.kind != Kind::New {
        xml.staff(&draft.staff)?;
    }
    xml.close("Bussiness")?;
    xml.close("TraceHeaderList")
}

fn replacements(xml: &mut Xml<impl Write>, draft: &DocumentDraft) -> Result<(), Error> {
    xml.open("ReplacementInfoList")?;
    for answer in &draft.answers {
        xml.open("ReplacementInfo")?;
        xml.leaf("DocumentId", &answer.document)?;
        xml.open("OrganIdList")?;
        for party in &draft.to {
            xml.leaf("OrganId", party.id.as_str())?;
        }
        xml.close("OrganIdList")?;
        xml.close("ReplacementInfo")?;
    }
    xml.close("ReplacementInfoList")
}

pub(super) fn answered(xml: &mut Xml<impl Write>, answer: &Answered) -> Result<(), Error> {
    xml.open("ResponseFor")?;
    xml.leaf("OrganId", answer.organ.as_str())?;
    xml.leaf("Code", &answer.code)?;
    xml.leaf("DocumentId", &answer.document)?;
    xml.leaf("PromulgationDate", &answer.promulgated)?;
    xml.close("ResponseFor")
}

fn manifest<R>(xml: &mut Xml<impl Write>, attachments: &[Content<R>]) -> Result<(), Error> {
    xml.open("edXMLBody")?;
    xml.open_with("edXMLManifest", " version=\"1.0\"")?;
    for content in attachments {
        xml.open("Reference")?;
        names(xml, content)?;
        xml.close("Reference")?;
    }
    xml.close("edXMLManifest")?;
    xml.close("edXMLBody")
}

fn names<R>(xml: &mut Xml<impl Write>, content: &Content<R>) -> Result<(), Error> {
    xml.leaf("ContentId", &format!("cid:{}", content.id))?;
    xml.leaf("ContentType", &content.content_type)?;
    xml.leaf("AttachmentName", &content.name)
}

fn attachment<R: Read>(xml: &mut Xml<impl Write>, mut content: Content<R>) -> Result<(), Error> {
    xml.open("Attachment")?;
    names(xml, &content)?;
    xml.indent()?;
    xml.out.write_all(b"<ContentTransferEncoded>")?;
    let mut piece = Vec::with_capacity(PIECE);
    let mut encoded = vec![0; BASE64.encode_len(PIECE)];
    loop {
        piece.clear();
        let read = content
            .bytes
            .by_ref()
            .take(PIECE as u64)
            .read_to_end(&mut piece)?;
        let text = &mut encoded[..BASE64.encode_len(read)];
        BASE64.encode_mut(&piece, text);
        xml.out.write_all(text)?;
        if read < PIECE {
            break;
        }
    }
    xml.out.write_all(b"</ContentTransferEncoded>\n")?;
    xml.close("Attachment")
}
