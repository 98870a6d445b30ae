//! Takes the newest backup to a medium, for a machine that has no shell.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use super::make::prune;
use super::{ENDING, say};
use crate::backup::check;
use crate::cmd::run::Failure;
use crate::durable::{Disk, forget};
use crate::journal::{self, ids};

/// Bytes read at once.
const CHUNK: usize = 1 << 20;

#[derive(Debug, clap::Args)]
pub(super) struct Carry {
    /// Thư mục có các bản sao lưu / the directory with backups
    #[arg(long)]
    from: PathBuf,
    /// Thư mục trên đĩa / the medium's directory
    #[arg(long)]
    to: PathBuf,
    /// Số bản giữ lại trên đĩa / how many the medium keeps
    #[arg(long, default_value_t = 30)]
    keep: usize,
}

pub(super) fn run(arguments: &Carry) -> Result<(), Failure> {
    let newest = newest(&arguments.from)?;
    let checked = check(&newest).map_err(|error| at(&newest, &error))?;
    let target = arguments.to.join(newest.file_name().unwrap_or_default());
    let there = |file: &Path| check(file).is_ok_and(|found| found.digest == checked.digest);
    if !there(&target) {
        copy(&newest, &target).map_err(|error| at(&target, &error))?;
        if !there(&target) {
            let what =
                "đọc lại từ đĩa thì khác bản gốc / what is read back is not what was written";
            return Err(at(&target, &what));
        }
    }
    prune(&checked.header.own, arguments.keep.max(1), &arguments.to)?;
    let name = newest.file_name().unwrap_or_default().display();
    journal::line(&ids::BACKUP_CARRIED)
        .step("carry")
        .reason(format_args!("{name}"))
        .next("keep the medium away from this machine; another one may take its turn")
        .say("the newest backup lies on the medium, too");
    say(&format!("Đã chép ra đĩa / on the medium: {name}"));
    Ok(())
}

/// Their names are in the order of time.
fn newest(directory: &Path) -> Result<PathBuf, Failure> {
    let files = std::fs::read_dir(directory).map_err(|error| at(directory, &error))?;
    files
        .flatten()
        .map(|file| file.path())
        .filter(|path| path.to_string_lossy().ends_with(ENDING))
        .max()
        .ok_or_else(|| {
            at(
                directory,
                &"chưa có bản sao lưu nào / no backup is there yet",
            )
        })
}

/// Until it is whole and durable it has no name there; what is read afterwards comes from the medium itself.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    let mut from = BufReader::with_capacity(CHUNK, File::open(from)?);
    let mut draft = Disk::real().draft(to)?;
    let mut bytes = vec![0; CHUNK];
    loop {
        match from.read(&mut bytes)? {
            0 => break,
            read => draft.append(&bytes[..read])?,
        }
    }
    let written = draft.written()?;
    draft.finish()?;
    forget(&written)
}

fn at(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::other(format!("{}: {error}", path.display()))
}
