use super::*;
use crate::packet::Kind;

fn document(content: &str, rest: &str) -> String {
    format!(
        concat!(
            "<edXML xmlns=\"http://www.mic.gov.vn/TBT/QCVN_102_2016\"><edXMLEnvelope><edXMLHeader><MessageHeader>",
            "<From><OrganId> G09 </OrganId></From><To><OrganId>G22</OrganId></To><To><OrganId>G22</OrganId></To>",
            "<DocumentId>a\n\tb\u{85}c</DocumentId>{1}</MessageHeader></edXMLHeader><edXMLBody><edXMLManifest>",
            "<Reference><ContentId>1</ContentId></Reference></edXMLManifest></edXMLBody></edXMLEnvelope>",
            "<AttachmentEncoded><Attachment><ContentId>1</ContentId>{0}</Attachment></AttachmentEncoded></edXML>"
        ),
        content, rest
    )
}

fn read(text: &str) -> Result<Envelope, Invalid> {
    let mut reader = Reader::new(Limits::default());
    reader.feed(text.as_bytes())?;
    reader.finish()
}

fn content(text: &str) -> Result<u64, Rule> {
    let content = format!("<ContentTransferEncoded>{text}</ContentTransferEncoded>");
    read(&document(&content, ""))
        .map(|envelope| envelope.attachments[0].encoded_len)
        .map_err(|refused| refused.rule)
}

#[test]
fn texts_become_one_line_and_recipients_one_each() {
    let envelope = read(&document("<ContentTransferEncoded/>", "")).unwrap();
    assert_eq!(envelope.document.as_deref(), Some("a b c"));
    assert_eq!(envelope.kind, Kind::New);
    assert_eq!(envelope.to.len(), 1);
    assert!(
        envelope
            .notes
            .contains(&"recipient G22 stands more than once".to_owned())
    );
}

#[test]
fn base64_is_counted_on_every_road_through_the_tokenizer() {
    let long = "QUJD".repeat(5_000);
    let lines = "QUJDREVGR0hJ\r\n".repeat(3_000);
    for (text, length) in [
        ("", Ok(0)),
        ("QQ==", Ok(4)),
        (" Q Q\n=\r\n= ", Ok(4)),
        (long.as_str(), Ok(20_000)),
        (lines.as_str(), Ok(36_000)),
        (&format!("<![CDATA[{long}]]>"), Ok(20_000)),
        (&format!("{long}<!-- = -->{long}"), Ok(40_000)),
        (&format!("{long}&#81;UJD"), Ok(20_004)),
        ("QUI=<!-- -->QUJD", Err(Rule::Base64)),
        ("QUI&#61;QUJD", Err(Rule::Base64)),
        ("====", Err(Rule::Base64)),
        ("QUJ-", Err(Rule::Base64)),
        ("QUJ\u{a0}", Err(Rule::Base64)),
        ("QUJ]", Err(Rule::Base64)),
        ("QUI", Err(Rule::Base64Length)),
        ("QQ=", Err(Rule::Base64Length)),
    ] {
        assert_eq!(content(text), length, "{text:.40}");
    }
}

#[test]
fn foreign_bytes_are_found_at_every_place_of_a_block() {
    for at in 0..200 {
        let mut text = "A".repeat(200);
        text.replace_range(at..=at, "*");
        assert_eq!(content(&text), Err(Rule::Base64), "at {at}");
        text.replace_range(at..=at, "\n");
        assert_eq!(content(&text), Err(Rule::Base64Length), "at {at}");
        text.insert(at, 'A');
        assert_eq!(content(&text), Ok(200), "at {at}");
    }
}

#[test]
fn a_content_that_closes_itself_does_not_swallow_what_follows() {
    let refused = read(&document("<ContentTransferEncoded/>QUJD", "")).unwrap_err();
    assert_eq!(refused.rule, Rule::StrayText);
    assert_eq!(refused.element, "edXML/AttachmentEncoded/Attachment");
}

#[test]
fn declarations_of_xml_are_read_strictly() {
    let body = document("<ContentTransferEncoded/>", "");
    for (declaration, rule) in [
        ("<?xml version='1.0'?>", None),
        (
            "<?xml version = \"1.0\" encoding='UTF-8' standalone=\"yes\" ?>\r\n",
            None,
        ),
        ("<?xml version=\"1.0\" standalone=\"no\"?>", None),
        (
            "<?xml version=\"1.0\"encoding=\"UTF-8\"?>",
            Some(Rule::WellFormed),
        ),
        ("<?xml encoding=\"UTF-8\"?>", Some(Rule::WellFormed)),
        ("<?xml?>", Some(Rule::Instruction)),
        ("<?xml version=\"1.0>", Some(Rule::WellFormed)),
        (
            "<?xml version=\"1.0\" encoding=\"UTF-16\"?>",
            Some(Rule::Utf8),
        ),
        (
            "<?xml version=\"1.0\" standalone=\"maybe\"?>",
            Some(Rule::WellFormed),
        ),
        ("<?xml version=\"1.0\" more=\"1\"?>", Some(Rule::WellFormed)),
    ] {
        let seen = read(&format!("{declaration}{body}"))
            .err()
            .map(|refused| refused.rule);
        assert_eq!(seen, rule, "{declaration}");
    }
}

#[test]
fn declared_prefixes_are_bounded_over_all_open_elements() {
    let mut open = String::new();
    for depth in 0..4 {
        let declared: String = (0..20)
            .map(|at| format!(" xmlns:p{depth}x{at}='urn:{at}'"))
            .collect();
        open.push_str(&format!("<X{declared}>"));
    }
    let refused = read(&document("", &open)).unwrap_err();
    assert_eq!(refused.rule, Rule::Attributes);
    assert_eq!(refused.value, "64");
}

#[test]
fn a_reader_moves_between_threads() {
    fn moves<T: Send>(_: &T) {}
    moves(&Reader::new(Limits::default()));
}

#[test]
fn changes_bind_to_the_documents_they_name() {
    let answers = concat!(
        "<ResponseFor><DocumentId>x</DocumentId></ResponseFor>",
        "<ResponseFor/><ResponseFor><DocumentId> x </DocumentId></ResponseFor>",
        "<ResponseFor><DocumentId>y</DocumentId></ResponseFor>"
    );
    let envelope = read(&document("<ContentTransferEncoded/>", answers)).unwrap();
    assert_eq!(envelope.refs, ["x", "y"]);
}

#[test]
fn a_refusal_reads_well_in_both_languages() {
    let text = document("<ContentTransferEncoded/>", "").replace("> G09 <", "> Bộ\nNội vụ <");
    let refused = read(&text).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "line 1, edXML/edXMLEnvelope/edXMLHeader/MessageHeader/From/OrganId: not an identification code [member-code]"
    );
    let words = refused.reason_vi();
    assert!(
        words.starts_with(concat!(
            "Gói tin edXML không hợp lệ tại dòng 1, phần tử edXML/edXMLEnvelope/edXMLHeader/MessageHeader/From/OrganId: ",
            "“Bộ Nội vụ” không phải là mã định danh. Quy tắc [member-code]: mã định danh gồm 1 đến 64 ký tự"
        )),
        "{words}"
    );
    assert!(
        words.ends_with("Cách khắc phục: tra mã đúng trong danh bạ cơ quan, đơn vị rồi sửa lại.")
    );
}
