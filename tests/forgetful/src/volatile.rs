//! One process's directory, and the plug.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::cache::{Cache, Contents, Keep, read};
use crate::chance::Chance;
use crate::record::Record;

/// Variable: the directory whose changes the shim logs.
pub const ROOT: &str = "FORGETFUL_ROOT";
/// Variable: the log.
pub const LOG: &str = "FORGETFUL_LOG";
/// Variable: the file of four numbers that both sides share: flushes until the end, changes until the end, whether it
/// came, changes so far. 0 is never.
pub const CONTROL: &str = "FORGETFUL_CONTROL";

/// When the process's power goes, counted from now.
#[derive(Clone, Copy, Debug)]
pub enum When {
    /// Before (even) or behind (odd) a flush: two points each, from 1.
    Flush(u64),
    /// Before a change or flush, from 1.
    Change(u64),
}

/// What a cut took away.
#[derive(Clone, Copy, Debug)]
pub struct Lost {
    /// How what was not flushed was treated.
    pub keep: Keep,
    /// Changes of contents that were not flushed.
    pub contents: usize,
    /// Names that were not flushed.
    pub names: usize,
}

/// A directory behind a volatile cache.
#[derive(Debug)]
pub struct Volatile {
    root: PathBuf,
    log: PathBuf,
    control: PathBuf,
    flushed: Cache,
}

impl Volatile {
    /// Takes what lies at `root` as durable; the log lies beside, at `scratch`. Before the process starts.
    ///
    /// # Errors
    /// When something can't be read or made.
    pub fn new(root: &Path, scratch: &Path) -> io::Result<Self> {
        let volatile = Self {
            root: root.to_owned(),
            log: scratch.with_extension("forgetful-log"),
            control: scratch.with_extension("forgetful-control"),
            flushed: Cache::load(root)?,
        };
        volatile.begin()?;
        Ok(volatile)
    }

    /// The process's environment.
    #[must_use]
    pub fn environment(&self, shim: &Path) -> [(&'static str, PathBuf); 4] {
        [
            ("LD_PRELOAD", shim.to_owned()),
            (ROOT, self.root.clone()),
            (LOG, self.log.clone()),
            (CONTROL, self.control.clone()),
        ]
    }

    /// Lets the process end by itself at that moment.
    ///
    /// # Errors
    /// When the shared file can't be written.
    pub fn arm(&self, when: When) -> io::Result<()> {
        let (place, count) = match when {
            When::Flush(count) => (0, count),
            When::Change(count) => (8, count),
        };
        let control = OpenOptions::new().write(true).open(&self.control)?;
        control.write_all_at(&count.to_le_bytes(), place)
    }

    /// Whether that moment came.
    ///
    /// # Errors
    /// When the shared file can't be read.
    pub fn is_out(&self) -> io::Result<bool> {
        Ok(self.number(16)? != 0)
    }

    /// Changes and flushes since the start or the last cut.
    ///
    /// # Errors
    /// When the shared file can't be read.
    pub fn changes(&self) -> io::Result<u64> {
        self.number(24)
    }

    fn number(&self, place: u64) -> io::Result<u64> {
        let mut number = [0; 8];
        File::open(&self.control)?.read_exact_at(&mut number, place)?;
        Ok(u64::from_le_bytes(number))
    }

    /// Forgets what the process, which has ended, did not flush.
    ///
    /// # Errors
    /// When the log does not tell the directory as it is, so that a call must have passed the shim by; or the disk's.
    pub fn cut(&mut self, seed: u64) -> io::Result<Lost> {
        let mut chance = Chance(seed);
        let records = Record::decode_all(&std::fs::read(&self.log)?).map_err(io::Error::other)?;
        let mut cache = self.flushed.clone();
        let last = records.last().cloned();
        let mut before_last = None;
        let count = records.len();
        for (number, record) in records.into_iter().enumerate() {
            if number + 1 == count {
                before_last = Some(cache.seen());
            }
            cache.follow(record).map_err(io::Error::other)?;
        }
        let there = read(&self.root)?;
        check(
            &there,
            &cache.seen(),
            &before_last.unwrap_or_default(),
            last.as_ref(),
        )?;
        let keep = match chance.below(4) {
            0 => Keep::Nothing,
            1 => Keep::First,
            2 => Keep::Sectors(crate::SECTOR),
            _ => Keep::Sectors(8 * crate::SECTOR),
        };
        let (contents, names) = cache.unflushed();
        lay(&self.root, &cache.after_cut(keep, &mut chance), &mut chance)?;
        self.flushed = Cache::load(&self.root)?;
        self.begin()?;
        Ok(Lost {
            keep,
            contents,
            names,
        })
    }

    /// An empty log, nothing armed.
    fn begin(&self) -> io::Result<()> {
        for (path, content) in [(&self.log, 0), (&self.control, 32)] {
            let mut file = anew(path)?;
            file.write_all(&vec![0; content])?;
        }
        Ok(())
    }
}

/// The log is true: what lies there is what it tells. Its last record may not have been carried out, or not whole; a file
/// made last may not have been logged.
fn check(
    there: &Contents,
    told: &Contents,
    before: &Contents,
    last: Option<&Record>,
) -> io::Result<()> {
    let is_write = matches!(last, Some(Record::Write { .. } | Record::Truncate { .. }));
    let touched = |path: &PathBuf| is_write && before.get(path) != told.get(path);
    let untrue = there.keys().chain(told.keys()).find(|path| {
        let found = there.get(*path);
        let is_fresh = !told.contains_key(*path) && found == Some(&Some(Vec::new()));
        found != told.get(*path) && found != before.get(*path) && !is_fresh && !touched(path)
    });
    untrue.map_or(Ok(()), |path| {
        Err(io::Error::other(format!(
            "{} is not as its log tells: a call passed the shim by",
            path.display()
        )))
    })
}

/// Puts the directory there, and rubbish as SQLite's shared memory.
fn lay(root: &Path, contents: &Contents, chance: &mut Chance) -> io::Result<()> {
    if root.exists() {
        std::fs::remove_dir_all(root)?;
    }
    for (path, content) in contents {
        match content {
            None => {
                use std::os::unix::fs::DirBuilderExt;
                std::fs::DirBuilder::new().mode(0o700).create(path)?;
            }
            Some(content) => anew(path)?.write_all(content)?,
        }
        let name = path.as_os_str().to_string_lossy();
        if let Some(database) = name.strip_suffix("-wal") {
            let rubbish: Vec<u8> = (0..32 * 1024 / 8)
                .flat_map(|_| chance.below(u64::MAX).to_le_bytes())
                .collect();
            anew(Path::new(&format!("{database}-shm")))?.write_all(&rubbish)?;
        }
    }
    Ok(())
}

fn anew(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)
}
