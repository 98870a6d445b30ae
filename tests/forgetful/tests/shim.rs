//! The shim under a program that is none of ours, and with SQLite: what was flushed stays, what was not goes.

#![expect(clippy::unwrap_used, reason = "a test that can't go on ends")]

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use forgetful::{Volatile, When, shim};

struct Place {
    _directory: tempfile::TempDir,
    root: PathBuf,
    volatile: Volatile,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("state");
        std::fs::create_dir(&root).unwrap();
        let volatile = Volatile::new(&root, &directory.path().join("process")).unwrap();
        Self {
            _directory: directory,
            root,
            volatile,
        }
    }

    fn python(&self, script: &str) -> ExitStatus {
        Command::new("python3")
            .args(["-c", script])
            .arg(&self.root)
            .envs(self.volatile.environment(&shim().unwrap()))
            .stderr(Stdio::null())
            .status()
            .unwrap()
    }

    /// Two rows: one from before the watch, one committed under it with `synchronous` as told; gives whether the second
    /// is there after the cut.
    fn keeps_a_commit(synchronous: &str, seed: u64) -> bool {
        let mut place = Self::new();
        let script = format!(
            "import sqlite3, sys
c = sqlite3.connect(sys.argv[1] + '/db', isolation_level=None)
c.execute('PRAGMA journal_mode=WAL')
c.execute('PRAGMA synchronous={synchronous}')
c.execute('CREATE TABLE IF NOT EXISTS t(x)')
c.execute('INSERT INTO t VALUES(1)')
import os
os.kill(os.getpid(), 9)"
        );
        place.python(&script);
        place.volatile.cut(seed).unwrap();
        let question = "import sqlite3, sys
c = sqlite3.connect(sys.argv[1] + '/db')
assert c.execute('PRAGMA integrity_check').fetchone() == ('ok',)
sys.exit(0 if c.execute('SELECT count(*) FROM t').fetchone() == (1,) else 1)";
        place.python(question).success()
    }
}

const FLUSHED_OR_NOT: &str = "import os, sys
def put(name, flush):
    f = os.open(sys.argv[1] + '/' + name, os.O_WRONLY | os.O_CREAT, 0o600)
    os.write(f, name.encode() * 3000)
    if flush: os.fsync(f)
    os.close(f)
def flush():
    d = os.open(sys.argv[1], os.O_RDONLY)
    os.fsync(d)
    os.close(d)
put('flushed', True)
put('content only', True)
put('name only', False)
os.rename(sys.argv[1] + '/content only', sys.argv[1] + '/renamed')
flush()
put('unflushed name', True)
put('nothing', False)
os.rename(sys.argv[1] + '/renamed', sys.argv[1] + '/renamed again')
os.unlink(sys.argv[1] + '/flushed')
os.mkdir(sys.argv[1] + '/directory')
";

#[test]
fn what_was_flushed_stays_and_what_was_not_goes() {
    let mut lost = [false; 6];
    let mut kept = [false; 6];
    let mut torn = false;
    for seed in 0..30 {
        let mut place = Place::new();
        assert!(place.python(FLUSHED_OR_NOT).success());
        let report = place.volatile.cut(seed).unwrap();
        assert_eq!((report.contents, report.names), (2, 5), "{report:?}");
        let read = |name: &str| std::fs::read(place.root.join(name));
        // Flushed content is there under its old or its new name, whole.
        let renamed = read("renamed again").or_else(|_| read("renamed")).unwrap();
        assert_eq!(renamed, "content only".repeat(3000).into_bytes());
        assert!(read("content only").is_err(), "the rename was flushed");
        if let Ok(whole) = read("unflushed name") {
            assert_eq!(whole, "unflushed name".repeat(3000).into_bytes());
        }
        // A flushed name whose content was not: anything of it, sector by sector.
        let found = read("name only").unwrap();
        let whole = "name only".repeat(3000).into_bytes();
        assert!(found.len() <= whole.len());
        for (at, sector) in found.chunks(forgetful::SECTOR).enumerate() {
            let at = at * forgetful::SECTOR;
            let is_there = sector == &whole[at..at + sector.len()];
            assert!(is_there || sector.iter().all(|byte| *byte == 0));
            torn |= !is_there;
        }
        let chance = [
            read("flushed").is_ok(),
            read("unflushed name").is_ok(),
            read("nothing").is_ok(),
            read("renamed").is_ok(),
            place.root.join("directory").is_dir(),
            found == whole,
        ];
        for (at, here) in chance.into_iter().enumerate() {
            kept[at] |= here;
            lost[at] |= !here;
        }
    }
    assert_eq!((kept, lost, torn), ([true; 6], [true; 6], true));
}

#[test]
fn sqlite_keeps_its_commits_when_it_flushes_them_and_only_then() {
    assert!((0..10).all(|seed| Place::keeps_a_commit("FULL", seed)));
    for synchronous in ["NORMAL", "OFF"] {
        let all_kept = (0..10).all(|seed| Place::keeps_a_commit(synchronous, seed));
        assert!(!all_kept, "{synchronous} lost nothing");
    }
}

#[test]
fn the_power_goes_when_it_is_told_to() {
    let script = "import os, sys
f = os.open(sys.argv[1] + '/file', os.O_WRONLY | os.O_CREAT, 0o600)
for n in range(4):
    os.write(f, bytes([65 + n]))
    os.fsync(f)";
    for (when, whole) in [
        (When::Change(1), ""),
        (When::Flush(1), "A"),
        (When::Flush(2), "A"),
        (When::Flush(3), "AB"),
        (When::Change(5), "AB"),
        (When::Flush(8), "ABCD"),
    ] {
        let place = Place::new();
        place.volatile.arm(when).unwrap();
        let status = place.python(script);
        assert!(!status.success() && place.volatile.is_out().unwrap());
        let found = std::fs::read_to_string(place.root.join("file")).unwrap_or_default();
        assert_eq!(found, whole, "{when:?}");
    }
    let place = Place::new();
    assert!(place.python(script).success() && !place.volatile.is_out().unwrap());
    assert_eq!(place.volatile.changes().unwrap(), 9);
}

#[test]
fn a_call_that_passes_the_shim_by_is_found() {
    let mut place = Place::new();
    assert!(place.python(FLUSHED_OR_NOT).success());
    write_behind(&place.root.join("name only"));
    let error = place.volatile.cut(1).unwrap_err();
    assert!(error.to_string().contains("passed the shim by"), "{error}");
}

fn write_behind(path: &Path) {
    use std::io::Write;
    let mut file = std::fs::OpenOptions::new().append(true).open(path).unwrap();
    file.write_all(b"more").unwrap();
}
