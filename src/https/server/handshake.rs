//! A server's side of a TLS handshake, arranged so that the silent can't keep the token from the others.

use std::io;
use std::sync::Arc;

use rustls::server::Acceptor;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use super::connection::Conditions;
use super::refusal::Refusal;

/// Performs the handshake on `tcp` within the configured deadline.
///
/// The place to sign is taken only when the peer's whole hello has come, and is given back before its answer is
/// awaited: only the signature itself happens in between.
pub(super) async fn secure(
    tcp: TcpStream,
    config: Arc<rustls::ServerConfig>,
    conditions: &Conditions,
) -> Result<Box<TlsStream<TcpStream>>, Refusal> {
    let deadline = conditions.limits.handshake;
    let handshake = async {
        let hello = LazyConfigAcceptor::new(Acceptor::default(), tcp).await?;
        let rest = {
            let _place = conditions
                .signing
                .acquire()
                .await
                .map_err(io::Error::other)?;
            hello.into_stream(config)
        };
        rest.await.map(Box::new)
    };
    match timeout(deadline, Box::pin(handshake)).await {
        Ok(done) => done.map_err(Refusal::Handshake),
        Err(_) => Err(Refusal::HandshakeDeadline(deadline)),
    }
}
