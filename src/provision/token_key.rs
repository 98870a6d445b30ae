//! A key in a token as rcgen asks for one: requests and certificates are signed inside the token.

use hsm::{KeyKind, KeyName, Scheme, Workbench};
use rcgen::{
    PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, PublicKeyData, SignatureAlgorithm, SigningKey,
    SubjectPublicKeyInfo,
};
use ring::digest::{SHA256, digest};

use crate::trust::signature::Algorithm;

/// A private key in the token that a workbench has open.
#[derive(Debug)]
pub struct TokenKey<'a> {
    bench: &'a Workbench,
    name: KeyName,
    kind: KeyKind,
    spki_der: Vec<u8>,
    public: SubjectPublicKeyInfo,
}

impl<'a> TokenKey<'a> {
    /// Finds the key labelled `label`.
    ///
    /// # Errors
    /// When the token has no such key, or one of a kind that is of no use here.
    pub fn find(bench: &'a Workbench, label: &str) -> Result<Self, String> {
        let name = KeyName::Label(label.to_owned());
        let public = bench.public_key(&name).map_err(|error| error.to_string())?;
        Ok(Self {
            bench,
            name,
            kind: public.kind,
            public: SubjectPublicKeyInfo::from_der(&public.spki)
                .map_err(|error| format!("key {label}: {error}"))?,
            spki_der: public.spki,
        })
    }

    /// SubjectPublicKeyInfo in DER.
    #[must_use]
    pub fn spki_der(&self) -> &[u8] {
        &self.spki_der
    }

    /// The algorithm of [`TokenKey::sign_message`].
    #[must_use]
    pub fn signs_with(&self) -> Algorithm {
        match self.kind {
            KeyKind::Rsa { .. } => Algorithm::RsaPkcs1Sha256,
            KeyKind::P256 => Algorithm::EcdsaSha256,
        }
    }

    /// Signs `message` with SHA-256: PKCS#1 v1.5 with RSA, DER with ECDSA.
    ///
    /// # Errors
    /// What the token says.
    pub fn sign_message(&self, message: &[u8]) -> Result<Vec<u8>, hsm::Error> {
        let scheme = match self.kind {
            KeyKind::Rsa { .. } => Scheme::RsaPkcs1(hsm::Hash::Sha256),
            KeyKind::P256 => Scheme::EcdsaP256,
        };
        let digest = digest(&SHA256, message);
        self.bench.sign(&self.name, scheme, digest.as_ref())
    }
}

impl PublicKeyData for TokenKey<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.public.der_bytes()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        match self.kind {
            KeyKind::Rsa { .. } => &PKCS_RSA_SHA256,
            KeyKind::P256 => &PKCS_ECDSA_P256_SHA256,
        }
    }
}

impl SigningKey for TokenKey<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        // rcgen has no room for a reason; the callers probe the key before, so what fails here is the token's absence.
        self.sign_message(message)
            .map_err(|_| rcgen::Error::RemoteKeyError)
    }
}
