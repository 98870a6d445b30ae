//! SignedData over checkpoints by keys in memory.

use ::cms::cert::{CertificateChoices, IssuerAndSerialNumber};
use ::cms::content_info::{CmsVersion, ContentInfo};
use ::cms::signed_data::{
    CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo,
};
use const_oid::ObjectIdentifier;
use const_oid::db::{rfc5911, rfc5912};
use der::asn1::{OctetString, SetOfVec};
use der::{Any, Decode, Encode, Sequence};
use spki::AlgorithmIdentifierOwned;
use x509_cert::Certificate;
use x509_cert::attr::Attribute;

use crate::packet::Digest;
use crate::trust::issue::TestKey;

#[derive(Sequence)]
struct CertificateHash {
    hash: OctetString,
}

#[derive(Sequence)]
struct SigningCertificate {
    certificates: Vec<CertificateHash>,
}

fn attribute<T: der::EncodeValue + der::Tagged>(oid: ObjectIdentifier, value: &T) -> Attribute {
    let values = SetOfVec::try_from(vec![Any::encode_from(value).unwrap()]).unwrap();
    Attribute { oid, values }
}

fn octets(bytes: &[u8]) -> OctetString {
    OctetString::new(bytes).unwrap()
}

/// Signs `content` as CAdES-BES with a P-256 key.
pub(super) fn sign(key: &TestKey, certificate: &[u8], content: &[u8]) -> Vec<u8> {
    let own = Certificate::from_der(certificate).unwrap();
    let plain = |oid| AlgorithmIdentifierOwned {
        oid,
        parameters: None,
    };
    let signing_certificate = SigningCertificate {
        certificates: vec![CertificateHash {
            hash: octets(Digest::of(certificate).as_bytes()),
        }],
    };
    let attributes = SetOfVec::try_from(vec![
        attribute(rfc5911::ID_CONTENT_TYPE, &rfc5911::ID_DATA),
        attribute(
            rfc5911::ID_MESSAGE_DIGEST,
            &octets(Digest::of(content).as_bytes()),
        ),
        attribute(
            ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47"),
            &signing_certificate,
        ),
    ])
    .unwrap();
    let signature = key.sign(&attributes.to_der().unwrap()).unwrap();
    let signer = SignerInfo {
        version: CmsVersion::V1,
        sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
            issuer: own.tbs_certificate.issuer.clone(),
            serial_number: own.tbs_certificate.serial_number.clone(),
        }),
        digest_alg: plain(rfc5912::ID_SHA_256),
        signed_attrs: Some(attributes),
        signature_algorithm: plain(rfc5912::ECDSA_WITH_SHA_256),
        signature: octets(&signature),
        unsigned_attrs: None,
    };
    let certificates = SetOfVec::try_from(vec![CertificateChoices::Certificate(own)]).unwrap();
    let data = SignedData {
        version: CmsVersion::V1,
        digest_algorithms: SetOfVec::try_from(vec![plain(rfc5912::ID_SHA_256)]).unwrap(),
        encap_content_info: EncapsulatedContentInfo {
            econtent_type: rfc5911::ID_DATA,
            econtent: None,
        },
        certificates: Some(CertificateSet(certificates)),
        crls: None,
        signer_infos: SetOfVec::try_from(vec![signer]).unwrap().into(),
    };
    ContentInfo {
        content_type: rfc5911::ID_SIGNED_DATA,
        content: Any::encode_from(&data).unwrap(),
    }
    .to_der()
    .unwrap()
}
