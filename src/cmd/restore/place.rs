//! From the scratch directory into place: the store last, since a box without it counts as empty and may be restored again.

use std::path::{Path, PathBuf};

use crate::backup::{Kind, RESTORED};
use crate::cmd::backup::hand_over;
use crate::cmd::run::Failure;
use crate::config::RelayConfig;
use crate::durable::Disk;
use crate::spool::snapshot::BODIES;

pub(super) fn all(
    config: &RelayConfig,
    disk: &Disk,
    scratch: &Path,
    fence: &Path,
) -> Result<(), Failure> {
    let state = &config.own.state;
    hand_over(fence, state)?;
    let told =
        |path: &Path, error: std::io::Error| Failure::other(format!("{}: {error}", path.display()));
    systems(config, disk, scratch)?;
    for name in [BODIES, "agreed", RESTORED, "directory", "hub-head"] {
        let (from, to) = (scratch.join(name), state.join(name));
        if !from.exists() {
            continue;
        }
        owned(&from, state)?;
        // Of a directory what was there goes: an empty box's own, or what an earlier try left.
        if from.is_dir() {
            disk.remove_tree(&to).map_err(|error| told(&to, error))?;
        }
        disk.move_to(&from, &to).map_err(|error| told(&to, error))?;
    }
    let store = Kind::Store.below(state);
    for end in ["-wal", "-shm", ""] {
        let mut name = store.clone().into_os_string();
        name.push(end);
        let path = PathBuf::from(name);
        disk.remove(&path).map_err(|error| told(&path, error))?;
    }
    let from = Kind::Store.below(scratch);
    hand_over(&from, state)?;
    disk.move_to(&from, &store)
        .map_err(|error| told(&store, error))?;
    disk.remove_tree(scratch)
        .map_err(|error| told(scratch, error))
}

/// Software goes on with the secrets that it has; what the new box had made up stays beside them.
fn systems(config: &RelayConfig, disk: &Disk, scratch: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::{MetadataExt, chown};
    let (from, to) = (Kind::Systems.below(scratch), &config.vxp.systems);
    let told = |error: std::io::Error| Failure::other(format!("{}: {error}", to.display()));
    if !from.exists() {
        return Ok(());
    }
    let wanted = std::fs::read(&from).map_err(told)?;
    let owner = std::fs::metadata(to).ok();
    if let Ok(own) = std::fs::read(to)
        && own != wanted
    {
        let beside = scratch.join(RESTORED).join("systems-of-the-new-box.toml");
        disk.replace_secret(&beside, &own).map_err(told)?;
    }
    disk.replace_secret(to, &wanted).map_err(told)?;
    match owner {
        Some(owner) if nix::unistd::geteuid().is_root() => {
            chown(to, Some(owner.uid()), Some(owner.gid())).map_err(told)
        }
        Some(_) => Ok(()),
        None => hand_over(to, &config.own.state),
    }
}

/// The store and what lies beside it belong to whom the directory belongs to.
pub(super) fn belongs(state: &Path) -> Result<(), Failure> {
    let told = |error: std::io::Error| Failure::other(format!("{}: {error}", state.display()));
    for file in std::fs::read_dir(state).map_err(told)? {
        let file = file.map_err(told)?;
        if file.file_name().to_string_lossy().starts_with("box.db") {
            hand_over(&file.path(), state)?;
        }
    }
    Ok(())
}

fn owned(path: &Path, state: &Path) -> Result<(), Failure> {
    hand_over(path, state)?;
    if !path.is_dir() {
        return Ok(());
    }
    let told = |error: std::io::Error| Failure::other(format!("{}: {error}", path.display()));
    for file in std::fs::read_dir(path).map_err(told)? {
        owned(&file.map_err(told)?.path(), state)?;
    }
    Ok(())
}
