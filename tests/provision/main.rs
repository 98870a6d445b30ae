//! Provisioning as people do it at the bench: commands of the real program, real tokens, a real hub.

#![expect(clippy::unwrap_used, reason = "a test that can't go on ends")]

mod bench;
mod checklist;
mod doors;
mod kills;
mod medium;
mod network;
mod refusals;
mod town;
mod undo;
