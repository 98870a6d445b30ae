//! Bench work: tokens, keys, certificates, and whole exchanges laid out for the demo and tests.

pub mod bundle;
pub mod ca;
pub mod import;
pub mod lab;
pub mod prove;
pub mod request;
pub mod token;
mod token_key;

pub use token_key::TokenKey;
