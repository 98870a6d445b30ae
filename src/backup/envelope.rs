//! CMS AuthEnvelopedData (RFC 5083) for one or more recipients: ECDH on P-256 with an ephemeral key, X9.63 key derivation
//! with SHA-256 (RFC 5753), AES-256 key wrap (RFC 3394), AES-256-GCM (RFC 5084). Just this, written and read.

use aes_kw::KekAes256;
use cms::cert::IssuerAndSerialNumber;
use cms::content_info::{CmsVersion, ContentInfo};
use cms::enveloped_data::{
    EncryptedContentInfo, KeyAgreeRecipientIdentifier, KeyAgreeRecipientInfo,
    OriginatorIdentifierOrKey, OriginatorPublicKey, RecipientEncryptedKey, RecipientInfo,
    RecipientInfos,
};
use der::asn1::{BitString, ObjectIdentifier, OctetString};
use der::{Any, Decode, Encode, Sequence};
use p256::pkcs8::DecodePrivateKey;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use ring::digest::{Context, SHA256};
use spki::AlgorithmIdentifierOwned;
use x509_cert::Certificate;
use zeroize::Zeroizing;

use super::Error;
use crate::clock::Chance;

/// The key of all chunks.
pub type ContentKey = Zeroizing<[u8; 32]>;

const AUTH_ENVELOPED: ObjectIdentifier = oid("1.2.840.113549.1.9.16.1.23");
const DATA: ObjectIdentifier = oid("1.2.840.113549.1.7.1");
const EC_PUBLIC_KEY: ObjectIdentifier = oid("1.2.840.10045.2.1");
const P256: ObjectIdentifier = oid("1.2.840.10045.3.1.7");
/// dhSinglePass-stdDH-sha256kdf-scheme.
const ECDH_SHA256: ObjectIdentifier = oid("1.3.132.1.11.1");
const AES256_WRAP: ObjectIdentifier = oid("2.16.840.1.101.3.4.1.45");
const AES256_GCM: ObjectIdentifier = oid("2.16.840.1.101.3.4.1.46");
/// ECC-CMS-SharedInfo (RFC 5753 section 7.2): AES-256 key wrap, no further information, 256 bits.
const SHARED_INFO: [u8; 23] = [
    0x30, 0x15, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2d, 0xa2,
    0x06, 0x04, 0x04, 0x00, 0x00, 0x01, 0x00,
];

const fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

#[derive(Sequence)]
struct AuthEnvelopedData {
    version: CmsVersion,
    recipients: RecipientInfos,
    content: EncryptedContentInfo,
    mac: OctetString,
}

#[derive(Sequence)]
struct GcmParameters {
    nonce: OctetString,
    mac_bytes: u8,
}

/// Whom a backup is for: the agency's certificate, whose P-256 key is kept off the box.
#[derive(Clone, Debug)]
pub struct Recipient {
    name: IssuerAndSerialNumber,
    point: Vec<u8>,
}

impl Recipient {
    /// Reads a certificate.
    ///
    /// # Errors
    /// When it is none, or its key is not on P-256.
    pub fn of(der: &[u8]) -> Result<Self, Error> {
        let certificate =
            Certificate::from_der(der).map_err(|error| Error::Recipient(error.to_string()))?;
        let tbs = certificate.tbs_certificate;
        let key = &tbs.subject_public_key_info;
        let curve = key
            .algorithm
            .parameters
            .as_ref()
            .and_then(|p| p.decode_as().ok());
        if key.algorithm.oid != EC_PUBLIC_KEY || curve != Some(P256) {
            return Err(Error::Recipient(
                "khoá phải thuộc đường cong P-256 / its key is to be on P-256: openssl ecparam -name prime256v1 -genkey".into(),
            ));
        }
        Ok(Self {
            name: IssuerAndSerialNumber {
                issuer: tbs.issuer,
                serial_number: tbs.serial_number,
            },
            point: key.subject_public_key.raw_bytes().to_vec(),
        })
    }
}

/// Puts `content` into an envelope for all `recipients`.
///
/// # Errors
/// When a recipient's key is no point of the curve.
pub fn seal(content: &[u8], recipients: &[Recipient], chance: &Chance) -> Result<Vec<u8>, Error> {
    let (key, nonce) = (Zeroizing::new(chance.bytes::<32>()), chance.bytes::<12>());
    let infos: Vec<RecipientInfo> = recipients
        .iter()
        .map(|one| wrapped(&key, one, chance).map(RecipientInfo::Kari))
        .collect::<Result<_, _>>()?;
    let mut bytes = content.to_vec();
    let tag = gcm(&key)
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::empty(),
            &mut bytes,
        )
        .map_err(|_| told("AES-GCM"))?;
    let parameters = GcmParameters {
        nonce: OctetString::new(nonce).map_err(told)?,
        mac_bytes: 16,
    };
    let data = AuthEnvelopedData {
        version: CmsVersion::V0,
        recipients: RecipientInfos::try_from(infos).map_err(told)?,
        content: EncryptedContentInfo {
            content_type: DATA,
            content_enc_alg: algorithm(AES256_GCM, Some(&parameters))?,
            encrypted_content: Some(OctetString::new(bytes).map_err(told)?),
        },
        mac: OctetString::new(tag.as_ref()).map_err(told)?,
    };
    let outer = ContentInfo {
        content_type: AUTH_ENVELOPED,
        content: Any::encode_from(&data).map_err(told)?,
    };
    outer.to_der().map_err(told)
}

fn wrapped(
    key: &[u8; 32],
    recipient: &Recipient,
    chance: &Chance,
) -> Result<KeyAgreeRecipientInfo, Error> {
    let own = EphemeralPrivateKey::generate(&ECDH_P256, chance.ring()).map_err(told)?;
    let public = own.compute_public_key().map_err(told)?;
    let theirs = UnparsedPublicKey::new(&ECDH_P256, &recipient.point);
    let kek = agree_ephemeral(own, &theirs, derive)
        .map_err(|_| Error::Recipient("its key is no point of P-256".into()))?;
    let wrapped = KekAes256::new(&(*kek).into())
        .wrap_vec(key)
        .map_err(|_| told("AES key wrap"))?;
    Ok(KeyAgreeRecipientInfo {
        version: CmsVersion::V3,
        originator: OriginatorIdentifierOrKey::OriginatorKey(OriginatorPublicKey {
            algorithm: AlgorithmIdentifierOwned {
                oid: EC_PUBLIC_KEY,
                parameters: Some(Any::encode_from(&P256).map_err(told)?),
            },
            public_key: BitString::from_bytes(public.as_ref()).map_err(told)?,
        }),
        ukm: None,
        key_enc_alg: algorithm(ECDH_SHA256, Some(&algorithm::<()>(AES256_WRAP, None)?))?,
        recipient_enc_keys: vec![RecipientEncryptedKey {
            rid: KeyAgreeRecipientIdentifier::IssuerAndSerialNumber(recipient.name.clone()),
            enc_key: OctetString::new(wrapped).map_err(told)?,
        }],
    })
}

/// Whether an envelope has the form that [`seal`] gives it, and is for each of these recipients.
///
/// # Errors
/// What is not as it should be.
pub fn judge(envelope: &[u8], recipients: &[Recipient]) -> Result<(), Error> {
    let data = parse(envelope)?;
    for wanted in recipients {
        let named = data.recipients.0.iter().any(|one| match one {
            RecipientInfo::Kari(info) => info.recipient_enc_keys.iter().any(|key| {
                matches!(&key.rid, KeyAgreeRecipientIdentifier::IssuerAndSerialNumber(name) if *name == wanted.name)
            }),
            _ => false,
        });
        if !named {
            return Err(Error::Key(format!(
                "the envelope is not for certificate {}",
                wanted.name.serial_number
            )));
        }
    }
    Ok(())
}

/// Opens an envelope with the agency's private key (PKCS#8, PEM).
///
/// # Errors
/// When the key can't be read, or is none of the recipients'.
pub fn open(envelope: &[u8], key_pem: &str) -> Result<ContentKey, Error> {
    let own = p256::SecretKey::from_pkcs8_pem(key_pem).map_err(|error| {
        Error::Key(format!(
            "PKCS#8 PEM, P-256 (openssl pkcs8 -topk8 -nocrypt): {error}"
        ))
    })?;
    let data = parse(envelope)?;
    for info in data.recipients.0.iter() {
        let RecipientInfo::Kari(info) = info else {
            continue;
        };
        if let Some(key) = unwrapped(info, &own) {
            return decrypt(&data, &key);
        }
    }
    Err(Error::Key("it is no recipient's".into()))
}

fn unwrapped(info: &KeyAgreeRecipientInfo, own: &p256::SecretKey) -> Option<ContentKey> {
    let OriginatorIdentifierOrKey::OriginatorKey(theirs) = &info.originator else {
        return None;
    };
    if info.key_enc_alg.oid != ECDH_SHA256 {
        return None;
    }
    let theirs = p256::PublicKey::from_sec1_bytes(theirs.public_key.raw_bytes()).ok()?;
    let shared = p256::ecdh::diffie_hellman(own.to_nonzero_scalar(), theirs.as_affine());
    let kek = KekAes256::new(&(*derive(shared.raw_secret_bytes())).into());
    info.recipient_enc_keys.iter().find_map(|one| {
        let key = Zeroizing::new(kek.unwrap_vec(one.enc_key.as_bytes()).ok()?);
        Some(Zeroizing::new(<[u8; 32]>::try_from(&key[..]).ok()?))
    })
}

fn decrypt(data: &AuthEnvelopedData, key: &ContentKey) -> Result<ContentKey, Error> {
    let wrong = || Error::Altered("the envelope does not hold".into());
    let parameters: GcmParameters = data
        .content
        .content_enc_alg
        .parameters
        .as_ref()
        .and_then(|parameters| parameters.decode_as().ok())
        .ok_or_else(wrong)?;
    let nonce = <[u8; 12]>::try_from(parameters.nonce.as_bytes()).map_err(|_| wrong())?;
    let content = data.content.encrypted_content.as_ref().ok_or_else(wrong)?;
    let mut bytes = Zeroizing::new([content.as_bytes(), data.mac.as_bytes()].concat());
    let plain = gcm(key)
        .open_in_place(
            Nonce::assume_unique_for_key(nonce),
            Aad::empty(),
            &mut bytes,
        )
        .map_err(|_| wrong())?;
    let plain = <[u8; 32]>::try_from(&plain[..]).map_err(|_| wrong())?;
    Ok(Zeroizing::new(plain))
}

fn parse(envelope: &[u8]) -> Result<AuthEnvelopedData, Error> {
    let unreadable = |error: der::Error| Error::Altered(format!("envelope: {error}"));
    let outer = ContentInfo::from_der(envelope).map_err(unreadable)?;
    if outer.content_type != AUTH_ENVELOPED {
        return Err(Error::Altered(
            "the envelope is no AuthEnvelopedData".into(),
        ));
    }
    let data: AuthEnvelopedData = outer.content.decode_as().map_err(unreadable)?;
    if data.content.content_enc_alg.oid != AES256_GCM {
        return Err(Error::Altered("the envelope is not AES-256-GCM".into()));
    }
    Ok(data)
}

/// One block of X9.63 key derivation.
fn derive(shared: &[u8]) -> ContentKey {
    let mut hash = Context::new(&SHA256);
    hash.update(shared);
    hash.update(&1_u32.to_be_bytes());
    hash.update(&SHARED_INFO);
    let mut key = Zeroizing::new([0; 32]);
    key.copy_from_slice(hash.finish().as_ref());
    key
}

fn gcm(key: &[u8; 32]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("32 bytes"))
}

fn algorithm<T: Encode + der::Tagged + der::EncodeValue>(
    oid: ObjectIdentifier,
    parameters: Option<&T>,
) -> Result<AlgorithmIdentifierOwned, Error> {
    let parameters = parameters.map(Any::encode_from).transpose().map_err(told)?;
    Ok(AlgorithmIdentifierOwned { oid, parameters })
}

fn told(error: impl std::fmt::Display) -> Error {
    Error::Recipient(error.to_string())
}
