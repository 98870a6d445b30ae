//! Whether a bundle is what some box made, with public material alone.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::Value;

use super::{ABOUT, Error, LONGEST, SIGNATURE, Signature, altered, archive};
use crate::clock::{Moment, parse_rfc3339};
use crate::packet::{Digest, MemberId};
use crate::seal::{Paper, Sealer, Unattested};
use crate::trust::Trust;

/// A bundle that a seal key has signed as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Whose key it was.
    pub member: MemberId,
    /// When it was made, as the box says.
    pub made: Moment,
    /// The box's code, as the box says.
    pub code: Option<String>,
    /// Names of its entries.
    pub entries: Vec<String>,
}

/// Verifies all of a file. Certificates are judged as of the time at which the bundle says it was made.
///
/// # Errors
/// What does not hold.
pub fn verify(path: &Path, trust: &Trust) -> Result<Verified, Error> {
    let mut file = Vec::new();
    let read = File::open(path)?.take(LONGEST + 1).read_to_end(&mut file)?;
    if read as u64 > LONGEST {
        return Err(altered(format_args!("more than {LONGEST} bytes")));
    }
    let entries = archive::entries(&file)?;
    let (last, before) = entries.split_last().ok_or_else(|| altered("it is empty"))?;
    if last.name != SIGNATURE {
        return Err(Error::Unsigned);
    }
    let signature: Signature = serde_json::from_slice(last.bytes).map_err(altered)?;
    let digest = Digest::of(&file[..last.at]);
    if (signature.bytes, signature.digest) != (last.at as u64, digest) {
        return Err(altered(format_args!("{digest} is not what was signed")));
    }
    let about = before.iter().find(|entry| entry.name == ABOUT);
    let about = about.ok_or_else(|| altered(format_args!("{ABOUT} is missing")))?;
    let about: Value = serde_json::from_slice(about.bytes).map_err(altered)?;
    let made = about["made"].as_str().and_then(parse_rfc3339);
    let made = made.ok_or_else(|| altered("it does not say when it was made"))?;
    let member = signature
        .word
        .verify((Paper::Support, digest), trust, Sealer::Certificate, made)
        .map_err(|error| match error {
            Unattested::Signer(why) => Error::Signer(why),
            Unattested::AnotherFile => altered(error),
        })?;
    Ok(Verified {
        member,
        made,
        code: about["box"].as_str().map(str::to_owned),
        entries: entries.iter().map(|entry| entry.name.to_owned()).collect(),
    })
}
