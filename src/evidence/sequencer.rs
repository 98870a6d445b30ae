//! The owner of one member's tree: gathers what waits, writes it down, has one signature made for all of it.
//!
//! While the token works on one signature, or on those of other members, the next records gather, so an idle log adds no
//! delay and a slow token loses no throughput. Records get their place durably before anything is signed: after a power
//! cut the same tree is signed again or one that continues it, never another of the same size.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

use super::archive::{self, leaves, signed, unsigned};
use super::hand::{Hand, Trouble};
use super::log::{Ask, Joining, QUEUE, Waiting, Wants};
use super::{Error, Head, Proof};
use crate::merkle::{Batch, Frontier, Hash, leaf_hash};
use crate::packet::MemberId;
use crate::retry::Class;
use crate::store::{Tx, params};

/// Records placed by one write.
const BATCH: usize = 4_096;
/// A signature that comes within this time finds the next records still together: one write places them all.
const GRACE: Duration = Duration::from_millis(5);

pub(super) struct Sequencer {
    hand: Arc<Hand>,
    announce: watch::Sender<Option<Arc<Head>>>,
    /// The tree under the newest head.
    edge: Frontier,
    /// Leaf hashes of the records behind it.
    tail: Vec<Hash>,
    /// Those who wait for a proof, in the order of their places.
    placed: VecDeque<Placed>,
    /// Signatures that are to be made before the next of the log's own.
    asked: VecDeque<Ask>,
    /// A write failed and may be done all the same: the store is to be read before the next one.
    doubtful: bool,
    /// Whether records may still come.
    open: bool,
}

/// A record that waits for its proof; without an index it was there before and is proven from the store.
struct Placed {
    key: String,
    body: Vec<u8>,
    index: Option<u64>,
    /// Size of a head that proves it.
    due: u64,
    answer: oneshot::Sender<Result<Proof, Error>>,
}

impl Sequencer {
    pub(super) fn new(hand: Hand, announce: watch::Sender<Option<Arc<Head>>>) -> Self {
        Self {
            hand: Arc::new(hand),
            announce,
            edge: Frontier::empty(),
            tail: Vec::new(),
            placed: VecDeque::new(),
            asked: VecDeque::new(),
            doubtful: false,
            open: true,
        }
    }

    pub(super) async fn run(mut self, mut queue: mpsc::Receiver<Waiting>) {
        let mut trouble = Trouble::new();
        self.reload().await;
        loop {
            if let Some(ask) = self.asked.pop_front() {
                self.serve(ask, &mut queue).await;
            } else if self.tail.is_empty() {
                let mut batch = Vec::new();
                if queue.recv_many(&mut batch, BATCH).await == 0 {
                    return;
                }
                self.place(batch).await;
            } else {
                self.seal(&mut queue, &mut trouble).await;
            }
            if self.doubtful {
                self.reload().await;
            }
            self.answer_known().await;
        }
    }

    /// Makes a signature that brings no record.
    async fn serve(&mut self, ask: Ask, queue: &mut mpsc::Receiver<Waiting>) {
        let (hand, newest) = (self.hand.clone(), self.announce.borrow().clone());
        // Whoever asked may have gone.
        match (ask, newest) {
            (Ask::Head(answer), None) => drop(answer.send(())),
            (Ask::Head(answer), Some(head)) => {
                if let Some(head) = self.placing(queue, hand.seal_again(&head)).await {
                    self.announce.send_replace(Some(Arc::new(head)));
                }
                let _ = answer.send(());
            }
            (Ask::Attest(_, answer), None) => drop(answer.send(Ok(None))),
            (Ask::Attest(line, answer), Some(head)) => {
                let made = self.placing(queue, hand.attest(&head, &line)).await;
                let _ = answer.send(made.map(Some));
            }
            (Ask::Try(trial), None) => drop(trial.answer.send(Ok(None))),
            (Ask::Try(trial), Some(head)) => {
                let tried = self.placing(queue, hand.try_key(&*trial.key, &head)).await;
                let _ = trial.answer.send(tried.map(Some));
            }
        }
    }

    /// Has the whole tail signed. The tree is cut only when the token's turn has come, so that it holds all that was
    /// placed until then.
    async fn seal(&mut self, queue: &mut mpsc::Receiver<Waiting>, trouble: &mut Trouble) {
        let hand = self.hand.clone();
        let turn = self.placing(queue, hand.key.turn()).await;
        let batch = Batch::new(self.edge.clone(), &self.tail);
        match self.placing(queue, hand.sign(&batch)).await {
            Ok(head) => {
                drop(turn);
                hand.over(trouble);
                let head = Arc::new(head);
                self.placing(queue, hand.keep(&batch, &head)).await;
                self.signed(&batch, &head);
            }
            Err(error) => {
                // Others may have more luck meanwhile.
                drop(turn);
                self.placing(queue, hand.pause(&error, trouble)).await;
            }
        }
    }

    /// Waits for `event`. If it takes its time, the records that come meanwhile get their places.
    async fn placing<T>(
        &mut self,
        queue: &mut mpsc::Receiver<Waiting>,
        event: impl Future<Output = T>,
    ) -> T {
        tokio::pin!(event);
        if let Ok(done) = tokio::time::timeout(GRACE, &mut event).await {
            return done;
        }
        loop {
            let room = self.open && !self.doubtful && self.placed.len() < QUEUE;
            let mut batch = Vec::new();
            tokio::select! {
                biased;
                done = &mut event => return done,
                count = queue.recv_many(&mut batch, BATCH), if room => {
                    self.open = count > 0;
                    self.place(batch).await;
                }
            }
        }
    }

    /// Reads the edge and the unsigned tail from the store, as often as it takes.
    async fn reload(&mut self) {
        let mut trouble = Trouble::new();
        loop {
            let member = self.hand.member.clone();
            let read = self.hand.archive.store().read(move |tx| {
                let edge = archive::edge_of_head(tx, &member, i64::MAX.unsigned_abs())?;
                let tail = leaves(tx, &member, edge.size(), u64::MAX)?;
                Ok::<_, Error>((edge, tail, archive::newest(tx, &member)?))
            });
            match read.await {
                Ok((edge, tail, head)) => {
                    self.edge = edge;
                    self.tail = tail;
                    self.doubtful = false;
                    if let Some(head) = head {
                        self.announce.send_replace(Some(Arc::new(head)));
                    }
                    return;
                }
                Err(error) => self.hand.pause(&error, &mut trouble).await,
            }
        }
    }

    /// Gives each waiting record its place, durably. When the store fails the callers are told.
    async fn place(&mut self, waiting: Vec<Waiting>) {
        let mut batch: Vec<Joining> = Vec::with_capacity(waiting.len());
        for one in waiting {
            match one {
                Waiting::Record(record) => batch.push(record),
                Waiting::Ask(ask) => self.asked.push_back(ask),
            }
        }
        if batch.is_empty() {
            return;
        }
        let member = self.hand.member.clone();
        let first = self.edge.size() + self.tail.len() as u64;
        let entries: Vec<(String, Vec<u8>)> = batch
            .iter()
            .map(|w| (w.key.clone(), w.body.clone()))
            .collect();
        let written = self
            .hand
            .archive
            .store()
            .write(move |tx| insert(tx, &member, first, &entries))
            .await;
        match written {
            Ok(places) => {
                for (waiting, index) in batch.into_iter().zip(places) {
                    if index.is_some() {
                        self.tail.push(leaf_hash(&waiting.body));
                    }
                    match waiting.wants {
                        Wants::Place(answer) => drop(answer.send(Ok(()))),
                        Wants::Proof(answer) => self.placed.push_back(Placed {
                            key: waiting.key,
                            body: waiting.body,
                            index,
                            due: self.edge.size() + self.tail.len() as u64,
                            answer,
                        }),
                    }
                }
            }
            Err(error) => {
                self.doubtful = true;
                let reason = error.to_string();
                for waiting in batch {
                    let error = Error::Signer(reason.clone(), Class::Retry);
                    waiting.wants.fail(error);
                }
            }
        }
    }

    /// Answers those whom a new head proves.
    fn signed(&mut self, batch: &Batch, head: &Arc<Head>) {
        let covered = usize::try_from(batch.size() - self.edge.size()).unwrap_or(usize::MAX);
        self.edge = batch.after();
        self.tail.drain(..covered.min(self.tail.len()));
        self.announce.send_replace(Some(head.clone()));
        let mut known = VecDeque::new();
        while let Some(one) = self.placed.pop_front_if(|one| one.due <= head.size) {
            match one.index.and_then(|i| Some((i, batch.inclusion(i)?))) {
                Some((index, path)) => {
                    let proof = Proof {
                        record: one.body,
                        index,
                        path,
                        head: head.clone(),
                    };
                    let _ = one.answer.send(Ok(proof));
                }
                None => known.push_back(one),
            }
        }
        known.append(&mut self.placed);
        self.placed = known;
    }

    /// Answers those whose record was in the log before and has its head.
    async fn answer_known(&mut self) {
        let size = self.edge.size();
        while let Some(one) = self.placed.pop_front_if(|one| one.due <= size) {
            let proof = self.hand.archive.proof(&self.hand.member, &one.key).await;
            let _ = one.answer.send(proof);
        }
    }
}

fn insert(
    tx: &Tx<'_>,
    member: &MemberId,
    first: u64,
    entries: &[(String, Vec<u8>)],
) -> Result<Vec<Option<u64>>, Error> {
    let end: Option<i64> = tx
        .prepare_cached("SELECT max(idx) FROM evidence_record WHERE log = ?1")?
        .query_row([member.as_str()], |row| row.get(0))?;
    if end.map_or(0, |last| unsigned(last) + 1) != first {
        return Err(Error::Damaged(format!(
            "{member}: the log has grown behind its task"
        )));
    }
    let mut next = first;
    let mut places = Vec::with_capacity(entries.len());
    for (key, body) in entries {
        let new = tx
            .prepare_cached(
                "INSERT INTO evidence_record (log, idx, key, body) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (log, key) DO NOTHING",
            )?
            .execute(params![member.as_str(), signed(next), key, body])?;
        places.push((new > 0).then_some(next));
        next += u64::from(new > 0);
    }
    Ok(places)
}
