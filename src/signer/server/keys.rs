//! The configured keys: their certificates read, their pairs proven.

use der::Document;
use hsm::{Hash, KeyName, Lane, Pool, Scheme};
use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use spki::SubjectPublicKeyInfoRef;
use tokio::sync::OnceCell;

use super::users;
use crate::gauge::Track;
use crate::journal::{self, ids};
use crate::packet::{Digest, MemberId};
use crate::signer::cms::Signer;
use crate::signer::config::{KeyConfig, SUCCESSOR};
use crate::signer::{Algorithm, Config, Error, KeyInfo, KeyStatus, KeyUse};

/// Signed at the start to prove a pair; it is no checkpoint and no handshake.
const PROOF: &[u8] = b"trucgate signer: this key and this certificate belong together";

#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: String,
    pub(super) member: MemberId,
    pub(super) use_: KeyUse,
    pub(super) label: KeyName,
    pub(super) chain: Vec<Vec<u8>>,
    pub(super) signer: Signer,
    allow: Vec<u32>,
    proven: OnceCell<()>,
    /// What came of its last signatures.
    pub(super) track: Track,
}

/// Reads the keys' certificates. A successor that can't be used is left out: it must not take the others down.
pub(super) fn load(config: &Config) -> Result<Vec<Key>, Error> {
    let mut keys: Vec<Key> = config
        .keys
        .iter()
        .map(Key::load)
        .collect::<Result<_, _>>()?;
    for next in config.keys.iter().filter_map(KeyConfig::successor) {
        match Key::load(&next) {
            Ok(key) => keys.push(key),
            Err(error) => journal::line(&ids::CONFIGURATION_REFUSED)
                .step("renewal")
                .reason(error)
                .next("import the new certificate again; the old key goes on")
                .error("a key that is to come next can't be served"),
        }
    }
    Ok(keys)
}

impl Key {
    fn load(config: &KeyConfig) -> Result<Self, Error> {
        let path = &config.certificates;
        let broken =
            |why: String| Error::Broken(format!("key {}: {}: {why}", config.name, path.display()));
        let pem = std::fs::read_to_string(path).map_err(|error| broken(error.to_string()))?;
        let chain = certificates(&pem)
            .map_err(|error| broken(format!("not certificates in PEM: {error}")))?;
        let signer = Signer::new(&chain).map_err(|error| broken(error.to_string()))?;
        Ok(Self {
            name: config.name.clone(),
            member: config.member.clone(),
            use_: config.use_,
            label: KeyName::Label(config.label_in(&pem)),
            allow: users(&config.allow)?,
            proven: OnceCell::new(),
            track: Track::default(),
            signer,
            chain,
        })
    }

    /// Whether it only waits to take another's place: proven when it is used, not at the start.
    pub(super) fn is_successor(&self) -> bool {
        self.name.ends_with(SUCCESSOR)
    }

    pub(super) fn allows(&self, uid: u32) -> bool {
        self.allow.contains(&uid)
    }

    pub(super) fn info(&self) -> KeyInfo {
        KeyInfo {
            name: self.name.clone(),
            member: self.member.clone(),
            use_: self.use_,
            algorithm: self.signer.algorithm(),
            chain: self.chain.clone(),
        }
    }

    pub(super) fn status(&self) -> KeyStatus {
        let last = self.track.last();
        let millis = |age: std::time::Duration| u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        KeyStatus {
            name: self.name.clone(),
            label: match &self.label {
                KeyName::Label(label) => label.clone(),
                other => other.to_string(),
            },
            proven: self.proven.initialized(),
            signed_ms: last.good.map(millis),
            failing: last.failing.map(|(_, why)| why),
        }
    }

    pub(super) fn lane(&self) -> Lane {
        match self.use_ {
            KeyUse::Seal => Lane::Seal,
            KeyUse::Tls => Lane::Tls,
        }
    }

    /// The scheme of seals and of the proof.
    pub(super) fn scheme(&self) -> Scheme {
        match self.signer.algorithm() {
            Algorithm::Rsa => Scheme::RsaPkcs1(Hash::Sha256),
            Algorithm::P256 => Scheme::EcdsaP256,
        }
    }

    /// Proves by a signature that the token's key is the certificate's; once it has, that stays.
    pub(super) async fn prove(&self, pool: &Pool) -> Result<(), Error> {
        let proven = self.proven.get_or_try_init(|| self.prove_now(pool)).await;
        proven.inspect_err(|error| self.track.bad(error)).copied()
    }

    async fn prove_now(&self, pool: &Pool) -> Result<(), Error> {
        let wrong = |why: &str| Error::Broken(format!("key {} ({}): {why}", self.name, self.label));
        let public = pool
            .public_key(self.label.clone())
            .await
            .map_err(|error| self.at_start(error))?;
        if public.spki != self.signer.spki() {
            return Err(wrong(
                "its certificate was issued for another key than the token's; put the right file or label into the configuration",
            ));
        }
        let digest = Digest::of(PROOF).as_bytes().to_vec();
        let signed = pool
            .sign(self.lane(), self.label.clone(), self.scheme(), digest)
            .await
            .map_err(|error| self.at_start(error))?;
        if verifies(self.signer.algorithm(), self.signer.spki(), &signed) {
            Ok(())
        } else {
            Err(wrong(
                "a test signature does not verify with its certificate",
            ))
        }
    }

    /// A key that the token refuses to use at all is a matter for a person.
    fn at_start(&self, error: hsm::Error) -> Error {
        match Error::from(error) {
            Error::Refused(why) => Error::Broken(format!("key {}: {why}", self.name)),
            other => other,
        }
    }
}

/// The DER of each certificate, as it was issued.
fn certificates(pem: &str) -> der::Result<Vec<Vec<u8>>> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let mut chain = Vec::new();
    let mut rest = pem;
    while let Some(begin) = rest.find(BEGIN) {
        let end = rest[begin..].find(END).ok_or(der::ErrorKind::Failed)?;
        let end = begin + end + END.len();
        chain.push(Document::from_pem(&rest[begin..end])?.1.as_bytes().to_vec());
        rest = &rest[end..];
    }
    Ok(chain)
}

fn verifies(algorithm: Algorithm, spki: &[u8], signed: &[u8]) -> bool {
    let algorithm: &dyn VerificationAlgorithm = match algorithm {
        Algorithm::Rsa => &signature::RSA_PKCS1_2048_8192_SHA256,
        Algorithm::P256 => &signature::ECDSA_P256_SHA256_ASN1,
    };
    SubjectPublicKeyInfoRef::try_from(spki).is_ok_and(|info| {
        UnparsedPublicKey::new(algorithm, info.subject_public_key.raw_bytes())
            .verify(PROOF, signed)
            .is_ok()
    })
}
