//! A seal as bytes: a magic word with its version, then fields in order, each with its length.

use std::fmt;

use crate::evidence::{Proof, Record};
use crate::merkle::Hash;

/// A record, its place in its member's tree, and the signed head over it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    /// The record's canonical bytes.
    pub record: Vec<u8>,
    /// Its place in the log, counted from 0.
    pub index: u64,
    /// Inclusion path (RFC 9162 section 2.1.3).
    pub path: Vec<Hash>,
    /// The checkpoint's signed bytes.
    pub checkpoint: Vec<u8>,
    /// CMS SignedData, detached, over the checkpoint.
    pub cms: Vec<u8>,
}

/// Longest seal that is read, in bytes: a record of 1,000 recipients and a long certificate chain fit.
pub const LONGEST: usize = 512 * 1024;

const MAGIC: &[u8; 8] = b"tgseal\x00\x01";
const LONGEST_PATH: usize = 64;

/// Why bytes are no seal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed(String);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a seal: {}", self.0)
    }
}

impl std::error::Error for Malformed {}

impl From<&Proof> for Seal {
    fn from(proof: &Proof) -> Self {
        Self {
            record: proof.record.clone(),
            index: proof.index,
            path: proof.path.clone(),
            checkpoint: proof.head.body.clone(),
            cms: proof.head.cms.clone(),
        }
    }
}

impl Seal {
    /// The bytes that travel.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let length =
            64 + self.record.len() + self.path.len() * 32 + self.checkpoint.len() + self.cms.len();
        let mut out = Vec::with_capacity(length);
        out.extend_from_slice(MAGIC);
        put(&mut out, &self.record);
        out.extend_from_slice(&self.index.to_be_bytes());
        put(&mut out, self.path.as_flattened());
        put(&mut out, &self.checkpoint);
        put(&mut out, &self.cms);
        out
    }

    /// Reads exactly one seal.
    ///
    /// # Errors
    /// Names the field that is wrong; a version that is not known is named, never guessed.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        if bytes.len() > LONGEST {
            return Err(wrong("longer than 512 KiB"));
        }
        let (front, head) = apart(bytes);
        let Place {
            record,
            index,
            path,
        } = Place::decode(front)?;
        let (checkpoint, cms) = decode_head(head)?;
        Ok(Self {
            record,
            index,
            path,
            checkpoint,
            cms,
        })
    }
}

/// A seal's front: a record and its place, without the head.
pub(super) struct Place {
    pub(super) record: Vec<u8>,
    pub(super) index: u64,
    pub(super) path: Vec<Hash>,
}

impl Place {
    /// Reads exactly one front, as [`apart`] cuts it.
    pub(super) fn decode(front: &[u8]) -> Result<Self, Malformed> {
        let mut rest = front.strip_prefix(MAGIC).ok_or_else(|| {
            let shown = String::from_utf8_lossy(&front[..front.len().min(8)]);
            Malformed(format!("unknown format {shown:?}"))
        })?;
        let record = take(&mut rest, "record")?.to_vec();
        let index = take_u64(&mut rest)?;
        let path = take(&mut rest, "path")?;
        let (path, odd) = path.as_chunks::<32>();
        if !odd.is_empty() || path.len() > LONGEST_PATH {
            return Err(wrong("the path is not up to 64 hashes"));
        }
        if !rest.is_empty() {
            return Err(wrong("bytes behind the front's end"));
        }
        Ok(Self {
            record,
            index,
            path: path.to_vec(),
        })
    }
}

/// The record in a seal, or in its front as [`apart`] cuts it: what is claimed, judged by nobody here.
///
/// # Errors
/// As [`Seal::decode`], or when what it holds is no record.
pub fn record_of(seal: &[u8]) -> Result<Record, Malformed> {
    let (front, _) = apart(seal);
    let place = Place::decode(front)?;
    Record::parse(&place.record).map_err(|error| Malformed(error.to_string()))
}

/// Reads exactly one head: checkpoint and signature.
pub(super) fn decode_head(head: &[u8]) -> Result<(Vec<u8>, Vec<u8>), Malformed> {
    let mut rest = head;
    let checkpoint = take(&mut rest, "checkpoint")?.to_vec();
    let cms = take(&mut rest, "signature")?.to_vec();
    if rest.is_empty() {
        Ok((checkpoint, cms))
    } else {
        Err(wrong("bytes behind the end"))
    }
}

/// Cuts a seal's bytes before its head: many seals end in the same head, which then need lie or travel only once. The two
/// parts put together are the seal again, whatever the bytes are.
#[must_use]
pub fn apart(seal: &[u8]) -> (&[u8], &[u8]) {
    let front = || {
        let mut rest = seal.strip_prefix(MAGIC)?;
        take(&mut rest, "record").ok()?;
        take_u64(&mut rest).ok()?;
        take(&mut rest, "path").ok()?;
        Some(seal.len() - rest.len())
    };
    seal.split_at(front().unwrap_or(seal.len()))
}

fn put(out: &mut Vec<u8>, field: &[u8]) {
    // Fields are bounded far below 4 GiB by what makes them.
    let length = u32::try_from(field.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(field);
}

fn take<'a>(rest: &mut &'a [u8], field: &str) -> Result<&'a [u8], Malformed> {
    let cut = || Malformed(format!("cut off in its {field}"));
    let (length, behind) = rest.split_first_chunk::<4>().ok_or_else(cut)?;
    let length = u32::from_be_bytes(*length) as usize;
    let (value, behind) = behind.split_at_checked(length).ok_or_else(cut)?;
    *rest = behind;
    Ok(value)
}

fn take_u64(rest: &mut &[u8]) -> Result<u64, Malformed> {
    let (number, behind) = rest
        .split_first_chunk::<8>()
        .ok_or_else(|| wrong("cut off in its index"))?;
    *rest = behind;
    Ok(u64::from_be_bytes(*number))
}

fn wrong(what: &str) -> Malformed {
    Malformed(what.to_owned())
}
