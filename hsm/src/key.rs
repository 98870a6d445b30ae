//! Keys by label or id, their public halves as SubjectPublicKeyInfo, and new pairs that never leave the token.

use std::fmt;

use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;

use crate::bench::GeneratedKey;
use crate::error::{Error, Failure};
use crate::mechanism::{integer, tlv};

/// How a key is named within its token.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KeyName {
    /// CKA_LABEL.
    Label(String),
    /// CKA_ID.
    Id(Vec<u8>),
}

impl KeyName {
    fn attribute(&self) -> Attribute {
        match self {
            Self::Label(label) => Attribute::Label(label.clone().into_bytes()),
            Self::Id(id) => Attribute::Id(id.clone()),
        }
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Label(label) => write!(f, "label {label}"),
            Self::Id(id) => {
                f.write_str("id ")?;
                id.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}

/// Kind and size of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// RSA with a modulus of `bits`.
    Rsa {
        /// Length of the modulus.
        bits: u32,
    },
    /// ECDSA on NIST P-256.
    P256,
}

/// A key's public half.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// Kind and size.
    pub kind: KeyKind,
    /// DER of SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7).
    pub spki: Vec<u8>,
}

/// OBJECT IDENTIFIER prime256v1, the named curve P-256, as DER.
const P256: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

pub(crate) fn find(
    session: &Session,
    class: ObjectClass,
    name: &KeyName,
) -> Result<ObjectHandle, Failure> {
    match session.find_objects(&[Attribute::Class(class), name.attribute()])?[..] {
        [] => Err(Error::NoKey(name.to_string()).into()),
        [key] => Ok(key),
        _ => Err(Error::SeveralKeys(name.to_string()).into()),
    }
}

/// The public half; an RSA private object carries it too, for tokens that keep no public objects.
pub(crate) fn public_key(
    session: &Session,
    private: ObjectHandle,
    name: &KeyName,
) -> Result<PublicKey, Failure> {
    let wanted = [
        AttributeType::KeyType,
        AttributeType::Modulus,
        AttributeType::PublicExponent,
        AttributeType::EcParams,
    ];
    let mut key_type = None;
    let (mut modulus, mut exponent, mut curve) = (None, None, None);
    for attribute in session.get_attributes(private, &wanted)? {
        match attribute {
            Attribute::KeyType(kind) => key_type = Some(kind),
            Attribute::Modulus(bytes) => modulus = Some(bytes),
            Attribute::PublicExponent(bytes) => exponent = Some(bytes),
            Attribute::EcParams(bytes) => curve = Some(bytes),
            _ => {}
        }
    }
    let refused = |why: &str| Error::Unfit(format!("key {name}: {why}"));
    match key_type {
        Some(KeyType::RSA) => {
            let (modulus, exponent) = match (modulus, exponent) {
                (Some(modulus), Some(exponent)) if !exponent.is_empty() => (modulus, exponent),
                _ => rsa_public(session, name)?,
            };
            rsa_spki(&modulus, &exponent)
                .ok_or_else(|| refused("no RSA modulus and exponent").into())
        }
        Some(KeyType::EC) => {
            if curve.as_deref() != Some(&P256[..]) {
                return Err(refused("another curve than P-256").into());
            }
            let public = find(session, ObjectClass::PUBLIC_KEY, name)?;
            let point = session
                .get_attributes(public, &[AttributeType::EcPoint])?
                .into_iter()
                .find_map(|attribute| match attribute {
                    Attribute::EcPoint(point) => Some(point),
                    _ => None,
                })
                .unwrap_or_default();
            p256_spki(&point).ok_or_else(|| refused("no uncompressed P-256 point").into())
        }
        _ => Err(refused("neither RSA nor EC").into()),
    }
}

fn rsa_public(session: &Session, name: &KeyName) -> Result<(Vec<u8>, Vec<u8>), Failure> {
    let public = find(session, ObjectClass::PUBLIC_KEY, name)?;
    let (mut modulus, mut exponent) = (Vec::new(), Vec::new());
    for attribute in session.get_attributes(
        public,
        &[AttributeType::Modulus, AttributeType::PublicExponent],
    )? {
        match attribute {
            Attribute::Modulus(bytes) => modulus = bytes,
            Attribute::PublicExponent(bytes) => exponent = bytes,
            _ => {}
        }
    }
    Ok((modulus, exponent))
}

fn rsa_spki(modulus: &[u8], exponent: &[u8]) -> Option<PublicKey> {
    const RSA_ENCRYPTION: [u8; 11] = [
        0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01,
    ];
    let significant = &modulus[modulus.iter().position(|b| *b != 0)?..];
    let bits = (significant.len() * 8) as u32 - significant[0].leading_zeros();
    let algorithm = tlv(0x30, &[&RSA_ENCRYPTION[..], &[0x05, 0x00]].concat());
    let key = tlv(0x30, &[integer(modulus)?, integer(exponent)?].concat());
    Some(PublicKey {
        kind: KeyKind::Rsa { bits },
        spki: spki(&algorithm, &key),
    })
}

fn p256_spki(point: &[u8]) -> Option<PublicKey> {
    const EC_PUBLIC_KEY: [u8; 9] = [0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
    // PKCS#11 wraps the point in an OCTET STRING; some tokens don't.
    let point = match point {
        [0x04, 65, rest @ ..] if rest.len() == 65 => rest,
        bare => bare,
    };
    if point.len() != 65 || point[0] != 0x04 {
        return None;
    }
    let algorithm = tlv(0x30, &[&EC_PUBLIC_KEY[..], &P256].concat());
    Some(PublicKey {
        kind: KeyKind::P256,
        spki: spki(&algorithm, point),
    })
}

fn spki(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    let bits = tlv(0x03, &[&[0], key].concat());
    tlv(0x30, &[algorithm, &bits].concat())
}

/// Makes a pair whose private half is sensitive and not extractable, and reads back that the token obeyed.
pub(crate) fn generate(
    session: &Session,
    label: &str,
    id: &[u8],
    kind: KeyKind,
) -> Result<GeneratedKey, Failure> {
    let name = KeyName::Label(label.to_owned());
    if !session
        .find_objects(&[Attribute::Class(ObjectClass::PRIVATE_KEY), name.attribute()])?
        .is_empty()
    {
        return Err(Error::SeveralKeys(format!("{name}: one is there already")).into());
    }
    let named = [
        Attribute::Token(true),
        Attribute::Label(label.as_bytes().to_vec()),
        Attribute::Id(id.to_vec()),
    ];
    let mut public = named.to_vec();
    public.extend([Attribute::Verify(true), Attribute::Private(false)]);
    let mechanism = match kind {
        KeyKind::Rsa { bits } => {
            public.extend([
                Attribute::ModulusBits(u64::from(bits).into()),
                Attribute::PublicExponent(vec![1, 0, 1]),
            ]);
            Mechanism::RsaPkcsKeyPairGen
        }
        KeyKind::P256 => {
            public.push(Attribute::EcParams(P256.to_vec()));
            Mechanism::EccKeyPairGen
        }
    };
    let mut private = named.to_vec();
    private.extend([
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(true),
    ]);
    let (public, private) = session.generate_key_pair(&mechanism, &public, &private)?;
    let kept = described(session, private, &name)?;
    if !kept.sensitive || kept.extractable {
        session.destroy_object(private)?;
        session.destroy_object(public)?;
        return Err(Error::Unfit(format!(
            "the token made key {name} extractable; it has been destroyed"
        ))
        .into());
    }
    Ok(kept)
}

/// What the token says about a private key that it holds, and its public half.
pub(crate) fn described(
    session: &Session,
    private: ObjectHandle,
    name: &KeyName,
) -> Result<GeneratedKey, Failure> {
    let mut kept = GeneratedKey {
        public: public_key(session, private, name)?,
        sensitive: false,
        extractable: true,
        always_sensitive: false,
        never_extractable: false,
        local: false,
    };
    let wanted = [
        AttributeType::Sensitive,
        AttributeType::Extractable,
        AttributeType::AlwaysSensitive,
        AttributeType::NeverExtractable,
        AttributeType::Local,
    ];
    for attribute in session.get_attributes(private, &wanted)? {
        match attribute {
            Attribute::Sensitive(is) => kept.sensitive = is,
            Attribute::Extractable(is) => kept.extractable = is,
            Attribute::AlwaysSensitive(is) => kept.always_sensitive = is,
            Attribute::NeverExtractable(is) => kept.never_extractable = is,
            Attribute::Local(is) => kept.local = is,
            _ => {}
        }
    }
    Ok(kept)
}

/// All objects of that name in a class.
pub(crate) fn all(
    session: &Session,
    class: ObjectClass,
    name: &KeyName,
) -> Result<Vec<ObjectHandle>, Failure> {
    Ok(session.find_objects(&[Attribute::Class(class), name.attribute()])?)
}

/// The labels of all objects of a class, one for each object.
pub(crate) fn labels(session: &Session, class: ObjectClass) -> Result<Vec<String>, Failure> {
    let mut found = Vec::new();
    for object in session.find_objects(&[Attribute::Class(class)])? {
        for attribute in session.get_attributes(object, &[AttributeType::Label])? {
            if let Attribute::Label(label) = attribute {
                found.push(String::from_utf8_lossy(&label).into_owned());
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_read_wrapped_and_bare() {
        let mut bare = vec![4];
        bare.extend([9; 64]);
        let wrapped = tlv(0x04, &bare);
        assert_eq!(p256_spki(&bare), p256_spki(&wrapped));
        assert_eq!(p256_spki(&bare).unwrap().spki.len(), 91);
        assert!(p256_spki(&bare[1..]).is_none());
    }

    #[test]
    fn bits_are_those_of_the_modulus() {
        let mut modulus = vec![0; 1];
        modulus.extend([0xff; 256]);
        let key = rsa_spki(&modulus, &[1, 0, 1]).unwrap();
        assert_eq!(key.kind, KeyKind::Rsa { bits: 2048 });
        assert_eq!(key.spki.len(), 294);
    }
}
