//! A member that seals, its log kept in memory.

use std::collections::HashMap;

use super::cms;
use super::world::{Pair, World, code};
use crate::evidence::{Addressee, Head, Record, RecordKind};
use crate::merkle::checkpoint::Checkpoint;
use crate::merkle::{Batch, Frontier, Hash, leaf_hash};
use crate::packet::{Digest, MemberId, PacketId};
use crate::seal::Seal;
use crate::spool;
use crate::uplink::{self, Announced};

/// A member's log, kept in memory.
pub(super) struct MemberLog {
    pub(super) code: MemberId,
    pair: Pair,
    leaves: Vec<Hash>,
    announced: u64,
    /// Heads that were signed and not announced.
    pending: Vec<Head>,
    sequences: HashMap<String, u64>,
}

/// A record with its body, sealed.
#[derive(Clone)]
pub(super) struct Sealed {
    pub(super) packet: PacketId,
    pub(super) record: Record,
    pub(super) seal: Vec<u8>,
    pub(super) body: Vec<u8>,
}

impl Sealed {
    pub(super) fn body(&self) -> spool::Body {
        spool::Body::Inline(self.body.clone().into())
    }
}

/// What a packet is to be.
pub(super) struct Draft<'a> {
    pub(super) to: &'a [&'a str],
    pub(super) message: &'a str,
    pub(super) document: &'a str,
    pub(super) refs: &'a [&'a str],
    pub(super) priority: u8,
    pub(super) body: Vec<u8>,
}

pub(super) fn document<'a>(to: &'a [&'a str], document: &'a str) -> Draft<'a> {
    Draft {
        to,
        message: "new",
        document,
        refs: &[],
        priority: 0,
        body: document.as_bytes().to_vec(),
    }
}

impl MemberLog {
    pub(super) fn new(code: MemberId, pair: Pair) -> Self {
        Self {
            code,
            pair,
            leaves: Vec::new(),
            announced: 0,
            pending: Vec::new(),
            sequences: HashMap::new(),
        }
    }

    /// The certificate that it seals by.
    pub(super) fn certificate(&self) -> Vec<u8> {
        self.pair.certificate.clone()
    }

    /// Gives the next place between this member and `to`.
    pub(super) fn place(&mut self, to: &str) -> Addressee {
        let last = self.sequences.entry(to.to_owned()).or_default();
        *last += 1;
        Addressee {
            member: code(to),
            sequence: *last,
        }
    }

    pub(super) fn draft(&mut self, world: &World, draft: Draft<'_>) -> (Record, Vec<u8>) {
        let packet = PacketId::new(world.clock.now(), &world.chance);
        let body = draft.body;
        let (digest, size) = (Digest::of(&body), body.len() as u64);
        let mut record = Record::new(
            RecordKind::Packet,
            packet,
            (digest, size),
            self.code.clone(),
            world.clock.now(),
        );
        record.to = draft.to.iter().map(|to| self.place(to)).collect();
        record.message = Some(draft.message.to_owned());
        record.document = Some(draft.document.to_owned());
        record.refs = draft.refs.iter().map(|r| (*r).to_owned()).collect();
        record.priority = draft.priority;
        (record, body)
    }

    pub(super) fn seal_draft(&mut self, world: &World, draft: Draft<'_>) -> Sealed {
        let (record, body) = self.draft(world, draft);
        self.seal(record, body)
    }

    /// The record joins the log under a head of its own.
    pub(super) fn seal(&mut self, record: Record, body: Vec<u8>) -> Sealed {
        self.seal_all(vec![(record, body)]).remove(0)
    }

    /// The records join the log under one head.
    pub(super) fn seal_all(&mut self, records: Vec<(Record, Vec<u8>)>) -> Vec<Sealed> {
        let first = self.leaves.len() as u64;
        let bytes: Vec<Vec<u8>> = records.iter().map(|(record, _)| record.encode()).collect();
        self.leaves.extend(bytes.iter().map(|b| leaf_hash(b)));
        let head = self.head();
        self.pending.push(head.clone());
        let batch = Batch::new(Frontier::empty(), &self.leaves);
        let whole = records.into_iter().zip(bytes).zip(first..);
        whole
            .map(|(((record, body), bytes), index)| Sealed {
                packet: record.packet,
                seal: Seal {
                    record: bytes,
                    index,
                    path: batch.inclusion(index).unwrap(),
                    checkpoint: head.body.clone(),
                    cms: head.cms.clone(),
                }
                .encode(),
                record,
                body,
            })
            .collect()
    }

    pub(super) fn head(&self) -> Head {
        let batch = Batch::new(Frontier::empty(), &self.leaves);
        let checkpoint = Checkpoint {
            origin: self.code.to_string(),
            size: batch.size(),
            root: batch.root(),
            extensions: Vec::new(),
        };
        let body = checkpoint.body().into_bytes();
        let cms = cms::sign(&self.pair.key, &self.pair.certificate, &body);
        Head {
            origin: self.code.clone(),
            size: checkpoint.size,
            root: checkpoint.root,
            body,
            cms,
        }
    }

    pub(super) fn proof(&self, from: u64, to: u64) -> Vec<Hash> {
        let (from, to) = (usize::try_from(from).unwrap(), usize::try_from(to).unwrap());
        let mut edge = Frontier::empty();
        for leaf in &self.leaves[..from] {
            edge.push(*leaf);
        }
        Batch::new(edge, &self.leaves[from..to])
            .consistency()
            .unwrap_or_default()
    }

    /// Forgets the last records, as a restored box does.
    pub(super) fn roll_back(&mut self, to: usize) {
        self.leaves.truncate(to);
    }

    /// Goes on behind that many records, which the hub knows as the newest.
    pub(super) fn go_on_behind(&mut self, size: usize) {
        self.roll_back(size);
        self.pending.clear();
        self.announced = size as u64;
    }

    /// Announces all heads since the last time.
    pub(super) async fn announce(&mut self, hub: &uplink::Hub) {
        for head in std::mem::take(&mut self.pending) {
            let proof = self.proof(self.announced, head.size);
            let announced = hub.announce(&head, self.announced, &proof).await.unwrap();
            assert_eq!(announced, Announced::Taken);
            self.announced = head.size;
        }
    }

    /// A receipt for a packet that came.
    pub(super) fn receipt(&mut self, world: &World, of: &Record, status: &str) -> Sealed {
        let mut record = Record::new(
            RecordKind::Receipt,
            of.packet,
            (of.digest, of.size),
            self.code.clone(),
            world.clock.now(),
        );
        record.to = vec![Addressee {
            member: of.from.clone(),
            sequence: 0,
        }];
        record.status = Some(status.to_owned());
        self.seal(record, Vec::new())
    }
}
