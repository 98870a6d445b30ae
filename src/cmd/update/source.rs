//! Where a bundle comes from: a file, or the one bundle in a directory, such as a medium's.

use std::fmt;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use crate::update::Error;

/// What stands at the end of a bundle's name.
const ENDING: &str = "update";

/// A bundle's place.
#[derive(Clone, Debug, clap::Args)]
pub(in crate::cmd) struct Source {
    /// Tệp gói cập nhật, hoặc thư mục chỉ có một tệp *.update / the bundle, or a directory with one *.update
    #[arg(value_name = "SOURCE")]
    from: PathBuf,
}

impl Source {
    pub(super) fn open(&self, _spool: &Path) -> Result<BufReader<File>, Error> {
        let path = self.file()?;
        let opened = File::open(&path);
        opened
            .map(BufReader::new)
            .map_err(|error| Error::Machine(format!("{}: {error}", path.display())))
    }

    fn file(&self) -> Result<PathBuf, Error> {
        if !self.from.is_dir() {
            return Ok(self.from.clone());
        }
        let mut found: Vec<_> = std::fs::read_dir(&self.from)?
            .flatten()
            .map(|file| file.path())
            .filter(|path| path.extension().is_some_and(|ending| ending == ENDING))
            .collect();
        match (found.pop(), found.as_slice()) {
            (Some(one), []) => Ok(one),
            (one, _) => Err(Error::Machine(format!(
                "{}: cần đúng một tệp *.update, thấy {count} / exactly one *.update is wanted, found {count}",
                self.from.display(),
                count = found.len() + usize::from(one.is_some())
            ))),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.from.display().fmt(f)
    }
}
