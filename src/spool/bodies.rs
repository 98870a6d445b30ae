//! Bodies: small ones lie in their row, large ones as files named by member and packet, never shared between tenants.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::strays::Standing;
use crate::durable::{Disk, Draft, free_bytes, is_leftover};
use crate::packet::{MemberId, PacketId};

/// Bodies up to this many bytes lie in the row (by measurement: beyond it a file of its own is faster).
pub(super) const INLINE: usize = 32 * 1024;

/// Where a body lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// In memory, from or for its row.
    Inline(Arc<[u8]>),
    /// A whole, synced file.
    File(PathBuf),
}

/// The files of large bodies, on shelves that nobody shares. A cheap handle.
#[derive(Clone, Debug)]
pub struct Bodies {
    disk: Disk,
    directory: Arc<Path>,
}

impl Bodies {
    /// Below `directory`, made when missing; files that a power cut left half written are swept away.
    ///
    /// # Errors
    /// When the directory can't be made or read.
    pub fn open(disk: Disk, directory: &Path) -> io::Result<Self> {
        disk.make_dir(directory)?;
        for shelf in std::fs::read_dir(directory)? {
            let shelf = shelf?.path();
            if shelf.is_dir() {
                sweep(&disk, &shelf)?;
            }
        }
        Ok(Self {
            disk,
            directory: directory.into(),
        })
    }

    /// A place for a body.
    #[must_use]
    pub fn intake(&self, shelf: &Shelf, packet: PacketId) -> Intake {
        Intake {
            disk: self.disk.clone(),
            path: self.path(shelf, packet),
            start: Vec::new(),
            draft: None,
        }
    }

    /// A body as its row tells it: in the row, or else in its file.
    #[must_use]
    pub fn locate(&self, row: Option<Vec<u8>>, shelf: &Shelf, packet: PacketId) -> Body {
        match row {
            Some(bytes) => Body::Inline(bytes.into()),
            None => Body::File(self.path(shelf, packet)),
        }
    }

    /// Takes a body's file away. One that can't be removed only takes room, so the failure is not told.
    pub async fn remove(&self, body: &Body) {
        if let Body::File(path) = body {
            let (disk, path) = (self.disk.clone(), path.clone());
            let _ = tokio::task::spawn_blocking(move || disk.remove(&path)).await;
        }
    }

    /// Bytes that are free where bodies lie.
    ///
    /// # Errors
    /// When the disk can't be asked.
    pub fn free_bytes(&self) -> io::Result<u64> {
        free_bytes(&self.directory)
    }

    /// All whole bodies.
    pub(super) fn standing(&self) -> io::Result<Vec<Standing>> {
        let mut all = Vec::new();
        for shelf in std::fs::read_dir(&self.directory)? {
            let shelf = shelf?;
            if !shelf.path().is_dir() {
                continue;
            }
            for file in std::fs::read_dir(shelf.path())? {
                let file = file?;
                if let Ok(packet) = file.file_name().to_string_lossy().parse() {
                    all.push(Standing {
                        shelf: Shelf(shelf.file_name().to_string_lossy().into_owned()),
                        packet,
                        path: file.path(),
                    });
                }
            }
        }
        Ok(all)
    }

    fn path(&self, shelf: &Shelf, packet: PacketId) -> PathBuf {
        self.directory.join(&shelf.0).join(packet.to_string())
    }
}

/// Whose bodies stand together: a member's outgoing, a member's incoming, or the hub's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shelf(String);

impl Shelf {
    /// What a member sends.
    #[must_use]
    pub fn out_of(member: &MemberId) -> Self {
        Self(format!("out-{member}"))
    }

    /// What comes for a member.
    #[must_use]
    pub fn into(member: &MemberId) -> Self {
        Self(format!("in-{member}"))
    }

    /// What the hub holds of a sender.
    #[must_use]
    pub fn at_hub(sender: &MemberId) -> Self {
        Self(format!("hub-{sender}"))
    }

    /// The member whose outgoing bodies stand here.
    pub(super) fn outgoing(&self) -> Option<&str> {
        self.0.strip_prefix("out-")
    }

    /// The member whose incoming bodies stand here.
    pub(super) fn incoming(&self) -> Option<&str> {
        self.0.strip_prefix("in-")
    }
}

fn sweep(disk: &Disk, directory: &Path) -> io::Result<()> {
    for file in std::fs::read_dir(directory)? {
        let file = file?.path();
        if is_leftover(&file) {
            disk.remove(&file)?;
        }
    }
    Ok(())
}

/// A body on its way in: held in memory while small, then in a file without a name. Dropped, it leaves nothing.
#[derive(Debug)]
pub struct Intake {
    disk: Disk,
    path: PathBuf,
    start: Vec<u8>,
    draft: Option<Draft>,
}

impl Intake {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// What the disk reports.
    pub fn feed(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some(draft) = &mut self.draft {
            return draft.append(bytes);
        }
        if self.start.len() + bytes.len() <= INLINE {
            self.start.extend_from_slice(bytes);
            return Ok(());
        }
        if let Some(directory) = self.path.parent() {
            self.disk.make_dir(directory)?;
        }
        let draft = self.draft.insert(self.disk.draft(&self.path)?);
        draft.append(&std::mem::take(&mut self.start))?;
        draft.append(bytes)
    }

    /// Makes the body durable. A small one becomes durable only with its row.
    ///
    /// # Errors
    /// What the disk reports.
    pub async fn finish(self) -> io::Result<Body> {
        let Some(draft) = self.draft else {
            return Ok(Body::Inline(self.start.into()));
        };
        tokio::task::spawn_blocking(|| draft.finish())
            .await
            .map_err(io::Error::other)??;
        Ok(Body::File(self.path))
    }
}
