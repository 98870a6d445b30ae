//! systemd's own tools over a root of our own: the compiled catalog, a journal file, what is shown.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use trucgate::journal::{self, ids};

use crate::entries::Language;

/// Where systemd expects it.
const SOURCES: &str = "usr/lib/systemd/catalog";
const DATABASE: &str = "var/lib/systemd/catalog";
/// Writes journal files of what it is given (Debian: systemd-journal-remote).
const REMOTE: &str = "/usr/lib/systemd/systemd-journal-remote";

/// All fields that a line can carry, from a line that carries them.
pub(crate) fn fields() -> BTreeSet<String> {
    let heard = journal::listen();
    journal::line(&ids::READY)
        .packet("p")
        .member("m")
        .peer("the one of this test")
        .doc_code("c")
        .step("s")
        .reason("r")
        .next("n")
        .count(1)
        .duration(Duration::from_micros(1))
        .say("all fields");
    let entry = heard
        .iter()
        .find(|entry| entry.peer.as_deref() == Some("the one of this test"))
        .unwrap();
    let json = serde_json::to_value(&*entry).unwrap();
    let mut fields: BTreeSet<String> = json.as_object().unwrap().keys().cloned().collect();
    // The process's name, which the journal's writer adds to each line.
    fields.insert("SYSLOG_IDENTIFIER".to_owned());
    fields
}

/// What stands in a field of the lines of this test.
fn value(field: &str, name: &str) -> String {
    format!("<{field} of {name}>")
}

/// A line of the catalog with its fields put in.
pub(crate) fn filled(line: &str, name: &str) -> String {
    line.split('@')
        .enumerate()
        .map(|(at, piece)| match at % 2 {
            0 => piece.to_owned(),
            _ => value(piece, name),
        })
        .collect()
}

/// A catalog that `journalctl` has compiled.
pub(crate) struct Compiled {
    root: TempDir,
}

impl Compiled {
    pub(crate) fn of(english: &[PathBuf], vietnamese: &[PathBuf]) -> Self {
        let root = tempfile::tempdir().unwrap();
        let sources = root.path().join(SOURCES);
        run(Command::new("mkdir")
            .arg("-p")
            .args([&sources, &root.path().join("locale")]));
        run(Command::new("cp")
            .args(english)
            .args(vietnamese)
            .arg(&sources));
        let compiled = Command::new("journalctl")
            .env("SYSTEMD_LOG_LEVEL", "notice")
            .arg("--update-catalog")
            .arg(at(root.path()))
            .output()
            .unwrap_or_else(|error| panic!("journalctl: {error}; `make setup` installs it"));
        let told = String::from_utf8_lossy(&compiled.stderr).into_owned();
        assert!(compiled.status.success() && told.is_empty(), "{told}");
        // A reader's language counts only if the machine has its locale.
        run(Command::new("localedef")
            .args(["-i", "vi_VN", "-f", "UTF-8"])
            .arg(root.path().join("locale/vi_VN.UTF-8")));
        Self { root }
    }

    pub(crate) fn dump(&self, language: Language) -> String {
        run(self
            .spoken(Command::new("journalctl"), language)
            .arg("--dump-catalog")
            .arg(at(self.root.path())))
    }

    /// A journal file with one line of each kind, all fields filled.
    pub(crate) fn journal_of_all_ids(&self) -> PathBuf {
        let mut export = String::new();
        for (at, id) in ids::ALL.iter().enumerate() {
            write!(
                export,
                "__REALTIME_TIMESTAMP={}\n__MONOTONIC_TIMESTAMP={}\n_BOOT_ID={1:032}\n_MACHINE_ID={1:032}\n\
                 MESSAGE_ID={}\nPRIORITY=5\nMESSAGE={}\n",
                1_790_000_000_000_000_u64 + at as u64,
                1 + at,
                id.message_id,
                id.name
            )
            .unwrap();
            let carried = fields();
            let set = ["MESSAGE", "MESSAGE_ID", "PRIORITY", "TIMESTAMP"];
            for field in carried
                .iter()
                .filter(|field| !set.contains(&field.as_str()))
            {
                writeln!(export, "{field}={}", value(field, id.name)).unwrap();
            }
            export.push('\n');
        }
        let (from, to) = (
            self.root.path().join("lines"),
            self.root.path().join("lines.journal"),
        );
        trucgate::durable::Disk::real()
            .replace(&from, export.as_bytes())
            .unwrap();
        run(Command::new(REMOTE).arg("-o").args([&to, &from]));
        to
    }

    /// `journalctl -x` where this catalog is the machine's. `None`, said loudly, where no mount namespace can be made.
    pub(crate) fn explain(&self, journal: &Path, language: Language) -> Option<String> {
        let possible = Command::new("unshare")
            .args(["--mount", "--map-root-user", "true"])
            .status()
            .is_ok_and(|status| status.success());
        if !possible {
            eprintln!("SKIPPED: no mount namespace can be made here, journalctl -x stays untested");
            return None;
        }
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--map-root-user", "sh", "-ec"])
            .arg(
                "mount -t tmpfs none /var/lib/systemd; mkdir /var/lib/systemd/catalog
             mount --bind \"$1\" /var/lib/systemd/catalog
             exec journalctl --catalog --no-pager --file=\"$2\"",
            );
        command
            .arg("sh")
            .arg(self.root.path().join(DATABASE))
            .arg(journal);
        Some(run(&mut self.spoken(command, language)))
    }

    fn spoken(&self, mut command: Command, language: Language) -> Command {
        command.env("LOCPATH", self.root.path().join("locale"));
        command.env(
            "LC_ALL",
            match language {
                Language::English => "C.UTF-8",
                Language::Vietnamese => "vi_VN.UTF-8",
            },
        );
        command
    }
}

fn at(root: &Path) -> String {
    format!("--root={}", root.display())
}

/// Runs a tool that `make setup` has installed; gives what it said.
fn run(command: &mut Command) -> String {
    let output = command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; `make setup` installs it"));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}: {told}");
    String::from_utf8(output.stdout).unwrap()
}
