//! Public keys and the signatures they are asked to prove.

use const_oid::ObjectIdentifier as Oid;
use const_oid::db::{rfc5912, rfc8410};
use der::asn1::UintRef;
use der::{Decode, Encode, Reader, Sequence, SliceReader};
use ring::signature as ring_signature;
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

/// An accepted signature algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 section 8.2).
    RsaPkcs1Sha256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RsaPkcs1Sha384,
    /// RSASSA-PSS with SHA-256, MGF1 with the same, salt of 32 bytes (RFC 8017 section 8.1).
    RsaPssSha256,
    /// RSASSA-PSS with SHA-384, MGF1 with the same, salt of 48 bytes.
    RsaPssSha384,
    /// ECDSA with SHA-256, signature in DER (RFC 5758).
    EcdsaSha256,
    /// ECDSA with SHA-384, signature in DER.
    EcdsaSha384,
}

/// RSASSA-PSS-params (RFC 4055 section 3.1).
#[derive(Sequence)]
struct PssParameters {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    hash: Option<AlgorithmIdentifierOwned>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    mask: Option<AlgorithmIdentifierOwned>,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", optional = "true")]
    salt: Option<u8>,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT", optional = "true")]
    trailer: Option<u8>,
}

impl Algorithm {
    /// The algorithm that `identifier` names, if it is an accepted one.
    pub(crate) fn of(identifier: &AlgorithmIdentifierOwned) -> Option<Self> {
        match identifier.oid {
            rfc5912::SHA_256_WITH_RSA_ENCRYPTION => Some(Self::RsaPkcs1Sha256),
            rfc5912::SHA_384_WITH_RSA_ENCRYPTION => Some(Self::RsaPkcs1Sha384),
            rfc5912::ECDSA_WITH_SHA_256 => Some(Self::EcdsaSha256),
            rfc5912::ECDSA_WITH_SHA_384 => Some(Self::EcdsaSha384),
            rfc5912::ID_RSASSA_PSS => pss(identifier),
            _ => None,
        }
    }
}

fn pss(identifier: &AlgorithmIdentifierOwned) -> Option<Algorithm> {
    let parameters: PssParameters = identifier.parameters.as_ref()?.decode_as().ok()?;
    let mask = parameters.mask?;
    let mask_hash: AlgorithmIdentifierOwned = mask.parameters.as_ref()?.decode_as().ok()?;
    let hash = parameters.hash?.oid;
    if mask.oid != rfc5912::ID_MGF_1
        || mask_hash.oid != hash
        || parameters.trailer.is_some_and(|field| field != 1)
    {
        return None;
    }
    match (hash, parameters.salt?) {
        (rfc5912::ID_SHA_256, 32) => Some(Algorithm::RsaPssSha256),
        (rfc5912::ID_SHA_384, 48) => Some(Algorithm::RsaPssSha384),
        _ => None,
    }
}

/// Kind and strength of a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Rsa { bits: usize },
    P256,
    P384,
    Other(Oid),
}

/// A public key ready to verify with.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) kind: Kind,
    bits: Vec<u8>,
}

impl Key {
    pub(crate) fn read(spki: &SubjectPublicKeyInfoOwned) -> der::Result<Self> {
        let bits = spki
            .subject_public_key
            .as_bytes()
            .ok_or_else(|| der::Tag::BitString.value_error())?
            .to_vec();
        let kind = match spki.algorithm.oid {
            rfc5912::RSA_ENCRYPTION => Kind::Rsa {
                bits: modulus_bits(&bits)?,
            },
            rfc5912::ID_EC_PUBLIC_KEY => {
                let curve: Oid = spki
                    .algorithm
                    .parameters
                    .as_ref()
                    .ok_or_else(|| der::Tag::ObjectIdentifier.value_error())?
                    .decode_as()?;
                match curve {
                    rfc5912::SECP_256_R_1 => Kind::P256,
                    rfc5912::SECP_384_R_1 => Kind::P384,
                    other => Kind::Other(other),
                }
            }
            other => Kind::Other(other),
        };
        Ok(Self { kind, bits })
    }

    /// The octets of subjectPublicKey.
    pub(crate) fn bits(&self) -> &[u8] {
        &self.bits
    }

    /// The key's strength in words.
    pub(crate) fn describe(&self) -> String {
        match self.kind {
            Kind::Rsa { bits } => format!("RSA {bits}"),
            Kind::P256 => "P-256".to_owned(),
            Kind::P384 => "P-384".to_owned(),
            Kind::Other(rfc8410::ID_ED_25519) => "Ed25519".to_owned(),
            Kind::Other(oid) => format!("algorithm {oid}"),
        }
    }

    /// Whether `signature` over `message` was made with this key's private half.
    pub(crate) fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let with: &dyn ring_signature::VerificationAlgorithm = match (self.kind, algorithm) {
            (Kind::Rsa { .. }, Algorithm::RsaPkcs1Sha256) => {
                &ring_signature::RSA_PKCS1_2048_8192_SHA256
            }
            (Kind::Rsa { .. }, Algorithm::RsaPkcs1Sha384) => {
                &ring_signature::RSA_PKCS1_2048_8192_SHA384
            }
            (Kind::Rsa { .. }, Algorithm::RsaPssSha256) => {
                &ring_signature::RSA_PSS_2048_8192_SHA256
            }
            (Kind::Rsa { .. }, Algorithm::RsaPssSha384) => {
                &ring_signature::RSA_PSS_2048_8192_SHA384
            }
            (Kind::P256, Algorithm::EcdsaSha256) => &ring_signature::ECDSA_P256_SHA256_ASN1,
            (Kind::P256, Algorithm::EcdsaSha384) => &ring_signature::ECDSA_P256_SHA384_ASN1,
            (Kind::P384, Algorithm::EcdsaSha256) => &ring_signature::ECDSA_P384_SHA256_ASN1,
            (Kind::P384, Algorithm::EcdsaSha384) => &ring_signature::ECDSA_P384_SHA384_ASN1,
            _ => return false,
        };
        ring_signature::UnparsedPublicKey::new(with, &self.bits)
            .verify(message, signature)
            .is_ok()
    }
}

fn modulus_bits(pkcs1: &[u8]) -> der::Result<usize> {
    let mut reader = SliceReader::new(pkcs1)?;
    let bits = reader.sequence(|inner| {
        let modulus = UintRef::decode(inner)?.as_bytes().to_vec();
        UintRef::decode(inner)?;
        let leading = modulus
            .first()
            .map_or(0, |first| first.leading_zeros() as usize);
        Ok(modulus.len() * 8 - leading.min(modulus.len() * 8))
    })?;
    reader.finish(bits)
}

/// Whether `signature` over `message` was made with the private half of the key in `spki_der`
/// (SubjectPublicKeyInfo, RFC 5280 section 4.1); `false` also for keys and algorithms that are not accepted.
#[must_use]
pub fn verify(spki_der: &[u8], algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
    SubjectPublicKeyInfoOwned::from_der(spki_der)
        .and_then(|spki| Key::read(&spki))
        .is_ok_and(|key| key.verifies(algorithm, message, signature))
}

/// The DER of anything, for comparing and hashing.
pub(crate) fn der_of(value: &impl Encode) -> der::Result<Vec<u8>> {
    value.to_der()
}
