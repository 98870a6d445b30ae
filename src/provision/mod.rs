//! Bench work: tokens, keys, certificates, and whole exchanges laid out for the demo and tests.

pub mod lab;
pub mod probe;
pub mod token;
