//! Packets from software to the hub.

use std::time::Duration;

use super::bodies::{Body, Intake, Shelf};
use super::row::{self, millis, parsed, signed};
use super::{Error, Parted, Spool};
use crate::clock::Moment;
use crate::packet::record::{Addressee, Record, RecordKind};
use crate::packet::{Digest, Envelope, MemberId, PacketId, Priority};
use crate::store::{OptionalExt, Tx, params};

/// A packet that may be kept: parsed and permitted.
#[derive(Debug)]
pub struct Submission {
    /// Its new id.
    pub packet: PacketId,
    /// The member that it is sent for, in the directory's writing.
    pub from: MemberId,
    /// Recipients in the directory's writing, each once.
    pub to: Vec<MemberId>,
    /// `edoc` or `status`.
    pub messagetype: String,
    /// On whose shelf the body lies: the member whose software sent it.
    pub shelf: MemberId,
    /// Its header.
    pub envelope: Envelope,
    /// SHA-256 of the document's bytes.
    pub digest: Digest,
    /// Number of them.
    pub size: u64,
    /// The document.
    pub body: Body,
    /// When.
    pub at: Moment,
    /// How long the same document to the same recipients counts as the same submission.
    pub window: Duration,
}

/// What became of a submission.
#[derive(Debug)]
pub enum Keeping {
    /// It is durable.
    New(Box<Kept>),
    /// It is durable since an earlier submission, whose id it has.
    Known(PacketId),
}

/// A packet that survives power loss.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Its id.
    pub packet: PacketId,
    /// The member that sends it.
    pub member: MemberId,
    /// The record that is to join the member's log.
    pub record: Record,
    /// The document.
    pub body: Body,
    /// Urgency.
    pub priority: Priority,
}

/// A packet that recovery finds on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Its id.
    pub packet: PacketId,
    /// The member that sends it.
    pub member: MemberId,
    /// Urgency.
    pub priority: Priority,
}

impl Spool {
    /// A place for the body of a packet that software sends.
    #[must_use]
    pub fn intake(&self, member: &MemberId, packet: PacketId) -> Intake {
        self.bodies.intake(&Shelf::out_of(member), packet)
    }

    /// Keeps a packet, or finds the same submission of before; durable when it returns.
    ///
    /// # Errors
    /// When the store fails: the packet is not kept, unless the store can't even be read. The same submission again finds
    /// what is there.
    pub async fn keep(&self, submission: Submission) -> Result<Keeping, Error> {
        let (packet, body) = (submission.packet, submission.body.clone());
        let keeping = match self.store.write(move |tx| keep(tx, submission)).await {
            Ok(keeping) => keeping,
            // A commit that reported failure may have come about; what can be read is committed, and so durable.
            Err(error) => match self.kept(packet).await? {
                Some(kept) => return Ok(Keeping::New(Box::new(kept))),
                None => {
                    self.bodies.remove(&body).await;
                    return Err(error);
                }
            },
        };
        if let Keeping::Known(_) = keeping {
            self.bodies.remove(&body).await;
        }
        Ok(keeping)
    }

    /// A kept packet that is not finished.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn kept(&self, packet: PacketId) -> Result<Option<Kept>, Error> {
        let bodies = self.bodies.clone();
        self.store
            .read(move |tx| {
                let found = tx
                    .prepare_cached(
                        "SELECT member, record, body, priority, shelf FROM outbound LEFT JOIN outbound_body USING (number) \
                         WHERE packet = ?1 AND state = 'kept'",
                    )?
                    .query_row([packet.to_string()], |row| {
                        Ok((
                            row.get::<_, String>(0)?,
                            row.get::<_, Vec<u8>>(1)?,
                            row.get(2)?,
                            row.get::<_, u8>(3)?,
                            row.get::<_, String>(4)?,
                        ))
                    })
                    .optional()?;
                found
                    .map(|(member, record, body, priority, shelf)| {
                        let shelf = Shelf::out_of(&parsed(&shelf, "member")?);
                        Ok(Kept {
                            packet,
                            record: Record::parse(&record)
                                .map_err(|error| Error::Damaged(error.to_string()))?,
                            body: bodies.locate(body, &shelf, packet),
                            priority: Priority::from_number(priority).unwrap_or_default(),
                            member: parsed(&member, "member")?,
                        })
                    })
                    .transpose()
            })
            .await
    }

    /// All that is kept and not finished, oldest first.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn waiting(&self) -> Result<Vec<Waiting>, Error> {
        self.store
            .read(|tx| {
                let mut select = tx.prepare_cached(
                    "SELECT packet, member, priority FROM outbound WHERE state = 'kept' ORDER BY kept_at, packet",
                )?;
                let rows = select.query_map([], |row| {
                    Ok((
                        row.get::<_, String>(0)?,
                        row.get::<_, String>(1)?,
                        row.get::<_, u8>(2)?,
                    ))
                })?;
                rows.map(|row| {
                    let (packet, member, priority) = row?;
                    Ok(Waiting {
                        packet: parsed(&packet, "packet")?,
                        member: parsed(&member, "member")?,
                        priority: Priority::from_number(priority).unwrap_or_default(),
                    })
                })
                .collect()
            })
            .await
    }

    /// The hub has it: its receipt lies with the packet, the box is done with the body. Recipients in `unreached` read
    /// *fail*, each with its reason.
    ///
    /// # Errors
    /// When the store fails; the step may be repeated.
    pub async fn finish(
        &self,
        kept: &Kept,
        receipt: Parted,
        unreached: Vec<(MemberId, String)>,
        at: Moment,
    ) -> Result<(), Error> {
        let packet = kept.packet.to_string();
        self.store
            .write(move |tx| {
                put_receipt(tx, &packet, "", "accepted", &receipt)?;
                for (member, reason) in &unreached {
                    tx.prepare_cached(
                        "UPDATE recipient SET state = 'fail', reason = ?3, at = ?4 WHERE packet = ?1 AND member = ?2",
                    )?
                    .execute(params![packet, member.as_str(), reason, millis(at)])?;
                }
                end(tx, &packet, "accepted", None, at)
            })
            .await?;
        self.bodies.remove(&kept.body).await;
        Ok(())
    }

    /// The hub will never take it: every recipient reads *fail* with the reason, and the sealed void lies with the packet.
    ///
    /// # Errors
    /// When the store fails; the step may be repeated.
    pub async fn refuse(
        &self,
        kept: &Kept,
        reason: &str,
        void: Parted,
        at: Moment,
    ) -> Result<(), Error> {
        let (packet, reason) = (kept.packet.to_string(), reason.to_owned());
        self.store
            .write(move |tx| {
                put_receipt(tx, &packet, "", "failed", &void)?;
                tx.prepare_cached(
                    "UPDATE recipient SET state = 'fail', reason = ?2, at = ?3 WHERE packet = ?1",
                )?
                .execute(params![packet, reason, millis(at)])?;
                end(tx, &packet, "refused", Some(&reason), at)
            })
            .await?;
        self.bodies.remove(&kept.body).await;
        Ok(())
    }

    /// A receipt about a packet of this box came from its recipient: *delivered*, *collected* or *failed*.
    /// Tells whether it was new.
    ///
    /// # Errors
    /// [`Error::Missing`] when this box never sent that packet to that recipient.
    pub async fn received_receipt(
        &self,
        record: &Record,
        seal: Parted,
        at: Moment,
    ) -> Result<bool, Error> {
        let record = record.clone();
        self.store
            .write(move |tx| {
                let status = record.status.as_deref().unwrap_or_default();
                let state = match status {
                    "delivered" => "delivered",
                    "collected" => "done",
                    "failed" => "fail",
                    other => return Err(Error::Impossible(format!("receipt {other:?}"))),
                };
                let packet = record.packet.to_string();
                let known = put_receipt(tx, &packet, record.from.as_str(), status, &seal)?;
                // A late *delivered* never takes back what the recipient's software said.
                let changed = tx
                    .prepare_cached(
                        "UPDATE recipient SET state = ?3, reason = ?4, at = ?5 WHERE packet = ?1 AND member = ?2 \
                         AND (?3 <> 'delivered' OR state IN ('initial', 'accepted', 'delivered'))",
                    )?
                    .execute(params![packet, record.from.as_str(), state, record.reason, millis(at)])?;
                let sent = changed > 0
                    || tx
                        .prepare_cached("SELECT 1 FROM recipient WHERE packet = ?1 AND member = ?2")?
                        .exists(params![packet, record.from.as_str()])?;
                if sent {
                    Ok(known)
                } else {
                    Err(Error::Missing(format!("{packet} to {}", record.from)))
                }
            })
            .await
    }
}

fn keep(tx: &Tx<'_>, submission: Submission) -> Result<Keeping, Error> {
    let same = same_submission(&submission);
    let oldest = millis(submission.at - submission.window);
    let known: Option<(String, i64, String)> = tx
        .prepare_cached("SELECT packet, kept_at, state FROM outbound WHERE same = ?1")?
        .query_row([same.as_bytes()], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    if let Some((packet, kept_at, state)) = known {
        if kept_at >= oldest && state != "refused" && !any_failed(tx, &packet)? {
            return Ok(Keeping::Known(parsed(&packet, "packet")?));
        }
        tx.prepare_cached("UPDATE outbound SET same = NULL WHERE packet = ?1")?
            .execute([packet])?;
    }
    let record = record_of(tx, &submission)?;
    insert(tx, &submission, &record, same)?;
    Ok(Keeping::New(Box::new(Kept {
        packet: submission.packet,
        member: submission.from,
        record,
        body: submission.body,
        priority: submission.envelope.priority,
    })))
}

fn any_failed(tx: &Tx<'_>, packet: &str) -> Result<bool, Error> {
    Ok(tx
        .prepare_cached("SELECT 1 FROM recipient WHERE packet = ?1 AND state = 'fail'")?
        .exists([packet])?)
}

/// Same member, message type, digest and recipients.
fn same_submission(submission: &Submission) -> Digest {
    let mut recipients: Vec<&str> = submission.to.iter().map(MemberId::as_str).collect();
    recipients.sort_unstable();
    Digest::of(
        format!(
            "{}\n{}\n{}\n{}",
            submission.from,
            submission.messagetype,
            submission.digest,
            recipients.join(" ")
        )
        .as_bytes(),
    )
}

fn record_of(tx: &Tx<'_>, submission: &Submission) -> Result<Record, Error> {
    let envelope = &submission.envelope;
    let mut record = Record::new(
        RecordKind::Packet,
        submission.packet,
        (submission.digest, submission.size),
        submission.from.clone(),
        submission.at,
    );
    for member in &submission.to {
        record.to.push(Addressee {
            member: member.clone(),
            sequence: next_sequence(tx, &submission.from, member)?,
        });
    }
    record.message = Some(envelope.kind.as_str().to_owned());
    record.document = envelope.document.clone();
    record.code = envelope.code();
    record.status = envelope.status.clone();
    record.reason = envelope.reason.clone();
    record.priority = envelope.priority.number();
    record.refs = envelope.refs.clone();
    Ok(record)
}

fn next_sequence(tx: &Tx<'_>, from: &MemberId, to: &MemberId) -> Result<u64, Error> {
    let next: i64 = tx
        .prepare_cached(
            "INSERT INTO pair (sender, recipient, last) VALUES (?1, ?2, 1) \
             ON CONFLICT DO UPDATE SET last = last + 1 RETURNING last",
        )?
        .query_row(params![from.as_str(), to.as_str()], |row| row.get(0))?;
    Ok(row::unsigned(next))
}

fn insert(
    tx: &Tx<'_>,
    submission: &Submission,
    record: &Record,
    same: Digest,
) -> Result<(), Error> {
    let packet = submission.packet.to_string();
    let envelope = serde_json::to_string(&submission.envelope)
        .map_err(|error| Error::Damaged(error.to_string()))?;
    tx.prepare_cached(
        "INSERT INTO outbound (packet, member, messagetype, envelope, record, digest, size, same, priority, \
         state, kept_at, shelf) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'kept', ?10, ?11)",
    )?
    .execute(params![
        packet,
        submission.from.as_str(),
        submission.messagetype,
        envelope,
        record.encode(),
        submission.digest.to_string(),
        signed(submission.size),
        same.as_bytes(),
        submission.envelope.priority.number(),
        millis(submission.at),
        submission.shelf.as_str(),
    ])?;
    if let Body::Inline(bytes) = &submission.body {
        tx.prepare_cached("INSERT INTO outbound_body (number, body) VALUES (?1, ?2)")?
            .execute(params![tx.last_insert_rowid(), &bytes[..]])?;
    }
    for to in &record.to {
        tx.prepare_cached(
            "INSERT INTO recipient (packet, member, sequence, state, at) VALUES (?1, ?2, ?3, 'initial', ?4)",
        )?
        .execute(params![
            packet,
            to.member.as_str(),
            signed(to.sequence),
            millis(submission.at)
        ])?;
    }
    Ok(())
}

/// Lays a receipt beside its packet; tells whether it was new.
pub(super) fn put_receipt(
    tx: &Tx<'_>,
    packet: &str,
    member: &str,
    status: &str,
    seal: &Parted,
) -> Result<bool, Error> {
    let new = tx
        .prepare_cached(
            "INSERT OR IGNORE INTO receipt (packet, member, status, seal, head) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![packet, member, status, seal.front, seal.keep_head(tx)?])?;
    Ok(new > 0)
}

fn end(
    tx: &Tx<'_>,
    packet: &str,
    state: &str,
    reason: Option<&str>,
    at: Moment,
) -> Result<(), Error> {
    let ended: Option<i64> = tx
        .prepare_cached(
            "UPDATE outbound SET state = ?2, reason = ?3, ended_at = ?4 WHERE packet = ?1 AND state = 'kept' \
             RETURNING number",
        )?
        .query_row(params![packet, state, reason, millis(at)], |row| row.get(0))
        .optional()?;
    if let Some(number) = ended {
        tx.prepare_cached("DELETE FROM outbound_body WHERE number = ?1")?
            .execute([number])?;
    }
    Ok(())
}
