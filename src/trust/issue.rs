//! A TEST certification authority: root, one intermediate, certificates for keys that lie elsewhere, revocation lists.
//! [`TestCa`]'s private keys lie in memory and files, and only the demo and tests use it; an [`Authority`] over a token's
//! key is what `trucgate provision ca` is made of.

mod authority;

use rcgen::{KeyPair, PublicKeyData as _, SigningKey as _};
use serde::{Deserialize, Serialize};

pub use authority::{Authority, Pointers, Reason, Revoked};

use super::Error;
use super::pem;
use crate::clock::{Chance, Moment};
use crate::packet::MemberId;
use authority::failed;

/// Common name of the root.
pub const ROOT_NAME: &str = "trucgate TEST root CA, not for production";
/// Common name of the intermediate.
pub const INTERMEDIATE_NAME: &str = "trucgate TEST issuing CA, not for production";

/// What a certificate is to be good for.
#[derive(Clone, Copy, Debug)]
pub enum Use<'a> {
    /// TLS, as server under `names` (DNS names or addresses) and as client.
    Tls {
        /// DNS names and IP addresses.
        names: &'a [String],
    },
    /// Sealing: digitalSignature and nonRepudiation, no extended key usage.
    Seal,
    /// Signing OCSP answers for its issuer (RFC 6960 section 4.2.2.2), itself never asked about.
    OcspResponder,
    /// Signing time stamps and nothing else (RFC 3161 section 2.3).
    TimeStamping,
}

/// A certificate that is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// SubjectPublicKeyInfo in DER; the private key stays where it is.
    pub spki_der: &'a [u8],
    /// Its use.
    pub usage: Use<'a>,
    /// The identification code, written to the SAN URI, organizationIdentifier and subject serialNumber.
    pub code: Option<&'a MemberId>,
    /// Common name.
    pub name: &'a str,
    /// Begin of validity.
    pub not_before: Moment,
    /// End of validity.
    pub not_after: Moment,
}

/// The test authority.
#[derive(Debug)]
pub struct TestCa {
    root: Authority<KeyPair>,
    intermediate: Authority<KeyPair>,
}

/// What [`TestCa::save`] writes.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    root: SavedAuthority,
    intermediate: SavedAuthority,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedAuthority {
    certificate: String,
    key: String,
}

impl TestCa {
    /// A new root and intermediate with P-256 keys, valid from a day before `now` for ten years.
    ///
    /// # Errors
    /// When the keys cannot be made.
    pub fn new(chance: &Chance, now: Moment) -> Result<Self, Error> {
        let (root_key, key) = (generate()?, generate()?);
        Self::with_keys(root_key, key, chance, now)
    }

    /// As [`TestCa::new`] over keys in PKCS#8 PEM (P-256, P-384 or RSA).
    ///
    /// # Errors
    /// When a key cannot be read.
    pub fn with_pem_keys(
        root: &str,
        intermediate: &str,
        chance: &Chance,
        now: Moment,
    ) -> Result<Self, Error> {
        let read = |text| KeyPair::from_pem(text).map_err(failed);
        Self::with_keys(read(root)?, read(intermediate)?, chance, now)
    }

    fn with_keys(root: KeyPair, own: KeyPair, chance: &Chance, now: Moment) -> Result<Self, Error> {
        let root = Authority::root(ROOT_NAME, root, chance, now)?;
        let intermediate = root.below(INTERMEDIATE_NAME, own, chance, now)?;
        Ok(Self { root, intermediate })
    }

    /// Certificates and private keys as JSON, for the demo's next start.
    ///
    /// # Errors
    /// Never, in practice.
    pub fn save(&self) -> Result<String, Error> {
        let saved = |authority: &Authority<KeyPair>| SavedAuthority {
            certificate: pem::encode("CERTIFICATE", authority.der()),
            key: authority.key().serialize_pem(),
        };
        serde_json::to_string_pretty(&Saved {
            root: saved(&self.root),
            intermediate: saved(&self.intermediate),
        })
        .map_err(failed)
    }

    /// Reads what [`TestCa::save`] wrote.
    ///
    /// # Errors
    /// When it is something else.
    pub fn load(text: &str) -> Result<Self, Error> {
        let saved: Saved = serde_json::from_str(text).map_err(failed)?;
        let read = |one: &SavedAuthority| {
            let der = pem::certificates(one.certificate.as_bytes())
                .and_then(|mut all| all.pop())
                .ok_or_else(|| Error::Issue("not a certificate".to_owned()))?;
            Authority::of(der, KeyPair::from_pem(&one.key).map_err(failed)?)
        };
        Ok(Self {
            root: read(&saved.root)?,
            intermediate: read(&saved.intermediate)?,
        })
    }

    /// The root in DER: the anchor.
    #[must_use]
    pub fn root_der(&self) -> Vec<u8> {
        self.root.der().to_vec()
    }

    /// The intermediate in DER.
    #[must_use]
    pub fn intermediate_der(&self) -> Vec<u8> {
        self.intermediate.der().to_vec()
    }

    /// Issues a certificate under the intermediate; gives its DER.
    ///
    /// # Errors
    /// When the key or a name cannot be certified.
    pub fn issue(&self, wanted: &Wanted<'_>, chance: &Chance) -> Result<Vec<u8>, Error> {
        self.intermediate.issue(wanted, chance)
    }

    /// As [`TestCa::issue`], with a last word on the parameters.
    #[cfg(test)]
    pub(crate) fn issue_shaped(
        &self,
        wanted: &Wanted<'_>,
        chance: &Chance,
        shape: impl FnOnce(&mut rcgen::CertificateParams),
    ) -> Result<Vec<u8>, Error> {
        self.intermediate.issue_shaped(wanted, chance, shape)
    }

    /// The intermediate's list in DER, naming the given certificates' serials (lower-case hex) as revoked at `made`.
    ///
    /// # Errors
    /// When a serial is not hex, or `next` is not after `made`.
    pub fn revocation_list(
        &self,
        revoked: &[String],
        made: Moment,
        next: Moment,
    ) -> Result<Vec<u8>, Error> {
        let revoked = at(revoked, made);
        self.intermediate.revocation_list(&revoked, made, next)
    }

    /// The root's list in DER, which covers the intermediate.
    ///
    /// # Errors
    /// As [`TestCa::revocation_list`].
    pub fn root_revocation_list(
        &self,
        revoked: &[String],
        made: Moment,
        next: Moment,
    ) -> Result<Vec<u8>, Error> {
        self.root.revocation_list(&at(revoked, made), made, next)
    }
}

fn at(serials: &[String], at: Moment) -> Vec<Revoked> {
    let revoked = |serial: &String| Revoked {
        serial: serial.clone(),
        at,
        reason: None,
    };
    serials.iter().map(revoked).collect()
}

/// A P-256 key in memory, where a test needs no token.
#[derive(Debug)]
pub struct TestKey(KeyPair);

impl TestKey {
    /// A fresh key.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new() -> Result<Self, Error> {
        Ok(Self(generate()?))
    }

    /// A key from PKCS#8 PEM: P-256, or RSA, which then signs PKCS#1 with SHA-256.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn from_pem(text: &str) -> Result<Self, Error> {
        KeyPair::from_pem(text).map(Self).map_err(failed)
    }

    /// SubjectPublicKeyInfo in DER.
    #[must_use]
    pub fn spki_der(&self) -> Vec<u8> {
        self.0.subject_public_key_info()
    }

    /// The private key in PKCS#8 DER.
    #[must_use]
    pub fn pkcs8_der(&self) -> Vec<u8> {
        self.0.serialize_der()
    }

    /// ECDSA with SHA-256 in DER (RSA keys: PKCS#1 with SHA-256).
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        self.0.sign(message).map_err(failed)
    }
}

fn generate() -> Result<KeyPair, Error> {
    KeyPair::generate().map_err(failed)
}
