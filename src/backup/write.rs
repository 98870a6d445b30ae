//! Writes a backup, in one pass and flat memory.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::chunks::{CHUNK, Writer};
use super::entry::END;
use super::envelope::{self, ContentKey, Recipient};
use super::file::Out;
use super::{Error, Header, Kind, MAGIC, altered};
use crate::clock::Chance;
use crate::durable::Disk;
use crate::packet::Digest;
use crate::seal::Attestation;
use crate::spool::snapshot::{STORE, each_body};
use crate::store;

/// A file that goes in beside the copied spool.
#[derive(Clone, Debug)]
pub struct Part {
    /// As what.
    pub kind: Kind,
    /// Where it lies.
    pub from: PathBuf,
}

/// A backup that lies on the disk.
#[derive(Debug)]
pub struct Written {
    /// Bytes of the file.
    pub bytes: u64,
    /// SHA-256 of all before the signature.
    pub digest: Digest,
    /// What opens it: for a rehearsal on this box, until the next one.
    pub key: ContentKey,
}

/// Writes the copy in `snapshot` and the `parts` to `path`: whole, or not under that name.
///
/// # Errors
/// What could not be read, encrypted, signed or written, a full disk among it.
pub fn write(
    disk: &Disk,
    path: &Path,
    header: &Header,
    (snapshot, parts): (&Path, &[Part]),
    recipients: &[Recipient],
    chance: &Chance,
    sign: impl FnOnce(Digest) -> Result<Attestation, Error>,
) -> Result<Written, Error> {
    if recipients.is_empty() {
        return Err(Error::Recipient("none is named".into()));
    }
    let key = ContentKey::new(chance.bytes());
    let mut out = Out::new(disk, path)?;
    out.put(MAGIC)?;
    let header = serde_json::to_vec(header).map_err(altered)?;
    out.block(&header)?;
    out.block(&envelope::seal(&key[..], recipients, chance)?)?;
    let mut chunks = Writer::new(&key, Digest::of(&header), |bytes| out.put(bytes))?;
    put_file(&mut chunks, &Kind::Store, &snapshot.join(STORE))?;
    store::look(&snapshot.join(STORE), |tx| {
        let mut failed = Ok(());
        each_body(tx, |known| {
            if let (Some(place), Ok(())) = (known.place, &failed) {
                let kind = Kind::Body(place);
                failed = put_file(&mut chunks, &kind, &kind.below(snapshot));
            }
            Ok(())
        })?;
        failed
    })?;
    for part in parts {
        put_file(&mut chunks, &part.kind, &part.from)?;
    }
    chunks.put(&[END])?;
    chunks.finish()?;
    let digest = out.digest();
    let signature = serde_json::to_vec(&sign(digest)?).map_err(altered)?;
    out.block(&signature)?;
    let bytes = out.bytes;
    out.finish()?;
    Ok(Written { bytes, digest, key })
}

fn put_file<F: FnMut(&[u8]) -> std::io::Result<()>>(
    chunks: &mut Writer<F>,
    kind: &Kind,
    from: &Path,
) -> Result<(), Error> {
    let told = |error: std::io::Error| {
        Error::Disk(std::io::Error::new(
            error.kind(),
            format!("{}: {error}", from.display()),
        ))
    };
    let mut file = File::open(from).map_err(told)?;
    let size = file.metadata().map_err(told)?.len();
    chunks.put(&kind.encode(size)?)?;
    let mut left = size;
    let mut bytes = vec![0; CHUNK];
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
        let count = file.read(&mut bytes[..most]).map_err(told)?;
        if count == 0 {
            return Err(told(std::io::ErrorKind::UnexpectedEof.into()));
        }
        chunks.put(&bytes[..count])?;
        left -= count as u64;
    }
    Ok(())
}
