//! A TEST certification authority: root, one intermediate, certificates for keys that lie elsewhere, revocation lists.
//! Its private keys lie in memory and files; only the demo and tests use it.

use std::net::IpAddr;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, DnValue,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    PublicKeyData as _, RevokedCertParams, SanType, SerialNumber, SigningKey as _,
    SubjectPublicKeyInfo,
};
use serde::{Deserialize, Serialize};

use super::Error;
use super::pem;
use super::profile::CODE_URI;
use crate::clock::{Chance, Moment};
use crate::packet::MemberId;

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
    root: Authority,
    intermediate: Authority,
}

#[derive(Debug)]
struct Authority {
    der: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
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
        let params = |name, depth| {
            let mut params = CertificateParams::default();
            params.distinguished_name = rcgen::DistinguishedName::new();
            params
                .distinguished_name
                .push(DnType::CountryName, printable("VN"));
            params.distinguished_name.push(DnType::CommonName, name);
            params.is_ca = IsCa::Ca(BasicConstraints::Constrained(depth));
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
            params.not_before = now - time::Duration::days(1);
            params.not_after = now + time::Duration::days(3650);
            params.serial_number = Some(serial(chance));
            params
        };
        let root_der = params(ROOT_NAME, 1)
            .self_signed(&root)
            .map_err(failed)?
            .der()
            .to_vec();
        let root = Authority::new(root_der, root)?;
        let mut below = params(INTERMEDIATE_NAME, 0);
        below.use_authority_key_identifier_extension = true;
        let der = below
            .signed_by(&own, &root.issuer)
            .map_err(failed)?
            .der()
            .to_vec();
        Ok(Self {
            root,
            intermediate: Authority::new(der, own)?,
        })
    }

    /// Certificates and private keys as JSON, for the demo's next start.
    ///
    /// # Errors
    /// Never, in practice.
    pub fn save(&self) -> Result<String, Error> {
        let saved = |authority: &Authority| SavedAuthority {
            certificate: pem::encode("CERTIFICATE", &authority.der),
            key: authority.issuer.key().serialize_pem(),
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
            Authority::new(der, KeyPair::from_pem(&one.key).map_err(failed)?)
        };
        Ok(Self {
            root: read(&saved.root)?,
            intermediate: read(&saved.intermediate)?,
        })
    }

    /// The root in DER: the anchor.
    #[must_use]
    pub fn root_der(&self) -> Vec<u8> {
        self.root.der.clone()
    }

    /// The intermediate in DER.
    #[must_use]
    pub fn intermediate_der(&self) -> Vec<u8> {
        self.intermediate.der.clone()
    }

    /// Issues a certificate under the intermediate; gives its DER.
    ///
    /// # Errors
    /// When the key or a name cannot be certified.
    pub fn issue(&self, wanted: &Wanted<'_>, chance: &Chance) -> Result<Vec<u8>, Error> {
        self.issue_shaped(wanted, chance, |_| {})
    }

    /// As [`TestCa::issue`], with a last word on the parameters.
    pub(crate) fn issue_shaped(
        &self,
        wanted: &Wanted<'_>,
        chance: &Chance,
        shape: impl FnOnce(&mut CertificateParams),
    ) -> Result<Vec<u8>, Error> {
        let mut params = CertificateParams::default();
        params.distinguished_name = subject(wanted);
        params.serial_number = Some(serial(chance));
        params.not_before = wanted.not_before;
        params.not_after = wanted.not_after;
        params.use_authority_key_identifier_extension = true;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        match wanted.usage {
            Use::Tls { names } => {
                params.extended_key_usages = vec![
                    ExtendedKeyUsagePurpose::ServerAuth,
                    ExtendedKeyUsagePurpose::ClientAuth,
                ];
                for name in names {
                    params.subject_alt_names.push(match name.parse::<IpAddr>() {
                        Ok(address) => SanType::IpAddress(address),
                        Err(_) => SanType::DnsName(name.as_str().try_into().map_err(failed)?),
                    });
                }
            }
            Use::Seal => params.key_usages.push(KeyUsagePurpose::ContentCommitment),
        }
        if let Some(code) = wanted.code {
            let uri = format!("{CODE_URI}{code}");
            params
                .subject_alt_names
                .push(SanType::URI(uri.try_into().map_err(failed)?));
        }
        shape(&mut params);
        let key = SubjectPublicKeyInfo::from_der(wanted.spki_der).map_err(failed)?;
        let made = params
            .signed_by(&key, &self.intermediate.issuer)
            .map_err(failed)?;
        Ok(made.der().to_vec())
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
        self.intermediate.revocation_list(revoked, made, next)
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
        self.root.revocation_list(revoked, made, next)
    }
}

impl Authority {
    fn new(der: Vec<u8>, key: KeyPair) -> Result<Self, Error> {
        let issuer = Issuer::from_ca_cert_der(&der.as_slice().into(), key).map_err(failed)?;
        Ok(Self { der, issuer })
    }

    fn revocation_list(
        &self,
        revoked: &[String],
        made: Moment,
        next: Moment,
    ) -> Result<Vec<u8>, Error> {
        let entry = |hex: &String| {
            let bytes = data_encoding::HEXLOWER
                .decode(hex.as_bytes())
                .map_err(failed)?;
            Ok(RevokedCertParams {
                serial_number: SerialNumber::from_slice(&bytes),
                revocation_time: made,
                reason_code: None,
                invalidity_date: None,
            })
        };
        let number = u64::try_from(made.unix_timestamp()).unwrap_or_default();
        let list = CertificateRevocationListParams {
            this_update: made,
            next_update: next,
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(entry).collect::<Result<_, Error>>()?,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        Ok(list.signed_by(&self.issuer).map_err(failed)?.der().to_vec())
    }
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

fn subject(wanted: &Wanted<'_>) -> rcgen::DistinguishedName {
    let mut name = rcgen::DistinguishedName::new();
    name.push(DnType::CountryName, printable("VN"));
    name.push(DnType::OrganizationName, "trucgate TEST");
    if let Some(code) = wanted.code {
        // serialNumber is a PrintableString (RFC 4519 section 2.31), which knows no underscore.
        name.push(
            DnType::CustomDnType(vec![2, 5, 4, 5]),
            printable(&code.as_str().replace('_', "-")),
        );
        name.push(DnType::CustomDnType(vec![2, 5, 4, 97]), code.as_str());
    }
    name.push(DnType::CommonName, wanted.name);
    name
}

fn printable(text: &str) -> DnValue {
    text.try_into().map_or_else(
        |_| DnValue::Utf8String(text.to_owned()),
        DnValue::PrintableString,
    )
}

/// 16 octets, positive, never starting with zero.
fn serial(chance: &Chance) -> SerialNumber {
    let mut octets: [u8; 16] = chance.bytes();
    octets[0] = (octets[0] & 0x7f) | 0x40;
    SerialNumber::from_slice(&octets)
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::Issue(error.to_string())
}
