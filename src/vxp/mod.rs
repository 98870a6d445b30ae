//! The door to the software: the HTTP that the VXP SDK speaks, answered by a [`Desk`] which the walk implements.
//!
//! A request is first proven (headers, credentials, freshness), then turned into one call of the [`Desk`],
//! then answered in JSON that always carries `status`, `ErrorCode` and `ErrorDesc`.
//!
//! Replay: the SDK stamps an object once and repeats the same signed headers as long as it lives, so a header set
//! seen twice is no sign of an attack and there is no nonce to remember. A set is good for its maximum age; whoever
//! reads it on the wire can use it that long, which is why systems should speak TLS or be bound to addresses, and
//! why `hash-file` (signed) decides which document a set may carry. Repeating is harmless: the same document gets
//! the docId it had, and the same transport status is no error.

mod body;
mod call;
#[cfg(test)]
mod captures;
mod chunks;
/// A software, for the demo, the bench and tests.
pub mod client;
mod config;
mod desk;
mod door;
mod headers;
mod quota;
mod refusal;
mod rows;
mod stamp;
mod systems;

pub use config::{Config, Quota};
pub use desk::{
    Agency, Content, Desk, Document, Intake, MessageType, NewAgency, ReceivedRow, Rows, SendParams,
    SentRow, Transport, Unit, Window,
};
pub use door::Door;
pub use headers::{Fault, Freshness, Signed, Unproven};
pub use refusal::{ErrorCode, Refusal};
pub use systems::{Error, Network, NotAdmitted, Peer, Secret, System, SystemEntry, Systems};
