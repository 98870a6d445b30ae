//! How a box that is not registered yet asks to be: an enrolment, on a door of its own or carried in a file.
//!
//! | call | request | answer |
//! |---|---|---|
//! | `POST /v1/enrolment` | [`Enrolment`] | 200 [`Enrolled`]: pending until the hub's operator has decided |
//! | `GET /v1/enrolment` | | 200 [`Enrolled`] of the certificate that asks |
//!
//! The door takes certificates that chain to an anchor but stand in no directory, and nothing but these two calls.
//! Every key signs the same [`Enrolment::statement`], so that each is proven to be held by whoever enrols, for this hub,
//! this box and this single-use code.

use std::fmt;
use std::fmt::Write as _;
use std::time::Duration;

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

use super::Error;
use crate::https::{Answer, Client, Content, HeaderMap, Method};
use crate::packet::{Digest, MemberId};
use crate::trust::directory::Fingerprint;
use crate::trust::signature::{Algorithm, verify};
use crate::trust::{KeyKind, Refusal, Verdict, key_of};

/// Path of the two calls.
pub const ENROLMENT: &str = "/v1/enrolment";
/// Longest enrolment: a shared box has some dozens of members with a chain each.
pub const LONGEST_ENROLMENT: u64 = 4 << 20;
/// Members of one enrolment at most.
pub const MOST_MEMBERS: usize = 256;

const DEADLINE: Duration = Duration::from_secs(30);

/// A box that asks to be registered with its members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enrolment {
    /// The hub that is asked.
    pub hub: MemberId,
    /// The box's code.
    #[serde(rename = "box")]
    pub box_code: MemberId,
    /// The single-use code that the hub's operator gave.
    pub code: String,
    /// The box's TLS certificate.
    pub tls: Shown,
    /// Its members.
    pub members: Vec<MemberShown>,
}

/// A certificate, and the proof that its key is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shown {
    /// DER in base64, the key's own certificate first.
    pub chain: Vec<String>,
    /// Signature over the statement, SHA-256 with RSA PKCS#1 v1.5 or ECDSA in DER; base64.
    pub signature: String,
}

/// A member and its seal certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberShown {
    /// Its code.
    pub code: MemberId,
    /// Its name, where the hub does not know it yet.
    pub name: String,
    /// Its seal certificate.
    pub seal: Shown,
}

/// What became of an enrolment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Enrolled {
    /// The hub's operator has not decided yet.
    Pending,
    /// Registered.
    Approved,
    /// Refused, and why.
    Refused(String),
}

impl fmt::Display for Enrolled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pending => {
                f.write_str("chờ người vận hành Trục duyệt / waits for the hub's operator")
            }
            Self::Approved => f.write_str("đã được duyệt / approved"),
            Self::Refused(why) => write!(f, "bị từ chối / refused: {why}"),
        }
    }
}

impl Enrolment {
    /// What every key signs: lines of text that `cat` shows.
    ///
    /// # Errors
    /// When a chain is empty or not base64.
    pub fn statement(&self) -> Result<String, Refusal> {
        let mut text = format!(
            "trucgate enrolment 1\nhub {}\nbox {}\ncode {}\ntls {}\n",
            self.hub,
            self.box_code,
            Digest::of(self.code.as_bytes()),
            self.tls.fingerprint()?
        );
        for member in &self.members {
            // Writing to a String never fails.
            let _ = writeln!(
                text,
                "member {} {}",
                member.code,
                member.seal.fingerprint()?
            );
        }
        Ok(text)
    }
}

impl Shown {
    /// The chain in DER.
    ///
    /// # Errors
    /// When it is empty or not base64.
    pub fn chain(&self) -> Result<Vec<Vec<u8>>, Refusal> {
        let ders = self.chain.iter().map(|one| BASE64.decode(one.as_bytes()));
        match ders.collect::<Result<Vec<_>, _>>() {
            Ok(chain) if !chain.is_empty() => Ok(chain),
            Ok(_) => Err(Refusal::new(Verdict::NoCertificate, "")),
            Err(error) => Err(Refusal::new(Verdict::Malformed, error.to_string())),
        }
    }

    /// Fingerprint of the key's own certificate.
    ///
    /// # Errors
    /// As [`Shown::chain`].
    pub fn fingerprint(&self) -> Result<Fingerprint, Refusal> {
        Ok(Fingerprint::of(&self.chain()?[0]))
    }

    /// Verifies that the certificate's key has signed `statement`.
    ///
    /// # Errors
    /// `BadSignature`, or when certificate or signature can't be read.
    pub fn proves(&self, statement: &str) -> Result<(), Refusal> {
        let leaf = &self.chain()?[0];
        let key = key_of(leaf)?;
        let algorithm = match key.kind {
            KeyKind::Rsa => Algorithm::RsaPkcs1Sha256,
            KeyKind::P256 => Algorithm::EcdsaSha256,
            KeyKind::Other => return Err(Refusal::new(Verdict::WeakKey, key.subject)),
        };
        let signature = BASE64
            .decode(self.signature.as_bytes())
            .map_err(|error| Refusal::new(Verdict::Malformed, error.to_string()))?;
        if verify(&key.spki_der, algorithm, statement.as_bytes(), &signature) {
            Ok(())
        } else {
            let detail = format!("the key of {} has not signed this enrolment", key.subject);
            Err(Refusal::new(Verdict::BadSignature, detail))
        }
    }
}

/// Hands an enrolment over; repeated it changes nothing.
///
/// # Errors
/// Refuse when code, certificates or proofs are not accepted.
pub async fn enrol(client: &Client, enrolment: &Enrolment) -> Result<Enrolled, Error> {
    let body = serde_json::to_vec(enrolment).map_err(|e| Error::Malformed(e.to_string()))?;
    let content = Content::new().then_bytes(body);
    let answer = client.request(Method::POST, ENROLMENT, HeaderMap::new(), content, DEADLINE);
    read(answer.await?).await
}

/// Asks what became of the enrolment of the certificate that the connection presents.
///
/// # Errors
/// When the hub can't be asked or knows none.
pub async fn enrolled(client: &Client) -> Result<Enrolled, Error> {
    read(client.get(ENROLMENT, DEADLINE).await?).await
}

async fn read(answer: Answer) -> Result<Enrolled, Error> {
    super::client::json(answer).await
}
