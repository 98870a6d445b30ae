//! OCSP (RFC 6960): questions about one certificate, the answers of its issuer's responders, and a responder's own side.
//! Pure: who asks, and when, is decided above.

mod answer;
mod respond;

use const_oid::ObjectIdentifier as Oid;
use const_oid::db::{rfc5912, rfc6960};
use der::asn1::{Null, OctetString};
use der::{Any, Encode};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use spki::AlgorithmIdentifierOwned;
use x509_cert::ext::Extension;
use x509_cert::serial_number::SerialNumber;
use x509_ocsp::{CertId, OcspRequest, Request, TbsRequest, Version};

pub(crate) use answer::{Answer, Status, read};
pub use respond::{Asked, Reply, Responder, asked, refusal};

use super::Error;
use super::certificate::Certificate;
use super::signature::der_of;

/// sha1 (RFC 3279 section 2.1): names a certificate in a question and proves nothing.
const SHA_1: Oid = rfc5912::ID_SHA_1;

/// Media type of a question (RFC 6960 appendix A.1).
pub const REQUEST_TYPE: &str = "application/ocsp-request";
/// Media type of an answer.
pub const RESPONSE_TYPE: &str = "application/ocsp-response";
/// Longest answer that is read, in bytes.
pub const LONGEST: usize = 64 * 1024;
/// Bytes of a nonce (RFC 9654 section 2.1).
pub const NONCE: usize = 32;

/// A question about one certificate, ready to be sent.
#[derive(Clone, Debug)]
pub struct Question {
    /// OCSPRequest in DER.
    pub der: Vec<u8>,
    pub(crate) nonce: Option<Vec<u8>>,
}

impl Question {
    /// Asks for `certificate` of `issuer`; with `nonce` the answer must carry it.
    pub(crate) fn new(
        certificate: &Certificate,
        issuer: &Certificate,
        nonce: Option<[u8; NONCE]>,
    ) -> Result<Self, Error> {
        let made = || {
            let extension = |nonce: &[u8; NONCE]| {
                der::Result::Ok(Extension {
                    extn_id: rfc6960::ID_PKIX_OCSP_NONCE,
                    critical: false,
                    extn_value: OctetString::new(OctetString::new(nonce.as_slice())?.to_der()?)?,
                })
            };
            let extensions = nonce.as_ref().map(extension).transpose()?;
            let request = OcspRequest {
                tbs_request: TbsRequest {
                    version: Version::V1,
                    requestor_name: None,
                    request_list: vec![Request {
                        req_cert: cert_id(certificate, issuer)?,
                        single_request_extensions: None,
                    }],
                    request_extensions: extensions.map(|one| vec![one]),
                },
                optional_signature: None,
            };
            der_of(&request)
        };
        Ok(Self {
            der: made().map_err(|error| Error::Answer(error.to_string()))?,
            nonce: nonce.map(|nonce| nonce.to_vec()),
        })
    }
}

/// SHA-1 in CertID is what every responder knows (RFC 6960 section 4.3); the answer's signature does not rest on it.
fn cert_id(certificate: &Certificate, issuer: &Certificate) -> der::Result<CertId> {
    let (name, key) = hashes(SHA_1, issuer).ok_or_else(|| der::Tag::Null.value_error())?;
    Ok(CertId {
        hash_algorithm: AlgorithmIdentifierOwned {
            oid: SHA_1,
            parameters: Some(Any::from(Null)),
        },
        issuer_name_hash: OctetString::new(name)?,
        issuer_key_hash: OctetString::new(key)?,
        serial_number: SerialNumber::new(&positive(&certificate.serial))?,
    })
}

/// Hashes of an authority's name and key, as CertID names it; `None` for a hash that is not known here.
pub(crate) fn hashes(algorithm: Oid, authority: &Certificate) -> Option<(Vec<u8>, Vec<u8>)> {
    let with = match algorithm {
        SHA_1 => &SHA1_FOR_LEGACY_USE_ONLY,
        rfc5912::ID_SHA_256 => &SHA256,
        _ => return None,
    };
    let hash = |bytes: &[u8]| digest(with, bytes).as_ref().to_vec();
    Some((hash(&authority.subject), hash(authority.key.bits())))
}

/// The octets of a positive INTEGER: a leading zero where the first bit is set.
fn positive(magnitude: &[u8]) -> Vec<u8> {
    let sign = magnitude.first().is_some_and(|first| *first >= 0x80);
    let zero: &[u8] = if sign { &[0] } else { &[] };
    [zero, magnitude].concat()
}
