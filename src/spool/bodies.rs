//! Bodies: small ones lie in their row, large ones as files named by member and packet, never shared between tenants.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::durable::{Disk, Draft, is_leftover};
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

#[derive(Clone, Debug)]
pub(super) struct Bodies {
    disk: Disk,
    directory: Arc<Path>,
}

impl Bodies {
    pub(super) fn open(disk: Disk, directory: &Path) -> io::Result<Self> {
        disk.make_dir(directory)?;
        for side in std::fs::read_dir(directory)? {
            let side = side?.path();
            if side.is_dir() {
                sweep(&disk, &side)?;
            }
        }
        Ok(Self {
            disk,
            directory: directory.into(),
        })
    }

    /// `side` keeps what goes out apart from what comes in: one packet may do both on a shared box.
    pub(super) fn path(&self, side: Side, member: &MemberId, packet: PacketId) -> PathBuf {
        self.directory
            .join(format!("{}-{member}", side.letter()))
            .join(packet.to_string())
    }

    pub(super) fn intake(&self, side: Side, member: &MemberId, packet: PacketId) -> Intake {
        Intake {
            disk: self.disk.clone(),
            path: self.path(side, member, packet),
            start: Vec::new(),
            draft: None,
        }
    }

    pub(super) fn disk(&self) -> &Disk {
        &self.disk
    }

    /// A body as its row tells it.
    pub(super) fn locate(
        &self,
        row: Option<Vec<u8>>,
        side: Side,
        member: &MemberId,
        packet: PacketId,
    ) -> Body {
        match row {
            Some(bytes) => Body::Inline(bytes.into()),
            None => Body::File(self.path(side, member, packet)),
        }
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

/// Which way a body goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Out,
    In,
}

impl Side {
    fn letter(self) -> char {
        match self {
            Self::Out => 'o',
            Self::In => 'i',
        }
    }
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
