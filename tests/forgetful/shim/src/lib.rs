//! Put in the place of libc's calls that change files (`LD_PRELOAD`): each that touches the watched directory is logged
//! before it is carried out. Flushes are logged only: nothing here outlives a test.
//!
//! SQLite's shared memory (`-shm`) is left alone: it is mapped, no write of it passes here, and the first process to
//! open a database makes it anew from the write-ahead log. Whatever else should pass by is found by
//! `Volatile::cut`, which compares log and directory.

use std::collections::BTreeMap;
use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use forgetful::Record;
use libc::c_int;

mod calls;
mod control;
mod raw;

use control::Control;

/// What this process is told by its environment.
struct Watch {
    root: PathBuf,
    /// File descriptor of the log.
    log: c_int,
    control: Control,
}

/// An open file or directory of the watched place.
struct Open {
    inode: u64,
    directory: Option<PathBuf>,
}

type Table = BTreeMap<c_int, Open>;

/// Descriptors beyond this are not looked at.
const DESCRIPTORS: usize = 1 << 16;
/// Whether a descriptor is in the table, so that sockets cost no lock.
static WATCHED: [AtomicBool; DESCRIPTORS] = [const { AtomicBool::new(false) }; DESCRIPTORS];
/// Held from a call's record to the call's end: the log's order is the directory's.
static TABLE: Mutex<Table> = Mutex::new(Table::new());

fn watch() -> Option<&'static Watch> {
    static WATCH: OnceLock<Option<Watch>> = OnceLock::new();
    WATCH
        .get_or_init(|| {
            let told = |name| std::env::var_os(name).map(PathBuf::from);
            Some(Watch {
                root: told(forgetful::ROOT)?,
                log: raw::open_log(&told(forgetful::LOG)?)?,
                control: Control::at(&told(forgetful::CONTROL)?)?,
            })
        })
        .as_ref()
}

fn table() -> MutexGuard<'static, Table> {
    TABLE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Watch {
    /// The path, if it is one of the watched place. `above` counts the place's own directory too.
    fn path(&self, path: &CStr, above: bool) -> Option<PathBuf> {
        let path = Path::new(OsStr::from_bytes(path.to_bytes()));
        let is_ours = path.starts_with(&self.root) || (above && self.root.parent() == Some(path));
        let is_shared_memory = path.as_os_str().as_bytes().ends_with(b"-shm");
        // Without a slash at its end.
        (is_ours && !is_shared_memory).then(|| path.components().collect())
    }

    /// Logs, or ends the process where its power goes.
    fn log(&self, record: &Record, _in_order: &MutexGuard<'_, Table>) {
        let is_flush = matches!(record, Record::Sync { .. } | Record::SyncDir { .. });
        self.control.change();
        if is_flush {
            self.control.flush();
        }
        raw::append(self.log, &record.encode());
        if is_flush {
            self.control.flush();
        }
    }
}

fn is_watched(descriptor: c_int) -> bool {
    usize::try_from(descriptor)
        .ok()
        .and_then(|at| WATCHED.get(at))
        .is_some_and(|watched| watched.load(Ordering::Acquire))
}

fn set_watched(descriptor: c_int, watched: bool) {
    let place = usize::try_from(descriptor)
        .ok()
        .and_then(|at| WATCHED.get(at));
    if let Some(place) = place {
        place.store(watched, Ordering::Release);
    }
}
