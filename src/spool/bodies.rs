//! Bodies: small ones lie in their row, large ones as files named by member and packet, never shared between tenants.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

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
    /// Where bodies go that are taken away while a snapshot is made.
    aside: Arc<RwLock<Option<PathBuf>>>,
}

/// While it lives, bodies that are taken away are put aside instead.
#[derive(Debug)]
pub(super) struct Held(Arc<RwLock<Option<PathBuf>>>);

impl Drop for Held {
    fn drop(&mut self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
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
            aside: Arc::default(),
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
            let (bodies, path) = (self.clone(), path.clone());
            let _ = tokio::task::spawn_blocking(move || bodies.take_away(&path)).await;
        }
    }

    fn take_away(&self, path: &Path) -> io::Result<()> {
        let aside = self.aside.read().unwrap_or_else(PoisonError::into_inner);
        let shelf = path.parent().and_then(Path::file_name);
        match (&*aside, shelf, path.file_name()) {
            (Some(aside), Some(shelf), Some(name)) => {
                let shelf = aside.join(shelf);
                self.disk.make_dir(&shelf)?;
                self.disk.move_to(path, &shelf.join(name))
            }
            _ => self.disk.remove(path),
        }
    }

    /// Puts what is taken away from now on into `aside` instead, on the same disk; `None` while somebody else does.
    pub(super) fn hold(&self, aside: &Path) -> Option<Held> {
        let mut held = self.aside.write().unwrap_or_else(PoisonError::into_inner);
        if held.is_some() {
            return None;
        }
        *held = Some(aside.to_owned());
        Some(Held(self.aside.clone()))
    }

    /// Gives the body at `place` a second name below `aside`, unless it was put there meanwhile.
    pub(super) fn keep_aside(&self, place: &Place, aside: &Path) -> io::Result<()> {
        let (from, to) = (place.below(&self.directory), place.below(aside));
        if to.exists() {
            return Ok(());
        }
        if let Some(shelf) = to.parent() {
            self.disk.make_dir(shelf)?;
        }
        match self.disk.link(&from, &to) {
            // Taken away, and so put aside, just now.
            Err(_) if to.exists() => Ok(()),
            done => done,
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

/// Where the file of one body lies, below whatever directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    shelf: Shelf,
    packet: PacketId,
}

impl Place {
    pub(super) fn new(shelf: Shelf, packet: PacketId) -> Self {
        Self { shelf, packet }
    }

    /// The file.
    #[must_use]
    pub fn below(&self, directory: &Path) -> PathBuf {
        directory.join(&self.shelf.0).join(self.packet.to_string())
    }

    /// Its name, which can be no other path than that.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.shelf.0, self.packet)
    }

    /// Reads what [`Place::name`] writes and nothing else.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let (shelf, packet) = name.split_once('/')?;
        let member = shelf
            .strip_prefix("out-")
            .or_else(|| shelf.strip_prefix("in-"))?;
        let member: MemberId = member.parse().ok()?;
        let place = Self {
            shelf: if shelf.starts_with("out-") {
                Shelf::out_of(&member)
            } else {
                Shelf::into(&member)
            },
            packet: packet.parse().ok()?,
        };
        (place.name() == name).then_some(place)
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
