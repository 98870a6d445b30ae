//! The walk of a packet through a box. `outbound` and `inbound` read like section *the walk* of the README.

mod announce;
mod backlog;
mod config;
mod consign;
mod deliver;
mod desk;
mod directories;
mod error;
mod fence;
mod free;
mod gate;
mod gauges;
mod inbound;
mod outbound;
mod policy;
mod receipts;
mod reconcile;
mod refresh;
mod retention;
mod snapshot;
mod terms;
mod trace;
mod witness;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{Notify, Semaphore, watch};

pub use config::{Config, MemberConfig};
pub use desk::Desk;
pub use error::Error;

use crate::clock::{Chance, Clock, Moment};
use crate::durable::Disk;
use crate::evidence::{self, Entry, Head, Log, Proof, Record, SealKey};
use crate::packet::MemberId;
use crate::seal::Opener;
use crate::spool::{self, Schedule, Spool};
use crate::tls::{Current, Grounds};
use crate::trust::Stale;
use crate::trust::directory::Directory;
use crate::uplink::Hub;
use announce::Announcer;
use backlog::Backlog;
use consign::Consigner;
use free::Free;
use gate::Gate;
use inbound::Arriving;
use snapshot::Snapshots;

/// All tables of a box's store, in the order in which [`crate::store::Store::open`] takes them.
pub const SCHEMAS: &[&str] = &[
    evidence::SCHEMA,
    spool::SEAL_HEADS,
    spool::SCHEMA,
    evidence::MATERIAL_SCHEMA,
    evidence::RESEALED_SCHEMA,
    spool::NAMES_SCHEMA,
];

/// One box at work: all that its walks share.
pub struct Relay {
    config: Config,
    clock: Clock,
    chance: Chance,
    spool: Spool,
    logs: HashMap<MemberId, Log>,
    announcers: HashMap<MemberId, Announcer>,
    hub: Hub,
    gate: Gate,
    opener: Opener,
    witness: Witness,
    grounds: watch::Receiver<Grounds>,
    /// Who may prepare a packet for the hub: bounds what is in memory while the hub or the token is away.
    carrying: [Arc<Semaphore>; 5],
    /// What waits for that, a lane a priority.
    backlog: [Backlog; 5],
    /// Who may send to the hub now, urgent first.
    sending: Schedule,
    /// Small packets go together.
    consigner: Consigner,
    /// Room on the disk.
    free: Free,
    /// What is on its way in.
    arriving: Arriving,
    /// Rung when a member owes a receipt.
    owed: HashMap<MemberId, Notify>,
    /// Copies for backups.
    snapshots: Snapshots,
    /// Whether the box was restored and is not let to work yet.
    fence: Fence,
    /// Whether it is to be backed up.
    backed_up: bool,
    /// This box's code.
    code: MemberId,
    /// The certificate that it shows.
    current: Arc<Current>,
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Relay")
            .field("code", &self.code)
            .finish_non_exhaustive()
    }
}

/// What a relay is made of; each part is opened by the verb that runs it.
pub struct Parts {
    /// What is configured.
    pub config: Config,
    /// Time.
    pub clock: Clock,
    /// Chance.
    pub chance: Chance,
    /// The durable store of packets.
    pub spool: Spool,
    /// A log for each member of this box.
    pub logs: Vec<Log>,
    /// The hub.
    pub hub: Hub,
    /// What is known of the hub's own log.
    pub witness: Witness,
    /// What verdicts rest on, as it changes.
    pub grounds: watch::Receiver<Grounds>,
    /// The disk.
    pub disk: Disk,
    /// Where this box keeps what is to last.
    pub state: PathBuf,
    /// Whether the box was restored.
    pub fence: Fence,
    /// Whether it is to be backed up.
    pub backed_up: bool,
    /// This box's code.
    pub code: MemberId,
    /// The certificate that it shows.
    pub current: Arc<Current>,
}

/// Memory of the packets of one priority that are prepared for the hub at a time, in KiB.
const CARRYING: u32 = 6 * 1024;
/// Packets that travel to the hub at a time: some consignments, and those that are too large for them.
const SENDING: usize = 256;

impl Relay {
    /// Puts a box together; nothing runs before [`Relay::start`].
    ///
    /// # Errors
    /// When what an earlier run left can't be taken away.
    pub fn new(parts: Parts) -> Result<Arc<Self>, Error> {
        let snapshots = Snapshots::open(parts.disk, &parts.state)?;
        let gate = Gate::new(parts.hub.clone(), parts.chance.clone());
        let announcers = parts
            .logs
            .iter()
            .map(|log| {
                let announcer = Announcer::start(
                    log.clone(),
                    parts.hub.clone(),
                    gate.clone(),
                    parts.chance.clone(),
                    parts.fence.clone(),
                );
                (log.member().clone(), announcer)
            })
            .collect();
        let owed = parts
            .logs
            .iter()
            .map(|log| (log.member().clone(), Notify::new()))
            .collect();
        Ok(Arc::new(Self {
            config: parts.config,
            clock: parts.clock,
            chance: parts.chance,
            spool: parts.spool,
            logs: parts
                .logs
                .into_iter()
                .map(|log| (log.member().clone(), log))
                .collect(),
            announcers,
            consigner: Consigner::start(parts.hub.clone()),
            hub: parts.hub,
            gate,
            opener: Opener::default(),
            witness: parts.witness,
            grounds: parts.grounds,
            carrying: std::array::from_fn(|_| Arc::new(Semaphore::new(CARRYING as usize))),
            backlog: std::array::from_fn(|_| Backlog::default()),
            sending: Schedule::new(SENDING),
            free: Free::default(),
            arriving: Arriving::default(),
            owed,
            snapshots,
            fence: parts.fence,
            backed_up: parts.backed_up,
            code: parts.code,
            current: parts.current,
        }))
    }

    /// Starts what runs by itself: recovery, both directions, receipts, retention; in a restored box only once it has come
    /// to terms with the hub. Ends when `stop` turns true.
    ///
    /// # Errors
    /// When the spool can't be read.
    pub async fn start(self: &Arc<Self>, stop: watch::Receiver<bool>) -> Result<(), Error> {
        let Some(restored) = self.fence.restored() else {
            return self.work(stop).await;
        };
        let mut ended = stop.clone();
        let terms = terms::come_to(self.clone(), restored, stop);
        tokio::spawn(async move {
            tokio::select! {
                () = terms => {}
                _ = ended.wait_for(|stop| *stop) => {}
            }
        });
        Ok(())
    }

    async fn work(self: &Arc<Self>, stop: watch::Receiver<bool>) -> Result<(), Error> {
        self.spool.sweep().await?;
        reconcile::outbound(self).await?;
        let give = |member: &MemberId| tokio::spawn(receipts::give(self.clone(), member.clone()));
        let mut walks: Vec<_> = self.owed.keys().map(give).collect();
        walks.extend(
            (0..self.backlog.len())
                .map(|lane| tokio::spawn(outbound::dispatch(self.clone(), lane))),
        );
        walks.extend([
            tokio::spawn(inbound::run(self.clone())),
            tokio::spawn(receipts::take(self.clone())),
            tokio::spawn(retention::run(self.clone())),
            tokio::spawn(witness::run(self.clone())),
        ]);
        let mut stop = stop;
        tokio::spawn(async move {
            // A sender that is gone means stop, too.
            let _ = stop.wait_for(|stop| *stop).await;
            walks.iter().for_each(tokio::task::JoinHandle::abort);
        });
        Ok(())
    }

    /// Adds a record to a member's log and waits until it is signed.
    async fn append(&self, member: &MemberId, entry: Entry) -> Result<Proof, Error> {
        self.announcer_of(member)?.caught_up().await;
        Ok(self.log_of(member)?.append(entry).await?)
    }

    /// Adds a record to a member's log of which nobody needs a proof now: the next signature covers it.
    async fn enter(&self, member: &MemberId, entry: Entry) -> Result<(), Error> {
        self.announcer_of(member)?.caught_up().await;
        Ok(self.log_of(member)?.enter(entry).await?)
    }

    /// The members of this box.
    pub fn members(&self) -> impl Iterator<Item = &MemberId> {
        self.logs.keys()
    }

    /// Puts what operators did on the record of its member; durable when it returns, signed with what is signed next.
    ///
    /// # Errors
    /// When the member is none of this box, or the store fails.
    pub async fn put_on_record(&self, key: String, record: Record) -> Result<(), Error> {
        let log = self.log_of(&record.from)?;
        Ok(log.enter(Entry { key, record }).await?)
    }

    /// Takes away the bodies of a member's documents that were finished before that moment; tells how many.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn purge_bodies(&self, member: &MemberId, before: Moment) -> Result<usize, Error> {
        let mut all = 0;
        loop {
            let count = self
                .spool
                .forget_bodies(Some(member), before, retention::BATCH)
                .await?;
            all += count;
            if count < retention::BATCH as usize {
                return Ok(all);
            }
        }
    }

    /// A record's proof under the newest head, if that is signed otherwise than the one at hand.
    async fn proof_now(
        &self,
        member: &MemberId,
        key: &str,
        old: &Proof,
    ) -> Result<Option<Proof>, Error> {
        let proof = self
            .log_of(member)?
            .archive()
            .proof_now(member, key)
            .await?;
        Ok((proof.head.cms != old.head.cms).then_some(proof))
    }

    /// The newest head of a member's log, signed once by another key and kept nowhere: a rehearsal.
    ///
    /// # Errors
    /// When the member is none of this box, or what the key's signer says.
    pub async fn try_key(
        &self,
        member: &MemberId,
        key: Arc<dyn SealKey>,
    ) -> Result<Option<Head>, Error> {
        Ok(self.log_of(member)?.try_key(key).await?)
    }

    /// Wakes who gives this member's receipts.
    fn owes(&self, member: &MemberId) {
        if let Some(owes) = self.owed.get(member) {
            owes.notify_one();
        }
    }

    /// The directory while it may be relied on; once it is too old, only where it is declared to go on. With a clock that
    /// is known to be wrong nothing is judged by it.
    fn directory(&self) -> Result<Arc<Directory>, Error> {
        let grounds = self.grounds.borrow().clone();
        if !grounds.clock_sure {
            return Err(Error::ClockUnsure);
        }
        let directory = grounds.directory.ok_or(Error::NoDirectory)?;
        let end = self.config.directory_ends(&directory);
        if self.clock.now() > end && self.config.directory_then != Stale::Continue {
            return Err(Error::OldDirectory(end));
        }
        Ok(directory)
    }

    fn log_of(&self, member: &MemberId) -> Result<&Log, Error> {
        self.logs
            .get(member)
            .ok_or_else(|| Error::NotOurs(member.clone()))
    }

    fn announcer_of(&self, member: &MemberId) -> Result<&Announcer, Error> {
        self.announcers
            .get(member)
            .ok_or_else(|| Error::NotOurs(member.clone()))
    }
}

pub use directories::Directories;
pub use fence::{Fence, Restored};
pub use refresh::Refresher;
pub use witness::Witness;

#[cfg(test)]
mod tests;
