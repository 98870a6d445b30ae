//! What an operator decides about a box's walks.

use serde::Deserialize;

use crate::packet::MemberId;

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
