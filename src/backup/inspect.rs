//! Everything that can be verified of a box's data by itself.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use ring::digest::{Context, SHA256};

use super::{Error, Kind};
use crate::evidence::audit::{self, Audited};
use crate::packet::Digest;
use crate::spool;
use crate::spool::snapshot::{BODIES, each_body};
use crate::store;

/// What was found to hold.
#[derive(Clone, Debug)]
pub struct Contents {
    /// Every log, from its first record to its head.
    pub logs: Vec<Audited>,
    /// Bodies, each compared with its digest.
    pub bodies: u64,
    /// Bytes of them.
    pub bytes: u64,
}

/// Verifies the store's pages, every log from record to head, and every body's digest, of data at which no process is at
/// work.
///
/// # Errors
/// The first thing that does not hold.
pub fn inspect(directory: &Path, schemas: &[&str]) -> Result<Contents, Error> {
    let file = Kind::Store.below(directory);
    store::check(&file, schemas)?;
    store::look(&file, |tx| {
        let mut contents = Contents {
            logs: audit::audit(tx)?,
            bodies: 0,
            bytes: 0,
        };
        each_body(tx, |known| {
            let found = match (&known.place, &known.inline) {
                (Some(place), _) => hashed(&place.below(&directory.join(BODIES)))?,
                (None, Some(bytes)) => (Digest::of(bytes), bytes.len() as u64),
                (None, None) => return Err(spool::Error::Damaged("a body is nowhere".into())),
            };
            if found != (known.digest, known.size) {
                let which = known
                    .place
                    .map_or_else(|| known.digest.to_string(), |p| p.name());
                return Err(spool::Error::Damaged(format!(
                    "body {which} is not what was sealed"
                )));
            }
            contents.bodies += 1;
            contents.bytes += known.size;
            Ok(())
        })?;
        Ok(contents)
    })
}

fn hashed(path: &Path) -> io::Result<(Digest, u64)> {
    let told =
        |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let mut file = File::open(path).map_err(told)?;
    let (mut hash, mut size, mut bytes) = (Context::new(&SHA256), 0, vec![0; 64 * 1024]);
    loop {
        let count = file.read(&mut bytes).map_err(told)?;
        if count == 0 {
            break;
        }
        hash.update(&bytes[..count]);
        size += count as u64;
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(hash.finish().as_ref());
    Ok((Digest::from_bytes(digest), size))
}
