//! For tests: a disk that forgets at a power cut what was not flushed.
//!
//! A SIGKILL leaves the page cache, so that a forgotten flush stays unseen. Here the shim (`shim/`, loaded by
//! `LD_PRELOAD`) logs every change and every flush that a process makes below one directory. After the process's end
//! [`Volatile::cut`] puts the directory back to what a disk may hold then: all that was flushed, and of the rest whatever
//! chance leaves.

#![forbid(unsafe_code)]

mod cache;
mod chance;
mod record;
mod shim;
mod volatile;

pub use cache::{Cache, Contents, Keep, SECTOR};
pub use chance::Chance;
pub use record::Record;
pub use shim::shim;
pub use volatile::{CONTROL, LOG, Lost, ROOT, Volatile, When};
