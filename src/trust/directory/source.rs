//! Where a directory's bytes lie: in memory, or in a file of which only the index is held.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;

/// A directory's JSON.
#[derive(Clone, Debug)]
pub enum Source {
    /// In memory.
    Memory(Bytes),
    /// In an open file, behind the seal.
    File {
        /// The file; whatever becomes of its name, this one is read.
        file: Arc<File>,
        /// Where the JSON begins.
        from: u64,
        /// How long it is.
        length: u64,
    },
}

impl Source {
    /// What of an open file lies behind `from`.
    ///
    /// # Errors
    /// When the file can't be asked.
    pub fn file(file: File, from: u64) -> io::Result<Self> {
        let length = file.metadata()?.len().saturating_sub(from);
        let file = Arc::new(file);
        Ok(Self::File { file, from, length })
    }

    /// How many bytes there are.
    #[must_use]
    pub fn length(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File { length, .. } => *length,
        }
    }

    /// The bytes from `at` to `end`.
    pub(super) fn read(&self, at: u64, end: u64) -> io::Result<Bytes> {
        let cut = || io::Error::from(io::ErrorKind::UnexpectedEof);
        if at > end || end > self.length() {
            return Err(cut());
        }
        let index = |at: u64| usize::try_from(at).map_err(|_| cut());
        match self {
            Self::Memory(bytes) => Ok(bytes.slice(index(at)?..index(end)?)),
            Self::File { file, from, .. } => {
                let mut bytes = vec![0; index(end - at)?];
                file.read_exact_at(&mut bytes, from + at)?;
                Ok(bytes.into())
            }
        }
    }
}
