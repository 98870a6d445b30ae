//! What a signature over a log takes: a key, patience, and a place for the head.

use std::sync::Arc;
use std::time::Duration;

use super::archive::{Archive, signed};
use super::log::{Extensions, SealKey, Sealing};
use super::{Error, Head, resealed};
use crate::clock::Chance;
use crate::journal;
use crate::merkle::Batch;
use crate::merkle::checkpoint::Checkpoint;
use crate::packet::MemberId;
use crate::retry::{Backoff, Class};
use crate::store::{Tx, params};

/// What a signature takes, apart from the records that gather meanwhile.
pub(super) struct Hand {
    pub(super) member: MemberId,
    pub(super) archive: Archive,
    pub(super) key: Arc<dyn SealKey>,
    pub(super) extensions: Extensions,
    pub(super) chance: Chance,
}

impl Hand {
    /// Has the tree with the batch signed, once.
    pub(super) async fn sign(&self, batch: &Batch) -> Result<Head, Error> {
        let checkpoint = Checkpoint {
            origin: self.member.to_string(),
            size: batch.size(),
            root: batch.root(),
            extensions: (self.extensions)(),
        };
        let body = checkpoint.body().into_bytes();
        let mut from = batch.before();
        let mut proof = batch.consistency().unwrap_or_default();
        loop {
            match self.key.seal(body.clone(), from, proof).await? {
                Sealing::Signed(cms) => {
                    return Ok(Head {
                        origin: self.member.clone(),
                        size: checkpoint.size,
                        root: checkpoint.root,
                        body,
                        cms,
                    });
                }
                Sealing::Behind(size) if size != from => {
                    from = size;
                    proof = self
                        .archive
                        .consistency(&self.member, size, checkpoint.size)
                        .await?;
                }
                Sealing::Behind(size) => {
                    return Err(Error::Damaged(format!(
                        "the signer asks for a proof from {size} again and again"
                    )));
                }
            }
        }
    }

    pub(super) async fn keep(&self, batch: &Batch, head: &Arc<Head>) {
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

    /// The newest head under a fresh signature, kept beside the old one; its bytes stay what they are. `None` when the
    /// signer knows a later head: that one is on its way anyhow.
    pub(super) async fn seal_again(&self, old: &Head) -> Option<Head> {
        let mut trouble = Trouble::new();
        loop {
            let turn = self.key.turn().await;
            let sealed = self.key.seal(old.body.clone(), old.size, Vec::new()).await;
            drop(turn);
            let error = match sealed {
                Ok(Sealing::Signed(cms)) => {
                    let head = Head { cms, ..old.clone() };
                    let kept = head.clone();
                    let written = self
                        .archive
                        .store()
                        .write(move |tx| resealed::keep(tx, &kept));
                    match written.await {
                        Ok(()) => return Some(head),
                        Err(error) => error,
                    }
                }
                Ok(Sealing::Behind(_)) => return None,
                Err(error) => error,
            };
            self.pause(&error, &mut trouble).await;
        }
    }

    /// The newest head signed by another key, once and kept nowhere.
    pub(super) async fn try_key(&self, key: &dyn SealKey, newest: &Head) -> Result<Head, Error> {
        let body = newest.body.clone();
        match key.seal(body, newest.size, Vec::new()).await? {
            Sealing::Signed(cms) => Ok(Head {
                cms,
                ..newest.clone()
            }),
            Sealing::Behind(size) => Err(Error::Damaged(format!(
                "the signer knows a head of {size} records, the log one of {}",
                newest.size
            ))),
        }
    }

    /// The newest head with one more line, signed once and kept nowhere.
    pub(super) async fn attest(&self, newest: &Head, line: &str) -> Result<Head, Error> {
        let mut checkpoint =
            Checkpoint::parse(&newest.body).map_err(|error| Error::Damaged(error.to_string()))?;
        checkpoint.extensions.push(line.to_owned());
        let body = checkpoint.body().into_bytes();
        let _turn = self.key.turn().await;
        match self.key.seal(body.clone(), newest.size, Vec::new()).await? {
            Sealing::Signed(cms) => Ok(Head {
                body,
                cms,
                ..newest.clone()
            }),
            Sealing::Behind(size) => Err(Error::Signer(
                format!(
                    "the signer knows a head of {size} records, the log one of {}",
                    newest.size
                ),
                Class::Retry,
            )),
        }
    }

    pub(super) async fn pause(&self, error: &Error, trouble: &mut Trouble) {
        let reason = error.to_string();
        if trouble.is_news(&reason) {
            let (id, next) = match error {
                Error::Store(_) => (
                    &journal::ids::DISK_FAULT,
                    "mend the disk; what is kept waits and goes on by itself",
                ),
                _ => (
                    &journal::ids::SIGNER_AWAY,
                    "what is kept waits and is sealed when the signer is back",
                ),
            };
            journal::line(id)
                .member(&self.member)
                .step("seal")
                .reason(reason)
                .next(next)
                .warning("records wait for their signature");
        }
        tokio::time::sleep(trouble.backoff.next(&self.chance)).await;
    }

    /// A signature has come about: tells so where its absence was told.
    pub(super) fn over(&self, trouble: &mut Trouble) {
        if std::mem::replace(trouble, Trouble::new()).told.is_some() {
            journal::line(&journal::ids::SIGNER_BACK)
                .member(&self.member)
                .step("seal")
                .notice("records are signed again");
        }
    }
}

/// Tries that fail one after the other. Each reason is told once, since hours of them would fill the journal.
pub(super) struct Trouble {
    backoff: Backoff,
    told: Option<String>,
}

impl Trouble {
    pub(super) fn new() -> Self {
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
