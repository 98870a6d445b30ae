//! A real token (SoftHSM2, alone and behind p11-kit): signatures, pace, loss, PIN.

mod recovery;
mod sign;
mod world;
