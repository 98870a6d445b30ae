//! A document's bytes in pieces, raw or as base64 inside a JSON answer: memory stays flat at any size.

use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use data_encoding::BASE64;
use tokio::task::spawn_blocking;

use super::desk::Content;

/// Bytes of a document in one piece: a multiple of 3, so that pieces encode to base64 without padding between.
const PIECE: u64 = 96 * 1024;

/// Reads a range of a document piece by piece.
#[derive(Debug)]
pub(super) struct Chunks {
    content: Content,
    left: Range<u64>,
}

impl Chunks {
    /// The bytes `range` of a document, which must lie inside it.
    pub(super) fn new(content: Content, range: Range<u64>) -> Self {
        Self {
            content,
            left: range,
        }
    }

    /// The next piece; `None` at the end. An error means that the disk has not what the desk promised.
    pub(super) async fn next(&mut self) -> io::Result<Option<Bytes>> {
        if self.left.is_empty() {
            return Ok(None);
        }
        let from = self.left.start;
        let to = self.left.end.min(from + PIECE);
        self.left.start = to;
        let short = |_| io::Error::from(io::ErrorKind::UnexpectedEof);
        let piece = match &self.content {
            Content::Bytes(bytes) => {
                let range =
                    usize::try_from(from).map_err(short)?..usize::try_from(to).map_err(short)?;
                if range.end > bytes.len() {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                bytes.slice(range)
            }
            Content::File { file, offset } => {
                let (file, at) = (Arc::clone(file), offset + from);
                let length = usize::try_from(to - from).map_err(short)?;
                let read = move || {
                    let mut piece = vec![0; length];
                    file.read_exact_at(&mut piece, at).map(|()| piece)
                };
                spawn_blocking(read)
                    .await
                    .map_err(io::Error::other)??
                    .into()
            }
        };
        Ok(Some(piece))
    }
}

/// A document as base64 between two texts.
#[derive(Debug)]
pub(super) struct Wrapped {
    before: Option<Bytes>,
    chunks: Chunks,
    after: Option<Bytes>,
    length: u64,
}

impl Wrapped {
    /// The whole document of `size` bytes as base64 between `before` and `after`.
    pub(super) fn new(before: Vec<u8>, content: Content, size: u64, after: &'static [u8]) -> Self {
        let length = before.len() as u64 + size.div_ceil(3) * 4 + after.len() as u64;
        Self {
            before: Some(before.into()),
            chunks: Chunks::new(content, 0..size),
            after: Some(Bytes::from_static(after)),
            length,
        }
    }

    /// The length of all pieces together, in bytes.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// The next piece; `None` at the end.
    pub(super) async fn next(&mut self) -> io::Result<Option<Bytes>> {
        if let Some(before) = self.before.take() {
            return Ok(Some(before));
        }
        Ok(match self.chunks.next().await? {
            Some(piece) => Some(BASE64.encode(&piece).into()),
            None => self.after.take(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    async fn all(mut wrapped: Wrapped) -> Vec<u8> {
        let mut out = Vec::new();
        while let Some(piece) = wrapped.next().await.unwrap() {
            out.extend_from_slice(&piece);
        }
        out
    }

    #[tokio::test]
    async fn base64_of_pieces_is_the_base64_of_the_whole() {
        for size in [0, 1, 2, 3, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 2] {
            let bytes: Vec<u8> = (0..size).map(|n| (n % 251) as u8).collect();
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(b"before").unwrap();
            file.write_all(&bytes).unwrap();
            let contents = [
                Content::Bytes(bytes.clone().into()),
                Content::File {
                    file: Arc::new(file),
                    offset: 6,
                },
            ];
            for content in contents {
                let wrapped = Wrapped::new(b"<".to_vec(), content, size, b">");
                let length = wrapped.length();
                let out = all(wrapped).await;
                assert_eq!(out.len() as u64, length);
                assert_eq!(out, format!("<{}>", BASE64.encode(&bytes)).into_bytes());
            }
        }
    }

    #[tokio::test]
    async fn a_document_shorter_than_promised_is_an_error_not_an_end() {
        let mut chunks = Chunks::new(Content::Bytes(Bytes::from_static(b"abc")), 0..4);
        assert!(chunks.next().await.is_err());
        let file = Arc::new(tempfile::tempfile().unwrap());
        let mut chunks = Chunks::new(Content::File { file, offset: 0 }, 0..1);
        assert!(chunks.next().await.is_err());
    }
}
