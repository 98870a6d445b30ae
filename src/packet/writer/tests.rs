use std::io::Read;

use super::*;
use crate::clock::parse_rfc3339;
use crate::packet::{Envelope, Kind, Limits, MemberId, Priority, Reader};

fn member(text: &str) -> MemberId {
    text.parse().unwrap()
}

fn party(id: &str) -> Party {
    Party {
        id: member(id),
        name: "Sở Nội vụ & <Tư pháp>".to_owned(),
    }
}

fn answer(number: u32) -> Answered {
    Answered {
        organ: member("G09.01"),
        code: format!("{number}/BNV-VP"),
        document: format!("G09.01,2026/01/05,{number}/BNV-VP"),
        promulgated: "2026/01/05".to_owned(),
    }
}

fn draft(kind: Kind) -> DocumentDraft {
    DocumentDraft {
        kind,
        from: party("G09.01"),
        to: vec![
            party("H37.02.02"),
            party("000.00.00.H41"),
            party("28.22.H17"),
        ],
        document: "G09.01,2026/02/09,12/BNV-VP".to_owned(),
        number: "12".to_owned(),
        notation: "BNV-VP".to_owned(),
        place: "Hà Nội".to_owned(),
        promulgated: "2026/02/09".to_owned(),
        type_name: "Công văn".to_owned(),
        subject: "V/v rà soát \"vị trí việc làm\" < 2026 & sau đó ]]>".to_owned(),
        content: String::new(),
        signer: "Nguyễn Văn A".to_owned(),
        priority: Priority::Express,
        answers: Vec::new(),
        reason: "Lý do".to_owned(),
        staff: Staff::default(),
        at: parse_rfc3339("2026-02-09T18:30:00Z").unwrap(),
    }
}

fn content(id: &str, bytes: &'static [u8]) -> Content<&'static [u8]> {
    Content {
        id: id.to_owned(),
        name: format!("Phụ lục {id}.zip"),
        content_type: "application/zip".to_owned(),
        bytes,
    }
}

fn read(bytes: &[u8]) -> Envelope {
    let mut reader = Reader::new(Limits::default());
    reader.feed(bytes).unwrap();
    reader.finish().unwrap()
}

#[test]
fn every_kind_of_document_reads_back() {
    for kind in [Kind::New, Kind::Recall, Kind::Update, Kind::Replacement] {
        let mut draft = draft(kind);
        if kind != Kind::New {
            draft.answers.push(answer(7));
        }
        if kind == Kind::Replacement {
            draft.answers.push(answer(8));
        }
        let contents = [
            content("a1", b"PK one"),
            content("a2", b""),
            content("a3", b"PK"),
        ];
        let bytes = write_document(&draft, contents, Vec::new()).unwrap();
        let envelope = read(&bytes);
        assert_eq!(envelope.kind, kind);
        assert_eq!(envelope.from, draft.from.id);
        assert_eq!(envelope.to.len(), 3);
        assert_eq!(
            envelope.document.as_deref(),
            Some("G09.01,2026/02/09,12/BNV-VP")
        );
        assert_eq!(envelope.code().as_deref(), Some("12/BNV-VP"));
        assert_eq!(envelope.subject.as_deref(), Some(draft.subject.as_str()));
        assert_eq!(envelope.priority, Priority::Express);
        assert_eq!(envelope.reason.as_deref(), Some("Lý do"));
        let refs: Vec<_> = draft
            .answers
            .iter()
            .map(|answer| answer.document.clone())
            .collect();
        assert_eq!(envelope.refs, refs);
        let lengths: Vec<_> = envelope.attachments.iter().map(|a| a.encoded_len).collect();
        assert_eq!(lengths, [8, 0, 4]);
        assert_eq!(envelope.notes, ["attachment a2 is empty"]);
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.contains("<edXML:Timestamp>2026/02/10 01:30:00</edXML:Timestamp>"));
    }
}

#[test]
fn a_status_reads_back() {
    let draft = StatusDraft {
        from: party("H37.02.02"),
        answer: answer(7),
        staff: Staff {
            name: "Trần Thị B".to_owned(),
            ..Staff::default()
        },
        status: "02".to_owned(),
        description: "Văn thư: từ chối, sai nơi nhận".to_owned(),
        at: parse_rfc3339("2026-02-09T01:30:00Z").unwrap(),
    };
    let envelope = read(&write_status(&draft).unwrap());
    assert_eq!(envelope.kind, Kind::Status);
    assert_eq!(envelope.to, [member("G09.01")]);
    assert_eq!(envelope.status.as_deref(), Some("02"));
    assert_eq!(
        envelope.reason.as_deref(),
        Some("Văn thư: từ chối, sai nơi nhận")
    );
    assert_eq!(envelope.refs, ["G09.01,2026/01/05,7/BNV-VP"]);
    assert_eq!(envelope.code().as_deref(), Some("7/BNV-VP"));
    assert_eq!(envelope.notes, [""; 0]);
}

#[test]
fn a_large_attachment_streams_through_writer_and_reader() {
    struct Pipe(Reader);
    impl io::Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.feed(bytes).map_err(io::Error::other)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    const LENGTH: u64 = 20 * 1024 * 1024 + 1;
    let content = Content {
        id: "big".to_owned(),
        name: "big.zip".to_owned(),
        content_type: "application/zip".to_owned(),
        bytes: io::repeat(0x5a).take(LENGTH),
    };
    let pipe = Pipe(Reader::new(Limits::default()));
    let pipe = write_document(&draft(Kind::New), [content], pipe).unwrap();
    let envelope = pipe.0.finish().unwrap();
    assert_eq!(envelope.attachments[0].encoded_len, LENGTH.div_ceil(3) * 4);
}

#[test]
fn drafts_that_can_not_be_packets_are_refused() {
    let none: [Content<&[u8]>; 0] = [];
    let mut lonely = draft(Kind::New);
    lonely.to.clear();
    assert!(matches!(
        write_document(&lonely, none, Vec::new()),
        Err(Error::Draft(_))
    ));
    let mut control = draft(Kind::New);
    control.subject = "a\u{1}".to_owned();
    let none: [Content<&[u8]>; 0] = [];
    let refused = write_document(&control, none, Vec::new()).unwrap_err();
    assert!(matches!(refused, Error::Character("Subject", '\u{1}')));
    assert_eq!(
        refused.to_string(),
        "Subject holds U+0001, which XML 1.0 can't carry"
    );
}
