//! One request: judged, bounded, handed over, answered.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::http::{HeaderValue, Method, header, request};

use super::super::body::{Body, End, From, Pace};
use super::super::outgoing::Outgoing;
use super::super::problem;
use super::super::pulse::Pulse;
use super::super::request::{Handler, Peer, Request};
use super::super::response::Response;
use super::connection::Conditions;
use super::refusal::Refusal;

/// What holds for all requests of one connection.
pub(super) struct Session<H> {
    pub(super) peer: Peer,
    pub(super) http2: bool,
    /// Why nothing, or nothing more, is served on it. A refused peer stays refused until it connects anew.
    pub(super) refusal: OnceLock<String>,
    pub(super) pulse: Arc<Pulse>,
    pub(super) conditions: Arc<Conditions>,
    pub(super) handler: Arc<H>,
}

impl<H> Session<H> {
    /// Judges the peer again; a refused one is cut off after this answer.
    pub(super) fn recheck(&self) -> Option<&str> {
        if self.refusal.get().is_none() {
            let recheck = self.conditions.recheck.as_ref()?;
            let cause = recheck(self.peer.identity.as_ref()).err()?;
            // Two requests may learn it at once, and one of them tells.
            if self.refusal.set(cause.to_string()).is_ok() {
                self.conditions
                    .refused(self.peer.address, &Refusal::Rejudged(cause));
            }
        }
        self.end();
        self.refusal.get().map(String::as_str)
    }

    fn end(&self) {
        self.pulse.last();
        self.pulse.close.notify_one();
    }
}

/// Answers one request; it never fails, so that the connection lives.
pub(super) async fn answer<H: Handler>(
    session: Arc<Session<H>>,
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<Sent>, Infallible> {
    let flight = Flight::begin(&session.pulse);
    let head_only = request.method() == Method::HEAD;
    let (head, incoming) = request.into_parts();
    let mut response = match admit(&session, head, incoming) {
        Ok(request) => unpanicked(async { session.handler.handle(request).await }).await,
        Err(problem) => (*problem).into(),
    };
    if head_only {
        if let Some(length) = response.body.length() {
            response
                .headers
                .entry(header::CONTENT_LENGTH)
                .or_insert(length.into());
        }
        response.body = Outgoing::default();
    }
    if !session.http2 && session.pulse.is_last() {
        response
            .headers
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    let mut answer = hyper::Response::new(Sent {
        body: response.body,
        waits: false,
        flight,
    });
    *answer.status_mut() = response.status;
    *answer.headers_mut() = response.headers;
    Ok(answer)
}

/// The request as the handler sees it, or why it does not see it.
fn admit<H>(
    session: &Session<H>,
    head: request::Parts,
    incoming: Incoming,
) -> Result<Request, Box<problem::Problem>> {
    let limits = &session.conditions.limits;
    let body = Body::wire(
        incoming,
        limits.body,
        From::Address(session.peer.address),
        Pace {
            stall: limits.stall,
            rate: limits.body_rate,
        },
        End::Server(session.pulse.clone()),
    );
    if let Some(reason) = session.recheck() {
        return Err(Box::new(problem::refused(reason)));
    }
    let (path, query) = (head.uri.path(), head.uri.query());
    let mut size = path.len() + query.map_or(0, str::len);
    for (name, value) in &head.headers {
        size += name.as_str().len() + value.len() + 4;
    }
    if size > limits.head {
        return Err(Box::new(problem::head_too_large(limits.head)));
    }
    if body.left().is_some_and(|left| left > limits.body) {
        return Err(Box::new(problem::too_large(limits.body)));
    }
    Ok(Request {
        path: path.to_owned(),
        query: query.map(str::to_owned),
        method: head.method,
        headers: head.headers,
        peer: session.peer.clone(),
        body,
    })
}

/// A handler's panic is its own: the answer is 500, and connection and server live.
async fn unpanicked(handling: impl Future<Output = Response>) -> Response {
    let made = {
        let mut handling = pin!(handling);
        poll_fn(
            move |cx| match catch_unwind(AssertUnwindSafe(|| handling.as_mut().poll(cx))) {
                Ok(Poll::Pending) => Poll::Pending,
                Ok(Poll::Ready(response)) => Poll::Ready(Some(response)),
                Err(_) => Poll::Ready(None),
            },
        )
        .await
    };
    made.unwrap_or_else(|| problem::internal().into())
}

/// A request under way, until its answer is sent or given up.
struct Flight(Arc<Pulse>);

impl Flight {
    fn begin(pulse: &Arc<Pulse>) -> Self {
        pulse.begin();
        Self(pulse.clone())
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// An answer's body on the wire.
pub(super) struct Sent {
    body: Outgoing,
    /// Whether a chunk was handed over and the next not asked for yet.
    waits: bool,
    flight: Flight,
}

impl hyper::body::Body for Sent {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        let pulse = &this.flight.0;
        if std::mem::take(&mut this.waits) {
            pulse.taken();
        }
        let frame = Pin::new(&mut this.body).poll_frame(cx);
        if matches!(frame, Poll::Ready(Some(Ok(_)))) && !this.body.is_end_stream() {
            this.waits = true;
            pulse.hand();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        if self.waits {
            self.flight.0.taken();
        }
    }
}
