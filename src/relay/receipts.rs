//! Receipts in both directions: those that this box's members owe go up, those for what they sent come down.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use super::outbound::attest_receipt;
use super::{Error, Relay};
use crate::evidence::{Entry, Proof};
use crate::journal;
use crate::packet::MemberId;
use crate::retry::{Backoff, Class};
use crate::seal::{Receipt, Seal, Sealer, apart};
use crate::spool::{Owed, Parted};
use crate::uplink::Verdict;

/// Receipts that go up at once.
const BATCH: u32 = 512;
/// How long an empty list of receipts is waited at.
const WAIT: Duration = Duration::from_secs(25);

/// Gives what a member owes, in batches, for ever. Each member has its own road: one whose seal the hub does not take
/// holds nobody up.
pub(super) async fn give(relay: Arc<Relay>, member: MemberId) {
    let mut backoff = backoff();
    let Some(owes) = relay.owed.get(&member) else {
        return;
    };
    loop {
        match give_batch(&relay, &member).await {
            Ok(0) => owes.notified().await,
            Ok(_) => backoff.reset(),
            Err(error) => pause(&relay, "give receipts", &error, &mut backoff).await,
        }
    }
}

async fn give_batch(relay: &Relay, member: &MemberId) -> Result<usize, Error> {
    let owed = relay.spool.owed(member, BATCH).await?;
    if owed.is_empty() {
        return Ok(0);
    }
    let count = owed.len();
    let proofs = join_all(owed.iter().map(|owed| seal(relay, owed))).await;
    let proofs: Vec<Proof> = proofs.into_iter().collect::<Result<_, _>>()?;
    let (mut settled, mut waiting) = (Vec::new(), owed.into_iter().zip(proofs).collect());
    loop {
        waiting = hand_over(relay, waiting, &mut settled).await?;
        if waiting.is_empty() {
            break;
        }
    }
    relay.spool.settle(settled).await?;
    Ok(count)
}

/// Hands receipts over; gives those that are to be tried once more, proven under a head by a newer certificate.
async fn hand_over(
    relay: &Relay,
    receipts: Vec<(Owed, Proof)>,
    settled: &mut Vec<(Owed, Parted)>,
) -> Result<Vec<(Owed, Proof)>, Error> {
    let seals: Vec<Vec<u8>> = receipts
        .iter()
        .map(|(_, proof)| Seal::from(proof).encode())
        .collect();
    relay.gate.pass().await;
    let taken = match relay.hub.give_receipts(&seals).await {
        Ok(taken) => taken,
        Err(error) => {
            relay.gate.failed(&error);
            return Err(error.into());
        }
    };
    let mut again = Vec::new();
    for (((owed, proof), seal), verdict) in receipts.into_iter().zip(seals).zip(taken.verdicts) {
        let reason = match verdict {
            Verdict::Taken => {
                settled.push((owed, apart(&seal).into()));
                continue;
            }
            Verdict::Behind(_) => {
                match relay.announcer_of(&owed.member)?.again(&proof.head).await {
                    Ok(()) => continue,
                    Err(Error::Hub(error)) if error.is_refused_certificate() => error.to_string(),
                    Err(error) => return Err(error),
                }
            }
            Verdict::Refused(reason) => reason,
        };
        match relay.proof_now(&owed.member, &owed.key, &proof).await? {
            Some(newer) => again.push((owed, newer)),
            None => {
                refused(&owed, &reason);
                settled.push((owed, apart(&seal).into()));
            }
        }
    }
    Ok(again)
}

/// One signature covers the whole batch of a member: the log gathers while these wait.
async fn seal(relay: &Relay, owed: &Owed) -> Result<Proof, Error> {
    let entry = Entry {
        key: owed.key.clone(),
        record: owed.record.clone(),
    };
    let proof = relay.append(&owed.member, entry).await?;
    relay.announcer_of(&owed.member)?.known(&proof.head).await;
    Ok(proof)
}

fn refused(owed: &Owed, reason: &str) {
    journal::line(&journal::ids::RECEIPT_REFUSED)
        .packet(owed.record.packet)
        .member(&owed.member)
        .step("give receipt")
        .reason(reason)
        .next("the receipt stays in the evidence log; ask the hub's operator why it was refused")
        .error("the hub refuses a receipt");
}

/// Takes receipts for what this box's members sent, for ever.
pub(super) async fn take(relay: Arc<Relay>) {
    let mut backoff = backoff();
    loop {
        relay.gate.pass().await;
        match take_batch(&relay).await {
            Ok(()) => backoff.reset(),
            Err(error) => pause(&relay, "take receipts", &error, &mut backoff).await,
        }
    }
}

async fn take_batch(relay: &Relay) -> Result<(), Error> {
    let after = relay.spool.cursor("receipts").await?;
    let list = match relay.hub.take_receipts(after, WAIT).await {
        Ok(list) => list,
        Err(error) => {
            relay.gate.failed(&error);
            return Err(error.into());
        }
    };
    let taken = join_all(list.iter().map(|(_, seal)| take_one(relay, seal))).await;
    // Those behind one that has to wait are taken, too, and asked for again with it.
    let (mut last, mut waits) = (None, None);
    for ((at, _), taken) in list.iter().zip(taken) {
        match taken {
            Ok(()) if waits.is_none() => last = Some(*at),
            Ok(()) => {}
            Err(error) => waits = waits.or(Some(error)),
        }
    }
    if let Some(last) = last {
        relay.spool.keep_cursor("receipts", last).await?;
    }
    waits.map_or(Ok(()), Err)
}

/// A receipt that does not hold is journalled and passed over; one that can't be judged or kept for now comes again.
async fn take_one(relay: &Relay, seal: &[u8]) -> Result<(), Error> {
    let receipt = match verify(relay, seal) {
        Ok(receipt) => receipt,
        // Once passed over it would never come again, and what is known of its certificate may come any moment.
        Err(error) if error.class() == Class::Retry || error.is_unknown_revocation() => {
            return Err(error);
        }
        Err(error) => {
            not_verified(&error);
            return Ok(());
        }
    };
    let record = receipt.record();
    let now = relay.clock.now();
    let new = match relay
        .spool
        .received_receipt(record, apart(seal).into(), now)
        .await
    {
        Ok(new) => new,
        Err(error) if error.class() == Class::Refuse => {
            not_verified(&error.into());
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    let sender = record.to.first().map(|to| to.member.clone());
    if let Some(sender) = sender.filter(|sender| relay.logs.contains_key(sender)) {
        attest_receipt(relay, sender, record, seal).await?;
    }
    if new {
        journal::line(&journal::ids::RECEIPT_VERIFIED)
            .packet(record.packet)
            .member(&record.from)
            .step(record.status.as_deref().unwrap_or_default())
            .info("receipt verified and kept");
    }
    Ok(())
}

fn verify(relay: &Relay, seal: &[u8]) -> Result<Receipt, Error> {
    let grounds = relay.grounds.borrow().clone();
    let directory = relay.directory()?;
    let sealer = Sealer::Member(&directory);
    let claim = relay
        .opener
        .claim(seal, &grounds.trust, sealer, relay.clock.now())?;
    Ok(claim.receipt()?)
}

fn not_verified(error: &Error) {
    journal::line(&journal::ids::RECEIPT_REFUSED)
        .step("take receipt")
        .reason(error)
        .next("call the hub's operator: it handed over a receipt that proves nothing")
        .error("a receipt does not hold");
}

async fn pause(relay: &Relay, step: &str, error: &Error, backoff: &mut Backoff) {
    let id = match error {
        Error::Hub(_) => None,
        Error::Seal(_) | Error::ClockUnsure => Some(&journal::ids::PACKET_HELD),
        _ => Some(&journal::ids::DISK_FAULT),
    };
    if let Some(id) = id {
        journal::line(id)
            .step(step)
            .reason(error)
            .next("it is tried again by itself")
            .warning("receipts wait");
    }
    tokio::time::sleep(backoff.next(&relay.chance)).await;
}

fn backoff() -> Backoff {
    Backoff::new(Duration::from_millis(100), Duration::from_secs(5))
}
