//! The hub's directory as it lies on a box's disk: the seal in its frame, and the JSON behind it.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use super::Error;
use crate::clock::{Clock, Moment};
use crate::durable::{Disk, Draft};
use crate::evidence::RecordKind;
use crate::journal;
use crate::packet::MemberId;
use crate::seal::{Claim, LONGEST, Opener, Sealer};
use crate::tls::Grounds;
use crate::trust::Trust;
use crate::trust::directory::{Directory, Source};
use crate::uplink::wire;

/// Longest directory: four times one of 120,000 members with all that can be said of each.
const LONGEST_DIRECTORY: u64 = 256 << 20;

/// The directory as it lies on disk, so that a start needs no hub.
#[derive(Clone, Debug)]
pub struct Directories {
    disk: Disk,
    file: PathBuf,
    hub: MemberId,
}

/// A directory that is being written behind its seal.
#[derive(Debug)]
pub(super) struct Written {
    draft: Draft,
    /// Where the JSON begins.
    from: u64,
}

impl Directories {
    /// The directory of `hub`, kept in `file`.
    #[must_use]
    pub fn new(disk: Disk, file: PathBuf, hub: MemberId) -> Self {
        Self { disk, file, hub }
    }

    /// The grounds to start from: trust as configured, and the directory of the last run where it still verifies.
    ///
    #[must_use]
    pub fn grounds(&self, trust: Trust, clock: &Clock) -> Grounds {
        let mut grounds = Grounds::new(Arc::new(trust), None);
        if let Ok(file) = File::open(&self.file) {
            match self.kept(file, &grounds, clock.now()) {
                Ok(directory) => grounds.directory = Some(Arc::new(directory)),
                Err(error) => refused(&error),
            }
        }
        grounds
    }

    /// The directory in a file. It was verified when it came, and a start takes nothing away that was in force: it is judged
    /// as of its day.
    fn kept(&self, file: File, grounds: &Grounds, now: Moment) -> Result<Directory, Error> {
        let mut length = [0; 4];
        file.read_exact_at(&mut length, 0)?;
        let length = u32::from_be_bytes(length);
        if length as usize > LONGEST {
            return Err(crate::uplink::Error::from(wire::Malformed::TooLong(length)).into());
        }
        let mut seal = vec![0; length as usize];
        file.read_exact_at(&mut seal, 4)?;
        let (directory, digest) = Directory::read(Source::file(file, 4 + u64::from(length))?)?;
        let claim = self.claim(&seal, grounds, directory.issued.min(now))?;
        complete(directory, digest, claim)
    }

    /// What a seal says, if it is the hub's over a directory.
    pub(super) fn claim(&self, seal: &[u8], grounds: &Grounds, at: Moment) -> Result<Claim, Error> {
        let sealer = Sealer::NewHub(&self.hub);
        let claim = Opener::default().claim(seal, &grounds.trust, sealer, at)?;
        let record = claim.record();
        if record.kind != RecordKind::Directory {
            let kind = record.kind.as_str();
            return Err(Error::Contradiction(format!(
                "a {kind} where a directory belongs"
            )));
        }
        if record.size > LONGEST_DIRECTORY {
            let size = record.size;
            return Err(Error::Contradiction(format!("a directory of {size} bytes")));
        }
        Ok(claim)
    }

    /// Begins to write a directory behind its seal.
    pub(super) fn begin(&self, seal: &[u8]) -> Result<Written, Error> {
        let mut draft = self.disk.draft(&self.file)?;
        let front = wire::framed(seal);
        draft.append(&front)?;
        let from = front.len() as u64;
        Ok(Written { draft, from })
    }
}

impl Written {
    pub(super) fn append(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.draft.append(bytes)
    }

    /// Judges what was written by what the seal says. What holds and is newer gets its name; from then on it is read by the
    /// handle by which it was judged.
    pub(super) fn seat(self, claim: Claim, have: u64) -> Result<Directory, Error> {
        let source = Source::file(self.draft.written()?, self.from)?;
        let (directory, digest) = Directory::read(source)?;
        let directory = complete(directory, digest, claim)?;
        if directory.version <= have {
            return Err(Error::Contradiction(format!(
                "version {} after version {have}",
                directory.version
            )));
        }
        self.draft.finish()?;
        Ok(directory)
    }
}

/// A directory holds when the hub sealed exactly these bytes as one.
fn complete(
    directory: Directory,
    digest: crate::packet::Digest,
    claim: Claim,
) -> Result<Directory, Error> {
    let opened = claim.complete(digest, directory.length())?;
    let named = directory.registered_hub_seal(opened.identity());
    named.map_err(crate::seal::Refused::Signer)?;
    Ok(directory)
}

pub(super) fn refused(error: &Error) {
    journal::line(&journal::ids::DIRECTORY_REFUSED)
        .step("directory")
        .reason(error)
        .next("the last good directory stays in force; call the hub's operator")
        .error("a directory is refused");
}
