//! The numbers that this process and its test share.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use libc::AT_FDCWD;

use crate::raw;

/// A file mapped into both. Counts of 0 are never reached.
#[repr(C)]
struct Numbers {
    flushes_left: AtomicU64,
    changes_left: AtomicU64,
    is_out: AtomicU64,
    changes: AtomicU64,
}

pub(crate) struct Control(&'static Numbers);

impl Control {
    pub(crate) fn at(path: &Path) -> Option<Self> {
        let path = CString::new(path.as_os_str().as_bytes()).ok()?;
        let file = raw::open(AT_FDCWD, &path, libc::O_RDWR | libc::O_CLOEXEC, 0);
        let length = size_of::<Numbers>();
        if file < 0 || raw::kind(file)?.length < length as u64 {
            return None;
        }
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: the file is long enough, stays mapped to the process's end, and its numbers are atomic.
        let numbers = unsafe {
            let place = std::ptr::null_mut();
            let mapped = libc::mmap(place, length, access, libc::MAP_SHARED, file, 0);
            if mapped == libc::MAP_FAILED {
                return None;
            }
            &*mapped.cast::<Numbers>()
        };
        raw::close(file);
        Some(Self(numbers))
    }

    pub(crate) fn change(&self) {
        self.0.changes.fetch_add(1, Ordering::SeqCst);
        self.count(&self.0.changes_left);
    }

    pub(crate) fn flush(&self) {
        self.count(&self.0.flushes_left);
    }

    /// One less; the last ends the process.
    fn count(&self, left: &AtomicU64) {
        let less = |left: u64| left.checked_sub(1);
        if left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less) == Ok(1) {
            self.0.is_out.store(1, Ordering::SeqCst);
            // SAFETY: it ends this process, which is what a power cut does. The caller's lock keeps others waiting.
            unsafe {
                libc::kill(libc::getpid(), libc::SIGKILL);
            }
            loop {
                std::thread::park();
            }
        }
    }
}
