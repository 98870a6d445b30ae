//! CMS SignedData (RFC 5652), detached, CAdES-BES: built here, so that nobody has other attributes signed.

use std::time::Duration;

use cms::cert::{CertificateChoices, IssuerAndSerialNumber};
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{
    CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo,
};
use const_oid::ObjectIdentifier;
use const_oid::db::{rfc5911, rfc5912};
use der::asn1::{OctetString, SetOfVec, UtcTime};
use der::{Any, Decode, Encode, Sequence};
use spki::AlgorithmIdentifierOwned;
use x509_cert::Certificate;
use x509_cert::attr::{Attribute, Attributes};
use x509_cert::time::Time;

use super::Algorithm;
use crate::clock::Moment;
use crate::packet::Digest;

/// id-aa-signingCertificateV2 (RFC 5035 section 3).
const SIGNING_CERTIFICATE_V2: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");

/// ESSCertIDv2 whose hash is SHA-256, the default, and is therefore not named (RFC 5035 section 4).
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct EssCertIdV2 {
    hash: OctetString,
}

/// SigningCertificateV2 (RFC 5035 section 3).
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct SigningCertificateV2 {
    certs: Vec<EssCertIdV2>,
}

/// Who signs: a certificate chain, read once.
#[derive(Clone, Debug)]
pub struct Signer {
    identifier: SignerIdentifier,
    certificate_hash: Digest,
    certificates: CertificateSet,
    algorithm: Algorithm,
    spki: Vec<u8>,
}

/// A signature being made: its attributes stand, only the signature's value is missing.
#[derive(Clone, Debug)]
pub struct Draft<'a> {
    signer: &'a Signer,
    attributes: Attributes,
    to_sign: Vec<u8>,
    content_type: ObjectIdentifier,
    /// Content that travels inside the message.
    content: Option<Vec<u8>>,
    bare: bool,
}

impl Signer {
    /// Reads a chain of DER certificates, the signer's own first.
    ///
    /// # Errors
    /// When there is none, one is not DER, or the key is neither RSA nor P-256.
    pub fn new(chain: &[Vec<u8>]) -> der::Result<Self> {
        let mut certificates = Vec::with_capacity(chain.len());
        for bytes in chain {
            let certificate = Certificate::from_der(bytes)?;
            // What is embedded must be what was issued, byte for byte: hashes stand over it.
            if certificate.to_der()? != *bytes {
                return Err(der::ErrorKind::Noncanonical {
                    tag: der::Tag::Sequence,
                }
                .into());
            }
            certificates.push(certificate);
        }
        let own = &certificates
            .first()
            .ok_or(der::ErrorKind::Failed)?
            .tbs_certificate;
        let key = &own.subject_public_key_info;
        let curve = || key.algorithm.parameters.as_ref()?.decode_as().ok();
        let algorithm = match key.algorithm.oid {
            rfc5912::RSA_ENCRYPTION => Algorithm::Rsa,
            rfc5912::ID_EC_PUBLIC_KEY if curve() == Some(rfc5912::SECP_256_R_1) => Algorithm::P256,
            oid => return Err(der::ErrorKind::OidUnknown { oid }.into()),
        };
        let identifier = SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
            issuer: own.issuer.clone(),
            serial_number: own.serial_number.clone(),
        });
        Ok(Self {
            identifier,
            certificate_hash: Digest::of(&chain[0]),
            algorithm,
            spki: key.to_der()?,
            certificates: CertificateSet(SetOfVec::try_from(
                certificates
                    .into_iter()
                    .map(CertificateChoices::Certificate)
                    .collect::<Vec<_>>(),
            )?),
        })
    }

    /// Algorithm of the certificate's key.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// DER of the certificate's SubjectPublicKeyInfo.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// Begins a signature over `content` at a time.
    ///
    /// # Errors
    /// When the time can't be written.
    pub fn draft(&self, content: &[u8], at: Moment) -> der::Result<Draft<'_>> {
        self.draft_of(rfc5911::ID_DATA, content, at)
    }

    /// Begins a signature over `content` of a type, which travels inside the message (RFC 5652 section 5.2).
    ///
    /// # Errors
    /// When the time can't be written.
    pub fn draft_enclosing(
        &self,
        content_type: ObjectIdentifier,
        content: Vec<u8>,
        at: Moment,
    ) -> der::Result<Draft<'_>> {
        let mut draft = self.draft_of(content_type, &content, at)?;
        draft.content = Some(content);
        Ok(draft)
    }

    fn draft_of(
        &self,
        content_type: ObjectIdentifier,
        content: &[u8],
        at: Moment,
    ) -> der::Result<Draft<'_>> {
        let certificate = SigningCertificateV2 {
            certs: vec![EssCertIdV2 {
                hash: OctetString::new(self.certificate_hash.as_bytes().to_vec())?,
            }],
        };
        let attributes = SetOfVec::try_from(vec![
            attribute(rfc5911::ID_CONTENT_TYPE, &content_type)?,
            attribute(
                rfc5911::ID_MESSAGE_DIGEST,
                &OctetString::new(Digest::of(content).as_bytes().to_vec())?,
            )?,
            attribute(rfc5911::ID_SIGNING_TIME, &signing_time(at)?)?,
            attribute(SIGNING_CERTIFICATE_V2, &certificate)?,
        ])?;
        Ok(Draft {
            signer: self,
            // Signed is the DER of the SET OF, not its implicit tag in the message (RFC 5652 section 5.4).
            to_sign: attributes.to_der()?,
            attributes,
            content_type,
            content: None,
            bare: false,
        })
    }
}

impl Draft<'_> {
    /// The bytes whose SHA-256 is signed.
    #[must_use]
    pub fn to_sign(&self) -> &[u8] {
        &self.to_sign
    }

    /// The same without the signer's certificates: whoever verifies has them.
    #[must_use]
    pub fn bare(mut self) -> Self {
        self.bare = true;
        self
    }

    /// Puts the signature in: RSA PKCS#1 v1.5, or ECDSA as DER.
    ///
    /// # Errors
    /// When the parts don't make DER.
    pub fn finish(self, signature: Vec<u8>) -> der::Result<Vec<u8>> {
        let sha256 = AlgorithmIdentifierOwned {
            oid: rfc5912::ID_SHA_256,
            parameters: None,
        };
        let signature_algorithm = match self.signer.algorithm {
            Algorithm::Rsa => AlgorithmIdentifierOwned {
                oid: rfc5912::SHA_256_WITH_RSA_ENCRYPTION,
                parameters: Some(Any::null()),
            },
            Algorithm::P256 => AlgorithmIdentifierOwned {
                oid: rfc5912::ECDSA_WITH_SHA_256,
                parameters: None,
            },
        };
        let signer = SignerInfo {
            version: CmsVersion::V1,
            sid: self.signer.identifier.clone(),
            digest_alg: sha256.clone(),
            signed_attrs: Some(self.attributes),
            signature_algorithm,
            signature: OctetString::new(signature)?,
            unsigned_attrs: None,
        };
        let data = SignedData {
            // RFC 5652 section 5.1.
            version: if self.content_type == rfc5911::ID_DATA {
                CmsVersion::V1
            } else {
                CmsVersion::V3
            },
            digest_algorithms: SetOfVec::try_from(vec![sha256])?,
            encap_content_info: EncapsulatedContentInfo {
                econtent_type: self.content_type,
                econtent: self
                    .content
                    .map(|content| Any::encode_from(&OctetString::new(content)?))
                    .transpose()?,
            },
            certificates: (!self.bare).then(|| self.signer.certificates.clone()),
            crls: None,
            signer_infos: SetOfVec::try_from(vec![signer])?.into(),
        };
        ContentInfo {
            content_type: rfc5911::ID_SIGNED_DATA,
            content: Any::encode_from(&data)?,
        }
        .to_der()
    }
}

fn attribute<T: der::EncodeValue + der::Tagged>(
    oid: ObjectIdentifier,
    value: &T,
) -> der::Result<Attribute> {
    Ok(Attribute {
        oid,
        values: SetOfVec::try_from(vec![Any::encode_from(value)?])?,
    })
}

/// UTCTime to 2049, GeneralizedTime from then on (RFC 5652 section 11.3).
fn signing_time(at: Moment) -> der::Result<Time> {
    let since = Duration::from_secs(u64::try_from(at.unix_timestamp()).unwrap_or(0));
    if at.year() < 2050 {
        UtcTime::from_unix_duration(since).map(Time::UtcTime)
    } else {
        der::asn1::GeneralizedTime::from_unix_duration(since).map(Time::GeneralTime)
    }
}
