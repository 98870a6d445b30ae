//! Documents of our own making, in the shapes that real software writes and in those that attackers write.
//!
//! Each is read whole, byte by byte and by sevens: the answer must not depend on the pieces.

#![expect(clippy::panic_in_result_fn, reason = "helpers of tests assert")]

use std::path::{Path, PathBuf};

use trucgate::packet::{Envelope, Invalid, Limits, MemberId, Reader, Rule};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/documents")
        .join(name)
}

fn read_by(bytes: &[u8], piece: usize, limits: &Limits) -> Result<Envelope, Invalid> {
    let mut reader = Reader::new(limits.clone());
    for piece in bytes.chunks(piece.max(1)) {
        if let Err(refused) = reader.feed(piece) {
            assert_eq!(reader.feed(b" "), Err(refused.clone()), "a refusal stays");
            return Err(refused);
        }
    }
    reader.finish()
}

fn read(name: &str, bytes: &[u8]) -> Result<Envelope, Invalid> {
    let whole = read_by(bytes, bytes.len(), &Limits::default());
    for piece in [1, 7] {
        let pieces = read_by(bytes, piece, &Limits::default());
        assert_eq!(pieces, whole, "{name} in pieces of {piece}");
    }
    whole
}

/// The rows of a table, which must name each document of its folder once.
fn rows(name: &str) -> Vec<(Vec<String>, Vec<u8>)> {
    let folder = folder(name);
    let table = std::fs::read_to_string(folder.join("EXPECTED.tsv")).expect("a table");
    let mut rows: Vec<(Vec<String>, Vec<u8>)> = Vec::new();
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let row: Vec<String> = line.split('\t').map(str::to_owned).collect();
        let bytes =
            std::fs::read(folder.join(&row[0])).unwrap_or_else(|e| panic!("{}: {e}", row[0]));
        rows.push((row, bytes));
    }
    let mut listed: Vec<String> = rows.iter().map(|(row, _)| row[0].clone()).collect();
    let mut present: Vec<String> = std::fs::read_dir(&folder)
        .expect("a folder")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("a name")
        })
        .filter(|name| name.ends_with(".edxml"))
        .collect();
    listed.sort();
    present.sort();
    assert_eq!(listed, present);
    rows
}

#[test]
fn real_shapes_are_read() {
    for (row, bytes) in rows("good") {
        let name = &row[0];
        let read = read(name, &bytes).unwrap_or_else(|refused| panic!("{name}: {refused}"));
        let to: Vec<&str> = read.to.iter().map(MemberId::as_str).collect();
        let lengths: Vec<String> = read
            .attachments
            .iter()
            .map(|attachment| attachment.encoded_len.to_string())
            .collect();
        let seen = [
            name.clone(),
            read.kind.as_str().to_owned(),
            read.from.to_string(),
            to.join(" "),
            read.status.clone().unwrap_or_default(),
            read.refs.join(" "),
            lengths.join(" "),
            read.notes.join("; "),
        ];
        assert_eq!(row, seen, "{name}");
    }
}

#[test]
fn hostile_shapes_are_refused_with_rule_line_and_words() {
    let rows = rows("hostile");
    assert!(rows.len() >= 60);
    for (row, bytes) in rows {
        let [name, rule, line, element] = row.as_slice() else {
            panic!("a row of four: {row:?}");
        };
        let refused = match read(name, &bytes) {
            Ok(envelope) => panic!("{name} was read: {envelope:?}"),
            Err(refused) => refused,
        };
        assert_eq!(refused.rule.as_str(), rule, "{name}: {refused}");
        assert_eq!(&refused.line.to_string(), line, "{name}: {refused}");
        assert_eq!(&refused.element, element, "{name}: {refused}");
        let words = refused.reason_vi();
        for part in [
            "không hợp lệ",
            "Quy tắc",
            "Cách khắc phục",
            &format!("dòng {line},"),
            element,
            rule,
        ] {
            assert!(words.contains(part), "{name}: {words}");
        }
        assert!(!words.contains("“”"), "{name}: {words}");
    }
}

fn document(to: usize, references: usize, attachments: usize, subject: &str) -> String {
    let mut text = String::from(concat!(
        "<edXML xmlns=\"http://www.mic.gov.vn/TBT/QCVN_102_2016\"><edXMLEnvelope><edXMLHeader><MessageHeader>",
        "<From><OrganId>G09</OrganId></From>"
    ));
    for at in 0..to {
        text += &format!("<To><OrganId>H37.{at}</OrganId></To>");
    }
    text += &format!(
        "<DocumentId>d</DocumentId><Subject>{subject}</Subject></MessageHeader></edXMLHeader>"
    );
    text += "<edXMLBody><edXMLManifest>";
    for at in 0..references {
        text += &format!("<Reference><ContentId>cid:{at}</ContentId></Reference>");
    }
    text += "</edXMLManifest></edXMLBody></edXMLEnvelope><AttachmentEncoded>";
    for at in 0..attachments {
        text += &format!(
            "<Attachment><ContentId>{at}</ContentId><ContentTransferEncoded>QUJD</ContentTransferEncoded></Attachment>"
        );
    }
    text + "</AttachmentEncoded></edXML>"
}

fn refused(text: &str) -> Option<Rule> {
    let limits = Limits::default();
    let whole = read_by(text.as_bytes(), text.len(), &limits);
    let pieces = read_by(text.as_bytes(), 4093, &limits);
    assert_eq!(whole, pieces);
    whole.err().map(|refused| refused.rule)
}

#[test]
fn counts_and_lengths_are_bounded() {
    let long = |length| "x".repeat(length);
    for (what, text, rule) in [
        (
            "as many recipients as may be",
            document(1_000, 0, 0, ""),
            None,
        ),
        (
            "one recipient more",
            document(1_001, 0, 0, ""),
            Some(Rule::Recipients),
        ),
        (
            "as many attachments as may be",
            document(1, 10_000, 10_000, ""),
            None,
        ),
        (
            "one reference more",
            document(1, 10_001, 0, ""),
            Some(Rule::Attachments),
        ),
        (
            "one attachment more",
            document(1, 1, 10_001, ""),
            Some(Rule::Attachments),
        ),
        (
            "as long a text as may be",
            document(1, 0, 0, &long(65_536)),
            None,
        ),
        (
            "a longer text",
            document(1, 0, 0, &long(65_537)),
            Some(Rule::TextLength),
        ),
        (
            "a text of pieces",
            document(1, 0, 0, &"a&amp;<![CDATA[b]]><!-- c -->".repeat(30_000)),
            Some(Rule::TextLength),
        ),
        (
            "a long name",
            document(1, 0, 0, &format!("<{0}/>", long(10_000))),
            Some(Rule::TextLength),
        ),
        (
            "a long attribute",
            document(1, 0, 0, "").replace("<From>", &format!("<From a=\"{}\">", long(10_000))),
            Some(Rule::TextLength),
        ),
        (
            "a long comment before the root",
            format!("<!--{}-->{}", long(70_000), document(1, 0, 0, "")),
            Some(Rule::TextLength),
        ),
        (
            "a declaration without end",
            format!("<?xml {}", " ".repeat(1_000)),
            Some(Rule::WellFormed),
        ),
        (
            "a million elements",
            document(1, 0, 0, "").replace(
                "</Subject>",
                &format!("</Subject><Content>{}</Content>", "<a/>".repeat(200_000)),
            ),
            Some(Rule::Elements),
        ),
        (
            "a header of white space",
            document(1, 0, 0, "").replace(
                "<From>",
                &format!("{}<From>", " \n".repeat(7 * 1024 * 1024)),
            ),
            Some(Rule::HeaderSize),
        ),
        (
            "a signature without end",
            document(1, 0, 0, "").replace(
                "</edXMLHeader>",
                &format!(
                    "<Signature>{}</Signature></edXMLHeader>",
                    long(13 * 1024 * 1024)
                ),
            ),
            Some(Rule::HeaderSize),
        ),
    ] {
        assert_eq!(refused(&text), rule, "{what}");
    }
}

#[test]
fn every_cut_of_a_document_is_refused_and_none_panics() {
    let bytes = std::fs::read(folder("good").join("content_cdata_comment_entities.edxml")).unwrap();
    let end = bytes
        .windows(8)
        .rposition(|window| window == b"</edXML>")
        .unwrap()
        + 8;
    for cut in 0..end {
        let refused = read_by(&bytes[..cut], 64, &Limits::default()).unwrap_err();
        assert_eq!(refused.rule, Rule::Complete, "cut at {cut}: {refused}");
    }
}

#[test]
fn every_split_in_two_reads_the_same() {
    for name in [
        "new_g2.edxml",
        "content_cdata_comment_entities.edxml",
        "content_self_closing.edxml",
    ] {
        let bytes = std::fs::read(folder("good").join(name)).unwrap();
        let whole = read_by(&bytes, bytes.len(), &Limits::default());
        for split in 0..bytes.len() {
            let mut reader = Reader::new(Limits::default());
            reader.feed(&bytes[..split]).unwrap();
            reader.feed(&bytes[split..]).unwrap();
            assert_eq!(reader.finish(), whole, "{name} split at {split}");
        }
    }
}
