//! A TLS key behind the signer.

use std::io;

use super::{KeyHandle, Scheme};
use crate::packet::Digest;
use crate::signer::{Client, TlsScheme};

/// A TLS key by its name at the signer, and the certificate that it is asked for.
#[derive(Clone, Debug)]
pub struct SignerKey {
    client: Client,
    name: String,
    certificate: Digest,
}

impl SignerKey {
    /// The key that the signer knows as `name`, for handshakes that show the first certificate of `chain`.
    #[must_use]
    pub fn new(client: Client, name: String, chain: &[Vec<u8>]) -> Self {
        let certificate = Digest::of(chain.first().map_or(&[][..], Vec::as_slice));
        Self {
            client,
            name,
            certificate,
        }
    }
}

impl KeyHandle for SignerKey {
    fn sign(&self, scheme: Scheme, message: &[u8]) -> io::Result<Vec<u8>> {
        let scheme = match scheme {
            Scheme::RsaPssSha256 => TlsScheme::RsaPssSha256,
            Scheme::RsaPkcs1Sha256 => TlsScheme::RsaPkcs1Sha256,
            Scheme::EcdsaP256Sha256 => TlsScheme::EcdsaP256Sha256,
        };
        self.client
            .tls_sign_blocking(&self.name, self.certificate, scheme, message)
            .map_err(io::Error::other)
    }
}
