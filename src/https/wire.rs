//! A connection's bytes, plain or TLS, under observation.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use super::error::{class_of, describe};
use super::pulse::Pulse;
use crate::retry::Class;

/// How long, and for how many bytes, a server reads on what a refused peer is still sending.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 4 << 20;

/// The bytes themselves.
pub(super) enum Socket {
    Plain(TcpStream),
    Server(Box<tokio_rustls::server::TlsStream<TcpStream>>),
    Client(Box<tokio_rustls::client::TlsStream<TcpStream>>),
}

/// The first error a client's connection met, with its class: HTTP's own errors forget both.
#[derive(Default)]
pub(super) struct Fault(OnceLock<(Class, String)>);

impl Fault {
    pub(super) fn get(&self) -> Option<&(Class, String)> {
        self.0.get()
    }
}

/// Who looks on.
pub(super) enum Observer {
    Server(Arc<Pulse>),
    Client(Arc<Fault>),
}

/// A connection's bytes under observation.
pub(super) struct Wire {
    socket: Socket,
    observer: Observer,
    lingering: Option<(Pin<Box<Sleep>>, usize)>,
}

impl Wire {
    pub(super) fn new(socket: Socket, observer: Observer) -> Self {
        Self {
            socket,
            observer,
            lingering: None,
        }
    }

    fn wrote<T>(&self, done: &Poll<io::Result<T>>) {
        match (&self.observer, done) {
            (Observer::Server(pulse), Poll::Ready(_)) => pulse.wrote(),
            (Observer::Server(pulse), Poll::Pending) => pulse.blocked(),
            (Observer::Client(fault), Poll::Ready(Err(error))) => note(fault, error),
            (Observer::Client(_), _) => {}
        }
    }

    /// Takes and forgets what the peer still sends, until it ends or has had enough of our time.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let (timer, taken) = self
            .lingering
            .get_or_insert_with(|| (Box::pin(sleep(LINGER)), 0));
        let tcp = match &mut self.socket {
            Socket::Plain(tcp) => tcp,
            Socket::Server(tls) => tls.get_mut().0,
            Socket::Client(tls) => tls.get_mut().0,
        };
        let mut space = [0; 16 * 1024];
        while *taken < LINGER_BYTES {
            let mut buffer = ReadBuf::new(&mut space);
            match Pin::new(&mut *tcp).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    *taken += buffer.filled().len();
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return timer.as_mut().poll(cx),
            }
        }
        Poll::Ready(())
    }
}

fn note(fault: &Fault, error: &io::Error) {
    fault.0.get_or_init(|| (class_of(error), describe(error)));
}

macro_rules! on_socket {
    ($self:expr, $socket:ident => $call:expr) => {
        match &mut $self.socket {
            Socket::Plain($socket) => $call,
            Socket::Server(tls) => {
                let $socket = &mut **tls;
                $call
            }
            Socket::Client(tls) => {
                let $socket = &mut **tls;
                $call
            }
        }
    };
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let done = ready!(on_socket!(self, s => Pin::new(s).poll_read(cx, buffer)));
        match (&self.observer, &done) {
            (Observer::Server(pulse), Ok(())) if buffer.filled().len() > before => pulse.read(),
            (Observer::Client(fault), Err(error)) => note(fault, error),
            _ => {}
        }
        Poll::Ready(done)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let done = on_socket!(self, s => Pin::new(s).poll_write(cx, bytes));
        self.wrote(&done);
        done
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let done = on_socket!(self, s => Pin::new(s).poll_write_vectored(cx, slices));
        self.wrote(&done);
        done
    }

    fn is_write_vectored(&self) -> bool {
        match &self.socket {
            Socket::Plain(s) => s.is_write_vectored(),
            Socket::Server(s) => s.is_write_vectored(),
            Socket::Client(s) => s.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = on_socket!(self, s => Pin::new(s).poll_flush(cx));
        self.wrote(&done);
        done
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            let done = ready!(on_socket!(self, s => Pin::new(s).poll_shutdown(cx)));
            let lingers = matches!(&self.observer, Observer::Server(pulse) if pulse.lingers());
            if done.is_err() || !lingers {
                return Poll::Ready(done);
            }
        }
        self.poll_linger(cx).map(Ok)
    }
}
