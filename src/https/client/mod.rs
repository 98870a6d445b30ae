//! A client of one peer: it keeps a connection, and the next call makes a new one when that is gone.

mod dial;
mod kept;

use std::sync::Arc;
use std::time::Duration;

use hyper::http::uri::{Authority, PathAndQuery};
use hyper::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header, request};
use tokio::sync::watch;
use tokio::time::timeout;

use self::kept::{Kept, Leased, Unsent};
use super::body::{Body, From, Pace};
use super::error::{Cause, Error, Phase};
use super::outgoing::Outgoing;
use crate::retry::Class;
use crate::trust::Identity;

/// Judges a server whose handshake is done, at every new connection: names it, or says why it is refused.
pub type ServerJudge =
    Arc<dyn Fn(&rustls::ClientConnection) -> Result<Option<Arc<Identity>>, Cause> + Send + Sync>;

/// How a client speaks TLS.
#[derive(Clone)]
pub struct ClientTls {
    /// The configuration of new connections. When it changes, the next call uses a new connection, and the old one
    /// ends after what is under way on it. Its ALPN list is replaced.
    pub config: watch::Receiver<Arc<rustls::ClientConfig>>,
    /// The name that the server's certificate must carry.
    pub server_name: String,
    /// Judges each new connection; without it TLS's own verdict is the only one.
    pub judge: Option<ServerJudge>,
}

/// Bounds of a client.
#[derive(Clone, Debug)]
pub struct ClientLimits {
    /// From looking up the address to the end of the TLS handshake.
    pub connect: Duration,
    /// How long the peer may send no byte of an answer's body.
    pub stall: Duration,
    /// Bytes a second that an answer's body must reach on average once `stall` has passed.
    pub body_rate: u32,
    /// How often a silent HTTP/2 peer is pinged, with requests under way or without.
    pub ping: Duration,
    /// How long it may take to answer before the connection counts as dead.
    pub ping_answer: Duration,
    /// HTTP/2 flow control: bytes under way on one stream.
    pub stream_window: u32,
    /// HTTP/2 flow control: bytes under way on one connection.
    pub connection_window: u32,
    /// Bytes of an answer's head.
    pub head: usize,
}

impl Default for ClientLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            stall: Duration::from_secs(30),
            body_rate: 256,
            ping: Duration::from_secs(20),
            ping_answer: Duration::from_secs(10),
            stream_window: 4 << 20,
            connection_window: 8 << 20,
            head: 64 * 1024,
        }
    }
}

/// Whom a client talks to, and how.
#[derive(Clone)]
pub struct ClientConfig {
    /// `host:port`; looked up at each new connection.
    pub address: String,
    /// TLS, or plain TCP without it.
    pub tls: Option<ClientTls>,
    /// What the peer may ask of us.
    pub limits: ClientLimits,
}

impl ClientConfig {
    /// A client of `address` with the default limits.
    #[must_use]
    pub fn new(address: impl Into<String>, tls: Option<ClientTls>) -> Self {
        Self {
            address: address.into(),
            tls,
            limits: ClientLimits::default(),
        }
    }
}

/// An answer, its body still on the way. Reading the body to its end gives an HTTP/1.1 connection back.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body; it is bounded by [`Body::read_all`] or [`Body::limit`] alone.
    pub body: Body,
    /// Whom the judge found at the other end.
    pub identity: Option<Arc<Identity>>,
}

/// A client of one peer. Cheap to clone; clones share the connection.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    config: ClientConfig,
    http2: bool,
    name: Arc<str>,
    kept: Kept,
}

impl Client {
    /// A client over HTTP/2: all calls share one connection. Over plain TCP the server must expect HTTP/2.
    #[must_use]
    pub fn http2(config: ClientConfig) -> Self {
        Self::new(config, true)
    }

    /// A client over HTTP/1.1, as software is: it keeps one connection and opens more while calls overlap.
    #[must_use]
    pub fn http1(config: ClientConfig) -> Self {
        Self::new(config, false)
    }

    fn new(config: ClientConfig, http2: bool) -> Self {
        Self {
            shared: Arc::new(Shared {
                name: Arc::from(config.address.as_str()),
                config,
                http2,
                kept: Kept::default(),
            }),
        }
    }

    /// Sends a request and waits for the head of its answer, `deadline` long at most: connecting and sending the
    /// body included, reading the answer's body not. `path` may carry a query.
    ///
    /// # Errors
    /// The peer can't be reached, refuses us or is refused by us, breaks off or takes too long. Whether it got the
    /// request is then unknown, so repeat only what may be repeated.
    pub async fn request(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: impl Into<Outgoing>,
        deadline: Duration,
    ) -> Result<Answer, Error> {
        let request = self.request_of(method, path, headers, body.into())?;
        match timeout(deadline, Box::pin(self.exchange(request))).await {
            Ok(done) => done,
            Err(_) => Err(Error::Exchange {
                peer: self.shared.name.to_string(),
                phase: Phase::Request,
                class: Class::Retry,
                reason: format!("no answer within {} ms", deadline.as_millis()),
                refusal: None,
            }),
        }
    }

    /// A GET without a body.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub async fn get(&self, path: &str, deadline: Duration) -> Result<Answer, Error> {
        self.request(
            Method::GET,
            path,
            HeaderMap::new(),
            Outgoing::default(),
            deadline,
        )
        .await
    }

    async fn exchange(&self, mut request: hyper::Request<Outgoing>) -> Result<Answer, Error> {
        let shared = &self.shared;
        // A kept connection may have died unnoticed. As long as nothing was sent, a fresh one is tried once.
        let mut again = true;
        let (leased, answer) = loop {
            let mut leased = shared.lease().await?;
            match leased.send(request).await {
                Ok(answer) => break (leased, answer),
                Err(Unsent::Whole(unsent, _)) if again && leased.was_kept => {
                    again = false;
                    request = *unsent;
                }
                Err(Unsent::Whole(_, error) | Unsent::Perhaps(error)) => {
                    return Err(shared.failed(&leased, &error));
                }
            }
        };
        let limits = &shared.config.limits;
        let identity = leased.identity.clone();
        let (head, incoming) = answer.into_parts();
        let body = Body::wire(
            incoming,
            u64::MAX,
            From::Name(shared.name.clone()),
            Pace {
                stall: limits.stall,
                rate: limits.body_rate,
            },
            Leased::end(leased, shared.clone()),
        );
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body,
            identity,
        })
    }

    fn request_of(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Outgoing,
    ) -> Result<hyper::Request<Outgoing>, Error> {
        let shared = &self.shared;
        let bad = |reason: String| Error::Call { reason };
        let target: PathAndQuery = path
            .parse()
            .map_err(|e| bad(format!("path {path:?}: {e}")))?;
        let authority = shared.authority();
        let mut head = request::Builder::new().method(method);
        if shared.http2 {
            let authority: Authority = authority
                .parse()
                .map_err(|e| bad(format!("peer {authority:?}: {e}")))?;
            let scheme = if shared.config.tls.is_some() {
                "https"
            } else {
                "http"
            };
            let uri = Uri::builder()
                .scheme(scheme)
                .authority(authority)
                .path_and_query(target)
                .build()
                .map_err(|e| bad(e.to_string()))?;
            head = head.uri(uri);
        } else {
            head = head.uri(Uri::from(target));
        }
        let mut request = head.body(body).map_err(|e| bad(e.to_string()))?;
        *request.headers_mut() = headers;
        if !shared.http2 && !request.headers().contains_key(header::HOST) {
            let host = HeaderValue::from_str(&authority).map_err(|e| bad(e.to_string()))?;
            request.headers_mut().insert(header::HOST, host);
        }
        Ok(request)
    }
}

impl Shared {
    /// The name that the certificate carries, with the port of the address.
    fn authority(&self) -> String {
        match (&self.config.tls, self.config.address.rsplit_once(':')) {
            (Some(tls), Some((_, port))) => format!("{}:{port}", tls.server_name),
            _ => self.config.address.clone(),
        }
    }
}
