//! Why a packet is refused: where, which rule, what to do.

use std::fmt;

use crate::retry::Class;

/// A refused packet. `Display` is the English of logs, [`Invalid::reason_vi`] the Vietnamese of people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The line of the document, from 1, counted by line feeds.
    pub line: u64,
    /// The path of the element by local names, from the root; empty before it.
    pub element: String,
    /// The rule that is broken.
    pub rule: Rule,
    /// English words on this case.
    pub detail: String,
    /// What stood there or is missing, at most 80 characters, for the words of both languages.
    pub value: String,
}

impl Invalid {
    /// Always [`Class::Refuse`]: the same bytes never become a packet.
    #[must_use]
    pub fn class(&self) -> Class {
        Class::Refuse
    }

    /// The same refusal at a child of the element.
    pub(super) fn below(mut self, child: &str) -> Self {
        self.element.push('/');
        self.element.push_str(child);
        self
    }
}

/// What a packet must keep to; the name is that of `as_str`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// The document is UTF-8 and says nothing else.
    Utf8,
    /// The document is well-formed XML 1.0.
    WellFormed,
    /// Each end tag is that of the innermost open element.
    Tags,
    /// Only characters that XML 1.0 allows, written or referred to.
    Character,
    /// No document type declaration.
    Doctype,
    /// No processing instruction.
    Instruction,
    /// No entity beyond the five of XML, and `&` written as `&amp;`.
    Entity,
    /// Prefixes are declared and used as Namespaces in XML 1.0 says.
    Namespace,
    /// The document is complete.
    Complete,
    /// Nothing but white space and comments behind the root.
    AfterRoot,
    /// The root is edXML in the namespace of QCVN 102:2016.
    Root,
    /// [`Limits::depth`](super::Limits::depth).
    Depth,
    /// [`Limits::elements`](super::Limits::elements).
    Elements,
    /// [`Limits::attributes`](super::Limits::attributes).
    Attributes,
    /// [`Limits::text`](super::Limits::text), also for names and attributes.
    TextLength,
    /// [`Limits::header`](super::Limits::header).
    HeaderSize,
    /// [`Limits::recipients`](super::Limits::recipients).
    Recipients,
    /// [`Limits::attachments`](super::Limits::attachments).
    Attachments,
    /// A required element is there and not empty.
    Missing,
    /// An element that stands once stands once.
    Duplicate,
    /// An element of routing, header or attachments stands where it belongs.
    Misplaced,
    /// No text between elements.
    StrayText,
    /// No element inside an element of text.
    Nested,
    /// OrganId is an identification code.
    MemberCode,
    /// BussinessDocType and StatusCode hold a value that can be acted on.
    Value,
    /// A status names its receiver by ResponseFor alone.
    StatusRecipient,
    /// ContentTransferEncoded holds base64 characters only.
    Base64,
    /// The base64 text is whole: groups of four.
    Base64Length,
    /// Each reference of the manifest has its attachment.
    ReferenceUnmet,
    /// Each attachment has its reference in the manifest.
    AttachmentUnnamed,
}

impl Rule {
    /// The kebab-case name, stable for logs and tests.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Utf8 => "utf8",
            Self::WellFormed => "well-formed",
            Self::Tags => "tags",
            Self::Character => "character",
            Self::Doctype => "doctype",
            Self::Instruction => "instruction",
            Self::Entity => "entity",
            Self::Namespace => "namespace",
            Self::Complete => "complete",
            Self::AfterRoot => "after-root",
            Self::Root => "root",
            Self::Depth => "depth",
            Self::Elements => "elements",
            Self::Attributes => "attributes",
            Self::TextLength => "text-length",
            Self::HeaderSize => "header-size",
            Self::Recipients => "recipients",
            Self::Attachments => "attachments",
            Self::Missing => "missing",
            Self::Duplicate => "duplicate",
            Self::Misplaced => "misplaced",
            Self::StrayText => "stray-text",
            Self::Nested => "nested",
            Self::MemberCode => "member-code",
            Self::Value => "value",
            Self::StatusRecipient => "status-recipient",
            Self::Base64 => "base64",
            Self::Base64Length => "base64-length",
            Self::ReferenceUnmet => "reference-unmet",
            Self::AttachmentUnnamed => "attachment-unnamed",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let element = if self.element.is_empty() {
            "document"
        } else {
            &self.element
        };
        write!(
            f,
            "line {}, {element}: {} [{}]",
            self.line, self.detail, self.rule
        )
    }
}

impl std::error::Error for Invalid {}

/// A value of a document, cut so that a refusal stays readable.
pub(super) fn excerpt(value: &str) -> String {
    const LONGEST: usize = 80;
    if value.len() <= LONGEST {
        return value.to_owned();
    }
    let mut short: String = value.chars().take(LONGEST).collect();
    if short.len() < value.len() {
        short.push('…');
    }
    short
}
