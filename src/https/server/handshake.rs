//! A server's side of a TLS handshake, arranged so that the silent can't keep the token from the others.

use std::sync::Arc;
use std::time::Duration;

use rustls::server::Acceptor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use super::connection::Conditions;
use super::refusal::Refusal;

/// How long, and for how many bytes, a refused peer is listened to.
const DISMISS: Duration = Duration::from_secs(1);
const DISMISS_BYTES: usize = 256 * 1024;

/// Performs the handshake on `tcp` within the configured deadline.
///
/// The place to sign is taken only when the peer's whole hello has come, and is given back before its answer is
/// awaited: only the signature itself happens in between. With an error comes the connection, for [`dismiss`].
pub(super) async fn secure(
    tcp: TcpStream,
    config: Arc<rustls::ServerConfig>,
    conditions: &Conditions,
) -> Result<Box<TlsStream<TcpStream>>, (Refusal, Option<TcpStream>)> {
    let deadline = conditions.limits.handshake;
    let handshake = async {
        let mut hello = LazyConfigAcceptor::new(Acceptor::default(), tcp);
        let hello = match (&mut hello).await {
            Ok(hello) => hello,
            Err(error) => {
                return Err((error, hello.take_io()));
            }
        };
        let rest = {
            // The semaphore is never closed.
            let _place = conditions.signing.acquire().await;
            hello.into_stream(config).into_fallible()
        };
        rest.await
            .map(Box::new)
            .map_err(|(error, tcp)| (error, Some(tcp)))
    };
    match timeout(deadline, Box::pin(handshake)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err((error, tcp))) => Err((Refusal::Handshake(error), tcp)),
        Err(_) => Err((Refusal::HandshakeDeadline(deadline), None)),
    }
}

/// Closes a refused connection so that the peer can read the alert. In TLS 1.3 its first request is on the way
/// before it is judged, and closing over unread bytes sends a reset that destroys the alert.
pub(super) async fn dismiss(mut tcp: TcpStream) {
    let mut space = [0; 4096];
    let mut left = DISMISS_BYTES;
    let reading = async {
        if tcp.shutdown().await.is_err() {
            return;
        }
        while left > 0
            && let Ok(taken @ 1..) = tcp.read(&mut space).await
        {
            left = left.saturating_sub(taken);
        }
    };
    // A peer that neither reads nor closes has had its time.
    let _ = timeout(DISMISS, reading).await;
}
