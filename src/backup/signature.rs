//! The box's word on its backup.

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

use super::Error;
use crate::clock::Moment;
use crate::merkle::checkpoint::Checkpoint;
use crate::packet::{Digest, MemberId};
use crate::seal::{Opener, Sealer};
use crate::trust::Trust;

/// The word before the digest among a checkpoint's extension lines.
const WORD: &str = "backup ";

/// A checkpoint that names the backup, and its signature by the member's seal key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// Checkpoint body, base64.
    pub checkpoint: String,
    /// CMS SignedData over it, base64.
    pub cms: String,
}

impl Signature {
    /// The extension line for a digest.
    #[must_use]
    pub fn line(digest: Digest) -> String {
        format!("{WORD}{digest}")
    }

    /// Of a checkpoint and its signature.
    #[must_use]
    pub fn new(body: &[u8], cms: &[u8]) -> Self {
        Self {
            checkpoint: BASE64.encode(body),
            cms: BASE64.encode(cms),
        }
    }

    /// Whether this is the word of a seal key that `sealer` knows, on just that digest; gives whose. Certificates are judged
    /// as of `at`, when the backup was made.
    ///
    /// # Errors
    /// [`Error::Signer`] says what does not hold.
    pub fn verify(
        &self,
        digest: Digest,
        trust: &Trust,
        sealer: Sealer<'_>,
        at: Moment,
    ) -> Result<MemberId, Error> {
        let strange = |error: &dyn std::fmt::Display| Error::Signer(error.to_string());
        let decode = |text: &str| BASE64.decode(text.as_bytes()).map_err(|e| strange(&e));
        let (body, cms) = (decode(&self.checkpoint)?, decode(&self.cms)?);
        let head = Opener::default()
            .head(&body, &cms, trust, sealer, at)
            .map_err(|refused| strange(&refused))?;
        if !names(&head, digest) {
            return Err(Error::Altered("the signature is over another file".into()));
        }
        head.origin.parse().map_err(|_| strange(&"no member code"))
    }
}

fn names(head: &Checkpoint, digest: Digest) -> bool {
    let mut lines = head.extensions.iter().filter(|line| line.starts_with(WORD));
    lines.next() == Some(&Signature::line(digest)) && lines.next().is_none()
}
