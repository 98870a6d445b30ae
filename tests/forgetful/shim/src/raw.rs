//! The kernel's calls themselves, past libc's functions that this library replaces.

use std::ffi::{CStr, CString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use libc::{AT_FDCWD, c_int, c_long, c_uint, c_void, iovec, mode_t, off_t, size_t};

/// Calls the kernel; sets `errno` as libc does.
macro_rules! kernel {
    ($number:expr $(, $argument:expr)*) => {
        // SAFETY: the arguments are those that the caller gave for the call of that number.
        unsafe { libc::syscall($number $(, $argument as c_long)*) }
    };
}

pub(crate) fn open(directory: c_int, path: &CStr, flags: c_int, mode: mode_t) -> c_int {
    kernel!(libc::SYS_openat, directory, path.as_ptr(), flags, mode) as c_int
}

pub(crate) fn close(descriptor: c_int) -> c_int {
    kernel!(libc::SYS_close, descriptor) as c_int
}

pub(crate) fn write(descriptor: c_int, data: *const c_void, length: size_t) -> isize {
    kernel!(libc::SYS_write, descriptor, data, length) as isize
}

pub(crate) fn pwrite(
    descriptor: c_int,
    data: *const c_void,
    length: size_t,
    offset: off_t,
) -> isize {
    kernel!(libc::SYS_pwrite64, descriptor, data, length, offset) as isize
}

pub(crate) fn writev(descriptor: c_int, parts: *const iovec, count: c_int) -> isize {
    kernel!(libc::SYS_writev, descriptor, parts, count) as isize
}

pub(crate) fn ftruncate(descriptor: c_int, length: off_t) -> c_int {
    kernel!(libc::SYS_ftruncate, descriptor, length) as c_int
}

pub(crate) fn fsync(descriptor: c_int) -> c_int {
    kernel!(libc::SYS_fsync, descriptor) as c_int
}

pub(crate) fn fdatasync(descriptor: c_int) -> c_int {
    kernel!(libc::SYS_fdatasync, descriptor) as c_int
}

pub(crate) fn rename(from: &CStr, to: &CStr) -> c_int {
    kernel!(
        libc::SYS_renameat2,
        AT_FDCWD,
        from.as_ptr(),
        AT_FDCWD,
        to.as_ptr(),
        0
    ) as c_int
}

pub(crate) fn unlink(directory: c_int, path: &CStr, flags: c_int) -> c_int {
    kernel!(libc::SYS_unlinkat, directory, path.as_ptr(), flags) as c_int
}

pub(crate) fn mkdir(directory: c_int, path: &CStr, mode: mode_t) -> c_int {
    kernel!(libc::SYS_mkdirat, directory, path.as_ptr(), mode as c_uint) as c_int
}

/// Whether something has that name.
pub(crate) fn exists(path: &CStr) -> bool {
    kernel!(libc::SYS_faccessat, AT_FDCWD, path.as_ptr(), libc::F_OK) == 0
}

/// What is open under a descriptor.
pub(crate) struct Kind {
    pub(crate) inode: u64,
    pub(crate) length: u64,
    pub(crate) is_directory: bool,
}

pub(crate) fn kind(descriptor: c_int) -> Option<Kind> {
    // SAFETY: all zeros is a valid `stat`, and the kernel fills it in.
    let (told, stat) = unsafe {
        let mut stat: libc::stat = std::mem::zeroed();
        (libc::fstat(descriptor, &raw mut stat), stat)
    };
    (told == 0).then(|| Kind {
        inode: stat.st_ino,
        length: u64::try_from(stat.st_size).unwrap_or(0),
        is_directory: stat.st_mode & libc::S_IFMT == libc::S_IFDIR,
    })
}

/// Where the next plain write goes.
pub(crate) fn position(descriptor: c_int) -> u64 {
    // SAFETY: both only ask.
    let (flags, here) = unsafe {
        (
            libc::fcntl(descriptor, libc::F_GETFL),
            libc::lseek(descriptor, 0, libc::SEEK_CUR),
        )
    };
    if flags & libc::O_APPEND == 0 {
        u64::try_from(here).unwrap_or(0)
    } else {
        kind(descriptor).map_or(0, |kind| kind.length)
    }
}

/// The bytes that a caller wants written.
///
/// # Safety
/// As for `write`: so many bytes are there to be read.
pub(crate) unsafe fn bytes(data: *const c_void, length: size_t) -> Vec<u8> {
    if length == 0 {
        return Vec::new();
    }
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(data.cast::<u8>(), length) }.to_vec()
}

/// Opens the log.
pub(crate) fn open_log(path: &Path) -> Option<c_int> {
    let path = CString::new(path.as_os_str().as_bytes()).ok()?;
    let flags = libc::O_WRONLY | libc::O_APPEND | libc::O_CLOEXEC;
    let log = open(AT_FDCWD, &path, flags, 0);
    (log >= 0).then_some(log)
}

/// Appends all bytes to the log; a log that can't be written ends the process.
pub(crate) fn append(log: c_int, mut record: &[u8]) {
    while !record.is_empty() {
        match usize::try_from(write(log, record.as_ptr().cast(), record.len())) {
            Ok(written) => record = &record[written..],
            Err(_) => std::process::abort(),
        }
    }
}
