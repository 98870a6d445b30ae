//! A packet on its way out to a recipient's box.

use super::door::Asker;
use super::intake::SEALED;
use super::{Error, Hub, box_of};
use crate::https::{Content, Response, StatusCode};
use crate::packet::{MemberId, PacketId};
use crate::spool::{Body, Shelf, whole};
use crate::store::{OptionalExt, params};
use crate::uplink::wire;

struct Kept {
    sender: String,
    seal: Vec<u8>,
    body: Option<Vec<u8>>,
}

/// Gives the seal and body of a packet that is for `to`, also after it was delivered.
///
/// # Errors
/// [`Error::Missing`] for a packet that is for others, as if it were not there.
pub(super) async fn get(
    hub: &Hub,
    asker: &Asker,
    packet: PacketId,
    to: &MemberId,
) -> Result<Response, Error> {
    let recipient = asker
        .directory
        .find(to)
        .filter(|member| box_of(&asker.directory, member).as_ref() == Some(&asker.code))
        .ok_or(Error::Missing)?
        .code
        .clone();
    let kept = hub
        .store
        .read(move |tx| {
            tx.prepare_cached(
                "SELECT p.sender, p.seal, h.bytes, p.body FROM hub_mailbox m JOIN hub_packet p ON p.id = m.packet
                 JOIN seal_head h ON h.number = p.head
                 WHERE m.packet = ?1 AND m.recipient = ?2 AND m.state > 0 AND p.purged = 0",
            )?
            .query_row(params![packet.to_string(), recipient.as_str()], |row| {
                Ok(Kept {
                    sender: row.get(0)?,
                    seal: whole(row, 1)?,
                    body: row.get(3)?,
                })
            })
            .optional()
            .map_err(Error::from)
        })
        .await?
        .ok_or(Error::Missing)?;
    let sender: MemberId = kept
        .sender
        .parse()
        .map_err(|_| Error::Registry(format!("sender {:?} in the store", kept.sender)))?;
    let content = Content::new().then_bytes(wire::framed(&kept.seal));
    let content = match hub
        .bodies
        .locate(kept.body, &Shelf::at_hub(&sender), packet)
    {
        Body::Inline(bytes) => content.then_bytes(bytes.to_vec()),
        Body::File(path) => content.then_file(&path, None).await?,
    };
    Ok(Response::new(StatusCode::OK, SEALED, content))
}
