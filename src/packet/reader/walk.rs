//! Walks the elements of a packet: where each may stand, how often, how large.

use rxml::{NcName, RawEvent};

use super::base64::Base64;
use super::collected::{Collected, Fault};
use super::names::{Prefixes, Space};
use super::schema::{Child, Node, Times, children, is_critical};
use crate::packet::invalid::excerpt;
use crate::packet::{Envelope, Invalid, Limits, Rule};

/// Where the walk stands with regard to the content of an attachment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Not in one.
    Elsewhere,
    /// Its start tag was read; the tokenizer may still hold its end.
    Opened,
    /// In its text, and nothing but plain text came so far.
    Plain,
    /// Behind the first byte that the tokenizer has to judge.
    Tokenized,
}

#[derive(Debug)]
pub(super) struct Walk {
    limits: Limits,
    /// The open elements, the document first.
    frames: Vec<Frame>,
    /// The element whose start tag is being read.
    head: Option<Head>,
    prefixes: Prefixes,
    elements: usize,
    /// The text of the open leaf.
    text: String,
    content: Content,
    base64: Base64,
    collected: Collected,
}

#[derive(Debug)]
struct Frame {
    node: Node,
    name: Box<str>,
    /// The line of the start tag's end.
    line: u64,
    /// Children that may stand once and were there.
    seen: Vec<&'static str>,
    /// Bytes of text so far.
    text: usize,
}

#[derive(Debug)]
struct Head {
    prefix: Option<NcName>,
    name: NcName,
    attributes: Vec<Attribute>,
}

#[derive(Debug)]
struct Attribute {
    prefix: Option<NcName>,
    name: NcName,
    /// Kept where it may name an attachment, else empty.
    value: String,
}

impl Walk {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            frames: vec![Frame::new(Node::Document, "", 1)],
            head: None,
            prefixes: Prefixes::default(),
            elements: 0,
            text: String::new(),
            content: Content::Elsewhere,
            base64: Base64::default(),
            collected: Collected::default(),
        }
    }

    pub(super) fn content(&self) -> Content {
        self.content
    }

    /// The counter, while the tokenizer need not be asked.
    pub(super) fn plain_content(&mut self) -> Option<&mut Base64> {
        (self.content == Content::Plain).then_some(&mut self.base64)
    }

    /// The tokenizer holds nothing back: from here on plain text may be counted. False when there is no such place.
    pub(super) fn enter_plain_content(&mut self) -> bool {
        let opened = self.content == Content::Opened;
        if opened {
            self.content = Content::Plain;
        }
        opened
    }

    /// The tokenizer has to be asked until the content ends.
    pub(super) fn leave_plain_content(&mut self) {
        self.content = Content::Tokenized;
    }

    /// The root is closed: the envelope, if all fits together.
    pub(super) fn finish(self, line: u64) -> Result<Envelope, Invalid> {
        self.collected.finish(line)
    }

    /// Takes one event; true when it closed the root.
    pub(super) fn event(&mut self, event: RawEvent, line: u64) -> Result<bool, Invalid> {
        match event {
            RawEvent::XmlDeclaration(..) => {}
            RawEvent::ElementHeadOpen(_, (prefix, name)) => self.head_open(prefix, name, line)?,
            RawEvent::Attribute(_, (prefix, name), value) => {
                self.attribute(prefix, name, value, line)?;
            }
            RawEvent::ElementHeadClose(_) => self.head_close(line)?,
            RawEvent::Text(_, text) => self.text(&text, line)?,
            RawEvent::ElementFoot(_) => {
                self.foot(line)?;
                return Ok(self.frames.len() == 1);
            }
        }
        Ok(false)
    }

    fn head_open(
        &mut self,
        prefix: Option<NcName>,
        name: NcName,
        line: u64,
    ) -> Result<(), Invalid> {
        self.elements += 1;
        let depth = self.limits.depth;
        let elements = self.limits.elements;
        self.head = Some(Head {
            prefix,
            name,
            attributes: Vec::new(),
        });
        if self.frames.len() > depth {
            return Err(self.invalid(line, Rule::Depth, "elements too deep", &depth.to_string()));
        }
        if self.elements > elements {
            let limit = elements.to_string();
            return Err(self.invalid(line, Rule::Elements, "too many elements", &limit));
        }
        Ok(())
    }

    fn attribute(
        &mut self,
        prefix: Option<NcName>,
        name: NcName,
        value: String,
        line: u64,
    ) -> Result<(), Invalid> {
        let Some(head) = &mut self.head else {
            return Ok(());
        };
        if head.attributes.len() >= self.limits.attributes {
            let limit = self.limits.attributes.to_string();
            return Err(self.invalid(line, Rule::Attributes, "too many attributes", &limit));
        }
        if head
            .attributes
            .iter()
            .any(|other| other.prefix == prefix && other.name == name)
        {
            return Err(self.invalid(line, Rule::Duplicate, "an attribute twice", &name));
        }
        let depth = self.frames.len();
        let declared = match prefix.as_deref() {
            Some(xmlns) if *xmlns == *"xmlns" => Some(name.as_str()),
            None if name == "xmlns" => Some(""),
            _ => None,
        };
        if let Some(declared) = declared
            && !self.prefixes.declare(depth, declared, &value)
        {
            let limit = Prefixes::MOST.to_string();
            let detail = "too many namespace declarations in force";
            return Err(self.invalid(line, Rule::Attributes, detail, &limit));
        }
        let names_attachment = name == "href" || name == "ContentId";
        head.attributes.push(Attribute {
            prefix,
            name,
            value: if names_attachment {
                value
            } else {
                String::new()
            },
        });
        Ok(())
    }

    fn head_close(&mut self, line: u64) -> Result<(), Invalid> {
        let Some(head) = &self.head else {
            return Ok(());
        };
        let Some(space) = self.prefixes.element(head.prefix.as_deref().map(|p| &**p)) else {
            return Err(self.undeclared(head.prefix.as_deref().map_or("", |p| p), line));
        };
        let links = self.links(head, line)?;
        let node = self.place(&space, line)?;
        let Some(head) = self.head.take() else {
            return Ok(());
        };
        self.frames.push(Frame::new(node, &head.name, line));
        match node {
            Node::Leaf(_) => self.text.clear(),
            Node::Content => {
                self.base64 = Base64::default();
                self.content = Content::Opened;
            }
            Node::Reference => self.collected.open_reference(links, line),
            Node::Attachment => self.collected.open_attachment(line),
            Node::To => self.collected.open_to(line),
            Node::ResponseFor => self.collected.open_answer(line),
            _ => {}
        }
        Ok(())
    }

    /// Checks the attributes' prefixes; gives what may name an attachment.
    fn links(&self, head: &Head, line: u64) -> Result<Option<String>, Invalid> {
        let mut link = None;
        let mut known: Vec<(Space, &NcName)> = Vec::new();
        for attribute in &head.attributes {
            let prefix = attribute.prefix.as_deref().map(|p| &**p);
            if prefix == Some("xmlns") || (prefix.is_none() && attribute.name == "xmlns") {
                continue;
            }
            let Some(space) = self.prefixes.attribute(prefix) else {
                return Err(self.undeclared(prefix.unwrap_or(""), line));
            };
            if known
                .iter()
                .any(|(s, n)| *s == space && **n == attribute.name)
            {
                return Err(self.invalid(
                    line,
                    Rule::Duplicate,
                    "an attribute twice",
                    &attribute.name,
                ));
            }
            if matches!(space, Space::None | Space::Link) && !attribute.value.trim().is_empty() {
                link = Some(attribute.value.clone());
            }
            known.push((space, &attribute.name));
        }
        Ok(link)
    }

    /// What the element being opened is, by its parent and name.
    fn place(&mut self, space: &Space, line: u64) -> Result<Node, Invalid> {
        let (Some(parent), Some(head)) = (self.frames.last_mut(), &self.head) else {
            return Ok(Node::Skipped);
        };
        let name = head.name.as_str();
        let fault = match parent.node {
            Node::Skipped | Node::Signature => return Ok(parent.node),
            Node::Leaf(_) | Node::Content => (Rule::Nested, "an element where text belongs"),
            node if *space == Space::Edxml => match find(node, name) {
                Some(&(name, node, times)) => {
                    let again = times != Times::Many && parent.seen.contains(&name);
                    if !parent.seen.contains(&name) {
                        parent.seen.push(name);
                    }
                    if !again {
                        return self.bounded(node, line);
                    }
                    if times == Times::Noted {
                        self.collected.note(format!("{name} stands more than once"));
                        return Ok(node);
                    }
                    (Rule::Duplicate, "an element that stands once stands again")
                }
                None if node == Node::Document => (Rule::Root, "the root is not edXML"),
                None if is_critical(name) => {
                    (Rule::Misplaced, "an element where it does not belong")
                }
                None => {
                    self.collected
                        .note(format!("unknown element {}", excerpt(name)));
                    return Ok(Node::Skipped);
                }
            },
            Node::Document => (
                Rule::Root,
                "the root is not in the namespace of QCVN 102:2016",
            ),
            _ if is_critical(name) => {
                (Rule::Namespace, "an element of edXML outside its namespace")
            }
            _ if name == "Signature" => return Ok(Node::Signature),
            _ => return Ok(Node::Skipped),
        };
        let name = name.to_owned();
        Err(self.invalid(line, fault.0, fault.1, &name))
    }

    /// Holds the bounds on how many of an element there are.
    fn bounded(&mut self, node: Node, line: u64) -> Result<Node, Invalid> {
        let (rule, limit) = match node {
            Node::To | Node::ResponseFor | Node::Replacement => {
                (Rule::Recipients, self.limits.recipients)
            }
            Node::Reference | Node::Attachment => (Rule::Attachments, self.limits.attachments),
            _ => return Ok(node),
        };
        if self.collected.count(node) > limit {
            return Err(self.invalid(line, rule, "too many of them", &limit.to_string()));
        }
        Ok(node)
    }

    fn text(&mut self, text: &str, line: u64) -> Result<(), Invalid> {
        let limit = self.limits.text;
        let Some(frame) = self.frames.last_mut() else {
            return Ok(());
        };
        let fault = match frame.node {
            Node::Signature => return Ok(()),
            Node::Content => {
                let run = self.base64.run(text.as_bytes());
                let rest = &text[run.taken..];
                if rest.is_empty() {
                    return Ok(());
                }
                let what: String = rest.chars().take(1).collect();
                let detail = "a byte that base64 does not have, or not there";
                return Err(self.invalid(line, Rule::Base64, detail, &what));
            }
            Node::Leaf(_) | Node::Skipped => {
                frame.text += text.len();
                if frame.text <= limit {
                    if frame.node != Node::Skipped {
                        self.text.push_str(text);
                    }
                    return Ok(());
                }
                (Rule::TextLength, "a text is too long", limit.to_string())
            }
            _ if text.trim().is_empty() => return Ok(()),
            _ => (
                Rule::StrayText,
                "text between elements",
                text.trim().to_owned(),
            ),
        };
        Err(self.invalid(line, fault.0, fault.1, &fault.2))
    }

    fn foot(&mut self, line: u64) -> Result<(), Invalid> {
        let Some(frame) = self.frames.last() else {
            return Ok(());
        };
        let (node, opened) = (frame.node, frame.line);
        if let Some((missing, ..)) = children(node)
            .iter()
            .find(|(name, _, times)| *times == Times::One && !frame.seen.contains(name))
        {
            return Err(self.missing(missing, line));
        }
        let closed = match node {
            Node::Leaf(field) => {
                let value = tidy(&self.text);
                self.collected.set(field, value)
            }
            Node::Content => {
                self.content = Content::Elsewhere;
                self.collected.content(self.base64)
            }
            node => self.collected.close(node),
        };
        match closed {
            Ok(()) => {}
            Err(Fault::Missing(name)) => return Err(self.missing(name, line)),
            Err(Fault::Broken(rule, detail, value)) => {
                return Err(self.invalid(opened, rule, detail, &value));
            }
            Err(Fault::Below(child, at, rule, detail, value)) => {
                return Err(self.invalid(at, rule, detail, &value).below(child));
            }
        }
        self.frames.pop();
        self.prefixes.leave(self.frames.len() - 1);
        Ok(())
    }

    fn missing(&self, name: &str, line: u64) -> Invalid {
        let detail = "a required element is missing or empty";
        if name.is_empty() {
            let itself = self.frames.last().map_or("", |frame| &*frame.name);
            return self.invalid(line, Rule::Missing, detail, itself);
        }
        self.invalid(line, Rule::Missing, detail, name).below(name)
    }

    fn undeclared(&self, prefix: &str, line: u64) -> Invalid {
        self.invalid(
            line,
            Rule::Namespace,
            "a prefix that is not declared",
            prefix,
        )
    }

    /// A refusal at the element where the walk stands.
    pub(super) fn invalid(&self, line: u64, rule: Rule, detail: &str, value: &str) -> Invalid {
        let head = self.head.as_ref().map(|head| excerpt(&head.name));
        let open = self.frames.iter().skip(1).map(|frame| &*frame.name);
        let names: Vec<&str> = open.chain(head.as_deref()).collect();
        Invalid {
            line,
            element: names.join("/"),
            rule,
            detail: detail.to_owned(),
            value: excerpt(value),
        }
    }
}

impl Frame {
    fn new(node: Node, name: &str, line: u64) -> Self {
        Self {
            node,
            name: excerpt(name).into(),
            line,
            seen: Vec::new(),
            text: 0,
        }
    }
}

fn find(parent: Node, name: &str) -> Option<&'static Child> {
    children(parent).iter().find(|(known, ..)| *known == name)
}

/// One line without control characters, so that a text of a document can stand in a record or a journal field.
fn tidy(text: &str) -> String {
    let mut tidy = String::with_capacity(text.len());
    for word in text.split(|char: char| char.is_whitespace() || char.is_control()) {
        if !word.is_empty() {
            if !tidy.is_empty() {
                tidy.push(' ');
            }
            tidy.push_str(word);
        }
    }
    tidy
}
