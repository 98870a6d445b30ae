//! From software to hub, in nine steps.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;

use super::policy::{self, Parties};
use super::{CARRYING, Error, Relay};
use crate::evidence::{Entry, Proof, Record, RecordKind};
use crate::journal;
use crate::packet::{Digest, DocId, Envelope, PacketId};
use crate::retry::{Backoff, Class};
use crate::seal::{Claim, Receipt, Seal, Sealer, apart};
use crate::spool::{self, Body, Keeping, Kept, Submission, Waiting};
use crate::trust::Stale;
use crate::uplink::Unreached;
use crate::uplink::consignment::LONGEST_BODY;
use crate::vxp::{ErrorCode, Refusal, SendParams, System};

/// KiB of what is known of a packet beside its body.
const KNOWN: u32 = 4;
/// KiB of the largest packet whose body is in memory.
const LARGEST: u32 = 32 + KNOWN;

/// A document that came in whole.
pub(super) struct Arrived {
    pub(super) packet: PacketId,
    pub(super) system: System,
    pub(super) params: SendParams,
    pub(super) envelope: Envelope,
    pub(super) digest: Digest,
    pub(super) size: u64,
    pub(super) body: Body,
}

/// Steps 2 to 4, behind step 1 (parse) which [`super::desk`] does while the body streams to disk: neither token nor hub
/// is needed, so neither's being away refuses a software.
pub(super) async fn accept(relay: &Arc<Relay>, arrived: Arrived) -> Result<DocId, Refusal> {
    let parties = permit(relay, &arrived)?; // 2
    let keeping = keep(relay, arrived, parties).await?; // 3
    Ok(answer(relay, keeping)) // 4
}

/// Steps 5 to 9. Each may be repeated: a power cut after any of them is mended by walking the same road again.
async fn carry(relay: &Relay, kept: &Kept) -> Result<(), Error> {
    let sealed = seal(relay, kept).await?; // 5
    let answer = submit(relay, kept, &sealed).await?; // 6
    let receipt = verify(relay, kept, &answer)?; // 7
    attest(relay, kept, &receipt, &answer).await?; // 8
    finish(relay, kept, &receipt, answer).await // 9
}

fn permit(relay: &Relay, arrived: &Arrived) -> Result<Parties, Refusal> {
    let directory = match relay.directory() {
        Err(Error::OldDirectory(_)) if relay.config.directory_then == Stale::Refuse => {
            return Err(old_directory());
        }
        _ => relay.grounds.borrow().directory.clone(),
    };
    let directory = directory.ok_or_else(no_directory)?;
    let ours = |member: &_| relay.logs.contains_key(member);
    policy::permit(
        &directory,
        ours,
        &arrived.system,
        &arrived.params,
        &arrived.envelope,
    )
}

async fn keep(relay: &Arc<Relay>, arrived: Arrived, parties: Parties) -> Result<Keeping, Refusal> {
    let waiting = Waiting {
        packet: arrived.packet,
        member: parties.from.clone(),
        priority: arrived.envelope.priority,
    };
    let submission = Submission {
        packet: arrived.packet,
        from: parties.from,
        to: parties.to,
        messagetype: arrived.params.message_type.as_str().to_owned(),
        shelf: arrived.system.member.clone(),
        envelope: arrived.envelope,
        digest: arrived.digest,
        size: arrived.size,
        body: arrived.body,
        at: relay.clock.now(),
        window: Duration::from_secs(u64::from(relay.config.same_submission_hours) * 3_600),
    };
    relay.spool.keep(submission).await.map_err(|error| {
        // Should it be kept all the same it walks now, not only after the next start.
        begin_later(relay, &waiting);
        not_kept(error)
    })
}

fn answer(relay: &Arc<Relay>, keeping: Keeping) -> DocId {
    match keeping {
        Keeping::New(kept) => {
            story(&journal::ids::PACKET_KEPT, &kept, "keep").info("kept, durable");
            let doc = DocId::of_sender(kept.packet);
            begin(relay, *kept);
            doc
        }
        Keeping::Known(packet) => {
            journal::line(&journal::ids::DUPLICATE_SUBMISSION)
                .packet(packet)
                .step("keep")
                .info("the same submission again: it gets the DocId it had");
            DocId::of_sender(packet)
        }
    }
}

async fn seal(relay: &Relay, kept: &Kept) -> Result<Proof, Error> {
    let entry = Entry {
        key: format!("packet:{}", kept.packet),
        record: kept.record.clone(),
    };
    let proof = relay.append(&kept.member, entry).await?;
    story(&journal::ids::PACKET_SEALED, kept, "seal").info("sealed");
    Ok(proof)
}

async fn submit(relay: &Relay, kept: &Kept, sealed: &Proof) -> Result<Vec<u8>, Error> {
    relay.directory()?;
    put(relay, kept, sealed, Some(&kept.body)).await
}

fn verify(relay: &Relay, kept: &Kept, answer: &[u8]) -> Result<Receipt, Error> {
    let grounds = relay.grounds.borrow().clone();
    let directory = relay.directory()?;
    let sealer = Sealer::Hub(&directory);
    let claim = relay
        .opener
        .claim(answer, &grounds.trust, sealer, relay.clock.now());
    let receipt = claim.and_then(Claim::receipt).map_err(Error::Receipt)?;
    let (said, ours) = (receipt.record(), &kept.record);
    let fits = said.kind == RecordKind::Receipt
        && said.status.as_deref() == Some("accepted")
        && (said.packet, said.digest, said.size) == (ours.packet, ours.digest, ours.size);
    if fits {
        Ok(receipt)
    } else {
        Err(Error::OtherReceipt(format!(
            "{} {}",
            said.packet, said.digest
        )))
    }
}

async fn attest(relay: &Relay, kept: &Kept, receipt: &Receipt, answer: &[u8]) -> Result<(), Error> {
    attest_receipt(relay, kept.member.clone(), receipt.record(), answer).await
}

async fn finish(
    relay: &Relay,
    kept: &Kept,
    receipt: &Receipt,
    answer: Vec<u8>,
) -> Result<(), Error> {
    let said = Unreached::from_reason(receipt.record().reason.as_deref());
    let unreached = kept.record.to.iter().filter_map(|to| {
        let why = said.why(&to.member)?;
        Some((to.member.clone(), why.to_owned()))
    });
    let unreached: Vec<_> = unreached.collect();
    for (member, reason) in &unreached {
        story(&journal::ids::PACKET_REFUSED, kept, "finish")
            .reason(format_args!("{member}: {reason}"))
            .next(
                "the software reads fail for this recipient in getSentEdocList; the others get it",
            )
            .warning("the hub does not reach one of its recipients");
    }
    let (receipt, now) = (apart(&answer).into(), relay.clock.now());
    relay.spool.finish(kept, receipt, unreached, now).await?;
    story(&journal::ids::PACKET_ACCEPTED, kept, "finish").info("the hub has it, receipt verified");
    Ok(())
}

/// Puts on record that the member holds somebody's receipt.
pub(super) async fn attest_receipt(
    relay: &Relay,
    member: crate::packet::MemberId,
    said: &Record,
    seal: &[u8],
) -> Result<(), Error> {
    let status = said.status.clone().unwrap_or_default();
    let key = format!("attest:{status}:{}:{}", said.packet, said.from);
    let what = (Digest::of(seal), seal.len() as u64);
    let mut record = Record::new(
        RecordKind::Attest,
        said.packet,
        what,
        member.clone(),
        relay.clock.now(),
    );
    record.status = Some(status);
    record.reason = Some(said.from.to_string());
    relay.enter(&member, Entry { key, record }).await
}

/// Starts the walk of a kept packet: at once where there is room, else by its id alone when its turn comes.
pub(super) fn begin(relay: &Arc<Relay>, kept: Kept) {
    let room = &relay.carrying[usize::from(kept.priority.number())];
    match room.clone().try_acquire_many_owned(memory_of(&kept)) {
        Ok(room) => drop(tokio::spawn(walk(relay.clone(), kept, room))),
        Err(_) => begin_later(
            relay,
            &Waiting {
                packet: kept.packet,
                member: kept.member,
                priority: kept.priority,
            },
        ),
    }
}

/// KiB that a packet takes while it is carried: its body where that is in memory, and what is known of it.
fn memory_of(kept: &Kept) -> u32 {
    let body = match &kept.body {
        Body::Inline(bytes) => bytes.len(),
        Body::File(_) => 0,
    };
    u32::try_from(body / 1024 + kept.record.to.len() / 16)
        .unwrap_or(CARRYING)
        .saturating_add(KNOWN)
        .min(CARRYING)
}

/// As [`begin`], for a packet that lies in the spool.
pub(super) fn begin_later(relay: &Relay, waiting: &Waiting) {
    let lane = usize::from(waiting.priority.number());
    relay.backlog[lane].push(&waiting.member, waiting.packet);
}

/// Gives room to what waits, for ever; one task a lane.
pub(super) async fn dispatch(relay: Arc<Relay>, lane: usize) {
    loop {
        relay.backlog[lane].filled().await;
        // How much it takes is known when it is read.
        let room = relay.carrying[lane].clone();
        let Ok(room) = room.acquire_many_owned(LARGEST).await else {
            return;
        };
        if let Some(packet) = relay.backlog[lane].pop() {
            tokio::spawn(walk_from_spool(relay.clone(), packet, room));
        }
    }
}

async fn walk_from_spool(relay: Arc<Relay>, packet: PacketId, mut room: OwnedSemaphorePermit) {
    let mut walked = Walked::never();
    loop {
        match relay.spool.kept(packet).await {
            Ok(Some(kept)) => {
                drop(room.split((LARGEST - memory_of(&kept).min(LARGEST)) as usize));
                return walk(relay, kept, room).await;
            }
            Ok(None) => return,
            Err(error) => trouble(&relay, &packet, &error.into(), &mut walked).await,
        }
    }
}

async fn walk(relay: Arc<Relay>, kept: Kept, _room: OwnedSemaphorePermit) {
    let mut walked = Walked::never();
    loop {
        match carry(&relay, &kept).await {
            Ok(()) => return,
            Err(Error::Hub(error)) if error.class() == Class::Refuse => {
                match give_up(&relay, &kept, &error.to_string()).await {
                    Ok(()) => return,
                    Err(error) => trouble(&relay, &kept.packet, &error, &mut walked).await,
                }
            }
            Err(error) => trouble(&relay, &kept.packet, &error, &mut walked).await,
        }
    }
}

/// The hub will never take it: a sealed void keeps later packets from waiting for it, the sender reads *fail*.
async fn give_up(relay: &Relay, kept: &Kept, reason: &str) -> Result<(), Error> {
    story(&journal::ids::PACKET_REFUSED, kept, "submit")
        .reason(reason)
        .next("the software reads fail with this reason in getSentEdocList; mend it and send again")
        .error("the hub refuses it for good");
    let mut record = kept.record.clone();
    record.kind = RecordKind::Void;
    record.status = Some("failed".to_owned());
    record.reason = Some(reason.to_owned());
    let key = format!("void:{}", kept.packet);
    let void = relay.append(&kept.member, Entry { key, record }).await?;
    // After a power cut the hub refuses its own void's packet; the first reason stands in the log.
    let first = Record::parse(&void.record)
        .ok()
        .and_then(|record| record.reason);
    let reason = first.as_deref().unwrap_or(reason);
    match put(relay, kept, &void, None).await {
        Err(Error::Hub(error)) if error.class() == Class::Refuse => {}
        other => drop(other?),
    }
    let seal = Seal::from(&void).encode();
    relay
        .spool
        .refuse(kept, reason, apart(&seal).into(), relay.clock.now())
        .await?;
    Ok(())
}

async fn put(
    relay: &Relay,
    kept: &Kept,
    sealed: &Proof,
    body: Option<&Body>,
) -> Result<Vec<u8>, Error> {
    let announcer = relay.announcer_of(&kept.member)?;
    let mut sealed = sealed.clone();
    loop {
        announcer.known(&sealed.head).await;
        relay.gate.pass().await;
        let turn = relay.sending.turn(&kept.member, kept.priority).await;
        let seal = Seal::from(&sealed).encode();
        let answer = match body {
            Some(Body::Inline(bytes)) if bytes.len() <= LONGEST_BODY => {
                let bytes = Bytes::from_owner(bytes.clone());
                relay.consigner.put(seal, bytes).await
            }
            _ => relay.hub.put(kept.packet, &seal, body).await,
        };
        drop(turn);
        let refused = match answer {
            Err(error) if error.is_behind() => match announcer.again(&sealed.head).await {
                Err(Error::Hub(error)) if error.is_refused_certificate() => error,
                other => {
                    other?;
                    continue;
                }
            },
            Err(error) if error.is_away() => {
                relay.gate.failed(&error);
                continue;
            }
            Err(error) if error.is_refused_certificate() => error,
            other => return Ok(other?),
        };
        // The head may be sealed by a certificate that is no longer taken while the newest one is by its successor.
        let key = format!("packet:{}", kept.packet);
        let newer = relay.proof_now(&kept.member, &key, &sealed).await?;
        sealed = newer.ok_or(refused)?;
    }
}

/// Waits before a step is walked again. The same trouble of a packet is told once.
async fn trouble(relay: &Relay, packet: &PacketId, error: &Error, walked: &mut Walked) {
    let reason = error.to_string();
    if walked.told.as_ref() != Some(&reason) {
        let (id, next) = match error {
            Error::Hub(_) => (
                &journal::ids::PACKET_HELD,
                "mend what the reason names; the packet waits and goes on by itself",
            ),
            Error::NoDirectory | Error::OldDirectory(_) => (
                &journal::ids::PACKET_HELD,
                "mend the line to the hub; the packet goes on as soon as a newer directory is there",
            ),
            Error::ClockUnsure => (
                &journal::ids::PACKET_HELD,
                "mend this machine's time service; the packet goes on as soon as the clock is right",
            ),
            Error::Receipt(_) | Error::OtherReceipt(_) => (
                &journal::ids::RECEIPT_REFUSED,
                "call the hub's operator: its receipt proves nothing; the packet waits",
            ),
            _ => (
                &journal::ids::DISK_FAULT,
                "the packet waits and goes on by itself",
            ),
        };
        journal::line(id)
            .packet(packet)
            .step("carry")
            .reason(&reason)
            .next(next)
            .warning("a step failed and is walked again");
        walked.told = Some(reason);
    }
    tokio::time::sleep(walked.backoff.next(&relay.chance)).await;
}

/// How often a packet's road was walked in vain, and what was said about it.
struct Walked {
    backoff: Backoff,
    told: Option<String>,
}

impl Walked {
    fn never() -> Self {
        Self {
            backoff: Backoff::new(Duration::from_millis(50), Duration::from_secs(10)),
            told: None,
        }
    }
}

fn story(id: &'static journal::Id, kept: &Kept, step: &str) -> journal::Line {
    let line = journal::line(id)
        .packet(kept.packet)
        .member(&kept.member)
        .step(step);
    match &kept.record.code {
        Some(code) => line.doc_code(code),
        None => line,
    }
}

fn not_kept(error: spool::Error) -> Refusal {
    journal::line(&journal::ids::INTAKE_STOPPED)
        .step("keep")
        .reason(&error)
        .next("free disk space or mend the disk; software may send again at once")
        .error("a document could not be kept");
    Refusal::new(
        ErrorCode::HubError,
        "Máy chủ bảo mật chưa lưu được văn bản (ổ đĩa đầy hoặc lỗi ghi); văn bản chưa được nhận, hãy gửi lại sau ít phút.",
    )
}

pub(super) fn no_directory() -> Refusal {
    Refusal::new(
        ErrorCode::HubError,
        "Máy chủ bảo mật chưa có danh bạ của Trục liên thông; hãy gửi lại sau ít phút, nếu kéo dài thì liên hệ quản trị.",
    )
}

fn old_directory() -> Refusal {
    Refusal::new(
        ErrorCode::HubError,
        "Danh bạ của Trục liên thông trên máy chủ bảo mật đã quá hạn; văn bản chưa được nhận, hãy báo quản trị và gửi lại sau.",
    )
}
