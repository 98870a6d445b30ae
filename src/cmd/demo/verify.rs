//! Judges the evidence of every packet, at its sender and at each recipient, with public material alone: the TEST root, its
//! revocation lists and the hub's sealed directory.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::ledger::{End, Entry};
use super::screen::Fault;
use crate::clock::{Clock, rfc3339};
use crate::cmd::evidence::{self, CodeIn, VerifyArgs};
use crate::durable::Disk;
use crate::evidence::Record;
use crate::packet::{Digest, DocId, MemberId, PacketId};
use crate::provision::lab::Lab;
use crate::relay::Directories;
use crate::seal::{Bundle, Opener, Seal, Sealer};
use crate::tls::TrustFiles;
use crate::trust::directory::Directory;
use crate::trust::{Profile, Stale, Trust};

/// Everything a stranger needs.
#[derive(Debug)]
pub(super) struct Verifier {
    opener: Opener,
    trust: Arc<Trust>,
    directory: Arc<Directory>,
    hub: MemberId,
    clock: Clock,
    anchors: PathBuf,
    proofs: PathBuf,
}

/// Where the proofs lie, below the demo's directory.
const PROOFS: &str = "proofs";

/// The file of one packet's proof.
pub(super) fn proof_file(directory: &Path, packet: PacketId) -> PathBuf {
    directory.join(PROOFS).join(format!("{packet}.json"))
}

/// What the verified receipts of one packet promise, in recipients.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Promised {
    pub(super) accepted: usize,
    pub(super) delivered: usize,
    pub(super) collected: usize,
    pub(super) failed: usize,
    /// Seals that hold.
    pub(super) seals: usize,
}

impl Verifier {
    pub(super) fn new(lab: &Lab) -> Result<Self, Fault> {
        let trust = lab.directory().join("trust");
        let files = TrustFiles {
            anchors: vec![lab.anchors()],
            intermediates: vec![lab.intermediates()],
            revocation_lists: vec![trust.join("root.crl"), trust.join("issuing.crl")],
            stale_hours: 24,
            stale_then: Stale::default(),
            profile: Profile::default(),
        };
        let (hub, clock) = (lab.hub.code.clone(), lab.clock().clone());
        let file = lab.boxes[0].state().join("directory");
        let trust = files.load().map_err(|error| error.to_string())?;
        let grounds = Directories::new(Disk::real(), file, hub.clone()).grounds(trust, &clock);
        let directory = grounds.directory.ok_or_else(|| {
            Fault::new("danh bạ có dấu của Trục / the sealed directory", "không có")
        })?;
        let proofs = lab.directory().join(PROOFS);
        Disk::real()
            .make_dir(&proofs)
            .map_err(|error| error.to_string())?;
        Ok(Self {
            anchors: lab.anchors(),
            proofs,
            opener: Opener::default(),
            trust: grounds.trust,
            directory,
            hub,
            clock,
        })
    }

    /// Writes the sender's proof to its file and has it judged there as a stranger would: `trucgate evidence verify`, with
    /// nothing but the file and the root.
    pub(super) fn stranger(&self, doc: DocId, from: &MemberId, proof: &[u8]) -> Result<(), String> {
        let packet = PacketId::of_sender(doc);
        let file = self.proofs.join(format!("{packet}.json"));
        Disk::real().replace(&file, proof).map_err(told)?;
        let arguments = VerifyArgs {
            proof: file,
            document: None,
            anchors: vec![self.anchors.clone()],
            intermediates: Vec::new(),
            crl: Vec::new(),
            at: Some(rfc3339(self.clock.now())),
            member: Some(from.clone()),
            hub: Some(self.hub.clone()),
            code_in: CodeIn::default(),
            strict: false,
            json: false,
        };
        let mut told = Vec::new();
        match evidence::verify(&arguments, &mut told) {
            evidence::HOLDS => Ok(()),
            _ => Err(String::from_utf8_lossy(&told).into_owned()),
        }
    }

    /// The sender's proof: its seal over exactly these bytes, and a receipt for each place the packet has to have reached.
    pub(super) fn sender(&self, entry: &Entry, proof: &[u8]) -> Result<Promised, String> {
        let bundle = Bundle::from_json(proof)?;
        self.seal(entry, &bundle, (entry.digest, entry.size))?;
        let mut promised = Promised {
            seals: 1,
            ..Promised::default()
        };
        let mut held = HashSet::new();
        for receipt in &bundle.receipts()? {
            held.insert(self.receipt(entry, receipt)?);
            promised.seals += 1;
        }
        let has = |status: &str, by: &MemberId| held.contains(&(status.to_owned(), by.clone()));
        for (to, end) in &entry.ends {
            let (delivered, last) = match end {
                End::Collected => (true, has("collected", to)),
                End::Failed => (true, has("failed", to)),
                End::Accepted => (false, true),
            };
            if !has("accepted", &self.hub) || (delivered && !has("delivered", to)) || !last {
                return Err(format!(
                    "{to}: thiếu biên nhận có dấu / a sealed receipt is missing"
                ));
            }
            promised.accepted += usize::from(has("accepted", &self.hub));
            promised.delivered += usize::from(has("delivered", to));
            promised.collected += usize::from(has("collected", to));
            promised.failed += usize::from(has("failed", to));
        }
        Ok(promised)
    }

    /// A recipient's proof: the sender's seal over exactly the bytes that came out there.
    pub(super) fn recipient(
        &self,
        entry: &Entry,
        proof: &[u8],
        came: (Digest, u64),
    ) -> Result<(), String> {
        self.seal(entry, &Bundle::from_json(proof)?, came)
    }

    fn seal(&self, entry: &Entry, bundle: &Bundle, body: (Digest, u64)) -> Result<(), String> {
        let seal = bundle.seal()?;
        let sealer = Sealer::Member(&self.directory);
        let claim = self
            .opener
            .claim(&seal, &self.trust, sealer, self.clock.now())
            .map_err(told)?;
        let opened = claim.complete(body.0, body.1).map_err(told)?;
        let record = opened.record();
        if record.packet == PacketId::of_sender(entry.doc) && record.from == entry.from {
            Ok(())
        } else {
            Err(format!(
                "dấu của gói tin khác / sealed is {}",
                record.packet
            ))
        }
    }

    /// A receipt about this packet and these bytes: its word, and whose it is.
    fn receipt(&self, entry: &Entry, seal: &[u8]) -> Result<(String, MemberId), String> {
        let said = Record::parse(&Seal::decode(seal).map_err(told)?.record).map_err(told)?;
        let sealer = if said.from == self.hub {
            Sealer::Hub(&self.directory)
        } else {
            Sealer::Member(&self.directory)
        };
        let claim = self
            .opener
            .claim(seal, &self.trust, sealer, self.clock.now())
            .map_err(told)?;
        let receipt = claim.receipt().map_err(told)?;
        let record = receipt.record();
        let about = (record.packet, record.digest, record.size);
        if about == (PacketId::of_sender(entry.doc), entry.digest, entry.size) {
            let status = record.status.clone().unwrap_or_default();
            Ok((status, record.from.clone()))
        } else {
            Err(format!(
                "biên nhận của gói tin khác / a receipt of {}",
                record.packet
            ))
        }
    }
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}
