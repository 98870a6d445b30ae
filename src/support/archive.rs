//! The archive: plain files with short names, written and read in one strict form.

use std::io;

use super::{Error, altered};
use crate::clock::Moment;

/// Bytes of a block.
const BLOCK: usize = 512;

/// Whether an entry may have this name.
pub(super) fn fits(name: &str) -> bool {
    let part = |part: &str| {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        !part.is_empty() && !part.starts_with(['.', '-']) && part.bytes().all(known)
    };
    name.len() < 100 && name.split('/').count() <= 2 && name.split('/').all(part)
}

/// Hands the bytes of an entry to `take`.
pub(super) fn entry(
    (name, bytes): (&str, &[u8]),
    made: Moment,
    take: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    take(&head(name, bytes.len(), made))?;
    take(bytes)?;
    take(&[0; BLOCK][..filling(bytes.len())])
}

/// Hands the end to `take`: two blocks of zeros.
pub(super) fn end(take: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    take(&[0; 2 * BLOCK])
}

fn filling(length: usize) -> usize {
    length.next_multiple_of(BLOCK) - length
}

fn head(name: &str, length: usize, made: Moment) -> [u8; BLOCK] {
    let mut head = [0; BLOCK];
    let mut put =
        |at: usize, text: &str| head[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0000644");
    put(108, "0000000");
    put(116, "0000000");
    put(124, &format!("{length:011o}"));
    put(136, &format!("{:011o}", made.unix_timestamp().max(0)));
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
    head[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    head
}

/// Where an entry lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place<'a> {
    pub(super) name: &'a str,
    /// Where its head begins.
    pub(super) at: usize,
    pub(super) bytes: &'a [u8],
}

/// All entries. What is taken here is what [`entry`] and [`end`] give, byte for byte: nothing hides between entries, and no
/// other program reads other entries out of it.
pub(super) fn entries(file: &[u8]) -> Result<Vec<Place<'_>>, Error> {
    let mut all: Vec<Place<'_>> = Vec::new();
    let (mut at, mut made) = (0, None);
    loop {
        let block = file.get(at..at + BLOCK).ok_or_else(|| altered("cut off"))?;
        if block.iter().all(|byte| *byte == 0) {
            let rest = &file[at..];
            let ended = rest.len() == 2 * BLOCK && rest.iter().all(|byte| *byte == 0);
            return ended
                .then_some(all)
                .ok_or_else(|| altered("its end is none"));
        }
        let (name, length, time) = read(block)?;
        if all.iter().any(|known| known.name == name) || *made.get_or_insert(time) != time {
            return Err(altered(format_args!("{name} has no place here")));
        }
        let begin = at + BLOCK;
        let end = begin.checked_add(length).filter(|end| *end <= file.len());
        let bytes = &file[begin..end.ok_or_else(|| altered("cut off"))?];
        let next = begin + length + filling(length);
        let between = file.get(begin + length..next);
        if between.is_none_or(|filling| filling.iter().any(|byte| *byte != 0)) {
            return Err(altered(format_args!("{name} does not end as it should")));
        }
        all.push(Place { name, at, bytes });
        at = next;
    }
}

/// Name, length and time that a head tells.
fn read(block: &[u8]) -> Result<(&str, usize, i64), Error> {
    let strange = || altered("an entry of a form that a bundle has not");
    let name = block[..100].split(|byte| *byte == 0).next();
    let name = name.and_then(|name| std::str::from_utf8(name).ok());
    let name = name.filter(|name| fits(name)).ok_or_else(strange)?;
    let octal = |from: usize| {
        let text = std::str::from_utf8(&block[from..from + 11]).ok()?;
        i64::from_str_radix(text, 8).ok()
    };
    let (length, time) = octal(124).zip(octal(136)).ok_or_else(strange)?;
    let made = Moment::from_unix_timestamp(time).map_err(|_| strange())?;
    let length = usize::try_from(length).map_err(|_| strange())?;
    if head(name, length, made) == block {
        Ok((name, length, time))
    } else {
        Err(strange())
    }
}
