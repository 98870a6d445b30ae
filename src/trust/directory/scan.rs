//! A directory's JSON taken apart in one pass over a window of it: bounded whatever its length, and hashed on the way.

use bytes::Bytes;
use ring::digest;

use super::super::Error;
use super::Source;
use crate::packet::Digest;

/// Bytes in memory at once.
const WINDOW: u64 = 64 * 1024;
/// Longest entry, header or code.
const LONGEST: usize = 64 * 1024;

/// Reads what a directory or a difference is made of. No space stands between its parts: it is signed as it is written.
pub(super) struct Scanner<'a> {
    source: &'a Source,
    window: Bytes,
    at: usize,
    fetched: u64,
    hash: digest::Context,
}

pub(super) fn wrong(what: impl std::fmt::Display) -> Error {
    Error::Directory(what.to_string())
}

impl<'a> Scanner<'a> {
    pub(super) fn new(source: &'a Source) -> Self {
        Self {
            source,
            window: Bytes::new(),
            at: 0,
            fetched: 0,
            hash: digest::Context::new(&digest::SHA256),
        }
    }

    /// How far it has come.
    pub(super) fn position(&self) -> u64 {
        self.fetched - (self.window.len() - self.at) as u64
    }

    /// The next byte, which stays; `None` at the end.
    fn peek(&mut self) -> Result<Option<u8>, Error> {
        if self.at == self.window.len() {
            let end = (self.fetched + WINDOW).min(self.source.length());
            self.window = self.source.read(self.fetched, end).map_err(wrong)?;
            self.hash.update(&self.window);
            (self.at, self.fetched) = (0, end);
        }
        Ok(self.window.get(self.at).copied())
    }

    /// Takes one byte if it is this.
    pub(super) fn takes(&mut self, byte: u8) -> Result<bool, Error> {
        let there = self.peek()? == Some(byte);
        self.at += usize::from(there);
        Ok(there)
    }

    pub(super) fn expect(&mut self, byte: u8) -> Result<(), Error> {
        if self.takes(byte)? {
            return Ok(());
        }
        let (at, wanted) = (self.position(), char::from(byte));
        Err(wrong(format_args!("no {wanted:?} at byte {at}")))
    }

    /// Takes one value as it is written; whether it is JSON is for the reader of `into` to say.
    pub(super) fn value(&mut self, into: &mut Vec<u8>) -> Result<(), Error> {
        into.clear();
        let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
        while self.peek()?.is_some() {
            let rest = &self.window[self.at..];
            let mut ends = None;
            for (at, byte) in rest.iter().enumerate() {
                if quoted {
                    (quoted, escaped) = (escaped || *byte != b'"', !escaped && *byte == b'\\');
                    if !quoted && depth == 0 {
                        ends = Some(at + 1);
                        break;
                    }
                    continue;
                }
                match byte {
                    b'"' => quoted = true,
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' | b',' if depth == 0 => {
                        ends = Some(at);
                        break;
                    }
                    b'}' | b']' => {
                        depth -= 1;
                        if depth == 0 {
                            ends = Some(at + 1);
                            break;
                        }
                    }
                    _ => {}
                }
            }
            let taken = ends.unwrap_or(rest.len());
            if into.len() + taken > LONGEST {
                let at = self.position();
                return Err(wrong(format_args!("an entry too long at byte {at}")));
            }
            into.extend_from_slice(&rest[..taken]);
            self.at += taken;
            if ends.is_some() {
                return Ok(());
            }
        }
        Err(wrong("cut off"))
    }

    /// Takes a list, entry by entry with the place of each.
    pub(super) fn list(
        &mut self,
        mut each: impl FnMut(u64, &[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut entry = Vec::new();
        self.expect(b'[')?;
        if self.takes(b']')? {
            return Ok(());
        }
        loop {
            let at = self.position();
            self.value(&mut entry)?;
            each(at, &entry)?;
            if !self.takes(b',')? {
                return self.expect(b']');
            }
        }
    }

    /// Takes the name of an object's next part and what follows it; `None` at the object's end.
    pub(super) fn name(&mut self, first: bool) -> Result<Option<String>, Error> {
        if first {
            self.expect(b'{')?;
        }
        if self.takes(b'}')? {
            return Ok(None);
        }
        if !first {
            self.expect(b',')?;
        }
        let mut name = Vec::new();
        self.value(&mut name)?;
        self.expect(b':')?;
        serde_json::from_slice(&name).map(Some).map_err(wrong)
    }

    /// The digest of all of it, when nothing follows.
    pub(super) fn end(mut self) -> Result<Digest, Error> {
        if self.peek()?.is_some() {
            return Err(wrong(format_args!("more behind byte {}", self.position())));
        }
        let mut raw = [0; 32];
        raw.copy_from_slice(self.hash.finish().as_ref());
        Ok(Digest::from_bytes(raw))
    }
}
