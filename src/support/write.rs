//! Writes a bundle: whole under its name, or not at all.

use std::io;
use std::path::{Path, PathBuf};

use ring::digest::{Context, SHA256};

use super::{Entry, README, SIGNATURE, Signature, archive, readme};
use crate::clock::Moment;
use crate::durable::Disk;
use crate::packet::Digest;
use crate::seal::Attestation;

/// A bundle that lies on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Where.
    pub path: PathBuf,
    /// Bytes of the file.
    pub bytes: u64,
    /// Why it bears no signature, where it does not.
    pub unsigned: Option<String>,
}

/// Writes the entries and the box's word on them, which `sign` gives; without one under a name that says so.
///
/// # Errors
/// What could not be written, a full medium among it.
pub fn write(
    disk: &Disk,
    path: &Path,
    (entries, made): (&[Entry], Moment),
    sign: impl FnOnce(Digest) -> Result<Attestation, String>,
) -> io::Result<Written> {
    let (digest, bytes) = digest(entries, &readme::text(entries, made, None), made);
    let (path, word) = match sign(digest) {
        Ok(word) => (path.to_owned(), Ok(word)),
        Err(why) => (unsigned(path), Err(why)),
    };
    let first = readme::text(entries, made, word.as_ref().err().map(String::as_str));
    let mut draft = disk.draft(&path)?;
    let mut written = 0;
    let mut take = |piece: &[u8]| {
        written += piece.len() as u64;
        draft.append(piece)
    };
    each(entries, &first, made, &mut take)?;
    let unsigned = match word {
        Ok(word) => {
            let signature = Signature {
                bytes,
                digest,
                word,
            };
            let json = serde_json::to_vec_pretty(&signature)?;
            archive::entry((SIGNATURE, &json), made, &mut take)?;
            None
        }
        Err(why) => Some(why),
    };
    archive::end(&mut take)?;
    draft.finish()?;
    Ok(Written {
        path,
        bytes: written,
        unsigned,
    })
}

fn each(
    entries: &[Entry],
    readme: &str,
    made: Moment,
    take: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    archive::entry((README, readme.as_bytes()), made, take)?;
    entries
        .iter()
        .try_for_each(|entry| archive::entry((&entry.name, &entry.bytes), made, take))
}

fn digest(entries: &[Entry], readme: &str, made: Moment) -> (Digest, u64) {
    let (mut hash, mut bytes) = (Context::new(&SHA256), 0);
    // A hash takes whatever comes.
    let _ = each(entries, readme, made, &mut |piece| {
        hash.update(piece);
        bytes += piece.len() as u64;
        Ok(())
    });
    let mut digest = [0; 32];
    digest.copy_from_slice(hash.finish().as_ref());
    (Digest::from_bytes(digest), bytes)
}

/// The name of a bundle that bears no signature.
fn unsigned(path: &Path) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{stem}-unsigned.tar"))
}
