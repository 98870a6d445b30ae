//! A member's evidence log: records, a tree over them, and one HSM signature for many.

mod archive;
pub mod audit;
mod error;
mod hand;
mod head;
mod key;
mod log;
mod material;
mod resealed;
mod sequencer;

pub use crate::packet::record::{Addressee, Malformed, Record, RecordKind};
pub use archive::{Archive, SCHEMA};
pub use error::Error;
pub use head::{Head, Proof, Succession};
pub use key::SignerKey;
pub use log::{Entry, Extensions, Log, SealKey, Sealing, Signing, Turn, Witness};
pub use material::{About, MATERIAL_SCHEMA, Stamped};
pub use resealed::RESEALED_SCHEMA;

#[cfg(test)]
mod tests;
