//! Where a bundle comes from: a file, or the one bundle in a directory, such as a medium's.

use std::fmt;
use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use crate::update::Error;

/// What stands at the end of a bundle's name.
const ENDING: &str = "update";

/// A bundle's place.
#[derive(Clone, Debug, clap::Args)]
pub(in crate::cmd) struct Source {
    /// Tệp gói cập nhật, hoặc thư mục chỉ có một tệp *.update; nhiều nơi thì lấy nơi đầu tiên có gói / the bundle, or a directory
    /// with one *.update; of several the first that has one
    #[arg(value_name = "SOURCE", required = true)]
    from: Vec<PathBuf>,
}

impl Source {
    pub(super) fn open(&self) -> Result<BufReader<File>, Error> {
        let path = self.file()?;
        let opened = File::open(&path);
        opened
            .map(BufReader::new)
            .map_err(|error| Error::Machine(format!("{}: {error}", path.display())))
    }

    fn file(&self) -> Result<PathBuf, Error> {
        for place in &self.from {
            if !place.is_dir() {
                return Ok(place.clone());
            }
            let files = std::fs::read_dir(place)?.flatten().map(|file| file.path());
            let mut found: Vec<_> = files
                .filter(|path| path.extension().is_some_and(|ending| ending == ENDING))
                .collect();
            match (found.pop(), found.len()) {
                (None, _) => {}
                (Some(one), 0) => return Ok(one),
                (Some(_), more) => {
                    return Err(Error::Machine(format!(
                        "{}: cần đúng một tệp *.update, thấy {count} / exactly one *.update is wanted, found {count}",
                        place.display(),
                        count = more + 1
                    )));
                }
            }
        }
        Err(Error::Machine(format!(
            "{self}: không thấy tệp *.update nào / there is no *.update"
        )))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places: Vec<_> = self
            .from
            .iter()
            .map(|place| place.display().to_string())
            .collect();
        f.write_str(&places.join(", "))
    }
}
