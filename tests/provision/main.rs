//! Provisioning as people do it at the bench: commands of the real program, real tokens, a real hub.

mod bench;
mod checklist;
mod doors;
mod kills;
mod network;
mod refusals;
mod town;
