//! The actions that need two persons.

use std::fmt::{self, Display};

use data_encoding::BASE64;

use crate::clock::{Moment, parse_rfc3339, rfc3339};
use crate::hub::Epoch;
use crate::merkle::Hash;
use crate::packet::{Digest, MemberId};

/// What can't be undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Takes a member out of the hub's register.
    RemoveMember(MemberId),
    /// Puts other trust anchors in place; the digest is that of their PEM.
    ChangeAnchors(Digest),
    /// Destroys a key pair in the token, at the bench.
    DeleteKey(String),
    /// Takes away the bodies of a member's finished documents; records and receipts stay.
    PurgeBodies {
        /// Whose.
        member: MemberId,
        /// Documents finished before that moment.
        before: Moment,
    },
    /// Lets a restored member's log go on behind an older head than the hub has seen.
    OpenEpoch(Epoch),
}

impl Action {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::RemoveMember(_) => "remove-member",
            Self::ChangeAnchors(_) => "change-anchors",
            Self::DeleteKey(_) => "delete-key",
            Self::PurgeBodies { .. } => "purge-bodies",
            Self::OpenEpoch(_) => "open-epoch",
        }
    }

    /// The digest of the content that it is about, if there is any.
    #[must_use]
    pub fn content(&self) -> Option<Digest> {
        match self {
            Self::ChangeAnchors(digest) => Some(*digest),
            _ => None,
        }
    }

    /// Whether another process carries it out: the token's bench is not this process.
    #[must_use]
    pub fn is_done_elsewhere(&self) -> bool {
        matches!(self, Self::DeleteKey(_))
    }

    /// Reads what [`Display`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (name, rest) = text.split_once(' ')?;
        Some(match name {
            "remove-member" => Self::RemoveMember(rest.parse().ok()?),
            "change-anchors" => Self::ChangeAnchors(rest.parse().ok()?),
            "delete-key" if !rest.is_empty() => Self::DeleteKey(rest.to_owned()),
            "purge-bodies" => {
                let (member, before) = rest.split_once(" before ")?;
                Self::PurgeBodies {
                    member: member.parse().ok()?,
                    before: parse_rfc3339(before)?,
                }
            }
            "open-epoch" => Self::OpenEpoch(epoch(rest)?),
            _ => return None,
        })
    }
}

/// `MEMBER behind SIZE:ROOT after SIZE:ROOT`.
fn epoch(text: &str) -> Option<Epoch> {
    let (member, heads) = text.split_once(" behind ")?;
    let (own, old) = heads.split_once(" after ")?;
    let ((size, root), (old_size, old_root)) = (head(own)?, head(old)?);
    Some(Epoch {
        member: member.parse().ok()?,
        size,
        root,
        old_size,
        old_root,
    })
}

/// Reads size and root of a log as people are shown them: `SIZE:ROOT`, the root in base64.
#[must_use]
pub fn head(text: &str) -> Option<(u64, Hash)> {
    let (size, root) = text.split_once(':')?;
    let root = BASE64.decode(root.as_bytes()).ok()?.try_into().ok()?;
    Some((size.parse().ok()?, root))
}

impl Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::RemoveMember(member) => write!(f, " {member}"),
            Self::ChangeAnchors(digest) => write!(f, " {digest}"),
            Self::DeleteKey(label) => write!(f, " {label}"),
            Self::PurgeBodies { member, before } => {
                write!(f, " {member} before {}", rfc3339(*before))
            }
            Self::OpenEpoch(epoch) => write!(
                f,
                " {} behind {}:{} after {}:{}",
                epoch.member,
                epoch.size,
                BASE64.encode(&epoch.root),
                epoch.old_size,
                BASE64.encode(&epoch.old_root)
            ),
        }
    }
}
