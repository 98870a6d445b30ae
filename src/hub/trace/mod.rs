//! A packet's way as the hub has seen it: envelopes and evidence, never what a document says.

mod find;

use std::sync::Arc;

pub(super) use find::{NAMES_SCHEMA, names};

use super::statistics;
use super::{Error, Hub, order};
use crate::clock::Moment;
use crate::evidence::{Record, RecordKind};
use crate::packet::{DocId, MemberId};
use crate::seal::{Seal, Vouching, record_of};
use crate::tls::Grounds;
use crate::trace::{Hop, LEGS, Leg, Party, Place, Proof, Step, TRACES, Trace, Tracer, Tracing};
use crate::uplink::Unreached;
use find::{Kept, Mail, Promise};

/// Chunks of evidence whose names are read before an answer, where they were not yet.
const CATCH_UP: usize = 8;

impl Tracer for Hub {
    fn trace<'a>(&'a self, what: &'a str, members: Option<&'a [MemberId]>) -> Tracing<'a> {
        Box::pin(async move {
            let seen = Seen {
                hub: self,
                grounds: self.grounds.borrow().clone(),
                members,
            };
            seen.all(what).await.map_err(|error| error.to_string())
        })
    }
}

struct Seen<'a> {
    hub: &'a Hub,
    grounds: Grounds,
    members: Option<&'a [MemberId]>,
}

impl Seen<'_> {
    async fn all(&self, what: &str) -> Result<Vec<Trace>, Error> {
        for _ in 0..CATCH_UP {
            if statistics::step(&self.hub.store, 512).await? == statistics::Step::Done {
                break;
            }
        }
        let found = find::by_name(&self.hub.store, what, TRACES * 8).await?;
        let documents = found.iter().any(|kept| !is_status(&kept.record));
        let mut traces = Vec::new();
        for kept in &found {
            // Statuses of a document stand in its way; alone they are told for themselves.
            if (documents && is_status(&kept.record)) || !self.concerns(&kept.record, what) {
                continue;
            }
            traces.push(self.told(kept).await?);
            if traces.len() == TRACES {
                break;
            }
        }
        Ok(traces)
    }

    /// Whether the asker may know of it at all, and by that name: what one recipient's software calls it tells another nothing.
    fn concerns(&self, record: &Record, what: &str) -> bool {
        let doc = |member: &MemberId| DocId::of_recipient(record.packet, member).to_string();
        let named = record
            .to
            .iter()
            .find(|to| doc(&to.member) == what.trim().to_lowercase());
        self.owns(&record.from)
            || match named {
                Some(to) => self.owns(&to.member),
                None => record.to.iter().any(|to| self.owns(&to.member)),
            }
    }

    fn owns(&self, code: &MemberId) -> bool {
        let same = |own: &MemberId| self.registered(own) == self.registered(code);
        self.members.is_none_or(|members| members.iter().any(same))
    }

    async fn told(&self, kept: &Kept) -> Result<Trace, Error> {
        let record = &kept.record;
        let proof = self.vouch(&kept.seal, record, kept.at);
        let mut hops = vec![Hop::new(&Step::Sealed, Some(record.time)).proven(Some(proof))];
        if record.kind == RecordKind::Void {
            hops.push(Hop::new(&Step::Refused, Some(kept.at)).because(record.reason.clone()));
        } else {
            let own = self.accepted(record).await;
            hops.push(Hop::new(&Step::Accepted, Some(kept.at)).proven(own));
        }
        let legs = self.legs(kept).await?;
        let left_off = legs.len().saturating_sub(LEGS) as u64;
        Ok(Trace {
            told_by: String::new(),
            packet: record.packet.to_string(),
            code: record.code.clone(),
            document: record.document.clone(),
            kind: record.message.clone().unwrap_or_default(),
            subject: None,
            priority: record.priority,
            from: self.party(&record.from),
            digest: record.digest.to_string(),
            size: record.size,
            hops,
            legs: legs.into_iter().take(LEGS).collect(),
            left_off,
        })
    }

    async fn legs(&self, kept: &Kept) -> Result<Vec<Leg>, Error> {
        let record = &kept.record;
        let mail = find::mail(&self.hub.store, record.packet).await?;
        let promises = find::promises(&self.hub.store, record.packet).await?;
        let statuses = match &record.document {
            Some(document) if !is_status(record) => {
                find::by_name(&self.hub.store, document, 512).await?
            }
            _ => Vec::new(),
        };
        let unreached = Unreached::from_reason(kept.unreached.as_deref());
        // A sender sees all of its recipients, a recipient sees itself.
        let whole = self.owns(&record.from);
        let mut legs: Vec<Leg> = Vec::new();
        for to in &record.to {
            if !whole && !self.owns(&to.member) {
                continue;
            }
            let code = self.registered(&to.member);
            if legs.iter().any(|leg| leg.to.code == code.as_str()) {
                continue;
            }
            let mut hops = Vec::new();
            if let Some(why) = unreached.why(&to.member) {
                let hop = Hop::new(&Step::Unreached, Some(kept.at));
                hops.push(hop.because(Some(why.to_owned())));
            }
            let of = promises.iter().filter(|one| one.member == code.as_str());
            hops.extend(of.filter_map(|one| self.promise(one, record)));
            hops.extend(
                statuses
                    .iter()
                    .filter_map(|one| self.status(one, &code, record)),
            );
            hops.sort_by_key(|hop| hop.at);
            let place = place(
                record,
                &hops,
                mail.iter().find(|m| m.recipient == code.as_str()),
            );
            legs.push(Leg {
                to: self.party(&code),
                hops,
                now: place.standing(),
            });
        }
        Ok(legs)
    }

    fn promise(&self, one: &Promise, about: &Record) -> Option<Hop> {
        let said = record_of(&one.seal).ok()?;
        let step = match one.status.as_str() {
            "delivered" => Step::Delivered,
            "collected" => Step::Collected,
            _ => Step::Failed,
        };
        let proof = self.vouch(&one.seal, about, one.at);
        let hop = Hop::new(&step, Some(said.time)).because(said.reason);
        Some(hop.proven(Some(proof)))
    }

    /// What `by` reported about the document; its words are for the sender, not for the hub.
    fn status(&self, one: &Kept, by: &MemberId, about: &Record) -> Option<Hop> {
        let record = &one.record;
        let code = record.status.clone().filter(|_| is_status(record))?;
        let sender = self.registered(&about.from);
        let fits = self.registered(&record.from) == *by
            && record
                .to
                .iter()
                .any(|to| self.registered(&to.member) == sender);
        let proof = self.vouch(&one.seal, record, one.at);
        fits.then(|| Hop::new(&Step::Status(code), Some(record.time)).proven(Some(proof)))
    }

    /// The hub's own promise that it has the packet.
    async fn accepted(&self, record: &Record) -> Option<Proof> {
        let log = &self.hub.log;
        let key = format!("accepted:{}", record.packet);
        let proof = log.archive().proof(log.member(), &key).await.ok()?;
        let made = Record::parse(&proof.record).ok()?.time;
        Some(self.vouch(&Seal::from(&proof).encode(), record, made))
    }

    fn vouch(&self, seal: &[u8], about: &Record, at: Moment) -> Proof {
        let vouching = Vouching {
            opener: &self.hub.opener,
            trust: &self.grounds.trust,
            directory: self.grounds.directory.as_deref(),
        };
        vouching.vouch(seal, (about.packet, about.digest), at)
    }

    fn registered(&self, code: &MemberId) -> MemberId {
        let listed = self
            .grounds
            .directory
            .as_ref()
            .and_then(|all| all.find(code));
        listed.map_or_else(|| code.clone(), |member| member.code.clone())
    }

    fn party(&self, code: &MemberId) -> Party {
        let directory: Option<&Arc<_>> = self.grounds.directory.as_ref();
        let listed = directory.and_then(|all| all.find(code));
        Party {
            code: code.to_string(),
            name: listed.map_or_else(String::new, |member| member.name.clone()),
        }
    }
}

fn is_status(record: &Record) -> bool {
    record.message.as_deref() == Some("status")
}

fn place(record: &Record, hops: &[Hop], mail: Option<&Mail>) -> Place {
    let has = |word: &str| hops.iter().any(|hop| hop.step == word);
    if record.kind == RecordKind::Void {
        return Place::Refused;
    }
    if has("unreached") {
        return Place::Unreached;
    }
    if has("failed") {
        return Place::Failed;
    }
    if has("collected") {
        return Place::Arrived;
    }
    if has("delivered") {
        return Place::Offered;
    }
    match mail {
        Some(mail) if mail.state == order::HIDDEN => Place::Behind,
        Some(mail) if mail.leased => Place::Fetching,
        _ => Place::Mailbox,
    }
}
