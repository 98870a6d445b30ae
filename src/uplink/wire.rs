//! Seals on the wire: a four-byte length before each, and behind a packet's seal its body.

use bytes::{Bytes, BytesMut};

use crate::seal::LONGEST;

/// Why a stream holds no seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// It ended inside a seal.
    Cut,
    /// The length before a seal is beyond what any seal has.
    TooLong(u32),
    /// More packets or heads than one call may hold.
    TooMany,
    /// A seal names a head that is not there.
    NoSuchHead,
}

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Cut => f.write_str("the stream ended inside a seal"),
            Self::TooLong(length) => write!(f, "a part of {length} bytes is announced"),
            Self::TooMany => f.write_str("more packets than one call may hold"),
            Self::NoSuchHead => f.write_str("a seal names a head that is not there"),
        }
    }
}

impl std::error::Error for Malformed {}

/// A seal with its length before it.
#[must_use]
pub fn framed(seal: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(seal.len() + 4);
    put(&mut out, seal);
    out
}

/// Appends a seal with its length before it.
pub fn put(out: &mut Vec<u8>, seal: &[u8]) {
    // Seals are bounded by LONGEST, far below 4 GiB.
    let length = u32::try_from(seal.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(seal);
}

/// Appends a seal with its position and length before it.
pub fn put_at(out: &mut Vec<u8>, position: u64, seal: &[u8]) {
    out.extend_from_slice(&position.to_be_bytes());
    put(out, seal);
}

/// Takes the seal off the front of a stream that comes in pieces of any size.
#[derive(Debug, Default)]
pub struct SealFirst {
    held: BytesMut,
}

impl SealFirst {
    /// Takes the next piece; when the seal is whole, gives it and what follows of this piece.
    ///
    /// # Errors
    /// [`Malformed::TooLong`], before anything of that length is held.
    pub fn feed(&mut self, piece: &[u8]) -> Result<Option<(Bytes, Bytes)>, Malformed> {
        self.held.extend_from_slice(piece);
        let Some(length) = self.held.first_chunk::<4>() else {
            return Ok(None);
        };
        let length = checked(*length)?;
        if self.held.len() < 4 + length {
            return Ok(None);
        }
        let mut whole = self.held.split();
        let rest = whole.split_off(4 + length).freeze();
        Ok(Some((whole.split_off(4).freeze(), rest)))
    }
}

/// Reads a list of framed seals.
///
/// # Errors
/// When the list ends inside a seal or announces one that is too long.
pub fn seals(mut bytes: &[u8]) -> Result<Vec<Vec<u8>>, Malformed> {
    let mut seals = Vec::new();
    while !bytes.is_empty() {
        seals.push(take(&mut bytes)?);
    }
    Ok(seals)
}

/// Reads a list of positions and framed seals.
///
/// # Errors
/// When the list ends inside an entry or announces a seal that is too long.
pub fn positioned(mut bytes: &[u8]) -> Result<Vec<(u64, Vec<u8>)>, Malformed> {
    let mut entries = Vec::new();
    while !bytes.is_empty() {
        let (position, rest) = bytes.split_first_chunk::<8>().ok_or(Malformed::Cut)?;
        bytes = rest;
        entries.push((u64::from_be_bytes(*position), take(&mut bytes)?));
    }
    Ok(entries)
}

fn take(bytes: &mut &[u8]) -> Result<Vec<u8>, Malformed> {
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or(Malformed::Cut)?;
    let (seal, rest) = rest
        .split_at_checked(checked(*length)?)
        .ok_or(Malformed::Cut)?;
    *bytes = rest;
    Ok(seal.to_vec())
}

fn checked(length: [u8; 4]) -> Result<usize, Malformed> {
    let length = u32::from_be_bytes(length);
    if length as usize > LONGEST {
        return Err(Malformed::TooLong(length));
    }
    Ok(length as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_is_taken_off_whatever_the_pieces() {
        let mut stream = framed(b"the seal");
        stream.extend_from_slice(b"the body");
        for size in 1..stream.len() {
            let mut first = SealFirst::default();
            let mut pieces = stream.chunks(size);
            let (seal, mut rest) = loop {
                if let Some((seal, rest)) = first.feed(pieces.next().unwrap()).unwrap() {
                    break (seal, rest.to_vec());
                }
            };
            pieces.for_each(|piece| rest.extend_from_slice(piece));
            assert_eq!((&seal[..], &rest[..]), (&b"the seal"[..], &b"the body"[..]));
        }
    }

    #[test]
    fn lists_read_back_and_cut_or_monstrous_ones_are_refused() {
        let mut list = framed(b"one");
        put(&mut list, b"two");
        assert_eq!(seals(&list), Ok(vec![b"one".to_vec(), b"two".to_vec()]));
        assert_eq!(seals(&list[..5]), Err(Malformed::Cut));
        assert_eq!(seals(&[255; 9]), Err(Malformed::TooLong(u32::MAX)));
        assert_eq!(
            SealFirst::default().feed(&[255; 4]),
            Err(Malformed::TooLong(u32::MAX))
        );
        let mut list = Vec::new();
        put_at(&mut list, 7, b"one");
        assert_eq!(positioned(&list), Ok(vec![(7, b"one".to_vec())]));
        assert_eq!(positioned(&list[..7]), Err(Malformed::Cut));
    }
}
