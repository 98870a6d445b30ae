//! What a machine remembers of its updates, in `/var`: how far back it may go, and which version is on trial.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::refused::Error;
use super::{Entry, Version};
use crate::durable::Disk;

/// The file's name.
const FILE: &str = "state.json";

/// The written state. A later version may add to it, and this one leaves out what it does not know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The oldest version that is taken.
    #[serde(default)]
    pub floor: Option<Version>,
    /// The version that was last written and is neither found good nor given up.
    #[serde(default)]
    pub trial: Option<Trial>,
}

/// A version on trial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// What was, or is being, written.
    pub version: Version,
    /// What ran meanwhile, and comes back.
    pub previous: Version,
    /// How far it came.
    pub stage: Stage,
    /// Whether a relay or hub answered when it was written: then it has to answer under the new version, too.
    #[serde(default)]
    pub relays: bool,
    /// Why the version itself gave up, where it still could say so.
    #[serde(default)]
    pub failed: Option<String>,
}

/// How far an update came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Its slot is being written.
    Writing,
    /// Its slot is whole; it is tried at the next start.
    Written,
}

/// What a start that came to its end says of a trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There is none, or it is still to come.
    Nothing,
    /// The version on trial runs.
    Good(Trial),
    /// Its writing did not come to an end.
    CutOff(Trial),
    /// It was tried, and the one before runs again.
    FellBack {
        /// The trial.
        trial: Trial,
        /// How often it was tried.
        tries: u32,
    },
}

impl State {
    /// Reads it; a machine that was never updated has none.
    ///
    /// # Errors
    /// When it is there and can't be read: without its floor nothing may be taken.
    pub fn read(directory: &Path) -> Result<Self, Error> {
        let path = directory.join(FILE);
        let text = match std::fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            read => read.map_err(|error| Error::at(path.display(), error))?,
        };
        serde_json::from_slice(&text).map_err(|error| Error::at(path.display(), error))
    }

    /// Keeps it.
    ///
    /// # Errors
    /// When the disk can't.
    pub fn keep(&self, disk: &Disk, directory: &Path) -> Result<(), Error> {
        let path = directory.join(FILE);
        let text =
            serde_json::to_vec_pretty(self).map_err(|error| Error::at(path.display(), error))?;
        disk.replace(&path, &text)
            .map_err(|error| Error::at(path.display(), error))
    }

    /// How far back the machine may go; `own` is the floor of what runs.
    #[must_use]
    pub fn floor(&self, own: Version) -> Version {
        self.floor.map_or(own, |kept| kept.max(own))
    }

    /// What became of the trial, seen from a start of `running` that came to its end. `entry` is the trial's own in the
    /// loader.
    #[must_use]
    pub fn outcome(&self, running: Version, entry: Option<&Entry>) -> Outcome {
        let Some(trial) = &self.trial else {
            return Outcome::Nothing;
        };
        let (trial, tries) = (trial.clone(), entry.map_or(0, |entry| entry.done));
        if trial.version == running {
            return Outcome::Good(trial);
        }
        match (trial.stage, entry) {
            (Stage::Written, Some(entry)) if !entry.is_given_up() => Outcome::Nothing,
            (Stage::Written, _) => Outcome::FellBack { trial, tries },
            (Stage::Writing, _) => Outcome::CutOff(trial),
        }
    }
}
