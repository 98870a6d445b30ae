//! Documents of our own making, in the shape that real software writes.

use std::io::Read;

use crate::clock::Moment;
use crate::packet::writer::{
    Answered, Content, DocumentDraft, Party, Staff, StatusDraft, write_document, write_status,
};
use crate::packet::{Kind, MemberId, Priority};

/// A document's number and date, from which its DocumentId follows.
#[derive(Clone, Debug)]
pub struct Draft {
    /// What it does.
    pub kind: Kind,
    /// Who sends it.
    pub from: MemberId,
    /// To whom.
    pub to: Vec<MemberId>,
    /// Its number.
    pub number: u32,
    /// Its type (loại văn bản).
    pub type_name: String,
    /// What it is about.
    pub subject: String,
    /// Urgency.
    pub priority: Priority,
    /// The document that it recalls, updates, replaces or answers: its sender and number.
    pub names: Option<(MemberId, u32)>,
    /// Bytes of its attachment, which are a PDF's first bytes and then filling.
    pub attachment: u64,
    /// When it is written.
    pub at: Moment,
}

impl Draft {
    /// A new document of normal priority with a small attachment.
    #[must_use]
    pub fn new(from: &MemberId, to: &[MemberId], number: u32, at: Moment) -> Self {
        Self {
            kind: Kind::New,
            from: from.clone(),
            to: to.to_vec(),
            number,
            type_name: "Công văn".to_owned(),
            subject: format!("V/v triển khai liên thông văn bản điện tử, đợt {number}"),
            priority: Priority::Normal,
            names: None,
            attachment: 1_500,
            at,
        }
    }

    /// Its number and notation (số/ký hiệu).
    #[must_use]
    pub fn code(&self) -> String {
        code(self.number)
    }

    /// The edXML file.
    ///
    /// # Errors
    /// When the draft can't be written.
    pub fn edxml(&self) -> Result<Vec<u8>, String> {
        self.write(Vec::new())
    }

    /// Writes the edXML file in flat memory.
    ///
    /// # Errors
    /// When the draft or the sink can't be written.
    pub fn write<W: std::io::Write>(&self, out: W) -> Result<W, String> {
        let draft = DocumentDraft {
            kind: self.kind,
            from: party(&self.from),
            to: self.to.iter().map(party).collect(),
            document: document(&self.from, self.number, self.at),
            number: self.number.to_string(),
            notation: NOTATION.to_owned(),
            place: "Hà Nội".to_owned(),
            promulgated: day(self.at),
            type_name: self.type_name.clone(),
            subject: self.subject.clone(),
            content: self.subject.clone(),
            signer: "Nguyễn Văn Ví Dụ".to_owned(),
            priority: self.priority,
            answers: self
                .names
                .iter()
                .map(|(organ, number)| answered(organ, *number, self.at))
                .collect(),
            reason: match self.kind {
                Kind::New => String::new(),
                _ => "Văn bản ban hành có sai sót".to_owned(),
            },
            staff: staff(),
            at: self.at,
        };
        let head: &[u8] = b"%PDF-1.7\n";
        let filling = self.attachment.saturating_sub(head.len() as u64);
        let attachment = Content {
            id: "tep-1".to_owned(),
            name: format!("cong-van-{}.pdf", self.number),
            content_type: "application/pdf".to_owned(),
            bytes: head.chain(Filling(u64::from(self.number) + 1).take(filling)),
        };
        write_document(&draft, [attachment], out).map_err(|error| error.to_string())
    }
}

/// A status packet about document `number` of `of`.
///
/// # Errors
/// When it can't be written.
pub fn status(
    from: &MemberId,
    of: &MemberId,
    number: u32,
    code: &str,
    description: &str,
    at: Moment,
) -> Result<Vec<u8>, String> {
    write_status(&StatusDraft {
        from: party(from),
        answer: answered(of, number, at),
        staff: staff(),
        status: code.to_owned(),
        description: description.to_owned(),
        at,
    })
    .map_err(|error| error.to_string())
}

const NOTATION: &str = "VPCP-KSTT";

fn code(number: u32) -> String {
    format!("{number}/{NOTATION}")
}

fn document(from: &MemberId, number: u32, at: Moment) -> String {
    format!("{from},{},{}", day(at), code(number))
}

fn day(at: Moment) -> String {
    let date = at.date();
    format!(
        "{:04}/{:02}/{:02}",
        date.year(),
        u8::from(date.month()),
        date.day()
    )
}

fn answered(organ: &MemberId, number: u32, at: Moment) -> Answered {
    Answered {
        organ: organ.clone(),
        code: code(number),
        document: document(organ, number, at),
        promulgated: day(at),
    }
}

fn party(id: &MemberId) -> Party {
    Party {
        id: id.clone(),
        name: format!("Cơ quan {id}"),
    }
}

fn staff() -> Staff {
    Staff {
        department: "Văn thư".to_owned(),
        name: "Trần Thị Ví Dụ".to_owned(),
        email: "vanthu@example.vn".to_owned(),
        mobile: "0900000000".to_owned(),
    }
}

/// Bytes that compress badly and differ from document to document (xorshift, not for secrets).
struct Filling(u64);

impl Read for Filling {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        for bytes in buffer.chunks_mut(8) {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            bytes.copy_from_slice(&self.0.to_le_bytes()[..bytes.len()]);
        }
        Ok(buffer.len())
    }
}
