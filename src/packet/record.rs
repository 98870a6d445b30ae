//! What a member's evidence log says of a packet: canonical UTF-8 lines, readable with `cat`.

use std::fmt::{self, Write};

use super::{Digest, MemberId, PacketId};
use crate::clock::{Moment, parse_rfc3339, rfc3339};

/// What a record says happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordKind {
    /// The member sends a packet.
    Packet,
    /// A promise about one packet: accepted, delivered, collected or failed.
    Receipt,
    /// A packet will never come: its place in the order is given up.
    Void,
    /// The member holds a receipt of somebody else; `digest` is that of the receipt's seal.
    Attest,
    /// The hub's list of members.
    Directory,
    /// What was entered into the hub's register; `packet` is the entry's id, `digest` that of its text.
    Register,
    /// Two operators agreed upon what can't be undone; `packet` is the proposal's id, `digest` that of its text.
    Agreement,
}

impl RecordKind {
    /// The word in the record.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Packet => "packet",
            Self::Receipt => "receipt",
            Self::Void => "void",
            Self::Attest => "attest",
            Self::Directory => "directory",
            Self::Register => "register",
            Self::Agreement => "agreement",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [
            Self::Packet,
            Self::Receipt,
            Self::Void,
            Self::Attest,
            Self::Directory,
            Self::Register,
            Self::Agreement,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == word)
    }
}

/// A recipient and the packet's place among all that the sender ever sent it, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addressee {
    /// The recipient.
    pub member: MemberId,
    /// The place in the order from this sender to this recipient; 0 where order means nothing.
    pub sequence: u64,
}

/// One entry of a log. Text fields never hold control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What happened.
    pub kind: RecordKind,
    /// The packet spoken of.
    pub packet: PacketId,
    /// SHA-256 of the bytes spoken of.
    pub digest: Digest,
    /// Number of those bytes.
    pub size: u64,
    /// Whose record this is: the log's origin.
    pub from: MemberId,
    /// For whom.
    pub to: Vec<Addressee>,
    /// When it was made, to the millisecond.
    pub time: Moment,
    /// Kind of edXML packet: new, recall, update, replacement, status.
    pub message: Option<String>,
    /// The document's DocumentId.
    pub document: Option<String>,
    /// The document's number and notation.
    pub code: Option<String>,
    /// Business status code of a status packet, or the word of a receipt.
    pub status: Option<String>,
    /// Why, in words.
    pub reason: Option<String>,
    /// 0 normal to 4 express at a set hour.
    pub priority: u8,
    /// DocumentIds that the packet names.
    pub refs: Vec<String>,
}

/// Why bytes are no record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed(String);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a record: {}", self.0)
    }
}

impl std::error::Error for Malformed {}

const FIRST_LINE: &str = "trucgate-record 1";
const LONGEST: usize = 256 * 1024;

impl Record {
    /// A record with nothing but its mandatory fields.
    #[must_use]
    pub fn new(
        kind: RecordKind,
        packet: PacketId,
        (digest, size): (Digest, u64),
        from: MemberId,
        time: Moment,
    ) -> Self {
        Self {
            kind,
            packet,
            digest,
            size,
            from,
            to: Vec::new(),
            time: parse_rfc3339(&rfc3339(time)).unwrap_or(time),
            message: None,
            document: None,
            code: None,
            status: None,
            reason: None,
            priority: 0,
            refs: Vec::new(),
        }
    }

    /// The canonical bytes: the log's entry.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Line(String::with_capacity(512));
        out.0.push_str(FIRST_LINE);
        out.0.push('\n');
        out.put("kind", self.kind.as_str());
        out.put("packet", self.packet);
        out.put("digest", self.digest);
        out.put("size", self.size);
        out.put("from", &self.from);
        for to in &self.to {
            out.put("to", format_args!("{} {}", to.member, to.sequence));
        }
        out.put("time", rfc3339(self.time));
        let texts = [
            ("message", &self.message),
            ("document", &self.document),
            ("code", &self.code),
            ("status", &self.status),
            ("reason", &self.reason),
        ];
        for (name, value) in texts {
            if let Some(value) = value {
                out.put(name, value);
            }
        }
        out.put("priority", self.priority);
        for reference in &self.refs {
            out.put("ref", reference);
        }
        out.0.into_bytes()
    }

    /// Reads a record strictly: what it accepts, [`Record::encode`] writes back byte for byte.
    ///
    /// # Errors
    /// Names the line that is wrong; a kind or format that is not known is named, never guessed.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        if bytes.len() > LONGEST {
            return Err(Malformed(format!("longer than {LONGEST} bytes")));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| Malformed("not UTF-8".into()))?;
        let rest = text
            .strip_prefix(FIRST_LINE)
            .and_then(|r| r.strip_prefix('\n'))
            .ok_or_else(|| {
                let first = text.lines().next().unwrap_or_default();
                Malformed(format!("unknown format {first:?}"))
            })?;
        let mut lines = Lines::new(rest)?;
        let kind_word = lines.take("kind")?;
        let kind = RecordKind::parse(kind_word)
            .ok_or_else(|| Malformed(format!("unknown kind {kind_word:?}")))?;
        let packet = lines.parse("packet")?;
        let digest = lines.parse("digest")?;
        let size = lines.parse("size")?;
        let from = lines.parse("from")?;
        let mut to = Vec::new();
        while let Some(value) = lines.next_if("to") {
            to.push(addressee(value)?);
        }
        let time_text = lines.take("time")?;
        let time =
            parse_rfc3339(time_text).ok_or_else(|| Malformed(format!("time {time_text:?}")))?;
        let mut text_of = |name| lines.next_if(name).map(str::to_owned);
        let (message, document, code, status, reason) = (
            text_of("message"),
            text_of("document"),
            text_of("code"),
            text_of("status"),
            text_of("reason"),
        );
        let priority = lines.parse("priority")?;
        let mut refs = Vec::new();
        while let Some(value) = lines.next_if("ref") {
            refs.push(value.to_owned());
        }
        lines.end()?;
        let record = Self {
            kind,
            packet,
            digest,
            size,
            from,
            to,
            time,
            message,
            document,
            code,
            status,
            reason,
            priority,
            refs,
        };
        if record.encode() == bytes {
            Ok(record)
        } else {
            Err(Malformed("not in canonical form".into()))
        }
    }
}

fn addressee(value: &str) -> Result<Addressee, Malformed> {
    let parts = value.split_once(' ').and_then(|(member, sequence)| {
        Some(Addressee {
            member: member.parse().ok()?,
            sequence: sequence.parse().ok()?,
        })
    });
    parts.ok_or_else(|| Malformed(format!("to {value:?}")))
}

/// Control characters become spaces, so that one value stays one line.
/// Lines of a name and a value in which no control character breaks the line.
struct Line(String);

impl Line {
    fn put(&mut self, name: &str, value: impl fmt::Display) {
        self.0.push_str(name);
        self.0.push_str(": ");
        // Writing to a String never fails.
        let _ = write!(self, "{value}");
        self.0.push('\n');
    }
}

impl Write for Line {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        if part.contains(char::is_control) {
            let plain = part.chars().map(|c| if c.is_control() { ' ' } else { c });
            self.0.extend(plain);
        } else {
            self.0.push_str(part);
        }
        Ok(())
    }
}

struct Lines<'a>(std::iter::Peekable<std::str::Split<'a, char>>);

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Result<Self, Malformed> {
        let text = text
            .strip_suffix('\n')
            .ok_or_else(|| Malformed("the last line does not end".into()))?;
        Ok(Self(text.split('\n').peekable()))
    }

    fn next_if(&mut self, name: &str) -> Option<&'a str> {
        let value = self.0.peek()?.strip_prefix(name)?.strip_prefix(": ")?;
        self.0.next();
        Some(value)
    }

    fn take(&mut self, name: &str) -> Result<&'a str, Malformed> {
        self.next_if(name)
            .ok_or_else(|| Malformed(format!("{name} is missing or out of order")))
    }

    fn parse<T: std::str::FromStr>(&mut self, name: &str) -> Result<T, Malformed> {
        let value = self.take(name)?;
        value
            .parse()
            .map_err(|_| Malformed(format!("{name} {value:?}")))
    }

    fn end(&mut self) -> Result<(), Malformed> {
        match self.0.next() {
            None => Ok(()),
            Some(line) => Err(Malformed(format!("unexpected line {line:?}"))),
        }
    }
}
