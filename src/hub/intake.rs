//! A packet's walk into the exchange.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use ring::digest::{Context, SHA256};
use tokio::sync::OwnedMutexGuard;

use super::door::Asker;
use super::error::NotReached;
use super::keep::{self, Incoming, Known};
use super::{Config, Error, Hub};
use crate::evidence::{Addressee, Entry, Record, RecordKind};
use crate::https::{Body, Bytes, Response, StatusCode};
use crate::journal::{self, ids};
use crate::merkle::Hash;
use crate::packet::{Digest, Generation, MemberId, PacketId};
use crate::seal::{Claim, Seal, Sealer, apart};
use crate::spool::{self, Shelf};
use crate::trust::directory::State;
use crate::uplink::Unreached;
use crate::uplink::wire::{self, SealFirst};

/// Media type of seals and bodies.
pub(super) const SEALED: &str = "application/octet-stream";

/// Longer bodies are asked for only when the packet is new: they have a file each, which a repetition must not touch.
/// Shorter ones lie in their row (see [`crate::spool`]), whose unique id decides.
const ASKED_FIRST: u64 = 16 * 1024;

/// Takes a packet or void in; a repetition gets the receipt that the first one got.
///
/// # Errors
/// The first step that refused; nothing of the packet is left unless it was the answer that failed.
pub(super) async fn put(
    hub: &Hub,
    asker: &Asker,
    packet: PacketId,
    mut body: Body,
) -> Result<Response, Error> {
    // 1 take the seal off the stream.
    let (seal, start) = seal_first(&mut body).await?;
    // 2 open: whose it is, and under a head that we have witnessed.
    let claim = open(hub, asker, packet, &seal)?;
    hub.knows(&claim.record().from, claim.checkpoint()).await?;
    // 3 permit: this box may speak for the sender, and somebody named can be reached.
    let (record, leaf) = (claim.record().clone(), claim.leaf());
    let permitted = match permit(hub, asker, &record) {
        Ok(permitted) => Some(permitted),
        Err(refused) if hub.is_new(record.packet, leaf).await? => return Err(refused),
        // What was accepted stays so, whoever has closed since.
        Err(_) => None,
    };
    let _turn = hub.under_way.turn(packet).await;
    if let Some((recipients, unreached)) = permitted
        && (record.size <= ASKED_FIRST || hub.is_new(record.packet, leaf).await?)
    {
        // 4 the body comes, hashed on its way to the disk, and is the one that was sealed.
        let body = receive(hub, claim, start, body).await?;
        // 5 keep: from here on it survives power loss, and its recipients are woken.
        let incoming = Incoming {
            record: record.clone(),
            leaf,
            recipients,
            unreached: unreached.reason(),
            seal: apart(&seal).into(),
            body,
            at: hub.now_ms(),
        };
        if hub.keep(incoming).await? {
            tell(&record);
        }
    }
    // 6 accept: our promise joins our log.
    let receipt = hub.accept(&record).await?;
    // 7 answer.
    Ok(Response::bytes(
        StatusCode::OK,
        SEALED,
        wire::framed(&receipt),
    ))
}

pub(super) fn tell(record: &Record) {
    let line = journal::line(&ids::PACKET_ACCEPTED)
        .packet(record.packet)
        .member(&record.from)
        .step("keep");
    match &record.code {
        Some(code) => line.doc_code(code),
        None => line,
    }
    .say("a packet is kept for its recipients");
}

async fn seal_first(body: &mut Body) -> Result<(Bytes, Bytes), Error> {
    let mut first = SealFirst::default();
    while let Some(piece) = body.next().await {
        if let Some(parts) = first.feed(&piece?)? {
            return Ok(parts);
        }
    }
    Err(wire::Malformed::Cut.into())
}

fn open(hub: &Hub, asker: &Asker, packet: PacketId, seal: &[u8]) -> Result<Claim, Error> {
    let sealer = Sealer::Member(&asker.directory);
    let claim = hub
        .opener
        .claim(seal, &asker.trust, sealer, hub.clock.now())?;
    let record = claim.record();
    if record.kind != RecordKind::Void {
        fits(asker, &claim)?;
    }
    if record.packet != packet {
        return Err(Error::Call(format!(
            "sealed is packet {}, named is {packet}",
            record.packet
        )));
    }
    asker.speaks_for(&record.from)?;
    Ok(claim)
}

/// It is a packet of a member of that box.
pub(super) fn fits(asker: &Asker, claim: &Claim) -> Result<(), Error> {
    let record = claim.record();
    if record.kind != RecordKind::Packet {
        return Err(Error::Call(format!(
            "a {} is handed over as a packet",
            record.kind.as_str()
        )));
    }
    asker.speaks_for(&record.from)
}

/// Who stands behind each addressee, in their order; none for a code that is not reached, and why.
pub(super) type Recipients = (Vec<Option<MemberId>>, Unreached);

/// Who stands behind each addressee, and why some are not reached. One who closed meanwhile takes nothing from the others.
pub(super) fn permit(hub: &Hub, asker: &Asker, record: &Record) -> Result<Recipients, Error> {
    let reach = |to: &Addressee| {
        let why = match asker.directory.find(&to.member) {
            _ if is_centre(&to.member) => NotReached::Centre,
            None => NotReached::Unknown,
            Some(member) if is_centre(&member.code) => NotReached::Centre,
            Some(member) if member.state == State::Closed => {
                NotReached::Closed(member.successor.clone())
            }
            Some(member) => return Ok(Some(member.code.clone())),
        };
        Err(Error::Recipient {
            code: to.member.clone(),
            why,
        })
    };
    if record.kind == RecordKind::Void {
        // It reaches nobody and gives up what was refused, perhaps for its size or for whom it named.
        let found = |to: &Addressee| asker.directory.find(&to.member);
        let codes = record.to.iter().map(|to| Some(found(to)?.code.clone()));
        return Ok((codes.collect(), Unreached::default()));
    }
    if let Some(sender) = asker.directory.find(&record.from)
        && sender.state == State::Closed
    {
        let (code, successor) = (sender.code.clone(), sender.successor.clone());
        return Err(Error::SenderClosed(code, successor));
    }
    within(&hub.config, record)?;
    let (mut recipients, mut unreached) = (Vec::with_capacity(record.to.len()), Vec::new());
    for to in &record.to {
        match reach(to) {
            Ok(member) => recipients.push(member),
            Err(error) => {
                recipients.push(None);
                unreached.push((to, error));
            }
        }
    }
    if unreached.len() == recipients.len()
        && let Some((_, error)) = unreached.pop()
    {
        return Err(error);
    }
    let mut told = Unreached::default();
    for (to, error) in unreached {
        error.tell(&asker.code, Some(record.packet));
        told.add(&to.member, error.detail());
    }
    Ok((recipients, told))
}

fn within(limits: &Config, record: &Record) -> Result<(), Error> {
    if record.to.is_empty() {
        return Err(Error::Call("nobody is named as recipient".to_owned()));
    }
    if record.size > limits.max_packet_bytes {
        return Err(Error::TooLarge(format!(
            "{} bytes, allowed are {}",
            record.size, limits.max_packet_bytes
        )));
    }
    if record.to.len() > limits.max_recipients {
        return Err(Error::TooLarge(format!(
            "{} recipients, allowed are {}",
            record.to.len(),
            limits.max_recipients
        )));
    }
    Ok(())
}

/// Codes whose level 1 is W are connection centres.
fn is_centre(code: &MemberId) -> bool {
    let top = match code.generation() {
        Some(Generation::G1 | Generation::G2) => code.as_str().rsplit('.').next(),
        Some(Generation::G3) => Some(code.as_str()),
        None => None,
    };
    top.is_some_and(|top| top.starts_with('W'))
}

/// Takes the body; gives it back if it belongs into the row. A file that is kept is durable.
async fn receive(
    hub: &Hub,
    claim: Claim,
    start: Bytes,
    mut rest: Body,
) -> Result<Option<Arc<[u8]>>, Error> {
    let record = claim.record();
    if record.kind == RecordKind::Void {
        claim.receipt()?;
        return Ok(None);
    }
    let (shelf, sealed) = (Shelf::at_hub(&record.from), record.size);
    let mut intake = hub.bodies.intake(&shelf, record.packet);
    let mut hash = Context::new(&SHA256);
    let mut size = start.len() as u64;
    hash.update(&start);
    intake.feed(&start)?;
    while size <= sealed {
        let Some(piece) = rest.next().await else {
            break;
        };
        let piece = piece?;
        size += piece.len() as u64;
        hash.update(&piece);
        intake.feed(&piece)?;
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(hash.finish().as_ref());
    claim.complete(Digest::from_bytes(digest), size)?;
    Ok(match intake.finish().await? {
        spool::Body::Inline(bytes) => Some(bytes),
        spool::Body::File(_) => None,
    })
}

impl Hub {
    pub(super) async fn is_new(&self, packet: PacketId, leaf: Hash) -> Result<bool, Error> {
        match self
            .store
            .read(move |tx| keep::known(tx, packet, &leaf))
            .await?
        {
            Known::New => Ok(true),
            Known::Same => Ok(false),
            Known::Other => Err(Error::Conflict(packet)),
        }
    }

    /// Whether it was new.
    async fn keep(&self, incoming: Incoming) -> Result<bool, Error> {
        match self.keep_all(vec![incoming]).await?.pop() {
            Some(kept) => kept.map_err(Error::Conflict),
            None => Ok(false),
        }
    }

    /// Keeps packets in one write; for each whether it was new, or its id where that stands for another record. In a task
    /// of its own, since what was written must wake its recipients even when the sender has gone.
    pub(super) async fn keep_all(
        &self,
        incoming: Vec<Incoming>,
    ) -> Result<Vec<Result<bool, PacketId>>, Error> {
        let hub = self.clone();
        let kept = tokio::spawn(async move {
            let recipients: HashSet<MemberId> = incoming
                .iter()
                .flat_map(|one| one.recipients.iter().flatten().cloned())
                .collect();
            let kept = hub.store.write(move |tx| {
                let one = |incoming| match keep::insert(tx, incoming) {
                    Ok(new) => Ok(Ok(new)),
                    // Found before anything of it was written.
                    Err(Error::Conflict(packet)) => Ok(Err(packet)),
                    Err(error) => Err(error),
                };
                incoming.iter().map(one).collect::<Result<_, Error>>()
            });
            let kept = kept.await;
            // A failed commit may be there all the same.
            hub.has_mail(&recipients.into_iter().collect::<Vec<_>>());
            hub.uncounted.notify_one();
            kept
        });
        kept.await
            .map_err(|_| Error::Registry("the write was given up".to_owned()))?
    }

    /// As it was when the packet was kept, whoever has closed or opened since.
    async fn unreached(&self, record: &Record) -> Result<Unreached, Error> {
        // A single one is reached, or the packet is not kept.
        if record.to.len() < 2 {
            return Ok(Unreached::default());
        }
        let packet = record.packet;
        let kept = self.store.read(move |tx| keep::unreached(tx, packet));
        Ok(Unreached::from_reason(kept.await?.as_deref()))
    }

    pub(super) async fn accept(&self, record: &Record) -> Result<Vec<u8>, Error> {
        let mut accepted = Record::new(
            RecordKind::Receipt,
            record.packet,
            (record.digest, record.size),
            self.log.member().clone(),
            self.clock.now(),
        );
        let unreached = self.unreached(record).await?;
        accepted.to = record
            .to
            .iter()
            .filter(|to| unreached.why(&to.member).is_none())
            .map(|to| Addressee {
                member: to.member.clone(),
                sequence: 0,
            })
            .collect();
        accepted.document.clone_from(&record.document);
        accepted.code.clone_from(&record.code);
        accepted.status = Some("accepted".to_owned());
        accepted.reason = unreached.reason();
        let entry = Entry {
            key: format!("accepted:{}", record.packet),
            record: accepted,
        };
        Ok(Seal::from(&self.log.append(entry).await?).encode())
    }
}

/// Packets that are being taken in: the same one comes in once at a time, since its body has one place on the disk.
#[derive(Debug, Default)]
pub(super) struct UnderWay(Mutex<HashMap<PacketId, Arc<tokio::sync::Mutex<()>>>>);

struct Turn<'a> {
    under_way: &'a UnderWay,
    packet: PacketId,
    guard: Option<OwnedMutexGuard<()>>,
}

impl UnderWay {
    async fn turn(&self, packet: PacketId) -> Turn<'_> {
        let mut turn = Turn {
            under_way: self,
            packet,
            guard: None,
        };
        let own = self.lock().entry(packet).or_default().clone();
        turn.guard = Some(own.lock_owned().await);
        turn
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<PacketId, Arc<tokio::sync::Mutex<()>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.guard = None;
        let mut all = self.under_way.lock();
        if all
            .get(&self.packet)
            .is_some_and(|one| Arc::strong_count(one) == 1)
        {
            all.remove(&self.packet);
        }
    }
}
