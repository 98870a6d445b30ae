//! Pages over fixed data: what they say, and that nothing shown becomes markup.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::board::{self, Audience};
use super::language::Language;
use super::{console, export, metrics, query, table, trace};
use crate::clock::parse_rfc3339;
use crate::control::Report;
use crate::durable::Disk;
use crate::gauge::{Gauge, Kind, Level, Text};
use crate::hub::statistics::{Window, picture};
use crate::hub::{Certificate, Overview, SCHEMAS, State};
use crate::journal::{self, ids};
use crate::signer::KeyUse;
use crate::store::Store;
use crate::trace::Party;
use crate::trust::directory::{BoxEntry, Content, Directory, Domain, Fingerprint, Member, Stage};

fn member(code: &str, name: &str, owner: Option<&str>) -> Member {
    Member {
        level: 1,
        box_code: owner.map(|code| code.parse().unwrap()),
        domain: Some(Domain::Ministry),
        stage: Some(Stage::Production),
        contact: "0912 345 678".to_owned(),
        ..Member::new(code.parse().unwrap(), 1, name.to_owned())
    }
}

fn directory() -> Directory {
    let at = parse_rfc3339("2019-03-01T00:00:00Z").unwrap();
    let entry = |code: &str, print: u8| BoxEntry {
        code: code.parse().unwrap(),
        tls: vec![Fingerprint([print; 32])],
        seal: Vec::new(),
    };
    let mut party = member("A01", "<script>alert('x')</script> & \"Ban\"", None);
    (party.domain, party.stage) = (Some(Domain::Party), None);
    let mut province = member("H41", "UBND tỉnh Nghệ An", Some("00.03.W00"));
    (province.domain, province.stage) = (Some(Domain::Province), Some(Stage::Test));
    let content = Content {
        version: 1,
        issued: at,
        valid_until: at,
        hub: None,
        members: vec![
            member("G22", "Văn phòng Chính phủ", Some("00.02.W00")),
            province,
            member("H14", "=cmd|' /C calc'!A0", Some("00.03.W00")),
            party,
        ],
        boxes: vec![entry("00.02.W00", 1), entry("00.03.W00", 2)],
    };
    Directory::new(content).unwrap()
}

/// The opening's figures, as the counts hold them.
const FIGURES: &str = "
INSERT INTO stat_member (number, code, first_sent, last_sent, first_received, last_received)
  VALUES (1, 'G22', 1547863200000, 1552032000000, NULL, NULL), (2, 'H41', NULL, NULL, 1547863200000, 1552032000000);
INSERT INTO stat_traffic (level, span, member, kind, sent, addressed, sent_bytes, voided, delivered, received_bytes, collected, failed)
  VALUES (0, 17915, 0, 0, 12257, 35400, 99000, 0, 35360, 88000, 30000, 40),
  (0, 17915, 1, 0, 12257, 35400, 99000, 0, 0, 0, 0, 0), (0, 17915, 2, 0, 0, 0, 0, 0, 35360, 88000, 30000, 40);
INSERT INTO stat_pair (level, span, sender, recipient, packets) VALUES (0, 17915, 1, 2, 35400);
INSERT INTO stat_time (level, span, member, stage, bucket, count) VALUES (0, 17915, 0, 0, 22, 30000), (0, 17915, 0, 1, 40, 30000);
INSERT INTO stat_word (level, span, member, word, count) VALUES (0, 17915, 0, 'failed:closed', 40), (0, 17915, 0, '03', 12);
";

async fn overview() -> Overview {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path().join("db"), Disk::real(), SCHEMAS).unwrap();
    let fill = |tx: &crate::store::Tx<'_>| -> Result<(), crate::store::Error> {
        tx.execute_batch(FIGURES).map_err(Into::into)
    };
    store.write(fill).await.unwrap();
    let window = Window {
        first: "2019-01-19".parse().unwrap(),
        last: "2019-03-08".parse().unwrap(),
    };
    let listed = Arc::new(self::directory());
    let at = parse_rfc3339("2019-03-09T01:00:00Z").unwrap();
    Overview {
        at,
        hub: "00.01.W00".to_owned(),
        picture: picture(&store, window, Some(listed.clone())).await.unwrap(),
        earliest: Some(window.first),
        directory: listed,
        certificates: vec![
            Certificate {
                code: "G22".to_owned(),
                use_: KeyUse::Seal,
                state: State::Active,
                fingerprint: Some(Fingerprint([0; 32])),
                ends: Some(at + time::Duration::days(20)),
            },
            Certificate {
                code: "00.03.W00".to_owned(),
                use_: KeyUse::Tls,
                state: State::Retiring,
                fingerprint: Some(Fingerprint([2; 32])),
                ends: Some(at + time::Duration::days(70)),
            },
            Certificate {
                code: "00.09.W00".to_owned(),
                use_: KeyUse::Tls,
                state: State::Requested,
                fingerprint: None,
                ends: None,
            },
        ],
        connected: BTreeMap::from([
            ("00.02.W00".to_owned(), true),
            ("00.03.W00".to_owned(), false),
        ]),
        cost: crate::hub::cost::Cost::default(),
        silent_days: 7,
    }
}

/// Tags are closed in the order in which they are opened, and none is there that a page must not have.
fn well_formed(html: &str) {
    let (mut open, mut rest) = (Vec::new(), html);
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let end = rest.find('>').expect("a tag ends");
        let tag = &rest[..end];
        rest = &rest[end + 1..];
        let name = tag.split([' ', '\n']).next().unwrap();
        // What stands in quotes is a value.
        let outside: String = tag.split('"').step_by(2).collect();
        assert!(
            !outside.contains(" style=") && !outside.contains(" on"),
            "{tag}"
        );
        assert!(name != "script", "{tag}");
        let empty =
            ["!doctype", "meta", "link", "input", "br"].contains(&name) || tag.ends_with('/');
        if let Some(name) = name.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "{tag}");
        } else if !empty {
            open.push(name.to_owned());
        }
    }
    assert_eq!(open, Vec::<String>::new());
}

#[tokio::test]
async fn the_board_says_the_opening_days_sentence_in_both_languages() {
    let overview = overview().await;
    let vi = board::page(&overview, Language::Vi, Audience::Operators);
    well_formed(&vi);
    for said in [
        "<html lang=\"vi\">",
        "Từ 19/01/2019 đến 08/03/2019, <strong>12.257</strong> văn bản đã được gửi và <strong>35.360</strong> văn bản đã được nhận",
        "<strong>3</strong>/<strong>4</strong> cơ quan đã kết nối",
        "<strong>3</strong> cơ quan chưa gửi văn bản nào",
        "<strong>1</strong> cơ quan có máy chủ bảo mật riêng, <strong>2</strong> cơ quan dùng chung",
        "49 ngày, giờ Việt Nam",
        "Mã nơi nhận đã đóng",
        "không kết nối",
        "<td class=\"n bad\">20</td>",
        "aria-label=\"Số văn bản gửi và nhận theo ngày Nhiều nhất: 35.360 văn bản nhận, 19/01/2019.\"",
    ] {
        assert!(vi.contains(said), "{said} is missing in\n{vi}");
    }
    let en = board::page(&overview, Language::En, Audience::Operators);
    well_formed(&en);
    assert!(en.contains(
        "From 19 January 2019 to 8 March 2019, <strong>12,257</strong> documents were sent"
    ));
    assert!(en.contains("<strong>3</strong> of <strong>4</strong> agencies are connected"));
    assert!(!en.contains("0912 345 678"), "a contact is no figure");
}

#[tokio::test]
async fn the_public_extract_leaves_out_what_is_not_everybodys() {
    let overview = overview().await;
    let files: BTreeMap<_, _> = export::files(&overview).into_iter().collect();
    for page in ["index.html", "en.html"] {
        let html = String::from_utf8(files[page].clone()).unwrap();
        well_formed(&html);
        for hidden in [
            "id=\"pairs\"",
            "id=\"servers\"",
            "id=\"failures\"",
            "<form",
            "pairs.csv",
            "trace?",
            "0912",
        ] {
            assert!(!html.contains(hidden), "{hidden} in {page}");
        }
        assert!(html.contains("35") && html.contains("id=\"cost\""));
    }
    let json = String::from_utf8(files["board.json"].clone()).unwrap();
    assert!(json.contains("35360") && !json.contains("pairs") && !json.contains("fingerprint"));
    let other: Vec<_> = files.keys().copied().collect();
    assert_eq!(
        other,
        [
            "agencies.csv",
            "board.json",
            "cost.csv",
            "days.csv",
            "en.html",
            "icon.svg",
            "index.html",
            "style.css",
            "times.csv"
        ]
    );
}

#[tokio::test]
async fn tables_are_quoted_and_no_spreadsheet_runs_a_name() {
    let overview = overview().await;
    for (name, _) in table::NAMES {
        let sheet = table::csv(&overview, name, Language::Vi).unwrap();
        assert!(
            sheet.starts_with('\u{feff}') && sheet.lines().count() >= 2,
            "{name}: {sheet}"
        );
    }
    let agencies = table::csv(&overview, "agencies.csv", Language::Vi).unwrap();
    assert!(
        agencies.contains("H14,\"'=cmd|' /C calc'!A0\","),
        "{agencies}"
    );
    assert!(
        agencies
            .contains("G22,Văn phòng Chính phủ,\"Bộ, ngành\",dedicated,production,,12257,35400,"),
        "{agencies}"
    );
    assert_eq!(table::csv(&overview, "../hub.db", Language::Vi), None);
    let json = table::json(&overview, false);
    assert_eq!(json["nation"]["documents"]["delivered"], 35_360);
    assert_eq!(json["pairs"][0]["to"], "H41");
}

#[test]
fn a_trace_shows_hostile_text_as_text() {
    let what = "<img src=x onerror=alert(1)>\" autofocus";
    let page = trace::render(what, Ok(Vec::new()), Language::Vi);
    well_formed(&page);
    assert!(page.contains("&lt;img src=x"));
    assert!(page.contains("trace?what=%3Cimg%20src%3Dx"), "{page}");
    assert!(page.contains("Không có văn bản nào"));
    let read = query::Query::read(Some("what=%3Cimg+src%3Dx&lang=en&broken=%zz&empty="));
    assert_eq!(read.get("what"), Some("<img src=x"));
    assert_eq!((read.get("broken"), read.get("empty")), (Some("%zz"), None));
}

#[test]
fn gauges_are_told_to_people_and_to_monitoring() {
    let at = parse_rfc3339("2019-03-09T01:00:00Z").unwrap();
    let mut gauge = Gauge::good(
        Kind::Disk,
        "/var \"x\"",
        Text::new("còn <5 MiB", "<5 MiB left"),
    )
    .at(Level::Stops, Text::new("dọn", "clean"));
    gauge.stops_at = Some(at + time::Duration::hours(2));
    let report = Report::new("00.02.W00".to_owned(), "relay".to_owned(), at, vec![gauge]);
    let of_test = "<b>web test</b>";
    journal::line(&ids::PEER_REFUSED)
        .peer(of_test)
        .reason("no certificate")
        .error("refused");
    let mut errors = journal::errors();
    errors.retain(|entry| entry.peer.as_deref() == Some(of_test));
    let sight = console::Sight {
        report,
        members: Some(vec![Party {
            code: "G22".to_owned(),
            name: "Văn phòng <Chính phủ>".to_owned(),
        }]),
        errors,
    };
    let english = console::render(&sight, Language::En);
    assert!(
        english.contains("What happened:") && english.contains("How the security server stands"),
        "{english}"
    );
    let page = console::render(&sight, Language::Vi);
    well_formed(&page);
    for said in [
        "Ổ đĩa",
        "còn &lt;5 MiB",
        "Liên thông sắp dừng",
        "10:00 09/03/2019",
        "dọn",
        "Văn phòng &lt;Chính phủ&gt; <span class=\"code\">G22</span>",
        "Sự việc:",
        "&lt;b&gt;web test&lt;/b&gt;",
        "no certificate",
    ] {
        assert!(page.contains(said), "{said} is missing in {page}");
    }
    let text = metrics::text(&sight.report);
    assert!(text.ends_with("# EOF\n"));
    assert!(
        text.contains(
            "trucgate_level{code=\"00.02.W00\",gauge=\"disk\",subject=\"/var \\\"x\\\"\"} 3\n"
        ),
        "{text}"
    );
    assert!(text.contains("trucgate_stops_seconds{code=\"00.02.W00\",gauge=\"disk\",subject=\"/var \\\"x\\\"\"} 7200\n"));
}

#[test]
fn numbers_are_written_as_each_language_writes_them() {
    let (vi, en) = (Language::Vi, Language::En);
    assert_eq!(
        (vi.number(1_234_567), en.number(1_234_567)),
        ("1.234.567".into(), "1,234,567".into())
    );
    assert_eq!((vi.number(0), vi.number(999)), ("0".into(), "999".into()));
    assert_eq!(
        (vi.share(1, 3), en.share(1, 3)),
        ("33,3%".into(), "33.3%".into())
    );
    assert_eq!(
        (
            vi.share(9_999_999, 10_000_000),
            vi.share(2, 2),
            vi.share(0, 0)
        ),
        ("99,9%".into(), "100%".into(), "–".into())
    );
    assert_eq!(
        (vi.money(1_200_000_000_000), en.money(1_200_000_000_000)),
        ("1.200 tỷ đồng".into(), "VND 1,200 billion".into())
    );
    for (millis, shown) in [
        (7, "7 ms"),
        (1_500, "1,5 giây"),
        (90_000, "1,5 phút"),
        (7_200_000, "2 giờ"),
        (345_600_000, "4 ngày"),
    ] {
        assert_eq!(vi.span(Some(millis)), shown);
    }
    assert_eq!(
        (vi.bytes(1_023), vi.bytes(1_536), vi.bytes(3 << 30)),
        ("1023 B".into(), "1,5 KiB".into(), "3 GiB".into())
    );
}
