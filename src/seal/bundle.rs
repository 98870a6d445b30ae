//! A proof for strangers: one packet's seal, the receipts about it, and what is needed to judge them years later.

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

/// The exported form, JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// Name and version of this form.
    pub format: String,
    /// The sender's seal, base64.
    pub seal: String,
    /// Seals of receipts, base64.
    pub receipts: Vec<String>,
    /// Revocation lists known when it was exported, DER in base64.
    pub revocation: Vec<String>,
    /// OCSP answers known when it was sealed, and the first after, DER in base64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<String>,
    /// The sender's record under heads that are stamped with the time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stamps: Vec<Stamped>,
}

/// A seal, and TimeStampToken in DER over its CMS.
pub type StampedSeal = (Vec<u8>, Vec<u8>);

/// A record under a stamped head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stamped {
    /// The seal under that head, base64.
    pub seal: String,
    /// TimeStampToken (RFC 3161) over that head's CMS, DER in base64.
    pub token: String,
}

/// The form that this release writes and reads.
pub const FORMAT: &str = "trucgate-proof 1";

impl Bundle {
    /// Puts a proof together.
    pub fn new<'a>(
        seal: &[u8],
        receipts: impl Iterator<Item = &'a [u8]>,
        revocation: &[Vec<u8>],
    ) -> Self {
        Self {
            format: FORMAT.to_owned(),
            seal: BASE64.encode(seal),
            receipts: receipts.map(|receipt| BASE64.encode(receipt)).collect(),
            revocation: revocation.iter().map(|list| BASE64.encode(list)).collect(),
            answers: Vec::new(),
            stamps: Vec::new(),
        }
    }

    /// The same with OCSP answers (DER), and with stamps: each a seal and a token over its CMS.
    #[must_use]
    pub fn with(mut self, answers: &[Vec<u8>], stamps: &[StampedSeal]) -> Self {
        self.answers
            .extend(answers.iter().map(|one| BASE64.encode(one)));
        self.stamps
            .extend(stamps.iter().map(|(seal, token)| Stamped {
                seal: BASE64.encode(seal),
                token: BASE64.encode(token),
            }));
        self
    }

    /// The exported bytes.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        // A structure of strings always serialises.
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }

    /// Reads the exported bytes strictly: what it accepts, [`Bundle::to_json`] writes back byte for byte, so that no
    /// changed byte goes unnoticed.
    ///
    /// # Errors
    /// Names what is wrong; a form that is not known is named, never guessed.
    pub fn from_json(json: &[u8]) -> Result<Self, String> {
        let bundle: Self = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        if bundle.format != FORMAT {
            return Err(format!("unknown format {:?}", bundle.format));
        }
        if bundle.to_json() != json {
            return Err("not in the form in which proofs are written".to_owned());
        }
        Ok(bundle)
    }

    /// The sender's seal.
    ///
    /// # Errors
    /// When it is not base64.
    pub fn seal(&self) -> Result<Vec<u8>, String> {
        decoded("seal", &self.seal)
    }

    /// The seals of receipts.
    ///
    /// # Errors
    /// When one is not base64.
    pub fn receipts(&self) -> Result<Vec<Vec<u8>>, String> {
        let one = |text: &String| decoded("receipt", text);
        self.receipts.iter().map(one).collect()
    }

    /// The revocation lists, DER.
    ///
    /// # Errors
    /// When one is not base64.
    pub fn revocation(&self) -> Result<Vec<Vec<u8>>, String> {
        let one = |text: &String| decoded("revocation list", text);
        self.revocation.iter().map(one).collect()
    }

    /// The OCSP answers, DER.
    ///
    /// # Errors
    /// When one is not base64.
    pub fn answers(&self) -> Result<Vec<Vec<u8>>, String> {
        let one = |text: &String| decoded("OCSP answer", text);
        self.answers.iter().map(one).collect()
    }

    /// The stamped seals, each with the token over its CMS.
    ///
    /// # Errors
    /// When one is not base64.
    pub fn stamps(&self) -> Result<Vec<StampedSeal>, String> {
        let one = |stamped: &Stamped| {
            Ok((
                decoded("stamped seal", &stamped.seal)?,
                decoded("time stamp", &stamped.token)?,
            ))
        };
        self.stamps.iter().map(one).collect()
    }
}

fn decoded(what: &str, text: &str) -> Result<Vec<u8>, String> {
    BASE64
        .decode(text.as_bytes())
        .map_err(|error| format!("{what}: {error}"))
}
