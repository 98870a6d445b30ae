//! A member's word on a file that is no packet: the newest head of its log, signed once more with a line that names the file.

use std::fmt;

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

use super::{Opener, Sealer};
use crate::clock::Moment;
use crate::merkle::checkpoint::Checkpoint;
use crate::packet::{Digest, MemberId};
use crate::trust::Trust;

/// What kind of file it is. There is no other: whoever may ask for such a word gets no signature over lines of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Paper {
    /// A backup of the box.
    Backup,
    /// A support bundle of the box.
    Support,
}

impl Paper {
    /// The word before the digest among a checkpoint's extension lines.
    fn word(self) -> &'static str {
        match self {
            Self::Backup => "backup ",
            Self::Support => "support ",
        }
    }

    /// The extension line for a digest.
    #[must_use]
    pub fn line(self, digest: Digest) -> String {
        format!("{}{digest}", self.word())
    }
}

/// A checkpoint that names a file, and its signature by the member's seal key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attestation {
    /// Checkpoint body, base64.
    pub checkpoint: String,
    /// CMS SignedData over it, base64.
    pub cms: String,
}

/// Why it is not a member's word on that file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unattested {
    /// Whose signature it is, or what is wrong with it.
    Signer(String),
    /// It is somebody's word, on another file.
    AnotherFile,
}

impl fmt::Display for Unattested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signer(why) => f.write_str(why),
            Self::AnotherFile => f.write_str("the signature is over another file"),
        }
    }
}

impl std::error::Error for Unattested {}

impl Attestation {
    /// Of a checkpoint and its signature.
    #[must_use]
    pub fn new(body: &[u8], cms: &[u8]) -> Self {
        Self {
            checkpoint: BASE64.encode(body),
            cms: BASE64.encode(cms),
        }
    }

    /// Whether this is the word of a seal key that `sealer` knows, on just that file; gives whose. Certificates are judged
    /// as of `at`, when the file was made.
    ///
    /// # Errors
    /// Says what does not hold.
    pub fn verify(
        &self,
        (paper, digest): (Paper, Digest),
        trust: &Trust,
        sealer: Sealer<'_>,
        at: Moment,
    ) -> Result<MemberId, Unattested> {
        let strange = |error: &dyn fmt::Display| Unattested::Signer(error.to_string());
        let decode = |text: &str| BASE64.decode(text.as_bytes()).map_err(|e| strange(&e));
        let (body, cms) = (decode(&self.checkpoint)?, decode(&self.cms)?);
        let head = Opener::default()
            .head(&body, &cms, trust, sealer, at)
            .map_err(|refused| strange(&refused))?;
        if !names(&head, paper, digest) {
            return Err(Unattested::AnotherFile);
        }
        head.origin.parse().map_err(|_| strange(&"no member code"))
    }
}

fn names(head: &Checkpoint, paper: Paper, digest: Digest) -> bool {
    let of_kind = |line: &&String| line.starts_with(paper.word());
    let mut lines = head.extensions.iter().filter(of_kind);
    lines.next() == Some(&paper.line(digest)) && lines.next().is_none()
}
