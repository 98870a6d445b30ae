//! A key of an open workbench as TLS asks for one: the bench speaks TLS before there is a signer.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use hsm::{Hash, KeyName, Workbench};
use ring::digest::{SHA256, digest};

use crate::tls::{KeyHandle, Scheme};

/// A key in a token that a workbench has open. It does not keep it open: a connection that lingers must not keep the
/// process's one PKCS#11 context from whoever needs it next.
#[derive(Clone)]
pub struct HeldKey {
    bench: Weak<Mutex<Workbench>>,
    name: KeyName,
}

impl HeldKey {
    /// The key labelled `label`.
    #[must_use]
    pub fn new(bench: &Arc<Mutex<Workbench>>, label: &str) -> Self {
        Self {
            bench: Arc::downgrade(bench),
            name: KeyName::Label(label.to_owned()),
        }
    }
}

impl fmt::Debug for HeldKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeldKey({})", self.name)
    }
}

impl KeyHandle for HeldKey {
    fn sign(&self, scheme: Scheme, message: &[u8]) -> io::Result<Vec<u8>> {
        let scheme = match scheme {
            Scheme::RsaPssSha256 => hsm::Scheme::RsaPss(Hash::Sha256),
            Scheme::RsaPkcs1Sha256 => hsm::Scheme::RsaPkcs1(Hash::Sha256),
            Scheme::EcdsaP256Sha256 => hsm::Scheme::EcdsaP256,
        };
        let digest = digest(&SHA256, message);
        let bench = self
            .bench
            .upgrade()
            .ok_or_else(|| io::Error::other("the token is closed"))?;
        let bench = bench.lock().unwrap_or_else(PoisonError::into_inner);
        bench
            .sign(&self.name, scheme, digest.as_ref())
            .map_err(io::Error::other)
    }
}
