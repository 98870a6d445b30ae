//! Why a seal proves nothing.

use std::fmt;

use crate::retry::Class;
use crate::trust::Refusal;

/// What was wrong, in the order in which it is checked.
#[derive(Clone, Debug)]
pub enum Refused {
    /// The bytes are no seal, record or checkpoint.
    Malformed(String),
    /// The record is not under the checkpoint.
    NotIncluded,
    /// The checkpoint is of another log than the record's sender.
    OtherOrigin {
        /// Whose log.
        origin: String,
        /// Whose record.
        from: String,
    },
    /// The signature, its certificate or its registration does not hold.
    Signer(Refusal),
    /// The body is not the one that was sealed.
    OtherBody {
        /// What the record says.
        sealed: String,
        /// What came.
        came: String,
    },
    /// A valid seal of something else than what was asked for.
    OtherKind(String),
}

impl Refused {
    /// A seal that proves nothing never will, except where only revocation was unsure.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Signer(refusal) => refusal.class(),
            _ => Class::Refuse,
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(what) => f.write_str(what),
            Self::NotIncluded => f.write_str("the record is not under its checkpoint"),
            Self::OtherOrigin { origin, from } => {
                write!(f, "the checkpoint is of {origin}, the record of {from}")
            }
            Self::Signer(refusal) => write!(f, "{refusal}"),
            Self::OtherBody { sealed, came } => write!(f, "sealed was {sealed}, came {came}"),
            Self::OtherKind(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for Refused {}
