//! Bytes in and out of the file, all of them hashed.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use ring::digest::{Context, SHA256};

use super::{Error, LONGEST, altered};
use crate::durable::{Disk, Draft};
use crate::packet::Digest;

/// The file while it is written.
pub(super) struct Out {
    draft: Draft,
    hash: Context,
    pub(super) bytes: u64,
}

impl Out {
    pub(super) fn new(disk: &Disk, path: &Path) -> io::Result<Self> {
        Ok(Self {
            draft: disk.draft(path)?,
            hash: Context::new(&SHA256),
            bytes: 0,
        })
    }

    pub(super) fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        self.draft.append(bytes)
    }

    pub(super) fn block(&mut self, bytes: &[u8]) -> io::Result<()> {
        let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        self.put(&length.to_be_bytes())?;
        self.put(bytes)
    }

    /// Digest of all that was put so far.
    pub(super) fn digest(&self) -> Digest {
        digest(&self.hash)
    }

    pub(super) fn finish(self) -> io::Result<()> {
        self.draft.finish()
    }
}

/// The file while it is read.
pub(super) struct In {
    file: BufReader<File>,
    hash: Context,
}

impl In {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self {
            file: BufReader::with_capacity(128 * 1024, File::open(path)?),
            hash: Context::new(&SHA256),
        })
    }

    pub(super) fn block(&mut self) -> Result<Vec<u8>, Error> {
        let mut length = [0; 4];
        exactly(self, &mut length)?;
        let length = u32::from_be_bytes(length);
        if length > LONGEST {
            return Err(altered(format_args!("a part of {length} bytes")));
        }
        let mut bytes = vec![0; length as usize];
        exactly(self, &mut bytes)?;
        Ok(bytes)
    }

    /// Digest of all that was read so far.
    pub(super) fn digest(&self) -> Digest {
        digest(&self.hash)
    }
}

impl Read for In {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(into)?;
        self.hash.update(&into[..count]);
        Ok(count)
    }
}

fn digest(hash: &Context) -> Digest {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(hash.clone().finish().as_ref());
    Digest::from_bytes(bytes)
}

pub(super) fn exactly(from: &mut impl Read, into: &mut [u8]) -> Result<(), Error> {
    from.read_exact(into).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => altered("cut off"),
        _ => Error::Disk(error),
    })
}
