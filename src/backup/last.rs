//! What this box remembers of its last backup: where it is, what opens it here, how its rehearsal went.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Error, Header};
use crate::clock::Moment;
use crate::durable::Disk;
use crate::packet::Digest;

/// Name of the file in a state directory.
const NAME: &str = "last-backup";

/// The last backup. It holds its content key, so that a rehearsal needs no key of the agency's: whoever reads this file
/// reads all that is in the backup in clear beside it. It never goes into a backup, and the next one replaces it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Last {
    /// The file, as it was written.
    pub file: PathBuf,
    /// Whose and when.
    pub header: Header,
    /// Bytes of it.
    pub bytes: u64,
    /// SHA-256 of all before the signature.
    pub digest: Digest,
    /// The content key in hexadecimal.
    pub key: String,
    /// How its rehearsal went; nothing until there was one.
    pub rehearsal: Option<Rehearsal>,
}

/// How a rehearsal went.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rehearsal {
    /// When it ended.
    #[serde(with = "crate::clock::text")]
    pub at: Moment,
    /// What did not hold; nothing when all did.
    pub failed: Option<String>,
}

impl Last {
    /// Reads what is remembered; `None` before the first backup.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn read(state: &Path) -> Result<Option<Self>, Error> {
        match std::fs::read(state.join(NAME)) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(|error| Error::Content(format!("{NAME}: {error}"))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Remembers it, for the owner of the state directory alone.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn keep(&self, disk: &Disk, state: &Path) -> Result<PathBuf, Error> {
        let path = state.join(NAME);
        let json = serde_json::to_vec_pretty(self).map_err(super::altered)?;
        disk.replace_secret(&path, &json)?;
        Ok(path)
    }
}
