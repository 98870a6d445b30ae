//! What a deployment trusts, as it lies in files.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::Error;
use crate::trust::{Profile, Revocation, Stale, Trust};

/// Where anchors, intermediates and revocation lists lie, and how they are applied.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustFiles {
    /// Anchors, each file PEM or DER.
    pub anchors: Vec<PathBuf>,
    /// Intermediates that complete the chain of a peer that shows only its leaf.
    #[serde(default)]
    pub intermediates: Vec<PathBuf>,
    /// Revocation lists.
    #[serde(default)]
    pub revocation_lists: Vec<PathBuf>,
    /// Hours past its nextUpdate that a list is still believed.
    #[serde(default = "a_day")]
    pub stale_hours: u32,
    /// What happens after them: `continue`, `queue` or `refuse`.
    #[serde(default)]
    pub stale_then: Stale,
    /// The certificate profile.
    #[serde(default)]
    pub profile: Profile,
}

fn a_day() -> u32 {
    24
}

impl TrustFiles {
    /// Reads all files into one snapshot.
    ///
    /// # Errors
    /// Names the file that can't be read, or what is wrong with what it holds.
    pub fn load(&self) -> Result<Trust, Error> {
        self.load_with(&[])
    }

    /// As [`TrustFiles::load`], with more intermediates (DER) that came beside a certificate.
    ///
    /// # Errors
    /// As [`TrustFiles::load`].
    pub fn load_with(&self, more: &[Vec<u8>]) -> Result<Trust, Error> {
        let revocation = self.revocation(&[])?;
        let mut intermediates = read_all(&self.intermediates)?;
        intermediates.extend_from_slice(more);
        Trust::new(
            read_all(&self.anchors)?,
            intermediates,
            self.profile,
            revocation,
        )
        .map_err(|error| Error::Configuration(error.to_string()))
    }

    /// As [`TrustFiles::load`] without any list: for what a key signed while it was good, whatever became of it since.
    ///
    /// # Errors
    /// As [`TrustFiles::load`].
    pub fn load_without_lists(&self) -> Result<Trust, Error> {
        Trust::new(
            read_all(&self.anchors)?,
            read_all(&self.intermediates)?,
            self.profile,
            Revocation::none(),
        )
        .map_err(|error| Error::Configuration(error.to_string()))
    }

    /// The lists of the files and `more`, and the declared degradation.
    ///
    /// # Errors
    /// Names the file that can't be read.
    pub fn revocation(&self, more: &[Vec<u8>]) -> Result<Revocation, Error> {
        let mut lists = read_all(&self.revocation_lists)?;
        lists.extend_from_slice(more);
        Ok(Revocation {
            lists,
            window: self.window(),
            then: self.stale_then,
        })
    }

    /// How long past its nextUpdate a list is still believed.
    #[must_use]
    pub fn window(&self) -> Duration {
        Duration::from_secs(u64::from(self.stale_hours) * 3_600)
    }
}

fn read_all(paths: &[PathBuf]) -> Result<Vec<Vec<u8>>, Error> {
    paths.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|error: io::Error| {
        Error::Configuration(format!("{} can't be read: {error}", path.display()))
    })
}
