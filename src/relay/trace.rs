//! A packet's way as this box has seen it: its sender's whole, a recipient's own leg.

use std::sync::Arc;

use super::Relay;
use crate::clock::Moment;
use crate::evidence::Record;
use crate::packet::{Envelope, MemberId};
use crate::seal::{Seal, Vouching, record_of};
use crate::spool::{self, Found, Incoming, KeptReceipt, Outgoing};
use crate::tls::Grounds;
use crate::trace::{Hop, LEGS, Leg, Party, Place, Proof, Step, TRACES, Trace, Tracer, Tracing};

impl Tracer for Arc<Relay> {
    fn trace<'a>(&'a self, what: &'a str, members: Option<&'a [MemberId]>) -> Tracing<'a> {
        Box::pin(async move {
            let seen = Seen {
                relay: self,
                grounds: self.grounds.borrow().clone(),
                members,
            };
            let traces = seen.all(what).await;
            traces.map_err(|error| error.to_string())
        })
    }
}

/// What is told is judged by this.
struct Seen<'a> {
    relay: &'a Arc<Relay>,
    grounds: Grounds,
    /// The only members whose packets are told of.
    members: Option<&'a [MemberId]>,
}

impl Seen<'_> {
    async fn all(&self, what: &str) -> Result<Vec<Trace>, spool::Error> {
        let limit = u32::try_from(TRACES * 8).unwrap_or(u32::MAX);
        let mut found = self.relay.spool.find(what, limit).await?;
        if let Some(only) = self.members {
            found.outgoing.retain(|one| only.contains(&one.member));
            found.incoming.retain(|one| only.contains(&one.member));
        }
        let is_status = |envelope: &Envelope| envelope.status.is_some();
        let documents = found.outgoing.iter().any(|one| !is_status(&one.envelope))
            || found.incoming.iter().any(|one| !is_status(&one.envelope));
        // Statuses of a document stand in its way; alone they are told for themselves.
        let told = |envelope: &Envelope| !documents || !is_status(envelope);
        let mut traces = Vec::new();
        for one in found.outgoing.iter().filter(|one| told(&one.envelope)) {
            let about = self.about(&one.envelope, what, &found).await?;
            traces.push(self.sent(one, &about).await);
        }
        for one in found.incoming.iter().filter(|one| told(&one.envelope)) {
            let about = self.about(&one.envelope, what, &found).await?;
            traces.push(self.received(one, &about));
        }
        traces.truncate(TRACES);
        Ok(traces)
    }

    /// What else bears the document's name: its statuses are among them.
    async fn about(
        &self,
        envelope: &Envelope,
        what: &str,
        found: &Found,
    ) -> Result<Found, spool::Error> {
        match &envelope.document {
            Some(document) if document != what => self.relay.spool.find(document, 512).await,
            _ => Ok(found.clone()),
        }
    }

    async fn sent(&self, one: &Outgoing, about: &Found) -> Trace {
        let seal = self.own_seal(one).await;
        let mut hops = vec![Hop::new(&Step::Kept, Some(one.kept_at))];
        if let Some(seal) = &seal {
            let made = record_of(seal).ok().map(|record| record.time);
            let proof = self.vouch(seal, one.packet, one.digest, made.unwrap_or(one.kept_at));
            hops.push(Hop::new(&Step::Sealed, made).proven(Some(proof)));
        }
        let accepted = one
            .receipts
            .iter()
            .find(|(word, by, _)| word == "accepted" && by.is_empty());
        match one.state.as_str() {
            "accepted" => hops.push(
                Hop::new(&Step::Accepted, one.ended_at)
                    .proven(accepted.map(|kept| self.proof(kept, one))),
            ),
            "refused" => {
                hops.push(Hop::new(&Step::Refused, one.ended_at).because(one.reason.clone()));
            }
            _ => {}
        }
        let all = one.recipients.len();
        let legs = one
            .recipients
            .iter()
            .take(LEGS)
            .map(|(to, state, reason, at)| {
                let mut hops = self.promises(one, to);
                if state == "fail"
                    && hops.iter().all(|hop| hop.step != "failed")
                    && one.state == "accepted"
                {
                    hops.push(Hop::new(&Step::Unreached, Some(*at)).because(reason.clone()));
                }
                hops.extend(statuses_of(about, &one.member, to));
                Leg {
                    to: self.party(to),
                    now: self.place(one, seal.is_some(), state, &hops).standing(),
                    hops: in_time(hops),
                }
            });
        let legs = legs.collect();
        let mut trace = self.told(&one.envelope, &one.member);
        trace.packet = one.packet.to_string();
        (trace.digest, trace.size) = (one.digest.to_string(), one.size);
        (trace.hops, trace.legs) = (hops, legs);
        trace.left_off = all.saturating_sub(LEGS) as u64;
        trace
    }

    fn place(&self, one: &Outgoing, sealed: bool, state: &str, hops: &[Hop]) -> Place {
        let unreached = || hops.iter().any(|hop| hop.step == "unreached");
        match (one.state.as_str(), state) {
            ("refused", _) => Place::Refused,
            ("kept", _) => {
                let failing = self.relay.hub.last().failing.map(|(_, why)| why);
                if sealed {
                    Place::Unsubmitted(failing)
                } else {
                    Place::Unsealed(failing)
                }
            }
            (_, "done") => Place::Arrived,
            (_, "fail") if unreached() => Place::Unreached,
            (_, "fail") => Place::Failed,
            (_, "delivered") => Place::Offered,
            _ => Place::Accepted,
        }
    }

    /// What a recipient promised.
    fn promises(&self, one: &Outgoing, to: &MemberId) -> Vec<Hop> {
        let of = one.receipts.iter().filter(|(_, by, _)| by == to.as_str());
        of.filter_map(|kept| {
            let record = record_of(&kept.2).ok()?;
            let proof = self.proof(kept, one);
            Some(promise(&kept.0, &record)?.proven(Some(proof)))
        })
        .collect()
    }

    fn received(&self, one: &Incoming, about: &Found) -> Trace {
        let made = record_of(&one.seal).ok().map(|record| record.time);
        let proof = self.vouch(&one.seal, one.packet, one.digest, one.created);
        let sealed = Hop::new(&Step::Sealed, made).proven(Some(proof));
        let mut hops: Vec<Hop> = one
            .receipts
            .iter()
            .filter_map(|kept| {
                let record = record_of(&kept.2).ok()?;
                let proof = self.vouch(&kept.2, one.packet, one.digest, record.time);
                Some(promise(&kept.0, &record)?.proven(Some(proof)))
            })
            .collect();
        let has = |hops: &[Hop], word: &str| hops.iter().any(|hop| hop.step == word);
        if !has(&hops, "delivered") {
            hops.push(Hop::new(&Step::Delivered, Some(one.created)));
        }
        if one.state == "done" && !has(&hops, "collected") {
            hops.push(Hop::new(&Step::Collected, Some(one.updated)));
        }
        if one.state == "fail" && !has(&hops, "failed") {
            let failed = Hop::new(&Step::Failed, Some(one.updated));
            hops.push(failed.because(one.reason.clone()));
        }
        hops.extend(statuses_by(about, &one.member, &one.sender));
        let place = match one.state.as_str() {
            "done" => Place::Arrived,
            "fail" => Place::Failed,
            _ => Place::Offered,
        };
        let mut trace = self.told(&one.envelope, &one.sender);
        trace.packet = one.packet.to_string();
        (trace.digest, trace.size) = (one.digest.to_string(), one.size);
        trace.hops = vec![sealed];
        trace.legs = vec![Leg {
            to: self.party(&one.member),
            hops: in_time(hops),
            now: place.standing(),
        }];
        trace
    }

    fn told(&self, envelope: &Envelope, from: &MemberId) -> Trace {
        Trace {
            told_by: String::new(),
            packet: String::new(),
            code: envelope.code(),
            document: envelope.document.clone(),
            kind: envelope.kind.as_str().to_owned(),
            subject: envelope.subject.clone(),
            priority: envelope.priority.number(),
            from: self.party(from),
            digest: String::new(),
            size: 0,
            hops: Vec::new(),
            legs: Vec::new(),
            left_off: 0,
        }
    }

    /// The member's seal over the packet, as soon as there is one.
    async fn own_seal(&self, one: &Outgoing) -> Option<Vec<u8>> {
        let log = self.relay.logs.get(&one.member)?;
        let key = format!("packet:{}", one.packet);
        let proof = log.archive().proof(&one.member, &key).await.ok()?;
        Some(Seal::from(&proof).encode())
    }

    fn proof(&self, kept: &KeptReceipt, one: &Outgoing) -> Proof {
        let made = record_of(&kept.2).ok().map(|record| record.time);
        self.vouch(&kept.2, one.packet, one.digest, made.unwrap_or(one.kept_at))
    }

    fn vouch(
        &self,
        seal: &[u8],
        packet: crate::packet::PacketId,
        digest: crate::packet::Digest,
        at: Moment,
    ) -> Proof {
        let vouching = Vouching {
            opener: &self.relay.opener,
            trust: &self.grounds.trust,
            directory: self.grounds.directory.as_deref(),
        };
        vouching.vouch(seal, (packet, digest), at)
    }

    fn party(&self, code: &MemberId) -> Party {
        party(&self.grounds, code)
    }
}

impl Relay {
    /// The members of this box in the order of their codes, as the directory names them.
    #[must_use]
    pub fn parties(&self) -> Vec<Party> {
        let grounds = self.grounds.borrow().clone();
        let mut members: Vec<&MemberId> = self.members().collect();
        members.sort();
        let members = members.into_iter();
        members.map(|member| party(&grounds, member)).collect()
    }
}

fn party(grounds: &Grounds, code: &MemberId) -> Party {
    let directory = grounds.directory.as_ref();
    let listed = directory.and_then(|all| all.find(code));
    Party {
        code: code.to_string(),
        name: listed.map_or_else(String::new, |member| member.name.clone()),
    }
}

fn promise(word: &str, record: &Record) -> Option<Hop> {
    let step = match word {
        "delivered" => Step::Delivered,
        "collected" => Step::Collected,
        "failed" => Step::Failed,
        _ => return None,
    };
    Some(Hop::new(&step, Some(record.time)).because(record.reason.clone()))
}

/// Statuses that came from `by` to our member.
fn statuses_of(about: &Found, member: &MemberId, by: &MemberId) -> Vec<Hop> {
    let of = about
        .incoming
        .iter()
        .filter(|one| one.member == *member && one.sender == *by);
    of.filter_map(|one| status(&one.envelope, one.created))
        .collect()
}

/// Statuses that our member sent to `to`.
fn statuses_by(about: &Found, member: &MemberId, to: &MemberId) -> Vec<Hop> {
    let of = about
        .outgoing
        .iter()
        .filter(|one| one.member == *member && one.recipients.iter().any(|(code, ..)| code == to));
    of.filter_map(|one| status(&one.envelope, one.kept_at))
        .collect()
}

fn status(envelope: &Envelope, at: Moment) -> Option<Hop> {
    let code = envelope.status.clone()?;
    Some(Hop::new(&Step::Status(code), Some(at)).because(envelope.reason.clone()))
}

fn in_time(mut hops: Vec<Hop>) -> Vec<Hop> {
    hops.sort_by_key(|hop| hop.at);
    hops
}
