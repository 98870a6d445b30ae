//! A stream in chunks of 64 KiB, each AES-256-GCM under one content key that serves one backup (STREAM, Hoang, Reyhanitabar,
//! Rogaway and Vizár 2015): the nonce is the chunk's number and whether it is the last, so that no chunk can be left out,
//! repeated, moved or cut off. The header's digest is authenticated with each. Memory is flat.

use std::io::{self, Read};

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, MAX_TAG_LEN, Nonce, UnboundKey};

use super::{Error, altered};
use crate::packet::Digest;

/// Bytes of a chunk before it is encrypted.
pub const CHUNK: usize = 64 * 1024;
/// Marks the length of the last chunk.
const LAST: u32 = 1 << 31;

/// Encrypts or decrypts the chunks of one backup.
struct Cipher {
    key: LessSafeKey,
    header: Digest,
    number: u32,
}

impl Cipher {
    fn new(key: &[u8; 32], header: Digest) -> Result<Self, Error> {
        let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| altered("content key"))?;
        Ok(Self {
            key: LessSafeKey::new(key),
            header,
            number: 0,
        })
    }

    fn nonce(&mut self, last: bool) -> Result<Nonce, Error> {
        let mut nonce = [0; 12];
        nonce[7..11].copy_from_slice(&self.number.to_be_bytes());
        nonce[11] = u8::from(last);
        // 256 TiB.
        self.number = self
            .number
            .checked_add(1)
            .ok_or_else(|| altered("too long"))?;
        Ok(Nonce::assume_unique_for_key(nonce))
    }
}

/// Takes plain bytes, gives encrypted chunks with their lengths to `out`.
pub(super) struct Writer<F> {
    cipher: Cipher,
    waiting: Vec<u8>,
    out: F,
}

impl<F: FnMut(&[u8]) -> io::Result<()>> Writer<F> {
    pub(super) fn new(key: &[u8; 32], header: Digest, out: F) -> Result<Self, Error> {
        Ok(Self {
            cipher: Cipher::new(key, header)?,
            waiting: Vec::with_capacity(CHUNK + MAX_TAG_LEN),
            out,
        })
    }

    pub(super) fn put(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        while !bytes.is_empty() {
            // The last chunk is only known at the end, so a full one waits for the next byte.
            if self.waiting.len() == CHUNK {
                self.send(false)?;
            }
            let (now, later) = bytes.split_at(bytes.len().min(CHUNK - self.waiting.len()));
            self.waiting.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<(), Error> {
        self.send(true)
    }

    fn send(&mut self, last: bool) -> Result<(), Error> {
        let nonce = self.cipher.nonce(last)?;
        let aad = Aad::from(self.cipher.header.as_bytes());
        let key = &self.cipher.key;
        key.seal_in_place_append_tag(nonce, aad, &mut self.waiting)
            .map_err(|_| altered("AES-GCM"))?;
        let length = u32::try_from(self.waiting.len()).map_err(altered)?;
        let length = if last { length | LAST } else { length };
        (self.out)(&length.to_be_bytes())?;
        (self.out)(&self.waiting)?;
        self.waiting.clear();
        Ok(())
    }
}

/// Reads one chunk as it lies; whether it is the last.
pub(super) fn next(from: &mut impl Read, chunk: &mut Vec<u8>) -> Result<bool, Error> {
    let mut length = [0; 4];
    super::file::exactly(from, &mut length)?;
    let length = u32::from_be_bytes(length);
    let (length, last) = (length & !LAST, length & LAST != 0);
    let length = length as usize;
    if !(MAX_TAG_LEN..=CHUNK + MAX_TAG_LEN).contains(&length) {
        return Err(altered(format_args!("a chunk of {length} bytes")));
    }
    chunk.resize(length, 0);
    super::file::exactly(from, chunk)?;
    Ok(last)
}

/// Gives the plain bytes of a stream of chunks.
pub(super) struct Reader<R> {
    cipher: Cipher,
    from: R,
    chunk: Vec<u8>,
    read: usize,
    end: usize,
    last: bool,
}

impl<R: Read> Reader<R> {
    pub(super) fn new(key: &[u8; 32], header: Digest, from: R) -> Result<Self, Error> {
        Ok(Self {
            cipher: Cipher::new(key, header)?,
            from,
            chunk: Vec::new(),
            read: 0,
            end: 0,
            last: false,
        })
    }

    /// The next plain bytes, at most `most`; none at the end.
    pub(super) fn some(&mut self, most: usize) -> Result<&[u8], Error> {
        while self.read == self.end && !self.last {
            self.last = next(&mut self.from, &mut self.chunk)?;
            let nonce = self.cipher.nonce(self.last)?;
            let aad = Aad::from(self.cipher.header.as_bytes());
            let first = self.cipher.number == 1;
            let plain = self.cipher.key.open_in_place(nonce, aad, &mut self.chunk);
            let plain = plain.map_err(|_| match first {
                true => Error::Key("the first chunk does not open".into()),
                false => altered("a chunk does not open"),
            })?;
            (self.read, self.end) = (0, plain.len());
        }
        let until = self.end.min(self.read.saturating_add(most));
        let bytes = &self.chunk[self.read..until];
        self.read = until;
        Ok(bytes)
    }

    pub(super) fn exactly(&mut self, into: &mut [u8]) -> Result<(), Error> {
        let mut filled = 0;
        while filled < into.len() {
            let bytes = self.some(into.len() - filled)?;
            if bytes.is_empty() {
                return Err(altered("cut off"));
            }
            into[filled..filled + bytes.len()].copy_from_slice(bytes);
            filled += bytes.len();
        }
        Ok(())
    }
}
