//! The exchange itself: takes sealed packets, holds a mailbox per member, hands them out, and keeps the directory.
//!
//! | room | what it does |
//! |---|---|
//! | `door` | routes the calls of [`crate::uplink`] and says who asks |
//! | `intake` | a packet's walk in: open, permit, keep, accept |
//! | `consignment` | the same walk for many small packets of one call |
//! | `order` | a recall, update, replacement or status never overtakes what it names |
//! | `mailbox` | leases to boxes: urgent first, fair between members |
//! | `handout` | a packet to a recipient's box |
//! | `receipts` | promises of recipients back to senders |
//! | `heads` | witness of the members' logs |
//! | `epochs` | logs that go on behind an older head, after a restore |
//! | `directory` | the signed list of members; `admin` changes it, `differences` tells boxes what changed |
//! | `certificates` | how far each certificate has come |
//! | `enrolment` | boxes that ask to be registered; `admin` decides |
//! | `trace` | where a packet is, for operators |
//! | `statistics` | what the evidence adds up to |
//!
//! State lies in SQLite behind [`crate::store::Store`]; the functions that take a transaction are the only ones that know its
//! tables, so that a hub on another engine replaces those.

pub mod admin;
mod bells;
mod certificates;
mod consignment;
pub mod cost;
mod differences;
mod directory;
mod door;
pub mod enrolment;
mod epochs;
mod error;
mod gauges;
mod handout;
mod head;
mod heads;
mod intake;
mod keep;
mod lease;
mod mailbox;
mod order;
mod overview;
mod receipts;
mod retention;
pub mod statistics;
mod trace;

use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

pub use certificates::{Certificate, Known, State};
pub use directory::Published;
pub use epochs::Epoch;
pub use error::Error;
pub use overview::Overview;

use crate::clock::{Chance, Clock, Moment};
use crate::evidence::{self, Log};
use crate::packet::MemberId;
use crate::seal::Opener;
use crate::spool::{Bodies, SEAL_HEADS};
use crate::store::Store;
use crate::tls::Grounds;
use crate::trust::directory::{Directory, Member};

/// The tables of this room.
pub const SCHEMA: &str = "
CREATE TABLE hub_packet (
  number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, void INTEGER NOT NULL, sender TEXT NOT NULL,
  leaf BLOB NOT NULL, digest TEXT NOT NULL, size INTEGER NOT NULL, names TEXT NOT NULL, kept_at INTEGER NOT NULL,
  seal BLOB NOT NULL, head INTEGER NOT NULL, body BLOB, purged INTEGER NOT NULL DEFAULT 0);
CREATE INDEX hub_packet_kept ON hub_packet (kept_at) WHERE purged = 0;
CREATE TABLE hub_mailbox (
  position INTEGER PRIMARY KEY, packet TEXT NOT NULL, recipient TEXT NOT NULL, size INTEGER NOT NULL,
  sender TEXT NOT NULL, addressed TEXT NOT NULL, sequence INTEGER NOT NULL, urgency INTEGER NOT NULL,
  state INTEGER NOT NULL, leased_until INTEGER NOT NULL DEFAULT 0, UNIQUE (packet, recipient));
CREATE INDEX hub_mailbox_hidden ON hub_mailbox (sender, addressed, sequence) WHERE state = 0;
CREATE INDEX hub_mailbox_ready ON hub_mailbox (recipient, urgency, position) WHERE state = 1;
CREATE INDEX hub_mailbox_leased ON hub_mailbox (recipient, leased_until) WHERE state = 2;
CREATE INDEX hub_mailbox_open ON hub_mailbox (sender, addressed, sequence) WHERE state < 3;
CREATE TABLE hub_pair (
  sender TEXT NOT NULL, addressed TEXT NOT NULL, through INTEGER NOT NULL, ahead INTEGER NOT NULL,
  PRIMARY KEY (sender, addressed)) WITHOUT ROWID;
CREATE TABLE hub_ahead (
  sender TEXT NOT NULL, addressed TEXT NOT NULL, sequence INTEGER NOT NULL,
  PRIMARY KEY (sender, addressed, sequence)) WITHOUT ROWID;
CREATE TABLE hub_receipt (
  position INTEGER PRIMARY KEY AUTOINCREMENT, box TEXT NOT NULL, packet TEXT NOT NULL, member TEXT NOT NULL,
  status TEXT NOT NULL, at INTEGER NOT NULL, seal BLOB NOT NULL, head INTEGER NOT NULL,
  UNIQUE (packet, member, status));
CREATE INDEX hub_receipt_box ON hub_receipt (box, position);
CREATE TABLE hub_head (
  member TEXT NOT NULL, size INTEGER NOT NULL, root BLOB NOT NULL, body BLOB NOT NULL, cms BLOB NOT NULL,
  UNIQUE (member, size));
CREATE TABLE hub_registry (
  kind TEXT NOT NULL, code TEXT NOT NULL, entry TEXT NOT NULL, PRIMARY KEY (kind, code)) WITHOUT ROWID;
CREATE TABLE hub_registry_change (counter INTEGER NOT NULL);
INSERT INTO hub_registry_change (counter) VALUES (0);
CREATE TABLE hub_directory (
  version INTEGER PRIMARY KEY, change INTEGER NOT NULL, json BLOB NOT NULL, seal BLOB NOT NULL);
";

/// Recipients of a packet whom it did not reach, as its receipt names them.
const UNREACHED: &str = "ALTER TABLE hub_packet ADD COLUMN unreached TEXT;";

/// All tables of a hub's store, in the order in which [`Store::open`] takes them.
pub const SCHEMAS: &[&str] = &[
    evidence::SCHEMA,
    SEAL_HEADS,
    SCHEMA,
    UNREACHED,
    enrolment::SCHEMA,
    evidence::MATERIAL_SCHEMA,
    evidence::RESEALED_SCHEMA,
    statistics::SCHEMA,
    trace::NAMES_SCHEMA,
    epochs::SCHEMA,
    differences::SCHEMA,
    admin::SCHEMA,
    certificates::SCHEMA,
];

/// Bounds of a hub.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Longest body of a packet, in bytes.
    pub max_packet_bytes: u64,
    /// Recipients of one packet at most.
    pub max_recipients: usize,
    /// Seconds for which a packet is leased to the box that listed it.
    pub lease_seconds: u32,
    /// Longest wait of a poll, in milliseconds.
    pub longest_poll_ms: u32,
    /// Polls of one box that may wait at once, of each kind.
    pub polls_per_box: usize,
    /// Days for which a published directory may be relied on.
    pub directory_days: u16,
    /// Days for which a body stays after it came; one that is not delivered everywhere stays longer.
    pub keep_days: u16,
    /// Days without a document after which an agency that sent before counts as silent.
    pub silent_days: u16,
    /// What a document on paper is taken to cost.
    pub cost: cost::Cost,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_packet_bytes: 2 << 30,
            max_recipients: 1_000,
            lease_seconds: 60,
            longest_poll_ms: 60_000,
            polls_per_box: 4,
            directory_days: 7,
            keep_days: 30,
            silent_days: 7,
            cost: cost::Cost::default(),
        }
    }
}

/// What a hub is built over.
#[derive(Debug)]
pub struct Parts {
    /// A store that has [`SCHEMAS`].
    pub store: Store,
    /// Bodies of the packets.
    pub bodies: Bodies,
    /// The hub's own log.
    pub log: Log,
    /// Trust and directory in force. The hub sets the directory in it; whoever reloads trust sets that.
    pub grounds: watch::Sender<Grounds>,
    /// Time.
    pub clock: Clock,
    /// Randomness.
    pub chance: Chance,
}

/// A cheap handle to the running exchange, and the [`https::Handler`](crate::https::Handler) of its door.
#[derive(Clone, Debug)]
pub struct Hub(Arc<Rooms>);

/// What the handles share.
#[derive(Debug)]
pub struct Rooms {
    config: Config,
    store: Store,
    bodies: Bodies,
    log: Log,
    opener: Opener,
    grounds: watch::Sender<Grounds>,
    clock: Clock,
    chance: Chance,
    heads: heads::Known,
    mail: mailbox::Mail,
    noted: certificates::Noted,
    bells: bells::Bells,
    under_way: intake::UnderWay,
    /// Rung when there is evidence that is not counted.
    uncounted: tokio::sync::Notify,
    published: watch::Sender<Option<Arc<Published>>>,
    publishing: tokio::sync::Mutex<()>,
    stop: watch::Sender<bool>,
}

impl Deref for Hub {
    type Target = Rooms;

    fn deref(&self) -> &Rooms {
        &self.0
    }
}

impl Hub {
    /// Opens the exchange where it stopped: mail that waits is known again, the newest directory is in force.
    ///
    /// # Errors
    /// When the store can't be read, or holds what can't be read back.
    pub async fn open(config: Config, parts: Parts) -> Result<Self, Error> {
        let mail = mailbox::Mail::load(&parts.store).await?;
        let hub = Self(Arc::new(Rooms {
            bells: bells::Bells::new(config.polls_per_box),
            config,
            store: parts.store,
            bodies: parts.bodies,
            log: parts.log,
            opener: Opener::default(),
            grounds: parts.grounds,
            clock: parts.clock,
            chance: parts.chance,
            heads: heads::Known::default(),
            mail,
            noted: certificates::Noted::default(),
            under_way: intake::UnderWay::default(),
            uncounted: tokio::sync::Notify::new(),
            published: watch::channel(None).0,
            publishing: tokio::sync::Mutex::default(),
            stop: watch::channel(false).0,
        }));
        hub.load_directory().await?;
        Ok(hub)
    }

    /// Lets every waiting poll answer now, so that a drain need not wait for them.
    pub fn end_polls(&self) {
        self.stop.send_replace(true);
    }

    /// The hub's code.
    #[must_use]
    pub fn code(&self) -> &MemberId {
        self.log.member()
    }

    /// Puts what operators did on the hub's record; durable when it returns, signed with what is signed next.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn put_on_record(
        &self,
        key: String,
        record: evidence::Record,
    ) -> Result<(), evidence::Error> {
        self.log.enter(evidence::Entry { key, record }).await
    }

    /// The newest head of the hub's own log, signed once by another key and kept nowhere: a rehearsal.
    ///
    /// # Errors
    /// What the key's signer says.
    pub async fn try_key(
        &self,
        key: Arc<dyn evidence::SealKey>,
    ) -> Result<Option<evidence::Head>, evidence::Error> {
        self.log.try_key(key).await
    }

    /// Judges a head of the hub's own as boxes do.
    ///
    /// # Errors
    /// Why boxes would refuse it.
    pub fn judge_own(&self, head: &evidence::Head) -> Result<(), crate::seal::Refused> {
        let grounds = self.grounds.borrow().clone();
        let Some(directory) = &grounds.directory else {
            return Ok(());
        };
        let sealer = crate::seal::Sealer::Hub(directory);
        let now = self.clock.now();
        self.opener
            .head(&head.body, &head.cms, &grounds.trust, sealer, now)
            .map(drop)
    }

    /// Whether a member can be taken out of the register.
    ///
    /// # Errors
    /// [`Error::Registry`] says what stands against it.
    pub async fn may_remove(&self, code: &MemberId) -> Result<(), Error> {
        let code = code.clone();
        self.store
            .read(move |tx| admin::may_remove(tx, &code))
            .await
    }

    /// Takes a member out of the register and publishes the directory without it. For two operators alone, whom `by` names.
    ///
    /// # Errors
    /// As [`Hub::may_remove`], or when the store fails.
    pub async fn remove_member(&self, code: &MemberId, by: &str) -> Result<(), Error> {
        let order = admin::Order::new(by, &self.clock, &self.chance);
        admin::remove(&self.store, order, code.clone()).await?;
        self.publish().await.map(drop)
    }

    /// The directory in force.
    ///
    /// # Errors
    /// [`Error::NoDirectory`] until the first one is published.
    fn directory(&self) -> Result<Arc<Directory>, Error> {
        self.grounds
            .borrow()
            .directory
            .clone()
            .ok_or(Error::NoDirectory)
    }

    fn now_ms(&self) -> i64 {
        millis(self.clock.now())
    }
}

/// Milliseconds since 1970, as the store keeps times.
fn millis(at: Moment) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

/// SQLite's integers are signed; sizes and positions never reach the difference.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// The registered code of the box through which a member is reached.
fn box_of(directory: &Directory, member: &Member) -> Option<MemberId> {
    Some(directory.box_of(member)?.code.clone())
}

#[cfg(test)]
mod tests;
