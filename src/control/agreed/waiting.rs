//! Proposals that wait for the second person, a file each beside the agreements.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Proposal, Signed};
use crate::durable::Disk;
use crate::journal::{self, ids};
use crate::packet::PacketId;

/// A proposal that waits for the second person.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) proposal: Proposal,
    pub(super) signed: Signed,
    pub(super) content: Option<String>,
}

/// As it lies on disk. Nothing in it is believed before it is judged again.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    signed: Signed,
    content: Option<String>,
}

/// Where they lie.
pub(super) struct Shelf {
    disk: Disk,
    directory: PathBuf,
}

impl Shelf {
    pub(super) fn new(disk: Disk, agreements: &Path) -> Self {
        Self {
            disk,
            directory: agreements.join("proposed"),
        }
    }

    pub(super) fn keep(&self, waiting: &Waiting) -> std::io::Result<()> {
        let kept = Kept {
            signed: waiting.signed.clone(),
            content: waiting.content.clone(),
        };
        let bytes = serde_json::to_vec_pretty(&kept).map_err(std::io::Error::other)?;
        self.disk.make_dir(&self.directory)?;
        self.disk.replace(&self.file(waiting.proposal.id), &bytes)
    }

    /// All that can be read.
    pub(super) fn all(&self) -> Vec<Waiting> {
        let Ok(files) = std::fs::read_dir(&self.directory) else {
            return Vec::new();
        };
        files
            .filter_map(|file| {
                let bytes = std::fs::read(file.ok()?.path()).ok()?;
                let kept: Kept = serde_json::from_slice(&bytes).ok()?;
                Some(Waiting {
                    proposal: Proposal::parse(&kept.signed.text)?,
                    signed: kept.signed,
                    content: kept.content,
                })
            })
            .collect()
    }

    /// Takes one away. One that stays by a fault of the disk is known for carried out or run out at the next start.
    pub(super) fn drop(&self, id: PacketId) {
        if let Err(error) = self.disk.remove(&self.file(id)) {
            journal::line(&ids::DISK_FAULT)
                .packet(id)
                .step("agree")
                .reason(error)
                .next("look after the disk; the proposal is of no use any more")
                .warning("a proposal that is settled could not be taken away");
        }
    }

    fn file(&self, id: PacketId) -> PathBuf {
        self.directory.join(format!("{id}.json"))
    }
}
