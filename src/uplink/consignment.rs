//! Many small packets in one call, and the hub's word on each. Seals that end in the same head share it.
//!
//! ```text
//! heads     number of them, then each with its length
//! request   packets until the end: number of its head, front of its seal, body; the last two with their lengths
//! answer    outcomes in the packets' order: status; of 200 number of the receipt's head and the receipt's front, of any
//!           other a problem (RFC 9457)
//! ```
//! Numbers are 32 bits, statuses 16, both big-endian. [`crate::seal::apart`] cuts a seal into front and head.

use bytes::{Buf, Bytes};

use super::wire::{Malformed, put};
use crate::seal::{LONGEST, apart};

/// Longest body that travels in a consignment, in bytes; longer ones have a call each.
pub const LONGEST_BODY: usize = 16 * 1024;
/// Packets of one consignment at most.
pub const MOST: usize = 128;
/// Longest consignment that is read, in bytes.
pub const LONGEST_CONSIGNMENT: u64 = 4 << 20;

/// A packet as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consigned {
    /// The front of its seal.
    pub front: Bytes,
    /// The number of its seal's head in [`Consignment::heads`].
    pub head: usize,
    /// The document.
    pub body: Bytes,
}

/// What came in one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consignment {
    /// Heads of seals, each once.
    pub heads: Vec<Bytes>,
    /// The packets.
    pub packets: Vec<Consigned>,
}

/// The hub's word on one packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The seal of its *accepted* receipt.
    Accepted(Vec<u8>),
    /// Any other status, and the problem's JSON.
    Problem(u16, Vec<u8>),
}

/// The bytes of a consignment of seals and bodies.
#[must_use]
pub fn consignment<'a>(packets: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Vec<u8> {
    let (mut heads, mut out) = (Heads::default(), Vec::new());
    for (seal, body) in packets {
        let (front, head) = apart(seal);
        out.extend_from_slice(&heads.number(head).to_be_bytes());
        put(&mut out, front);
        put(&mut out, body);
    }
    heads.before(out)
}

/// Reads a consignment.
///
/// # Errors
/// When it is cut off, holds more than [`MOST`] packets or one with a longer body than [`LONGEST_BODY`].
pub fn read(mut bytes: Bytes) -> Result<Consignment, Malformed> {
    let heads = take_heads(&mut bytes)?;
    let mut packets = Vec::new();
    while !bytes.is_empty() {
        if packets.len() == MOST {
            return Err(Malformed::TooMany);
        }
        packets.push(Consigned {
            head: take_number(&mut bytes, heads.len())?,
            front: take(&mut bytes, LONGEST)?,
            body: take(&mut bytes, LONGEST_BODY)?,
        });
    }
    Ok(Consignment { heads, packets })
}

/// The bytes of the hub's answer.
#[must_use]
pub fn answer(outcomes: &[Outcome]) -> Vec<u8> {
    let (mut heads, mut out) = (Heads::default(), Vec::new());
    for outcome in outcomes {
        match outcome {
            Outcome::Accepted(seal) => {
                let (front, head) = apart(seal);
                out.extend_from_slice(&200_u16.to_be_bytes());
                out.extend_from_slice(&heads.number(head).to_be_bytes());
                put(&mut out, front);
            }
            Outcome::Problem(status, json) => {
                out.extend_from_slice(&status.to_be_bytes());
                put(&mut out, json);
            }
        }
    }
    heads.before(out)
}

/// Reads the hub's answer.
///
/// # Errors
/// When it is cut off or holds more than [`MOST`] outcomes.
pub fn outcomes(mut bytes: Bytes) -> Result<Vec<Outcome>, Malformed> {
    let heads = take_heads(&mut bytes)?;
    let mut outcomes = Vec::new();
    while !bytes.is_empty() {
        if outcomes.len() == MOST {
            return Err(Malformed::TooMany);
        }
        let status = bytes.try_get_u16().map_err(|_| Malformed::Cut)?;
        outcomes.push(if status == 200 {
            let head = &heads[take_number(&mut bytes, heads.len())?];
            let front = take(&mut bytes, LONGEST)?;
            Outcome::Accepted([&front[..], head].concat())
        } else {
            Outcome::Problem(status, take(&mut bytes, LONGEST)?.to_vec())
        });
    }
    Ok(outcomes)
}

/// Heads on their way out, each once.
#[derive(Default)]
struct Heads<'a>(Vec<&'a [u8]>);

impl<'a> Heads<'a> {
    fn number(&mut self, head: &'a [u8]) -> u32 {
        // Those that were sealed together follow each other.
        let at = self.0.iter().rposition(|known| *known == head);
        let at = at.unwrap_or_else(|| {
            self.0.push(head);
            self.0.len() - 1
        });
        // At most one a packet.
        u32::try_from(at).unwrap_or(u32::MAX)
    }

    fn before(self, rest: Vec<u8>) -> Vec<u8> {
        let heads: usize = self.0.iter().map(|head| head.len() + 4).sum();
        let mut out = Vec::with_capacity(4 + heads + rest.len());
        let count = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        out.extend_from_slice(&count.to_be_bytes());
        for head in self.0 {
            put(&mut out, head);
        }
        out.extend_from_slice(&rest);
        out
    }
}

fn take_heads(bytes: &mut Bytes) -> Result<Vec<Bytes>, Malformed> {
    let count = bytes.try_get_u32().map_err(|_| Malformed::Cut)?;
    if count as usize > MOST {
        return Err(Malformed::TooMany);
    }
    (0..count).map(|_| take(bytes, LONGEST)).collect()
}

fn take_number(bytes: &mut Bytes, bound: usize) -> Result<usize, Malformed> {
    let number = bytes.try_get_u32().map_err(|_| Malformed::Cut)? as usize;
    if number < bound {
        Ok(number)
    } else {
        Err(Malformed::NoSuchHead)
    }
}

fn take(bytes: &mut Bytes, longest: usize) -> Result<Bytes, Malformed> {
    let length = bytes.try_get_u32().map_err(|_| Malformed::Cut)?;
    if length as usize > longest {
        return Err(Malformed::TooLong(length));
    }
    if length as usize > bytes.len() {
        return Err(Malformed::Cut);
    }
    Ok(bytes.split_to(length as usize))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::Seal;

    fn seal(record: &[u8], head: &[u8]) -> Vec<u8> {
        let seal = Seal {
            record: record.to_vec(),
            index: 7,
            path: vec![[1; 32]],
            checkpoint: head.to_vec(),
            cms: b"cms".to_vec(),
        };
        seal.encode()
    }

    #[test]
    fn a_consignment_reads_back_and_each_head_travels_once() {
        let seals = [seal(b"one", b"A"), seal(b"two", b"B"), seal(b"three", b"A")];
        let sent = consignment(seals.iter().map(|seal| (&seal[..], &b"body"[..])));
        let came = read(sent.into()).unwrap();
        assert_eq!(came.heads.len(), 2);
        for (packet, seal) in came.packets.iter().zip(&seals) {
            let whole = [&packet.front[..], &came.heads[packet.head]].concat();
            assert_eq!((&whole, &packet.body[..]), (seal, &b"body"[..]));
        }
    }

    #[test]
    fn outcomes_read_back() {
        let all = [
            Outcome::Accepted(seal(b"one", b"A")),
            Outcome::Problem(409, b"{}".to_vec()),
            Outcome::Accepted(seal(b"two", b"A")),
        ];
        assert_eq!(outcomes(answer(&all).into()), Ok(all.to_vec()));
    }

    #[test]
    fn no_cut_and_nothing_monstrous_is_read() {
        let seal = seal(b"one", b"A");
        let sent = consignment(std::iter::once((&seal[..], &b"body"[..])));
        for end in 0..sent.len() {
            let cut = read(Bytes::copy_from_slice(&sent[..end]));
            assert!(end == seal_end(&sent) || cut.is_err(), "{end}");
        }
        assert_eq!(read(vec![255; 9].into()), Err(Malformed::TooMany));
        let long = vec![0; LONGEST_BODY + 1];
        let sent = consignment(std::iter::once((&seal[..], &long[..])));
        let said = u32::try_from(LONGEST_BODY + 1).unwrap();
        assert_eq!(read(sent.into()), Err(Malformed::TooLong(said)));
        let many = consignment((0..=MOST).map(|_| (&seal[..], &b""[..])));
        assert_eq!(read(many.into()), Err(Malformed::TooMany));
        let mut other = consignment(std::iter::once((&seal[..], &b""[..])));
        let at = seal_end(&other);
        other[at + 3] = 1;
        assert_eq!(read(other.into()), Err(Malformed::NoSuchHead));
    }

    /// Where the heads end and the packets begin: a consignment cut there holds none.
    fn seal_end(sent: &[u8]) -> usize {
        let mut rest = Bytes::copy_from_slice(sent);
        take_heads(&mut rest).unwrap();
        sent.len() - rest.len()
    }
}
