//! A box takes the directory that the hub sealed and no other, in whatever way it comes.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::watch;

use super::member;
use crate::clock::{Chance, Clock, Moment};
use crate::durable::Disk;
use crate::evidence::{Record, RecordKind};
use crate::https::Body;
use crate::merkle::checkpoint::Checkpoint;
use crate::merkle::leaf_hash;
use crate::packet::{Digest, MemberId, PacketId};
use crate::relay::refresh::Refresher;
use crate::relay::{Directories, Error};
use crate::seal::{Refused, Seal};
use crate::signer::cms::Signer;
use crate::tls::Grounds;
use crate::trust::directory::difference::{self, Touched};
use crate::trust::directory::{BoxEntry, Content, Directory, Fingerprint, Member};
use crate::trust::issue::{TestCa, TestKey, Use, Wanted};
use crate::trust::{Profile, Revocation, Trust, Verdict};
use crate::uplink::{Fetched, Listing};

const HUB: &str = "TRUC";

struct World {
    directory: tempfile::TempDir,
    ca: TestCa,
    chance: Chance,
    clock: Clock,
    hub: Keeper,
    grounds: watch::Sender<Grounds>,
}

struct Keeper {
    code: MemberId,
    key: TestKey,
    chain: Vec<Vec<u8>>,
}

impl Keeper {
    fn new(ca: &TestCa, chance: &Chance, now: Moment, code: MemberId) -> Self {
        let key = TestKey::new().unwrap();
        let wanted = Wanted {
            spki_der: &key.spki_der(),
            usage: Use::Seal,
            code: Some(&code),
            name: "Trục",
            not_before: now - time::Duration::days(1),
            not_after: now + time::Duration::days(365),
        };
        let chain = vec![ca.issue(&wanted, chance).unwrap(), ca.intermediate_der()];
        Self { code, key, chain }
    }

    /// Seals a record as the only one of a log.
    fn seal(&self, record: &Record) -> Bytes {
        let record = record.encode();
        let checkpoint = Checkpoint {
            origin: self.code.to_string(),
            size: 1,
            root: leaf_hash(&record),
            extensions: Vec::new(),
        };
        let checkpoint = checkpoint.body().into_bytes();
        let signer = Signer::new(&self.chain).unwrap();
        let draft = signer.draft(&checkpoint, record_time()).unwrap();
        let signature = self.key.sign(draft.to_sign()).unwrap();
        let seal = Seal {
            record,
            index: 0,
            path: Vec::new(),
            cms: draft.finish(signature).unwrap(),
            checkpoint,
        };
        seal.encode().into()
    }
}

fn record_time() -> Moment {
    Clock::system().now()
}

impl World {
    fn new() -> Self {
        let (chance, clock) = (Chance::system(), Clock::system());
        let ca = TestCa::new(&chance, clock.now()).unwrap();
        let hub = Keeper::new(&ca, &chance, clock.now(), member(HUB));
        let trust = trust(&ca);
        Self {
            directory: tempfile::tempdir().unwrap(),
            grounds: watch::channel(Grounds::new(Arc::new(trust), None)).0,
            ca,
            chance,
            clock,
            hub,
        }
    }

    fn listed(&self, version: u64, names: &[&str]) -> Directory {
        let issued = self.clock.now();
        let members = names
            .iter()
            .zip(0..)
            .map(|(name, id)| Member::new(member(name), id, format!("Cơ quan {name} {version}")));
        Directory::new(Content {
            version,
            issued,
            valid_until: issued + time::Duration::days(7),
            hub: Some(BoxEntry {
                code: member(HUB),
                tls: Vec::new(),
                seal: vec![Fingerprint::of(&self.hub.chain[0])],
            }),
            members: members.collect(),
            boxes: Vec::new(),
        })
        .unwrap()
    }

    fn sealed(&self, keeper: &Keeper, kind: RecordKind, directory: &Directory) -> Bytes {
        let json = directory.json().unwrap();
        let what = (Digest::of(&json), json.len() as u64);
        let packet = PacketId::new(self.clock.now(), &self.chance);
        let from = keeper.code.clone();
        keeper.seal(&Record::new(kind, packet, what, from, self.clock.now()))
    }

    fn good_seal(&self, directory: &Directory) -> Bytes {
        self.sealed(&self.hub, RecordKind::Directory, directory)
    }

    fn file(&self) -> std::path::PathBuf {
        self.directory.path().join("directory")
    }

    fn directories(&self) -> Directories {
        Directories::new(Disk::real(), self.file(), member(HUB))
    }

    /// What a start finds.
    fn started(&self) -> Option<Arc<Directory>> {
        let grounds = self.directories().grounds(trust(&self.ca), &self.clock);
        grounds.directory
    }

    async fn takes(
        &self,
        before: Option<&Arc<Directory>>,
        seal: &Bytes,
        body: (impl Into<Bytes>, bool),
    ) -> Result<Directory, Error> {
        let refresher = Refresher::new(
            self.directories(),
            self.clock.clone(),
            self.chance.clone(),
            self.grounds.clone(),
        );
        let listing = Listing {
            sealed: Fetched {
                seal: seal.clone(),
                start: body.0.into(),
                rest: Body::empty(),
            },
            is_difference: body.1,
        };
        let taken = refresher.take(listing, before.cloned()).await;
        let parts = std::fs::read_dir(self.directory.path()).unwrap();
        let left = parts.filter(|entry| entry.as_ref().unwrap().path() != self.file());
        assert_eq!(left.count(), 0, "nothing half-written is left");
        taken.map(|(directory, _)| directory)
    }
}

fn trust(ca: &TestCa) -> Trust {
    let (anchors, others) = (vec![ca.root_der()], vec![ca.intermediate_der()]);
    Trust::new(anchors, others, Profile::default(), Revocation::none()).unwrap()
}

fn changed(before: &Directory, after: &Directory) -> Vec<u8> {
    let touched = Touched::between(before, after).unwrap();
    difference::write(before.version, after, &touched).unwrap()
}

#[tokio::test]
async fn a_whole_one_and_differences_behind_it_are_taken_and_found_at_the_next_start() {
    let world = World::new();
    assert!(world.started().is_none());
    let first = world.listed(1, &["A", "C"]);
    let seal = world.good_seal(&first);
    let json = first.json().unwrap();
    let mut before = Arc::new(world.takes(None, &seal, (json, false)).await.unwrap());
    for (version, names) in [(2, &["A", "B", "C"][..]), (3, &["B"]), (7, &["A", "B"])] {
        let next = world.listed(version, names);
        let (seal, difference) = (world.good_seal(&next), changed(&before, &next));
        let taken = world.takes(Some(&before), &seal, (difference, true)).await;
        let taken = taken.unwrap();
        assert_eq!(taken.content(), next.content());
        // The one before is still read by its own handle, though the file's name is the new one's.
        assert_eq!(before.members().count(), before.count());
        assert_eq!(world.started().unwrap().content(), next.content());
        before = Arc::new(taken);
    }
}

#[tokio::test]
async fn what_the_hub_did_not_seal_or_is_no_newer_is_refused_and_the_last_good_one_stays() {
    let world = World::new();
    let good = world.listed(5, &["A", "C"]);
    let seal = world.good_seal(&good);
    let json = good.json().unwrap();
    let before = Arc::new(world.takes(None, &seal, (json, false)).await.unwrap());
    let next = world.listed(6, &["A", "B", "C"]);
    let next_seal = world.good_seal(&next);
    let forged = world.listed(6, &["A", "B", "X"]);

    // Other content than what was sealed, whole, as a difference, cut and too long.
    let json = next.json().unwrap();
    for body in [
        forged.json().unwrap(),
        json.slice(..json.len() - 1),
        [&json[..], b" "].concat().into(),
        Bytes::new(),
    ] {
        let refused = world.takes(Some(&before), &next_seal, (body, false)).await;
        assert!(refused.unwrap_err().is_about_the_directory());
    }
    let lies = changed(&before, &forged);
    let refused = world.takes(Some(&before), &next_seal, (lies, true)).await;
    let refused = refused.unwrap_err();
    assert!(
        matches!(refused, Error::Seal(Refused::OtherBody { .. })),
        "{refused}"
    );
    assert!(
        refused.is_about_the_directory(),
        "then the whole is asked for"
    );
    for garbled in [&b""[..], b"{}", b"garbage", b"{\"since\":5,\"header\":{}}"] {
        let refused = world
            .takes(Some(&before), &next_seal, (garbled, true))
            .await;
        assert!(refused.unwrap_err().is_about_the_directory());
    }
    let from_another = changed(&world.listed(4, &["A"]), &next);
    let refused = world
        .takes(Some(&before), &next_seal, (from_another, true))
        .await;
    assert!(refused.unwrap_err().is_about_the_directory());

    // Rolled back, though sealed: whole and as a difference.
    for older in [world.listed(5, &["A"]), world.listed(4, &["A"])] {
        let seal = world.good_seal(&older);
        let whole = (older.json().unwrap(), false);
        let refused = world.takes(Some(&before), &seal, whole).await.unwrap_err();
        assert!(matches!(refused, Error::Contradiction(_)), "{refused}");
        let difference = (changed(&before, &older), true);
        let refused = world.takes(Some(&before), &seal, difference).await;
        assert!(matches!(refused, Err(Error::Contradiction(_))));
    }

    // Sealed by another, by a seal of the hub's that the directory does not name, or as something else.
    let now = world.clock.now();
    let stranger = Keeper::new(&world.ca, &world.chance, now, member("000.00.00.H41"));
    let seal = world.sealed(&stranger, RecordKind::Directory, &next);
    let whole = || (next.json().unwrap(), false);
    let refused = world.takes(Some(&before), &seal, whole()).await;
    assert!(
        matches!(refused, Err(Error::Seal(Refused::Signer(r))) if r.verdict == Verdict::AnotherMember)
    );
    let unnamed = Keeper::new(&world.ca, &world.chance, now, member(HUB));
    let seal = world.sealed(&unnamed, RecordKind::Directory, &next);
    let refused = world.takes(Some(&before), &seal, whole()).await;
    assert!(
        matches!(refused, Err(Error::Seal(Refused::Signer(r))) if r.verdict == Verdict::NotRegistered)
    );
    let seal = world.sealed(&world.hub, RecordKind::Packet, &next);
    let refused = world.takes(Some(&before), &seal, whole()).await;
    assert!(matches!(refused, Err(Error::Contradiction(_))));

    assert_eq!(world.started().unwrap().content(), good.content());
    let taken = world.takes(Some(&before), &next_seal, whole()).await;
    assert_eq!(taken.unwrap().version, 6);
}

#[tokio::test]
async fn a_file_that_was_changed_on_the_disk_is_no_directory_at_the_next_start() {
    let world = World::new();
    let good = world.listed(5, &["A", "C"]);
    let seal = world.good_seal(&good);
    let whole = (good.json().unwrap(), false);
    world.takes(None, &seal, whole).await.unwrap();
    let bytes = std::fs::read(world.file()).unwrap();
    let place = |bytes: &[u8]| overwrite(&world.file(), bytes);
    for at in (4 + seal.len()..bytes.len()).step_by(7) {
        let mut other = bytes.clone();
        other[at] ^= 1;
        place(&other);
        assert!(world.started().is_none(), "byte {at}");
    }
    place(&bytes[..bytes.len() - 1]);
    assert!(world.started().is_none());
    place(&bytes);
    assert_eq!(world.started().unwrap().version, 5);
}

fn overwrite(path: &Path, bytes: &[u8]) {
    Disk::real().replace(path, bytes).unwrap();
}
