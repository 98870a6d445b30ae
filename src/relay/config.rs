//! What an operator decides about a box's walks.

use serde::Deserialize;

use crate::clock::Moment;
use crate::packet::MemberId;
use crate::trust::Stale;
use crate::trust::directory::Directory;

/// The relay's own settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The members of this box.
    pub members: Vec<MemberConfig>,
    /// Hours in which the same document to the same recipients counts as the same submission.
    #[serde(default = "two_days")]
    pub same_submission_hours: u32,
    /// Days for which taken documents stay readable at the box.
    #[serde(default = "thirty")]
    pub keep_days: u32,
    /// Longest document in bytes.
    #[serde(default = "two_gib")]
    pub longest_document: u64,
    /// Hours past its validity that a directory is still relied on.
    #[serde(default = "three_days")]
    pub directory_hours: u32,
    /// What happens after them. `continue`: all goes on by the old directory. `queue`: software is served, nothing goes
    /// to the hub or is taken from it. `refuse`: software's documents are refused, too.
    #[serde(default)]
    pub directory_then: Stale,
    /// Bytes of disk that intake leaves free for finishing what is kept.
    #[serde(default = "half_gib")]
    pub reserve_bytes: u64,
}

/// One member of a box.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberConfig {
    /// Its code, as the directory writes it.
    pub code: MemberId,
    /// The name of its seal key at the signer.
    pub seal_key: String,
}

impl Config {
    /// Until when a directory is relied on.
    #[must_use]
    pub fn directory_ends(&self, directory: &Directory) -> Moment {
        let window = time::Duration::hours(i64::from(self.directory_hours));
        directory
            .valid_until
            .checked_add(window)
            .unwrap_or(directory.valid_until)
    }
}

fn three_days() -> u32 {
    72
}

fn two_days() -> u32 {
    48
}

fn thirty() -> u32 {
    30
}

fn two_gib() -> u64 {
    2 << 30
}

fn half_gib() -> u64 {
    512 << 20
}
