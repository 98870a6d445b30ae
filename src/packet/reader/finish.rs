//! What was read becomes an envelope, when it fits together.

use std::collections::HashSet;

use super::collected::{Collected, Draft, Named};
use super::notes;
use crate::packet::invalid::excerpt;
use crate::packet::{Envelope, Invalid, Kind, MemberId, Rule};

impl Collected {
    /// Manifest and attachments meet; the rest becomes the envelope.
    pub(super) fn finish(mut self, line: u64) -> Result<Envelope, Invalid> {
        self.meet()?;
        let Some(from) = self.from.take() else {
            return Err(misfit(
                line,
                ENVELOPE,
                Rule::Missing,
                "From is missing",
                "From",
            ));
        };
        let kind = match (&self.status, self.business) {
            (Some(_), _) => Kind::Status,
            (None, Some(kind)) => kind,
            (None, None) => {
                self.note(if self.has_business {
                    "Bussiness without BussinessDocType: taken as a new document"
                } else {
                    "no Bussiness: taken as a new document"
                });
                Kind::New
            }
        };
        notes::judge(&mut self, &from, kind);
        if self.to.contains(&from) {
            self.note("the sender is a recipient too");
        }
        if kind == Kind::Status && !self.attachments.is_empty() {
            self.note("a status with attachments");
        }
        Ok(self.into_envelope(kind, from))
    }

    fn into_envelope(mut self, kind: Kind, from: MemberId) -> Envelope {
        let mut refs = Vec::new();
        let mut known = HashSet::new();
        let answered = self.answers.iter_mut().map(|answer| answer.document.take());
        for name in answered
            .chain([self.business_document.take()])
            .flatten()
            .chain(std::mem::take(&mut self.replaced))
        {
            if known.insert(name.clone()) {
                refs.push(name);
            }
        }
        let changes = matches!(kind, Kind::Recall | Kind::Update | Kind::Replacement);
        if changes && refs.is_empty() {
            // Software that names no other document means the one whose id the packet carries itself.
            self.note("names no document to act on: taken as its own DocumentId");
            refs.extend(self.document.clone());
        }
        let (code, date) = match self.answers.first_mut() {
            Some(answer) if kind == Kind::Status => (answer.code.take(), answer.date.take()),
            _ => (None, None),
        };
        Envelope {
            kind,
            from,
            to: self.to,
            document: self.document,
            number: self.number,
            notation: code.or(self.notation),
            promulgated: date.or(self.promulgated),
            type_name: self.type_name,
            subject: self.subject,
            priority: self.priority,
            refs,
            status: self.status,
            reason: if kind == Kind::Status {
                self.description
            } else {
                self.business_reason
            },
            attachments: self
                .attachments
                .into_iter()
                .map(|draft| draft.attachment)
                .collect(),
            notes: self.notes,
        }
    }

    /// Each reference has its attachment, each attachment its reference, and no name stands twice.
    fn meet(&self) -> Result<(), Invalid> {
        let mut named = HashSet::new();
        for Named { line, id } in &self.references {
            if !named.insert(id.as_str()) {
                let detail = "two references of one ContentId";
                return Err(misfit(*line, REFERENCE, Rule::Duplicate, detail, id));
            }
        }
        let mut here = HashSet::new();
        for Draft { line, attachment } in &self.attachments {
            let id = attachment.id.as_str();
            if !here.insert(id) {
                let detail = "two attachments of one ContentId";
                return Err(misfit(*line, ATTACHMENT, Rule::Duplicate, detail, id));
            }
            if !named.contains(id) {
                let detail = "an attachment that the manifest does not name";
                return Err(misfit(
                    *line,
                    ATTACHMENT,
                    Rule::AttachmentUnnamed,
                    detail,
                    id,
                ));
            }
        }
        match self
            .references
            .iter()
            .find(|named| !here.contains(named.id.as_str()))
        {
            None => Ok(()),
            Some(Named { line, id }) => {
                let detail = "a manifest reference without its attachment";
                Err(misfit(*line, REFERENCE, Rule::ReferenceUnmet, detail, id))
            }
        }
    }
}

const ENVELOPE: &str = "edXML/edXMLEnvelope";
const REFERENCE: &str = "edXML/edXMLEnvelope/edXMLBody/edXMLManifest/Reference";
const ATTACHMENT: &str = "edXML/AttachmentEncoded/Attachment";

fn misfit(line: u64, element: &str, rule: Rule, detail: &str, value: &str) -> Invalid {
    Invalid {
        line,
        element: element.to_owned(),
        rule,
        detail: detail.to_owned(),
        value: excerpt(value),
    }
}
