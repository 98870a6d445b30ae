//! Identification codes of agencies (mã định danh), in the three generations that live side by side.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Malformed;

/// The identification code of a member as it was written; the directory decides who that is.
///
/// 1 to 64 of `A-Z a-z 0-9 . _ -`, with a letter or digit in front, so that it can name a directory on disk.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MemberId(Arc<str>);

/// The guide or regulation whose grammar a code follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Generation {
    /// The guide of 2014: `NN.NN.MNN`, small to large.
    G1,
    /// QCVN 102:2016: `NNN.NN.NN.MNN`, level 4 to level 1.
    G2,
    /// Decision 20/2020/QĐ-TTg, in QCVN 102 since 2022: `MNN(.group)*`, level 1 first.
    G3,
}

impl MemberId {
    /// The longest written form, in bytes.
    pub const LONGEST: usize = 64;

    /// The written form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The generation whose grammar this code follows; `None` for the many that follow none.
    #[must_use]
    pub fn generation(&self) -> Option<Generation> {
        let text = self.as_str();
        let groups: Vec<&str> = text.split('.').collect();
        match groups.as_slice() {
            [a, b, top] if digits(a, 2) && digits(b, 2) && is_top(top) => Some(Generation::G1),
            [a, b, c, top] if digits(a, 3) && digits(b, 2) && digits(c, 2) && is_top(top) => {
                Some(Generation::G2)
            }
            [top, rest @ ..]
                if is_top(top) && text.len() <= 35 && rest.iter().all(|group| is_group(group)) =>
            {
                Some(Generation::G3)
            }
            _ => None,
        }
    }
}

fn digits(group: &str, length: usize) -> bool {
    group.len() == length && group.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_top(group: &str) -> bool {
    group.starts_with(|first: char| first.is_ascii_uppercase()) && digits(&group[1..], 2)
}

fn is_group(group: &str) -> bool {
    !group.is_empty()
        && group
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
}

impl FromStr for MemberId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let starts = text.starts_with(|first: char| first.is_ascii_alphanumeric());
        if starts && text.len() <= Self::LONGEST && text.bytes().all(allowed) {
            Ok(Self(text.into()))
        } else {
            Err(Malformed::Member)
        }
    }
}

impl TryFrom<String> for MemberId {
    type Error = Malformed;

    fn try_from(text: String) -> Result<Self, Malformed> {
        text.parse()
    }
}

impl From<MemberId> for String {
    fn from(id: MemberId) -> Self {
        id.as_str().to_owned()
    }
}

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemberId({})", self.0)
    }
}
