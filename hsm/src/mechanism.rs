//! Signature schemes as PKCS#11 mechanisms. Hashing is done by the caller: bodies never travel to the token.

use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsPssParams};
use cryptoki::mechanism::{Mechanism, MechanismType};

use crate::error::Error;
use crate::key::KeyKind;
use crate::profile;

/// The hash that the caller has made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hash {
    /// SHA-256, 32 bytes.
    Sha256,
    /// SHA-384, 48 bytes.
    Sha384,
    /// SHA-512, 64 bytes.
    Sha512,
}

impl Hash {
    /// Length of the digest in bytes.
    #[must_use]
    pub fn len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// Never: a digest has bytes.
    #[must_use]
    pub fn is_empty(self) -> bool {
        false
    }

    /// Last byte of the object identifier 2.16.840.1.101.3.4.2.n.
    fn arc(self) -> u8 {
        match self {
            Self::Sha256 => 1,
            Self::Sha384 => 2,
            Self::Sha512 => 3,
        }
    }

    fn mechanism(self) -> (MechanismType, PkcsMgfType) {
        match self {
            Self::Sha256 => (MechanismType::SHA256, PkcsMgfType::MGF1_SHA256),
            Self::Sha384 => (MechanismType::SHA384, PkcsMgfType::MGF1_SHA384),
            Self::Sha512 => (MechanismType::SHA512, PkcsMgfType::MGF1_SHA512),
        }
    }
}

/// How a digest is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// RSASSA-PKCS1-v1_5 (RFC 8017 section 8.2).
    RsaPkcs1(Hash),
    /// RSASSA-PSS with MGF1 over the same hash and a salt as long as the hash (RFC 8017 section 8.1, RFC 8446 section 4.2.3).
    RsaPss(Hash),
    /// ECDSA on P-256 with SHA-256; the answer is DER (RFC 3279 section 2.2.3).
    EcdsaP256,
}

impl Scheme {
    /// The hash whose digest is signed.
    #[must_use]
    pub fn hash(self) -> Hash {
        match self {
            Self::RsaPkcs1(hash) | Self::RsaPss(hash) => hash,
            Self::EcdsaP256 => Hash::Sha256,
        }
    }

    pub(crate) fn fits(self, kind: KeyKind) -> bool {
        matches!(
            (self, kind),
            (Self::RsaPkcs1(_) | Self::RsaPss(_), KeyKind::Rsa { .. })
                | (Self::EcdsaP256, KeyKind::P256)
        )
    }

    /// The mechanism that it takes.
    #[must_use]
    pub fn mechanism(self) -> profile::Mechanism {
        match self {
            Self::RsaPkcs1(_) => profile::Mechanism::RsaPkcs,
            Self::RsaPss(_) => profile::Mechanism::RsaPkcsPss,
            Self::EcdsaP256 => profile::Mechanism::Ecdsa,
        }
    }

    /// The mechanism and the bytes that go to the token.
    pub(crate) fn prepare(self, digest: &[u8]) -> Result<(Mechanism<'static>, Vec<u8>), Error> {
        let hash = self.hash();
        if digest.len() != hash.len() {
            return Err(Error::Unfit(format!(
                "a digest of {} bytes where {} are due",
                digest.len(),
                hash.len()
            )));
        }
        Ok(match self {
            Self::RsaPkcs1(_) => (Mechanism::RsaPkcs, digest_info(hash, digest)),
            Self::RsaPss(_) => {
                let (hash_alg, mgf) = hash.mechanism();
                let params = PkcsPssParams {
                    hash_alg,
                    mgf,
                    s_len: (hash.len() as u64).into(),
                };
                (Mechanism::RsaPkcsPss(params), digest.to_vec())
            }
            Self::EcdsaP256 => (Mechanism::Ecdsa, digest.to_vec()),
        })
    }

    /// The signature as the world wants it.
    pub(crate) fn finish(self, raw: Vec<u8>) -> Result<Vec<u8>, Error> {
        match self {
            Self::EcdsaP256 => ecdsa_to_der(&raw)
                .ok_or_else(|| Error::Unfit(format!("an ECDSA signature of {} bytes", raw.len()))),
            Self::RsaPkcs1(_) | Self::RsaPss(_) => Ok(raw),
        }
    }
}

/// DigestInfo (RFC 8017 section 9.2 note 1).
fn digest_info(hash: Hash, digest: &[u8]) -> Vec<u8> {
    let oid = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, hash.arc()];
    let algorithm = tlv(0x30, &[tlv(0x06, &oid), tlv(0x05, &[])].concat());
    tlv(0x30, &[algorithm, tlv(0x04, digest)].concat())
}

/// Turns PKCS#11's r‖s of 64 bytes into `Ecdsa-Sig-Value`: INTEGERs without leading zeros, and one added where
/// the first bit is set. `None` for another length or a zero half.
#[must_use]
pub fn ecdsa_to_der(raw: &[u8]) -> Option<Vec<u8>> {
    let (r, s) = (raw.len() == 64).then(|| raw.split_at(32))?;
    Some(tlv(0x30, &[integer(r)?, integer(s)?].concat()))
}

/// A positive DER INTEGER; `None` when it is zero.
pub(crate) fn integer(big_endian: &[u8]) -> Option<Vec<u8>> {
    let start = big_endian.iter().position(|b| *b != 0)?;
    let digits = &big_endian[start..];
    let mut value = Vec::with_capacity(digits.len() + 1);
    if digits[0] & 0x80 != 0 {
        value.push(0);
    }
    value.extend_from_slice(digits);
    Some(tlv(0x02, &value))
}

/// One DER element.
pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = content.len();
    if length < 0x80 {
        out.push(length as u8);
    } else {
        let bytes = length.to_be_bytes();
        let start = bytes.iter().position(|b| *b != 0).unwrap_or(0);
        out.push(0x80 | (bytes.len() - start) as u8);
        out.extend_from_slice(&bytes[start..]);
    }
    out.extend_from_slice(content);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leading_zeros_go_and_a_sign_bit_gets_one() {
        let mut raw = [0x11; 64];
        raw[0] = 0;
        raw[1] = 0;
        raw[2] = 0x80;
        let der = ecdsa_to_der(&raw).unwrap();
        assert_eq!(der[..6], [0x30, 67, 0x02, 31, 0, 0x80]);
        assert_eq!(der[1] as usize, der.len() - 2);
        assert_eq!(der[2 + 2 + 31..2 + 2 + 31 + 3], [0x02, 32, 0x11]);
        let mut small = [0; 64];
        small[31] = 1;
        small[63] = 0xff;
        assert_eq!(
            ecdsa_to_der(&small).unwrap(),
            [0x30, 7, 2, 1, 1, 2, 2, 0, 0xff]
        );
        assert!(ecdsa_to_der(&[0; 64]).is_none());
        assert!(ecdsa_to_der(&[1; 63]).is_none());
    }

    #[test]
    fn digest_info_is_that_of_the_standard() {
        let info = digest_info(Hash::Sha256, &[7; 32]);
        assert_eq!(
            info[..19],
            [
                0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
                0x01, 0x05, 0x00, 0x04, 0x20
            ]
        );
        assert!(Scheme::EcdsaP256.prepare(&[0; 31]).is_err());
    }
}
