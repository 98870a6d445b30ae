//! A new connection: resolve, connect, handshake, judge.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::super::error::{Error, Phase, class_of, describe, find_cause};
use super::super::wire::{Fault, Observer, Socket, Wire};
use super::kept::{Leased, Sender};
use super::{ClientTls, Shared};
use crate::retry::Class;
use crate::trust::Refusal;

impl Shared {
    /// A new connection within the connection deadline.
    pub(super) async fn dial(&self) -> Result<Leased, Error> {
        let limit = self.config.limits.connect;
        // Where it hangs is what the operator must know.
        let mut phase = Phase::Resolve;
        match timeout(limit, Box::pin(self.dial_through(&mut phase))).await {
            Ok(done) => done,
            Err(_) => Err(self.error(
                phase,
                Class::Retry,
                format!("not done within {} ms", limit.as_millis()),
            )),
        }
    }

    async fn dial_through(&self, phase: &mut Phase) -> Result<Leased, Error> {
        let addresses: Vec<_> = lookup_host(self.config.address.as_str())
            .await
            .map_err(|e| self.error(*phase, Class::Retry, e.to_string()))?
            .collect();
        *phase = Phase::Connect;
        let (tcp, address) = self.connect(&addresses).await?;
        *phase = Phase::Handshake;
        let fault = Arc::new(Fault::default());
        let Some(tls) = &self.config.tls else {
            return self.speak(Socket::Plain(tcp), address, fault).await;
        };
        let mut watched = tls.config.clone();
        let origin = watched.borrow_and_update().clone();
        let stream = self.secure(tls, &origin, tcp, address).await?;
        let state = stream.get_ref().1;
        if self.http2 && state.alpn_protocol() != Some(b"h2") {
            return Err(self.error_at(
                address,
                Phase::Handshake,
                Class::Refuse,
                "it does not speak HTTP/2".to_owned(),
            ));
        }
        let identity = match tls.judge.as_ref().map_or(Ok(None), |judge| judge(state)) {
            Ok(identity) => identity,
            Err(cause) => {
                let class = find_cause::<Refusal>(&*cause).map_or(Class::Refuse, Refusal::class);
                let reason = format!("refused by us: {}", describe(&*cause));
                let error = self.error_at(address, Phase::Handshake, class, reason);
                return Err(error.because(&*cause));
            }
        };
        let mut leased = self
            .speak(Socket::Client(Box::new(stream)), address, fault)
            .await?;
        leased.identity = identity;
        leased.origin = Some(origin);
        Ok(leased)
    }

    async fn connect(&self, addresses: &[SocketAddr]) -> Result<(TcpStream, SocketAddr), Error> {
        let mut last = self.error(
            Phase::Resolve,
            Class::Retry,
            "the name has no address".to_owned(),
        );
        for &address in addresses {
            let tcp = async {
                let tcp = TcpStream::connect(address).await?;
                tcp.set_nodelay(true)?;
                io::Result::Ok(tcp)
            };
            match tcp.await {
                Ok(tcp) => return Ok((tcp, address)),
                Err(error) => {
                    last = self.error_at(address, Phase::Connect, Class::Retry, error.to_string());
                }
            }
        }
        Err(last)
    }

    async fn secure(
        &self,
        tls: &ClientTls,
        origin: &rustls::ClientConfig,
        tcp: TcpStream,
        address: SocketAddr,
    ) -> Result<tokio_rustls::client::TlsStream<TcpStream>, Error> {
        let mut config = origin.clone();
        config.alpn_protocols = vec![if self.http2 { &b"h2"[..] } else { b"http/1.1" }.to_vec()];
        let name =
            rustls::pki_types::ServerName::try_from(tls.server_name.clone()).map_err(|e| {
                Error::Call {
                    reason: format!("server name {:?}: {e}", tls.server_name),
                }
            })?;
        TlsConnector::from(Arc::new(config))
            .connect(name, tcp)
            .await
            .map_err(|e| {
                let error = self.error_at(address, Phase::Handshake, class_of(&e), describe(&e));
                error.because(&e)
            })
    }

    /// Starts HTTP on the socket.
    async fn speak(
        &self,
        socket: Socket,
        address: SocketAddr,
        fault: Arc<Fault>,
    ) -> Result<Leased, Error> {
        let wire = TokioIo::new(Wire::new(socket, Observer::Client(fault.clone())));
        let failed =
            |e: hyper::Error| self.error_at(address, Phase::Handshake, Class::Retry, describe(&e));
        let limits = &self.config.limits;
        let sender = if self.http2 {
            let (sender, connection) = http2::Builder::new(TokioExecutor::new())
                .timer(TokioTimer::new())
                .initial_stream_window_size(limits.stream_window)
                .initial_connection_window_size(limits.connection_window)
                .max_frame_size(64 * 1024)
                .max_header_list_size(u32::try_from(limits.head).unwrap_or(u32::MAX))
                .keep_alive_interval(limits.ping)
                .keep_alive_timeout(limits.ping_answer)
                .keep_alive_while_idle(true)
                .handshake(wire)
                .await
                .map_err(failed)?;
            // Its error reaches each call under way by itself.
            tokio::spawn(async move { drop(connection.await) });
            Sender::Http2(sender)
        } else {
            let (sender, connection) = http1::Builder::new()
                .max_header_size(limits.head)
                .max_buf_size(limits.head.max(256 * 1024))
                .handshake(wire)
                .await
                .map_err(failed)?;
            tokio::spawn(async move { drop(connection.await) });
            Sender::Http1(sender)
        };
        Ok(Leased {
            sender,
            address,
            fault,
            identity: None,
            origin: None,
            was_kept: false,
        })
    }

    pub(super) fn error(&self, phase: Phase, class: Class, reason: String) -> Error {
        Error::Exchange {
            peer: self.name.to_string(),
            phase,
            class,
            reason,
            refusal: None,
        }
    }

    fn error_at(&self, address: SocketAddr, phase: Phase, class: Class, reason: String) -> Error {
        let peer = if *self.name == address.to_string() {
            self.name.to_string()
        } else {
            format!("{} ({address})", self.name)
        };
        Error::Exchange {
            peer,
            phase,
            class,
            reason,
            refusal: None,
        }
    }

    /// The error of a call on `leased`: what the connection itself met says more than what HTTP makes of it.
    pub(super) fn failed(&self, leased: &Leased, error: &hyper::Error) -> Error {
        let (class, reason) = match leased.fault.get() {
            Some((class, reason)) => (*class, reason.clone()),
            None => (class_of(error), describe(error)),
        };
        self.error_at(leased.address, Phase::Request, class, reason)
    }
}
