//! Which bytes of a request's body are the document: the SDK writes CR LF behind the file, others do not.

use bytes::Bytes;
use data_encoding::HEXLOWER;
use ring::digest::{Context, SHA256};

use super::refusal::{ErrorCode, Refusal};
use crate::packet::Digest;

/// Passes a document through while hashing it, and holds back a CR LF that may turn out not to belong to it.
pub(super) struct Sieve {
    hash: Context,
    size: u64,
    held: Held,
}

/// The part of a CR LF that stands at the end so far.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Held {
    Nothing,
    Cr,
    CrLf,
}

impl Held {
    const fn bytes(self) -> &'static [u8] {
        match self {
            Self::Nothing => b"",
            Self::Cr => b"\r",
            Self::CrLf => b"\r\n",
        }
    }
}

/// What the end of a body decided.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct End {
    /// Held-back bytes that are the document's after all; may be empty.
    pub(super) rest: &'static [u8],
    /// Of the whole document.
    pub(super) digest: Digest,
    /// Of the whole document, in bytes.
    pub(super) size: u64,
}

impl Sieve {
    pub(super) fn new() -> Self {
        Self {
            hash: Context::new(&SHA256),
            size: 0,
            held: Held::Nothing,
        }
    }

    /// Gives the bytes of the document that are certain now; either part may be empty.
    pub(super) fn pass(&mut self, mut chunk: Bytes) -> [Bytes; 2] {
        if chunk.is_empty() {
            return [Bytes::new(), chunk];
        }
        if self.held == Held::Cr && *chunk == *b"\n" {
            self.held = Held::CrLf;
            return [Bytes::new(), Bytes::new()];
        }
        let before = Bytes::from_static(self.held.bytes());
        self.held = match *chunk {
            [.., b'\r', b'\n'] => Held::CrLf,
            [.., b'\r'] => Held::Cr,
            _ => Held::Nothing,
        };
        chunk.truncate(chunk.len() - self.held.bytes().len());
        for part in [&before, &chunk] {
            self.hash.update(part);
            self.size += part.len() as u64;
        }
        [before, chunk]
    }

    /// Decides by the declared hash; without one, a last CR LF is the SDK's.
    pub(super) fn end(self, declared: Option<&str>) -> Result<End, Refusal> {
        let held = self.held.bytes();
        let without = finish(self.hash.clone());
        let mut hash = self.hash;
        hash.update(held);
        let with = finish(hash);
        let cut = End {
            rest: b"",
            digest: without,
            size: self.size,
        };
        let whole = End {
            rest: held,
            digest: with,
            size: self.size + held.len() as u64,
        };
        let document = match declared {
            None if self.held == Held::CrLf => Ok(cut),
            None => Ok(whole),
            Some(declared) if self.held == Held::CrLf && is_hash_of(declared, &cut.digest) => {
                Ok(cut)
            }
            Some(declared) if is_hash_of(declared, &whole.digest) => Ok(whole),
            Some(_) => Err(Refusal::new(
                ErrorCode::FileInvalid,
                format!(
                    "Tệp nhận được không khớp với hash-file (SHA-256 tính được: {}, {} byte); tệp đã bị thay đổi hoặc gửi thiếu trên đường truyền, đề nghị gửi lại.",
                    cut.digest.hex(),
                    cut.size
                ),
            )),
        }?;
        if document.size == 0 {
            return Err(Refusal::new(
                ErrorCode::FileInvalid,
                "Yêu cầu không có tệp văn bản; gửi nội dung tệp edXML trong phần thân của yêu cầu.",
            ));
        }
        Ok(document)
    }
}

fn finish(hash: Context) -> Digest {
    let mut raw = [0; 32];
    raw.copy_from_slice(hash.finish().as_ref());
    Digest::from_bytes(raw)
}

/// The SDK's `hash-file`: hexadecimal without the leading zero of each byte, which can be made but not read.
pub(super) fn unpadded(digest: &Digest) -> String {
    let mut text = String::with_capacity(64);
    for byte in digest.as_bytes() {
        let digits = [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16));
        let kept = if byte >> 4 == 0 {
            &digits[1..]
        } else {
            &digits
        };
        text.extend(kept.iter().flatten());
    }
    text
}

/// Whether a `hash-file` names these bytes, in the SDK's writing or in proper hexadecimal.
fn is_hash_of(declared: &str, digest: &Digest) -> bool {
    let declared = declared.trim().to_ascii_lowercase();
    declared == HEXLOWER.encode(digest.as_bytes()) || declared == unpadded(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agree(document: &[u8], end: &End) {
        assert_eq!(end.digest, Digest::of(document));
        assert_eq!(end.size, document.len() as u64);
    }

    /// Feeds `body` in pieces of `step` bytes and gives the document that came out.
    fn sift(body: &[u8], step: usize, declared: Option<&str>) -> Result<(Vec<u8>, End), Refusal> {
        let mut sieve = Sieve::new();
        let mut document = Vec::new();
        for chunk in body.chunks(step) {
            for part in sieve.pass(Bytes::copy_from_slice(chunk)) {
                document.extend_from_slice(&part);
            }
        }
        let end = sieve.end(declared)?;
        document.extend_from_slice(end.rest);
        agree(&document, &end);
        Ok((document, end))
    }

    #[test]
    fn the_hash_decides_whose_the_last_line_end_is() {
        for document in [
            &b"<a/>"[..],
            b"<a/>\r\n",
            b"<a/>\n",
            b"<a>\r\n\r</a>\r",
            b"\r\n",
            b"\r",
            b"\r\r\n\n\r",
        ] {
            let digest = Digest::of(document);
            for hash in [unpadded(&digest), digest.hex(), digest.hex().to_uppercase()] {
                for step in 1..=document.len() + 2 {
                    let sdk = [document, b"\r\n"].concat();
                    assert_eq!(
                        sift(&sdk, step, Some(&hash)).unwrap().0,
                        document,
                        "{document:?}"
                    );
                    assert_eq!(sift(document, step, Some(&hash)).unwrap().0, document);
                }
            }
        }
    }

    #[test]
    fn without_a_hash_exactly_one_line_end_is_cut() {
        for (body, document) in [
            (&b"<a/>\r\n"[..], &b"<a/>"[..]),
            (b"<a/>", b"<a/>"),
            (b"<a/>\r\n\r\n", b"<a/>\r\n"),
            (b"<a/>\n", b"<a/>\n"),
            (b"<a/>\r", b"<a/>\r"),
        ] {
            for step in 1..7 {
                assert_eq!(sift(body, step, None).unwrap().0, document);
            }
        }
    }

    #[test]
    fn a_changed_or_empty_file_is_invalid() {
        let hash = Digest::of(b"<a/>").hex();
        for (body, declared) in [
            (&b"<b/>\r\n"[..], Some(hash.as_str())),
            (b"<a/", Some(&hash)),
            (b"<a/>\r\n\r\n", Some(&hash)),
            (b"<a/>", Some("0b")),
            (b"", None),
            (b"\r\n", None),
            (b"\r\n", Some(&unpadded(&Digest::of(b"")))),
        ] {
            let refusal = sift(body, 3, declared).unwrap_err();
            assert_eq!(refusal.code, ErrorCode::FileInvalid);
        }
    }

    #[test]
    fn the_sdk_drops_the_leading_zero_of_each_byte() {
        let mut raw = [0xff; 32];
        raw[0] = 0x0b;
        raw[1] = 0x00;
        let digest = Digest::from_bytes(raw);
        assert!(unpadded(&digest).starts_with("b0ff"));
        assert!(is_hash_of(&unpadded(&digest), &digest));
        assert!(is_hash_of(&digest.hex(), &digest));
    }
}
