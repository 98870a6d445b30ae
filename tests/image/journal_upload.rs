//! The journal really goes to a log server: systemd's own sender with what the settings render, over TLS, to systemd's own
//! receiver.

#![expect(clippy::unwrap_used, reason = "a test that can't go on ends")]

use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use trucgate::clock::Chance;
use trucgate::durable::Disk;
use trucgate::provision::lab::free_address;

const REMOTE: &str = "/usr/lib/systemd/systemd-journal-remote";

fn write(path: &Path, content: impl AsRef<[u8]>) {
    Disk::real().make_dir(path.parent().unwrap()).unwrap();
    Disk::real().replace(path, content.as_ref()).unwrap();
}

/// A shell's words in `at`; they have to succeed.
fn shell(at: &Path, script: &str) {
    let done = Command::new("sh")
        .args(["-euc", script])
        .current_dir(at)
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{script}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
}

/// The agency's log server; it ends with the test.
struct Receiver(Child);

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Receiver {
    fn start(at: &Path, port: u16) -> Self {
        let child = Command::new(REMOTE)
            .arg(format!("--listen-https=127.0.0.1:{port}"))
            .arg(format!("--key={}", at.join("server.key").display()))
            .arg(format!("--cert={}", at.join("server.pem").display()))
            .arg("--split-mode=none")
            .arg(format!(
                "--output={}",
                at.join("received.journal").display()
            ))
            .stderr(Stdio::null())
            .spawn();
        let receiver = Self(child.unwrap());
        let end = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < end, "no log server within 30 s");
            std::thread::yield_now();
        }
        receiver
    }
}

/// How often the log server has that line.
fn received(at: &Path, message: &str) -> usize {
    let said = Command::new("journalctl")
        .args(["--quiet", "--output=cat", "--file"])
        .arg(at.join("received.journal"))
        .output()
        .unwrap();
    let text = String::from_utf8(said.stdout).unwrap();
    text.lines().filter(|line| *line == message).count()
}

/// The sender as an appliance starts it, with `/run` and `/etc` of its own; `None` where that can't be.
fn send(at: &Path, root: &str) -> Option<Output> {
    let script = "root=$1; cp \"$root\" root.seen; mount -t tmpfs none /etc || exit 9; mkdir -p /etc/trucgate/trust
        cp root.seen /etc/trucgate/trust/root.pem; mount -t tmpfs none /run; cp -r run/systemd /run/systemd
        exec /usr/lib/systemd/systemd-journal-upload --directory=sent --save-state=state --follow=false";
    let done = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", script, "sh", root])
        .current_dir(at)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&done.stderr);
    if done.status.code() == Some(9) || told.starts_with("unshare:") {
        eprintln!("SKIPPED: no mount namespace here, the journal stays where it is: {told}");
        return None;
    }
    Some(done)
}

#[test]
fn the_journal_reaches_the_log_server_that_the_settings_name_and_no_stranger() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    shell(
        at,
        "key='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'
        for name in root stranger; do
            openssl req -x509 $key -keyout $name.key -out $name.pem -subj \"/CN=TEST $name\" -days 3
        done
        openssl req $key -keyout server.key -out server.csr -subj '/CN=TEST log server'
        printf 'subjectAltName=IP:127.0.0.1\\nextendedKeyUsage=serverAuth\\n' >extensions
        openssl x509 -req -in server.csr -CA root.pem -CAkey root.key -CAcreateserial -extfile extensions -days 2 -out server.pem",
    );
    let line = |number: u32, message: &str| {
        format!(
            "__REALTIME_TIMESTAMP=179000000000000{number}\n__MONOTONIC_TIMESTAMP={number}\n_BOOT_ID={0}\n_MACHINE_ID={0}\n\
             MESSAGE={message}\nPRIORITY=3\n\n",
            "1".repeat(32)
        )
    };
    write(&at.join("export"), line(1, "first") + &line(2, "last"));
    shell(
        at,
        &format!("mkdir sent; {REMOTE} -o sent/one.journal export"),
    );

    let port = free_address(&Chance::system()).unwrap().port();
    let sample = include_str!("../../image/settings.toml");
    let settings = format!("{sample}\n[journal]\nupload = \"https://127.0.0.1:{port}\"\n");
    write(&at.join("settings.toml"), settings);
    for directory in [
        "trucgate/chrony.d",
        "systemd/network",
        "systemd/journal-upload.conf.d",
    ] {
        Disk::real()
            .make_dir(&at.join("run").join(directory))
            .unwrap();
    }
    shell(
        at,
        &format!(
            "{} settings --from settings.toml --into run",
            env!("CARGO_BIN_EXE_trucgate")
        ),
    );
    let _receiver = Receiver::start(at, port);

    let Some(stranger) = send(at, "stranger.pem") else {
        return;
    };
    assert!(
        !stranger.status.success(),
        "a stranger's certificate was taken"
    );
    assert_eq!((received(at, "first"), received(at, "last")), (0, 0));
    let first = send(at, "root.pem").unwrap();
    assert!(
        first.status.success(),
        "{}",
        String::from_utf8_lossy(&first.stderr)
    );
    let end = Instant::now() + Duration::from_secs(30);
    while received(at, "last") == 0 {
        assert!(Instant::now() < end, "nothing arrived within 30 s");
    }
    assert_eq!((received(at, "first"), received(at, "last")), (1, 1));
    // Where it was left off is remembered. That sender repeats the one last line when it starts anew, and no other.
    let second = send(at, "root.pem").unwrap();
    assert!(
        second.status.success(),
        "{}",
        String::from_utf8_lossy(&second.stderr)
    );
    assert_eq!(received(at, "first"), 1);
    assert!(received(at, "last") <= 2);
}
