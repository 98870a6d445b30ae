//! HTTP/1.1 as a load generator needs it: bytes that were made before go out, the answer's body comes back.

use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Bytes handed to TLS at a time.
const PIECE: usize = 64 * 1024;

/// Where requests go.
#[derive(Clone)]
pub(crate) struct Endpoint {
    pub(crate) address: String,
    pub(crate) tls: Option<Arc<ClientConfig>>,
}

/// One kept-alive connection.
pub(crate) struct Connection {
    stream: Box<dyn Stream>,
    held: Vec<u8>,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Endpoint {
    pub(crate) async fn connect(&self) -> Result<Connection, Failure> {
        let tcp = TcpStream::connect(&self.address).await?;
        tcp.set_nodelay(true)?;
        let stream: Box<dyn Stream> = match &self.tls {
            None => Box::new(tcp),
            Some(config) => {
                let name = ServerName::try_from("localhost")?;
                Box::new(
                    TlsConnector::from(config.clone())
                        .connect(name, tcp)
                        .await?,
                )
            }
        };
        Ok(Connection {
            stream,
            held: Vec::with_capacity(PIECE),
        })
    }
}

impl Connection {
    /// Sends a request in its parts and gives status and body of the answer.
    pub(crate) async fn ask(&mut self, parts: &[&[u8]]) -> Result<(u16, Vec<u8>), Failure> {
        for part in parts {
            for piece in part.chunks(PIECE) {
                self.stream.write_all(piece).await?;
            }
        }
        self.stream.flush().await?;
        self.answer().await
    }

    async fn answer(&mut self) -> Result<(u16, Vec<u8>), Failure> {
        let end = loop {
            if let Some(at) = find(&self.held, b"\r\n\r\n") {
                break at + 4;
            }
            self.more().await?;
        };
        let head = std::str::from_utf8(&self.held[..end])?.to_ascii_lowercase();
        let status = head
            .split(' ')
            .nth(1)
            .ok_or("no status in the answer")?
            .parse()?;
        let value = |name: &str| {
            head.lines()
                .find_map(|line| line.strip_prefix(name))
                .map(str::trim)
        };
        let length: Option<usize> = value("content-length:").map(str::parse).transpose()?;
        let chunked = value("transfer-encoding:") == Some("chunked");
        self.held.drain(..end);
        let body = match length {
            Some(length) => self.take(length).await?,
            None if chunked => self.chunks().await?,
            None => return Err("an answer without a length".into()),
        };
        Ok((status, body))
    }

    async fn chunks(&mut self) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        loop {
            let end = loop {
                if let Some(at) = find(&self.held, b"\r\n") {
                    break at;
                }
                self.more().await?;
            };
            let size = usize::from_str_radix(std::str::from_utf8(&self.held[..end])?.trim(), 16)?;
            self.held.drain(..end + 2);
            let chunk = self.take(size + 2).await?;
            body.extend_from_slice(&chunk[..size]);
            if size == 0 {
                return Ok(body);
            }
        }
    }

    async fn take(&mut self, length: usize) -> Result<Vec<u8>, Failure> {
        while self.held.len() < length {
            self.more().await?;
        }
        let rest = self.held.split_off(length);
        Ok(std::mem::replace(&mut self.held, rest))
    }

    async fn more(&mut self) -> Result<(), Failure> {
        self.held.reserve(PIECE);
        match self.stream.read_buf(&mut self.held).await? {
            0 => Err("the connection was closed".into()),
            _ => Ok(()),
        }
    }
}

pub(crate) fn find(within: &[u8], what: &[u8]) -> Option<usize> {
    within.windows(what.len()).position(|part| part == what)
}

/// TLS of a client that trusts these certificates, with one of its own where the server asks for it.
pub(crate) fn tls(
    roots: &[Vec<u8>],
    own: Option<(Vec<Vec<u8>>, Vec<u8>)>,
) -> Result<Arc<ClientConfig>, Failure> {
    let mut store = RootCertStore::empty();
    for root in roots {
        store.add(CertificateDer::from(root.clone()))?;
    }
    let builder =
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(store);
    Ok(Arc::new(match own {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => builder.with_client_auth_cert(
            chain.into_iter().map(CertificateDer::from).collect(),
            PrivateKeyDer::Pkcs8(key.into()),
        )?,
    }))
}
