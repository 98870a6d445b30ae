//! rustls configurations: what stands for every connection.

use std::sync::Arc;

use rustls::crypto::ring::Ticketer;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use super::Error;
use super::credential::Current;
use super::judge::Judge;
use super::verifier::{Admitted, ClientVerifier, HubVerifier};
use crate::clock::Clock;

/// Whom a server lets in.
#[derive(Clone, Debug)]
pub enum Clients {
    /// Registered boxes with their certificates.
    Boxes(Judge),
    /// Boxes that ask to be registered: valid certificates that stand in no directory yet. For the door of enrolments alone.
    Candidates(Judge),
    /// Software of agencies; a certificate that is shown must chain to the judge's anchors.
    Software {
        /// Its trust holds the software CA.
        judge: Judge,
        /// Whether a certificate must be shown.
        required: bool,
    },
    /// Anybody; no certificate is asked for.
    Anybody,
}

/// ring's suites: those of TLS 1.3 and the AEAD ones with ECDHE of TLS 1.2, nothing else.
pub(super) fn provider() -> CryptoProvider {
    ring::default_provider()
}

/// rustls's source of time, out of ours.
pub(super) fn time(clock: Clock) -> Arc<dyn TimeProvider> {
    Arc::new(Time(clock))
}

#[derive(Debug)]
struct Time(Clock);

impl TimeProvider for Time {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.now().unix_timestamp()).ok()?;
        Some(UnixTime::since_unix_epoch(std::time::Duration::from_secs(
            seconds,
        )))
    }
}

/// A server that presents `current`; `alpn` in order of preference (`h2`, `http/1.1`).
/// Sessions resume by ticket; the caller judges each accepted connection anew.
///
/// # Errors
/// When rustls refuses the configuration.
pub fn server_config(
    current: Arc<Current>,
    clients: Clients,
    clock: Clock,
    alpn: &[&str],
) -> Result<Arc<ServerConfig>, Error> {
    let provider = Arc::new(provider());
    let algorithms = provider.signature_verification_algorithms;
    let builder = ServerConfig::builder_with_details(provider, time(clock))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(refused)?;
    let verifier = |judge, admitted| {
        Arc::new(ClientVerifier {
            judge,
            admitted,
            algorithms,
        })
    };
    let builder = match clients {
        Clients::Boxes(judge) => {
            builder.with_client_cert_verifier(verifier(judge, Admitted::Boxes))
        }
        Clients::Candidates(judge) => {
            builder.with_client_cert_verifier(verifier(judge, Admitted::Candidates))
        }
        Clients::Software { judge, required } => {
            builder.with_client_cert_verifier(verifier(judge, Admitted::Software { required }))
        }
        Clients::Anybody => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(current);
    config.ticketer = Ticketer::new().map_err(refused)?;
    config.send_tls13_tickets = 1;
    config.require_ems = true;
    config.alpn_protocols = protocols(alpn);
    Ok(Arc::new(config))
}

/// A client that presents `current` and judges the other end by `hub`.
///
/// # Errors
/// When rustls refuses the configuration.
pub fn client_config(
    current: Arc<Current>,
    hub: HubVerifier,
    clock: Clock,
    alpn: &[&str],
) -> Result<Arc<ClientConfig>, Error> {
    let mut config = ClientConfig::builder_with_details(Arc::new(provider()), time(clock))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(refused)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(hub))
        .with_client_cert_resolver(current);
    config.require_ems = true;
    config.alpn_protocols = protocols(alpn);
    Ok(Arc::new(config))
}

/// A client that presents nothing and judges a server's chain and name by `anchors` alone, as browsers do: for files that prove
/// themselves by a signature of their own.
///
/// # Errors
/// When an anchor is no certificate, or rustls refuses the configuration.
pub fn web_client_config(anchors: &[Vec<u8>], clock: Clock) -> Result<Arc<ClientConfig>, Error> {
    let mut roots = RootCertStore::empty();
    for anchor in anchors {
        let added = roots.add(CertificateDer::from(anchor.as_slice()));
        added.map_err(|error| Error::Certificate(error.to_string()))?;
    }
    let mut config = ClientConfig::builder_with_details(Arc::new(provider()), time(clock))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(refused)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.require_ems = true;
    Ok(Arc::new(config))
}

fn protocols(alpn: &[&str]) -> Vec<Vec<u8>> {
    alpn.iter().map(|name| name.as_bytes().to_vec()).collect()
}

fn refused(error: rustls::Error) -> Error {
    Error::Configuration(error.to_string())
}
