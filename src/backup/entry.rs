//! What an entry can be. There is nothing else.

use std::path::{Path, PathBuf};

use super::{Error, altered};
use crate::packet::PacketId;
use crate::spool::Place;

/// One entry and its only place in a box's state directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Records, heads, packets, receipts and small bodies: the copied store.
    Store,
    /// A large body.
    Body(Place),
    /// The hub-signed directory.
    Directory,
    /// The last head seen of the hub's log.
    HubHead,
    /// What two operators agreed upon.
    Agreement(PacketId),
    /// The relay's configuration, to compare with the new one.
    Relay,
    /// Software that may connect, with its secrets.
    Systems,
    /// A file of trust anchors, to compare.
    Anchors(u8),
    /// A file of intermediate authorities, to compare.
    Intermediates(u8),
}

/// Where configuration is put: beside what the new box has, since people decide about that.
pub const RESTORED: &str = "restored";

impl Kind {
    fn number(&self) -> u8 {
        match self {
            Self::Store => 1,
            Self::Body(_) => 2,
            Self::Directory => 3,
            Self::HubHead => 4,
            Self::Agreement(_) => 5,
            Self::Relay => 6,
            Self::Systems => 7,
            Self::Anchors(_) => 8,
            Self::Intermediates(_) => 9,
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Body(place) => place.name(),
            Self::Agreement(id) => id.to_string(),
            Self::Anchors(number) | Self::Intermediates(number) => number.to_string(),
            _ => String::new(),
        }
    }

    fn parse(number: u8, name: &str) -> Option<Self> {
        let kind = match number {
            1 => Self::Store,
            2 => Self::Body(Place::parse(name)?),
            3 => Self::Directory,
            4 => Self::HubHead,
            5 => Self::Agreement(name.parse().ok()?),
            6 => Self::Relay,
            7 => Self::Systems,
            8 => Self::Anchors(name.parse().ok()?),
            9 => Self::Intermediates(name.parse().ok()?),
            _ => return None,
        };
        (kind.name() == name).then_some(kind)
    }

    /// Where it lies below a state directory.
    #[must_use]
    pub fn below(&self, state: &Path) -> PathBuf {
        let restored = state.join(RESTORED);
        match self {
            Self::Store => state.join(crate::spool::snapshot::STORE),
            Self::Body(place) => place.below(&state.join(crate::spool::snapshot::BODIES)),
            Self::Directory => state.join("directory"),
            Self::HubHead => state.join("hub-head"),
            Self::Agreement(id) => state.join("agreed").join(format!("{id}.json")),
            Self::Relay => restored.join("relay.toml"),
            Self::Systems => restored.join("systems.toml"),
            Self::Anchors(number) => restored.join(format!("anchors-{number}.pem")),
            Self::Intermediates(number) => restored.join(format!("intermediates-{number}.pem")),
        }
    }

    /// What stands before its bytes.
    pub(super) fn encode(&self, size: u64) -> Result<Vec<u8>, Error> {
        let name = self.name();
        let length = u16::try_from(name.len()).map_err(altered)?;
        let mut head = vec![self.number()];
        head.extend_from_slice(&length.to_be_bytes());
        head.extend_from_slice(&size.to_be_bytes());
        head.extend_from_slice(name.as_bytes());
        Ok(head)
    }

    /// Reads what [`Kind::encode`] gives; `fill` gives the next bytes. `None` at the end mark.
    pub(super) fn decode(
        mut fill: impl FnMut(&mut [u8]) -> Result<(), Error>,
    ) -> Result<Option<(Self, u64)>, Error> {
        let mut number = [0];
        fill(&mut number)?;
        if number == [END] {
            return Ok(None);
        }
        let (mut length, mut size) = ([0; 2], [0; 8]);
        fill(&mut length)?;
        fill(&mut size)?;
        let mut name = vec![0; usize::from(u16::from_be_bytes(length))];
        fill(&mut name)?;
        let name = String::from_utf8_lossy(&name);
        let kind = Self::parse(number[0], &name).ok_or_else(|| {
            let what = format!(
                "an entry {:.100} of kind {} has no place here",
                name, number[0]
            );
            Error::Content(what)
        })?;
        Ok(Some((kind, u64::from_be_bytes(size))))
    }
}

/// What stands behind the last entry.
pub(super) const END: u8 = 0;
