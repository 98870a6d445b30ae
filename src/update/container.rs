//! The archive around a bundle: ustar (IEEE 1003.1), of which only plain files under the names that are expected, in the
//! order in which they are expected, are read. No path of the archive ever reaches a file system.

use std::io::{self, Read};

use super::refused::{Error, Refused};

/// Bytes of a block.
const BLOCK: usize = 512;
/// Zeros that may follow the end: tar fills its last record.
const TAIL: usize = 64 * 1024;

/// An archive on its way.
#[derive(Debug)]
pub(super) struct Container<R>(R);

impl<R: Read> Container<R> {
    pub(super) fn new(from: R) -> Self {
        Self(from)
    }

    /// The head of the next file, which must be `name`; gives its length.
    pub(super) fn file(&mut self, name: &str) -> Result<u64, Error> {
        let mut head = [0; BLOCK];
        self.fill(&mut head, name)?;
        length(&head, name).map_err(|why| Refused::NotABundle(format!("{name}: {why}")).into())
    }

    /// The `length` bytes of the file `name`, handed to `take` piece by piece.
    pub(super) fn content(
        &mut self,
        name: &str,
        length: u64,
        take: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut buffer = vec![0; 256 * 1024];
        let mut left = length;
        while left > 0 {
            let most = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
            self.fill(&mut buffer[..most], name)?;
            take(&buffer[..most])?;
            left -= most as u64;
        }
        let filling = length.next_multiple_of(BLOCK as u64) - length;
        let filling = &mut buffer[..usize::try_from(filling).unwrap_or(0)];
        self.fill(filling, name)?;
        if filling.iter().any(|byte| *byte != 0) {
            return Err(Refused::NotABundle(format!("{name}: bytes behind its end")).into());
        }
        Ok(())
    }

    /// The end: two blocks of zeros, and nothing but zeros behind them.
    pub(super) fn end(mut self) -> Result<(), Error> {
        let mut tail = vec![0; TAIL + 1];
        let mut read = 0;
        loop {
            match self.0.read(&mut tail[read..]) {
                Ok(0) => break,
                Ok(more) => read += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        if tail[..read].iter().any(|byte| *byte != 0) || read > TAIL {
            return Err(Refused::NotABundle("more than a bundle's files".to_owned()).into());
        }
        if read < 2 * BLOCK {
            return Err(Refused::Cut("the archive has no end".to_owned()).into());
        }
        Ok(())
    }

    fn fill(&mut self, buffer: &mut [u8], name: &str) -> Result<(), Error> {
        match self.0.read_exact(buffer) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(Refused::Cut(name.to_owned()).into())
            }
            done => done.map_err(Error::from),
        }
    }
}

/// The length that a head tells of the plain file `name`.
fn length(head: &[u8; BLOCK], name: &str) -> Result<u64, String> {
    let text = |at: std::ops::Range<usize>| head[at].split(|byte| *byte == 0).next();
    let sum: u32 = head
        .iter()
        .enumerate()
        .map(|(at, byte)| {
            u32::from(if (148..156).contains(&at) {
                b' '
            } else {
                *byte
            })
        })
        .sum();
    if &head[257..265] != b"ustar\x0000" || head[148..156] != *format!("{sum:06o}\0 ").as_bytes() {
        return Err("no ustar head".to_owned());
    }
    let found = text(0..100).unwrap_or_default();
    if found != name.as_bytes() || head[345] != 0 {
        let found = String::from_utf8_lossy(found).into_owned();
        return Err(format!("another file stands in its place, {found:?}"));
    }
    if !matches!(head[156], b'0' | 0) || head[157] != 0 {
        return Err("no plain file".to_owned());
    }
    octal(&head[124..136]).ok_or_else(|| "no length".to_owned())
}

fn octal(field: &[u8]) -> Option<u64> {
    let digits = field
        .split(|byte| matches!(byte, 0 | b' '))
        .next()
        .filter(|digits| !digits.is_empty())?;
    digits.iter().try_fold(0_u64, |value, byte| {
        (b'0'..=b'7')
            .contains(byte)
            .then(|| value.checked_mul(8)?.checked_add(u64::from(byte - b'0')))
            .flatten()
    })
}
