//! Receipts: promises of recipients, kept for the sender's box, which walks along them with a cursor.

use std::sync::Arc;

use tokio::time::{Instant, sleep_until};

use super::bells::For;
use super::door::Asker;
use super::intake::SEALED;
use super::{Error, Hub, box_of, order, signed, unsigned};
use crate::evidence::{Record, RecordKind};
use crate::https::{Body, Response, StatusCode};
use crate::packet::MemberId;
use crate::retry::Class;
use crate::seal::{Sealer, apart};
use crate::spool::{Parted, whole};
use crate::store::{self, OptionalExt, SqlResult, Tx, params};
use crate::trust::directory::Directory;
use crate::uplink::wire;
use crate::uplink::{Taken, Verdict};

/// Bytes of one call's receipts.
const LONGEST_GIVEN: u64 = 32 << 20;
/// Receipts in one answer at most.
const LONGEST_LIST: u32 = 512;
/// Bytes after which an answer takes no further receipt.
const LONGEST_ANSWER: usize = 1 << 20;
/// What a recipient can promise.
const STATUSES: [&str; 3] = ["delivered", "collected", "failed"];

/// A verified receipt on its way into the store.
struct Given {
    record: Record,
    status: String,
    seal: Parted,
    at: i64,
}

/// Who is to be woken when a batch is durable.
#[derive(Default)]
struct Woken {
    boxes: Vec<MemberId>,
    recipients: Vec<MemberId>,
}

/// Takes receipts of a box's members; a verdict each.
///
/// # Errors
/// When none could be judged or kept: the same call may succeed later.
pub(super) async fn give(hub: &Hub, asker: &Asker, body: &mut Body) -> Result<Response, Error> {
    let bytes = body.read_all(LONGEST_GIVEN).await?;
    let mut judged = Vec::new();
    for seal in wire::seals(&bytes)? {
        judged.push(judge(hub, asker, seal).await?);
        // Each costs a signature's verification; others have their turn in between.
        tokio::task::yield_now().await;
    }
    let verdicts = hub.keep_receipts(asker.directory.clone(), judged).await?;
    Ok(Response::json(StatusCode::OK, &Taken { verdicts }))
}

async fn judge(hub: &Hub, asker: &Asker, seal: Vec<u8>) -> Result<Result<Given, Verdict>, Error> {
    let sealer = Sealer::Member(&asker.directory);
    let opened = hub
        .opener
        .claim(&seal, &asker.trust, sealer, hub.clock.now());
    let claim = match opened {
        Err(refused) if refused.class() == Class::Retry => return Err(refused.into()),
        Err(refused) => return Ok(Err(refuse(Error::from(refused)))),
        Ok(claim) => claim,
    };
    if let Err(error) = asker.speaks_for(&claim.record().from) {
        return Ok(Err(refuse(error)));
    }
    match hub.knows(&claim.record().from, claim.checkpoint()).await {
        Ok(()) => {}
        Err(Error::Behind(size)) => return Ok(Err(Verdict::Behind(size))),
        Err(error @ Error::Fork { .. }) => {
            error.tell(&asker.code, None);
            return Ok(Err(refuse(error)));
        }
        Err(error) => return Err(error),
    }
    let record = claim.record().clone();
    let status = record.status.clone().unwrap_or_default();
    if record.kind != RecordKind::Receipt || !STATUSES.contains(&status.as_str()) {
        return Ok(Err(Verdict::Refused(format!(
            "a {} with status {status:?} is no receipt of a recipient",
            record.kind.as_str()
        ))));
    }
    Ok(Ok(Given {
        record,
        status,
        seal: apart(&seal).into(),
        at: hub.now_ms(),
    }))
}

fn refuse(error: Error) -> Verdict {
    Verdict::Refused(error.to_string())
}

impl Hub {
    /// In a task of its own, since what was written must wake others even when this box has gone.
    async fn keep_receipts(
        &self,
        directory: Arc<Directory>,
        judged: Vec<Result<Given, Verdict>>,
    ) -> Result<Vec<Verdict>, Error> {
        let hub = self.clone();
        let kept = tokio::spawn(async move {
            // A failed commit may be there all the same; then everyone whom it could concern is woken.
            let concerned = concerned(&directory, &judged);
            let kept = hub.store.write(move |tx| {
                let mut woken = Woken::default();
                let verdicts = judged
                    .into_iter()
                    .map(|one| match one {
                        Ok(given) => insert(tx, &directory, &given, &mut woken),
                        Err(verdict) => Ok(verdict),
                    })
                    .collect::<SqlResult<Vec<_>>>()?;
                Ok::<_, Error>((verdicts, woken))
            });
            let (verdicts, woken) = match kept.await {
                Ok((verdicts, woken)) => (Ok(verdicts), woken),
                Err(error) => (Err(error), concerned),
            };
            for code in &woken.boxes {
                hub.bells.ring(code, For::Receipts);
            }
            hub.has_mail(&woken.recipients);
            hub.uncounted.notify_one();
            verdicts
        });
        kept.await
            .map_err(|_| Error::Registry("the write was given up".to_owned()))?
    }
}

fn concerned(directory: &Directory, judged: &[Result<Given, Verdict>]) -> Woken {
    let records = || judged.iter().flatten().map(|given| &given.record);
    let senders = records().flat_map(|record| &record.to);
    Woken {
        boxes: senders
            .filter_map(|to| box_of(directory, &*directory.find(&to.member)?))
            .collect(),
        recipients: records().map(|record| record.from.clone()).collect(),
    }
}

struct Promised {
    digest: String,
    size: i64,
    position: i64,
    state: i64,
    sender: String,
    addressed: String,
}

fn insert(
    tx: &Tx<'_>,
    directory: &Directory,
    given: &Given,
    woken: &mut Woken,
) -> SqlResult<Verdict> {
    let (record, packet) = (&given.record, given.record.packet.to_string());
    let promised = tx
        .prepare_cached(
            "SELECT p.digest, p.size, m.position, m.state, m.sender, m.addressed
             FROM hub_mailbox m JOIN hub_packet p ON p.id = m.packet
             WHERE m.packet = ?1 AND m.recipient = ?2 AND m.state > 0",
        )?
        .query_row(params![packet, record.from.as_str()], |row| {
            Ok(Promised {
                digest: row.get(0)?,
                size: row.get(1)?,
                position: row.get(2)?,
                state: row.get(3)?,
                sender: row.get(4)?,
                addressed: row.get(5)?,
            })
        })
        .optional()?;
    let Some(promised) = promised else {
        let reason = format!("there is no packet {packet} for {}", record.from);
        return Ok(Verdict::Refused(reason));
    };
    if promised.digest != record.digest.to_string() || promised.size != signed(record.size) {
        let reason = format!("the receipt of {packet} names another digest or size");
        return Ok(Verdict::Refused(reason));
    }
    let owner = promised
        .sender
        .parse()
        .ok()
        .and_then(|sender| directory.find(&sender))
        .and_then(|member| box_of(directory, &member));
    let added = tx
        .prepare_cached(
            "INSERT OR IGNORE INTO hub_receipt (box, packet, member, status, at, seal, head)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            owner.as_ref().map_or("", MemberId::as_str),
            packet,
            record.from.as_str(),
            given.status,
            given.at,
            given.seal.front,
            given.seal.keep_head(tx)?
        ])?;
    if let Some(owner) = owner.filter(|code| added > 0 && !woken.boxes.contains(code)) {
        woken.boxes.push(owner);
    }
    if promised.state != order::DONE {
        tx.prepare_cached("UPDATE hub_mailbox SET state = ?2 WHERE position = ?1")?
            .execute(params![promised.position, order::DONE])?;
        if order::release(tx, &promised.sender, &promised.addressed)? {
            woken.recipients.push(record.from.clone());
        }
    }
    Ok(Verdict::Taken)
}

/// Gives a box the receipts for its members behind `after`; waits for the first up to `wait` milliseconds.
///
/// # Errors
/// [`Error::Crowded`] when too many polls of the box wait already.
pub(super) async fn take(
    hub: &Hub,
    asker: &Asker,
    after: u64,
    wait: u64,
) -> Result<Response, Error> {
    let mut seat = hub.bells.seat(&asker.code, For::Receipts)?;
    let mut stop = hub.stop.subscribe();
    let deadline = hub.poll_until(wait);
    loop {
        seat.rung.borrow_and_update();
        let code = asker.code.clone();
        let list = hub.store.read(move |tx| behind(tx, &code, after)).await?;
        if !list.is_empty() || Instant::now() >= deadline || *stop.borrow() {
            return Ok(Response::bytes(StatusCode::OK, SEALED, list));
        }
        tokio::select! {
            _ = seat.rung.changed() => {}
            () = sleep_until(deadline) => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }
}

fn behind(tx: &Tx<'_>, code: &MemberId, after: u64) -> Result<Vec<u8>, store::Error> {
    let mut select = tx.prepare_cached(
        "SELECT position, seal, bytes FROM hub_receipt JOIN seal_head ON number = head
         WHERE box = ?1 AND position > ?2 ORDER BY position LIMIT ?3",
    )?;
    let mut rows = select.query(params![code.as_str(), signed(after), LONGEST_LIST])?;
    let mut list = Vec::new();
    while let Some(row) = rows.next()? {
        let seal = whole(row, 1)?;
        if !list.is_empty() && list.len() + seal.len() > LONGEST_ANSWER {
            break;
        }
        wire::put_at(&mut list, unsigned(row.get(0)?), &seal);
    }
    Ok(list)
}
