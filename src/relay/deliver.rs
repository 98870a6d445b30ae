//! What software is offered, takes and confirms (steps 6 to 8 of the inbound walk), a member at a time.

use std::sync::Arc;

use bytes::Bytes;

use super::inbound::receipt_about;
use super::{Error, Relay};
use crate::journal;
use crate::packet::{DocId, MemberId, PacketId};
use crate::seal::{Bundle, Known, Seal};
use crate::spool::{self, Body, Inboxed, Sent};
use crate::trust::directory::{Directory, State};
use crate::vxp::{
    Agency, Content, Document, MessageType, ReceivedRow, Rows, SentRow, Transport, Unit, Window,
};

pub(super) async fn received(
    relay: &Relay,
    members: &[MemberId],
    message_type: MessageType,
    window: Window,
) -> Result<Rows<ReceivedRow>, Error> {
    let mut all = Vec::new();
    for member in members {
        let kind = message_type.as_str();
        all.extend(relay.spool.inbox(member, kind, within(window)).await?);
    }
    Ok(Box::new(
        all.into_iter()
            .map(move |row| received_row(row, message_type)),
    ))
}

pub(super) async fn sent(
    relay: &Relay,
    members: &[MemberId],
    message_type: MessageType,
    window: Window,
) -> Result<Rows<SentRow>, Error> {
    let mut all = Vec::new();
    for member in members {
        let kind = message_type.as_str();
        all.extend(relay.spool.sent(member, kind, within(window)).await?);
    }
    Ok(Box::new(
        all.into_iter().map(move |row| sent_row(row, message_type)),
    ))
}

pub(super) async fn count(
    relay: &Relay,
    members: &[MemberId],
    message_type: MessageType,
) -> Result<u64, Error> {
    let mut count = 0;
    for member in members {
        count += relay
            .spool
            .count_inbox(member, message_type.as_str())
            .await?;
    }
    Ok(count)
}

pub(super) async fn open(
    relay: &Relay,
    members: &[MemberId],
    doc: DocId,
) -> Result<Document, Error> {
    let (_, document) = find(relay, members, doc).await?;
    let content = match document.body {
        Body::Inline(bytes) => Content::Bytes(Bytes::from_owner(bytes)),
        Body::File(path) => {
            let file = tokio::fs::File::open(path).await?.into_std().await;
            Content::File {
                file: Arc::new(file),
                offset: 0,
            }
        }
    };
    Ok(Document {
        size: document.size,
        digest: document.digest,
        content,
    })
}

/// The sender's seal and the receipts that lie with it, for a document that a member sent or received. A sender gets
/// all receipts about it, a recipient its own alone: what the others said is between them and the sender.
pub(super) async fn proof(
    relay: &Relay,
    members: &[MemberId],
    doc: DocId,
) -> Result<Vec<u8>, Error> {
    let (seal, packet, own) = match find(relay, members, doc).await {
        Ok((member, document)) => (document.seal, document.packet, Some(member)),
        Err(Error::Spool(spool::Error::Missing(missing))) => {
            let (seal, packet) = sent_seal(relay, members, doc, missing).await?;
            (seal, packet, None)
        }
        Err(error) => return Err(error),
    };
    let receipts = relay.spool.receipts(packet).await?;
    let receipts: Vec<&[u8]> = receipts
        .iter()
        .filter(|(_, by, _)| own.as_ref().is_none_or(|own| own.as_str() == by))
        .map(|(_, _, seal)| seal.as_slice())
        .collect();
    let trust = relay.grounds.borrow().trust.clone();
    let Some(archive) = relay.logs.values().next().map(|log| log.archive().clone()) else {
        return Err(Error::Spool(spool::Error::Missing(doc.to_string())));
    };
    let known = Known::of(&archive, &seal, &receipts).await?;
    let lists = if known.lists.is_empty() {
        trust.revocation_material()
    } else {
        known.lists
    };
    let mut stamps = Vec::new();
    if own.is_none() {
        for member in members {
            let key = format!("packet:{packet}");
            stamps.extend(archive.stamped(member, &key).await?);
        }
    }
    let stamps: Vec<_> = stamps
        .iter()
        .map(|one| (Seal::from(&one.proof).encode(), one.token.clone()))
        .collect();
    let bundle = Bundle::new(&seal, receipts.into_iter(), &lists);
    Ok(bundle.with(&known.answers, &stamps).to_json())
}

async fn sent_seal(
    relay: &Relay,
    members: &[MemberId],
    doc: DocId,
    missing: String,
) -> Result<(Vec<u8>, PacketId), Error> {
    let packet = PacketId::of_sender(doc);
    for member in members {
        let Some(log) = relay.logs.get(member) else {
            continue;
        };
        if let Ok(proof) = log
            .archive()
            .proof(member, &format!("packet:{packet}"))
            .await
        {
            return Ok((Seal::from(&proof).encode(), packet));
        }
    }
    Err(spool::Error::Missing(missing).into())
}

/// Step 7: done or fail becomes a sealed receipt that travels back to the sender.
pub(super) async fn confirm(
    relay: &Arc<Relay>,
    members: &[MemberId],
    doc: DocId,
    said: Transport,
    reason: Option<String>,
) -> Result<(), Error> {
    let (member, document) = find(relay, members, doc).await?;
    let (status, line) = match said {
        Transport::Done => ("collected", Some(&journal::ids::DOCUMENT_COLLECTED)),
        Transport::Fail => ("failed", Some(&journal::ids::DOCUMENT_FAILED)),
        Transport::Initial | Transport::Processing => ("", None),
    };
    let packet = document.packet;
    let what = (document.digest, document.size);
    let receipt = receipt_about(
        relay,
        packet,
        what,
        document.from,
        &member,
        status,
        reason.clone(),
    );
    let word = match said {
        Transport::Initial => Transport::Processing.as_str(),
        other => other.as_str(),
    };
    let now = relay.clock.now();
    let reported = relay
        .spool
        .report(&member, doc, word, reason, now, receipt)
        .await;
    // Told even after a failure: the write may have come about all the same.
    relay.owes(&member);
    reported?;
    if let Some(id) = line {
        journal::line(id)
            .packet(packet)
            .member(&member)
            .step("confirm")
            .say("the software confirmed it; a receipt goes back");
    }
    Ok(())
}

pub(super) fn agencies(directory: Arc<Directory>, level: Option<u8>) -> Rows<Agency> {
    let count = directory.count();
    Box::new((0..count).filter_map(move |place| {
        let member = directory.member(place)?;
        let shown = member.state == State::Active && level.is_none_or(|l| l == member.level);
        shown.then(|| Agency {
            id: member.id,
            pid: member.pid,
            code: member.code.to_string(),
            name: member.name.clone(),
            mail: member.mail.clone(),
            old_code: member.old_code.as_ref().map(ToString::to_string),
            code102: member.code102.as_ref().map(ToString::to_string),
        })
    }))
}

/// The units that changed behind version `since` of the directory; all without one.
pub(super) fn units(directory: Arc<Directory>, since: Option<u64>) -> Rows<Unit> {
    let count = directory.count();
    Box::new((0..count).filter_map(move |place| {
        let member = directory.member(place)?;
        let (version, modified) = member
            .changed
            .map_or((directory.version, directory.issued), |changed| {
                (changed.version, changed.at)
            });
        since.is_none_or(|since| version > since).then(|| Unit {
            id: member.id,
            pid: member.pid,
            code: member.code.to_string(),
            name: member.name.clone(),
            mail: member.mail.clone(),
            center_code: member
                .box_code
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            version,
            deleted: member.state == State::Closed,
            modified,
            is_agency: member.box_code.is_some(),
        })
    }))
}

/// The document of one of these members; the same answer for none and for somebody else's.
async fn find(
    relay: &Relay,
    members: &[MemberId],
    doc: DocId,
) -> Result<(MemberId, spool::Document), Error> {
    for member in members {
        match relay.spool.document(member, doc).await {
            Ok(document) => return Ok((member.clone(), document)),
            Err(spool::Error::Missing(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(spool::Error::Missing(doc.to_string()).into())
}

fn within(window: Window) -> spool::Window {
    spool::Window {
        from: window.from,
        to: window.to,
    }
}

fn received_row(row: Inboxed, message_type: MessageType) -> ReceivedRow {
    let (status, words) = if row.state == "processing" {
        (Transport::Processing, "Đang xử lý")
    } else {
        (Transport::Initial, "Chờ phần mềm nhận")
    };
    ReceivedRow {
        doc: row.doc,
        message_type,
        created: row.created,
        updated: row.updated,
        from: row.from,
        to: row.to,
        status,
        status_desc: row.reason.unwrap_or_else(|| words.to_owned()),
    }
}

fn sent_row(row: Sent, message_type: MessageType) -> SentRow {
    let (send_status, send_words) = match row.state.as_str() {
        "accepted" => (Transport::Done, "Trục liên thông đã nhận"),
        "refused" => (Transport::Fail, "Trục liên thông từ chối"),
        _ => (Transport::Processing, "Đang gửi lên Trục liên thông"),
    };
    let (receive_status, receive_words) = match row.received.as_str() {
        "delivered" => (Transport::Processing, "Đã đến máy chủ bảo mật nơi nhận"),
        "done" => (Transport::Done, "Phần mềm nơi nhận đã lấy văn bản"),
        "fail" => (Transport::Fail, "Nơi nhận không lấy được văn bản"),
        _ => (Transport::Initial, "Chưa đến nơi nhận"),
    };
    let arrived = matches!(row.received.as_str(), "delivered" | "done" | "fail");
    SentRow {
        message_type,
        sender_doc: DocId::of_sender(row.packet),
        receiver_doc: DocId::of_recipient(row.packet, &row.to),
        from: row.envelope.from.clone(),
        title: row.envelope.subject.clone().unwrap_or_default(),
        notation: row.envelope.code().unwrap_or_default(),
        to: row.to,
        send_status,
        send_status_desc: row.reason.unwrap_or_else(|| send_words.to_owned()),
        receive_status,
        receive_status_desc: row
            .received_reason
            .unwrap_or_else(|| receive_words.to_owned()),
        sent: row.kept_at,
        received: arrived.then_some(row.at),
    }
}
