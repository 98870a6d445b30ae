//! The functions that stand in libc's place. Each is called as libc's manual says of its name.
//!
//! `open` takes its mode as a third argument always: on Linux's x86-64 and AArch64 a variadic call passes it in the same
//! register, and without `O_CREAT` nobody reads it.

use std::ffi::CStr;
use std::path::PathBuf;

use forgetful::Record;
use libc::{AT_FDCWD, c_char, c_int, c_void, iovec, mode_t, off_t, size_t, ssize_t};

use crate::{Open, Watch, is_watched, raw, set_watched, table, watch};

/// The path a caller gave.
///
/// # Safety
/// It is a string that ends with a zero byte, as every call here demands of its caller.
unsafe fn text<'a>(path: *const c_char) -> &'a CStr {
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(path) }
}

/// The watch, and the path if it is a watched one: absolute, as all of this program's are.
fn watched(path: &CStr, above: bool) -> Option<(&'static Watch, PathBuf)> {
    let watch = watch()?;
    watch.path(path, above).map(|path| (watch, path))
}

fn open_any(directory: c_int, name: &CStr, flags: c_int, mode: mode_t) -> c_int {
    let Some((watch, path)) = watched(name, true) else {
        return raw::open(directory, name, flags, mode);
    };
    let mut table = table();
    let existed = raw::exists(name);
    let descriptor = raw::open(directory, name, flags, mode);
    let Some(kind) = (descriptor >= 0).then(|| raw::kind(descriptor)).flatten() else {
        return descriptor;
    };
    let is_inside = path.starts_with(&watch.root);
    let inode = kind.inode;
    let mut open = Open {
        inode,
        directory: None,
    };
    if kind.is_directory {
        open.directory = Some(path);
    } else if !is_inside {
        return descriptor;
    } else if !existed {
        watch.log(&Record::Create { inode, path }, &table);
    } else {
        watch.log(&Record::Open { inode, path }, &table);
        if flags & libc::O_TRUNC != 0 {
            watch.log(&Record::Truncate { inode, length: 0 }, &table);
        }
    }
    table.insert(descriptor, open);
    set_watched(descriptor, true);
    descriptor
}

#[unsafe(no_mangle)]
unsafe extern "C" fn open(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: as the manual demands.
    open_any(AT_FDCWD, unsafe { text(path) }, flags, mode)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn open64(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: as the manual demands.
    open_any(AT_FDCWD, unsafe { text(path) }, flags, mode)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn openat(at: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: as the manual demands.
    open_any(at, unsafe { text(path) }, flags, mode)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn openat64(at: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: as the manual demands.
    open_any(at, unsafe { text(path) }, flags, mode)
}

#[unsafe(no_mangle)]
extern "C" fn close(descriptor: c_int) -> c_int {
    if is_watched(descriptor) {
        let mut table = table();
        table.remove(&descriptor);
        set_watched(descriptor, false);
    }
    raw::close(descriptor)
}

/// Logs what `record` makes of an open file, then carries the call out, with nobody between.
fn on_file<T>(
    descriptor: c_int,
    record: impl FnOnce(&Open) -> Record,
    call: impl FnOnce() -> T,
) -> T {
    let Some(watch) = is_watched(descriptor).then(watch).flatten() else {
        return call();
    };
    let table = table();
    let Some(open) = table.get(&descriptor) else {
        return call();
    };
    watch.log(&record(open), &table);
    call()
}

fn put(open: &Open, offset: u64, data: Vec<u8>) -> Record {
    Record::Write {
        inode: open.inode,
        offset,
        data,
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn write(descriptor: c_int, data: *const c_void, length: size_t) -> ssize_t {
    // SAFETY: as the manual demands.
    let record =
        |open: &Open| unsafe { put(open, raw::position(descriptor), raw::bytes(data, length)) };
    on_file(descriptor, record, || raw::write(descriptor, data, length))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn writev(descriptor: c_int, parts: *const iovec, count: c_int) -> ssize_t {
    let record = |open: &Open| {
        let count = usize::try_from(count).unwrap_or(0);
        // SAFETY: as the manual demands: so many parts, each so long.
        let data = unsafe {
            let parts = std::slice::from_raw_parts(parts, count);
            let all = parts
                .iter()
                .map(|part| raw::bytes(part.iov_base, part.iov_len));
            all.collect::<Vec<_>>().concat()
        };
        put(open, raw::position(descriptor), data)
    };
    on_file(descriptor, record, || raw::writev(descriptor, parts, count))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pwrite(
    descriptor: c_int,
    data: *const c_void,
    length: size_t,
    offset: off_t,
) -> ssize_t {
    let place = u64::try_from(offset).unwrap_or(0);
    // SAFETY: as the manual demands.
    let record = |open: &Open| put(open, place, unsafe { raw::bytes(data, length) });
    on_file(descriptor, record, || {
        raw::pwrite(descriptor, data, length, offset)
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pwrite64(
    descriptor: c_int,
    data: *const c_void,
    length: size_t,
    offset: off_t,
) -> ssize_t {
    // SAFETY: as the manual demands.
    unsafe { pwrite(descriptor, data, length, offset) }
}

#[unsafe(no_mangle)]
extern "C" fn ftruncate(descriptor: c_int, length: off_t) -> c_int {
    let record = |open: &Open| Record::Truncate {
        inode: open.inode,
        length: u64::try_from(length).unwrap_or(0),
    };
    on_file(descriptor, record, || raw::ftruncate(descriptor, length))
}

#[unsafe(no_mangle)]
extern "C" fn ftruncate64(descriptor: c_int, length: off_t) -> c_int {
    ftruncate(descriptor, length)
}

fn flushed(open: &Open) -> Record {
    open.directory
        .clone()
        .map_or(Record::Sync { inode: open.inode }, |path| Record::SyncDir {
            path,
        })
}

#[unsafe(no_mangle)]
extern "C" fn fsync(descriptor: c_int) -> c_int {
    if is_watched(descriptor) {
        return on_file(descriptor, flushed, || 0);
    }
    raw::fsync(descriptor)
}

#[unsafe(no_mangle)]
extern "C" fn fdatasync(descriptor: c_int) -> c_int {
    if is_watched(descriptor) {
        return on_file(descriptor, flushed, || 0);
    }
    raw::fdatasync(descriptor)
}

/// Logs a change of names that is going to happen, then carries it out.
fn on_name(
    name: &CStr,
    happens: impl FnOnce(bool) -> bool,
    record: impl FnOnce(PathBuf) -> Record,
    call: impl FnOnce() -> c_int,
) -> c_int {
    let Some((watch, path)) = watched(name, false) else {
        return call();
    };
    let table = table();
    if happens(raw::exists(name)) {
        watch.log(&record(path), &table);
    }
    call()
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    // SAFETY: as the manual demands.
    let (from, to) = unsafe { (text(from), text(to)) };
    let target = watched(to, false).map(|(_, path)| path);
    let record = |from| Record::Rename {
        from,
        to: target.unwrap_or_default(),
    };
    on_name(from, |there| there, record, || raw::rename(from, to))
}

fn unlink_any(at: c_int, path: &CStr, flags: c_int) -> c_int {
    let record = |path| Record::Remove { path };
    on_name(path, |there| there, record, || raw::unlink(at, path, flags))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn unlink(path: *const c_char) -> c_int {
    // SAFETY: as the manual demands.
    unlink_any(AT_FDCWD, unsafe { text(path) }, 0)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn unlinkat(at: c_int, path: *const c_char, flags: c_int) -> c_int {
    // SAFETY: as the manual demands.
    unlink_any(at, unsafe { text(path) }, flags)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rmdir(path: *const c_char) -> c_int {
    // SAFETY: as the manual demands.
    unlink_any(AT_FDCWD, unsafe { text(path) }, libc::AT_REMOVEDIR)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mkdir(path: *const c_char, mode: mode_t) -> c_int {
    // SAFETY: as the manual demands.
    let path = unsafe { text(path) };
    let record = |path| Record::MakeDir { path };
    on_name(
        path,
        |there| !there,
        record,
        || raw::mkdir(AT_FDCWD, path, mode),
    )
}
