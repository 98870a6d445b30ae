//! An image onto a disk, read back from the disk itself.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use ring::digest::{Context, SHA256};

use crate::durable;

/// Read and written at a time.
const PIECE: usize = 4 << 20;
/// At the end of a disk lies the copy of a partition table (UEFI 5.3.2); an earlier one's must not come back.
const TABLE_COPY: u64 = 1 << 20;

/// What is being done, and how far it is: bytes of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The image is judged.
    Check(u64, u64),
    /// It is written.
    Write(u64, u64),
    /// It is read back.
    ReadBack(u64, u64),
}

/// SHA-256 of a file's or a disk's first `bytes`, as lower-case hex.
///
/// # Errors
/// When it can't be read, or is shorter.
pub fn digest(of: &mut File, bytes: u64, mut told: impl FnMut(u64)) -> io::Result<String> {
    let (mut sum, mut piece, mut read) = (Context::new(&SHA256), vec![0; PIECE], 0);
    of.seek(SeekFrom::Start(0))?;
    while read < bytes {
        let piece =
            &mut piece[..usize::try_from((bytes - read).min(PIECE as u64)).unwrap_or(PIECE)];
        of.read_exact(piece)?;
        sum.update(piece);
        read += piece.len() as u64;
        told(read);
    }
    Ok(data_encoding::HEXLOWER.encode(sum.finish().as_ref()))
}

/// Writes `image` onto the disk, whole, and reads it back from there: what comes back has to have that digest.
///
/// # Errors
/// When the disk is too small or fails, or gives back something else.
pub fn copy(
    image: &mut File,
    sha256: &str,
    device: &Path,
    mut told: impl FnMut(Step),
) -> io::Result<()> {
    let bytes = image.seek(SeekFrom::End(0))?;
    image.seek(SeekFrom::Start(0))?;
    let mut disk = OpenOptions::new().read(true).write(true).open(device)?;
    let size = disk.seek(SeekFrom::End(0))?;
    if size < bytes {
        return Err(io::Error::other(format!(
            "{size} bytes are too few for {bytes}"
        )));
    }
    // The old table goes first: a copy that is cut off leaves a disk that nothing starts from.
    for at in [size.saturating_sub(TABLE_COPY), 0] {
        disk.seek(SeekFrom::Start(at))?;
        disk.write_all(&vec![
            0;
            usize::try_from(TABLE_COPY.min(size))
                .unwrap_or_default()
        ])?;
    }
    disk.sync_all()?;
    // The new one comes last.
    let mut head = vec![0; PIECE.min(usize::try_from(bytes).unwrap_or(PIECE))];
    image.read_exact(&mut head)?;
    disk.seek(SeekFrom::Start(head.len() as u64))?;
    let (mut piece, mut written) = (vec![0; PIECE], head.len() as u64);
    loop {
        let read = image.read(&mut piece)?;
        if read == 0 {
            break;
        }
        disk.write_all(&piece[..read])?;
        written += read as u64;
        told(Step::Write(written, bytes));
    }
    disk.sync_all()?;
    disk.seek(SeekFrom::Start(0))?;
    disk.write_all(&head)?;
    disk.sync_all()?;
    // Out of the kernel's memory, so that it comes from the disk.
    durable::forget(&disk)?;
    let back = digest(&mut disk, bytes, |read| told(Step::ReadBack(read, bytes)))?;
    if back != sha256 {
        return Err(io::Error::other(
            "it gives back something else than was written",
        ));
    }
    Ok(())
}
