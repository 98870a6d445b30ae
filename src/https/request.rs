//! A request, who sent it, and who answers it.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::http::{HeaderMap, Method};

use super::{Body, Response};
use crate::trust::Identity;

/// Who sent a request.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Its address as TCP knows it.
    pub address: SocketAddr,
    /// Whom its certificate names, as the server's judge found at this connection.
    pub identity: Option<Arc<Identity>>,
    /// SHA-256 of the certificate it showed and proved to own, whatever that names.
    pub fingerprint: Option<[u8; 32]>,
    /// Whether it speaks TLS.
    pub secure: bool,
}

/// A request, its body still on the way.
#[derive(Debug)]
pub struct Request {
    /// What is to be done.
    pub method: Method,
    /// The path as it was sent: neither decoded nor normalised, so that no one normalises twice.
    pub path: String,
    /// What stood behind the question mark, as it was sent.
    pub query: Option<String>,
    /// The header fields; values may be any bytes.
    pub headers: HeaderMap,
    /// Who sent it.
    pub peer: Peer,
    /// The body, bounded by the server's limits.
    pub body: Body,
}

/// Answers requests.
pub trait Handler: Send + Sync + 'static {
    /// Answers one request. When the peer goes away the future is dropped at its next wait, so work that must
    /// finish belongs in a task of its own.
    fn handle(&self, request: Request) -> impl Future<Output = Response> + Send;
}

impl<F, R> Handler for F
where
    F: Fn(Request) -> R + Send + Sync + 'static,
    R: Future<Output = Response> + Send,
{
    fn handle(&self, request: Request) -> impl Future<Output = Response> + Send {
        self(request)
    }
}
