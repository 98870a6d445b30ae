//! What a process did to its directory, one record a call, as the shim logs it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// One change, or one flush. Files are named by inode number, since a write knows no path.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are what their names say")]
pub enum Record {
    /// A new, empty file.
    Create { inode: u64, path: PathBuf },
    /// A file that was there is opened.
    Open { inode: u64, path: PathBuf },
    /// Bytes put at a place of a file.
    Write {
        inode: u64,
        offset: u64,
        data: Vec<u8>,
    },
    /// A file cut or stretched to a length.
    Truncate { inode: u64, length: u64 },
    /// A file's content flushed.
    Sync { inode: u64 },
    /// A directory's entries flushed.
    SyncDir { path: PathBuf },
    /// A file's name changed.
    Rename { from: PathBuf, to: PathBuf },
    /// A name taken away.
    Remove { path: PathBuf },
    /// A new directory.
    MakeDir { path: PathBuf },
}

/// Between two paths of one record; no path holds it.
const BETWEEN: u8 = 0;
/// Length, kind and two numbers.
const HEAD: usize = 4 + 1 + 8 + 8;

impl Record {
    /// The record as bytes of the log.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let bytes = |path: &Path| path.as_os_str().as_bytes().to_vec();
        let (kind, a, b, rest) = match self {
            Self::Create { inode, path } => (0, *inode, 0, bytes(path)),
            Self::Open { inode, path } => (1, *inode, 0, bytes(path)),
            Self::Write {
                inode,
                offset,
                data,
            } => (2, *inode, *offset, data.clone()),
            Self::Truncate { inode, length } => (3, *inode, *length, Vec::new()),
            Self::Sync { inode } => (4, *inode, 0, Vec::new()),
            Self::SyncDir { path } => (5, 0, 0, bytes(path)),
            Self::Rename { from, to } => {
                let both = [bytes(from), bytes(to)].join(&BETWEEN);
                (6, 0, 0, both)
            }
            Self::Remove { path } => (7, 0, 0, bytes(path)),
            Self::MakeDir { path } => (8, 0, 0, bytes(path)),
        };
        let mut all = Vec::with_capacity(HEAD + rest.len());
        let length = u32::try_from(rest.len()).unwrap_or(u32::MAX);
        all.extend_from_slice(&length.to_le_bytes());
        all.push(kind);
        all.extend_from_slice(&a.to_le_bytes());
        all.extend_from_slice(&b.to_le_bytes());
        all.extend_from_slice(&rest);
        all
    }

    /// All records of a log. A last one that was cut off by the process's end is left out: it was not carried out.
    ///
    /// # Errors
    /// What is no log.
    pub fn decode_all(mut log: &[u8]) -> Result<Vec<Self>, String> {
        let mut all = Vec::new();
        while let Some((head, rest)) = log.split_first_chunk::<HEAD>() {
            let [l0, l1, l2, l3, kind, numbers @ ..] = *head;
            let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
            let Some((payload, next)) = rest.split_at_checked(length) else {
                break;
            };
            let number = |at: usize| {
                let mut eight = [0; 8];
                eight.copy_from_slice(&numbers[at..at + 8]);
                u64::from_le_bytes(eight)
            };
            all.push(Self::decode(kind, number(0), number(8), payload)?);
            log = next;
        }
        Ok(all)
    }

    fn decode(kind: u8, a: u64, b: u64, payload: &[u8]) -> Result<Self, String> {
        let path = |bytes: &[u8]| PathBuf::from(OsStr::from_bytes(bytes));
        Ok(match kind {
            0 => Self::Create {
                inode: a,
                path: path(payload),
            },
            1 => Self::Open {
                inode: a,
                path: path(payload),
            },
            2 => Self::Write {
                inode: a,
                offset: b,
                data: payload.to_vec(),
            },
            3 => Self::Truncate {
                inode: a,
                length: b,
            },
            4 => Self::Sync { inode: a },
            5 => Self::SyncDir {
                path: path(payload),
            },
            6 => {
                let mut both = payload.splitn(2, |byte| *byte == BETWEEN);
                Self::Rename {
                    from: path(both.next().unwrap_or_default()),
                    to: path(both.next().unwrap_or_default()),
                }
            }
            7 => Self::Remove {
                path: path(payload),
            },
            8 => Self::MakeDir {
                path: path(payload),
            },
            _ => return Err(format!("a record of kind {kind}")),
        })
    }
}
