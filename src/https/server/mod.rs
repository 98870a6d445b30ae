//! The server: accepts, bounds, secures, answers, and ends without losing a request.

mod connection;
mod handshake;
mod refusal;
mod service;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use self::connection::{Conditions, run};
pub use self::refusal::Refusal;
use super::budget::{Budget, Verdict};
use super::error::{Cause, Error};
use super::limits::{Limits, Protocols};
use super::request::Handler;
use crate::trust::Identity;

/// Judges a peer whose handshake is done, at every connection, resumed ones among them: TLS itself repeats an old
/// verdict there. Names the peer, or says why it is refused.
pub type Judge =
    Arc<dyn Fn(&rustls::ServerConnection) -> Result<Option<Arc<Identity>>, Cause> + Send + Sync>;

/// Judges a peer again at each of its requests, cheaply: it may have been revoked while it was connected.
pub type Recheck = Arc<dyn Fn(Option<&Arc<Identity>>) -> Result<(), Cause> + Send + Sync>;

/// Told of every peer that was refused, for the journal. A source over its budget is told of once, not each time.
pub type OnRefused = Arc<dyn Fn(SocketAddr, &Refusal) + Send + Sync>;

/// Says which addresses may connect at all.
pub type Admit = Arc<dyn Fn(IpAddr) -> bool + Send + Sync>;

/// How a server speaks TLS.
#[derive(Clone)]
pub struct ServerTls {
    /// The configuration for new connections; a change leaves the old ones alone. Its ALPN list is replaced.
    pub config: watch::Receiver<Arc<rustls::ServerConfig>>,
    /// What is offered by ALPN.
    pub protocols: Protocols,
    /// Judges each connection; without it TLS's own verdict is the only one.
    pub judge: Option<Judge>,
    /// Judges each request.
    pub recheck: Option<Recheck>,
}

/// What a server is to be.
#[derive(Clone)]
pub struct ServerConfig {
    /// Where to listen; port 0 takes a free one.
    pub address: SocketAddr,
    /// TLS, or plain HTTP/1.1 without it.
    pub tls: Option<ServerTls>,
    /// What peers may ask of it.
    pub limits: Limits,
    /// Who may connect; without it everyone.
    pub admit: Option<Admit>,
    /// Told of every refused peer.
    pub on_refused: Option<OnRefused>,
}

impl ServerConfig {
    /// A plain server at `address` with the default limits.
    #[must_use]
    pub fn plain(address: SocketAddr) -> Self {
        Self {
            address,
            tls: None,
            limits: Limits::default(),
            admit: None,
            on_refused: None,
        }
    }

    /// A TLS server at `address` with the default limits.
    #[must_use]
    pub fn secure(address: SocketAddr, tls: ServerTls) -> Self {
        Self {
            tls: Some(tls),
            ..Self::plain(address)
        }
    }
}

/// How a server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were cut because they had not ended at the drain deadline.
    pub cut: usize,
}

/// A server that listens but does not answer yet.
pub struct Server {
    listener: TcpListener,
    local: SocketAddr,
    config: ServerConfig,
}

impl Server {
    /// Listens at the configured address.
    ///
    /// # Errors
    /// When the address can't be had.
    pub fn bind(config: ServerConfig) -> Result<Self, Error> {
        let address = config.address;
        listen(address)
            .and_then(|listener| Self::adopt(listener, config))
            .map_err(|error| Error::Bind {
                address,
                reason: error.to_string(),
            })
    }

    /// Takes over a listening socket, as systemd hands it over. It must be called within the runtime.
    ///
    /// # Errors
    /// When it is no TCP socket.
    pub fn from_socket(
        listener: std::net::TcpListener,
        config: ServerConfig,
    ) -> Result<Self, Error> {
        let address = config.address;
        listener
            .set_nonblocking(true)
            .and_then(|()| TcpListener::from_std(listener))
            .and_then(|listener| Self::adopt(listener, config))
            .map_err(|error| Error::Bind {
                address,
                reason: error.to_string(),
            })
    }

    fn adopt(listener: TcpListener, config: ServerConfig) -> io::Result<Self> {
        let local = listener.local_addr()?;
        Ok(Self {
            listener,
            local,
            config,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Answers until `stop` turns true (or its sender goes away), then lets what is under way finish within the
    /// drain deadline. Dropping the future cuts everything at once.
    pub async fn serve<H: Handler>(self, handler: Arc<H>, stop: watch::Receiver<bool>) -> Drained {
        let Self {
            listener, config, ..
        } = self;
        let mut desk = Desk::new(config, handler);
        let mut stopped = stop.clone();
        let stopping = async move {
            // An error means that the sender is gone, which is a stop as well.
            let _ = stopped.wait_for(|stop| *stop).await;
        };
        tokio::pin!(stopping);
        loop {
            tokio::select! {
                biased;
                () = &mut stopping => break,
                accepted = listener.accept() => match accepted {
                    Ok((tcp, peer)) => desk.receive(tcp, peer, &stop),
                    Err(error) => desk.accept_failed(error).await,
                },
                Some(_) = desk.open.join_next() => {}
            }
        }
        // Whoever is connected already is served: the kernel accepted it in our name.
        while let Ok(Ok((tcp, peer))) = timeout(Duration::ZERO, listener.accept()).await {
            desk.receive(tcp, peer, &stop);
        }
        drop(listener);
        desk.drain().await
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(1024)
}

/// Where connections are received and kept.
struct Desk<H> {
    conditions: Arc<Conditions>,
    handler: Arc<H>,
    budget: Budget,
    /// The configuration with our ALPN list, made anew when the watched one changes.
    tls: Option<(ServerTls, Arc<rustls::ServerConfig>)>,
    open: JoinSet<()>,
    crowded: bool,
}

impl<H: Handler> Desk<H> {
    fn new(config: ServerConfig, handler: Arc<H>) -> Self {
        let limits = config.limits;
        let recheck = config.tls.as_ref().and_then(|tls| tls.recheck.clone());
        Self {
            budget: Budget::new(limits.source_burst, limits.source_rate),
            tls: config.tls.map(|mut tls| {
                let offered = offer(&mut tls);
                (tls, offered)
            }),
            conditions: Arc::new(Conditions {
                signing: Semaphore::new(limits.signing.max(1)),
                recheck,
                on_refused: config.on_refused,
                admit: config.admit,
                limits,
            }),
            handler,
            open: JoinSet::new(),
            crowded: false,
        }
    }

    fn receive(&mut self, tcp: TcpStream, peer: SocketAddr, stop: &watch::Receiver<bool>) {
        let conditions = &self.conditions;
        if conditions
            .admit
            .as_ref()
            .is_some_and(|admit| !admit(peer.ip()))
        {
            return conditions.refused(peer, &Refusal::Address);
        }
        while self.open.try_join_next().is_some() {}
        let limit = conditions.limits.connections;
        if self.open.len() >= limit {
            if !std::mem::replace(&mut self.crowded, true) {
                conditions.refused(peer, &Refusal::Crowded { limit });
            }
            return;
        }
        self.crowded = false;
        let tls = match &mut self.tls {
            None => None,
            Some((tls, offered)) => {
                match self.budget.ask(peer.ip(), Instant::now()) {
                    Verdict::Pass => {}
                    Verdict::Refused => return conditions.refused(peer, &Refusal::Budget),
                    Verdict::RefusedAgain => return,
                }
                if tls.config.has_changed().unwrap_or(false) {
                    *offered = offer(tls);
                }
                Some((offered.clone(), tls.protocols, tls.judge.clone()))
            }
        };
        // Without it small answers wait for the peer's delayed acknowledgement. A socket that refuses it is dead.
        if tcp.set_nodelay(true).is_err() {
            return;
        }
        self.open.spawn(run(
            tcp,
            peer,
            tls,
            conditions.clone(),
            self.handler.clone(),
            stop.clone(),
        ));
    }

    /// The process has no descriptor or memory left: waiting lets connections end, spinning would not.
    async fn accept_failed(&mut self, error: io::Error) {
        use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
        if matches!(
            error.kind(),
            ConnectionAborted | ConnectionReset | Interrupted
        ) {
            return;
        }
        let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
        self.conditions.refused(unknown, &Refusal::Accept(error));
        sleep(Duration::from_millis(100)).await;
    }

    async fn drain(mut self) -> Drained {
        let all = async { while self.open.join_next().await.is_some() {} };
        let cut = match timeout(self.conditions.limits.drain, all).await {
            Ok(()) => 0,
            Err(_) => self.open.len(),
        };
        self.open.shutdown().await;
        Drained { cut }
    }
}

fn offer(tls: &mut ServerTls) -> Arc<rustls::ServerConfig> {
    let mut config = rustls::ServerConfig::clone(&tls.config.borrow_and_update());
    config.alpn_protocols = tls.protocols.alpn();
    Arc::new(config)
}
