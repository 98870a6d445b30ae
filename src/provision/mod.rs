//! Bench work: a box from an empty token to its first document ([`mod@bench`], [`steps`]), a TEST certification authority
//! ([`ca`]), and whole exchanges laid out for the demo and tests ([`lab`]).

pub mod bench;
pub mod bundle;
pub mod ca;
pub mod configure;
pub mod enrol;
pub mod import;
pub mod lab;
pub mod pin;
pub mod plan;
pub mod probe;
pub mod prove;
pub mod renew;
pub mod request;
pub mod state;
pub mod steps;
pub mod token;
mod held_key;
mod papers;
mod token_key;

pub use held_key::HeldKey;
pub use token_key::TokenKey;
