//! What a bundle says of itself, under its builder's signature.

use data_encoding::HEXLOWER;
use serde::Deserialize;

use super::Version;
use super::refused::Refused;

/// The form that this version reads.
const FORMAT: u64 = 1;
/// Partitions begin and end at whole mebibytes; a root of more is no root of an appliance.
const LARGEST: u64 = 4 << 30;

/// The signed manifest.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    format: u64,
    /// Name of the product, as `IMAGE_ID` in os-release(5).
    pub product: String,
    /// Kind of machine, as systemd names it (`x86-64`).
    pub architecture: String,
    /// What it brings.
    pub version: Version,
    /// The oldest version that can live with what this one writes, and that is safe to go back to.
    pub floor: Version,
    /// Root hash of the verified root, hexadecimal; the identities of both its partitions are made of it.
    pub root_hash: String,
    /// The root's file system.
    pub root: Part,
    /// Its hashes.
    pub verity: Part,
    /// Kernel, initrd and command line.
    pub uki: Part,
}

/// A part.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// SHA-256 of the bytes in the bundle, hexadecimal.
    pub sha256: String,
    /// Their number.
    pub size: u64,
    /// Bytes once it is filled up with zeros: the size of its partition. Zeros are not carried about.
    #[serde(default)]
    pub filled: Option<u64>,
}

/// The form alone, read first: of a later form nothing else may be understood.
#[derive(Deserialize)]
struct Form {
    format: u64,
}

impl Manifest {
    /// Reads and judges a signed text.
    pub(super) fn read(text: &[u8]) -> Result<Self, Refused> {
        let wrong = |why: String| Refused::Manifest(why);
        let text = std::str::from_utf8(text).map_err(|error| wrong(error.to_string()))?;
        let form: Form = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
        if form.format != FORMAT {
            return Err(wrong(format!(
                "dạng {0}, phiên bản này chỉ đọc dạng {FORMAT} / form {0}, this version reads form {FORMAT} only",
                form.format
            )));
        }
        let manifest: Self = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
        manifest.judge().map_err(wrong)?;
        Ok(manifest)
    }

    fn judge(&self) -> Result<(), String> {
        if self.floor > self.version {
            return Err(format!(
                "floor {} lies above version {}",
                self.floor, self.version
            ));
        }
        if digest(&self.root_hash).is_none() {
            return Err("root_hash is no SHA-256".to_owned());
        }
        for (name, part) in self.parts() {
            if digest(&part.sha256).is_none() {
                return Err(format!("{name}: sha256 is no SHA-256"));
            }
            if part.size == 0 || part.size > part.whole() || part.whole() > LARGEST {
                return Err(format!("{name}: sizes that can't be"));
            }
        }
        Ok(())
    }

    /// The parts in the order in which they travel.
    pub(super) fn parts(&self) -> [(&'static str, &Part); 3] {
        [
            ("root.raw", &self.root),
            ("verity.raw", &self.verity),
            ("uki.efi", &self.uki),
        ]
    }

    /// The name under which systemd-sysupdate looks for each part, in the same order. The partitions' identities are the two
    /// halves of the root hash (systemd-veritysetup-generator(8)).
    pub(super) fn names(&self) -> [String; 3] {
        let (product, version) = (&self.product, self.version);
        let (root, verity) = self.root_hash.split_at(32);
        [
            format!("{product}_{version}_{root}.root.raw"),
            format!("{product}_{version}_{verity}.verity.raw"),
            format!("{product}_{version}.efi"),
        ]
    }

    /// Bytes of all parts in the bundle.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.parts().iter().map(|(_, part)| part.size).sum()
    }
}

impl Part {
    pub(super) fn whole(&self) -> u64 {
        self.filled.unwrap_or(self.size)
    }
}

/// The bytes of a SHA-256 in lower-case hexadecimal digits.
pub(super) fn digest(text: &str) -> Option<[u8; 32]> {
    HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok()
}
