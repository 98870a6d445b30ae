//! A token behind PKCS#11 and nothing else: sessions, keys, mechanisms, error classes, recovery.
//!
//! [`Pool`] serves signatures from one token and heals itself; a process may have several, of one module or of several.
//! [`Workbench`] prepares tokens and keys and shares its module with nobody.

#![forbid(unsafe_code)]

mod bench;
mod error;
mod keeper;
mod key;
mod mechanism;
mod module;
mod pin;
mod pool;
mod probe;
mod profile;
mod queue;
mod session;
mod token;

pub use bench::{GeneratedKey, Workbench};
pub use error::{Class, Error};
pub use keeper::State;
pub use key::{KeyKind, KeyName, PublicKey};
pub use mechanism::{Hash, Scheme, ecdsa_to_der};
pub use pin::Pin;
pub use pool::{Config, Lane, Pool};
pub use probe::ModuleDescription;
pub use profile::{Login, Mechanism, Profile};
pub use token::{TokenDescription, TokenName};
