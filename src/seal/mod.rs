//! Packet and evidence proof make a seal; a seal and trust make an [`Opened`], which is a proof and not a bool.

mod bundle;
mod known;
mod open;
mod refused;
mod wire;

pub use bundle::{Bundle, FORMAT, StampedSeal};
pub use known::Known;
pub use open::{Claim, Opened, Opener, Receipt, Sealer, Under};
pub use refused::Refused;
pub use wire::{LONGEST, Malformed, Seal, apart};

#[cfg(test)]
mod tests;
