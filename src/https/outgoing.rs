//! A body on its way out: nothing, one buffer, a content, or what a task hands over.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;

use super::content::{Content, Reader};

/// A body on its way out, of a response or of a client's request.
#[derive(Default)]
pub struct Outgoing(Kind);

#[derive(Default)]
enum Kind {
    #[default]
    Empty,
    Bytes(Bytes),
    Reader(Reader),
    Channel {
        chunks: mpsc::Receiver<io::Result<Bytes>>,
        left: Option<u64>,
    },
}

impl Outgoing {
    /// What a task hands over chunk by chunk. With a `length` the body must have just as many bytes; without one
    /// it ends when the sender is dropped, so a task that may fail must then send its error.
    #[must_use]
    pub fn channel(chunks: mpsc::Receiver<io::Result<Bytes>>, length: Option<u64>) -> Self {
        Self(Kind::Channel {
            chunks,
            left: length,
        })
    }

    /// Its length, where it is known.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        match &self.0 {
            Kind::Empty => Some(0),
            Kind::Bytes(bytes) => Some(bytes.len() as u64),
            Kind::Reader(reader) => Some(reader.left()),
            Kind::Channel { left, .. } => *left,
        }
    }
}

impl std::fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Outgoing({:?})", self.length())
    }
}

impl From<Bytes> for Outgoing {
    fn from(bytes: Bytes) -> Self {
        Self(if bytes.is_empty() {
            Kind::Empty
        } else {
            Kind::Bytes(bytes)
        })
    }
}

impl From<Content> for Outgoing {
    fn from(mut content: Content) -> Self {
        match content.whole() {
            Some(bytes) => bytes.into(),
            None => Self(Kind::Reader(Reader::new(content))),
        }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let kind = &mut self.get_mut().0;
        let chunk = match kind {
            Kind::Empty => None,
            Kind::Bytes(bytes) => {
                let bytes = std::mem::take(bytes);
                *kind = Kind::Empty;
                Some(Ok(bytes))
            }
            Kind::Reader(reader) => ready!(reader.poll_next(cx)),
            Kind::Channel { chunks, left } => match (ready!(chunks.poll_recv(cx)), left.as_mut()) {
                (Some(Ok(bytes)), Some(left)) => match left.checked_sub(bytes.len() as u64) {
                    Some(rest) => {
                        *left = rest;
                        Some(Ok(bytes))
                    }
                    None => Some(Err(io::Error::other("more bytes than were announced"))),
                },
                (None, Some(left)) if *left > 0 => Some(Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    format!("the source ended {left} bytes early"),
                ))),
                (chunk, _) => chunk,
            },
        };
        if !matches!(chunk, Some(Ok(_))) {
            *kind = Kind::Empty;
        }
        Poll::Ready(chunk.map(|chunk| chunk.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Empty => true,
            Kind::Bytes(_) => false,
            Kind::Reader(reader) => reader.left() == 0,
            Kind::Channel { left, .. } => *left == Some(0),
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.length()
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
