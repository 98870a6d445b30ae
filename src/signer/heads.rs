//! The last tree head signed for each member, durable before its signature leaves: no rollback and no fork is signed.

use std::io;
use std::path::{Path, PathBuf};

use super::Error;
use crate::durable::Disk;
use crate::merkle::checkpoint::Checkpoint;
use crate::merkle::{Hash, empty_root, verify_consistency};
use crate::packet::MemberId;

/// Size and root of a member's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Number of entries.
    pub size: u64,
    /// Root of the tree.
    pub root: Hash,
}

impl From<&Checkpoint> for Head {
    fn from(checkpoint: &Checkpoint) -> Self {
        Self {
            size: checkpoint.size,
            root: checkpoint.root,
        }
    }
}

/// What the ledger says of a new head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The known head once more.
    Known,
    /// It extends the known head.
    Extends,
    /// Not judged: the proof must start from this size.
    Behind(u64),
    /// It takes entries away or changes them.
    Refused(String),
}

/// The ledger of one member. Keys come and go; the log stays one, so that the ledger is the member's, not the key's.
#[derive(Debug)]
pub struct Ledger {
    file: PathBuf,
    member: MemberId,
    last: Option<Head>,
}

impl Ledger {
    /// Reads a member's ledger from `dir`; none yet is an empty one.
    ///
    /// # Errors
    /// [`Error::Broken`] when it is there and can't be read as this member's.
    pub fn open(dir: &Path, member: &MemberId) -> Result<Self, Error> {
        let file = dir.join(format!("{member}.head"));
        let broken = |why: String| Error::Broken(format!("tree head {}: {why}", file.display()));
        let last = match std::fs::read(&file) {
            Ok(bytes) => {
                let known = Checkpoint::parse(&bytes).map_err(|e| broken(e.to_string()))?;
                if known.origin != member.as_str() {
                    return Err(broken(format!("it is that of {}", known.origin)));
                }
                Some(Head::from(&known))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(broken(error.to_string())),
        };
        Ok(Self {
            file,
            member: member.clone(),
            last,
        })
    }

    /// The last head; `None` before the first.
    #[must_use]
    pub fn last(&self) -> Option<Head> {
        self.last
    }

    /// Judges a new head by its consistency proof from the tree of `from_size` entries.
    #[must_use]
    pub fn judge(&self, new: &Head, from_size: u64, proof: &[Hash]) -> Verdict {
        let known = self.last.unwrap_or_else(|| Head {
            size: 0,
            root: empty_root(),
        });
        if self.last == Some(*new) {
            return Verdict::Known;
        }
        if new.size < known.size {
            return Verdict::Refused(format!(
                "a rollback from {} to {} entries",
                known.size, new.size
            ));
        }
        if new.size == known.size && new.root != known.root {
            return Verdict::Refused(format!("a fork: another root at {} entries", new.size));
        }
        if from_size != known.size {
            return Verdict::Behind(known.size);
        }
        if verify_consistency(known.size, &known.root, new.size, &new.root, proof) {
            Verdict::Extends
        } else {
            Verdict::Refused(format!(
                "no proof that {} entries begin with the {} known ones",
                new.size, known.size
            ))
        }
    }

    /// The change of the disk that makes `new` the last head; it may run on another thread.
    pub fn write(
        &self,
        disk: &Disk,
        new: Head,
    ) -> impl FnOnce() -> io::Result<()> + Send + 'static {
        let (disk, file) = (disk.clone(), self.file.clone());
        let body = Checkpoint {
            origin: self.member.as_str().to_owned(),
            size: new.size,
            root: new.root,
            extensions: Vec::new(),
        }
        .body();
        move || disk.replace(&file, body.as_bytes())
    }

    /// Remembers what [`Ledger::write`] has made durable.
    pub fn advance(&mut self, new: Head) {
        self.last = Some(new);
    }
}
