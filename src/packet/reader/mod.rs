//! The streaming reader: bytes in by any pieces, the envelope out, memory flat at any size.
//!
//! rxml tokenizes; [`walk`] knows edXML; [`collected`] makes the envelope. Inside an attachment's content the
//! tokenizer is not asked: [`base64`] counts until the first byte that could mean something to XML.

mod base64;
mod collected;
mod finish;
mod names;
mod notes;
mod prolog;
mod schema;
mod walk;

use rxml::error::{EndOrError, ErrorContext};
use rxml::parser::CommentMode;
use rxml::{Error as Xml, Options, Parse, RawEvent, RawParser, WithOptions};

use self::prolog::{Prolog, Step};
use self::walk::{Content, Walk};
use super::{Envelope, Invalid, Limits, Rule};

/// Reads one packet.
#[derive(Debug)]
pub struct Reader {
    stage: Stage,
    parser: Box<RawParser>,
    walk: Walk,
    /// The line being read, from 1.
    line: u64,
    /// Bytes outside attachments' content so far.
    header: u64,
    limits: Limits,
    refused: Option<Invalid>,
}

#[derive(Debug)]
enum Stage {
    Outside(Prolog),
    Inside,
}

impl Reader {
    /// A reader for one packet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            stage: Stage::Outside(Prolog::before(limits.text)),
            parser: Box::new(tokenizer()),
            walk: Walk::new(limits.clone()),
            line: 1,
            header: 0,
            limits,
            refused: None,
        }
    }

    /// Takes the next bytes, in pieces of any size.
    ///
    /// # Errors
    /// The first rule that is broken, and the same again on every later call.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), Invalid> {
        if let Some(refused) = &self.refused {
            return Err(refused.clone());
        }
        let outcome = self.take(bytes);
        self.refused = outcome.clone().err();
        outcome
    }

    /// The bytes are all fed: the envelope, if they were a packet.
    ///
    /// # Errors
    /// What [`Reader::feed`] said, that the document is not complete, or that manifest and attachments differ.
    pub fn finish(self) -> Result<Envelope, Invalid> {
        if let Some(refused) = self.refused {
            return Err(refused);
        }
        match &self.stage {
            Stage::Outside(prolog) if prolog.may_end() => self.walk.finish(self.line),
            _ => {
                Err(self
                    .walk
                    .invalid(self.line, Rule::Complete, "the document ends too early", ""))
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), Invalid> {
        let mut rest = bytes;
        loop {
            match &mut self.stage {
                Stage::Inside => {
                    if self.inside(&mut rest)? {
                        self.stage = Stage::Outside(Prolog::behind(self.limits.text));
                    } else {
                        return Ok(());
                    }
                }
                Stage::Outside(prolog) => {
                    let Some((&byte, behind)) = rest.split_first() else {
                        return Ok(());
                    };
                    if self.header >= self.limits.header {
                        return Err(self.header_too_large());
                    }
                    match prolog.step(byte) {
                        Ok(Step::Taken) => {
                            rest = behind;
                            self.line += u64::from(byte == b'\n');
                            self.header += 1;
                        }
                        Ok(Step::Root) => {
                            self.stage = Stage::Inside;
                            self.inside(&mut b"<".as_slice())?;
                        }
                        Err((rule, detail)) => {
                            return Err(self.walk.invalid(self.line, rule, detail, ""));
                        }
                    }
                }
            }
        }
    }

    /// Reads inside the root; true when it is closed, false when the bytes are used up.
    fn inside(&mut self, rest: &mut &[u8]) -> Result<bool, Invalid> {
        loop {
            if let Some(content) = self.walk.plain_content() {
                let run = content.run(rest);
                self.line += run.lines;
                *rest = &rest[run.taken..];
                match rest.first() {
                    None => return Ok(false),
                    Some(b'<' | b'&') if !run.broken => self.walk.leave_plain_content(),
                    Some(&byte) => {
                        return Err(self.walk.invalid(
                            self.line,
                            Rule::Base64,
                            "a byte that base64 does not have, or not there",
                            &byte.escape_ascii().to_string(),
                        ));
                    }
                }
            }
            match self.token(rest) {
                Ok(Some(event)) => {
                    if self.walk.event(event, self.line)? {
                        return Ok(true);
                    }
                }
                Ok(None) | Err(EndOrError::NeedMoreData) => {
                    if self.walk.enter_plain_content() {
                        continue;
                    }
                    if rest.is_empty() {
                        return Ok(false);
                    }
                    if self.walk.content() == Content::Elsewhere
                        && self.header >= self.limits.header
                    {
                        return Err(self.header_too_large());
                    }
                }
                Err(EndOrError::Error(error)) => {
                    let (rule, detail) = judge(error);
                    return Err(self.walk.invalid(self.line, rule, &detail, ""));
                }
            }
        }
    }

    /// The next event out of as many bytes as the header may still have, so that where it ends does not depend on the pieces.
    fn token(&mut self, rest: &mut &[u8]) -> Result<Option<RawEvent>, EndOrError> {
        let window = rest.len().min(WINDOW);
        let allowed = match self.walk.content() {
            // A content that closes itself has its end waiting in the tokenizer: ask for it before any byte is taken.
            Content::Opened => 0,
            Content::Plain | Content::Tokenized => window,
            Content::Elsewhere => {
                let left = self.limits.header.saturating_sub(self.header);
                usize::try_from(left).unwrap_or(usize::MAX).min(window)
            }
        };
        let counted = self.walk.content() == Content::Elsewhere;
        let mut window = &rest[..allowed];
        let outcome = self.parser.parse(&mut window, false);
        let (taken, behind) = rest.split_at(allowed - window.len());
        *rest = behind;
        self.line += taken.iter().filter(|&&byte| byte == b'\n').count() as u64;
        if counted {
            self.header += taken.len() as u64;
        }
        outcome
    }

    fn header_too_large(&self) -> Invalid {
        self.walk.invalid(
            self.line,
            Rule::HeaderSize,
            "too many bytes outside attachments' content",
            &self.limits.header.to_string(),
        )
    }
}

/// Names, attribute values and pieces of text are held up to this many bytes.
const LONGEST_TOKEN: usize = 8 * 1024;

/// The tokenizer looks ahead over all it is given for each token it makes, so it is given no more than this.
const WINDOW: usize = LONGEST_TOKEN;

/// rxml, already past the XML declaration, which [`prolog`] reads.
fn tokenizer() -> RawParser {
    let mut parser = RawParser::with_options(Options {
        max_token_length: LONGEST_TOKEN,
        comments: CommentMode::Discard,
        ..Options::default()
    });
    let mut declaration = b"<?xml version='1.0'?>".as_slice();
    // It gives the declaration's event and then waits for more.
    while parser.parse(&mut declaration, false).is_ok() {}
    parser
}

/// The rule behind an error of the tokenizer. rxml says some of them by text only; tests pin those.
fn judge(error: Xml) -> (Rule, String) {
    let rule = match error {
        Xml::InvalidUtf8Byte(_) => Rule::Utf8,
        Xml::ElementMismatch => Rule::Tags,
        Xml::InvalidChar(..) => Rule::Character,
        Xml::UndeclaredEntity
        | Xml::InvalidSyntax("empty reference")
        | Xml::UnexpectedByte(Some(ErrorContext::Reference), ..) => Rule::Entity,
        Xml::InvalidSyntax("malformed cdata or comment section start") => Rule::Doctype,
        Xml::RestrictedXml("processing instructions") => Rule::Instruction,
        Xml::RestrictedXml("long name or reference") => Rule::TextLength,
        Xml::MultiColonName(_)
        | Xml::EmptyNamePart(_)
        | Xml::UndeclaredNamespacePrefix(_)
        | Xml::ReservedNamespacePrefix
        | Xml::ReservedNamespaceName
        | Xml::InvalidLocalName(_)
        | Xml::EmptyNamespaceUri => Rule::Namespace,
        _ => Rule::WellFormed,
    };
    (rule, error.to_string())
}

#[cfg(test)]
mod tests;
