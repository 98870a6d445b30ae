//! A certificate read once, with all that is judged later (RFC 5280 section 4).

use std::net::IpAddr;

use const_oid::ObjectIdentifier as Oid;
use const_oid::db::{rfc4519, rfc5280, rfc5912, rfc6960};
use der::asn1::{Ia5StringRef, PrintableStringRef, Utf8StringRef};
use der::{Any, Decode, Reader, SliceReader, Tag, Tagged};
use ring::digest::{SHA256, digest};
use x509_cert::Certificate as Decoded;
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::ext::pkix::{
    AuthorityInfoAccessSyntax, BasicConstraints, CrlDistributionPoints, ExtendedKeyUsage, KeyUsage,
    SubjectAltName, SubjectKeyIdentifier,
};
use x509_cert::name::Name;

use super::refusal::{Refusal, Verdict};
use super::signature::{Algorithm, Key, Kind, der_of};
use crate::clock::Moment;

/// organizationIdentifier (ETSI EN 319 412-1 section 5.1.4).
pub(crate) const ORGANIZATION_IDENTIFIER: Oid = Oid::new_unwrap("2.5.4.97");
/// No certificate of the profile is near this.
const LONGEST: usize = 64 * 1024;

/// The parts of a signed structure: `tbs` and the rest are as they lie in the input.
pub(crate) struct SignedParts<'a> {
    pub(crate) tbs: &'a [u8],
}

/// Splits `SEQUENCE { toBeSigned, algorithm, signature }`, so that the bytes verified are the bytes received.
pub(crate) fn signed_parts(der: &[u8]) -> der::Result<SignedParts<'_>> {
    let mut reader = SliceReader::new(der)?;
    let tbs = reader.sequence(|inner| {
        let tbs = inner.tlv_bytes()?;
        inner.tlv_bytes()?;
        inner.tlv_bytes()?;
        Ok(tbs)
    })?;
    reader.finish(SignedParts { tbs })
}

/// A certificate as read.
#[derive(Debug)]
pub(crate) struct Certificate {
    pub(crate) der: Vec<u8>,
    tbs: Vec<u8>,
    algorithm: Option<Algorithm>,
    algorithm_oid: Oid,
    signature: Vec<u8>,
    pub(crate) fingerprint: [u8; 32],
    pub(crate) serial: Vec<u8>,
    pub(crate) issuer: Vec<u8>,
    pub(crate) issuer_text: String,
    pub(crate) subject: Vec<u8>,
    pub(crate) subject_text: String,
    pub(crate) not_before: Moment,
    pub(crate) not_after: Moment,
    pub(crate) spki_der: Vec<u8>,
    pub(crate) key: Key,
    /// cA of basicConstraints.
    pub(crate) ca: bool,
    pub(crate) path_length: Option<u8>,
    pub(crate) usage: Option<KeyUsage>,
    pub(crate) purposes: Option<Vec<Oid>>,
    /// Whether extendedKeyUsage is critical.
    pub(crate) purposes_critical: bool,
    pub(crate) unknown_critical: Option<Oid>,
    pub(crate) serial_numbers: Vec<String>,
    pub(crate) organization_identifiers: Vec<String>,
    pub(crate) uris: Vec<String>,
    /// DNS names and IP addresses.
    pub(crate) hosts: Vec<String>,
    pub(crate) key_identifier: Option<Vec<u8>>,
    /// SHA-256 over name and key: one authority, whatever certificates it has.
    pub(crate) authority: [u8; 32],
    /// id-pkix-ocsp-nocheck (RFC 6960 section 4.2.2.2.1).
    pub(crate) no_check: bool,
    /// http URLs of its issuer's OCSP responders (RFC 5280 section 4.2.2.1).
    pub(crate) responders: Vec<String>,
    /// http URLs of its issuer's revocation lists (RFC 5280 section 4.2.1.13).
    pub(crate) list_sources: Vec<String>,
}

impl Certificate {
    /// Reads one DER certificate.
    pub(crate) fn read(der: &[u8]) -> Result<Self, Refusal> {
        if der.len() > LONGEST {
            return Err(Refusal::new(
                Verdict::Malformed,
                format!("{} bytes are too many for a certificate", der.len()),
            ));
        }
        Self::decode(der).map_err(|error| {
            Refusal::new(Verdict::Malformed, format!("not a certificate: {error}"))
        })
    }

    fn decode(der: &[u8]) -> der::Result<Self> {
        let parts = signed_parts(der)?;
        let decoded = Decoded::from_der(der)?;
        let tbs = &decoded.tbs_certificate;
        if tbs.signature != decoded.signature_algorithm {
            return Err(Tag::Sequence.value_error());
        }
        let signature = decoded
            .signature
            .as_bytes()
            .ok_or_else(|| Tag::BitString.value_error())?;
        let extensions = Extensions::read(&decoded)?;
        Ok(Self {
            der: der.to_vec(),
            tbs: parts.tbs.to_vec(),
            algorithm: Algorithm::of(&decoded.signature_algorithm),
            algorithm_oid: decoded.signature_algorithm.oid,
            signature: signature.to_vec(),
            fingerprint: fingerprint(der),
            serial: magnitude(tbs.serial_number.as_bytes()).to_vec(),
            issuer: der_of(&tbs.issuer)?,
            issuer_text: shown(&tbs.issuer),
            subject: der_of(&tbs.subject)?,
            subject_text: shown(&tbs.subject),
            not_before: moment(tbs.validity.not_before),
            not_after: moment(tbs.validity.not_after),
            spki_der: der_of(&tbs.subject_public_key_info)?,
            key: Key::read(&tbs.subject_public_key_info)?,
            ca: extensions.constraints.as_ref().is_some_and(|c| c.ca),
            path_length: extensions.constraints.and_then(|c| c.path_len_constraint),
            usage: extensions.usage,
            purposes: extensions.purposes,
            purposes_critical: extensions.purposes_critical,
            unknown_critical: extensions.unknown_critical,
            serial_numbers: attributes(&tbs.subject, rfc4519::SERIAL_NUMBER),
            organization_identifiers: attributes(&tbs.subject, ORGANIZATION_IDENTIFIER),
            uris: extensions.uris,
            hosts: extensions.hosts,
            key_identifier: extensions.key_identifier,
            authority: authority(tbs)?,
            no_check: extensions.no_check,
            responders: extensions.responders,
            list_sources: extensions.list_sources,
        })
    }

    /// The serial number in lower-case hex.
    pub(crate) fn serial_hex(&self) -> String {
        data_encoding::HEXLOWER.encode(&self.serial)
    }

    /// Names issued by itself: subject and issuer are one (RFC 5280 section 3.2).
    pub(crate) fn self_issued(&self) -> bool {
        self.subject == self.issuer
    }

    /// A refusal that points here.
    pub(crate) fn refuse(&self, verdict: Verdict, detail: impl Into<String>) -> Refusal {
        Refusal {
            subject: self.subject_text.clone(),
            serial: self.serial_hex(),
            validity: Some((self.not_before, self.not_after)),
            ..Refusal::new(verdict, detail)
        }
    }

    /// Whether `issuer`'s key signed this.
    pub(crate) fn signed_by(&self, issuer: &Self) -> Result<(), Refusal> {
        let Some(algorithm) = self.algorithm else {
            return Err(self.refuse(
                Verdict::WeakKey,
                format!("signature algorithm {} is not accepted", self.algorithm_oid),
            ));
        };
        if issuer.key.verifies(algorithm, &self.tbs, &self.signature) {
            Ok(())
        } else {
            Err(self.refuse(
                Verdict::UnknownIssuer,
                format!(
                    "an authority named {} is known, but its key did not sign this",
                    issuer.subject_text
                ),
            ))
        }
    }
}

/// What the extensions say; each may stand once.
struct Extensions {
    constraints: Option<BasicConstraints>,
    usage: Option<KeyUsage>,
    purposes: Option<Vec<Oid>>,
    purposes_critical: bool,
    uris: Vec<String>,
    hosts: Vec<String>,
    key_identifier: Option<Vec<u8>>,
    no_check: bool,
    responders: Vec<String>,
    list_sources: Vec<String>,
    unknown_critical: Option<Oid>,
}

impl Extensions {
    fn read(decoded: &Decoded) -> der::Result<Self> {
        let mut found = Self {
            constraints: None,
            usage: None,
            purposes: None,
            purposes_critical: false,
            uris: Vec::new(),
            hosts: Vec::new(),
            key_identifier: None,
            no_check: false,
            responders: Vec::new(),
            list_sources: Vec::new(),
            unknown_critical: None,
        };
        let all = decoded.tbs_certificate.extensions.as_deref().unwrap_or(&[]);
        for (index, extension) in all.iter().enumerate() {
            if all[..index].iter().any(|e| e.extn_id == extension.extn_id) {
                return Err(Tag::Sequence.value_error());
            }
            let value = extension.extn_value.as_bytes();
            match extension.extn_id {
                rfc5280::ID_CE_BASIC_CONSTRAINTS => {
                    found.constraints = Some(BasicConstraints::from_der(value)?);
                }
                rfc5280::ID_CE_KEY_USAGE => found.usage = Some(KeyUsage::from_der(value)?),
                rfc5280::ID_CE_EXT_KEY_USAGE => {
                    found.purposes_critical = extension.critical;
                    found.purposes = Some(ExtendedKeyUsage::from_der(value)?.0);
                }
                rfc5280::ID_CE_SUBJECT_ALT_NAME => {
                    for name in SubjectAltName::from_der(value)?.0 {
                        match name {
                            GeneralName::UniformResourceIdentifier(uri) => {
                                found.uris.push(uri.to_string());
                            }
                            GeneralName::DnsName(name) => found.hosts.push(name.to_string()),
                            GeneralName::IpAddress(octets) => {
                                found.hosts.extend(address(octets.as_bytes()));
                            }
                            _ => {}
                        }
                    }
                }
                rfc5280::ID_CE_SUBJECT_KEY_IDENTIFIER => {
                    let identifier = SubjectKeyIdentifier::from_der(value)?;
                    found.key_identifier = Some(identifier.0.as_bytes().to_vec());
                }
                rfc6960::ID_PKIX_OCSP_NOCHECK => found.no_check = true,
                // Where to ask is a hint: what can't be read names no source.
                rfc5280::ID_PE_AUTHORITY_INFO_ACCESS if !extension.critical => {
                    let access = AuthorityInfoAccessSyntax::from_der(value).map(|all| all.0);
                    let all = access.unwrap_or_default().into_iter();
                    let asked = all.filter(|one| one.access_method == rfc5280::ID_AD_OCSP);
                    found.responders = asked.filter_map(|one| url(one.access_location)).collect();
                }
                rfc5280::ID_CE_CRL_DISTRIBUTION_POINTS if !extension.critical => {
                    let points = CrlDistributionPoints::from_der(value).map(|all| all.0);
                    let names = points.unwrap_or_default().into_iter().filter_map(|point| {
                        match point.distribution_point {
                            Some(DistributionPointName::FullName(names)) => Some(names),
                            _ => None,
                        }
                    });
                    found.list_sources = names.flatten().filter_map(url).collect();
                }
                // Any policy suits us and no explicit one is demanded (RFC 5280 section 6.1.1 d, e).
                rfc5280::ID_CE_CERTIFICATE_POLICIES => {}
                other if extension.critical => {
                    found.unknown_critical.get_or_insert(other);
                }
                _ => {}
            }
        }
        Ok(found)
    }
}

fn url(name: GeneralName) -> Option<String> {
    match name {
        GeneralName::UniformResourceIdentifier(uri) => {
            Some(uri.to_string()).filter(|uri| uri.starts_with("http://"))
        }
        _ => None,
    }
}

/// Digest of subject and key.
fn authority(tbs: &x509_cert::TbsCertificate) -> der::Result<[u8; 32]> {
    let mut both = der_of(&tbs.subject)?;
    both.extend(der_of(&tbs.subject_public_key_info)?);
    Ok(fingerprint(&both))
}

/// Kind of a public key, as far as a token's user cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA of 2048 bits or more.
    Rsa,
    /// ECDSA over P-256.
    P256,
    /// Anything else.
    Other,
}

/// The public key of a certificate that is not judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// The certificate's subject (RFC 4514).
    pub subject: String,
    /// Its kind.
    pub kind: KeyKind,
    /// SubjectPublicKeyInfo in DER.
    pub spki_der: Vec<u8>,
    /// SHA-256 over subject and key, by which an authority is known whatever certificates it has.
    pub authority: [u8; 32],
}

/// The public key of the certificate `der`; says nothing of its worth.
///
/// # Errors
/// `Malformed` when it is no certificate.
pub fn key_of(der: &[u8]) -> Result<PublicKey, Refusal> {
    let read = Certificate::read(der)?;
    Ok(PublicKey {
        kind: match read.key.kind {
            Kind::Rsa { bits } if bits >= 2048 => KeyKind::Rsa,
            Kind::P256 => KeyKind::P256,
            _ => KeyKind::Other,
        },
        authority: read.authority,
        subject: read.subject_text,
        spki_der: read.spki_der,
    })
}

/// What a certificate says of itself, unjudged, for lists and refusals.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Summary {
    /// Subject (RFC 4514).
    pub subject: String,
    /// Issuer (RFC 4514).
    pub issuer: String,
    /// Serial number in lower-case hex.
    pub serial: String,
    /// Begin of its validity.
    pub not_before: Moment,
    /// End of its validity.
    pub not_after: Moment,
    /// Whether it is an authority's own.
    pub ca: bool,
    /// Whether its extended key usage names TLS.
    pub tls: bool,
    /// Whether its key usage holds nonRepudiation.
    pub non_repudiation: bool,
    /// DNS names and IP addresses among the subject's alternative names.
    pub hosts: Vec<String>,
    /// Its key's strength in words.
    pub key: String,
    /// SubjectPublicKeyInfo in DER.
    pub spki_der: Vec<u8>,
}

/// Reads the certificate `der`; says nothing of its worth.
///
/// # Errors
/// `Malformed` when it is no certificate.
pub fn summary(der: &[u8]) -> Result<Summary, Refusal> {
    let read = Certificate::read(der)?;
    Ok(Summary {
        serial: read.serial_hex(),
        key: read.key.describe(),
        tls: read.purposes.as_deref().is_some_and(names_tls),
        non_repudiation: read.usage.is_some_and(|usage| usage.non_repudiation()),
        subject: read.subject_text,
        issuer: read.issuer_text,
        hosts: read.hosts,
        not_before: read.not_before,
        not_after: read.not_after,
        ca: read.ca,
        spki_der: read.spki_der,
    })
}

/// An iPAddress (RFC 5280 section 4.2.1.6) as it is written.
fn address(octets: &[u8]) -> Option<String> {
    let four = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    let sixteen = <[u8; 16]>::try_from(octets).map(IpAddr::from);
    four.or(sixteen).ok().map(|address| address.to_string())
}

/// SHA-256 of a certificate's DER.
#[must_use]
pub fn fingerprint(der: &[u8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest(&SHA256, der).as_ref());
    bytes
}

/// An INTEGER's octets without leading zeros.
pub(crate) fn magnitude(octets: &[u8]) -> &[u8] {
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    &octets[zeros.min(octets.len().saturating_sub(1))..]
}

pub(crate) fn moment(time: x509_cert::time::Time) -> Moment {
    i64::try_from(time.to_unix_duration().as_secs())
        .ok()
        .and_then(|seconds| Moment::from_unix_timestamp(seconds).ok())
        .unwrap_or(Moment::UNIX_EPOCH)
}

/// A name for people (RFC 4514): strangers choose it, so it is kept short and free of control characters.
fn shown(name: &Name) -> String {
    let parts = name.0.iter().rev().map(|rdn| {
        let attributes = rdn.0.iter().map(written);
        attributes.collect::<Vec<_>>().join("+")
    });
    parts
        .collect::<Vec<_>>()
        .join(",")
        .chars()
        .filter(|c| !c.is_control() && !('\u{202a}'..='\u{202e}').contains(c))
        .take(256)
        .collect()
}

/// organizationIdentifier has no short name there and would be shown as a number and hex.
fn written(attribute: &AttributeTypeAndValue) -> String {
    let plain = |text: &String| {
        text.bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-. ".contains(&b))
    };
    match text(&attribute.value).filter(plain) {
        Some(text) if attribute.oid == ORGANIZATION_IDENTIFIER => {
            format!("organizationIdentifier={text}")
        }
        _ => attribute.to_string(),
    }
}

fn attributes(name: &Name, oid: Oid) -> Vec<String> {
    name.0
        .iter()
        .flat_map(|rdn| rdn.0.iter())
        .filter(|attribute| attribute.oid == oid)
        .filter_map(|attribute| text(&attribute.value))
        .collect()
}

fn text(value: &Any) -> Option<String> {
    match value.tag() {
        Tag::Utf8String => value
            .decode_as::<Utf8StringRef<'_>>()
            .ok()
            .map(|s| s.as_str().to_owned()),
        Tag::PrintableString => value
            .decode_as::<PrintableStringRef<'_>>()
            .ok()
            .map(|s| s.as_str().to_owned()),
        Tag::Ia5String => value
            .decode_as::<Ia5StringRef<'_>>()
            .ok()
            .map(|s| s.as_str().to_owned()),
        _ => None,
    }
}

/// Whether `purposes` names serverAuth, clientAuth or any purpose.
pub(crate) fn names_tls(purposes: &[Oid]) -> bool {
    purposes.iter().any(|oid| {
        [
            rfc5280::ID_KP_SERVER_AUTH,
            rfc5280::ID_KP_CLIENT_AUTH,
            rfc5912::ANY_EXTENDED_KEY_USAGE,
        ]
        .contains(oid)
    })
}
