//! Pages over fixed data, compared with the captures in `tests/console/`. `BLESS=1` writes them anew, to be looked at.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;

use super::super::machine::{Interface, Machine, Slot};
use super::super::progress::Sign;
use super::app::{App, Place, Wish};
use super::errors::Line;
use super::keys::Key;
use super::language::Language;
use super::order::Order;
use super::page::Sight;
use super::screen::plain;
use super::update::Updates;
use crate::appliance::{Form, Settings};
use crate::clock::{Moment, parse_rfc3339};
use crate::control::Report;
use crate::durable::Disk;
use crate::gauge::{End, Gauge, Kind, Level, Text};
use crate::journal::{self, ids};
use crate::update::{Stage, State, Trial};

fn now() -> Moment {
    parse_rfc3339("2026-11-27T10:20:05Z").unwrap()
}

fn days(count: i64) -> time::Duration {
    time::Duration::days(count)
}

fn aged(kind: Kind, subject: &str, vi: &str, en: &str, age: u64) -> Gauge {
    Gauge::good(kind, subject, Text::new(vi, en)).aged(Some(std::time::Duration::from_secs(age)))
}

fn certificate(subject: &str, left: i64) -> Gauge {
    let until = now() + days(left);
    let mut gauge = Gauge::good(
        Kind::Certificate,
        subject,
        Text::new("CN=mau, có hiệu lực đến", "serial 01, valid until"),
    );
    gauge.end = Some(End {
        id: format!("certificate {subject}"),
        begun: until - days(365),
        at: until,
    });
    gauge.stops_at = Some(until);
    gauge
}

fn good() -> Vec<Gauge> {
    vec![
        aged(Kind::Signer, "", "đang ký", "signing", 2),
        aged(Kind::Seal, "H41 (seal-H41)", "đã ký", "signed", 40),
        aged(Kind::Hub, "", "Trục đã trả lời", "the hub answered", 12),
        aged(Kind::Clock, "", "đã đồng bộ", "synchronised", 0),
        aged(
            Kind::Disk,
            "",
            "còn 51200 MiB, dừng nhận dưới 1024 MiB",
            "51200 MiB free, intake stops below 1024 MiB",
            0,
        ),
        aged(
            Kind::Revocation,
            "CN=CA phục vụ cơ quan nhà nước",
            "12 số bị thu hồi, bản kế tiếp trước 04/12/2026 07:00",
            "12 revoked, next list before 04/12/2026 07:00",
            3_600,
        ),
        aged(
            Kind::Directory,
            "",
            "bản 7, 112000 đơn vị, có hiệu lực đến 04/12/2026 07:00",
            "version 7, 112000 members, valid until 04/12/2026 07:00",
            0,
        ),
        certificate("TLS 00.02.W00 (tls)", 301),
        certificate("con dấu/seal H41 (seal-H41)", 212),
        aged(
            Kind::Queue,
            "H41",
            "0 văn bản chờ đi, 2 văn bản chờ phần mềm lấy",
            "0 on their way out, 2 offered to software",
            0,
        ),
    ]
}

fn report(gauges: Vec<Gauge>) -> Report {
    let mut report = Report::new("00.02.W00".into(), "relay".into(), now(), gauges);
    report.version = "0.1.0".to_owned();
    report
}

fn machine() -> Machine {
    let address = |text: &str| -> IpAddr { text.parse().unwrap() };
    Machine {
        name: "mcbm-01".to_owned(),
        interfaces: vec![
            Interface {
                name: "eth0".to_owned(),
                mac: "52:54:00:12:34:56".to_owned(),
                running: true,
                addresses: vec![(address("10.64.3.9"), 24), (address("2001:db8::9"), 64)],
            },
            Interface {
                name: "eth1".to_owned(),
                mac: "52:54:00:12:34:57".to_owned(),
                running: false,
                addresses: Vec::new(),
            },
        ],
        slot: Some(Slot {
            letter: 'A',
            label: "trucgate_0.1.0".to_owned(),
        }),
        image: Some("0.1.0".to_owned()),
    }
}

fn in_order() -> Sight {
    Sight {
        report: Ok(report(good())),
        machine: machine(),
        updates: Updates::default(),
        settings: Form::open(Some(include_str!("../../../image/settings.toml")), &[]),
        support: None,
        errors: Ok(Vec::new()),
        names: BTreeMap::from([("H41".to_owned(), "Ủy ban nhân dân tỉnh Nghệ An".to_owned())]),
        checklist: Ok("Máy chủ bảo mật / box 00.02.W00, /etc/trucgate\n\n [x]  1. kế hoạch / plan\n [>]  2. token\n\nTiếp theo / next:\n  trucgate provision init-token --dir /etc/trucgate\n".to_owned()),
    }
}

fn error(id: &journal::Id, minutes: i64, fields: &[(&str, &str)]) -> Line {
    let mut all = vec![("MESSAGE_ID", id.message_id)];
    all.extend_from_slice(fields);
    Line::of(now() - time::Duration::minutes(minutes), &all)
}

/// Nothing that can be wrong is right, and all of it has long words.
fn in_trouble() -> Sight {
    let look = Text::new(
        "xem token, đường nối và dịch vụ của nó; văn bản vẫn được nhận và tự ký khi token trở lại",
        "look at the token, its line and its service; documents are taken and sealed when it is back",
    );
    let mut gauges = good();
    gauges[0].state = Text::new(
        "không thấy token: CKR_DEVICE_REMOVED",
        "the token is away: CKR_DEVICE_REMOVED",
    );
    gauges[0] = gauges[0].clone().at(Level::Stops, look.clone());
    gauges[1] = gauges[1].clone().at(Level::Stops, look);
    gauges[2].state = Text::new("không gọi được: timed out", "can't be called: timed out");
    gauges[2] = gauges[2].clone().at(
        Level::Stops,
        Text::new("kiểm tra đường truyền", "check the line"),
    );
    gauges[8] = certificate("con dấu/seal H41 (seal-H41)", 29).at(
        Level::Warning,
        Text::new("gia hạn chứng thư", "the certificate is renewed"),
    );
    for member in ["H41.02", "H41.03", "H41.04"] {
        gauges.push(aged(
            Kind::Queue,
            member,
            "3 văn bản chờ đi, 0 văn bản chờ phần mềm lấy",
            "3 on their way out, 0 offered to software",
            0,
        ));
    }
    Sight {
        report: Ok(report(gauges)),
        errors: Ok(vec![
            error(
                &ids::TOKEN_AWAY,
                3,
                &[
                    ("SYSLOG_IDENTIFIER", "trucgate-signer"),
                    ("REASON", "CKR_DEVICE_REMOVED"),
                    (
                        "NEXT",
                        "look at the token, its network and its service; the signer goes on by itself",
                    ),
                ],
            ),
            error(
                &ids::TOKEN_AWAY,
                90,
                &[
                    ("SYSLOG_IDENTIFIER", "trucgate-signer"),
                    ("REASON", "CKR_DEVICE_ERROR"),
                ],
            ),
            Line::of(
                now() - days(1),
                &[
                    ("MESSAGE", "a line of a later version\u{1b}[2J"),
                    ("REASON", "unknown"),
                ],
            ),
        ]),
        ..in_order()
    }
}

/// A version was written and is tried at the next start.
fn on_trial() -> Sight {
    let version = |text: &str| text.parse().unwrap();
    Sight {
        updates: Updates {
            state: State {
                floor: Some(version("0.0.1")),
                trial: Some(Trial {
                    version: version("0.2.0"),
                    previous: version("0.1.0"),
                    stage: Stage::Written,
                    relays: true,
                    failed: None,
                }),
            },
            progress: Some(Sign {
                vi: "Đã ghi phiên bản 0.2.0. Lần khởi động sau máy dùng thử; nếu không đạt tự kiểm tra, máy tự trở lại 0.1.0.".to_owned(),
                en: "Version 0.2.0 is written. The next start tries it; should it fail its self-test, 0.1.0 comes back by itself.".to_owned(),
                good: Some(true),
            }),
        },
        ..in_order()
    }
}

/// A bundle was made for those who help.
fn supported() -> Sight {
    Sight {
        support: Some(Sign {
            vi: "Đã lập gói hỗ trợ trucgate-support-00.02.W00-20261127T102005Z.tar, 812 KiB, máy đã ký.".to_owned(),
            en: "The support bundle trucgate-support-00.02.W00-20261127T102005Z.tar is made, 812 KiB, signed by this box.".to_owned(),
            good: Some(true),
        }),
        ..in_order()
    }
}

fn not_running() -> Sight {
    Sight {
        report: Err("không có tiến trình nào trên máy này / no process here".to_owned()),
        errors: Err("journalctl: No journal files were found.".to_owned()),
        checklist: Err("/etc/trucgate/plan.toml: No such file or directory".to_owned()),
        machine: Machine {
            name: "mcbm-01".to_owned(),
            ..Machine::default()
        },
        ..in_order()
    }
}

fn app(language: Language, keys: &str) -> App {
    let mut app = App::new(language);
    for key in keys.chars() {
        let key = match key {
            '\n' => Key::Enter,
            '\u{15}' => Key::Clear,
            '\u{7f}' => Key::Erase,
            '\u{1b}' => Key::Back,
            key => Key::Letter(key),
        };
        app.press(key, Some(&in_order()));
    }
    app
}

/// The settings' second line and nothing else is typed anew, up to the question.
const NEW_ADDRESS: &str = "11\n\u{15}10.64.3.10/24\n\n\n\n\n\n\n\n\n\n";

#[test]
fn settings_are_ordered_only_as_they_were_typed_and_agreed_to() {
    let y = Key::Letter('y');
    let mut agreed = app(Language::Vi, NEW_ADDRESS);
    let Wish::Settings(text) = agreed.press(y, None) else {
        panic!("no settings are ordered");
    };
    let settings = Settings::read(&text).unwrap();
    assert_eq!(
        settings.network[0].addresses[0].to_string(),
        "10.64.3.10/24"
    );
    assert_eq!(settings.hostname, "box-1");
    assert_eq!(settings.peers.to.len(), 2);
    for (keys, why) in [
        ("11\n\n\n\n\n\n\n\n\n\n\n", "nothing was changed"),
        ("11\u{15}-x\n\n\n\n\n\n\n\n\n\n\n", "a line is wrong"),
        ("11\u{1b}", "the form was left"),
        (
            "11\n\u{15}10.64.3.10/24\n\u{1b}",
            "the form was left half way",
        ),
    ] {
        let mut app = app(Language::Vi, keys);
        assert_eq!(app.press(y, Some(&in_order())), Wish::Nothing, "{why}");
    }
    // A letter taken away, and keys that elsewhere mean something.
    let typed = app(Language::Vi, "11\u{15}hub-lq\u{7f}\n").rows(Some(&in_order()), now(), None);
    assert!(plain(&typed).contains(" hub-l\n"), "{}", plain(&typed));
}

#[test]
fn pages_are_as_captured_in_both_languages() {
    let captures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/console");
    let cases = [
        ("in-order", in_order(), "", Some(24)),
        ("in-trouble", in_trouble(), "", Some(24)),
        ("in-trouble-tall", in_trouble(), "", Some(40)),
        ("not-running", not_running(), "", Some(24)),
        ("network", in_order(), "1", Some(24)),
        ("network-elsewhere", not_running(), "1", Some(24)),
        ("network-typed", in_order(), "11\n", Some(24)),
        (
            "network-wrong",
            in_order(),
            "11\n\u{15}10.64.3.9\n",
            Some(24),
        ),
        ("network-asked", in_order(), NEW_ADDRESS, Some(24)),
        ("checklist", in_order(), "2", Some(24)),
        ("details", in_trouble(), "3", None),
        ("errors", in_trouble(), "4", None),
        ("shut-down", in_order(), "5", Some(24)),
        ("shut-down-asked", in_order(), "51", Some(24)),
        ("update", on_trial(), "6", Some(24)),
        ("update-asked", in_order(), "61", Some(24)),
        ("update-elsewhere", not_running(), "6", Some(24)),
        ("support", supported(), "7", Some(24)),
        ("support-asked", in_order(), "71", Some(24)),
        ("support-elsewhere", not_running(), "7", Some(24)),
        ("maintenance", in_order(), "8", Some(24)),
        ("maintenance-asked", in_order(), "81", Some(24)),
    ];
    for (name, sight, keys, height) in cases {
        for (language, ending) in [(Language::Vi, "vi"), (Language::En, "en")] {
            let at = now() + time::Duration::seconds(5);
            let rows = app(language, keys).rows(Some(&sight), at, height);
            let text = plain(&rows);
            let file = captures.join(format!("{name}.{ending}.txt"));
            if std::env::var_os("BLESS").is_some() {
                Disk::real().replace(&file, text.as_bytes()).unwrap();
            }
            let captured = std::fs::read_to_string(&file).unwrap_or_default();
            assert_eq!(text, captured, "{}", file.display());
            assert!(height.is_none_or(|height| rows.len() == height), "{name}");
            assert!(
                text.lines().all(|line| line.chars().count() <= 80),
                "{name}"
            );
            assert!(!text.contains('\u{1b}'), "{name}");
        }
    }
}

#[test]
fn a_small_screen_keeps_the_worst_and_the_keys() {
    for height in [6, 12, 18] {
        let rows = App::new(Language::Vi).rows(Some(&in_trouble()), now(), Some(height));
        let text = plain(&rows);
        assert_eq!(rows.len(), height);
        assert!(
            text.contains("LIÊN THÔNG SẮP DỪNG") && text.contains("[5] Tắt máy"),
            "{text}"
        );
    }
}

#[test]
fn nothing_is_ordered_without_a_second_key_and_any_other_takes_it_back() {
    let y = Key::Letter('y');
    assert_eq!(
        app(Language::Vi, "51").press(y, None),
        Wish::Order(Order::PowerOff)
    );
    assert_eq!(
        app(Language::Vi, "52").press(y, None),
        Wish::Order(Order::Restart)
    );
    assert_eq!(
        app(Language::Vi, "52l").press(y, None),
        Wish::Order(Order::Restart)
    );
    assert_eq!(
        app(Language::Vi, "61").press(y, None),
        Wish::Order(Order::Update)
    );
    assert_eq!(
        app(Language::Vi, "71").press(y, None),
        Wish::Order(Order::Support)
    );
    for keys in [
        "", "6", "61x", "601", "7", "71x", "72", "701", "5", "1", "51x", "510", "5105", "2y1y",
    ] {
        assert_eq!(
            app(Language::Vi, keys).press(y, None),
            Wish::Nothing,
            "{keys}"
        );
    }
    let mut asked = app(Language::En, "51");
    assert_eq!(asked.press(Key::Down, None), Wish::Nothing);
    assert_eq!(asked.press(y, None), Wish::Nothing);
}

#[test]
fn a_long_page_scrolls_and_stops_at_its_end() {
    let mut app = app(Language::Vi, "4");
    let whole = plain(&app.rows(Some(&in_trouble()), now(), None));
    let top = plain(&app.rows(Some(&in_trouble()), now(), Some(24)));
    assert!(top.contains("[↓ J] Xuống"));
    for _ in 0..100 {
        app.press(Key::PageDown, None);
        app.rows(Some(&in_trouble()), now(), Some(24));
    }
    let end = plain(&app.rows(Some(&in_trouble()), now(), Some(24)));
    let last = |text: &str| text.lines().rev().nth(2).map(str::to_owned);
    assert_eq!(last(&end), last(&whole));
    app.press(Key::Up, None);
    assert_ne!(plain(&app.rows(Some(&in_trouble()), now(), Some(24))), end);
    let place = |app: &App| format!("{app:?}").contains(&format!("{:?}", Place::Errors));
    assert!(place(&app));
}
