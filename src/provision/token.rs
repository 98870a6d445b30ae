//! Prepares a token: initialises it where that is needed, makes the key pairs that are missing, shows their public halves.

use std::path::PathBuf;

use data_encoding::BASE64;
use hsm::{KeyKind, KeyName, Pin, TokenName, Workbench};
use serde::{Deserialize, Serialize};

/// What a token is to hold.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The PKCS#11 module.
    pub module: PathBuf,
    /// The token's label.
    pub label: String,
    /// File with the security officer's PIN.
    pub so_pin: PathBuf,
    /// File with the user's PIN.
    pub pin: PathBuf,
    /// Key pairs by label.
    pub keys: Vec<(String, Kind)>,
}

/// Kinds of keys that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// RSA of 2048 bits.
    Rsa2048,
    /// RSA of 3072 bits.
    Rsa3072,
    /// ECDSA on P-256.
    P256,
}

impl std::str::FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "rsa-2048" => Ok(Self::Rsa2048),
            "rsa-3072" => Ok(Self::Rsa3072),
            "p-256" => Ok(Self::P256),
            other => Err(format!("{other:?} is none of rsa-2048, rsa-3072, p-256")),
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Rsa2048 => "rsa-2048",
            Self::Rsa3072 => "rsa-3072",
            Self::P256 => "p-256",
        })
    }
}

impl Kind {
    fn of_token(self) -> KeyKind {
        match self {
            Self::Rsa2048 => KeyKind::Rsa { bits: 2048 },
            Self::Rsa3072 => KeyKind::Rsa { bits: 3072 },
            Self::P256 => KeyKind::P256,
        }
    }
}

/// The public half of a key in the token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicHalf {
    /// The key's label.
    pub label: String,
    /// SubjectPublicKeyInfo, DER in base64.
    pub spki: String,
}

impl PublicHalf {
    /// SubjectPublicKeyInfo in DER.
    ///
    /// # Errors
    /// When it is not base64.
    pub fn spki_der(&self) -> Result<Vec<u8>, String> {
        BASE64
            .decode(self.spki.as_bytes())
            .map_err(|error| error.to_string())
    }
}

/// Prepares the token; run again it makes only what is missing. Every key is sensitive and never extractable, read back
/// from the token.
///
/// # Errors
/// What the token refuses, in its words.
pub fn prepare(wanted: &Wanted) -> Result<Vec<PublicHalf>, String> {
    let pin = read_pin(&wanted.pin)?;
    let mut bench = Workbench::open(&wanted.module).map_err(told)?;
    let tokens = bench.tokens().map_err(told)?;
    if !tokens.iter().any(|token| token.label == wanted.label) {
        let so_pin = read_pin(&wanted.so_pin)?;
        bench
            .init_token(&wanted.label, &so_pin, &pin)
            .map_err(told)?;
    }
    bench
        .login(&TokenName::Label(wanted.label.clone()), &pin)
        .map_err(told)?;
    wanted
        .keys
        .iter()
        .map(|(label, kind)| key(&bench, label, *kind))
        .collect()
}

fn key(bench: &Workbench, label: &str, kind: Kind) -> Result<PublicHalf, String> {
    let name = KeyName::Label(label.to_owned());
    let public = match bench.public_key(&name) {
        Ok(public) => public,
        Err(hsm::Error::NoKey(_)) => {
            let made = bench
                .generate(label, label.as_bytes(), kind.of_token())
                .map_err(told)?;
            made.public
        }
        Err(error) => return Err(told(error)),
    };
    Ok(PublicHalf {
        label: label.to_owned(),
        spki: BASE64.encode(&public.spki),
    })
}

fn read_pin(path: &std::path::Path) -> Result<Pin, String> {
    Pin::read(path).map_err(|error| format!("PIN file {}: {error}", path.display()))
}

fn told(error: hsm::Error) -> String {
    error.to_string()
}
