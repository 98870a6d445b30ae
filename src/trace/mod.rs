//! A packet's way in a clerk's words: where it has been, where it waits and why, what comes next and what to do.
//!
//! Box and hub each tell what they have seen themselves and hold evidence of. What they answer is made here, so that both
//! say the same thing in the same words.

mod show;
mod words;

use std::future::Future;
use std::pin::Pin;

use serde::{Deserialize, Serialize};

pub use words::{Place, Step, kind_name, status_name};

use crate::clock::{Moment, optional_text};
use crate::gauge::Text;
use crate::packet::MemberId;

/// An agency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Party {
    /// Its code.
    pub code: String,
    /// Its name in the directory; empty where it is in none.
    pub name: String,
}

/// What a seal was found to be worth when the trace was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// Who sealed it.
    pub by: String,
    /// SHA-256 of the document that it speaks of.
    pub digest: String,
    /// Whether signature, place in the log, certificate and digest hold.
    pub holds: bool,
    /// What was found, in words.
    pub told: Text,
}

/// One station of the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hop {
    /// Which.
    pub step: String,
    /// When.
    #[serde(default, with = "optional_text")]
    pub at: Option<Moment>,
    /// What happened.
    pub what: Text,
    /// Why, as whoever did it said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The evidence of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
}

impl Hop {
    /// A station.
    #[must_use]
    pub fn new(step: &Step, at: Option<Moment>) -> Self {
        Self {
            step: step.word().to_owned(),
            at,
            what: step.text(),
            reason: None,
            proof: None,
        }
    }

    /// The same with a reason.
    #[must_use]
    pub fn because(mut self, reason: Option<String>) -> Self {
        self.reason = reason.filter(|reason| !reason.is_empty());
        self
    }

    /// The same with its evidence.
    #[must_use]
    pub fn proven(mut self, proof: Option<Proof>) -> Self {
        self.proof = proof;
        self
    }
}

/// Where it stands now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    /// In a word, for programs.
    pub place: String,
    /// Where it is, and what it waits for.
    pub state: Text,
    /// What comes next by itself.
    pub next: Text,
    /// What a person should do, and when.
    pub todo: Text,
}

/// The way to one recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leg {
    /// To whom.
    pub to: Party,
    /// Its stations.
    pub hops: Vec<Hop>,
    /// Where it stands.
    pub now: Standing,
}

/// One packet's way, as far as the one who tells it has seen it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trace {
    /// Who tells it: code of the box or hub, which enters it when it answers.
    pub told_by: String,
    /// The packet; at its sender also the DocId.
    pub packet: String,
    /// The document's number and notation.
    pub code: Option<String>,
    /// Its DocumentId.
    pub document: Option<String>,
    /// new, recall, update, replacement or status.
    pub kind: String,
    /// Trích yếu: only where the document itself is at home.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// 0 normal to 4 express at a set hour.
    pub priority: u8,
    /// Who sent it.
    pub from: Party,
    /// SHA-256 of the document.
    pub digest: String,
    /// Bytes of the document.
    pub size: u64,
    /// Stations before it parts to its recipients.
    pub hops: Vec<Hop>,
    /// The way to each recipient; a recipient sees its own alone.
    pub legs: Vec<Leg>,
    /// Recipients that are not listed, for the answer's length.
    #[serde(default)]
    pub left_off: u64,
}

/// Recipients in one answer at most.
pub const LEGS: usize = 200;
/// Packets in one answer at most.
pub const TRACES: usize = 8;

/// Traces on their way.
pub type Tracing<'a> = Pin<Box<dyn Future<Output = Result<Vec<Trace>, String>> + Send + 'a>>;

/// A room that knows where packets are.
pub trait Tracer: Send + Sync {
    /// Finds packets by document code, DocumentId, DocId or packet id; none for what is not there and, in the same words,
    /// for what none of `members` sent or received, where those are named.
    fn trace<'a>(&'a self, what: &'a str, members: Option<&'a [MemberId]>) -> Tracing<'a>;
}

/// The form in which names are compared: people write `15/vpcp-kstt` for `15/VPCP-KSTT`.
#[must_use]
pub fn comparable(name: &str) -> String {
    name.trim().to_uppercase()
}

#[cfg(test)]
mod tests;
