//! Reads a backup: first all of it without a key, then what is in it.

use std::io::Read;
use std::path::Path;

use super::chunks::{self, CHUNK, Reader};
use super::file::In;
use super::{Error, Header, Kind, MAGIC, altered};
use crate::durable::Disk;
use crate::packet::Digest;
use crate::seal::Attestation;

/// A file that has the form of a backup; whose it is the signature says.
#[derive(Clone, Debug)]
pub struct Checked {
    /// Whose and when.
    pub header: Header,
    /// CMS AuthEnvelopedData with the content key.
    pub envelope: Vec<u8>,
    /// SHA-256 of all before the signature.
    pub digest: Digest,
    /// The box's word on that digest.
    pub signature: Attestation,
}

/// Reads all of a file without a key.
///
/// # Errors
/// [`Error::Altered`] when it is no backup, is cut off, or something follows.
pub fn check(path: &Path) -> Result<Checked, Error> {
    let mut file = In::open(path)?;
    let (header, envelope, _) = begin(&mut file)?;
    let mut chunk = Vec::new();
    while !chunks::next(&mut file, &mut chunk)? {}
    let digest = file.digest();
    let signature = serde_json::from_slice(&file.block()?).map_err(altered)?;
    if file.read(&mut [0])? != 0 {
        return Err(altered("something follows the signature"));
    }
    Ok(Checked {
        header,
        envelope,
        digest,
        signature,
    })
}

fn begin(file: &mut In) -> Result<(Header, Vec<u8>, Digest), Error> {
    let mut magic = [0; MAGIC.len()];
    super::file::exactly(file, &mut magic)?;
    if magic != MAGIC {
        return Err(altered("it does not begin as one"));
    }
    let header = file.block()?;
    let envelope = file.block()?;
    let read = serde_json::from_slice(&header).map_err(altered)?;
    Ok((read, envelope, Digest::of(&header)))
}

/// Puts everything that is in a checked file below `directory`, which must be new.
///
/// # Errors
/// When the key does not open it, when it has an entry that has no place in a box, when the file is another one than was
/// checked, or when the disk is full.
pub fn extract(
    path: &Path,
    checked: &Checked,
    key: &[u8; 32],
    disk: &Disk,
    directory: &Path,
) -> Result<(), Error> {
    let mut file = In::open(path)?;
    let (_, _, header) = begin(&mut file)?;
    let mut plain = Reader::new(key, header, &mut file)?;
    while let Some((kind, size)) = Kind::decode(|bytes| plain.exactly(bytes))? {
        let to = kind.below(directory);
        if to.exists() {
            return Err(Error::Content(format!("{kind:?} stands twice")));
        }
        if let Some(above) = to.parent() {
            disk.make_dir(above)?;
        }
        let mut draft = disk.draft(&to)?;
        let mut left = size;
        while left > 0 {
            let bytes = plain.some(usize::try_from(left).unwrap_or(CHUNK).min(CHUNK))?;
            if bytes.is_empty() {
                return Err(altered("cut off"));
            }
            draft.append(bytes)?;
            left -= bytes.len() as u64;
        }
        draft.finish()?;
    }
    if !plain.some(1)?.is_empty() {
        return Err(altered("something follows the last entry"));
    }
    if file.digest() == checked.digest {
        Ok(())
    } else {
        Err(altered("it was changed while it was read"))
    }
}
