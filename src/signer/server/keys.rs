//! The configured keys: their certificates read, their pairs proven.

use std::path::Path;

use der::Document;
use hsm::{Hash, KeyName, Lane, Scheme};
use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use spki::SubjectPublicKeyInfoRef;
use tokio::sync::OnceCell;

use super::tokens::{Tokens, Which};
use super::users;
use crate::gauge::Track;
use crate::journal::{self, ids};
use crate::packet::{Digest, MemberId};
use crate::signer::cms::Signer;
use crate::signer::config::{KeyConfig, SUCCESSOR, Standby, label_in};
use crate::signer::{Algorithm, Config, Error, KeyInfo, KeyStatus, KeyUse};

/// Signed at the start to prove a pair; it is no checkpoint and no handshake.
const PROOF: &[u8] = b"trucgate signer: this key and this certificate belong together";

#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: String,
    pub(super) member: MemberId,
    pub(super) use_: KeyUse,
    allow: Vec<u32>,
    sessions: usize,
    /// Digest of the certificate that peers are shown.
    pub(super) shows: Digest,
    first: Face,
    standby: Option<Face>,
    /// What came of its last signatures.
    pub(super) track: Track,
}

/// A key in one of the tokens, and its certificate.
#[derive(Debug)]
pub(super) struct Face {
    pub(super) label: KeyName,
    pub(super) signer: Signer,
    chain: Vec<Vec<u8>>,
    proven: OnceCell<()>,
}

/// Reads the keys' certificates. A successor that can't be used is left out: it must not take the others down.
pub(super) fn load(config: &Config) -> Result<Vec<Key>, Error> {
    let second = config.standby.is_some();
    let load = |key: &KeyConfig| {
        let sessions = match key.use_ {
            KeyUse::Seal => config.seal_sessions,
            KeyUse::Tls => config.tls_sessions,
        };
        Key::load(key, sessions, second)
    };
    let mut keys: Vec<Key> = config.keys.iter().map(load).collect::<Result<_, _>>()?;
    for next in config.keys.iter().filter_map(KeyConfig::successor) {
        match load(&next) {
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
    fn load(config: &KeyConfig, sessions: usize, second: bool) -> Result<Self, Error> {
        let same = || Face::load(config, &config.label, &config.certificates);
        let standby = match config.standby.clone().unwrap_or_default() {
            _ if !second => None,
            Standby::None => None,
            Standby::Same => Some(same()?),
            Standby::Sister {
                label,
                certificates,
            } => Some(Face::load(config, &label, &certificates)?),
        };
        let first = same()?;
        Ok(Self {
            shows: Digest::of(first.chain.first().map_or(&[][..], Vec::as_slice)),
            name: config.name.clone(),
            member: config.member.clone(),
            use_: config.use_,
            allow: users(&config.allow)?,
            sessions,
            first,
            standby,
            track: Track::default(),
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
            algorithm: self.first.signer.algorithm(),
            sessions: self.sessions,
            chain: self.first.chain.clone(),
        }
    }

    pub(super) fn status(&self) -> KeyStatus {
        let last = self.track.last();
        let millis = |age: std::time::Duration| u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        KeyStatus {
            name: self.name.clone(),
            label: match &self.first.label {
                KeyName::Label(label) => label.clone(),
                other => other.to_string(),
            },
            proven: self.first.proven.initialized(),
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

    /// The key as the first token has it.
    pub(super) fn first(&self) -> &Face {
        &self.first
    }

    /// The key as that token has it.
    pub(super) fn face(&self, which: Which) -> Option<&Face> {
        match which {
            Which::First => Some(&self.first),
            Which::Standby => self.standby.as_ref(),
        }
    }

    /// Proves by signatures that the token's key is the certificate's; once it has, that stays.
    pub(super) async fn prove(&self, tokens: &Tokens, which: Which) -> Result<(), Error> {
        let Some(face) = self.face(which) else {
            return Ok(());
        };
        let proven = face
            .proven
            .get_or_try_init(|| self.prove_now(face, tokens, which))
            .await
            .copied();
        // A second token that is away keeps nobody from signing.
        if let (Err(error), Which::First) = (&proven, which) {
            self.track.bad(error);
        }
        proven
    }

    async fn prove_now(&self, face: &Face, tokens: &Tokens, which: Which) -> Result<(), Error> {
        let wrong =
            |why: &str| Error::Broken(format!("{} ({}): {why}", self.called(which), face.label));
        let public = tokens
            .public_key(which, &face.label)
            .await
            .map_err(|error| self.at_start(which, error))?;
        if public.spki != face.signer.spki() {
            return Err(wrong(
                "its certificate was issued for another key than the token's; put the right file or label into the configuration",
            ));
        }
        for scheme in self.proofs(face) {
            let digest = Digest::of(PROOF).as_bytes().to_vec();
            let signed = tokens
                .sign(which, self.lane(), &face.label, *scheme, digest)
                .await
                .map_err(|error| self.at_start(which, error))?;
            if !verifies(*scheme, face.signer.spki(), &signed) {
                return Err(wrong(
                    "a test signature does not verify with its certificate",
                ));
            }
        }
        Ok(())
    }

    /// What the key must be able to do before it is used. TLS 1.3 knows no RSA but PSS (RFC 8446 section 4.2.3).
    fn proofs(&self, face: &Face) -> &'static [Scheme] {
        match (face.signer.algorithm(), self.use_) {
            (Algorithm::P256, _) => &[Scheme::EcdsaP256],
            (Algorithm::Rsa, KeyUse::Seal) => &[Scheme::RsaPkcs1(Hash::Sha256)],
            (Algorithm::Rsa, KeyUse::Tls) => {
                &[Scheme::RsaPkcs1(Hash::Sha256), Scheme::RsaPss(Hash::Sha256)]
            }
        }
    }

    /// A key that the token refuses to use at all is a matter for a person.
    fn at_start(&self, which: Which, error: Error) -> Error {
        match error {
            Error::Refused(why) => Error::Broken(format!("{}: {why}", self.called(which))),
            other => other,
        }
    }

    fn called(&self, which: Which) -> String {
        match which {
            Which::First => format!("key {}", self.name),
            Which::Standby => format!("key {} in the second token", self.name),
        }
    }
}

impl Face {
    fn load(config: &KeyConfig, label: &str, path: &Path) -> Result<Self, Error> {
        let broken =
            |why: String| Error::Broken(format!("key {}: {}: {why}", config.name, path.display()));
        let pem = std::fs::read_to_string(path).map_err(|error| broken(error.to_string()))?;
        let chain = certificates(&pem)
            .map_err(|error| broken(format!("not certificates in PEM: {error}")))?;
        let signer = Signer::new(&chain).map_err(|error| broken(error.to_string()))?;
        Ok(Self {
            label: KeyName::Label(label_in(&pem).unwrap_or(label).to_owned()),
            proven: OnceCell::new(),
            signer,
            chain,
        })
    }

    /// The scheme of seals.
    pub(super) fn scheme(&self) -> Scheme {
        match self.signer.algorithm() {
            Algorithm::Rsa => Scheme::RsaPkcs1(Hash::Sha256),
            Algorithm::P256 => Scheme::EcdsaP256,
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

fn verifies(scheme: Scheme, spki: &[u8], signed: &[u8]) -> bool {
    let algorithm: &dyn VerificationAlgorithm = match scheme {
        Scheme::RsaPss(_) => &signature::RSA_PSS_2048_8192_SHA256,
        Scheme::RsaPkcs1(_) => &signature::RSA_PKCS1_2048_8192_SHA256,
        Scheme::EcdsaP256 => &signature::ECDSA_P256_SHA256_ASN1,
    };
    SubjectPublicKeyInfoRef::try_from(spki).is_ok_and(|info| {
        UnparsedPublicKey::new(algorithm, info.subject_public_key.raw_bytes())
            .verify(PROOF, signed)
            .is_ok()
    })
}
