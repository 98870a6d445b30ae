//! Updates of an appliance: what a signed bundle must prove before anything is written, and what a machine remembers of it.
//!
//! A bundle is a tar archive that streams: manifest, signature (CMS over the manifest), then the parts that the manifest names
//! by digest. Nothing of a part counts before its last byte was read and its digest matches. The signer is one of the
//! certificates that lie in the verified root; no name, date or chain speaks for it, since a machine whose clock is wrong
//! must be able to take an update, too.
//!
//! Three versions are compared: the one that runs, the one that is offered, and the *floor*. A manifest's floor is the oldest
//! version that can still live with what its version writes, and that has no hole which must not come back; an offered version
//! below the machine's floor is refused, and so is one whose own floor lies above what runs, since the way back would be shut.
//! The machine's floor rises to that of a version that was found good, and never falls.

mod bundle;
mod container;
mod esp;
mod install;
mod manifest;
mod refused;
mod state;
mod system;
mod version;

pub use bundle::{Bundle, Progress, Taken};
pub use esp::{Entry, Esp};
pub use install::{Install, Phase};
pub use manifest::{Manifest, Part};
pub use refused::{Error, Refused};
pub use state::{Outcome, Stage, State, Trial};
pub use system::System;
pub use version::Version;

#[cfg(test)]
mod tests;
