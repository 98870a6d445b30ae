//! One accepted connection, from its handshake to its end.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use ring::digest::{SHA256, digest};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep_until, timeout};

use super::super::error::describe;
use super::super::limits::{Limits, Protocols};
use super::super::pulse::{Look, Pulse};
use super::super::request::{Handler, Peer};
use super::super::wire::{Observer, Socket, Wire};
use super::handshake::{dismiss, secure};
use super::refusal::Refusal;
use super::service::{Session, answer};
use super::{Admit, Judge, OnRefused, Recheck};

/// What holds for all connections of one server.
pub(super) struct Conditions {
    pub(super) limits: Limits,
    /// Places to sign at once.
    pub(super) signing: Semaphore,
    pub(super) recheck: Option<Recheck>,
    pub(super) on_refused: Option<OnRefused>,
    pub(super) admit: Option<Admit>,
}

impl Conditions {
    pub(super) fn refused(&self, peer: SocketAddr, reason: &Refusal) {
        if let Some(tell) = &self.on_refused {
            tell(peer, reason);
        }
    }
}

type Tls = (Arc<rustls::ServerConfig>, Protocols, Option<Judge>);

/// Serves one connection to its end.
pub(super) async fn run<H: Handler>(
    tcp: TcpStream,
    address: SocketAddr,
    tls: Option<Tls>,
    conditions: Arc<Conditions>,
    handler: Arc<H>,
    stop: watch::Receiver<bool>,
) {
    let mut peer = Peer {
        address,
        identity: None,
        fingerprint: None,
        secure: tls.is_some(),
    };
    let refusal = OnceLock::new();
    let mut http2 = false;
    let socket = match tls {
        None => Socket::Plain(tcp),
        Some((config, protocols, judge)) => {
            let stream = match secure(tcp, config, &conditions).await {
                Ok(stream) => stream,
                Err((reason, tcp)) => {
                    conditions.refused(address, &reason);
                    if let Some(tcp) = tcp {
                        dismiss(tcp).await;
                    }
                    return;
                }
            };
            let state = stream.get_ref().1;
            http2 = state.alpn_protocol() == Some(b"h2");
            if protocols == Protocols::Http2 && !http2 {
                let agreed = state
                    .alpn_protocol()
                    .map(|name| String::from_utf8_lossy(name).into_owned());
                return conditions.refused(address, &Refusal::Protocol { agreed });
            }
            peer.fingerprint = state
                .peer_certificates()
                .and_then(<[_]>::first)
                .and_then(|leaf| digest(&SHA256, leaf).as_ref().try_into().ok());
            match judge.map_or(Ok(None), |judge| judge(state)) {
                Ok(identity) => peer.identity = identity,
                Err(cause) => {
                    // It is told why at its first request; a bare close would look like a broken network.
                    let _ = refusal.set(cause.to_string());
                    conditions.refused(address, &Refusal::Judged(cause));
                }
            }
            Socket::Server(stream)
        }
    };
    let pulse = Arc::new(Pulse::new(!http2));
    let session = Arc::new(Session {
        peer,
        http2,
        refusal,
        pulse: pulse.clone(),
        conditions,
        handler,
    });
    let wire = TokioIo::new(Wire::new(socket, Observer::Server(pulse)));
    let service = {
        let session = session.clone();
        service_fn(move |request| answer(session.clone(), request))
    };
    let limits = &session.conditions.limits;
    if http2 {
        let connection = http2_of(limits).serve_connection(wire, service);
        watch_over(pin!(connection), &session, stop).await;
    } else {
        let connection = http1_of(limits).serve_connection(wire, service);
        watch_over(pin!(connection), &session, stop).await;
    }
}

fn http1_of(limits: &Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        // Heads a little over the limit are answered with a problem by us, far longer ones by hyper.
        .max_header_size(limits.head + limits.head / 4)
        .max_buf_size((limits.head + limits.head / 4).max(256 * 1024))
        // The pulse bounds heads without a timer for each.
        .header_read_timeout(None);
    builder
}

fn http2_of(limits: &Limits) -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    let head = u32::try_from(limits.head + limits.head / 4).unwrap_or(u32::MAX);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .initial_stream_window_size(limits.stream_window)
        .initial_connection_window_size(limits.connection_window)
        .max_frame_size(64 * 1024)
        .max_header_list_size(head)
        .max_pending_accept_reset_streams(64)
        .max_local_error_reset_streams(128)
        .keep_alive_interval(limits.ping)
        .keep_alive_timeout(limits.ping_answer);
    builder
}

/// A connection of either protocol.
trait Connection: Future<Output = Result<(), hyper::Error>> {
    fn finish(self: Pin<&mut Self>);
}

impl<S, B> Connection for http1::Connection<TokioIo<Wire>, S>
where
    Self: Future<Output = Result<(), hyper::Error>>,
    S: hyper::service::HttpService<hyper::body::Incoming, ResBody = B>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: hyper::body::Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn finish(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<S, B> Connection for http2::Connection<TokioIo<Wire>, S, TokioExecutor>
where
    Self: Future<Output = Result<(), hyper::Error>>,
    S: hyper::service::HttpService<hyper::body::Incoming, ResBody = B>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: hyper::body::Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    TokioExecutor: hyper::rt::bounds::Http2ServerConnExec<S::Future, B>,
{
    fn finish(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

/// Drives a connection and ends it when its peer, its deadlines or the server's stop say so.
async fn watch_over<H, C: Connection>(
    mut connection: Pin<&mut C>,
    session: &Session<H>,
    mut stop: watch::Receiver<bool>,
) {
    let (pulse, conditions) = (&session.pulse, &session.conditions);
    let limits = &conditions.limits;
    let refused = |reason| conditions.refused(session.peer.address, &reason);
    let first = match pulse.look(limits) {
        Look::Fine(next) => next,
        _ => Instant::now(),
    };
    let mut tick = pin!(sleep_until(first));
    let mut stopping = pin!(async move {
        // An error means that the sender is gone, which is a stop as well.
        let _ = stop.wait_for(|stop| *stop).await;
    });
    let mut ending = false;
    let mut close_at: Option<Instant> = None;
    // When a refused peer has had its time.
    let mut cut_at: Option<Instant> = None;
    loop {
        tokio::select! {
            biased;
            done = connection.as_mut() => {
                if let Err(error) = done && !ending && !error.is_canceled() {
                    refused(Refusal::Broken(describe(&error)));
                }
                return;
            }
            () = &mut stopping, if close_at.is_none() && !ending => {
                // A request may be on its way already: HTTP/1.1 has no way to say that it will not be read.
                pulse.last();
                let wait = if session.http2 { Duration::ZERO } else { limits.last_request };
                let at = Instant::now() + wait;
                close_at = Some(at);
                tick.as_mut().reset(at);
            }
            () = pulse.close.notified(), if !ending => {
                ending = true;
                connection.as_mut().finish();
                let at = Instant::now() + limits.stall.min(limits.head_deadline);
                cut_at = Some(at);
                let next = tick.deadline().min(at);
                tick.as_mut().reset(next);
            }
            () = tick.as_mut() => {
                if !ending && close_at.is_some_and(|at| at <= Instant::now()) {
                    // hyper waits for the rest of a first head, even if not a byte of it has come.
                    if pulse.awaits_head() {
                        return;
                    }
                    ending = true;
                    connection.as_mut().finish();
                }
                match pulse.look(limits) {
                    Look::Fine(next) => {
                        let next = if ending { next } else { close_at.map_or(next, |at| at.min(next)) };
                        tick.as_mut().reset(cut_at.map_or(next, |at| at.min(next)));
                    }
                    Look::Idle => {
                        connection.as_mut().finish();
                        // A polite end takes one round trip; a dead peer does not get more.
                        let _ = timeout(limits.ping_answer, connection).await;
                        return;
                    }
                    Look::SlowHead => return refused(Refusal::SlowHead),
                    Look::Stalled => return refused(Refusal::Stalled),
                }
                // What a refused peer still has under way ends politely, but not for long: it has to be able to read why.
                if session.recheck().is_some() && cut_at.is_some_and(|at| at <= Instant::now()) {
                    return;
                }
            }
        }
    }
}
