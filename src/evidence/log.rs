//! A member's log as others hold it: what can be asked of it, and the key that signs it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot, watch};

use super::hand::Hand;
use super::sequencer::Sequencer;
use super::{Archive, Error, Head, Proof, Record};
use crate::clock::Chance;
use crate::merkle::Hash;
use crate::packet::MemberId;

/// What the signer did with a checkpoint.
#[derive(Debug)]
pub enum Sealing {
    /// CMS SignedData, detached.
    Signed(Vec<u8>),
    /// The signer's last known size is another: prove from there.
    Behind(u64),
}

/// The answer of a [`SealKey`], on its way.
pub type Signing<'a> = Pin<Box<dyn Future<Output = Result<Sealing, Error>> + Send + 'a>>;

/// The right to ask a [`SealKey`] for a signature, until it is dropped.
pub type Turn = Option<OwnedSemaphorePermit>;

/// A member's seal key, wherever it is kept.
pub trait SealKey: Send + Sync + 'static {
    /// Waits until a signature that is asked for would be made at once, behind others who wait. What the signature is to
    /// cover is settled only then.
    fn turn(&self) -> Pin<Box<dyn Future<Output = Turn> + Send + '_>> {
        Box::pin(std::future::ready(None))
    }

    /// Signs the checkpoint `body`, shown by `proof` to continue the tree of `from` entries.
    fn seal(&self, body: Vec<u8>, from: u64, proof: Vec<Hash>) -> Signing<'_>;
}

/// Gives the extension lines of the next checkpoint: the hub's last head, digests of revocation material.
pub type Extensions = Arc<dyn Fn() -> Vec<String> + Send + Sync>;

/// Sees the newest head of a log.
pub type Witness = watch::Receiver<Option<Arc<Head>>>;

/// A record on its way into a log. The key makes it unique there: the same key again gives the first one's proof.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Unique within the log.
    pub key: String,
    /// What joins.
    pub record: Record,
}

/// A cheap handle to one member's log; its task ends when the last handle is gone.
#[derive(Clone, Debug)]
pub struct Log {
    member: MemberId,
    archive: Archive,
    queue: mpsc::Sender<Waiting>,
    newest: Witness,
}

/// What the log's owner is to do.
#[derive(Debug)]
pub(super) enum Waiting {
    /// A record joins.
    Record(Joining),
    /// No record: a signature by itself.
    Ask(Ask),
}

/// A record that waits for its place.
#[derive(Debug)]
pub(super) struct Joining {
    pub(super) key: String,
    pub(super) body: Vec<u8>,
    pub(super) wants: Wants,
}

/// What whoever gave a record waits for.
#[derive(Debug)]
pub(super) enum Wants {
    /// Its place: durable, and signed with whatever is signed next.
    Place(oneshot::Sender<Result<(), Error>>),
    /// Its proof under a signed head.
    Proof(oneshot::Sender<Result<Proof, Error>>),
}

/// A signature that is made between two of the log's own.
#[derive(Debug)]
pub(super) enum Ask {
    /// The newest head signed once more, by the key that is in force now.
    Head(oneshot::Sender<()>),
    /// The newest head signed by another key and kept nowhere.
    Try(Trial),
    /// The newest head signed with one more line and kept nowhere.
    Attest(String, oneshot::Sender<Result<Option<Head>, Error>>),
}

/// A key that is tried on the newest head, and who waits for what came of it.
pub(super) struct Trial {
    pub(super) key: Arc<dyn SealKey>,
    pub(super) answer: oneshot::Sender<Result<Option<Head>, Error>>,
}

impl std::fmt::Debug for Trial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Trial")
    }
}

impl Wants {
    pub(super) fn fail(self, error: Error) {
        // A caller that has gone will ask again by the same key.
        match self {
            Self::Place(answer) => drop(answer.send(Err(error))),
            Self::Proof(answer) => drop(answer.send(Err(error))),
        }
    }
}

/// Records that may wait before [`Log::append`] itself waits.
pub(super) const QUEUE: usize = 16_384;

impl Log {
    /// Opens the log of `member` and starts its task; records that a power cut left unsigned are signed first.
    #[must_use]
    pub fn open(
        archive: Archive,
        member: MemberId,
        key: Arc<dyn SealKey>,
        extensions: Extensions,
        chance: Chance,
    ) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let (announce, newest) = watch::channel(None);
        let hand = Hand {
            member: member.clone(),
            archive: archive.clone(),
            key,
            extensions,
            chance,
        };
        tokio::spawn(Sequencer::new(hand, announce).run(waiting));
        Self {
            member,
            archive,
            queue,
            newest,
        }
    }

    /// Whose log it is.
    #[must_use]
    pub fn member(&self) -> &MemberId {
        &self.member
    }

    /// The stored side of it.
    #[must_use]
    pub fn archive(&self) -> &Archive {
        &self.archive
    }

    /// The newest signed head, as it changes.
    #[must_use]
    pub fn heads(&self) -> Witness {
        self.newest.clone()
    }

    /// Adds a record and waits until it is signed, however long the token is away.
    ///
    /// # Errors
    /// Retry when the store failed: nobody knows whether the record is there, and the same key may be appended again.
    pub async fn append(&self, entry: Entry) -> Result<Proof, Error> {
        let (answer, proof) = oneshot::channel();
        self.queue(entry, Wants::Proof(answer)).await?;
        proof.await.map_err(|_| Error::Stopped)?
    }

    /// Adds a record and waits until its place is durable, not for the token: the next signature covers it, after a power
    /// cut too. For records of which nobody needs a proof now.
    ///
    /// # Errors
    /// As [`Log::append`].
    pub async fn enter(&self, entry: Entry) -> Result<(), Error> {
        let (answer, placed) = oneshot::channel();
        self.queue(entry, Wants::Place(answer)).await?;
        placed.await.map_err(|_| Error::Stopped)?
    }

    /// Has the newest head signed once more, by the key that is in force now: its certificate may be another one than when
    /// the head was made.
    ///
    /// # Errors
    /// When the log has ended.
    pub async fn seal_again(&self) -> Result<(), Error> {
        let (answer, signed) = oneshot::channel();
        self.send(Waiting::Ask(Ask::Head(answer))).await?;
        signed.await.map_err(|_| Error::Stopped)
    }

    /// Has the newest head signed by `key`, once and kept nowhere, between two signatures of the log's own: a rehearsal.
    /// `None` while the log has no head.
    ///
    /// # Errors
    /// What that key's signer says, or when the log has ended.
    pub async fn try_key(&self, key: Arc<dyn SealKey>) -> Result<Option<Head>, Error> {
        let (answer, tried) = oneshot::channel();
        let trial = Trial { key, answer };
        self.send(Waiting::Ask(Ask::Try(trial))).await?;
        tried.await.map_err(|_| Error::Stopped)?
    }

    /// Has the newest head signed once with `line` among its extension lines, and kept nowhere: the member's word on what
    /// the line names. `None` while the log has no head.
    ///
    /// # Errors
    /// What the key's signer says, or when the log has ended.
    pub async fn attest(&self, line: String) -> Result<Option<Head>, Error> {
        let (answer, attested) = oneshot::channel();
        self.send(Waiting::Ask(Ask::Attest(line, answer))).await?;
        attested.await.map_err(|_| Error::Stopped)?
    }

    async fn queue(&self, entry: Entry, wants: Wants) -> Result<(), Error> {
        let (key, body) = (entry.key, entry.record.encode());
        self.send(Waiting::Record(Joining { key, body, wants }))
            .await
    }

    async fn send(&self, waiting: Waiting) -> Result<(), Error> {
        self.queue.send(waiting).await.map_err(|_| Error::Stopped)
    }
}
