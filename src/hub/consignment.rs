//! Many small packets in one call. Each walks the road of [`super::intake`], all of them side by side: one write keeps
//! what is new, one signature accepts it, and what is refused holds up nothing else.

use futures_util::future::join_all;

use super::door::Asker;
use super::intake::{self, SEALED, permit, tell};
use super::keep::Incoming;
use super::{Error, Hub};
use crate::evidence::Record;
use crate::https::{Body, Bytes, Response, StatusCode};
use crate::packet::{Digest, PacketId};
use crate::seal::{Claim, Refused, Sealer, Under};
use crate::spool::Parted;
use crate::uplink::consignment::{self, Consigned, LONGEST_CONSIGNMENT, Outcome};

/// A packet on its way: what is to be kept of it, or only its record when all of it is kept already.
enum Walk {
    New(Box<Incoming>),
    Known(Box<Record>),
}

/// Takes the packets of a consignment in, with a word on each.
///
/// # Errors
/// When the consignment itself can't be read; then nothing of it is kept.
pub(super) async fn take(hub: &Hub, asker: &Asker, mut body: Body) -> Result<Response, Error> {
    let came = consignment::read(body.read_all(LONGEST_CONSIGNMENT).await?)?;
    let heads: Vec<_> = came.heads.iter().map(|h| under(hub, asker, h)).collect();
    let mut walks = Vec::with_capacity(came.packets.len());
    for packet in &came.packets {
        let (head, bytes) = (&heads[packet.head], &came.heads[packet.head]);
        walks.push(judge(hub, asker, packet, head, bytes).await);
    }
    let records = keep(hub, walks).await?;
    let accepted = records.into_iter().map(|record| accept(hub, record));
    let outcomes: Vec<Outcome> = join_all(accepted)
        .await
        .into_iter()
        .map(|accepted| match accepted {
            Ok(receipt) => Outcome::Accepted(receipt),
            Err(Refusal { packet, error }) => {
                error.tell(&asker.code, packet);
                let problem = error.problem();
                Outcome::Problem(problem.status, problem.to_json())
            }
        })
        .collect();
    let answer = consignment::answer(&outcomes);
    Ok(Response::bytes(StatusCode::OK, SEALED, answer))
}

/// Why a packet is not accepted, and its id where its seal told it.
struct Refusal {
    packet: Option<PacketId>,
    error: Error,
}

impl Refusal {
    fn of(packet: PacketId) -> impl Fn(Error) -> Self {
        move |error| Self {
            packet: Some(packet),
            error,
        }
    }
}

fn under(hub: &Hub, asker: &Asker, head: &[u8]) -> Result<Under, Refused> {
    let sealer = Sealer::Member(&asker.directory);
    hub.opener
        .under(head, &asker.trust, sealer, hub.clock.now())
}

/// Steps 2 to 4: open, permit, and the body is the one that was sealed.
async fn judge(
    hub: &Hub,
    asker: &Asker,
    packet: &Consigned,
    head: &Result<Under, Refused>,
    bytes: &Bytes,
) -> Result<Walk, Refusal> {
    let claim = match head {
        Ok(head) => head.claim(&packet.front),
        Err(refused) => Err(refused.clone()),
    };
    let claim = claim.map_err(|refused| Refusal {
        packet: None,
        error: refused.into(),
    })?;
    let refusal = Refusal::of(claim.record().packet);
    open(hub, asker, claim, packet, bytes)
        .await
        .map_err(refusal)
}

async fn open(
    hub: &Hub,
    asker: &Asker,
    claim: Claim,
    packet: &Consigned,
    head: &Bytes,
) -> Result<Walk, Error> {
    intake::fits(asker, &claim)?;
    hub.knows(&claim.record().from, claim.checkpoint()).await?;
    match permit(hub, asker, claim.record()) {
        Ok(recipients) => whole(hub, claim, packet, head, recipients),
        Err(refused) if hub.is_new(claim.record().packet, claim.leaf()).await? => Err(refused),
        // What was accepted stays so, whoever has closed since.
        Err(_) => Ok(Walk::Known(Box::new(claim.record().clone()))),
    }
}

fn whole(
    hub: &Hub,
    claim: Claim,
    packet: &Consigned,
    head: &Bytes,
    (recipients, unreached): intake::Recipients,
) -> Result<Walk, Error> {
    let leaf = claim.leaf();
    let opened = claim.complete(Digest::of(&packet.body), packet.body.len() as u64)?;
    Ok(Walk::New(Box::new(Incoming {
        record: opened.record().clone(),
        leaf,
        recipients,
        unreached: unreached.reason(),
        seal: Parted {
            front: packet.front.to_vec(),
            head: head.to_vec(),
        },
        body: Some(packet.body[..].into()),
        at: hub.now_ms(),
    })))
}

/// Step 5: all that is new survives power loss, and its recipients are woken.
async fn keep(
    hub: &Hub,
    walks: Vec<Result<Walk, Refusal>>,
) -> Result<Vec<Result<Record, Refusal>>, Error> {
    let (mut records, mut new) = (Vec::with_capacity(walks.len()), Vec::new());
    for walk in walks {
        records.push(match walk {
            Ok(Walk::New(incoming)) => {
                let record = incoming.record.clone();
                new.push((records.len(), *incoming));
                Ok(record)
            }
            Ok(Walk::Known(record)) => Ok(*record),
            Err(refusal) => Err(refusal),
        });
    }
    let (places, incoming): (Vec<usize>, Vec<Incoming>) = new.into_iter().unzip();
    for (place, kept) in places.into_iter().zip(hub.keep_all(incoming).await?) {
        match kept {
            Ok(true) => records[place].iter().for_each(tell),
            Ok(false) => {}
            Err(id) => records[place] = Err(Refusal::of(id)(Error::Conflict(id))),
        }
    }
    Ok(records)
}

/// Step 6: our promise joins our log.
async fn accept(hub: &Hub, record: Result<Record, Refusal>) -> Result<Vec<u8>, Refusal> {
    let record = record?;
    hub.accept(&record)
        .await
        .map_err(Refusal::of(record.packet))
}
