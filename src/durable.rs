//! The one file that changes the disk: returned means durable. Every change passes [`Disk::step`], where tests make it fail.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};

/// A change of the disk, named for the test that makes it fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// Bytes appended to a file that nobody knows of yet.
    Append,
    /// A file's content forced to the disk.
    Sync,
    /// A finished file given its name.
    Rename,
    /// A directory's entries forced to the disk.
    SyncDir,
    /// A file taken away.
    Remove,
    /// A group of transactions committed to the store.
    Commit,
}

/// What a test's fault plan says of one change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Do it.
    Do,
    /// Report failure without doing it.
    NotDone,
    /// Do it, then report failure.
    DoneButFailed,
}

/// A plan of faults, asked before every change of the disk.
pub trait Faults: Send + Sync {
    /// The verdict on the next change.
    fn next(&self, op: Op) -> Verdict;
}

/// A cheap handle to the machine's disk.
#[derive(Clone, Default)]
pub struct Disk {
    faults: Option<Arc<dyn Faults>>,
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.faults.is_some() {
            "Disk(faulty)"
        } else {
            "Disk"
        })
    }
}

impl Disk {
    /// The disk as it is.
    #[must_use]
    pub fn real() -> Self {
        Self::default()
    }

    /// A disk that fails as `faults` says (tests).
    #[must_use]
    pub fn failing(faults: Arc<dyn Faults>) -> Self {
        Self {
            faults: Some(faults),
        }
    }

    /// Performs one change, or fails it as the plan says.
    ///
    /// # Errors
    /// What `change` reports, or the planned fault.
    pub fn step<T>(&self, op: Op, change: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        match self.faults.as_ref().map_or(Verdict::Do, |f| f.next(op)) {
            Verdict::Do => change(),
            Verdict::NotDone => Err(planned(op)),
            Verdict::DoneButFailed => {
                change()?;
                Err(planned(op))
            }
        }
    }

    /// Puts `bytes` under `path`, whole or not at all, replacing what was there: temporary file, sync, rename, directory sync.
    ///
    /// # Errors
    /// The first step that failed; the old content is still there unless only the last step failed.
    pub fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut draft = self.draft(path)?;
        draft.append(bytes)?;
        draft.finish()
    }

    /// As [`Disk::replace`], readable for this user alone: PINs and other secrets.
    ///
    /// # Errors
    /// As [`Disk::replace`].
    pub fn replace_secret(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        use std::os::unix::fs::PermissionsExt;
        let mut draft = self.draft(path)?;
        draft
            .file
            .set_permissions(std::fs::Permissions::from_mode(0o600))?;
        draft.append(bytes)?;
        draft.finish()
    }

    /// Gives a file another name in its directory, durably, replacing what bore that name.
    ///
    /// # Errors
    /// The step that failed; the file then has one name or the other.
    pub fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step(Op::Rename, || rename(from, to))?;
        self.sync_dir(parent(to)?)
    }

    /// Starts a file that gets its name `path` only when it is whole and durable.
    ///
    /// # Errors
    /// When the temporary file can't be made.
    pub fn draft(&self, path: &Path) -> io::Result<Draft> {
        let temporary = temporary_of(path)?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&temporary)?;
        Ok(Draft {
            disk: self.clone(),
            file,
            temporary,
            path: path.to_owned(),
            named: false,
        })
    }

    /// Takes a file away durably; one that is not there is no error.
    ///
    /// # Errors
    /// When the file is there and can't be removed.
    pub fn remove(&self, path: &Path) -> io::Result<()> {
        self.step(Op::Remove, || match remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        })?;
        self.sync_dir(parent(path)?)
    }

    /// Gives a file or directory another name on the same disk, durably; what had that name is replaced.
    ///
    /// # Errors
    /// The step that failed; it has one of the two names.
    pub fn move_to(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step(Op::Rename, || rename(from, to))?;
        self.sync_dir(parent(to)?)?;
        self.sync_dir(parent(from)?)
    }

    /// Gives a file a second name on the same disk.
    ///
    /// # Errors
    /// When there is no such file, or the name is taken.
    pub fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step(Op::Rename, || std::fs::hard_link(from, to))
    }

    /// Takes a directory away with all that is in it; one that is not there is no error.
    ///
    /// # Errors
    /// When something of it can't be removed.
    pub fn remove_tree(&self, path: &Path) -> io::Result<()> {
        self.step(Op::Remove, || match std::fs::remove_dir_all(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        })?;
        self.sync_dir(parent(path)?)
    }

    /// Makes a directory and its parents, durably, for this user alone.
    ///
    /// # Errors
    /// When one of them can't be made.
    pub fn make_dir(&self, path: &Path) -> io::Result<()> {
        use std::os::unix::fs::DirBuilderExt;
        if path.is_dir() {
            return Ok(());
        }
        if let Some(above) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
            self.make_dir(above)?;
        }
        match std::fs::DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            done => done?,
        }
        self.sync_dir(parent(path)?)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.step(Op::SyncDir, || File::open(path)?.sync_all())
    }
}

/// A file on its way: without a name until [`Draft::finish`], gone if it is dropped before.
#[derive(Debug)]
pub struct Draft {
    disk: Disk,
    file: File,
    temporary: PathBuf,
    path: PathBuf,
    named: bool,
}

impl Draft {
    /// Appends bytes; nothing is durable yet.
    ///
    /// # Errors
    /// What the write reports, a full disk among it.
    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let file = &mut self.file;
        self.disk.step(Op::Append, || file.write_all(bytes))
    }

    /// What has been written, to be read back: also when the file has got its name, and when that has become another's.
    ///
    /// # Errors
    /// When there is no handle left.
    pub fn written(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Fills the file up with zeros to `length` bytes, which take no room on the disk; one that is longer stays as it is.
    ///
    /// # Errors
    /// What the file system reports.
    pub fn lengthen(&mut self, length: u64) -> io::Result<()> {
        let file = &mut self.file;
        self.disk.step(Op::Append, || {
            let longer = length > file.metadata()?.len();
            if longer { file.set_len(length) } else { Ok(()) }
        })
    }

    /// Forces the content to the disk, gives the file its name and forces that too.
    ///
    /// # Errors
    /// The step that failed; after a failure the file may or may not have its name, and a repetition replaces it.
    pub fn finish(mut self) -> io::Result<()> {
        let (disk, file) = (&self.disk, &self.file);
        disk.step(Op::Sync, || file.sync_data())?;
        disk.step(Op::Rename, || rename(&self.temporary, &self.path))?;
        self.named = true;
        disk.sync_dir(parent(&self.path)?)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.named {
            // A leftover is swept at the next start, so a failure here loses nothing.
            let _ = remove_file(&self.temporary);
        }
    }
}

/// Drops what the kernel remembers of a file or disk that was synced, so that the next read comes from the disk itself.
///
/// # Errors
/// When the kernel refuses.
pub fn forget(file: &File) -> io::Result<()> {
    posix_fadvise(file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED).map_err(io::Error::from)
}

/// Bytes that an unprivileged user may still write on the disk that holds `path`.
///
/// # Errors
/// When the disk can't be asked.
pub fn free_bytes(path: &Path) -> io::Result<u64> {
    let disk = nix::sys::statvfs::statvfs(path)?;
    Ok(disk.blocks_available().saturating_mul(disk.fragment_size()))
}

/// Whether a file's name is that of a [`Draft`] that was never finished.
#[must_use]
pub fn is_leftover(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "part")
}

fn temporary_of(path: &Path) -> io::Result<PathBuf> {
    let mut name = path
        .file_name()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a path without a file name"))?
        .to_owned();
    name.push(".part");
    Ok(path.with_file_name(name))
}

fn parent(path: &Path) -> io::Result<&Path> {
    path.parent()
        .map(|p| {
            if p.as_os_str().is_empty() {
                Path::new(".")
            } else {
                p
            }
        })
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a path without a directory"))
}

fn planned(op: Op) -> io::Error {
    io::Error::other(format!("planned fault at {op:?}"))
}

#[expect(clippy::disallowed_methods, reason = "this is the door to the disk")]
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::rename(from, to)
}

#[expect(clippy::disallowed_methods, reason = "this is the door to the disk")]
fn remove_file(path: &Path) -> io::Result<()> {
    std::fs::remove_file(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    struct FailAt(AtomicUsize, usize, Verdict);

    impl Faults for FailAt {
        fn next(&self, _: Op) -> Verdict {
            if self.0.fetch_add(1, Ordering::Relaxed) == self.1 {
                self.2
            } else {
                Verdict::Do
            }
        }
    }

    #[test]
    fn a_failed_replacement_leaves_the_old_or_the_new_content_whole() {
        for verdict in [Verdict::NotDone, Verdict::DoneButFailed] {
            for index in 0..4 {
                let dir = tempfile::tempdir().unwrap();
                let path = dir.path().join("file");
                Disk::real().replace(&path, b"old").unwrap();
                let disk = Disk::failing(Arc::new(FailAt(AtomicUsize::new(0), index, verdict)));
                assert!(disk.replace(&path, b"new").is_err(), "fault {index}");
                let seen = std::fs::read(&path).unwrap();
                assert!(seen == b"old" || seen == b"new", "fault {index}: {seen:?}");
                disk.replace(&path, b"new").unwrap();
                assert_eq!(std::fs::read(&path).unwrap(), b"new");
            }
        }
    }

    #[test]
    fn what_moves_is_whole_under_its_new_name_and_a_second_name_stays() {
        let dir = tempfile::tempdir().unwrap();
        let (disk, at) = (Disk::real(), |name: &str| dir.path().join(name));
        disk.make_dir(&at("old/in")).unwrap();
        disk.replace(&at("old/in/file"), b"body").unwrap();
        disk.link(&at("old/in/file"), &at("second")).unwrap();
        disk.move_to(&at("old"), &at("new")).unwrap();
        assert_eq!(std::fs::read(at("new/in/file")).unwrap(), b"body");
        disk.remove_tree(&at("new")).unwrap();
        disk.remove_tree(&at("new")).unwrap();
        assert_eq!(std::fs::read(at("second")).unwrap(), b"body");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_dropped_draft_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let mut draft = Disk::real().draft(&dir.path().join("body")).unwrap();
        draft.append(b"half").unwrap();
        drop(draft);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
