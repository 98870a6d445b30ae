//! The entries of the loader: one kernel image a slot, whose name says its version and how often it may still be tried
//! (Automatic Boot Assessment of systemd).

use std::io;
use std::path::{Path, PathBuf};

use super::Version;
use crate::durable::Disk;

/// The directory of kernel images.
#[derive(Clone, Debug)]
pub struct Esp {
    images: PathBuf,
    product: String,
}

/// A kernel image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its version.
    pub version: Version,
    /// Tries that are left; `None` where it is not counted.
    pub left: Option<u32>,
    /// Tries that have failed, or were not yet found good.
    pub done: u32,
    path: PathBuf,
}

impl Entry {
    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the loader takes it only where there is nothing else.
    #[must_use]
    pub fn is_given_up(&self) -> bool {
        self.left == Some(0)
    }
}

impl Esp {
    /// Of the file system at `mounted`, for the images of `product`.
    #[must_use]
    pub fn at(mounted: &Path, product: &str) -> Self {
        Self {
            images: mounted.join("EFI/Linux"),
            product: product.to_owned(),
        }
    }

    /// All entries of the product, the newest first.
    ///
    /// # Errors
    /// When the directory can't be read.
    pub fn entries(&self) -> io::Result<Vec<Entry>> {
        let mut found = Vec::new();
        for file in std::fs::read_dir(&self.images)? {
            let path = file?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            if let Some((version, left, done)) = name.and_then(|name| self.parse(name)) {
                found.push(Entry {
                    version,
                    left,
                    done,
                    path,
                });
            }
        }
        found.sort_by_key(|entry| std::cmp::Reverse(entry.version));
        Ok(found)
    }

    /// The entry of one version.
    ///
    /// # Errors
    /// As [`Esp::entries`].
    pub fn entry(&self, version: Version) -> io::Result<Option<Entry>> {
        Ok(self
            .entries()?
            .into_iter()
            .find(|entry| entry.version == version))
    }

    /// Takes away what a transfer that was cut off has left: the loader passes hidden files by, but they take room.
    ///
    /// # Errors
    /// When one can't be removed.
    pub fn sweep(&self, disk: &Disk) -> io::Result<()> {
        for file in std::fs::read_dir(&self.images)? {
            let file = file?;
            let name = file.file_name();
            if name.to_string_lossy().starts_with(".#sysupdate") {
                disk.remove(&file.path())?;
            }
        }
        Ok(())
    }

    /// Puts an entry behind the others: the loader takes it only when the others have failed. Its own success, should it
    /// come to that, counts it good again.
    ///
    /// # Errors
    /// When it can't be renamed.
    pub fn put_behind(&self, disk: &Disk, entry: &Entry) -> io::Result<()> {
        if entry.is_given_up() {
            return Ok(());
        }
        let name = format!("{}_{}+0-{}.efi", self.product, entry.version, entry.done);
        disk.rename(&entry.path, &self.images.join(name))
    }

    /// `PRODUCT_VERSION[+LEFT[-DONE]].efi`.
    fn parse(&self, name: &str) -> Option<(Version, Option<u32>, u32)> {
        let name = name.strip_suffix(".efi")?;
        let name = name.strip_prefix(&self.product)?.strip_prefix('_')?;
        let Some((version, tries)) = name.split_once('+') else {
            return Some((name.parse().ok()?, None, 0));
        };
        let (left, done) = tries.split_once('-').unwrap_or((tries, "0"));
        Some((
            version.parse().ok()?,
            Some(left.parse().ok()?),
            done.parse().ok()?,
        ))
    }
}
