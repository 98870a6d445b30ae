//! An operator's own key, in a file or in a token: for TLS towards a box, and to sign what two persons agree upon.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use hsm::{Hash, KeyName, Lane, Pin, Pool, Scheme, TokenName};
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaKeyPair,
};
use serde::Deserialize;

use crate::clock::{Chance, Moment};
use crate::packet::Digest;
use crate::signer::{Algorithm, cms};
use crate::tls::{self, KeyHandle};
use crate::trust::pem;

/// Where an operator's key lies.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum KeyPlace {
    /// A file with the private key, PKCS#8 in PEM: RSA or P-256.
    File(PathBuf),
    /// A token.
    Token(TokenPlace),
}

/// A key in a token.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenPlace {
    /// The PKCS#11 module.
    pub module: PathBuf,
    /// The token's label.
    pub label: String,
    /// File with its PIN.
    pub pin_file: PathBuf,
    /// The key's label.
    pub key: String,
}

/// An operator's key, ready to sign.
pub struct Key(Kind);

enum Kind {
    Ec(EcdsaKeyPair),
    Rsa(Box<RsaKeyPair>),
    Token(Pool, KeyName),
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

impl Key {
    /// Opens the key.
    ///
    /// # Errors
    /// When the file can't be read or holds no such key, or the token can't be had.
    pub fn open(place: &KeyPlace) -> io::Result<Self> {
        match place {
            KeyPlace::File(file) => {
                let bad = |why: &str| {
                    io::Error::new(
                        io::ErrorKind::InvalidData,
                        format!("{}: {why}", file.display()),
                    )
                };
                let text = zeroize::Zeroizing::new(std::fs::read(file)?);
                let ders = pem::blocks(&text, "PRIVATE KEY").unwrap_or_default();
                let der = ders.first().ok_or_else(|| bad("no PKCS#8 key in PEM"))?;
                Self::from_pkcs8(der).ok_or_else(|| bad("the key is neither RSA nor P-256"))
            }
            KeyPlace::Token(place) => {
                let pool = Pool::start(hsm::Config {
                    module: place.module.clone(),
                    token: TokenName::Label(place.label.clone()),
                    pin: Pin::read(&place.pin_file)?,
                    seal_sessions: 1,
                    tls_sessions: 1,
                    queue: 4,
                    deadline: Duration::from_secs(10),
                    min_sign_time: None,
                    profile: None,
                })
                .map_err(io::Error::other)?;
                Ok(Self(Kind::Token(pool, KeyName::Label(place.key.clone()))))
            }
        }
    }

    fn from_pkcs8(der: &[u8]) -> Option<Self> {
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        if let Ok(key) = EcdsaKeyPair::from_pkcs8(algorithm, der, Chance::system().ring()) {
            return Some(Self(Kind::Ec(key)));
        }
        let key = RsaKeyPair::from_pkcs8(der).ok()?;
        Some(Self(Kind::Rsa(Box::new(key))))
    }

    /// Signs `content` as CMS SignedData, detached (CAdES-BES), under the certificate `chain`, the operator's own first.
    ///
    /// # Errors
    /// When the certificate can't be used, or the key does not sign.
    pub fn cms(&self, chain: &[Vec<u8>], content: &[u8], at: Moment) -> io::Result<Vec<u8>> {
        let signer = cms::Signer::new(chain).map_err(io::Error::other)?;
        let draft = signer.draft(content, at).map_err(io::Error::other)?;
        let scheme = match signer.algorithm() {
            Algorithm::Rsa => tls::Scheme::RsaPkcs1Sha256,
            Algorithm::P256 => tls::Scheme::EcdsaP256Sha256,
        };
        let signature = self.sign(scheme, draft.to_sign())?;
        draft.finish(signature).map_err(io::Error::other)
    }
}

impl KeyHandle for Key {
    fn sign(&self, scheme: tls::Scheme, message: &[u8]) -> io::Result<Vec<u8>> {
        let chance = Chance::system();
        let random = chance.ring();
        let failed = |_| io::Error::other("the key did not sign");
        match (&self.0, scheme) {
            (Kind::Ec(key), tls::Scheme::EcdsaP256Sha256) => key
                .sign(random, message)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(failed),
            (Kind::Rsa(key), tls::Scheme::RsaPkcs1Sha256 | tls::Scheme::RsaPssSha256) => {
                let padding: &dyn ring::signature::RsaEncoding = match scheme {
                    tls::Scheme::RsaPssSha256 => &RSA_PSS_SHA256,
                    _ => &RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(padding, random, message, &mut signature)
                    .map_err(failed)?;
                Ok(signature)
            }
            (Kind::Token(pool, name), scheme) => {
                let scheme = match scheme {
                    tls::Scheme::EcdsaP256Sha256 => Scheme::EcdsaP256,
                    tls::Scheme::RsaPkcs1Sha256 => Scheme::RsaPkcs1(Hash::Sha256),
                    tls::Scheme::RsaPssSha256 => Scheme::RsaPss(Hash::Sha256),
                };
                let digest = Digest::of(message).as_bytes().to_vec();
                pool.sign_blocking(Lane::Tls, name.clone(), scheme, digest)
                    .map_err(io::Error::other)
            }
            _ => Err(io::Error::other("the key is of another kind")),
        }
    }
}
