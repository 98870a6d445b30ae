//! A hub, two members and a key that nobody registered, all under one test authority.

use time::Duration;
use time::macros::datetime;

use crate::clock::{Chance, Moment};
use crate::evidence::{Addressee, Record, RecordKind};
use crate::merkle::checkpoint::Checkpoint;
use crate::merkle::{Batch, Frontier, Hash, leaf_hash};
use crate::packet::{Digest, MemberId, PacketId};
use crate::seal::Seal;
use crate::signer::cms::Signer;
use crate::trust::directory::{BoxEntry, Content, Directory, Fingerprint, Member};
use crate::trust::issue::{TestCa, TestKey, Use, Wanted};
use crate::trust::{Profile, Revocation, Stale, Trust};

pub(super) const NOW: Moment = datetime!(2026-03-01 08:00 UTC);
pub(super) const DOCUMENT: &[u8] = "Công văn số 7816/VPCP-TTĐT".as_bytes();

/// A seal key with its chain.
pub(super) struct Keeper {
    pub(super) code: MemberId,
    key: TestKey,
    chain: Vec<Vec<u8>>,
}

pub(super) struct World {
    pub(super) ca: TestCa,
    pub(super) hub: Keeper,
    pub(super) sender: Keeper,
    pub(super) recipient: Keeper,
    pub(super) stranger: Keeper,
    pub(super) directory: Directory,
    pub(super) packet: PacketId,
}

impl World {
    pub(super) fn new() -> Self {
        let chance = Chance::system();
        let ca = TestCa::new(&chance, NOW).unwrap();
        let keeper = |code: &str| Keeper::new(&ca, &chance, code);
        let (hub, sender, recipient, stranger) = (
            keeper("TRUC"),
            keeper("000.00.00.G22"),
            keeper("000.00.00.H41"),
            keeper("000.00.00.G09"),
        );
        let directory = Directory::new(Content {
            version: 1,
            issued: NOW,
            valid_until: NOW + Duration::days(7),
            hub: Some(BoxEntry {
                code: hub.code.clone(),
                tls: Vec::new(),
                seal: vec![hub.print()],
            }),
            members: vec![sender.entry(1), recipient.entry(2)],
            boxes: Vec::new(),
        })
        .unwrap();
        Self {
            packet: PacketId::new(NOW, &chance),
            ca,
            hub,
            sender,
            recipient,
            stranger,
            directory,
        }
    }

    pub(super) fn trust(&self) -> Trust {
        self.trust_with(Revocation::none())
    }

    pub(super) fn trust_with(&self, revocation: Revocation) -> Trust {
        let anchors = vec![self.ca.root_der()];
        let others = vec![self.ca.intermediate_der()];
        Trust::new(anchors, others, Profile::default(), revocation).unwrap()
    }

    /// As [`World::trust`], but knowing the issuing authority only from what comes with a signature.
    pub(super) fn root_alone(&self) -> Trust {
        let anchors = vec![self.ca.root_der()];
        Trust::new(anchors, vec![], Profile::default(), Revocation::none()).unwrap()
    }

    /// Lists of both authorities that are good for a day from now on.
    pub(super) fn lists(&self, revoked: &[String]) -> Revocation {
        let next = NOW + Duration::days(1);
        Revocation {
            lists: vec![
                self.ca.root_revocation_list(&[], NOW, next).unwrap(),
                self.ca.revocation_list(revoked, NOW, next).unwrap(),
            ],
            window: std::time::Duration::ZERO,
            then: Stale::Refuse,
        }
    }

    /// What the sender says of its packet.
    pub(super) fn packet_record(&self) -> Record {
        let mut record = self.record(RecordKind::Packet, &self.sender);
        record.to = vec![Addressee {
            member: self.recipient.code.clone(),
            sequence: 1,
        }];
        record.code = Some("7816/VPCP-TTĐT".to_owned());
        record
    }

    /// What `keeper` promises about the packet.
    pub(super) fn receipt_record(&self, keeper: &Keeper, status: &str) -> Record {
        let mut record = self.record(RecordKind::Receipt, keeper);
        record.status = Some(status.to_owned());
        record
    }

    fn record(&self, kind: RecordKind, keeper: &Keeper) -> Record {
        let what = (Digest::of(DOCUMENT), DOCUMENT.len() as u64);
        Record::new(kind, self.packet, what, keeper.code.clone(), NOW)
    }
}

impl Keeper {
    pub(super) fn new(ca: &TestCa, chance: &Chance, code: &str) -> Self {
        let code: MemberId = code.parse().unwrap();
        let key = TestKey::new().unwrap();
        let wanted = Wanted {
            spki_der: &key.spki_der(),
            usage: Use::Seal,
            code: Some(&code),
            name: "Cơ quan thử nghiệm",
            not_before: NOW - Duration::days(1),
            not_after: NOW + Duration::days(365),
        };
        let chain = vec![ca.issue(&wanted, chance).unwrap(), ca.intermediate_der()];
        Self { code, key, chain }
    }

    fn print(&self) -> Fingerprint {
        Fingerprint::of(&self.chain[0])
    }

    fn entry(&self, id: u64) -> Member {
        Member {
            level: 1,
            seal: vec![self.print()],
            ..Member::new(self.code.clone(), id, "Cơ quan thử nghiệm".to_owned())
        }
    }

    /// Signs whatever it is given.
    pub(super) fn sign(&self, content: &[u8]) -> Vec<u8> {
        let signer = Signer::new(&self.chain).unwrap();
        let draft = signer.draft(content, NOW).unwrap();
        let signature = self.key.sign(draft.to_sign()).unwrap();
        draft.finish(signature).unwrap()
    }

    /// Seals a record as the fourth of seven in a log of its own.
    pub(super) fn seal(&self, record: &Record) -> Seal {
        self.seal_as(record, self.code.as_str())
    }

    /// As [`Keeper::seal`], under a checkpoint that claims to be of `origin`.
    pub(super) fn seal_as(&self, record: &Record, origin: &str) -> Seal {
        let record = record.encode();
        let leaves: Vec<Hash> = (0..7_u8)
            .map(|at| {
                if at == 3 {
                    leaf_hash(&record)
                } else {
                    leaf_hash(&[at])
                }
            })
            .collect();
        let tree = Batch::new(Frontier::empty(), &leaves);
        let checkpoint = Checkpoint {
            origin: origin.to_owned(),
            size: tree.size(),
            root: tree.root(),
            extensions: vec!["hub 17".to_owned()],
        };
        let checkpoint = checkpoint.body().into_bytes();
        Seal {
            record,
            index: 3,
            path: tree.inclusion(3).unwrap(),
            cms: self.sign(&checkpoint),
            checkpoint,
        }
    }
}
