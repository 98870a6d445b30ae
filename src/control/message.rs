//! Questions and answers, as JSON.

use serde::{Deserialize, Serialize};

use super::Report;
use crate::gauge::Text;

/// What an operator asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Ask {
    /// How all stands.
    Status,
}

/// What comes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Answer {
    /// How all stands.
    Status(Box<Report>),
    /// It was not done, and why.
    Refused(Text),
}
