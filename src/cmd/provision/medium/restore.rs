//! A lost box comes back: the backup on the medium is put in place before the new box tests itself.

use std::path::{Path, PathBuf};

use super::{Walk, at, files, typed};
use crate::cmd::backup::ENDING;
use crate::cmd::run::Failure;
use crate::provision::configure;

/// Where a person puts it on the medium.
const BRINGS: &str = "restore";

/// Once; a self-test that fails afterwards, since the hub's operators are not done yet, is another matter.
pub(super) fn put_back(walk: &Walk<'_>) -> Result<(), Failure> {
    let brought = walk.medium.join(BRINGS);
    let Some(backup) = backup(&brought)? else {
        return Ok(());
    };
    let done = walk.directory.join("provision/restored");
    let name = backup.file_name().unwrap_or_default().to_string_lossy();
    if std::fs::read(&done).is_ok_and(|there| there == name.as_bytes()) {
        return Ok(());
    }
    let line = [
        "restore".into(),
        "--from".into(),
        backup.clone(),
        "--config".into(),
        configure::relay_file(&walk.directory),
    ];
    let mut line = Vec::from(line);
    line.extend(opens(&brought)?);
    typed("restore", &line)?;
    let disk = &walk.disk;
    disk.replace(&done, name.as_bytes())
        .map_err(|error| at(&done, &error))
}

/// The one backup there; which of several is meant only a person knows.
fn backup(brought: &Path) -> Result<Option<PathBuf>, Failure> {
    let there = files(brought);
    let mut backups = there
        .iter()
        .filter(|file| file.to_string_lossy().ends_with(ENDING));
    match (backups.next(), backups.next()) {
        (Some(backup), None) => Ok(Some(backup.clone())),
        (None, _) if there.is_empty() => Ok(None),
        (first, _) => {
            let found = if first.is_some() {
                "có nhiều bản sao lưu, hãy để lại một bản / there is more than one backup, leave one"
            } else {
                "không có bản sao lưu nào / no backup is there"
            };
            Err(Failure::other(format!("{BRINGS}/: {found} (*{ENDING})")))
        }
    }
}

/// What opens it: the 32 bytes of this backup alone before the key that opens them all.
fn opens(brought: &Path) -> Result<[PathBuf; 2], Failure> {
    for (file, flag) in [("content.key", "--content-key"), ("key.pem", "--key")] {
        let path = brought.join(file);
        if path.is_file() {
            return Ok([flag.into(), path]);
        }
    }
    Err(Failure::other(format!(
        "{BRINGS}/: thiếu content.key, hoặc key.pem / content.key, or key.pem, is missing; nơi giữ khoá / where the key is: \
         trucgate backup envelope BACKUP --out envelope.der"
    )))
}
