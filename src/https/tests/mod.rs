//! Real sockets, real certificates, hostile peers.

mod answers;
mod client;
mod drain;
mod hostile;
mod refused;
mod tls;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;

/// Long enough for a busy machine: only a failing test waits for it.
const SOON: Duration = Duration::from_secs(20);

/// Why a peer is refused.
#[derive(Debug)]
struct Revoked;

impl std::fmt::Display for Revoked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the certificate is revoked")
    }
}

impl std::error::Error for Revoked {}

async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(SOON, what).await.expect("the event comes in time")
}

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// A running server and what it said of the peers it refused.
struct Running {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    done: JoinHandle<Drained>,
    refusals: mpsc::UnboundedReceiver<String>,
}

impl Running {
    fn start<H: Handler>(mut config: ServerConfig, handler: H) -> Self {
        let (tell, refusals) = mpsc::unbounded_channel();
        config.on_refused = Some(Arc::new(move |_, reason| {
            let _ = tell.send(reason.to_string());
        }));
        let server = Server::bind(config).unwrap();
        let address = server.local_addr();
        let (stop, stopped) = watch::channel(false);
        let done = tokio::spawn(server.serve(Arc::new(handler), stopped));
        Self {
            address,
            stop,
            done,
            refusals,
        }
    }

    fn plain(limits: Limits) -> Self {
        let mut config = ServerConfig::plain(loopback());
        config.limits = limits;
        Self::start(config, desk)
    }

    async fn refusal(&mut self) -> String {
        soon(self.refusals.recv()).await.unwrap()
    }

    async fn stop(self) -> Drained {
        self.stop.send(true).unwrap();
        soon(self.done).await.unwrap()
    }

    fn client(&self) -> Client {
        Client::http1(ClientConfig::new(self.address.to_string(), None))
    }

    async fn raw(&self) -> Raw {
        Raw(TcpStream::connect(self.address).await.unwrap())
    }
}

/// A peer that writes what it likes.
struct Raw(TcpStream);

impl Raw {
    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    /// All that comes until the server closes; a reset is an end as well.
    async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        let _ = soon(self.0.read_to_end(&mut bytes)).await;
        String::from_utf8_lossy(&bytes).into_owned()
    }

    async fn until(&mut self, end: &str) -> String {
        let mut bytes = Vec::new();
        while !bytes.ends_with(end.as_bytes()) {
            bytes.push(soon(self.0.read_u8()).await.expect("more comes"));
        }
        String::from_utf8(bytes).unwrap()
    }
}

/// The handler of most tests.
async fn desk(mut request: Request) -> Response {
    match request.path.as_str() {
        "/echo" => match request.body.read_all(64 << 20).await {
            Ok(bytes) => Response::bytes(StatusCode::OK, "application/octet-stream", bytes),
            Err(error) => Response::from(&error),
        },
        "/small" => match request.body.read_all(10).await {
            Ok(bytes) => Response::bytes(StatusCode::OK, "application/octet-stream", bytes),
            Err(error) => Response::from(&error),
        },
        "/through" => {
            let (chunks, received) = mpsc::channel(2);
            let length = request.body.left();
            tokio::spawn(async move {
                while let Some(Ok(chunk)) = request.body.next().await {
                    if chunks.send(Ok(chunk)).await.is_err() {
                        return;
                    }
                }
            });
            Response::stream(StatusCode::OK, "application/octet-stream", length, received)
        }
        "/endless" => {
            let (chunks, received) = mpsc::channel(2);
            tokio::spawn(async move {
                let chunk = Bytes::from(vec![0; 64 * 1024]);
                while chunks.send(Ok(chunk.clone())).await.is_ok() {}
            });
            Response::stream(StatusCode::OK, "application/octet-stream", None, received)
        }
        "/port" => Response::text(StatusCode::OK, request.peer.address.port().to_string()),
        "/panic" => panic!("planned"),
        path => Response::json(
            StatusCode::OK,
            &[path, request.query.as_deref().unwrap_or("")],
        ),
    }
}

/// A certificate authority for one test.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

type Chain = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

impl Authority {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        // Authorities of one name would be taken for each other.
        let name = format!("authority {}", COUNT.fetch_add(1, Ordering::SeqCst));
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Self {
            issuer: Issuer::new(params, key),
            certificate,
        }
    }

    fn issue(&self, name: &str) -> Chain {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        (vec![certificate.der().clone()], key)
    }

    fn roots(&self) -> Arc<rustls::RootCertStore> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        Arc::new(roots)
    }

    /// A server that demands a certificate of this authority.
    fn server(&self) -> Arc<rustls::ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(self.roots(), provider.clone())
            .build()
            .unwrap();
        let (chain, key) = self.issue("localhost");
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)
            .unwrap();
        Arc::new(config)
    }

    fn client(&self, own: Option<Chain>) -> Arc<rustls::ClientConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.roots());
        Arc::new(match own {
            Some((chain, key)) => builder.with_client_auth_cert(chain, key).unwrap(),
            None => builder.with_no_client_auth(),
        })
    }
}

/// A TLS server's configuration, and the sender that reloads it.
fn secure(
    authority: &Authority,
    protocols: Protocols,
) -> (ServerConfig, watch::Sender<Arc<rustls::ServerConfig>>) {
    let (reload, config) = watch::channel(authority.server());
    let tls = ServerTls {
        config,
        protocols,
        judge: None,
        recheck: None,
    };
    (ServerConfig::secure(loopback(), tls), reload)
}

/// A client's configuration, and the sender that reloads it.
fn secure_client(
    address: SocketAddr,
    config: Arc<rustls::ClientConfig>,
) -> (ClientConfig, watch::Sender<Arc<rustls::ClientConfig>>) {
    let (reload, config) = watch::channel(config);
    let tls = ClientTls {
        config,
        server_name: "localhost".to_owned(),
        judge: None,
    };
    (ClientConfig::new(address.to_string(), Some(tls)), reload)
}

async fn text(answer: &mut Answer) -> String {
    let bytes = answer.body.read_all(1 << 20).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}
