//! The board at the hub's management address: who sees it, what it says, and how browsers are shown it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use trucgate::durable::Disk;
use trucgate::hub::SCHEMAS;
use trucgate::store::{Error, Store, Tx, params};

use crate::world::machines::Who::{Hub, Receiver};
use crate::world::operators::{Operator, admin, employ, operator};
use crate::world::{RECEIVERS, SENDER, World, collect, document, send, until, write};

/// An answer as curl saw it.
struct Got {
    status: u16,
    head: String,
    body: String,
}

/// What a browser of this operator gets.
fn get(eyes: Option<&Operator>, address: &str, path: &str, more: &[&str]) -> Option<Got> {
    let mut curl = Command::new("curl");
    curl.args(["-sS", "-k", "-i", "--max-time", "20"])
        .args(more);
    if let Some(eyes) = eyes {
        let (certificate, key) = eyes.pair();
        curl.arg("--cert").arg(certificate).arg("--key").arg(key);
    }
    let output = curl
        .arg(format!("https://{address}{path}"))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (head, body) = text.split_once("\r\n\r\n")?;
    Some(Got {
        status: head.split(' ').nth(1)?.parse().ok()?,
        head: head.to_lowercase(),
        body: body.to_owned(),
    })
}

/// A text as it may stand in an address.
fn quoted(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn seen(eyes: &Operator, address: &str, path: &str) -> Got {
    get(Some(eyes), address, path, &[]).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_see_the_board_and_nobody_else_anything() {
    let mut world = World::start();
    let (an, binh, mat) = (
        operator(&world, "An"),
        operator(&world, "Bình"),
        operator(&world, "Mắt"),
    );
    let only = format!("view of {}", RECEIVERS[0]);
    let address = employ(
        &mut world,
        Hub,
        &[(&an, "view"), (&binh, "approve"), (&mat, &only)],
    );
    let sender = world.software(SENDER);
    let [first, second, third] = RECEIVERS;
    let draft = document(&[first, second], 41);
    let code = draft.code();
    send(&sender, draft.edxml().unwrap()).await;
    send(&sender, document(&[third], 42).edxml().unwrap()).await;
    for receiver in RECEIVERS {
        collect(&world.software(receiver)).await;
    }
    let board = until(async || {
        let board: Value = serde_json::from_str(&seen(&an, &address, "/board.json").body).ok()?;
        (board["nation"]["documents"]["collected"] == 3 && board["uncounted"] == 0).then_some(board)
    })
    .await;
    assert_eq!(board["nation"]["documents"]["sent"], 2, "{board:#}");
    assert_eq!(board["agencies"].as_array().unwrap().len(), 4);
    let servers = board["servers"].as_object().unwrap();
    assert!(
        servers.len() == 2 && servers.values().all(|here| here == true),
        "{servers:?}"
    );
    let active = |use_: &str| {
        let all = board["certificates"].as_array().unwrap();
        all.iter()
            .filter(|one| one["use"] == use_ && one["state"] == "active" && one["ends"].is_string())
            .count()
    };
    assert_eq!((active("seal"), active("tls")), (4, 2), "{board:#}");

    let vi = seen(&an, &address, "/");
    assert_eq!(vi.status, 200, "{}", vi.head);
    assert!(
        vi.body.contains(
            "<strong>2</strong> văn bản đã được gửi và <strong>3</strong> văn bản đã được nhận"
        ),
        "{}",
        vi.body
    );
    assert!(
        vi.body
            .contains("<strong>4</strong>/<strong>4</strong> cơ quan đã kết nối")
    );
    let en = seen(&an, &address, "/?lang=en");
    assert!(
        en.body
            .contains("<strong>2</strong> documents were sent and <strong>3</strong> received")
    );
    for page in [&vi, &en] {
        for header in [
            "content-security-policy: default-src 'none'; style-src 'self';",
            "x-content-type-options: nosniff",
            "cache-control: no-store",
        ] {
            assert!(page.head.contains(header), "{}", page.head);
        }
        assert!(!page.body.contains("<script") && !page.body.contains(" style="));
    }
    assert_eq!(seen(&an, &address, "/style.css").status, 200);
    let sheet = seen(&an, &address, "/agencies.csv");
    assert!(
        sheet.head.contains("text/csv") && sheet.body.contains(SENDER),
        "{}",
        sheet.body
    );
    let traced = seen(&an, &address, &format!("/trace?what={}", quoted(&code)));
    assert!(
        traced.body.contains("phần mềm nơi nhận") && traced.body.contains("✓"),
        "{}",
        traced.body
    );
    let nothing = seen(&an, &address, "/?from=2001-01-01&to=2001-01-31");
    assert!(
        nothing
            .body
            .contains("<strong>0</strong> văn bản đã được gửi"),
        "{}",
        nothing.body
    );
    for (path, status) in [
        ("/?from=yesterday", 400),
        ("/nowhere", 404),
        ("/../hub.db", 404),
        ("/metrics", 200),
    ] {
        assert_eq!(seen(&an, &address, path).status, status, "{path}");
    }
    let posted = get(Some(&an), &address, "/", &["-X", "POST"]).unwrap();
    assert_eq!(posted.status, 405);
    let foreign = get(
        Some(&an),
        &address,
        "/v1/control",
        &["-H", "Origin: https://evil.example", "-d", "\"status\""],
    );
    assert_eq!(foreign.unwrap().status, 403);

    // Who may not: without the role, for one member alone, with no certificate.
    for path in [
        "/",
        "/board.json",
        "/pairs.csv",
        "/trace?what=41",
        "/status",
    ] {
        assert_eq!(seen(&binh, &address, path).status, 403, "{path}");
    }
    for path in ["/", "/board.json", "/pairs.csv", "/agencies.csv"] {
        assert_eq!(seen(&mat, &address, path).status, 403, "{path}");
    }
    let own = seen(&mat, &address, &format!("/trace?what={}", quoted(&code)));
    assert!(
        own.body.contains(first) && !own.body.contains(second),
        "{}",
        own.body
    );
    assert!(get(None, &address, "/", &[]).is_none_or(|got| got.status == 403));

    // The public extract, beside the running hub.
    let directory = world.directory.path().join("public");
    let words = ["board", "--export"].map(OsStr::new);
    admin(&world, &[&words[..], &[directory.as_os_str()]].concat());
    let page = std::fs::read_to_string(directory.join("index.html")).unwrap();
    assert!(
        page.contains("<strong>3</strong> văn bản đã được nhận") && !page.contains("id=\"pairs\""),
        "{page}"
    );

    // A box has a page of its own, and no board.
    let address = employ(&mut world, Receiver, &[(&an, "view")]);
    let page = until(async || get(Some(&an), &address, "/", &[])).await;
    for said in [
        "Tình trạng máy chủ bảo mật",
        "Đơn vị của máy này",
        "Không có lỗi nào",
    ]
    .into_iter()
    .chain(RECEIVERS)
    {
        assert!(page.body.contains(said), "{said}: {}", page.body);
    }
    assert_eq!(seen(&an, &address, "/board.json").status, 404);
    let metrics = seen(&an, &address, "/metrics").body;
    assert!(
        metrics.contains("trucgate_level{code=\"00.03.W00\",gauge=\"queue\"")
            && metrics.ends_with("# EOF\n"),
        "{metrics}"
    );
}

/// The agencies of 2019 as far as their kinds go; the names are the field's, the figures none.
fn register(world: &World) -> PathBuf {
    let mut changes = Vec::new();
    let mut add = |code: String, name: String, domain: &str, stage: &str| {
        changes.push(serde_json::json!({"add-member": {
            "code": code, "id": 1_000 + changes.len(), "name": name, "level": 1, "domain": domain, "stage": stage,
            "stage_date": "2019-03-01", "box_code": if stage == "planned" { Value::Null } else { "00.03.W00".into() },
        }}));
    };
    let stages = ["production", "production", "test", "upgrading", "planned"];
    for (at, name) in MINISTRIES.iter().enumerate() {
        add(
            format!("G{:02}", at + 30),
            (*name).to_owned(),
            "ministry",
            stages[at % 5],
        );
    }
    for (at, name) in PROVINCES.iter().enumerate() {
        add(
            format!("H{:02}", at + 20),
            format!("UBND {name}"),
            "province",
            stages[(at * 7) % 5],
        );
    }
    add(
        "A01".to_owned(),
        "Văn phòng Trung ương Đảng".to_owned(),
        "party",
        "test",
    );
    let file = world.directory.path().join("register.json");
    write(&file, serde_json::to_vec(&changes).unwrap());
    file
}

const MINISTRIES: [&str; 16] = [
    "Bộ Công an",
    "Bộ Công Thương",
    "Bộ Giáo dục và Đào tạo",
    "Bộ Giao thông vận tải",
    "Bộ Kế hoạch và Đầu tư",
    "Bộ Khoa học và Công nghệ",
    "Bộ Lao động - Thương binh và Xã hội",
    "Bộ Ngoại giao",
    "Bộ Nội vụ",
    "Bộ Nông nghiệp và Phát triển nông thôn",
    "Bộ Quốc phòng",
    "Bộ Tài chính",
    "Bộ Tài nguyên và Môi trường",
    "Bộ Thông tin và Truyền thông",
    "Bộ Tư pháp",
    "Bảo hiểm xã hội Việt Nam",
];
const PROVINCES: [&str; 20] = [
    "tỉnh Cao Bằng",
    "thành phố Đà Nẵng",
    "tỉnh Đồng Tháp",
    "thành phố Hà Nội",
    "tỉnh Lâm Đồng",
    "tỉnh Lạng Sơn",
    "tỉnh Lào Cai",
    "tỉnh Nghệ An",
    "tỉnh Quảng Nam",
    "tỉnh Quảng Ninh",
    "tỉnh Tây Ninh",
    "tỉnh Thái Nguyên",
    "tỉnh Thanh Hóa",
    "tỉnh Thừa Thiên Huế",
    "tỉnh Bà Rịa - Vũng Tàu",
    "tỉnh Hà Giang",
    "tỉnh Kon Tum",
    "tỉnh Ninh Bình",
    "tỉnh Sóc Trăng",
    "thành phố Hồ Chí Minh",
];

/// A year of a million documents, written as counting leaves it.
fn year(tx: &Tx<'_>) -> Result<(), Error> {
    let today = i32::try_from(crate::world::now().unix_timestamp() / 86_400).unwrap();
    let members: i64 = 37;
    for (at, code) in (30..46)
        .map(|n| format!("G{n}"))
        .chain((20..40).map(|n| format!("H{n}")))
        .chain(["A01".to_owned()])
        .enumerate()
    {
        let last = (i64::from(today) - i64::try_from(at * at % 29).unwrap()) * 86_400_000;
        let number = 1_000 + i64::try_from(at).unwrap();
        let sent = (at % 9 != 4).then_some(last);
        tx.execute(
            "INSERT INTO stat_member VALUES (?1, ?2, ?3, ?3, ?4, ?4)",
            params![number, code, sent, last],
        )?;
    }
    for level in 0..4_u32 {
        let mut spans: Vec<i32> = (today - 365..=today)
            .map(|day| day >> (3 * level))
            .collect();
        spans.dedup();
        for span in spans {
            let days = 1_i64 << (3 * level);
            // Sundays are quiet, and the year grows.
            let busy = if level == 0 && span % 7 == 3 {
                1
            } else {
                60 + i64::from((span << (3 * level)) - today + 365) / 3
            };
            let (mut sent, mut got) = (0, 0);
            for at in 0..members {
                let silent = at % 9 == 4;
                let (out, inn) = (
                    if silent {
                        0
                    } else {
                        busy * days * (at % 7 + 1) / 5
                    },
                    busy * days * (at % 5 + 2) * 3 / 5,
                );
                (sent, got) = (sent + out, got + inn);
                traffic(tx, (level, span), 1_000 + at, (out, inn))?;
                for to in 0..members {
                    if to != at && !silent && (at * 7 + to * 3) % 4 != 0 {
                        let count = 1 + days * ((at % 7 + 1) * (to % 5 + 1)) / 6;
                        tx.prepare_cached(
                            "INSERT OR REPLACE INTO stat_pair VALUES (?1, ?2, ?3, ?4, ?5)",
                        )?
                        .execute(params![
                            level,
                            span,
                            1_000 + at,
                            1_000 + to,
                            count
                        ])?;
                    }
                }
            }
            traffic(tx, (level, span), 0, (sent, got))?;
            for (word, share) in [
                ("failed:refused-by-software", 900),
                ("failed:closed", 4_000),
                ("03", 3),
                ("06", 5),
            ] {
                tx.prepare_cached("INSERT OR REPLACE INTO stat_word VALUES (?1, ?2, 0, ?3, ?4)")?
                    .execute(params![level, span, word, got / share])?;
            }
        }
    }
    Ok(())
}

fn traffic(
    tx: &Tx<'_>,
    (level, span): (u32, i32),
    member: i64,
    (sent, got): (i64, i64),
) -> Result<(), Error> {
    for (kind, share) in [(0, 1), (4, 2)] {
        let (sent, got) = (sent / share, got / share);
        tx.prepare_cached("INSERT OR REPLACE INTO stat_traffic VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8, ?7, ?9, ?10)")?
            .execute(params![level, span, member, kind, sent, sent * 3, sent * 600_000, got, got * 97 / 100, got / 700])?;
    }
    for (stage, middle) in [(0, 23), (1, 38), (2, 24), (3, 44)] {
        for (away, share) in [
            (-4_i64, 20),
            (-2, 6),
            (-1, 4),
            (0, 3),
            (1, 5),
            (3, 9),
            (6, 30),
            (10, 90),
        ] {
            tx.prepare_cached("INSERT OR REPLACE INTO stat_time VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
                .execute(params![
                    level,
                    span,
                    member,
                    stage,
                    middle + away,
                    got / share
                ])?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium and packages of npm; `make test-board` runs it"]
async fn browsers_show_every_page_in_both_languages_on_screens_and_on_paper() {
    let mut world = World::start();
    let an = operator(&world, "An");
    admin(&world, &[OsStr::new("apply"), register(&world).as_os_str()]);
    let file = world.machine(Hub).state().join("hub.db");
    let store = Store::open(file, Disk::real(), SCHEMAS).unwrap();
    store.write(year).await.unwrap();
    drop(store);
    let address = employ(&mut world, Hub, &[(&an, "view")]);
    let at_box = employ(&mut world, Receiver, &[(&an, "view")]);
    let [first, second, _] = RECEIVERS;
    let draft = document(&[first, second], 7_816);
    let code = quoted(&draft.code());
    send(&world.software(SENDER), draft.edxml().unwrap()).await;
    collect(&world.software(first)).await;
    until(async || {
        let listed = seen(&an, &address, "/board.json").body;
        (listed.contains("A01")
            && seen(&an, &address, &format!("/trace?what={code}"))
                .body
                .contains("✓"))
        .then_some(())
    })
    .await;
    let board: Value = serde_json::from_str(&seen(&an, &address, "/board.json").body).unwrap();
    let sent = board["nation"]["documents"]["sent"].as_u64();
    assert!(sent > Some(1_000_000), "{sent:?}");
    let trace = format!("trace=/trace?what={code}");
    look(
        &an,
        &address,
        "board",
        &[
            "board=/",
            "week=/?from=2026-11-20&to=2026-11-26",
            &trace,
            "status=/status",
            "empty=/?from=2001-01-01&to=2001-01-31",
        ],
    );
    look(&an, &at_box, "box", &["box=/", &trace]);
    // What a box says in trouble, and the catalog of it; with its signer it would lose the door of this page, too.
    world.kill(Hub);
    until(async || {
        let page = seen(&an, &at_box, "/?lang=en").body;
        page.contains("<summary>").then_some(())
    })
    .await;
    look(&an, &at_box, "box", &["trouble=/"]);
}

fn look(eyes: &Operator, address: &str, name: &str, pages: &[&str]) {
    let house = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (certificate, key) = eyes.pair();
    let looked = Command::new("node")
        .arg(house.join("tests/board/look.mjs"))
        .arg(format!("https://{address}"))
        .args([&certificate, &key])
        .arg(house.join("target/board").join(name))
        .args(pages)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&looked.stderr);
    println!("{}", String::from_utf8_lossy(&looked.stdout));
    assert!(looked.status.success(), "{told}");
}
