//! A real token (SoftHSM2, alone and behind p11-kit): signatures, pace, loss, PIN.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up has failed")]

mod opensc;
mod pools;
mod profile;
mod recovery;
mod sign;
mod world;
