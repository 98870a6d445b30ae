//! The durable store of packets on their way through a box: what was taken from software, what came from the hub,
//! which promises are owed. Every change is an idempotent step, so that recovery is the normal road walked again.

mod bodies;
mod error;
mod inbound;
mod outbound;
mod owed;
mod proofs;
mod restored;
mod row;
mod schedule;
mod seals;
pub mod snapshot;
mod strays;
mod trace;
mod views;

use std::path::Path;

use crate::durable::Disk;
use crate::store::Store;

pub use bodies::{Bodies, Body, Intake, Place, Shelf};
pub use error::Error;
pub use inbound::{Admitted, Arrival, Document};
pub use outbound::{Keeping, Kept, Submission, Waiting};
pub use owed::Owed;
pub use proofs::{KeptReceipt, Proofs};
pub use restored::is_empty;
pub use schedule::{Schedule, Turn};
pub use seals::{Parted, SEAL_HEADS, whole};
pub use trace::{Found, Incoming, NAMES_SCHEMA, Outgoing, Recipient};
pub use views::{Inboxed, Load, Queue, Sent, Window};

/// The tables of this room.
pub const SCHEMA: &str = "
CREATE TABLE outbound (
  number INTEGER PRIMARY KEY, packet TEXT NOT NULL UNIQUE, member TEXT NOT NULL, messagetype TEXT NOT NULL,
  envelope TEXT NOT NULL, record BLOB NOT NULL, digest TEXT NOT NULL, size INTEGER NOT NULL, same BLOB UNIQUE,
  priority INTEGER NOT NULL, state TEXT NOT NULL, reason TEXT, kept_at INTEGER NOT NULL, ended_at INTEGER,
  shelf TEXT NOT NULL);
CREATE TABLE outbound_body (number INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE INDEX outbound_open ON outbound (kept_at) WHERE state = 'kept';
CREATE INDEX outbound_of ON outbound (member, messagetype, kept_at);
CREATE TABLE recipient (
  packet TEXT NOT NULL, member TEXT NOT NULL, sequence INTEGER NOT NULL, state TEXT NOT NULL, reason TEXT,
  at INTEGER NOT NULL, PRIMARY KEY (packet, member)) WITHOUT ROWID;
CREATE TABLE receipt (
  packet TEXT NOT NULL, member TEXT NOT NULL, status TEXT NOT NULL, seal BLOB NOT NULL, head INTEGER NOT NULL,
  PRIMARY KEY (packet, member, status)) WITHOUT ROWID;
CREATE TABLE pair (
  sender TEXT NOT NULL, recipient TEXT NOT NULL, last INTEGER NOT NULL,
  PRIMARY KEY (sender, recipient)) WITHOUT ROWID;
CREATE TABLE inbox (
  number INTEGER PRIMARY KEY, doc TEXT NOT NULL UNIQUE, packet TEXT NOT NULL, member TEXT NOT NULL,
  sender TEXT NOT NULL, messagetype TEXT NOT NULL, envelope TEXT NOT NULL, digest TEXT NOT NULL,
  size INTEGER NOT NULL, seal BLOB NOT NULL, head INTEGER NOT NULL, state TEXT NOT NULL, reason TEXT,
  created INTEGER NOT NULL, updated INTEGER NOT NULL, purged INTEGER NOT NULL DEFAULT 0, UNIQUE (member, packet));
CREATE TABLE inbox_body (number INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE INDEX inbox_open ON inbox (member, messagetype, created) WHERE state IN ('initial', 'processing');
CREATE TABLE owed (
  key TEXT PRIMARY KEY, member TEXT NOT NULL, record BLOB NOT NULL, made INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX owed_member ON owed (member, made);
CREATE TABLE cursor (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
";

/// A cheap handle to one box's spool.
#[derive(Clone, Debug)]
pub struct Spool {
    store: Store,
    bodies: Bodies,
}

impl Spool {
    /// Over a store that has [`SCHEMA`], with large bodies as files below `directory`.
    /// Files that a power cut left half written are swept away.
    ///
    /// # Errors
    /// When the directory can't be made or read.
    pub fn open(store: Store, disk: Disk, directory: &Path) -> Result<Self, Error> {
        Ok(Self {
            store,
            bodies: Bodies::open(disk, directory)?,
        })
    }

    /// Bytes that are free on the spool's disk.
    ///
    /// # Errors
    /// When the disk can't be asked.
    pub fn free_bytes(&self) -> std::io::Result<u64> {
        self.bodies.free_bytes()
    }

    /// Where the walk through the hub's list of that name goes on.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn cursor(&self, name: &'static str) -> Result<u64, Error> {
        self.store.read(move |tx| row::cursor(tx, name)).await
    }

    /// Keeps the place in the hub's list of that name.
    ///
    /// # Errors
    /// When the store can't be written.
    pub async fn keep_cursor(&self, name: &'static str, value: u64) -> Result<(), Error> {
        self.store
            .write(move |tx| row::keep_cursor(tx, name, value))
            .await
    }
}

#[cfg(test)]
mod tests;
