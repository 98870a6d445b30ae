//! Bytes of known length to send: memory and stretches of files, in order.

use std::collections::VecDeque;
use std::fs::File;
use std::future::Future;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::task::{JoinHandle, spawn_blocking};

/// Bytes read from a file at once; two chunks of one stream are in memory, one on the wire and one being read.
const CHUNK: u64 = 128 * 1024;

/// Bytes of known length to send: memory and stretches of files, in order. Cheap to clone, so that a call can be
/// repeated. Files are opened when the stretch is added, so that one taken away later is still sent whole.
#[derive(Clone, Debug, Default)]
pub struct Content {
    parts: VecDeque<Part>,
    length: u64,
}

#[derive(Clone, Debug)]
enum Part {
    Memory(Bytes),
    File { file: Arc<File>, at: Range<u64> },
}

impl Content {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many bytes there are.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Adds bytes of memory at the end.
    #[must_use]
    pub fn then_bytes(mut self, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        if !bytes.is_empty() {
            self.length += bytes.len() as u64;
            self.parts.push_back(Part::Memory(bytes));
        }
        self
    }

    /// Adds the stretch `at` of an open file at the end.
    #[must_use]
    pub fn then_stretch(mut self, file: Arc<File>, at: Range<u64>) -> Self {
        if at.start < at.end {
            self.length += at.end - at.start;
            self.parts.push_back(Part::File { file, at });
        }
        self
    }

    /// Opens `path` and adds its stretch `at`, or all of it, at the end.
    ///
    /// # Errors
    /// When the file can't be opened or ends before the stretch does.
    pub async fn then_file(self, path: &Path, at: Option<Range<u64>>) -> io::Result<Self> {
        let path = path.to_owned();
        let (file, length) = spawn_blocking(move || {
            let file = File::open(path)?;
            let length = file.metadata()?.len();
            io::Result::Ok((file, length))
        })
        .await??;
        let at = at.unwrap_or(0..length);
        if at.start > at.end || at.end > length {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!(
                    "the file has {length} bytes, wanted are {} to {}",
                    at.start, at.end
                ),
            ));
        }
        Ok(self.then_stretch(Arc::new(file), at))
    }

    /// The bytes `at` of it; what lies beyond the end is left out.
    #[must_use]
    pub fn slice(self, at: Range<u64>) -> Self {
        let mut cut = Self::new();
        let mut start = 0_u64;
        for part in self.parts {
            let length = part.length();
            let from = at.start.clamp(start, start + length) - start;
            let to = at.end.clamp(start, start + length) - start;
            if from < to {
                cut = match part {
                    // A part of memory is never longer than memory, so the numbers fit.
                    Part::Memory(bytes) => {
                        let all = bytes.len();
                        let index = |n: u64| usize::try_from(n).map_or(all, |n| n.min(all));
                        cut.then_bytes(bytes.slice(index(from)..index(to)))
                    }
                    Part::File { file, at } => {
                        cut.then_stretch(file, at.start + from..at.start + to)
                    }
                };
            }
            start += length;
        }
        cut
    }

    /// The bytes, if they are all in memory and in one piece.
    pub(super) fn whole(&mut self) -> Option<Bytes> {
        match (self.parts.len(), self.parts.front()) {
            (0, _) => Some(Bytes::new()),
            (1, Some(Part::Memory(bytes))) => Some(bytes.clone()),
            _ => None,
        }
    }
}

impl From<Bytes> for Content {
    fn from(bytes: Bytes) -> Self {
        Self::new().then_bytes(bytes)
    }
}

impl Part {
    fn length(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File { at, .. } => at.end - at.start,
        }
    }
}

/// Reads a content chunk by chunk, one chunk ahead, on the threads for blocking work.
pub(super) struct Reader {
    rest: Content,
    reading: Option<JoinHandle<io::Result<Bytes>>>,
    left: u64,
}

impl Reader {
    pub(super) fn new(content: Content) -> Self {
        Self {
            left: content.length,
            rest: content,
            reading: None,
        }
    }

    /// Bytes that are still to come.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if self.reading.is_none() {
            match self.rest.parts.pop_front() {
                None => return Poll::Ready(None),
                Some(Part::Memory(bytes)) => {
                    self.left -= bytes.len() as u64;
                    return Poll::Ready(Some(Ok(bytes)));
                }
                Some(file) => {
                    self.rest.parts.push_front(file);
                    self.read_ahead();
                }
            }
        }
        let Some(reading) = self.reading.as_mut() else {
            return Poll::Ready(None);
        };
        let chunk = ready!(Pin::new(reading).poll(cx)).unwrap_or_else(|e| Err(e.into()));
        self.reading = None;
        match chunk {
            Ok(bytes) => {
                self.left -= bytes.len() as u64;
                self.read_ahead();
                Poll::Ready(Some(Ok(bytes)))
            }
            Err(error) => {
                self.rest.parts.clear();
                Poll::Ready(Some(Err(error)))
            }
        }
    }

    fn read_ahead(&mut self) {
        let Some(Part::File { file, at }) = self.rest.parts.front_mut() else {
            return;
        };
        let (file, start) = (file.clone(), at.start);
        let end = at.end.min(start + CHUNK);
        at.start = end;
        if at.start == at.end {
            self.rest.parts.pop_front();
        }
        self.reading = Some(spawn_blocking(move || {
            let length = usize::try_from(end - start).map_err(io::Error::other)?;
            let mut buffer = vec![0; length];
            file.read_exact_at(&mut buffer, start)?;
            Ok(Bytes::from(buffer))
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(content: Content) -> io::Result<Vec<u8>> {
        let mut reader = Reader::new(content);
        let mut bytes = Vec::new();
        while let Some(chunk) = std::future::poll_fn(|cx| reader.poll_next(cx)).await {
            bytes.extend_from_slice(&chunk?);
        }
        assert_eq!(reader.left(), 0);
        Ok(bytes)
    }

    #[tokio::test]
    async fn every_slice_is_the_bytes_it_names() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("body");
        let body: Vec<u8> = (0..300_000_u32).map(|n| n.to_le_bytes()[1]).collect();
        crate::durable::Disk::real().replace(&path, &body).unwrap();
        let content = Content::new()
            .then_bytes(&b"head"[..])
            .then_file(&path, None)
            .await
            .unwrap()
            .then_bytes(&b"tail"[..]);
        let mut whole = b"head".to_vec();
        whole.extend_from_slice(&body);
        whole.extend_from_slice(b"tail");
        assert_eq!(content.length(), whole.len() as u64);
        for at in [
            0..4,
            0..300_008,
            2..6,
            5..5,
            4..300_004,
            299_000..300_007,
            300_006..400_000,
        ] {
            let slice = content.clone().slice(at.clone());
            let end = (at.end as usize).min(whole.len());
            assert_eq!(
                all(slice).await.unwrap(),
                &whole[at.start as usize..end],
                "{at:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_file_that_shrinks_is_an_error_and_never_a_short_body() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("body");
        crate::durable::Disk::real()
            .replace(&path, &[7; 1000])
            .unwrap();
        assert!(
            Content::new()
                .then_file(&path, Some(0..1001))
                .await
                .is_err()
        );
        let content = Content::new().then_file(&path, None).await.unwrap();
        std::fs::OpenOptions::new()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(10)
            .unwrap();
        let mut reader = Reader::new(content);
        let first = std::future::poll_fn(|cx| reader.poll_next(cx))
            .await
            .unwrap();
        assert!(first.is_err());
    }
}
