//! What an agency's software does until it has what it wants: sends again after a broken line, asks again, confirms.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use data_encoding::BASE64;
use tokio::task::JoinHandle;
use trucgate::clock::Clock;
use trucgate::config::{self, RelayConfig};
use trucgate::durable::Disk;
use trucgate::packet::Digest;
use trucgate::relay::Directories;
use trucgate::seal::{Bundle, Opener, Sealer};
use trucgate::tls::Grounds;
use trucgate::vxp::client::Software;
use trucgate::vxp::{MessageType, Transport};

use super::{Polls, RECEIVERS, SENDER, World, now, sending, until};

/// A document that was answered.
pub struct Sent {
    pub doc: String,
    pub edxml: Vec<u8>,
}

/// What a member's software got: document ids with the digests of what it read under them.
pub type Taken = BTreeMap<String, Digest>;

/// Sends until it is answered with a DocId.
pub async fn persist(software: Arc<Software>, edxml: Vec<u8>) -> Sent {
    let mut polls = Polls::start();
    loop {
        polls.next().await;
        let sending = sending(MessageType::Edoc);
        let Ok(reply) = software.send(&sending, edxml.clone().into()).await else {
            continue;
        };
        if let Some(doc) = reply.doc_id() {
            let doc = doc.to_owned();
            return Sent { doc, edxml };
        }
    }
}

/// Takes and confirms until `count` documents are done, as software does whatever happens to its box.
pub async fn take(software: Arc<Software>, count: usize, verifier: Arc<Verifier>) -> Taken {
    let (mut polls, mut taken) = (Polls::start(), Taken::new());
    // What it said done of and what it knows to be so: the answer may get lost, then the list tells.
    let (mut said, mut done) = (BTreeSet::new(), BTreeSet::new());
    while done.len() < count {
        polls.next().await;
        let Ok(reply) = software.received(MessageType::Edoc).await else {
            continue;
        };
        let listed = reply
            .rows()
            .iter()
            .map(|row| row["docId"].as_str().unwrap());
        let listed: BTreeSet<String> = listed.map(str::to_owned).collect();
        done.extend(said.difference(&listed).cloned());
        for doc in listed {
            let Ok(Some(bytes)) = software.get(&doc).await.map(|got| got.document()) else {
                continue;
            };
            let digest = Digest::of(&bytes);
            let before = taken.insert(doc.clone(), digest);
            assert!(before.is_none_or(|b| b == digest), "{doc} has changed");
            if !verifier.proves(&software, &doc, &bytes).await {
                continue;
            }
            said.insert(doc.clone());
            if let Ok(reply) = software.update_status(&doc, Transport::Done, None).await
                && reply.is_ok()
            {
                done.insert(doc);
            }
        }
    }
    assert_eq!(taken.len(), count, "{taken:?}");
    taken
}

/// A stranger's eyes: trust and directory, nothing of the boxes' stores.
pub struct Verifier(Grounds);

impl Verifier {
    pub fn of(world: &World) -> Self {
        let machine = &world.exchange.lab.boxes[0];
        let config: RelayConfig = config::load(&machine.config()).unwrap();
        let file = config.own.state.join("directory");
        let directories = Directories::new(Disk::real(), file, config.hub.code);
        let grounds = directories.grounds(config.trust.load().unwrap(), &Clock::system());
        Self(grounds)
    }

    /// Whether the box gave a proof; one that is given must hold for exactly these bytes.
    pub async fn proves(&self, software: &Software, doc: &str, bytes: &[u8]) -> bool {
        let Ok(mut answer) = software.proof(doc).await else {
            return false;
        };
        let Ok(json) = answer.body.read_all(1 << 20).await else {
            return false;
        };
        let bundle = Bundle::from_json(&json).unwrap();
        let seal = BASE64.decode(bundle.seal.as_bytes()).unwrap();
        let directory = self.0.directory.clone().unwrap();
        let claim = Opener::default()
            .claim(&seal, &self.0.trust, Sealer::Member(&directory), now())
            .unwrap();
        let opened = claim.complete(Digest::of(bytes), bytes.len() as u64);
        assert_eq!(opened.unwrap().record().from.as_str(), SENDER);
        true
    }
}

/// Documents on their way to all of [`RECEIVERS`], and the software at both ends.
pub struct Flow {
    pub sending: Vec<JoinHandle<Sent>>,
    taking: Vec<JoinHandle<Taken>>,
}

impl Flow {
    /// Lets them go. `before` documents of this world went to everybody earlier and are done.
    pub fn start(world: &World, documents: Vec<Vec<u8>>) -> Self {
        let verifier = Arc::new(Verifier::of(world));
        let count = documents.len();
        let sender = Arc::new(world.software(SENDER));
        Self {
            sending: documents
                .into_iter()
                .map(|edxml| tokio::spawn(persist(sender.clone(), edxml)))
                .collect(),
            taking: RECEIVERS
                .iter()
                .map(|code| {
                    let software = Arc::new(world.software(code));
                    tokio::spawn(take(software, count, verifier.clone()))
                })
                .collect(),
        }
    }

    /// Whether all of it was taken.
    pub fn is_taken(&self) -> bool {
        self.taking.iter().all(JoinHandle::is_finished)
    }

    /// Waits for the end and proves: all that was answered arrived, each once, byte for byte.
    /// `total` counts all documents of this world so far.
    pub async fn once(self, world: &World, total: usize) -> Vec<Sent> {
        let mut sent = Vec::new();
        for one in self.sending {
            sent.push(one.await.unwrap());
        }
        let mut answered: Vec<&str> = sent.iter().map(|one| one.doc.as_str()).collect();
        answered.sort_unstable();
        answered.dedup();
        assert_eq!(answered.len(), sent.len(), "two documents with one DocId");
        let mut expected: Vec<Digest> = sent.iter().map(|one| Digest::of(&one.edxml)).collect();
        expected.sort_by_key(Digest::hex);
        for taking in self.taking {
            let mut got: Vec<Digest> = taking.await.unwrap().into_values().collect();
            got.sort_by_key(Digest::hex);
            assert_eq!(got, expected, "each document once, unchanged");
        }
        let sender = world.software(SENDER);
        let rows = until(async || {
            let reply = sender.sent(MessageType::Edoc).await.ok()?;
            let rows = reply.rows().to_vec();
            let done = |row: &serde_json::Value| row["receiveStatus"] == Transport::Done.as_str();
            rows.iter().all(done).then_some(rows)
        })
        .await;
        assert_eq!(rows.len(), total * RECEIVERS.len(), "a document became two");
        for code in RECEIVERS {
            super::received(&world.software(code), 0).await;
        }
        sent
    }
}

/// Repetitions of what depends on chance: 3, or `TRUCGATE_SEEDS`.
pub fn seeds() -> u64 {
    let told = std::env::var("TRUCGATE_SEEDS").ok();
    told.and_then(|seeds| seeds.parse().ok()).unwrap_or(3)
}

/// What a seed decides.
pub struct Seeded(pub u64);

impl Seeded {
    pub fn below(&mut self, limit: u64) -> u64 {
        let mut chance = forgetful::Chance(self.0);
        let number = chance.below(limit);
        self.0 = chance.0;
        number
    }

    /// The moment of a cut that no journal line tells.
    pub async fn moment(&mut self, within: Duration) {
        let micros = self.below(u64::try_from(within.as_micros()).unwrap());
        tokio::time::sleep(Duration::from_micros(micros)).await;
    }
}
