//! Asks a box or hub, on this machine or from afar.

use std::fmt;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::message::{Answer, Ask};
use super::{LONGEST, PATH};
use crate::https::{Client, Content, HeaderMap, Method};
use crate::retry::Class;
use crate::signer::wire;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why there is no answer.
#[derive(Debug)]
pub struct Away(String);

impl Away {
    /// Retry: whoever is asked may be there later.
    #[must_use]
    pub fn class(&self) -> Class {
        Class::Retry
    }
}

impl fmt::Display for Away {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Away {}

/// Asks at the local socket.
///
/// # Errors
/// When nobody answers there.
pub fn local(socket: &Path, ask: &Ask) -> Result<Answer, Away> {
    let told = |error: std::io::Error| Away(format!("{}: {error}", socket.display()));
    let mut stream = UnixStream::connect(socket).map_err(told)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(told)?;
    stream.set_write_timeout(Some(PATIENCE)).map_err(told)?;
    wire::write_blocking(&mut stream, ask).map_err(told)?;
    stream.shutdown(Shutdown::Write).map_err(told)?;
    let bytes = wire::read_blocking(&mut stream)
        .map_err(told)?
        .ok_or_else(|| Away(format!("{}: no answer", socket.display())))?;
    understood(&bytes)
}

/// Asks at a management address.
///
/// # Errors
/// When it can't be reached, does not let this operator in, or answers something else.
pub async fn remote(client: &Client, ask: &Ask) -> Result<Answer, Away> {
    let told = |error: &dyn fmt::Display| Away(error.to_string());
    let body = serde_json::to_vec(ask).map_err(|error| told(&error))?;
    let content = Content::new().then_bytes(body);
    let mut answer = client
        .request(Method::POST, PATH, HeaderMap::new(), content, PATIENCE)
        .await
        .map_err(|error| told(&error))?;
    let bytes = answer
        .body
        .read_all(LONGEST)
        .await
        .map_err(|error| told(&error))?;
    understood(&bytes)
}

fn understood(bytes: &[u8]) -> Result<Answer, Away> {
    serde_json::from_slice(bytes).map_err(|error| Away(format!("an answer that is none: {error}")))
}
