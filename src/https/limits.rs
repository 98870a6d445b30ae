//! How much a server takes from its peers, and how long it waits for them.

use std::time::Duration;

/// Which protocols a TLS server offers by ALPN; plain TCP is always HTTP/1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocols {
    /// HTTP/1.1 alone.
    Http1,
    /// HTTP/2 where the peer can, else HTTP/1.1.
    Both,
    /// HTTP/2 alone; a peer without it is refused.
    Http2,
}

impl Protocols {
    pub(super) fn alpn(self) -> Vec<Vec<u8>> {
        match self {
            Self::Http1 => vec![b"http/1.1".to_vec()],
            Self::Both => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            Self::Http2 => vec![b"h2".to_vec()],
        }
    }
}

/// Bounds of a server. Every one is finite; the defaults suit a box between a software and the hub.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections open at once; more are closed at once.
    pub connections: usize,
    /// Handshakes that may sign at once, so that the token is shared and not flooded.
    pub signing: usize,
    /// From the accepted connection to the end of its TLS handshake.
    pub handshake: Duration,
    /// Handshakes that one source (IPv4 address, IPv6 /64) may begin in one burst.
    pub source_burst: u32,
    /// Handshakes a second that one source may begin in the long run.
    pub source_rate: u32,
    /// Bytes of a request's line and headers together.
    pub head: usize,
    /// From a request's first byte to the end of its headers (HTTP/1.1).
    pub head_deadline: Duration,
    /// How long a connection may stay without a request.
    pub idle: Duration,
    /// Bytes of a request's body, unless the handler asks for less.
    pub body: u64,
    /// How long a peer may send no byte of a body it began, or take no byte of an answer.
    pub stall: Duration,
    /// Bytes a second that a body must reach on average once `stall` has passed.
    pub body_rate: u32,
    /// Requests under way at once on one HTTP/2 connection.
    pub streams: u32,
    /// HTTP/2 flow control: bytes under way on one stream.
    pub stream_window: u32,
    /// HTTP/2 flow control: bytes under way on one connection.
    pub connection_window: u32,
    /// How often a silent HTTP/2 peer is pinged.
    pub ping: Duration,
    /// How long such a peer may take to answer.
    pub ping_answer: Duration,
    /// After the stop: how long an idle HTTP/1.1 connection may still bring a request, which is answered with
    /// `Connection: close`. Closing at once would lose the request that is just on its way.
    pub last_request: Duration,
    /// After the stop: when what is still under way is cut.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            signing: 8,
            handshake: Duration::from_secs(10),
            source_burst: 200,
            source_rate: 50,
            head: 64 * 1024,
            head_deadline: Duration::from_secs(10),
            idle: Duration::from_secs(120),
            body: 2 << 30,
            stall: Duration::from_secs(30),
            body_rate: 256,
            streams: 256,
            stream_window: 4 << 20,
            connection_window: 8 << 20,
            ping: Duration::from_secs(20),
            ping_answer: Duration::from_secs(10),
            last_request: Duration::from_millis(500),
            drain: Duration::from_secs(25),
        }
    }
}
