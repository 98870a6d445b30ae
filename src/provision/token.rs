//! Prepares a token: initialises it where that is needed, makes the key pairs that are missing, shows their public halves.

use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use hsm::{GeneratedKey, KeyKind, KeyName, Pin, TokenDescription, TokenName, Workbench};
use serde::{Deserialize, Serialize};

use crate::clock::Chance;
use crate::durable::Disk;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// RSA of 2048 bits.
    #[serde(rename = "rsa-2048")]
    Rsa2048,
    /// RSA of 3072 bits.
    #[serde(rename = "rsa-3072")]
    Rsa3072,
    /// ECDSA on P-256.
    #[serde(rename = "p-256")]
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
    let name = TokenName::Label(wanted.label.clone());
    if !is_ready(&bench, &name)? {
        let so_pin = read_pin(&wanted.so_pin)?;
        ensure(&mut bench, &wanted.label, None, &so_pin, &pin)?;
    }
    bench.login(&name, &pin).map_err(told)?;
    wanted
        .keys
        .iter()
        .map(|(label, kind)| {
            Ok(PublicHalf {
                label: label.clone(),
                spki: BASE64.encode(&key(&bench, label, *kind)?.public.spki),
            })
        })
        .collect()
}

/// Whether a token of that name is there with both PINs set.
///
/// # Errors
/// When the module can't list its tokens.
pub fn is_ready(bench: &Workbench, name: &TokenName) -> Result<bool, String> {
    Ok(find(bench, name)?.is_some_and(|token| token.pin_set))
}

/// The token of that name.
///
/// # Errors
/// When the module can't list its tokens, or several have the name.
pub fn find(bench: &Workbench, name: &TokenName) -> Result<Option<TokenDescription>, String> {
    let mut tokens = bench.tokens().map_err(told)?;
    tokens.retain(|token| match name {
        TokenName::Label(label) => token.initialised && token.label == *label,
        TokenName::Serial(serial) => token.serial == *serial,
    });
    if tokens.len() > 1 {
        return Err(told(hsm::Error::SeveralTokens(name.to_string())));
    }
    Ok(tokens.pop())
}

/// The token labelled `label`, initialised if there is none (the blank one of serial number `serial`, where that is given),
/// with both PINs set. One that lost power between its label and its PIN gets the PIN.
///
/// # Errors
/// What the token refuses, in its words.
pub fn ensure(
    bench: &mut Workbench,
    label: &str,
    serial: Option<&str>,
    so_pin: &Pin,
    pin: &Pin,
) -> Result<TokenDescription, String> {
    let name = TokenName::Label(label.to_owned());
    match find(bench, &name)? {
        None => bench
            .init_token_of(serial, label, so_pin, pin)
            .map_err(told)?,
        Some(token) if !token.pin_set => bench.set_pin(&name, so_pin, pin).map_err(told)?,
        Some(_) => {}
    }
    find(bench, &name)?.ok_or_else(|| format!("no token with {name}"))
}

/// The key pair of that label, made if it is missing: sensitive, never extractable, made in the token, read back from it.
/// Halves that a cut power left behind are destroyed first.
///
/// # Errors
/// What the token refuses, or when a key of that label is weaker than that or of another kind.
pub fn key(bench: &Workbench, label: &str, kind: Kind) -> Result<GeneratedKey, String> {
    let name = KeyName::Label(label.to_owned());
    if bench.halves(&name).map_err(told)? != (1, 1) {
        bench.destroy(&name).map_err(told)?;
        bench
            .generate(label, label.as_bytes(), kind.of_token())
            .map_err(told)?;
    }
    let found = bench.inspect(&name).map_err(told)?;
    if found.public.kind != kind.of_token() {
        return Err(format!(
            "key {label} is there already, but {:?} instead of {kind}: undo this step, or ask for that kind",
            found.public.kind
        ));
    }
    if !found.sensitive || found.extractable || !found.never_extractable || !found.local {
        return Err(format!(
            "key {label} was not made in this token or could leave it; undo this step and make it anew"
        ));
    }
    Ok(found)
}

/// Makes a PIN file of 16 random digits, if there is none.
///
/// # Errors
/// When it can't be written.
pub fn pin_file(path: &Path, disk: &Disk, chance: &Chance) -> Result<(), String> {
    if path.exists() {
        return Ok(());
    }
    // Ten of 256 values each would be uneven: those above 249 are drawn anew.
    let mut digits = String::new();
    while digits.len() < 16 {
        for byte in chance.bytes::<32>() {
            if byte < 250 && digits.len() < 16 {
                digits.push(char::from(b'0' + byte % 10));
            }
        }
    }
    disk.replace_secret(path, digits.as_bytes())
        .map_err(|error| format!("PIN file {}: {error}", path.display()))
}

/// Reads a PIN file.
///
/// # Errors
/// Names the file that can't be read.
pub fn read_pin(path: &Path) -> Result<Pin, String> {
    Pin::read(path).map_err(|error| format!("PIN file {}: {error}", path.display()))
}

fn told(error: hsm::Error) -> String {
    error.to_string()
}
