//! `trucgate settings`: an appliance's own, from the file it was given to those who carry it out.

use std::path::PathBuf;

use super::run::Failure;
use crate::appliance::{Settings, files, left_over};
use crate::durable::Disk;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Tệp cài đặt / the file
    #[arg(long)]
    from: PathBuf,
    /// Ghi vào thư mục này, các thư mục con phải có sẵn; không có thì chỉ kiểm tra / written below this directory, whose own
    /// directories are there; without it they are only judged
    #[arg(long)]
    into: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let from = &arguments.from;
    let told = |error: &dyn std::fmt::Display| {
        Failure::configuration(format!(
            "{}: {error}\nSửa tệp rồi khởi động lại / mend the file, then start again",
            from.display()
        ))
    };
    let text = std::fs::read_to_string(from).map_err(|error| told(&error))?;
    let settings = Settings::read(&text).map_err(|error| told(&error))?;
    let Some(into) = &arguments.into else {
        return Ok(());
    };
    let disk = Disk::real();
    let files = files(&settings);
    for path in left_over(&files, into) {
        disk.remove(&path)
            .map_err(|error| Failure::other(format!("{}: {error}", path.display())))?;
    }
    for file in files {
        let path = into.join(&file.path);
        disk.replace(&path, file.text.as_bytes())
            .map_err(|error| Failure::other(format!("{}: {error}", path.display())))?;
    }
    Ok(())
}
