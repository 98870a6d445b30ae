//! The owner of one member's tree: gathers what waits, writes it down, has one signature made for all of it.
//!
//! While the token works on one signature the next records gather, so an idle log adds no delay and a slow token loses
//! no throughput. Records get their place durably before anything is signed: after a power cut the same tree is signed
//! again, never another of the same size.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

use super::archive::{self, Archive, leaves, signed, unsigned};
use super::log::{Extensions, SealKey, Sealing, Waiting, Wants};
use super::{Error, Head, Proof};
use crate::clock::Chance;
use crate::journal;
use crate::merkle::checkpoint::Checkpoint;
use crate::merkle::{Batch, Frontier, Hash, leaf_hash};
use crate::packet::MemberId;
use crate::retry::{Backoff, Class};
use crate::store::{Tx, params};

/// Records under one signature.
const BATCH: usize = 4_096;

pub(super) struct Sequencer {
    pub(super) member: MemberId,
    pub(super) archive: Archive,
    pub(super) key: Arc<dyn SealKey>,
    pub(super) extensions: Extensions,
    pub(super) chance: Chance,
    pub(super) announce: watch::Sender<Option<Arc<Head>>>,
    /// The tree under the newest head.
    pub(super) edge: Frontier,
    /// Leaf hashes of the records behind it.
    pub(super) tail: Vec<Hash>,
}

/// A record that has its place and waits for its proof; without an index it was there before and is proven from the
/// store.
struct Placed {
    key: String,
    body: Vec<u8>,
    index: Option<u64>,
    answer: oneshot::Sender<Result<Proof, Error>>,
}

impl Sequencer {
    pub(super) async fn run(mut self, mut queue: mpsc::Receiver<Waiting>) {
        self.reload().await;
        loop {
            if !self.tail.is_empty() {
                // Left unsigned by a power cut or a failed write.
                self.seal_tail(Vec::new()).await;
            }
            let mut batch = Vec::new();
            if queue.recv_many(&mut batch, BATCH).await == 0 {
                return;
            }
            let batch = self.without_records(batch).await;
            match self.place(batch).await {
                Some(placed) => self.seal_tail(placed).await,
                None => self.reload().await,
            }
        }
    }

    /// Reads the edge and the unsigned tail from the store, as often as it takes.
    async fn reload(&mut self) {
        let mut trouble = Trouble::new();
        loop {
            let member = self.member.clone();
            let read = self.archive.store().read(move |tx| {
                let edge = archive::edge_of_head(tx, &member, i64::MAX.unsigned_abs())?;
                let tail = leaves(tx, &member, edge.size(), u64::MAX)?;
                Ok::<_, Error>((edge, tail, archive::newest(tx, &member)?))
            });
            match read.await {
                Ok((edge, tail, head)) => {
                    self.edge = edge;
                    self.tail = tail;
                    if let Some(head) = head {
                        self.announce.send_replace(Some(Arc::new(head)));
                    }
                    return;
                }
                Err(error) => self.pause(&error, &mut trouble).await,
            }
        }
    }

    /// Gives each waiting record its place, durably. `None` when the store failed and the callers were told.
    async fn place(&mut self, batch: Vec<Waiting>) -> Option<Vec<Placed>> {
        let member = self.member.clone();
        let first = self.edge.size() + self.tail.len() as u64;
        let entries: Vec<(String, Vec<u8>)> = batch
            .iter()
            .map(|w| (w.key.clone(), w.body.clone()))
            .collect();
        let written = self
            .archive
            .store()
            .write(move |tx| insert(tx, &member, first, &entries))
            .await;
        match written {
            Ok(places) => {
                let mut placed = Vec::with_capacity(batch.len());
                for (waiting, index) in batch.into_iter().zip(places) {
                    if index.is_some() {
                        self.tail.push(leaf_hash(&waiting.body));
                    }
                    match waiting.wants {
                        Wants::Place(answer) => drop(answer.send(Ok(()))),
                        // Answered before.
                        Wants::Head(_) | Wants::Try(_) => {}
                        Wants::Proof(answer) => placed.push(Placed {
                            key: waiting.key,
                            body: waiting.body,
                            index,
                            answer,
                        }),
                    }
                }
                Some(placed)
            }
            Err(error) => {
                let reason = error.to_string();
                for waiting in batch {
                    let error = Error::Signer(reason.clone(), Class::Retry);
                    waiting.wants.fail(error);
                }
                None
            }
        }
    }

    /// Signs the whole tail, keeps the head and answers those who wait.
    async fn seal_tail(&mut self, placed: Vec<Placed>) {
        if !self.tail.is_empty() {
            let batch = Batch::new(self.edge.clone(), &self.tail);
            let head = Arc::new(self.sign(&batch).await);
            self.keep(&batch, &head).await;
            self.edge = batch.after();
            self.tail.clear();
            self.announce.send_replace(Some(head.clone()));
            let mut known = Vec::new();
            for one in placed {
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
                    None => known.push(one),
                }
            }
            self.answer_known(known).await;
        } else {
            self.answer_known(placed).await;
        }
    }

    /// Answers those whose record was in the log before.
    async fn answer_known(&self, known: Vec<Placed>) {
        for one in known {
            let proof = self.archive.proof(&self.member, &one.key).await;
            let _ = one.answer.send(proof);
        }
    }

    /// Answers those who bring no record; gives the others.
    async fn without_records(&mut self, batch: Vec<Waiting>) -> Vec<Waiting> {
        let mut records = Vec::with_capacity(batch.len());
        for waiting in batch {
            match waiting.wants {
                Wants::Head(answer) => {
                    self.seal_again().await;
                    let _ = answer.send(Ok(()));
                }
                Wants::Try(trial) => {
                    let tried = self.try_key(&*trial.key).await;
                    let _ = trial.answer.send(tried);
                }
                _ => records.push(waiting),
            }
        }
        records
    }

    async fn try_key(&self, key: &dyn SealKey) -> Result<Option<Head>, Error> {
        let Some(newest) = self.announce.borrow().clone() else {
            return Ok(None);
        };
        match key
            .seal(newest.body.clone(), newest.size, Vec::new())
            .await?
        {
            Sealing::Signed(cms) => Ok(Some(Head {
                cms,
                ..(*newest).clone()
            })),
            Sealing::Behind(size) => Err(Error::Damaged(format!(
                "the signer knows a head of {size} records, the log one of {}",
                newest.size
            ))),
        }
    }

    /// The newest head under a fresh signature; its bytes stay what they are.
    async fn seal_again(&self) {
        let Some(old) = self.announce.borrow().clone() else {
            return;
        };
        let mut trouble = Trouble::new();
        loop {
            let sealed = self.key.seal(old.body.clone(), old.size, Vec::new()).await;
            let error = match sealed {
                Ok(Sealing::Signed(cms)) => {
                    let head = Head {
                        cms,
                        ..(*old).clone()
                    };
                    let kept = head.clone();
                    let write = self
                        .archive
                        .store()
                        .write(move |tx| replace_head(tx, &kept));
                    match write.await {
                        Ok(()) => {
                            self.announce.send_replace(Some(Arc::new(head)));
                            return;
                        }
                        Err(error) => error,
                    }
                }
                // The signer knows a later head: that one is on its way anyhow.
                Ok(Sealing::Behind(_)) => return,
                Err(error) => error,
            };
            self.pause(&error, &mut trouble).await;
        }
    }

    async fn sign(&self, batch: &Batch) -> Head {
        let checkpoint = Checkpoint {
            origin: self.member.to_string(),
            size: batch.size(),
            root: batch.root(),
            extensions: (self.extensions)(),
        };
        let body = checkpoint.body().into_bytes();
        let mut from = self.edge.size();
        let mut proof = batch.consistency().unwrap_or_default();
        let mut trouble = Trouble::new();
        loop {
            let error = match self.key.seal(body.clone(), from, proof.clone()).await {
                Ok(Sealing::Signed(cms)) => {
                    return Head {
                        origin: self.member.clone(),
                        size: checkpoint.size,
                        root: checkpoint.root,
                        body,
                        cms,
                    };
                }
                Ok(Sealing::Behind(size)) => {
                    match self
                        .archive
                        .consistency(&self.member, size, checkpoint.size)
                        .await
                    {
                        Ok(from_there) if from != size => {
                            (from, proof) = (size, from_there);
                            continue;
                        }
                        Ok(_) => Error::Damaged(format!(
                            "the signer asks for a proof from {size} again and again"
                        )),
                        Err(error) => error,
                    }
                }
                Err(error) => error,
            };
            self.pause(&error, &mut trouble).await;
        }
    }

    async fn keep(&self, batch: &Batch, head: &Arc<Head>) {
        let peaks = batch.after().peaks().concat();
        let mut trouble = Trouble::new();
        loop {
            let (head, peaks) = (head.clone(), peaks.clone());
            let kept = self
                .archive
                .store()
                .write(move |tx| insert_head(tx, &head, &peaks))
                .await;
            match kept {
                Ok(()) => return,
                Err(error) => self.pause(&error, &mut trouble).await,
            }
        }
    }

    async fn pause(&self, error: &Error, trouble: &mut Trouble) {
        let reason = error.to_string();
        if trouble.is_news(&reason) {
            journal::line(&journal::ids::SIGNER_AWAY)
                .member(&self.member)
                .step("seal")
                .reason(reason)
                .next("what is kept waits and is sealed when the signer is back")
                .warning("records wait for their signature");
        }
        tokio::time::sleep(trouble.backoff.next(&self.chance)).await;
    }
}

/// Tries that fail one after the other. Each reason is told once, since hours of them would fill the journal.
struct Trouble {
    backoff: Backoff,
    told: Option<String>,
}

impl Trouble {
    fn new() -> Self {
        Self {
            backoff: Backoff::new(Duration::from_millis(50), Duration::from_millis(200)),
            told: None,
        }
    }

    fn is_news(&mut self, reason: &str) -> bool {
        let news = self.told.as_deref() != Some(reason);
        if news {
            self.told = Some(reason.to_owned());
        }
        news
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

fn replace_head(tx: &Tx<'_>, head: &Head) -> Result<(), Error> {
    tx.prepare_cached("UPDATE evidence_head SET cms = ?3 WHERE log = ?1 AND size = ?2")?
        .execute(params![head.origin.as_str(), signed(head.size), head.cms])?;
    Ok(())
}

fn insert_head(tx: &Tx<'_>, head: &Head, peaks: &[u8]) -> Result<(), Error> {
    tx.prepare_cached(
        "INSERT OR REPLACE INTO evidence_head (log, size, peaks, body, cms) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![
        head.origin.as_str(),
        signed(head.size),
        peaks,
        head.body,
        head.cms
    ])?;
    Ok(())
}
