//! Questions and answers, as JSON.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Report;
use super::agreed::{Agreement, Signed};
use crate::clock::Moment;
use crate::gauge::Text;
use crate::packet::{Digest, PacketId};
use crate::seal::{Attestation, Paper};
use crate::signer::wire::Bytes;
use crate::trace::Trace;

/// What an operator asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Ask {
    /// How all stands.
    Status,
    /// How all would stand in so many days, if nothing were renewed.
    Drill {
        /// Days from now.
        days: u16,
    },
    /// Where a document is: its code, DocumentId, DocId or packet id.
    Trace(String),
    /// Rehearses the successor of that key.
    Rehearse(String),
    /// Which proposals wait for a second person.
    Proposals,
    /// Proposes what needs two persons.
    Propose {
        /// The proposal.
        signed: Signed,
        /// What its digest stands for.
        content: Option<String>,
    },
    /// Approves a proposal.
    Approve(Signed),
    /// Takes an agreement in order to carry it out, once.
    Claim(PacketId),
    /// What a backup of the box takes.
    Backup(AskBackup),
    /// Has a file of that digest signed, for a user of the box's own machine.
    Attest {
        /// What the file is.
        paper: Paper,
        /// Its digest.
        digest: Digest,
    },
}

/// What a backup takes; for users of the box's own machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum AskBackup {
    /// Makes a copy of what the box keeps; asked again until it is there.
    Copy,
    /// Takes the copy away.
    EndCopy,
}

/// What comes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Answer {
    /// How all stands.
    Status(Box<Report>),
    /// Where it is; none for what is not here, or not the asker's to see.
    Traces(Vec<Trace>),
    /// What waits.
    Proposals {
        /// The code of the box or hub, for what is signed.
        at: String,
        /// Its time, for what is signed.
        #[serde(with = "crate::clock::text")]
        time: Moment,
        /// The proposals' texts.
        texts: Vec<String>,
    },
    /// It waits for a second person under this id.
    Proposed(PacketId),
    /// It was done.
    Done(Text),
    /// The agreement, to be carried out now.
    Claimed(Box<Agreement>),
    /// Where the copy lies; nothing while it is being made.
    Copied(Option<PathBuf>),
    /// A checkpoint that names the file, and its signature.
    Signed {
        /// The checkpoint's bytes.
        checkpoint: Bytes,
        /// CMS SignedData over them.
        cms: Bytes,
    },
    /// It was not done, and why.
    Refused(Text),
}

impl Answer {
    /// The word that was asked for.
    ///
    /// # Errors
    /// Why there is none.
    pub fn attestation(self) -> Result<Attestation, String> {
        match self {
            Self::Signed { checkpoint, cms } => Ok(Attestation::new(&checkpoint.0, &cms.0)),
            Self::Refused(text) => Err(text.to_string()),
            other => Err(format!("câu trả lời lạ / an odd answer: {other:?}")),
        }
    }
}
