//! Packets from the hub to software.

use super::bodies::{Body, Intake, Shelf};
use super::outbound::put_receipt;
use super::owed::owe;
use super::row::{millis, parsed, signed, unsigned};
use super::{Error, Parted, Spool, whole};
use crate::clock::Moment;
use crate::packet::record::Record;
use crate::packet::{Digest, DocId, Envelope, MemberId, PacketId};
use crate::store::{OptionalExt, Tx, params};

/// A verified packet for one member of this box.
#[derive(Debug)]
pub struct Arrival {
    /// Its id.
    pub packet: PacketId,
    /// For whom, in the directory's writing.
    pub member: MemberId,
    /// From whom, in the directory's writing.
    pub from: MemberId,
    /// Its header.
    pub envelope: Envelope,
    /// SHA-256 of the document.
    pub digest: Digest,
    /// Bytes of the document.
    pub size: u64,
    /// The document.
    pub body: Body,
    /// The sender's seal over it.
    pub seal: Parted,
    /// The *delivered* receipt that is owed for it.
    pub receipt: Record,
    /// When it came.
    pub at: Moment,
}

/// What became of an arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admitted {
    /// It is durable and offered.
    New(DocId),
    /// It was there before.
    Known(DocId),
}

/// A document that a member may take.
#[derive(Clone, Debug)]
pub struct Document {
    /// Its packet.
    pub packet: PacketId,
    /// From whom.
    pub from: MemberId,
    /// Bytes of it.
    pub size: u64,
    /// SHA-256 of it.
    pub digest: Digest,
    /// The document.
    pub body: Body,
    /// The sender's seal.
    pub seal: Vec<u8>,
}

impl Spool {
    /// A place for the body of a packet that the hub hands over.
    #[must_use]
    pub fn arrival_intake(&self, member: &MemberId, packet: PacketId) -> Intake {
        self.bodies.intake(&Shelf::into(member), packet)
    }

    /// Keeps a packet for one member together with the receipt that is owed for it. The unique key of packet and
    /// member decides: a repetition gives the kept one and owes its receipt again.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the same packet id came with another digest before.
    pub async fn admit(&self, arrival: Arrival) -> Result<Admitted, Error> {
        self.store.write(move |tx| admit(tx, &arrival)).await
    }

    /// Owes the *delivered* receipt again for a packet that is here: the hub does not know of it yet.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn owe_again(&self, receipt: &Record) -> Result<(), Error> {
        let receipt = receipt.clone();
        self.store.write(move |tx| owe(tx, &receipt)).await
    }

    /// A document of this member.
    ///
    /// # Errors
    /// [`Error::Missing`] when this member has no such document, whoever else may have it.
    pub async fn document(&self, member: &MemberId, doc: DocId) -> Result<Document, Error> {
        let (member, bodies) = (member.clone(), self.bodies.clone());
        self.store
            .read(move |tx| {
                let found = tx
                    .prepare_cached(
                        "SELECT packet, sender, size, inbox.digest, body, seal, bytes FROM inbox \
                         JOIN seal_head ON seal_head.number = head LEFT JOIN inbox_body ON inbox_body.number = inbox.number \
                         WHERE doc = ?1 AND member = ?2 AND purged = 0",
                    )?
                    .query_row(params![doc.to_string(), member.as_str()], |row| {
                        Ok((
                            row.get::<_, String>(0)?,
                            row.get::<_, String>(1)?,
                            row.get(2)?,
                            row.get::<_, String>(3)?,
                            row.get(4)?,
                            whole(row, 5)?,
                        ))
                    })
                    .optional()?;
                let Some((packet, from, size, digest, body, seal)) = found else {
                    return Err(Error::Missing(format!("{member} has no document {doc}")));
                };
                let packet = parsed(&packet, "packet")?;
                Ok(Document {
                    packet,
                    from: parsed(&from, "member")?,
                    size: unsigned(size),
                    digest: parsed(&digest, "digest")?,
                    body: bodies.locate(body, &Shelf::into(&member), packet),
                    seal,
                })
            })
            .await
    }

    /// What the software says of a document: `processing`, `done` or `fail`. The last two end the offer and owe the
    /// sender `receipt`.
    ///
    /// # Errors
    /// [`Error::Missing`] for a document that is not this member's; [`Error::Impossible`] when it ended otherwise before.
    pub async fn report(
        &self,
        member: &MemberId,
        doc: DocId,
        said: &str,
        reason: Option<String>,
        at: Moment,
        receipt: Record,
    ) -> Result<(), Error> {
        let (member, said) = (member.clone(), said.to_owned());
        self.store
            .write(move |tx| {
                let found: Option<String> = tx
                    .prepare_cached("SELECT state FROM inbox WHERE doc = ?1 AND member = ?2")?
                    .query_row(params![doc.to_string(), member.as_str()], |row| row.get(0))
                    .optional()?;
                let Some(state) = found else {
                    return Err(Error::Missing(format!("{member} has no document {doc}")));
                };
                let ended = state == "done" || state == "fail";
                if ended && state != said {
                    return Err(Error::Impossible(format!("{doc} is {state} already")));
                }
                if state == said {
                    return Ok(());
                }
                tx.prepare_cached(
                    "UPDATE inbox SET state = ?2, reason = ?3, updated = ?4 WHERE doc = ?1",
                )?
                .execute(params![doc.to_string(), said, reason, millis(at)])?;
                if said == "processing" {
                    return Ok(());
                }
                owe(tx, &receipt)
            })
            .await
    }
}

fn admit(tx: &Tx<'_>, arrival: &Arrival) -> Result<Admitted, Error> {
    let packet = arrival.packet.to_string();
    let known: Option<(String, String)> = tx
        .prepare_cached("SELECT doc, digest FROM inbox WHERE member = ?1 AND packet = ?2")?
        .query_row(params![arrival.member.as_str(), packet], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    if let Some((doc, digest)) = known {
        if digest != arrival.digest.to_string() {
            return Err(Error::Conflict(format!(
                "{packet}: kept {digest}, came {}",
                arrival.digest
            )));
        }
        owe(tx, &arrival.receipt)?;
        return Ok(Admitted::Known(parsed(&doc, "document id")?));
    }
    let doc = DocId::of_recipient(arrival.packet, &arrival.member);
    let envelope = serde_json::to_string(&arrival.envelope)
        .map_err(|error| Error::Damaged(error.to_string()))?;
    let messagetype = if arrival.envelope.status.is_some() {
        "status"
    } else {
        "edoc"
    };
    tx.prepare_cached(
        "INSERT INTO inbox (doc, packet, member, sender, messagetype, envelope, digest, size, seal, head, state, \
         created, updated) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 'initial', ?11, ?11)",
    )?
    .execute(params![
        doc.to_string(),
        packet,
        arrival.member.as_str(),
        arrival.from.as_str(),
        messagetype,
        envelope,
        arrival.digest.to_string(),
        signed(arrival.size),
        arrival.seal.front,
        arrival.seal.keep_head(tx)?,
        millis(arrival.at),
    ])?;
    if let Body::Inline(bytes) = &arrival.body {
        tx.prepare_cached("INSERT INTO inbox_body (number, body) VALUES (?1, ?2)")?
            .execute(params![tx.last_insert_rowid(), &bytes[..]])?;
    }
    owe(tx, &arrival.receipt)?;
    Ok(Admitted::New(doc))
}

/// Receipts that this box made itself lie with the packet too, so that one proof holds all.
pub(super) fn keep_own_receipt(tx: &Tx<'_>, record: &Record, seal: &Parted) -> Result<(), Error> {
    let status = record.status.as_deref().unwrap_or_default();
    put_receipt(
        tx,
        &record.packet.to_string(),
        record.from.as_str(),
        status,
        seal,
    )?;
    Ok(())
}

impl Spool {
    /// Takes away up to `limit` bodies of documents, of one member or of all, whose offer ended before that moment; tells
    /// how many.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn forget_bodies(
        &self,
        member: Option<&MemberId>,
        before: Moment,
        limit: u32,
    ) -> Result<usize, Error> {
        let bodies = self.bodies.clone();
        let member = member.map(ToString::to_string);
        let gone: Vec<Body> = self
            .store
            .write(move |tx| {
                let mut select = tx.prepare_cached(
                    "UPDATE inbox SET purged = 1 WHERE number IN (SELECT number FROM inbox \
                     WHERE purged = 0 AND state IN ('done', 'fail') AND updated < ?1 \
                     AND (?3 IS NULL OR member = ?3) LIMIT ?2) \
                     RETURNING member, packet, number",
                )?;
                let rows = select.query_map(params![millis(before), limit, member], |row| {
                    Ok((
                        row.get::<_, String>(0)?,
                        row.get::<_, String>(1)?,
                        row.get::<_, i64>(2)?,
                    ))
                })?;
                rows.map(|row| {
                    let (member, packet, number) = row?;
                    tx.prepare_cached("DELETE FROM inbox_body WHERE number = ?1")?
                        .execute([number])?;
                    let shelf = Shelf::into(&parsed(&member, "member")?);
                    Ok::<_, Error>(bodies.locate(None, &shelf, parsed(&packet, "packet")?))
                })
                .collect()
            })
            .await?;
        for body in &gone {
            self.bodies.remove(body).await;
        }
        Ok(gone.len())
    }
}
