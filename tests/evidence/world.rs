//! A hub, a sender and a recipient under one test authority, and the proof of a packet between them.

use std::path::{Path, PathBuf};

use time::Duration;
use time::macros::datetime;
use trucgate::clock::{Chance, Moment};
use trucgate::durable::Disk;
use trucgate::evidence::{Addressee, Record, RecordKind};
use trucgate::merkle::checkpoint::Checkpoint;
use trucgate::merkle::{Batch, Frontier, Hash, leaf_hash};
use trucgate::packet::{Digest, MemberId, PacketId};
use trucgate::seal::{Bundle, Seal};
use trucgate::signer::cms::Signer;
use trucgate::trust::issue::{TestCa, TestKey, Use, Wanted};
use trucgate::trust::ocsp::{self, Reply, Responder};
use trucgate::trust::stamp::{self, Query};
use trucgate::trust::{Profile, Revocation, Trust, pem};

/// When the packet is sent; certificates end a month later.
pub(crate) const SENT: Moment = datetime!(2026-03-01 08:00 UTC);
pub(crate) const DOCUMENT: &[u8] = "Công văn số 7816/VPCP-TTĐT".as_bytes();

pub(crate) struct Keeper {
    pub(crate) code: MemberId,
    pub(crate) key: TestKey,
    pub(crate) chain: Vec<Vec<u8>>,
}

pub(crate) struct World {
    pub(crate) ca: TestCa,
    pub(crate) hub: Keeper,
    pub(crate) sender: Keeper,
    pub(crate) recipient: Keeper,
    pub(crate) packet: PacketId,
    directory: tempfile::TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        let chance = Chance::system();
        let ca = TestCa::new(&chance, SENT).unwrap();
        let keeper = |code: &str| Keeper::new(&ca, &chance, code);
        let world = Self {
            hub: keeper("TRUC"),
            sender: keeper("000.00.00.G22"),
            recipient: keeper("000.00.00.H41"),
            packet: PacketId::new(SENT, &chance),
            directory: tempfile::tempdir().unwrap(),
            ca,
        };
        world.put("document", DOCUMENT);
        let root = pem::encode("CERTIFICATE", &world.ca.root_der());
        world.put("anchors.pem", root.as_bytes());
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        put(&path, bytes);
        path
    }

    pub(crate) fn record(&self, kind: RecordKind, keeper: &Keeper, at: Moment) -> Record {
        let what = (Digest::of(DOCUMENT), DOCUMENT.len() as u64);
        Record::new(kind, self.packet, what, keeper.code.clone(), at)
    }

    pub(crate) fn packet_record(&self) -> Record {
        let mut record = self.record(RecordKind::Packet, &self.sender, SENT);
        record.to = vec![Addressee {
            member: self.recipient.code.clone(),
            sequence: 1,
        }];
        record.code = Some("7816/VPCP-TTĐT".to_owned());
        record
    }

    /// A receipt sealed when it says so.
    pub(crate) fn receipt(&self, keeper: &Keeper, status: &str, at: Moment) -> Vec<u8> {
        let mut record = self.record(RecordKind::Receipt, keeper, at);
        record.status = Some(status.to_owned());
        keeper.seal(&record, at)
    }

    /// Lists of both authorities, made a week after the packet.
    pub(crate) fn lists(&self, revoked: &[String], since: Moment) -> Vec<Vec<u8>> {
        let next = since + Duration::days(30);
        vec![
            self.ca.root_revocation_list(&[], since, next).unwrap(),
            self.ca.revocation_list(revoked, since, next).unwrap(),
        ]
    }

    /// The whole proof: accepted a second, delivered a minute after it was sent.
    pub(crate) fn bundle(&self) -> Bundle {
        self.bundle_with(&self.lists(&[], SENT + Duration::days(7)))
    }

    pub(crate) fn bundle_with(&self, lists: &[Vec<u8>]) -> Bundle {
        let seal = self.sender.seal(&self.packet_record(), SENT);
        let receipts = [
            self.receipt(&self.hub, "accepted", SENT + Duration::seconds(1)),
            self.receipt(&self.recipient, "delivered", SENT + Duration::minutes(1)),
        ];
        Bundle::new(&seal, receipts.iter().map(Vec::as_slice), lists)
    }
}

impl World {
    fn appointed(&self, usage: Use<'_>) -> (TestKey, Vec<u8>) {
        let key = TestKey::new().unwrap();
        let wanted = Wanted {
            spki_der: &key.spki_der(),
            usage,
            code: None,
            name: "TEST, appointed by the authority",
            not_before: SENT - Duration::days(1),
            not_after: SENT + Duration::days(900),
        };
        let der = self.ca.issue(&wanted, &Chance::system()).unwrap();
        (key, der)
    }

    /// A time stamp over a seal's CMS (RFC 3161).
    pub(crate) fn stamp(&self, seal: &[u8], at: Moment) -> Vec<u8> {
        let (key, der) = self.appointed(Use::TimeStamping);
        let cms = Seal::decode(seal).unwrap().cms;
        let query = Query::new(&cms, [7; 16], None).unwrap();
        let asked = stamp::Asked::read(&query.der).unwrap();
        let info = asked.info(&[0x41; 8], at, "1.3.6.1.4.1.32473.1").unwrap();
        let signer = Signer::new(&[der, self.ca.intermediate_der()]).unwrap();
        let draft = signer
            .draft_enclosing(stamp::CONTENT_TYPE, info, at)
            .unwrap();
        let signature = key.sign(draft.to_sign()).unwrap();
        draft.finish(signature).unwrap()
    }

    /// A responder's answer about the sender's certificate, good for a day.
    pub(crate) fn answer(&self, reply: Reply, at: Moment) -> Vec<u8> {
        let (key, der) = self.appointed(Use::OcspResponder);
        let trust = Trust::new(
            vec![self.ca.root_der()],
            vec![self.ca.intermediate_der()],
            Profile::default(),
            Revocation::none(),
        );
        let watched = trust.unwrap().watch(&self.sender.chain, at).unwrap();
        let question = ocsp::asked(&watched.question(None).unwrap().der).unwrap();
        let responder = Responder::new(&self.ca.intermediate_der(), Some(&der)).unwrap();
        let sign = |tbs: &[u8]| key.sign(tbs).map_err(|error| error.to_string());
        let until = (at, at + Duration::days(1));
        responder.answer(&question, |_| reply, until, sign).unwrap()
    }

    /// No receipt, no list but the root's: a stamp an hour after it was sealed, and an answer of before.
    pub(crate) fn stamped_bundle(&self, reply: Reply) -> Bundle {
        let seal = self.sender.seal(&self.packet_record(), SENT);
        let later = self
            .sender
            .seal(&self.packet_record(), SENT + Duration::minutes(30));
        let token = self.stamp(&later, SENT + Duration::hours(1));
        let answer = self.answer(reply, SENT - Duration::minutes(10));
        let root = self.lists(&[], SENT - Duration::days(2)).remove(0);
        Bundle::new(&seal, std::iter::empty(), &[root]).with(&[answer], &[(later, token)])
    }
}

impl Keeper {
    fn new(ca: &TestCa, chance: &Chance, code: &str) -> Self {
        let code: MemberId = code.parse().unwrap();
        let key = TestKey::new().unwrap();
        let wanted = Wanted {
            spki_der: &key.spki_der(),
            usage: Use::Seal,
            code: Some(&code),
            name: "Cơ quan thử nghiệm",
            not_before: SENT - Duration::days(1),
            not_after: SENT + Duration::days(30),
        };
        let chain = vec![ca.issue(&wanted, chance).unwrap(), ca.intermediate_der()];
        Self { code, key, chain }
    }

    pub(crate) fn sign(&self, content: &[u8], at: Moment) -> Vec<u8> {
        let signer = Signer::new(&self.chain).unwrap();
        let draft = signer.draft(content, at).unwrap();
        let signature = self.key.sign(draft.to_sign()).unwrap();
        draft.finish(signature).unwrap()
    }

    /// Seals a record as the fourth of seven in a log of its own.
    pub(crate) fn seal(&self, record: &Record, at: Moment) -> Vec<u8> {
        let record = record.encode();
        let mut leaves: Vec<Hash> = (0..7_u8).map(|at| leaf_hash(&[at])).collect();
        leaves[3] = leaf_hash(&record);
        let tree = Batch::new(Frontier::empty(), &leaves);
        let checkpoint = Checkpoint {
            origin: self.code.to_string(),
            size: tree.size(),
            root: tree.root(),
            extensions: Vec::new(),
        };
        let checkpoint = checkpoint.body().into_bytes();
        let seal = Seal {
            record,
            index: 3,
            path: tree.inclusion(3).unwrap(),
            cms: self.sign(&checkpoint, at),
            checkpoint,
        };
        seal.encode()
    }

    /// Serial number of the certificate, in hex.
    pub(crate) fn serial(&self, world: &World) -> String {
        let trust = Trust::new(
            vec![world.ca.root_der()],
            vec![],
            Profile::default(),
            Revocation::none(),
        );
        let purpose = trucgate::trust::Purpose::Seal;
        let identity = trust.unwrap().judge(&self.chain, purpose, SENT);
        identity.unwrap().serial
    }
}

pub(crate) fn put(path: &Path, bytes: &[u8]) {
    Disk::real().replace(path, bytes).unwrap();
}
