//! What the walk has read so far.

use std::collections::HashSet;

use super::base64::Base64;
use super::schema::{Field, Node};
use crate::packet::invalid::excerpt;
use crate::packet::{Attachment, Kind, MemberId, Priority, Rule};

/// Why an element can't be closed.
#[derive(Debug)]
pub(super) enum Fault {
    /// This child is missing or empty; with an empty name, the element itself is empty.
    Missing(&'static str),
    /// A rule is broken; the value says by what.
    Broken(Rule, &'static str, String),
    /// The same at a child that stood on this line.
    Below(&'static str, u64, Rule, &'static str, String),
}

#[derive(Debug, Default)]
pub(super) struct Collected {
    pub(super) from: Option<MemberId>,
    pub(super) to: Vec<MemberId>,
    /// The line of the first To.
    pub(super) to_line: u64,
    /// The same as `to`, to find repeated ones.
    pub(super) to_known: HashSet<MemberId>,
    pub(super) document: Option<String>,
    pub(super) number: Option<String>,
    pub(super) notation: Option<String>,
    pub(super) promulgated: Option<String>,
    pub(super) due: Option<String>,
    pub(super) type_name: Option<String>,
    pub(super) subject: Option<String>,
    pub(super) priority: Priority,
    pub(super) answers: Vec<Answer>,
    pub(super) status: Option<String>,
    pub(super) description: Option<String>,
    /// Of the open TraceHeader.
    pub(super) trace_has_organ: bool,
    pub(super) has_business: bool,
    pub(super) business: Option<Kind>,
    pub(super) business_reason: Option<String>,
    pub(super) business_document: Option<String>,
    pub(super) replaced: Vec<String>,
    pub(super) references: Vec<Named>,
    pub(super) attachments: Vec<Draft>,
    pub(super) notes: Vec<String>,
    counts: Counts,
}

/// One ResponseFor.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) line: u64,
    pub(super) organ: Option<String>,
    pub(super) code: Option<String>,
    pub(super) document: Option<String>,
    pub(super) date: Option<String>,
}

/// One Reference of the manifest.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) line: u64,
    pub(super) id: String,
}

#[derive(Debug)]
pub(super) struct Draft {
    pub(super) line: u64,
    pub(super) attachment: Attachment,
}

#[derive(Debug, Default)]
struct Counts {
    to: usize,
    replaced: usize,
}

const LONGEST_STATUS: usize = 16;
const MOST_NOTES: usize = 32;

impl Collected {
    /// Keeps a contradiction to be shown; those of a document beyond the first 32 are not kept.
    pub(super) fn note(&mut self, text: impl Into<String>) {
        let text = text.into();
        if self.notes.len() < MOST_NOTES && !self.notes.contains(&text) {
            self.notes.push(text);
        }
    }

    /// How many of a counted element there are with the one being opened.
    pub(super) fn count(&mut self, node: Node) -> usize {
        match node {
            Node::To => {
                self.counts.to += 1;
                self.counts.to
            }
            Node::Replacement => {
                self.counts.replaced += 1;
                self.counts.replaced
            }
            Node::ResponseFor => self.answers.len() + 1,
            Node::Reference => self.references.len() + 1,
            Node::Attachment => self.attachments.len() + 1,
            _ => 0,
        }
    }

    pub(super) fn open_to(&mut self, line: u64) {
        if self.to_line == 0 {
            self.to_line = line;
        }
    }

    pub(super) fn open_answer(&mut self, line: u64) {
        self.answers.push(Answer {
            line,
            ..Answer::default()
        });
    }

    pub(super) fn open_reference(&mut self, link: Option<String>, line: u64) {
        let id = link.map_or_else(String::new, |link| content_id(&link));
        self.references.push(Named { line, id });
    }

    pub(super) fn open_attachment(&mut self, line: u64) {
        self.attachments.push(Draft {
            line,
            attachment: Attachment {
                id: String::new(),
                name: String::new(),
                content_type: String::new(),
                encoded_len: 0,
            },
        });
    }

    /// The content of the open attachment has ended.
    pub(super) fn content(&mut self, base64: Base64) -> Result<(), Fault> {
        if !base64.is_whole() {
            let length = base64.length().to_string();
            return Err(Fault::Broken(
                Rule::Base64Length,
                "the base64 text is cut off: its length is no multiple of four",
                length,
            ));
        }
        if let Some(draft) = self.attachments.last_mut() {
            draft.attachment.encoded_len = base64.length();
        }
        Ok(())
    }

    /// Takes the text of a leaf.
    pub(super) fn set(&mut self, field: Field, value: String) -> Result<(), Fault> {
        let some = (!value.is_empty()).then_some(value);
        let member = |text: Option<String>| -> Result<MemberId, Fault> {
            let text = text.ok_or(Fault::Missing(""))?;
            text.parse()
                .map_err(|_| Fault::Broken(Rule::MemberCode, "not an identification code", text))
        };
        match field {
            Field::FromOrgan => self.from = Some(member(some)?),
            Field::ToOrgan => {
                let member = member(some)?;
                if self.to_known.insert(member.clone()) {
                    self.to.push(member);
                } else {
                    self.note(format!("recipient {member} stands more than once"));
                }
            }
            Field::AnswerOrgan => self.answer(some, |answer| &mut answer.organ),
            Field::AnswerCode => self.answer(some, |answer| &mut answer.code),
            Field::AnswerDocument => self.answer(some, |answer| &mut answer.document),
            Field::AnswerDate => self.answer(some, |answer| &mut answer.date),
            Field::Document => self.document = Some(some.ok_or(Fault::Missing(""))?),
            Field::Number => self.number = some,
            Field::Notation => self.notation = some,
            Field::Promulgated => self.promulgated = some,
            Field::TypeName => self.type_name = some,
            Field::Subject => self.subject = some,
            Field::DueDate => self.due = some,
            Field::Priority => self.priority(some.as_deref()),
            Field::Status => {
                let code = some.ok_or(Fault::Missing(""))?;
                if code.len() > LONGEST_STATUS || !code.bytes().all(|b| b.is_ascii_alphanumeric()) {
                    return Err(Fault::Broken(Rule::Value, "not a status code", code));
                }
                self.status = Some(code);
            }
            Field::Description => self.description = some,
            Field::TraceOrgan => self.trace_has_organ = some.is_some(),
            Field::BusinessType => self.business = business(some)?,
            Field::BusinessReason => self.business_reason = some,
            Field::BusinessDocument => self.business_document = some,
            Field::ReplacedDocument => self.replaced.push(some.ok_or(Fault::Missing(""))?),
            Field::ReferenceId => self.reference_id(&some.unwrap_or_default()),
            Field::AttachmentId => {
                let id = content_id(&some.unwrap_or_default());
                if id.is_empty() {
                    return Err(Fault::Missing(""));
                }
                self.attachment(|attachment| attachment.id = id);
            }
            Field::AttachmentName => {
                let name = some.unwrap_or_default();
                self.attachment(|attachment| attachment.name = name);
            }
            Field::AttachmentType => {
                let content_type = some.unwrap_or_default();
                self.attachment(|attachment| attachment.content_type = content_type);
            }
        }
        Ok(())
    }

    fn answer(&mut self, value: Option<String>, of: impl Fn(&mut Answer) -> &mut Option<String>) {
        if let Some(answer) = self.answers.last_mut() {
            *of(answer) = value;
        }
    }

    fn attachment(&mut self, set: impl FnOnce(&mut Attachment)) {
        if let Some(draft) = self.attachments.last_mut() {
            set(&mut draft.attachment);
        }
    }

    fn priority(&mut self, text: Option<&str>) {
        let number = text.map(|text| text.parse().ok().and_then(Priority::from_number));
        match number {
            None => {}
            Some(Some(priority)) => self.priority = priority,
            Some(None) => self.note(format!(
                "Priority {} is none of 0 to 4 and is taken as 0",
                excerpt(text.unwrap_or(""))
            )),
        }
    }

    fn reference_id(&mut self, text: &str) {
        let id = content_id(text);
        let Some(reference) = self.references.last_mut() else {
            return;
        };
        if id.is_empty() {
            return;
        }
        let differs = !reference.id.is_empty() && reference.id != id;
        reference.id = id;
        if differs {
            self.note("a manifest reference names one attachment by element and another by link");
        }
    }

    /// An element that is no leaf has ended.
    pub(super) fn close(&mut self, node: Node) -> Result<(), Fault> {
        match node {
            Node::Reference if self.references.last().is_some_and(|r| r.id.is_empty()) => {
                Err(Fault::Missing("ContentId"))
            }
            Node::Attachment => {
                self.attachment_note();
                Ok(())
            }
            Node::Business => {
                self.has_business = true;
                Ok(())
            }
            Node::Trace => {
                if !std::mem::take(&mut self.trace_has_organ) {
                    self.note("TraceHeader without OrganId");
                }
                Ok(())
            }
            Node::Message => self.close_message(),
            _ => Ok(()),
        }
    }

    fn attachment_note(&mut self) {
        let Some(draft) = self.attachments.last() else {
            return;
        };
        let Attachment {
            id,
            name,
            encoded_len,
            ..
        } = &draft.attachment;
        let mut notes = Vec::new();
        if *encoded_len == 0 {
            notes.push(format!("attachment {} is empty", excerpt(id)));
        }
        if name.is_empty() {
            notes.push(format!("attachment {} has no name", excerpt(id)));
        }
        if name.contains(['/', '\\']) || name.starts_with('.') {
            notes.push(format!("attachment name {} is a path", excerpt(name)));
        }
        for note in notes {
            self.note(note);
        }
    }

    /// Routing has to be certain: a document has recipients and an id, a status has one ResponseFor and no recipients.
    fn close_message(&mut self) -> Result<(), Fault> {
        let answered = self.answers.iter().any(|answer| !answer.is_empty());
        if self.status.is_none() {
            return match (&self.document, self.to.is_empty()) {
                (_, true) if answered && self.document.is_none() => {
                    Err(Fault::Missing("StatusCode"))
                }
                (_, true) => Err(Fault::Missing("To")),
                (None, false) => Err(Fault::Missing("DocumentId")),
                (Some(_), false) => Ok(()),
            };
        }
        if !self.to.is_empty() {
            let detail = "a status has no To: it goes to ResponseFor/OrganId";
            let rule = Rule::StatusRecipient;
            return Err(Fault::Below(
                "To",
                self.to_line,
                rule,
                detail,
                String::new(),
            ));
        }
        let [answer] = self.answers.as_mut_slice() else {
            let Some(second) = self.answers.get(1) else {
                return Err(Fault::Missing("ResponseFor"));
            };
            let detail = "a status answers one document";
            let rule = Rule::StatusRecipient;
            return Err(Fault::Below(
                "ResponseFor",
                second.line,
                rule,
                detail,
                String::new(),
            ));
        };
        let Some(organ) = answer.organ.take() else {
            return Err(Fault::Missing("ResponseFor/OrganId"));
        };
        let line = answer.line;
        let member = organ.parse().map_err(|_| {
            let detail = "not an identification code";
            Fault::Below("ResponseFor/OrganId", line, Rule::MemberCode, detail, organ)
        })?;
        self.to.push(member);
        Ok(())
    }
}

impl Answer {
    fn is_empty(&self) -> bool {
        self.organ.is_none() && self.code.is_none() && self.document.is_none()
    }
}

fn business(text: Option<String>) -> Result<Option<Kind>, Fault> {
    match text.as_deref() {
        None => Ok(None),
        Some("0") => Ok(Some(Kind::New)),
        Some("1") => Ok(Some(Kind::Recall)),
        Some("2") => Ok(Some(Kind::Update)),
        Some("3") => Ok(Some(Kind::Replacement)),
        Some(_) => Err(Fault::Broken(
            Rule::Value,
            "BussinessDocType is none of 0 to 3",
            text.unwrap_or_default(),
        )),
    }
}

/// A ContentId is the same with and without `cid:` in front.
fn content_id(text: &str) -> String {
    let text = text.trim();
    match text.get(..4) {
        Some(scheme) if scheme.eq_ignore_ascii_case("cid:") => text[4..].trim().to_owned(),
        _ => text.to_owned(),
    }
}
