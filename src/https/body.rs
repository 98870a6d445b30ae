//! A body on its way in: pulled chunk by chunk, with a bound and a pace.

use std::fmt;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper::body::{Body as _, Frame, Incoming};
use tokio::time::{Instant, sleep_until};

use super::error::{Error, describe};
use super::pulse::Pulse;

/// A body on its way in. Not reading it is allowed; the peer is then told to stop.
#[derive(Default)]
pub struct Body {
    inner: Inner,
    received: u64,
    limit: u64,
}

#[derive(Default)]
enum Inner {
    #[default]
    Done,
    Memory(Bytes),
    Wire(Wire),
}

struct Wire {
    incoming: Incoming,
    from: From,
    pace: Pace,
    started: Option<Instant>,
    end: End,
}

/// Who sends a body; only written out when it fails.
#[derive(Clone)]
pub(super) enum From {
    Address(SocketAddr),
    Name(Arc<str>),
}

impl fmt::Display for From {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// How slowly a body may come.
#[derive(Clone, Copy)]
pub(super) struct Pace {
    pub(super) stall: Duration,
    pub(super) rate: u32,
}

/// What a body's end means to its connection.
pub(super) enum End {
    /// A server's connection must know of a body that was not read to its end, to linger over the rest.
    Server(Arc<Pulse>),
    /// A client's connection goes back to where it is kept, once it is free again.
    Client(Option<Box<dyn FnOnce() + Send + Sync>>),
}

impl Body {
    /// A body without bytes.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    pub(super) fn wire(
        incoming: Incoming,
        limit: u64,
        from: From,
        pace: Pace,
        mut end: End,
    ) -> Self {
        if incoming.is_end_stream() {
            end.reached();
            return Self::default();
        }
        Self {
            inner: Inner::Wire(Wire {
                incoming,
                from,
                pace,
                started: None,
                end,
            }),
            received: 0,
            limit,
        }
    }

    /// Bytes still to come, where the peer announced them.
    #[must_use]
    pub fn left(&self) -> Option<u64> {
        match &self.inner {
            Inner::Done => Some(0),
            Inner::Memory(bytes) => Some(bytes.len() as u64),
            Inner::Wire(wire) => wire.incoming.size_hint().exact(),
        }
    }

    /// Allows at most `limit` bytes; a bound that is already lower stays.
    pub fn limit(&mut self, limit: u64) {
        self.limit = self.limit.min(limit);
    }

    /// The next chunk, or nothing at the end. After an error nothing more comes.
    ///
    /// # Errors
    /// Inside: the body is too long, stalls or breaks.
    pub async fn next(&mut self) -> Option<Result<Bytes, Error>> {
        loop {
            let wire = match &mut self.inner {
                Inner::Done => return None,
                Inner::Memory(bytes) => {
                    let bytes = std::mem::take(bytes);
                    self.inner = Inner::Done;
                    return self.count(bytes);
                }
                Inner::Wire(wire) => wire,
            };
            let done = match wire.frame(self.received).await {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(bytes) if bytes.is_empty() => continue,
                    Ok(bytes) => return self.count(bytes),
                    // Trailers mean nothing here.
                    Err(_) => continue,
                },
                Some(Err(error)) => Some(Err(error)),
                None => {
                    wire.end.reached();
                    None
                }
            };
            self.inner = Inner::Done;
            return done;
        }
    }

    /// The whole body in one piece.
    ///
    /// # Errors
    /// When it is longer than `max` bytes, stalls or breaks.
    pub async fn read_all(&mut self, max: u64) -> Result<Bytes, Error> {
        self.limit(max.saturating_add(self.received));
        if self.left().is_some_and(|left| left > max) {
            return Err(Error::TooLarge { limit: max });
        }
        let Some(first) = self.next().await.transpose()? else {
            return Ok(Bytes::new());
        };
        let Some(second) = self.next().await.transpose()? else {
            return Ok(first);
        };
        // What the peer announced is believed only as far as it has come.
        let mut all = BytesMut::with_capacity((first.len() + second.len()) * 2);
        all.extend_from_slice(&first);
        all.extend_from_slice(&second);
        while let Some(chunk) = self.next().await.transpose()? {
            all.extend_from_slice(&chunk);
        }
        Ok(all.freeze())
    }

    fn count(&mut self, bytes: Bytes) -> Option<Result<Bytes, Error>> {
        self.received += bytes.len() as u64;
        if self.received > self.limit {
            self.inner = Inner::Done;
            return Some(Err(Error::TooLarge { limit: self.limit }));
        }
        // A known last byte frees the connection without another round.
        if let Inner::Wire(wire) = &mut self.inner
            && wire.incoming.is_end_stream()
        {
            wire.end.reached();
            self.inner = Inner::Done;
        }
        Some(Ok(bytes))
    }
}

impl Wire {
    async fn frame(&mut self, received: u64) -> Option<Result<Frame<Bytes>, Error>> {
        // Chunks that are already here cost no timer.
        if let Poll::Ready(frame) = poll_fn(|cx| Poll::Ready(self.poll(cx))).await {
            return self.judge(frame, received);
        }
        let now = Instant::now();
        let started = *self.started.get_or_insert(now);
        let earned = Duration::from_secs(received / u64::from(self.pace.rate.max(1)));
        let deadline = (now + self.pace.stall).min(started + self.pace.stall + earned);
        let mut timer = pin!(sleep_until(deadline));
        let frame = poll_fn(|cx| {
            if let Poll::Ready(frame) = self.poll(cx) {
                return Poll::Ready(Ok(frame));
            }
            timer.as_mut().poll(cx).map(Err)
        })
        .await;
        match frame {
            Ok(frame) => self.judge(frame, received),
            Err(()) => Some(Err(Error::Stalled {
                peer: self.from.to_string(),
                received,
                waited: now.elapsed(),
            })),
        }
    }

    fn poll(
        &mut self,
        cx: &mut std::task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.incoming).poll_frame(cx)
    }

    fn judge(
        &self,
        frame: Option<Result<Frame<Bytes>, hyper::Error>>,
        received: u64,
    ) -> Option<Result<Frame<Bytes>, Error>> {
        frame.map(|frame| {
            frame.map_err(|error| Error::Broken {
                peer: self.from.to_string(),
                received,
                reason: describe(&error),
            })
        })
    }
}

impl End {
    fn reached(&mut self) {
        match self {
            Self::Client(free) => {
                if let Some(free) = free.take() {
                    free();
                }
            }
            Self::Server(_) => *self = Self::Client(None),
        }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        if let Self::Server(pulse) = self {
            pulse.linger();
        }
    }
}

impl std::convert::From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self {
            inner: if bytes.is_empty() {
                Inner::Done
            } else {
                Inner::Memory(bytes)
            },
            received: 0,
            limit: u64::MAX,
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Body({} received, {:?} left)",
            self.received,
            self.left()
        )
    }
}
