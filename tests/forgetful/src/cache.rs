//! A directory as it stands in the page cache, and what of it the disk has.
//!
//! The model is the harshest that POSIX allows and SQLite is built for: a flush of a file makes its content durable and
//! not its name; a name needs the flush of its directory; of what was not flushed any sectors may be there and any not.
//! What a write does not touch it does not harm (SQLite's *power-safe overwrite*), and the names of one directory become
//! durable in their order, as every journalling file system keeps them.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};

use crate::chance::Chance;
use crate::record::Record;

/// What lies under a path; `None` is a directory.
pub type Contents = BTreeMap<PathBuf, Option<Vec<u8>>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Node {
    Directory,
    File(usize),
}

type Tree = BTreeMap<PathBuf, Node>;

/// A change of a file's content.
#[derive(Clone, Debug)]
enum Change {
    Write { offset: usize, data: Vec<u8> },
    Truncate(usize),
}

/// A change of a directory's entries.
#[derive(Clone, Debug)]
enum Naming {
    Link(PathBuf, Node),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

#[derive(Clone, Debug, Default)]
struct File {
    durable: Vec<u8>,
    pending: Vec<Change>,
}

/// The directory, its files and what was not flushed yet.
#[derive(Clone, Debug, Default)]
pub struct Cache {
    files: Vec<File>,
    inodes: HashMap<u64, usize>,
    now: Tree,
    durable: Tree,
    pending: Vec<(PathBuf, Naming)>,
}

/// How a cut treats what was not flushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// All of it is gone.
    Nothing,
    /// What came first is there, the next write torn.
    First,
    /// Of each write some sectors of that many bytes are there.
    Sectors(usize),
}

/// SQLite's shared memory: rebuilt from the log by the first to open a database, whatever lies there.
pub(crate) fn is_shared_memory(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(b"-shm")
}

impl Cache {
    /// All below `root` as it lies there, durable.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn load(root: &Path) -> io::Result<Self> {
        let mut cache = Self::default();
        for (path, content) in read(root)? {
            let node = content.map_or(Node::Directory, |durable| {
                cache.files.push(File {
                    durable,
                    pending: Vec::new(),
                });
                Node::File(cache.files.len() - 1)
            });
            cache.now.insert(path, node);
        }
        cache.durable = cache.now.clone();
        Ok(cache)
    }

    /// Follows one call of the process.
    ///
    /// # Errors
    /// What the log can't mean: a call was not logged.
    pub fn follow(&mut self, record: Record) -> Result<(), String> {
        match record {
            Record::Create { inode, path } => {
                self.files.push(File::default());
                self.inodes.insert(inode, self.files.len() - 1);
                self.name(
                    &path.clone(),
                    Naming::Link(path, Node::File(self.files.len() - 1)),
                );
            }
            Record::Open { inode, path } => match self.now.get(&path) {
                Some(Node::File(file)) => {
                    self.inodes.insert(inode, *file);
                }
                other => return Err(format!("{} opened, which is {other:?}", path.display())),
            },
            Record::Write {
                inode,
                offset,
                data,
            } => {
                let offset = usize::try_from(offset).map_err(|e| e.to_string())?;
                self.file(inode)?
                    .pending
                    .push(Change::Write { offset, data });
            }
            Record::Truncate { inode, length } => {
                let length = usize::try_from(length).map_err(|e| e.to_string())?;
                self.file(inode)?.pending.push(Change::Truncate(length));
            }
            Record::Sync { inode } => {
                let file = self.file(inode)?;
                for change in std::mem::take(&mut file.pending) {
                    change.apply(&mut file.durable);
                }
            }
            Record::SyncDir { path } => {
                let (flushed, left) = std::mem::take(&mut self.pending)
                    .into_iter()
                    .partition(|(directory, _)| *directory == path);
                self.pending = left;
                let flushed: Vec<(PathBuf, Naming)> = flushed;
                for (_, naming) in flushed {
                    naming.apply(&mut self.durable);
                }
            }
            Record::Rename { from, to } => self.name(&to.clone(), Naming::Rename(from, to)),
            Record::Remove { path } => self.name(&path.clone(), Naming::Remove(path)),
            Record::MakeDir { path } => {
                self.name(&path.clone(), Naming::Link(path, Node::Directory));
            }
        }
        Ok(())
    }

    fn file(&mut self, inode: u64) -> Result<&mut File, String> {
        let file = self.inodes.get(&inode).ok_or("a file nobody opened")?;
        Ok(&mut self.files[*file])
    }

    fn name(&mut self, path: &Path, naming: Naming) {
        naming.clone().apply(&mut self.now);
        let directory = path.parent().unwrap_or(path).to_owned();
        self.pending.push((directory, naming));
    }

    /// As the process saw it.
    #[must_use]
    pub fn seen(&self) -> Contents {
        self.contents(&self.now, |file| {
            let mut content = file.durable.clone();
            for change in &file.pending {
                change.clone().apply(&mut content);
            }
            content
        })
    }

    /// Changes that nobody has flushed: of contents and of names.
    #[must_use]
    pub fn unflushed(&self) -> (usize, usize) {
        let contents = self.files.iter().map(|file| file.pending.len()).sum();
        (contents, self.pending.len())
    }

    /// A tree with its files' contents; what lies in a directory that is lost is lost.
    fn contents(&self, tree: &Tree, mut of: impl FnMut(&File) -> Vec<u8>) -> Contents {
        let mut all = Contents::new();
        let above = |path: &Path| path.parent().map(Path::to_owned).unwrap_or_default();
        let top = tree.keys().next().map(|path| above(path));
        for (path, node) in tree {
            let above = above(path);
            if Some(&above) != top.as_ref() && !all.contains_key(&above) {
                continue;
            }
            let content = match node {
                Node::Directory => None,
                Node::File(file) => Some(of(&self.files[*file])),
            };
            all.insert(path.clone(), content);
        }
        all
    }

    /// What a disk may hold after a power cut.
    pub fn after_cut(&self, keep: Keep, chance: &mut Chance) -> Contents {
        let mut names = self.durable.clone();
        let mut ended: Vec<&PathBuf> = Vec::new();
        for (directory, naming) in &self.pending {
            // In their order, so that the first that is lost is the last.
            if keep == Keep::Nothing || ended.contains(&directory) || chance.below(4) == 0 {
                ended.push(directory);
            } else {
                naming.clone().apply(&mut names);
            }
        }
        let share = chance.below(101);
        self.contents(&names, |file| file.after_cut(keep, share, chance))
    }
}

impl File {
    fn after_cut(&self, keep: Keep, share: u64, chance: &mut Chance) -> Vec<u8> {
        let mut content = self.durable.clone();
        match keep {
            Keep::Nothing => {}
            Keep::First => {
                let whole = chance.index(self.pending.len() + 1);
                for change in &self.pending[..whole] {
                    change.clone().apply(&mut content);
                }
                if let Some(Change::Write { offset, data }) = self.pending.get(whole) {
                    let torn = chance.index(data.len() / SECTOR + 1) * SECTOR;
                    put(&mut content, *offset, &data[..torn]);
                }
            }
            Keep::Sectors(size) => {
                for change in &self.pending {
                    match change {
                        Change::Truncate(_) if chance.below(100) < share => {
                            change.clone().apply(&mut content);
                        }
                        Change::Truncate(_) => {}
                        Change::Write { offset, data } => {
                            for (at, piece) in sectors(*offset, data, size) {
                                if chance.below(100) < share {
                                    put(&mut content, at, piece);
                                }
                            }
                        }
                    }
                }
            }
        }
        content
    }
}

/// The smallest piece that a disk writes whole.
pub const SECTOR: usize = 512;

/// A write in pieces that end where sectors end.
fn sectors(offset: usize, mut data: &[u8], size: usize) -> Vec<(usize, &[u8])> {
    let (mut all, mut at) = (Vec::new(), offset);
    while !data.is_empty() {
        let length = (size - at % size).min(data.len());
        let (piece, rest) = data.split_at(length);
        all.push((at, piece));
        (at, data) = (at + length, rest);
    }
    all
}

fn put(content: &mut Vec<u8>, offset: usize, data: &[u8]) {
    if data.is_empty() {
        return;
    }
    if content.len() < offset + data.len() {
        content.resize(offset + data.len(), 0);
    }
    content[offset..offset + data.len()].copy_from_slice(data);
}

impl Change {
    fn apply(self, content: &mut Vec<u8>) {
        match self {
            Self::Write { offset, data } => put(content, offset, &data),
            Self::Truncate(length) => content.resize(length, 0),
        }
    }
}

impl Naming {
    fn apply(self, tree: &mut Tree) {
        match self {
            Self::Link(path, node) => {
                tree.insert(path, node);
            }
            Self::Rename(from, to) => {
                if let Some(node) = tree.remove(&from) {
                    tree.insert(to, node);
                }
            }
            Self::Remove(path) => {
                tree.remove(&path);
            }
        }
    }
}

/// All below a directory, shared memory and sockets left out; empty when there is no such directory.
///
/// # Errors
/// When something can't be read.
pub(crate) fn read(root: &Path) -> io::Result<Contents> {
    let mut all = Contents::new();
    if !root.is_dir() {
        return Ok(all);
    }
    all.insert(root.to_owned(), None);
    for entry in std::fs::read_dir(root)? {
        let path = entry?.path();
        if path.is_dir() {
            all.extend(read(&path)?);
        } else if path.is_file() && !is_shared_memory(&path) {
            let content = std::fs::read(&path)?;
            all.insert(path, Some(content));
        }
    }
    Ok(all)
}
