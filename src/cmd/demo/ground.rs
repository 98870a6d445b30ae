//! The directory in which the demo plays: its own, emptied at each run, never two at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use crate::durable::Disk;

/// An empty directory that is ours as long as this value lives.
#[derive(Debug)]
pub(super) struct Ground {
    path: PathBuf,
    _ours: File,
}

/// Says that a directory is the demo's, so that nothing else is ever removed.
const MARK: &str = ".trucgate-demo";

impl Ground {
    /// Removes what an earlier demo left.
    ///
    /// # Errors
    /// When the directory holds something else, or another demo plays in it.
    pub(super) fn clear(path: &Path) -> Result<Self, String> {
        let path = std::path::absolute(path).map_err(|error| error.to_string())?;
        let told = |error: std::io::Error| format!("{}: {error}", path.display());
        let mark = path.join(MARK);
        let empty = match std::fs::read_dir(&path) {
            Ok(mut entries) => entries.next().is_none(),
            Err(_) => true,
        };
        if !empty && !mark.exists() {
            return Err(format!(
                "{} không phải thư mục của demo nên không bị xoá; hãy chọn --directory khác / it is not the demo's, so it stays as it is",
                path.display()
            ));
        }
        Disk::real().make_dir(&path).map_err(told)?;
        let ours = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&mark)
            .map_err(told)?;
        match ours.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(format!(
                    "một demo khác đang chạy ở {}; hãy dừng nó trước (Ctrl-C) / another demo runs there",
                    path.display()
                ));
            }
            Err(TryLockError::Error(error)) => return Err(told(error)),
        }
        for entry in std::fs::read_dir(&path).map_err(told)? {
            let entry = entry.map_err(told)?;
            if entry.file_name() == MARK {
                continue;
            }
            remove(&entry.path()).map_err(told)?;
        }
        Ok(Self { path, _ours: ours })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

fn remove(path: &Path) -> std::io::Result<()> {
    if path.symlink_metadata()?.is_dir() {
        std::fs::remove_dir_all(path)
    } else {
        Disk::real().remove(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_demo_left_is_removed() {
        let above = tempfile::tempdir().unwrap();
        let path = above.path().join("demo");
        drop(Ground::clear(&path).unwrap());
        let left = path.join("box-1");
        Disk::real().make_dir(&left).unwrap();
        drop(Ground::clear(&path).unwrap());
        assert!(!left.exists());
        let theirs = above.path().join("theirs");
        Disk::real().make_dir(&theirs.join("letters")).unwrap();
        Ground::clear(&theirs).unwrap_err();
        assert!(theirs.join("letters").exists());
    }

    #[test]
    fn two_demos_never_share_a_directory() {
        let above = tempfile::tempdir().unwrap();
        let first = Ground::clear(above.path()).unwrap();
        assert!(Ground::clear(above.path()).unwrap_err().contains("demo"));
        drop(first);
        Ground::clear(above.path()).unwrap();
    }
}
