//! A member's evidence log: records, a tree over them, and one HSM signature for many.

mod archive;
mod error;
mod head;
mod record;
mod sequencer;

pub use archive::{Archive, SCHEMA};
pub use error::Error;
pub use head::{Head, Proof};
pub use record::{Addressee, Malformed, Record, RecordKind};
pub use sequencer::{Entry, Extensions, Log, SealKey, Sealing, Signing, Witness};

#[cfg(test)]
mod tests;
