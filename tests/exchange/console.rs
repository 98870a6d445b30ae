//! `trucgate console` as a person meets it: a real box behind a real line, and keys.

pub mod line;

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use trucgate::journal::ids;

use crate::world::machines::Who::{Sender, SenderSigner};
use crate::world::{World, executable, write};
use line::Line;

/// The console over a world's first box; its journal has one error, and requests go to `requests`.
fn console(world: &World, requests: &Path) -> Command {
    let journal = requests.join("one.journal");
    let export = requests.join("export");
    write(
        &export,
        format!(
            "__REALTIME_TIMESTAMP=1790000000000000\n__MONOTONIC_TIMESTAMP=1\n_BOOT_ID={0}\n_MACHINE_ID={0}\n\
             MESSAGE=the token does not answer\nMESSAGE_ID={1}\nPRIORITY=3\nSYSLOG_IDENTIFIER=trucgate-signer\n\
             REASON=CKR_DEVICE_REMOVED\nNEXT=look at the token\n\n",
            "1".repeat(32),
            ids::TOKEN_AWAY.message_id
        ),
    );
    let made = Command::new("/usr/lib/systemd/systemd-journal-remote")
        .arg("-o")
        .args([&journal, &export])
        .stderr(Stdio::null())
        .status()
        .unwrap_or_else(|error| {
            panic!("systemd-journal-remote: {error}; `make setup` installs it")
        });
    assert!(made.success());
    let mut command = Command::new(executable());
    command
        .args(["console", "--line", "tty7", "--socket"])
        .arg(world.machine(Sender).state().join("control.sock"))
        .arg("--requests")
        .arg(requests)
        .arg("--journal")
        .arg(journal)
        .arg("--dir")
        .arg(requests.join("no plan"))
        .env("TERM", "linux");
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_at_the_console_sees_the_box_and_turns_it_off() {
    let mut world = World::start();
    let requests = tempfile::tempdir().unwrap();
    let told = std::fs::File::options()
        .create(true)
        .append(true)
        .open(requests.path().join("told"))
        .unwrap();
    let mut line = Line::with(console(&world, requests.path()).stderr(told));

    let shown = line.until_pressing("r", |shown| {
        shown.contains("BÌNH THƯỜNG")
            && shown.contains("Trục đã trả lời")
            && shown.contains("[L] English")
    });
    assert!(
        shown.starts_with(" MÁY CHỦ BẢO MẬT 00.02.W00 · "),
        "{shown}"
    );
    assert!(
        shown.contains(" ok Bộ ký và token        đang ký"),
        "{shown}"
    );
    assert!(
        shown.contains("Thiết bị lưu khoá (token) không trả lời"),
        "{shown}"
    );
    let keys: Vec<_> = shown.lines().skip(22).collect();
    assert_eq!(
        keys,
        [
            " [1] Mạng [2] Cấp phát [3] Chi tiết [4] Lỗi [L] English",
            " [5] Tắt máy [6] Cập nhật [7] Hỗ trợ [8] Bảo trì"
        ]
    );
    assert!(!line.is_as_for_a_shell());

    // Its clock goes on; nothing is cleared for it.
    let head = |shown: &str| shown.lines().next().unwrap().to_owned();
    line.until(|now| head(now) != head(&shown));
    line.press("l");
    line.until(|shown| shown.contains("SECURITY SERVER") && shown.contains("[L] Tiếng Việt"));
    line.press("4");
    line.until(|shown| shown.contains("What happened: the signer can't reach its token."));
    line.press("\x1b[B\x1b[B");
    line.until(|shown| !shown.contains("Last errors, the newest first"));
    line.press("0l1");
    line.until(|shown| shown.contains("Tên máy"));
    line.press("\r2");
    line.until(|shown| shown.contains("no plan/plan.toml"));
    line.press("0");

    // What really happens is what it shows.
    world.kill(SenderSigner);
    line.until_pressing("r", |shown| {
        shown.contains(" XX Bộ ký và token") && shown.contains("LIÊN THÔNG SẮP DỪNG")
    });
    world.again(SenderSigner);
    line.until_pressing("r", |shown| shown.contains(" ok Bộ ký và token"));
    assert_eq!(line.cleared, 1, "a page that is drawn anew flickers");

    line.press("7");
    line.until(|shown| shown.contains("trucgate support --out DIR"));
    line.press("0");

    line.press("51");
    line.until(|shown| shown.contains("Nhấn Y để đồng ý"));
    line.press("x1y");
    line.until(|shown| shown.contains("Đang tắt máy…"));
    let asked = std::fs::read_to_string(requests.path().join("power-off")).unwrap();
    assert_eq!(asked, "tty7");
    assert!(!requests.path().join("restart").exists());
    line.press("0q");
    let (status, restored) = line.ends();
    assert!(status.success() && restored);
    let told = std::fs::read_to_string(requests.path().join("told")).unwrap();
    let orders: Vec<Value> = told
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(orders.len(), 1, "{told}");
    assert_eq!(orders[0]["MESSAGE_ID"], ids::CONSOLE_ORDER.message_id);
    assert_eq!(
        (&orders[0]["STEP"], &orders[0]["PEER"]),
        (&"power-off".into(), &"tty7".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn in_place_of_a_login_it_stays_until_the_line_hangs_up() {
    let world = World::start();
    let requests = tempfile::tempdir().unwrap();
    let mut line = Line::with(
        console(&world, requests.path())
            .arg("--stay")
            .stderr(Stdio::null()),
    );
    line.until(|shown| shown.contains("[5] Tắt máy"));
    // Neither Ctrl-C, Ctrl-Z, Ctrl-\ nor Ctrl-D ends it, nor the key that ends it elsewhere.
    line.press("\u{3}\u{1a}\u{1c}\u{4}qql");
    line.until(|shown| shown.contains("[5] Power"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_knows_no_cursor_gets_text_alone() {
    let world = World::start();
    let requests = tempfile::tempdir().unwrap();
    let once = console(&world, requests.path())
        .args(["--once", "--lang", "en"])
        .output()
        .unwrap();
    let text = String::from_utf8(once.stdout).unwrap();
    assert!(
        once.status.success() && text.starts_with(" SECURITY SERVER 00.02.W00"),
        "{text}"
    );
    assert!(!text.contains('\u{1b}'), "{text}");

    let mut dumb = console(&world, requests.path());
    let mut line = Line::with(dumb.env("TERM", "dumb").stderr(Stdio::null()));
    line.until(|shown| shown.contains("[5] Tắt máy"));
    line.press("l");
    line.until(|shown| shown.contains("[5] Power"));
    line.press("5");
    line.until(|shown| shown.contains("[2] restart"));
    assert_eq!(line.sequences, 0);
    line.press("0q");
    let (status, restored) = line.ends();
    assert!(status.success() && restored);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_end_end_it() {
    let world = World::start();
    let requests = tempfile::tempdir().unwrap();
    let mut command = console(&world, requests.path());
    let ended = command.arg("--stay").stdin(Stdio::null()).output().unwrap();
    assert!(ended.status.success());
}
