//! Bench work: tokens, keys, certificates, and whole exchanges laid out for the demo and tests.

pub mod ca;
pub mod lab;
pub mod token;
mod token_key;

pub use token_key::TokenKey;
