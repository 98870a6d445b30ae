//! From hub to software, in eight steps.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Error, Relay};
use crate::evidence::{Record, RecordKind};
use crate::journal;
use crate::packet::Priority;
use crate::packet::{Digest, Envelope, Limits, MemberId, PacketId, Reader};
use crate::retry::{Backoff, Class};
use crate::seal::{Claim, Opened, Sealer, apart};
use crate::spool::{self, Admitted, Arrival, Body, Intake, Schedule};
use crate::uplink::{Ask, Fetched, MailboxEntry};

/// Packets fetched at a time.
const FETCHING: usize = 48;
/// How long an empty mailbox is waited at, in milliseconds.
const WAIT_MS: u32 = 25_000;

/// Steps 1 to 5. Steps 6 to 8 (offer, confirm, finish) are the software's: [`super::deliver`], [`super::receipts`].
async fn carry(relay: &Relay, entry: &MailboxEntry) -> Result<(), Error> {
    let fetched = fetch(relay, entry).await?; // 1
    let (opened, document) = open(relay, entry, fetched).await?; // 2
    let sender = permit(relay, entry, &opened, &document)?; // 3
    let kept = keep(relay, entry, opened, document, sender).await?; // 4
    answer(relay, entry, kept); // 5
    Ok(())
}

/// A document that came in whole, and the seal that came with it.
struct Came {
    envelope: Result<Envelope, crate::packet::Invalid>,
    digest: Digest,
    size: u64,
    body: Body,
    seal: Vec<u8>,
}

async fn fetch(relay: &Relay, entry: &MailboxEntry) -> Result<Fetched, Error> {
    Ok(relay.hub.fetch(entry.packet, &entry.to).await?)
}

/// The seal is judged before a byte of the body is taken; the body is compared with it before it is kept.
async fn open(
    relay: &Relay,
    entry: &MailboxEntry,
    fetched: Fetched,
) -> Result<(Opened, Came), Error> {
    let claim = claim(relay, &fetched.seal)?;
    if claim.record().packet != entry.packet || claim.record().kind != RecordKind::Packet {
        return Err(Error::Contradiction(format!(
            "asked for packet {}, came {} {}",
            entry.packet,
            claim.record().kind.as_str(),
            claim.record().packet
        )));
    }
    relay.witness.told(claim.checkpoint());
    let intake = relay.spool.arrival_intake(&entry.to, entry.packet);
    let came = receive(fetched, claim.record().size, intake).await?;
    let opened = claim.complete(came.digest, came.size)?;
    Ok((opened, came))
}

fn claim(relay: &Relay, seal: &[u8]) -> Result<Claim, Error> {
    let grounds = relay.grounds.borrow().clone();
    let directory = relay.directory()?;
    let sealer = Sealer::Member(&directory);
    Ok(relay
        .opener
        .claim(seal, &grounds.trust, sealer, relay.clock.now())?)
}

async fn receive(mut fetched: Fetched, size: u64, mut intake: Intake) -> Result<Came, Error> {
    let mut reader = Ok(Reader::new(Limits::default()));
    let mut hash = ring::digest::Context::new(&ring::digest::SHA256);
    let mut length = 0;
    let mut piece = Some(fetched.start.clone());
    while let Some(bytes) = piece {
        length += bytes.len() as u64;
        if length > size {
            break;
        }
        hash.update(&bytes);
        intake.feed(&bytes)?;
        if let Ok(open) = &mut reader
            && let Err(invalid) = open.feed(&bytes)
        {
            reader = Err(invalid);
        }
        piece = match fetched.rest.next().await {
            Some(next) => Some(next.map_err(crate::uplink::Error::from)?),
            None => None,
        };
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(hash.finish().as_ref());
    Ok(Came {
        envelope: reader.and_then(Reader::finish),
        digest: Digest::from_bytes(digest),
        size: length,
        body: intake.finish().await?,
        seal: fetched.seal.to_vec(),
    })
}

/// It is for a member of this box, and its own words do not contradict its seal: a stranger's box can't put another
/// agency's name on a document.
fn permit(
    relay: &Relay,
    entry: &MailboxEntry,
    opened: &Opened,
    came: &Came,
) -> Result<MemberId, Error> {
    let record = opened.record();
    let addressed = record.to.iter().any(|to| to.member == entry.to);
    if !addressed || !relay.logs.contains_key(&entry.to) {
        return Err(Error::NotOurs(entry.to.clone()));
    }
    let envelope = came.envelope.as_ref().map_err(Clone::clone)?;
    let directory = relay.directory()?;
    let named = directory
        .find(&envelope.from)
        .map(|member| member.code.clone());
    if named.as_ref() == Some(&record.from) {
        Ok(record.from.clone())
    } else {
        Err(Error::Contradiction(format!(
            "From is {}, sealed by {}",
            envelope.from, record.from
        )))
    }
}

async fn keep(
    relay: &Relay,
    entry: &MailboxEntry,
    opened: Opened,
    came: Came,
    from: MemberId,
) -> Result<Admitted, Error> {
    let arrival = Arrival {
        packet: entry.packet,
        member: entry.to.clone(),
        receipt: receipt(relay, opened.record(), &entry.to, "delivered", None),
        from,
        envelope: came.envelope?,
        digest: came.digest,
        size: came.size,
        body: came.body,
        seal: apart(&came.seal).into(),
        at: relay.clock.now(),
    };
    match relay.spool.admit(arrival).await {
        Err(spool::Error::Conflict(what)) => {
            journal::line(&journal::ids::PACKET_ID_REUSED)
                .packet(entry.packet)
                .member(&entry.to)
                .step("keep")
                .reason(&what)
                .next("call the hub's operator: one packet id came with two documents")
                .error("refused: the same packet id with another digest");
            Err(spool::Error::Conflict(what).into())
        }
        other => Ok(other?),
    }
}

/// The *delivered* receipt was owed in the same transaction as the document was kept; it goes up in the next batch.
fn answer(relay: &Relay, entry: &MailboxEntry, kept: Admitted) {
    if let Admitted::New(doc) = kept {
        journal::line(&journal::ids::PACKET_DELIVERED)
            .packet(entry.packet)
            .member(&entry.to)
            .step("keep")
            .info(format_args!(
                "kept, verified, offered to the software as {doc}"
            ));
    }
    relay.owes(&entry.to);
}

/// A receipt that a member of this box gives about a packet that it got.
pub(super) fn receipt(
    relay: &Relay,
    packet: &Record,
    member: &MemberId,
    status: &str,
    reason: Option<String>,
) -> Record {
    let what = (packet.digest, packet.size);
    receipt_about(
        relay,
        packet.packet,
        what,
        packet.from.clone(),
        member,
        status,
        reason,
    )
}

/// As [`receipt`], from what the spool knows of the packet.
pub(super) fn receipt_about(
    relay: &Relay,
    packet: PacketId,
    what: (Digest, u64),
    sender: MemberId,
    member: &MemberId,
    status: &str,
    reason: Option<String>,
) -> Record {
    let now = relay.clock.now();
    let mut record = Record::new(RecordKind::Receipt, packet, what, member.clone(), now);
    record.to = vec![crate::evidence::Addressee {
        member: sender,
        sequence: 0,
    }];
    record.status = Some(status.to_owned());
    record.reason = reason;
    record
}

/// Packets that are being carried. A lease may end before a slow line has brought the body; the hub then lists the packet
/// again, and two walks would write to one file.
#[derive(Clone, Debug, Default)]
pub(super) struct Arriving(Arc<Mutex<HashSet<(PacketId, MemberId)>>>);

struct UnderWay(Arriving, (PacketId, MemberId));

impl Arriving {
    /// `None` for a packet that is being carried.
    fn enter(&self, entry: &MailboxEntry) -> Option<UnderWay> {
        let key = (entry.packet, entry.to.clone());
        let new = self.lock().insert(key.clone());
        new.then(|| UnderWay(self.clone(), key))
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<(PacketId, MemberId)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.lock().remove(&self.1);
    }
}

/// Fetches for ever: leases packets, carries them side by side, asks again when there is room.
pub(super) async fn run(relay: Arc<Relay>) {
    let room = Schedule::new(FETCHING);
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
    let mut anew = true;
    loop {
        relay.gate.pass().await;
        let ask = Ask {
            wait_ms: WAIT_MS,
            limit: 256,
            anew,
        };
        match relay.hub.mailbox(&ask).await {
            Ok(mailbox) => {
                anew = false;
                backoff.reset();
                for entry in mailbox.entries {
                    let Some(under_way) = relay.arriving.enter(&entry) else {
                        continue;
                    };
                    let turn = room.turn(&entry.to, Priority::Normal).await;
                    let relay = relay.clone();
                    tokio::spawn(async move {
                        walk(&relay, &entry).await;
                        drop((turn, under_way));
                    });
                }
            }
            Err(error) => {
                // The answer that got lost may have leased packets to us.
                anew = true;
                relay.gate.failed(&error);
                tokio::time::sleep(backoff.next(&relay.chance)).await;
            }
        }
    }
}

/// A packet that was delivered before the box was lost: it is here afterwards, or was refused for good.
pub(super) async fn again(relay: &Relay, entry: &MailboxEntry) -> Result<(), Error> {
    match carry(relay, entry).await {
        Err(error) if error.class() == Class::Refuse => {
            refuse(relay, entry, &error).await;
            Ok(())
        }
        other => other,
    }
}

/// One packet; what fails for now stays in the mailbox, whose lease ends.
async fn walk(relay: &Relay, entry: &MailboxEntry) {
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));
    for _ in 0..5 {
        let error = match carry(relay, entry).await {
            Ok(()) => return,
            Err(error) => error,
        };
        match error.class() {
            Class::Retry => {}
            Class::Refuse => return refuse(relay, entry, &error).await,
            Class::Fatal => return stuck(entry, &error),
        }
        if let Error::Hub(error) = &error {
            relay.gate.failed(error);
        }
        tokio::time::sleep(backoff.next(&relay.chance)).await;
        relay.gate.pass().await;
    }
}

/// What is wrong at this box is no fault of the sender's: it is told nothing, the packet stays in the mailbox.
fn stuck(entry: &MailboxEntry, error: &Error) {
    journal::line(&journal::ids::DISK_FAULT)
        .packet(entry.packet)
        .member(&entry.to)
        .step("keep")
        .reason(error)
        .next("mend or restore the store; the packet comes again by itself")
        .error("a packet from the hub can't be kept");
}

/// What can never be delivered is answered with a sealed *failed* receipt where its sender is proven, and journalled.
async fn refuse(relay: &Relay, entry: &MailboxEntry, error: &Error) {
    journal::line(&journal::ids::PACKET_REFUSED)
        .packet(entry.packet)
        .member(&entry.to)
        .step("open")
        .reason(error)
        .next("nothing was delivered; the sender reads fail with this reason")
        .error("a packet from the hub is refused");
    let Ok(fetched) = fetch(relay, entry).await else {
        return;
    };
    let Ok(claim) = claim(relay, &fetched.seal) else {
        return;
    };
    let reason = Some(error.to_string());
    let failed = receipt(relay, claim.record(), &entry.to, "failed", reason);
    // Where this fails the lease ends and the packet comes again.
    let _ = relay.spool.owe_again(&failed).await;
    relay.owes(&entry.to);
}
