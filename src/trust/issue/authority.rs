//! One authority over whatever key: its own certificate, what it issues, what it revokes.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use const_oid::ObjectIdentifier as Oid;
use const_oid::db::{rfc5280, rfc5912, rfc6960};
use der::Encode;
use der::asn1::{Ia5String, Null};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CrlDistributionPoint,
    CustomExtension, DnType, DnValue, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod,
    KeyUsagePurpose, RevocationReason, RevokedCertParams, SanType, SerialNumber, SigningKey,
    SubjectPublicKeyInfo,
};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{AccessDescription, AuthorityInfoAccessSyntax};

use super::{Use, Wanted};
use crate::clock::{Chance, Moment};
use crate::trust::Error;
use crate::trust::profile::CODE_URI;

/// Organization of every TEST certificate.
const ORGANIZATION: &str = "trucgate TEST";
/// Days for which an authority's own certificate is good.
const DAYS: i64 = 3650;

/// An authority: certificate and key. `K` is in memory or in a token.
#[derive(Debug)]
pub struct Authority<K> {
    der: Vec<u8>,
    issuer: Issuer<'static, K>,
    pointers: Pointers,
}

/// Where relying parties find what an authority says of its certificates; written into each of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pointers {
    /// URL of the revocation list (RFC 5280 section 4.2.1.13).
    pub list: Option<String>,
    /// URL of the OCSP responder (RFC 5280 section 4.2.2.1).
    pub ocsp: Option<String>,
}

/// A revoked certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// Serial number, lower-case hex.
    pub serial: String,
    /// When.
    pub at: Moment,
    /// Why.
    pub reason: Option<Reason>,
}

/// Why a certificate was revoked (RFC 5280 section 5.3.1), written as there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The private key is or may be known to others.
    KeyCompromise,
    /// What the certificate says of its subject is no longer so.
    AffiliationChanged,
    /// Another certificate has taken its place.
    Superseded,
    /// It is needed no more.
    CessationOfOperation,
    /// It is suspended.
    CertificateHold,
}

impl Reason {
    const ALL: [Self; 5] = [
        Self::KeyCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
        Self::CertificateHold,
    ];

    /// The name in RFC 5280.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::KeyCompromise => "keyCompromise",
            Self::AffiliationChanged => "affiliationChanged",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessationOfOperation",
            Self::CertificateHold => "certificateHold",
        }
    }

    /// CRLReason.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::KeyCompromise => 1,
            Self::AffiliationChanged => 3,
            Self::Superseded => 4,
            Self::CessationOfOperation => 5,
            Self::CertificateHold => 6,
        }
    }

    fn of_list(self) -> RevocationReason {
        match self {
            Self::KeyCompromise => RevocationReason::KeyCompromise,
            Self::AffiliationChanged => RevocationReason::AffiliationChanged,
            Self::Superseded => RevocationReason::Superseded,
            Self::CessationOfOperation => RevocationReason::CessationOfOperation,
            Self::CertificateHold => RevocationReason::CertificateHold,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Reason {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.map(Self::as_str).join(", ");
        Self::ALL
            .into_iter()
            .find(|one| one.as_str() == text)
            .ok_or_else(|| format!("{text:?} is none of {known}"))
    }
}

impl<K: SigningKey> Authority<K> {
    /// A root, valid from a day before `now` for ten years, with one authority below it at most.
    ///
    /// # Errors
    /// When the key does not sign.
    pub fn root(name: &str, key: K, chance: &Chance, now: Moment) -> Result<Self, Error> {
        let made = own(name, 1, chance, now)
            .self_signed(&key)
            .map_err(failed)?;
        Self::of(made.der().to_vec(), key)
    }

    /// An authority under this one, with none below it, whose key `key` is.
    ///
    /// # Errors
    /// When this authority's key does not sign.
    pub fn below<L: SigningKey>(
        &self,
        name: &str,
        key: L,
        chance: &Chance,
        now: Moment,
    ) -> Result<Authority<L>, Error> {
        let mut params = own(name, 0, chance, now);
        params.use_authority_key_identifier_extension = true;
        self.pointers.put(&mut params)?;
        let made = params.signed_by(&key, &self.issuer).map_err(failed)?;
        Authority::of(made.der().to_vec(), key)
    }

    /// An authority whose certificate exists.
    ///
    /// # Errors
    /// When it is no certificate.
    pub fn of(der: Vec<u8>, key: K) -> Result<Self, Error> {
        let issuer = Issuer::from_ca_cert_der(&der.as_slice().into(), key).map_err(failed)?;
        Ok(Self {
            der,
            issuer,
            pointers: Pointers::default(),
        })
    }

    /// The same, pointing to where its lists and its responder are.
    #[must_use]
    pub fn pointing(self, pointers: Pointers) -> Self {
        Self { pointers, ..self }
    }

    /// Its certificate in DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Its key.
    #[must_use]
    pub fn key(&self) -> &K {
        self.issuer.key()
    }

    /// Issues a certificate; gives its DER.
    ///
    /// # Errors
    /// When the key or a name cannot be certified.
    pub fn issue(&self, wanted: &Wanted<'_>, chance: &Chance) -> Result<Vec<u8>, Error> {
        self.issue_shaped(wanted, chance, |_| {})
    }

    /// As [`Authority::issue`], with a last word on the parameters.
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
        suit(&mut params, wanted.usage)?;
        if let Some(code) = wanted.code {
            let uri = format!("{CODE_URI}{code}");
            params
                .subject_alt_names
                .push(SanType::URI(uri.try_into().map_err(failed)?));
        }
        // Nobody asks a responder about its own certificate (RFC 6960 section 4.2.2.2.1).
        if !matches!(wanted.usage, Use::OcspResponder) {
            self.pointers.put(&mut params)?;
        }
        shape(&mut params);
        let key = SubjectPublicKeyInfo::from_der(wanted.spki_der).map_err(failed)?;
        let made = params.signed_by(&key, &self.issuer).map_err(failed)?;
        Ok(made.der().to_vec())
    }

    /// Its revocation list in DER.
    ///
    /// # Errors
    /// When a serial is not hex, or `next` is not after `made`.
    pub fn revocation_list(
        &self,
        revoked: &[Revoked],
        made: Moment,
        next: Moment,
    ) -> Result<Vec<u8>, Error> {
        let entry = |one: &Revoked| {
            let bytes = data_encoding::HEXLOWER
                .decode(one.serial.as_bytes())
                .map_err(failed)?;
            Ok(RevokedCertParams {
                serial_number: SerialNumber::from_slice(&bytes),
                revocation_time: one.at,
                reason_code: one.reason.map(Reason::of_list),
                invalidity_date: None,
            })
        };
        // Two lists of one second are two lists.
        let number = u64::try_from(made.unix_timestamp_nanos() / 1_000_000).unwrap_or_default();
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

impl Pointers {
    fn put(&self, params: &mut CertificateParams) -> Result<(), Error> {
        if let Some(url) = &self.list {
            params.crl_distribution_points = vec![CrlDistributionPoint {
                uris: vec![url.clone()],
            }];
        }
        if let Some(url) = &self.ocsp {
            let access = AuthorityInfoAccessSyntax(vec![AccessDescription {
                access_method: rfc5280::ID_AD_OCSP,
                access_location: GeneralName::UniformResourceIdentifier(
                    Ia5String::new(url).map_err(failed)?,
                ),
            }]);
            params
                .custom_extensions
                .push(extension(rfc5280::ID_PE_AUTHORITY_INFO_ACCESS, &access)?);
        }
        Ok(())
    }
}

/// Key usage, extended key usage and names of one use.
fn suit(params: &mut CertificateParams, usage: Use<'_>) -> Result<(), Error> {
    match usage {
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
        Use::OcspResponder => {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::OcspSigning];
            let nocheck = extension(rfc6960::ID_PKIX_OCSP_NOCHECK, &Null)?;
            params.custom_extensions.push(nocheck);
        }
        Use::TimeStamping => {
            // Critical and alone (RFC 3161 section 2.3), which rcgen's own list of purposes can't be.
            let purposes = vec![rfc5912::ID_KP_TIME_STAMPING];
            let mut only = extension(rfc5280::ID_CE_EXT_KEY_USAGE, &purposes)?;
            only.set_criticality(true);
            params.custom_extensions.push(only);
        }
    }
    Ok(())
}

fn extension(oid: Oid, value: &impl Encode) -> Result<CustomExtension, Error> {
    let arcs: Vec<u64> = oid.arcs().map(u64::from).collect();
    let content = value.to_der().map_err(failed)?;
    Ok(CustomExtension::from_oid_content(&arcs, content))
}

fn own(name: &str, depth: u8, chance: &Chance, now: Moment) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CountryName, printable("VN"));
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(depth));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = now - time::Duration::days(1);
    params.not_after = now + time::Duration::days(DAYS);
    params.serial_number = Some(serial(chance));
    params
}

fn subject(wanted: &Wanted<'_>) -> rcgen::DistinguishedName {
    let mut name = rcgen::DistinguishedName::new();
    name.push(DnType::CountryName, printable("VN"));
    name.push(DnType::OrganizationName, ORGANIZATION);
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

pub(super) fn failed(error: impl fmt::Display) -> Error {
    Error::Issue(error.to_string())
}
