//! The connection that is kept between calls.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use tokio::sync::Mutex;

use super::super::body::End;
use super::super::error::Error;
use super::super::outgoing::Outgoing;
use super::super::wire::Fault;
use super::Shared;
use crate::trust::Identity;

/// Where calls find the connection of earlier ones.
#[derive(Default)]
pub(super) struct Kept {
    /// HTTP/2: the shared one. Held while it is made, so that one call connects and the others wait for it.
    shared: Mutex<Attempt>,
    /// How many attempts to connect failed so far.
    failures: AtomicU64,
    /// HTTP/1.1: the free one.
    free: std::sync::Mutex<Option<Leased>>,
}

#[derive(Default)]
struct Attempt {
    connection: Option<Leased>,
    failure: Option<Error>,
}

/// A connection in the hands of one call.
pub(super) struct Leased {
    pub(super) sender: Sender,
    pub(super) address: SocketAddr,
    pub(super) fault: Arc<Fault>,
    pub(super) identity: Option<Arc<Identity>>,
    /// The watched TLS configuration that it was made with.
    pub(super) origin: Option<Arc<rustls::ClientConfig>>,
    /// Whether earlier calls used it.
    pub(super) was_kept: bool,
}

pub(super) enum Sender {
    Http1(http1::SendRequest<Outgoing>),
    Http2(http2::SendRequest<Outgoing>),
}

/// Why there is no answer.
pub(super) enum Unsent {
    /// Nothing of the request was sent.
    Whole(Box<hyper::Request<Outgoing>>, hyper::Error),
    /// The peer may have got it.
    Perhaps(hyper::Error),
}

impl Leased {
    /// Another handle to the same HTTP/2 connection; an HTTP/1.1 connection has only one.
    fn share(&self) -> Option<Self> {
        let Sender::Http2(sender) = &self.sender else {
            return None;
        };
        Some(Self {
            sender: Sender::Http2(sender.clone()),
            address: self.address,
            fault: self.fault.clone(),
            identity: self.identity.clone(),
            origin: self.origin.clone(),
            was_kept: true,
        })
    }

    pub(super) async fn send(
        &mut self,
        request: hyper::Request<Outgoing>,
    ) -> Result<hyper::Response<Incoming>, Unsent> {
        let sent = match &mut self.sender {
            Sender::Http1(sender) => {
                if let Err(error) = sender.ready().await {
                    return Err(Unsent::Whole(Box::new(request), error));
                }
                sender.try_send_request(request).await
            }
            Sender::Http2(sender) => {
                if let Err(error) = sender.ready().await {
                    return Err(Unsent::Whole(Box::new(request), error));
                }
                sender.try_send_request(request).await
            }
        };
        sent.map_err(|mut failed| match failed.take_message() {
            Some(request) => Unsent::Whole(Box::new(request), failed.into_error()),
            None => Unsent::Perhaps(failed.into_error()),
        })
    }

    /// What the end of the answer's body means to the connection: one of HTTP/1.1 is free again.
    pub(super) fn end(leased: Self, shared: Arc<Shared>) -> End {
        End::Client(match leased.sender {
            Sender::Http2(_) => None,
            Sender::Http1(_) => {
                // The sender is not `Sync`, and a body should be.
                let leased = std::sync::Mutex::new(leased);
                Some(Box::new(move || {
                    if let (Ok(mut leased), Ok(mut free)) =
                        (leased.into_inner(), shared.kept.free.lock())
                    {
                        leased.was_kept = true;
                        *free = Some(leased);
                    }
                }))
            }
        })
    }

    fn is_closed(&self) -> bool {
        match &self.sender {
            Sender::Http1(sender) => sender.is_closed(),
            Sender::Http2(sender) => sender.is_closed(),
        }
    }
}

impl Shared {
    /// The kept connection, or a new one.
    pub(super) async fn lease(&self) -> Result<Leased, Error> {
        if !self.http2 {
            let free = self.kept.free.lock().ok().and_then(|mut free| free.take());
            return match free.filter(|kept| self.is_current(kept)) {
                Some(kept) => Ok(kept),
                None => self.dial().await,
            };
        }
        let seen = self.kept.failures.load(Ordering::Relaxed);
        let mut attempt = self.kept.shared.lock().await;
        if let Some(kept) = attempt.connection.as_ref().filter(|c| self.is_current(c))
            && let Some(leased) = kept.share()
        {
            return Ok(leased);
        }
        attempt.connection = None;
        // Calls that waited while another tried in vain share its failure, instead of trying one after the other.
        if self.kept.failures.load(Ordering::Relaxed) > seen
            && let Some(failure) = &attempt.failure
        {
            return Err(failure.clone());
        }
        match self.dial().await {
            Ok(made) => {
                attempt.connection = made.share();
                Ok(made)
            }
            Err(error) => {
                self.kept.failures.fetch_add(1, Ordering::Relaxed);
                attempt.failure = Some(error.clone());
                Err(error)
            }
        }
    }

    fn is_current(&self, kept: &Leased) -> bool {
        let wanted = self.config.tls.as_ref().map(|tls| tls.config.borrow());
        let same = match (&kept.origin, &wanted) {
            (Some(origin), Some(wanted)) => Arc::ptr_eq(origin, wanted),
            (None, None) => true,
            _ => false,
        };
        same && !kept.is_closed()
    }
}
