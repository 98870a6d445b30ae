//! A certificate chain and the handle of its key, proven to belong together.

use std::fmt;
use std::io;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::client::ResolvesClientCert;
use rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::{CertifiedKey, Signer, SigningKey};
use rustls::{SignatureAlgorithm, SignatureScheme};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::watch;

use super::Error;
use crate::trust::signature::{self, Algorithm};
use crate::trust::{KeyKind, key_of};

/// The signature schemes asked of a token (RFC 8446 section 4.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `rsa_pss_rsae_sha256`, salt of 32 bytes.
    RsaPssSha256,
    /// `rsa_pkcs1_sha256`, in TLS 1.2 only.
    RsaPkcs1Sha256,
    /// `ecdsa_secp256r1_sha256`, signature in DER.
    EcdsaP256Sha256,
}

impl Scheme {
    fn name(self) -> SignatureScheme {
        match self {
            Self::RsaPssSha256 => SignatureScheme::RSA_PSS_SHA256,
            Self::RsaPkcs1Sha256 => SignatureScheme::RSA_PKCS1_SHA256,
            Self::EcdsaP256Sha256 => SignatureScheme::ECDSA_NISTP256_SHA256,
        }
    }

    fn algorithm(self) -> Algorithm {
        match self {
            Self::RsaPssSha256 => Algorithm::RsaPssSha256,
            Self::RsaPkcs1Sha256 => Algorithm::RsaPkcs1Sha256,
            Self::EcdsaP256Sha256 => Algorithm::EcdsaSha256,
        }
    }
}

/// A private key that lies elsewhere. `sign` may block as long as the token takes.
pub trait KeyHandle: fmt::Debug + Send + Sync {
    /// Signs `message`, which is a whole to-be-signed structure of TLS 1.2 or 1.3, not a digest.
    ///
    /// # Errors
    /// When the signer is away, or refuses.
    fn sign(&self, scheme: Scheme, message: &[u8]) -> io::Result<Vec<u8>>;
}

/// A chain and its key, proven by a test signature: there is no other way to make one.
#[derive(Clone, Debug)]
pub struct Credential(Arc<CertifiedKey>);

impl Credential {
    /// Takes `chain` (DER, end certificate first, anchor left out) and proves that `key` is its key.
    /// Blocks for one signature.
    ///
    /// # Errors
    /// When the chain is unusable, the signer is away, or the two are no pair.
    pub fn new(chain: Vec<Vec<u8>>, key: Arc<dyn KeyHandle>) -> Result<Self, Error> {
        let leaf = chain
            .first()
            .ok_or_else(|| Error::Certificate("the chain is empty".to_owned()))?;
        let public = key_of(leaf).map_err(|refusal| Error::Certificate(refusal.to_string()))?;
        let schemes: &'static [Scheme] = match public.kind {
            KeyKind::Rsa => &[Scheme::RsaPssSha256, Scheme::RsaPkcs1Sha256],
            KeyKind::P256 => &[Scheme::EcdsaP256Sha256],
            KeyKind::Other => {
                return Err(Error::Certificate(format!(
                    "{} has a key that is neither RSA nor P-256",
                    public.subject
                )));
            }
        };
        let message = proof_message();
        let scheme = schemes[0];
        let made = blocking(|| key.sign(scheme, &message)).map_err(Error::Signer)?;
        if !signature::verify(&public.spki_der, scheme.algorithm(), &message, &made) {
            return Err(Error::NotAPair(public.subject));
        }
        let held = HeldKey {
            key,
            schemes,
            spki_der: public.spki_der,
        };
        let chain = chain.into_iter().map(CertificateDer::from).collect();
        Ok(Self(Arc::new(CertifiedKey::new(chain, Arc::new(held)))))
    }

    /// Has its key sign once more, to know whether it can now. Blocks for one signature.
    ///
    /// # Errors
    /// Why it did not sign.
    pub fn prove(&self) -> Result<(), Error> {
        let schemes = [Scheme::RsaPssSha256.name(), Scheme::EcdsaP256Sha256.name()];
        let none = || Error::Certificate("its key signs nothing for TLS".to_owned());
        let signer = self.0.key.choose_scheme(&schemes).ok_or_else(none)?;
        signer
            .sign(&proof_message())
            .map(drop)
            .map_err(|error| Error::Signer(io::Error::other(error)))
    }

    /// The chain in DER, end certificate first.
    #[must_use]
    pub fn chain(&self) -> Vec<Vec<u8>> {
        self.0.cert.iter().map(|der| der.to_vec()).collect()
    }
}

/// Looks like a server's CertificateVerify of TLS 1.3 (RFC 8446 section 4.4.3), because the signer signs nothing else;
/// its transcript hash is of no handshake.
fn proof_message() -> Vec<u8> {
    let mut message = vec![b' '; 64];
    message.extend_from_slice(b"TLS 1.3, server CertificateVerify\0");
    message.extend_from_slice(&crate::trust::fingerprint(
        b"trucgate: proof of a credential",
    ));
    message
}

/// Runs what blocks on the token without freezing the other connections of the worker thread.
fn blocking<T>(sign: impl FnOnce() -> T) -> T {
    let multi = Handle::try_current()
        .is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread);
    if multi {
        tokio::task::block_in_place(sign)
    } else {
        sign()
    }
}

#[derive(Debug)]
struct HeldKey {
    key: Arc<dyn KeyHandle>,
    schemes: &'static [Scheme],
    spki_der: Vec<u8>,
}

impl SigningKey for HeldKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let scheme = self
            .schemes
            .iter()
            .find(|scheme| offered.contains(&scheme.name()))?;
        Some(Box::new(HeldSigner {
            key: self.key.clone(),
            scheme: *scheme,
        }))
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        Some(self.spki_der.as_slice().into())
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        match self.schemes[0] {
            Scheme::EcdsaP256Sha256 => SignatureAlgorithm::ECDSA,
            _ => SignatureAlgorithm::RSA,
        }
    }
}

#[derive(Debug)]
struct HeldSigner {
    key: Arc<dyn KeyHandle>,
    scheme: Scheme,
}

impl Signer for HeldSigner {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        blocking(|| self.key.sign(self.scheme, message))
            .map_err(|error| rustls::Error::General(format!("the signer did not sign: {error}")))
    }

    fn scheme(&self) -> SignatureScheme {
        self.scheme.name()
    }
}

/// The credential presented now; new handshakes take the newest, running connections keep theirs.
#[derive(Debug)]
pub struct Current {
    credential: watch::Sender<Option<Credential>>,
    /// The credential with an answer of its issuer's responder beside it.
    stapled: RwLock<Option<Arc<CertifiedKey>>>,
}

impl Current {
    /// Presents nothing until a credential is there, so that a start needs no token.
    #[must_use]
    pub fn empty() -> Arc<Self> {
        Self::of(None)
    }

    /// Presents `credential`.
    #[must_use]
    pub fn new(credential: Credential) -> Arc<Self> {
        Self::of(Some(credential))
    }

    /// Presents `credential` from the next handshake on.
    pub fn replace(&self, credential: Credential) {
        *self.stapled.write().unwrap_or_else(PoisonError::into_inner) = None;
        self.credential.send_replace(Some(credential));
    }

    /// Sends `answer` (OCSPResponse in DER, RFC 6066 section 8) along from the next handshake on, if `certificate` is what
    /// is presented.
    pub fn staple(&self, certificate: &[u8], answer: &[u8]) {
        let Some(credential) = self.get() else {
            return;
        };
        if credential
            .0
            .cert
            .first()
            .is_some_and(|leaf| leaf.as_ref() == certificate)
        {
            let mut key = CertifiedKey::clone(&credential.0);
            key.ocsp = Some(answer.to_vec());
            *self.stapled.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(key));
        }
    }

    fn of(credential: Option<Credential>) -> Arc<Self> {
        Arc::new(Self {
            credential: watch::Sender::new(credential),
            stapled: RwLock::default(),
        })
    }

    /// What is presented now.
    #[must_use]
    pub fn get(&self) -> Option<Credential> {
        self.credential.borrow().clone()
    }

    /// Sees each replacement. A client makes a configuration anew then: a session that is resumed goes on under the
    /// certificate of its first handshake.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<Option<Credential>> {
        self.credential.subscribe()
    }

    fn key(&self) -> Option<Arc<CertifiedKey>> {
        self.get().map(|credential| credential.0)
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let stapled = self
            .stapled
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let key = self.key()?;
        // A credential may have been replaced in between.
        Some(
            stapled
                .filter(|stapled| stapled.cert == key.cert)
                .unwrap_or(key),
        )
    }
}

impl ResolvesClientCert for Current {
    fn resolve(
        &self,
        _authorities: &[&[u8]],
        _schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        self.key()
    }

    fn has_certs(&self) -> bool {
        self.get().is_some()
    }
}
