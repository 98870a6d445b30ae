//! Verifies a detached CMS SignedData (RFC 5652 section 5) as CAdES-BES (ETSI EN 319 122-1 section 5.2):
//! one signer, signed attributes with content type, message digest and signing certificate.

use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{SignedData, SignerIdentifier, SignerInfo};
use const_oid::ObjectIdentifier as Oid;
use const_oid::db::{rfc5911, rfc5912};
use der::asn1::{AnyRef, OctetString};
use der::{Any, Decode, Reader, Sequence, SliceReader, Tag, TagNumber, Tagged};
use spki::AlgorithmIdentifierOwned;
use x509_cert::attr::Attributes;

use super::certificate::{Certificate, fingerprint, magnitude, moment};
use super::refusal::{Refusal, Verdict};
use super::signature::{Algorithm, der_of};
use crate::clock::Moment;

/// signing-certificate-v2 (RFC 5035 section 3).
const SIGNING_CERTIFICATE_V2: Oid = Oid::new_unwrap("1.2.840.113549.1.9.16.2.47");
/// certificates of SignedData: `[0] IMPLICIT`.
const CERTIFICATES: Tag = Tag::ContextSpecific {
    constructed: true,
    number: TagNumber::N0,
};
/// Longest SignedData that is read.
const LONGEST: usize = 1024 * 1024;

/// What a verified signature says; the chain itself is still to be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The signer's certificate and the others sent with it, in DER, the signer first, issuers after.
    pub chain: Vec<Vec<u8>>,
    /// The time that the signer claims (RFC 5652 section 11.3).
    pub signing_time: Option<Moment>,
}

/// ESSCertIDv2 (RFC 5035 section 4), its issuerSerial unread: the hash says all.
#[derive(Sequence)]
struct CertificateId {
    #[asn1(optional = "true")]
    algorithm: Option<AlgorithmIdentifierOwned>,
    hash: OctetString,
    #[asn1(optional = "true")]
    issuer_serial: Option<Any>,
}

/// SigningCertificateV2 (RFC 5035 section 3).
#[derive(Sequence)]
struct SigningCertificate {
    certificates: Vec<CertificateId>,
    #[asn1(optional = "true")]
    policies: Option<Any>,
}

/// Verifies the SignedData `cms_der` over the detached `content`; the caller judges the chain.
///
/// # Errors
/// `Malformed` when it is not such a SignedData, `BadSignature` when anything in it does not match.
pub fn verify(cms_der: &[u8], content: &[u8]) -> Result<Signed, Refusal> {
    if cms_der.len() > LONGEST {
        return Err(malformed("too long"));
    }
    let data = signed_data(cms_der)?;
    if data.encap_content_info.econtent.is_some() {
        return Err(malformed("the content is not detached"));
    }
    verify_data(cms_der, &data, content)
}

/// A verified signature over content that travels inside it.
#[derive(Clone, Debug)]
pub(crate) struct Enclosed {
    /// The content.
    pub(crate) content: Vec<u8>,
    /// As in [`Signed`].
    pub(crate) chain: Vec<Vec<u8>>,
}

/// Verifies the SignedData `cms_der` over its own content of the type `content_type`.
pub(crate) fn verify_enclosed(cms_der: &[u8], content_type: Oid) -> Result<Enclosed, Refusal> {
    let data = signed_data(cms_der)?;
    let inside = &data.encap_content_info;
    let content = match &inside.econtent {
        Some(content) if inside.econtent_type == content_type => content,
        _ => return Err(malformed("the content is of another type, or missing")),
    };
    let content: OctetString = content.decode_as().map_err(unreadable)?;
    let signed = verify_data(cms_der, &data, content.as_bytes())?;
    Ok(Enclosed {
        content: content.into_bytes(),
        chain: signed.chain,
    })
}

fn signed_data(cms_der: &[u8]) -> Result<SignedData, Refusal> {
    let outer = ContentInfo::from_der(cms_der).map_err(unreadable)?;
    if outer.content_type != rfc5911::ID_SIGNED_DATA {
        return Err(malformed("not SignedData"));
    }
    outer.content.decode_as().map_err(unreadable)
}

fn verify_data(cms_der: &[u8], data: &SignedData, content: &[u8]) -> Result<Signed, Refusal> {
    let [signer] = data.signer_infos.0.as_slice() else {
        return Err(malformed("not exactly one signer"));
    };
    let certificates = certificates(cms_der)?;
    let mut position = None;
    for (at, one) in certificates.iter().enumerate() {
        if position.is_none() && is_of(signer, one).map_err(unreadable)? {
            position = Some(at);
        }
    }
    let position = position.ok_or_else(|| malformed("the signer's certificate is missing"))?;
    let own = &certificates[position];
    if signer.digest_alg.oid != rfc5912::ID_SHA_256 {
        return Err(own.refuse(Verdict::WeakKey, "the digest is not SHA-256"));
    }
    check_unsigned(data, signer)?;
    let attributes = signer
        .signed_attrs
        .as_ref()
        .ok_or_else(|| malformed("no signed attributes"))?;
    let signing_time = check_attributes(attributes, data, content, own)?;
    let algorithm = algorithm(signer)
        .ok_or_else(|| own.refuse(Verdict::WeakKey, "the signature algorithm is not accepted"))?;
    // The signature covers the DER of the SET, not the [0] under which it travels (RFC 5652 section 5.4).
    let signed = der_of(attributes).map_err(unreadable)?;
    if !own
        .key
        .verifies(algorithm, &signed, signer.signature.as_bytes())
    {
        return Err(own.refuse(Verdict::BadSignature, "its key did not make this signature"));
    }
    Ok(Signed {
        chain: ordered(certificates, position),
        signing_time,
    })
}

/// What no signature covers must be what its standard demands (RFC 5652 sections 5.1 and 5.3), so that one changed byte
/// is found there too.
fn check_unsigned(data: &SignedData, signer: &SignerInfo) -> Result<(), Refusal> {
    let by_key = matches!(signer.sid, SignerIdentifier::SubjectKeyIdentifier(_));
    let other_content = data.encap_content_info.econtent_type != rfc5911::ID_DATA;
    let version = |third| {
        if third {
            CmsVersion::V3
        } else {
            CmsVersion::V1
        }
    };
    if signer.version != version(by_key) || data.version != version(by_key || other_content) {
        return Err(malformed("a version that its form does not have"));
    }
    // Absent or NULL (RFC 5754 section 2).
    let plain = |algorithm: &AlgorithmIdentifierOwned| {
        let null = Any::null();
        algorithm
            .parameters
            .as_ref()
            .is_none_or(|found| *found == null)
    };
    let of_signer = [&signer.digest_alg, &signer.signature_algorithm];
    if signer.signature_algorithm.oid != rfc5912::ID_RSASSA_PSS
        && signer.signature_algorithm.oid != rfc5912::ID_EC_PUBLIC_KEY
        && !of_signer.into_iter().all(plain)
    {
        return Err(malformed(
            "an algorithm has parameters that it does not have",
        ));
    }
    match data.digest_algorithms.as_slice() {
        [one] if one.oid == signer.digest_alg.oid && plain(one) => Ok(()),
        _ => Err(malformed("digestAlgorithms does not name the one digest")),
    }
}

/// The certificates as they lie in the input: encoded anew they might no longer be what was fingerprinted.
fn certificates(cms_der: &[u8]) -> Result<Vec<Certificate>, Refusal> {
    let raw = raw_certificates(cms_der).map_err(unreadable)?;
    if raw.len() > 10 {
        return Err(malformed("too many certificates"));
    }
    raw.into_iter().map(Certificate::read).collect()
}

fn raw_certificates(cms_der: &[u8]) -> der::Result<Vec<&[u8]>> {
    let data = SliceReader::new(cms_der)?.sequence(|info| {
        info.tlv_bytes()?;
        Ok(AnyRef::decode(info)?.value())
    })?;
    let set = SliceReader::new(data)?.sequence(|fields| {
        let mut set = &[][..];
        while !fields.is_finished() {
            let field = AnyRef::decode(fields)?;
            if field.tag() == CERTIFICATES {
                set = field.value();
            }
        }
        Ok(set)
    })?;
    let mut reader = SliceReader::new(set)?;
    let mut all = Vec::new();
    while !reader.is_finished() {
        all.push(reader.tlv_bytes()?);
    }
    Ok(all)
}

fn is_of(signer: &SignerInfo, certificate: &Certificate) -> der::Result<bool> {
    Ok(match &signer.sid {
        SignerIdentifier::IssuerAndSerialNumber(id) => {
            der_of(&id.issuer)? == certificate.issuer
                && magnitude(id.serial_number.as_bytes()) == certificate.serial
        }
        SignerIdentifier::SubjectKeyIdentifier(id) => {
            certificate.key_identifier.as_deref() == Some(id.0.as_bytes())
        }
    })
}

/// Content type, digest and signing certificate must match; gives the claimed time.
fn check_attributes(
    attributes: &Attributes,
    data: &SignedData,
    content: &[u8],
    own: &Certificate,
) -> Result<Option<Moment>, Refusal> {
    let content_type: Oid = required(attributes, rfc5911::ID_CONTENT_TYPE)?
        .decode_as()
        .map_err(unreadable)?;
    if content_type != data.encap_content_info.econtent_type {
        return Err(own.refuse(Verdict::BadSignature, "the content type differs"));
    }
    let message_digest: OctetString = required(attributes, rfc5911::ID_MESSAGE_DIGEST)?
        .decode_as()
        .map_err(unreadable)?;
    if message_digest.as_bytes() != fingerprint(content) {
        return Err(own.refuse(
            Verdict::BadSignature,
            "the content differs from what was signed",
        ));
    }
    if !names_signer(attributes, own)? {
        return Err(own.refuse(
            Verdict::BadSignature,
            "another signing certificate is named",
        ));
    }
    let time = single(attributes, rfc5911::ID_SIGNING_TIME)?
        .map(|value| der_of(value).and_then(|der| x509_cert::time::Time::from_der(&der)))
        .transpose()
        .map_err(unreadable)?;
    Ok(time.map(moment))
}

/// Whether the signing certificate that the attributes name is `own`.
fn names_signer(attributes: &Attributes, own: &Certificate) -> Result<bool, Refusal> {
    let named: SigningCertificate = required(attributes, SIGNING_CERTIFICATE_V2)?
        .decode_as()
        .map_err(unreadable)?;
    let first = named
        .certificates
        .first()
        .ok_or_else(|| malformed("no signing certificate is named"))?;
    let sha256 = |named: &AlgorithmIdentifierOwned| named.oid == rfc5912::ID_SHA_256;
    Ok(first.algorithm.as_ref().is_none_or(sha256) && first.hash.as_bytes() == own.fingerprint)
}

fn single(attributes: &Attributes, oid: Oid) -> Result<Option<&Any>, Refusal> {
    let mut found = attributes.iter().filter(|attribute| attribute.oid == oid);
    let Some(attribute) = found.next() else {
        return Ok(None);
    };
    match (attribute.values.as_slice(), found.next()) {
        ([value], None) => Ok(Some(value)),
        _ => Err(malformed(&format!(
            "attribute {oid} has not exactly one value"
        ))),
    }
}

fn required(attributes: &Attributes, oid: Oid) -> Result<&Any, Refusal> {
    single(attributes, oid)?.ok_or_else(|| malformed(&format!("attribute {oid} is missing")))
}

/// Signers may name the key's algorithm alone; the digest then completes it (RFC 3370 section 3.2).
fn algorithm(signer: &SignerInfo) -> Option<Algorithm> {
    match signer.signature_algorithm.oid {
        rfc5912::RSA_ENCRYPTION => Some(Algorithm::RsaPkcs1Sha256),
        rfc5912::ID_EC_PUBLIC_KEY => Some(Algorithm::EcdsaSha256),
        _ => Algorithm::of(&signer.signature_algorithm).filter(|found| {
            matches!(
                found,
                Algorithm::RsaPkcs1Sha256 | Algorithm::RsaPssSha256 | Algorithm::EcdsaSha256
            )
        }),
    }
}

fn ordered(mut certificates: Vec<Certificate>, signer: usize) -> Vec<Vec<u8>> {
    let mut last = certificates.swap_remove(signer);
    let mut chain = Vec::new();
    while let Some(next) = certificates
        .iter()
        .position(|one| one.subject == last.issuer)
    {
        let next = certificates.swap_remove(next);
        chain.push(std::mem::replace(&mut last, next).der);
    }
    chain.push(last.der);
    chain.extend(certificates.into_iter().map(|one| one.der));
    chain
}

fn malformed(why: &str) -> Refusal {
    Refusal::new(Verdict::Malformed, format!("signature: {why}"))
}

fn unreadable(error: der::Error) -> Refusal {
    malformed(&error.to_string())
}
