//! The operator's questions to a running box or hub: how all stands, and what two persons agree upon.
//!
//! The same questions come by two ways. The local socket knows its peer by SO_PEERCRED: root, the process's own user and
//! those that the configuration names. The management address is HTTPS that only listed operator certificates open.
//! What can't be undone needs the signatures of two operators by whichever way it comes ([`agreed`]).

pub mod agreed;
mod client;
mod copies;
mod desk;
mod door;
pub mod gauges;
pub mod key;
mod message;
pub mod permit;
mod rehearsal;
mod report;
mod socket;
mod watch;

pub use client::{Away, local, remote};
pub use desk::{Asker, Desk, Parts};
pub use door::Door;
pub use message::{Answer, Ask, AskBackup};
pub use rehearsal::{BoxStage, Dial, HubStage, NOT_SERVED, Rehearsal, Stage};
pub use report::{Report, span};
pub use socket::Socket;
pub use watch::Watch;

/// Path of the questions at the management address.
pub const PATH: &str = "/v1/control";
/// Longest question and answer in bytes.
pub const LONGEST: u64 = 1 << 20;
