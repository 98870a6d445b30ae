//! Packet and evidence proof make a seal; a seal and trust make an [`Opened`], which is a proof and not a bool.

mod attestation;
mod bundle;
mod known;
mod open;
mod refused;
mod vouch;
mod wire;

pub use attestation::{Attestation, Paper, Unattested};
pub use bundle::{Bundle, FORMAT, StampedSeal};
pub use known::Known;
pub use open::{Claim, Opened, Opener, Receipt, Sealer, Under};
pub use refused::Refused;
pub use vouch::Vouching;
pub use wire::{LONGEST, Malformed, Seal, apart, record_of};

#[cfg(test)]
mod tests;
