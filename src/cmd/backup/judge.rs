//! Whose backup it is.

use std::path::Path;

use crate::backup::{Checked, Error, Kind};
use crate::clock::Clock;
use crate::config::RelayConfig;
use crate::durable::Disk;
use crate::packet::MemberId;
use crate::relay::Directories;
use crate::seal::{Paper, Sealer};
use crate::trust::directory::Directory;
use std::sync::Arc;

/// The member whose seal key signed it, by anchors alone; with `directory`, one that was registered then.
///
/// A key may have been revoked since, as that of a box that was stolen, so that lists are not asked: what counts is that it
/// was good when the backup was made.
pub(crate) fn signed_by(
    config: &RelayConfig,
    checked: &Checked,
    directory: Option<&Directory>,
) -> Result<MemberId, Error> {
    let strange = |error: String| Error::Signer(error);
    let trust = config.trust.load_without_lists();
    let trust = trust.map_err(|error| strange(error.to_string()))?;
    let sealer = directory.map_or(Sealer::Certificate, Sealer::Member);
    let (digest, made) = (checked.digest, checked.header.made);
    let member = checked
        .signature
        .verify((Paper::Backup, digest), &trust, sealer, made)?;
    let own = checked.header.logs.iter().any(|log| log.member == member);
    if own {
        Ok(member)
    } else {
        Err(strange(format!("{member} is no member of that box")))
    }
}

/// The directory that came out of a backup, if the hub sealed it.
pub(crate) fn directory_of(
    config: &RelayConfig,
    extracted: &Path,
) -> Result<Arc<Directory>, Error> {
    let trust = config.trust.load_without_lists();
    let trust = trust.map_err(|error| Error::Signer(error.to_string()))?;
    let file = Kind::Directory.below(extracted);
    let directories = Directories::new(Disk::real(), file, config.hub.code.clone());
    directories
        .grounds(trust, &Clock::system())
        .directory
        .ok_or_else(|| Error::Content("its directory is not the hub's".to_owned()))
}
