//! A hub behind a real door, and boxes with members that knock at it over mutual TLS.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::cms;
use super::member::{MemberLog, Sealed};
use crate::clock::{Chance, Clock, Moment, parse_rfc3339};
use crate::durable::Disk;
use crate::evidence::{Archive, Log, SealKey, Sealing, Signing};
use crate::https::{
    Cause, Client, ClientConfig, ClientTls, Drained, Protocols, Server, ServerConfig, ServerTls,
};
use crate::hub::admin::{self, Change, Order};
use crate::hub::{Config, Error, Hub, Parts, SCHEMAS};
use crate::merkle::Hash;
use crate::packet::{MemberId, PacketId};
use crate::spool::Bodies;
use crate::store::Store;
use crate::tls::{
    Clients, Credential, Current, Grounds, HubVerifier, Judge, KeyHandle, Scheme, client_config,
    judge_connection, server_config,
};
use crate::trust::directory::{BoxEntry, Fingerprint, Member};
use crate::trust::issue::{TestCa, TestKey, Use, Wanted};
use crate::trust::{Profile, Revocation, Trust};
use crate::uplink::{self, Ask, Mailbox};

pub(super) const HUB: &str = "hub";

pub(super) fn code(text: &str) -> MemberId {
    text.parse().unwrap()
}

/// Keys and certificates for everyone.
struct Issuer {
    ca: TestCa,
    chance: Chance,
    now: Moment,
}

impl Issuer {
    fn certify(&self, code: &MemberId, key: &TestKey, usage: Use<'_>) -> Vec<u8> {
        let wanted = Wanted {
            spki_der: &key.spki_der(),
            usage,
            code: Some(code),
            name: code.as_str(),
            not_before: self.now - time::Duration::days(1),
            not_after: self.now + time::Duration::days(365),
        };
        self.ca.issue(&wanted, &self.chance).unwrap()
    }

    fn tls(&self, code: &MemberId) -> Pair {
        let key = TestKey::new().unwrap();
        let names = ["localhost".to_owned()];
        let certificate = self.certify(code, &key, Use::Tls { names: &names });
        Pair { key, certificate }
    }

    fn seal(&self, code: &MemberId) -> Pair {
        let key = TestKey::new().unwrap();
        let certificate = self.certify(code, &key, Use::Seal);
        Pair { key, certificate }
    }
}

#[derive(Debug)]
pub(super) struct Pair {
    pub(super) key: TestKey,
    pub(super) certificate: Vec<u8>,
}

impl Pair {
    fn print(&self) -> Fingerprint {
        Fingerprint::of(&self.certificate)
    }

    fn credential(self) -> Arc<Current> {
        let chain = vec![self.certificate.clone()];
        Current::new(Credential::new(chain, Arc::new(self)).unwrap())
    }
}

impl KeyHandle for Pair {
    fn sign(&self, _: Scheme, message: &[u8]) -> std::io::Result<Vec<u8>> {
        self.key.sign(message).map_err(std::io::Error::other)
    }
}

impl SealKey for Pair {
    fn seal(&self, body: Vec<u8>, _: u64, _: Vec<Hash>) -> Signing<'_> {
        let cms = cms::sign(&self.key, &self.certificate, &body);
        Box::pin(async move { Ok(Sealing::Signed(cms)) })
    }
}

/// One box's connection.
pub(super) struct Knocker {
    pub(super) hub: uplink::Hub,
    pub(super) client: Client,
}

pub(super) struct World {
    pub(super) clock: Clock,
    pub(super) chance: Chance,
    pub(super) directory: TempDir,
    pub(super) hub: Hub,
    pub(super) store: Store,
    pub(super) grounds: watch::Sender<Grounds>,
    issuer: Issuer,
    address: String,
    boxes: Mutex<HashMap<String, Arc<Current>>>,
    members: Mutex<HashMap<String, MemberLog>>,
    stop: watch::Sender<bool>,
    server: Mutex<Option<JoinHandle<Drained>>>,
}

/// One box with one member (`A` behind `BOXA`), one shared (`B`, `C`, `D` behind the centre `000.00.01.W00`).
pub(super) const BOX_A: &str = "BOXA";
pub(super) const SHARED: &str = "000.00.01.W00";

impl World {
    pub(super) async fn new() -> Self {
        Self::with(Disk::real(), Config::default()).await
    }

    pub(super) async fn with(disk: Disk, config: Config) -> Self {
        let clock = Clock::manual(parse_rfc3339("2026-03-01T08:00:00Z").unwrap());
        let chance = Chance::system();
        let issuer = Issuer {
            ca: TestCa::new(&chance, clock.now()).unwrap(),
            chance: chance.clone(),
            now: clock.now(),
        };
        let (hub_tls, hub_seal) = (issuer.tls(&code(HUB)), issuer.seal(&code(HUB)));
        let mut changes = vec![Change::SetHub(BoxEntry {
            code: code(HUB),
            tls: vec![hub_tls.print()],
            seal: vec![hub_seal.print()],
        })];
        let (mut boxes, mut members) = (HashMap::new(), HashMap::new());
        for name in [BOX_A, SHARED] {
            let pair = issuer.tls(&code(name));
            changes.push(Change::AddBox(BoxEntry {
                code: code(name),
                tls: vec![pair.print()],
                seal: Vec::new(),
            }));
            boxes.insert(name.to_owned(), pair.credential());
        }
        for (id, (name, owner)) in [("A", BOX_A), ("B", SHARED), ("C", SHARED), ("D", SHARED)]
            .into_iter()
            .enumerate()
        {
            let pair = issuer.seal(&code(name));
            let mut member = listed(name, id as u64, Some(owner));
            member.seal = vec![pair.print()];
            changes.push(Change::AddMember(Box::new(member)));
            let log = MemberLog::new(code(name), pair);
            members.insert(name.to_owned(), log);
        }

        let trust = Trust::new(
            vec![issuer.ca.root_der()],
            vec![issuer.ca.intermediate_der()],
            Profile::default(),
            Revocation::none(),
        )
        .unwrap();
        let (grounds, _) = watch::channel(Grounds::new(Arc::new(trust), None));
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path().join("db"), disk.clone(), SCHEMAS).unwrap();
        let order = Order::new("the test", &clock, &chance);
        admin::apply(&store, order, changes).await.unwrap();
        let parts = Parts {
            store: store.clone(),
            bodies: Bodies::open(disk, &directory.path().join("bodies")).unwrap(),
            log: Log::open(
                Archive::new(store.clone()),
                code(HUB),
                Arc::new(hub_seal),
                Arc::new(Vec::new),
                chance.clone(),
            ),
            grounds: grounds.clone(),
            clock: clock.clone(),
            chance: chance.clone(),
        };
        let hub = Hub::open(config, parts).await.unwrap();
        assert_eq!(hub.refresh_directory().await.unwrap(), 1);

        let judge = Judge::new(grounds.subscribe(), clock.clone());
        let tls = server_config(
            hub_tls.credential(),
            Clients::Boxes(judge.clone()),
            clock.clone(),
            &["h2"],
        )
        .unwrap();
        let server = Server::bind(ServerConfig::secure(
            "127.0.0.1:0".parse().unwrap(),
            ServerTls {
                config: watch::channel(tls).1,
                protocols: Protocols::Http2,
                judge: Some(Arc::new(move |connection| {
                    judge_connection(&judge, connection)
                        .map(|identity| Some(Arc::new(identity)))
                        .map_err(|refusal| Box::new(refusal) as Cause)
                })),
                recheck: None,
            },
        ))
        .unwrap();
        let address = format!("127.0.0.1:{}", server.local_addr().port());
        let (stop, stopped) = watch::channel(false);
        let serving = tokio::spawn(server.serve(Arc::new(hub.clone()), stopped));
        Self {
            clock,
            chance,
            directory,
            hub,
            store,
            grounds,
            issuer,
            address,
            boxes: Mutex::new(boxes),
            members: Mutex::new(members),
            stop,
            server: Mutex::new(Some(serving)),
        }
    }

    /// Takes a member's log; who has it seals with it.
    pub(super) fn member(&self, name: &str) -> MemberLog {
        self.members.lock().unwrap().remove(name).unwrap()
    }

    pub(super) fn knock(&self, name: &str) -> Knocker {
        let current = self.boxes.lock().unwrap()[name].clone();
        self.knock_with(current)
    }

    /// A box with a valid certificate that is not registered.
    pub(super) fn stranger(&self, name: &str) -> Knocker {
        self.knock_with(self.issuer.tls(&code(name)).credential())
    }

    fn knock_with(&self, current: Arc<Current>) -> Knocker {
        let judge = Judge::new(self.grounds.subscribe(), self.clock.clone());
        let verifier = HubVerifier::new(judge, Some(code(HUB)), true);
        let config = client_config(current, verifier, self.clock.clone(), &["h2"]).unwrap();
        let client = Client::http2(ClientConfig::new(
            self.address.clone(),
            Some(ClientTls {
                config: watch::channel(config).1,
                server_name: "localhost".to_owned(),
                judge: None,
            }),
        ));
        Knocker {
            hub: uplink::Hub::new(client.clone()),
            client,
        }
    }

    /// Trust with a list that revokes this certificate of the issuing authority's.
    pub(super) fn trust_that_revokes(&self, serial: String) -> Trust {
        let (ca, now) = (&self.issuer.ca, self.clock.now());
        let next = now + time::Duration::days(1);
        let lists = vec![
            ca.root_revocation_list(&[], now, next).unwrap(),
            ca.revocation_list(&[serial], now, next).unwrap(),
        ];
        let revocation = Revocation {
            lists,
            ..Revocation::none()
        };
        let (anchors, others) = (vec![ca.root_der()], vec![ca.intermediate_der()]);
        Trust::new(anchors, others, Profile::default(), revocation).unwrap()
    }

    /// Enters changes into the register.
    pub(super) async fn apply(&self, changes: Vec<Change>) -> Result<u64, Error> {
        admin::apply(&self.store, self.order(), changes).await
    }

    /// An order of whoever enters something.
    pub(super) fn order(&self) -> Order {
        Order::new("the test", &self.clock, &self.chance)
    }

    /// The hub as it comes up again over the same store.
    pub(super) async fn reopen(&self) -> Hub {
        let parts = Parts {
            store: self.store.clone(),
            bodies: self.hub.bodies.clone(),
            log: self.hub.log.clone(),
            grounds: self.grounds.clone(),
            clock: self.clock.clone(),
            chance: self.chance.clone(),
        };
        Hub::open(Config::default(), parts).await.unwrap()
    }

    /// Closes the door after what is under way.
    pub(super) async fn close(&self) -> Drained {
        self.hub.end_polls();
        self.stop.send_replace(true);
        let serving = self.server.lock().unwrap().take().unwrap();
        serving.await.unwrap()
    }

    pub(super) async fn count(&self, question: &'static str) -> i64 {
        self.store
            .read(move |tx| Ok::<_, crate::store::Error>(tx.query_row(question, [], |r| r.get(0))?))
            .await
            .unwrap()
    }

    /// Files below the bodies' directory.
    pub(super) fn files(&self) -> usize {
        fn walk(directory: &std::path::Path) -> usize {
            std::fs::read_dir(directory)
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .map(|path| if path.is_dir() { walk(&path) } else { 1 })
                .sum()
        }
        walk(&self.directory.path().join("bodies"))
    }
}

pub(super) fn listed(name: &str, id: u64, owner: Option<&str>) -> Member {
    Member {
        level: 1,
        box_code: owner.map(code),
        ..Member::new(code(name), id, format!("Cơ quan {name}"))
    }
}

/// What a box gets that does not wait.
pub(super) async fn list(knocker: &Knocker) -> Mailbox {
    list_up_to(knocker, 512).await
}

pub(super) async fn list_up_to(knocker: &Knocker, limit: u32) -> Mailbox {
    knocker
        .hub
        .mailbox(&Ask {
            wait_ms: 0,
            limit,
            anew: false,
        })
        .await
        .unwrap()
}

pub(super) fn names(mailbox: &Mailbox) -> Vec<(PacketId, String)> {
    mailbox
        .entries
        .iter()
        .map(|entry| (entry.packet, entry.to.to_string()))
        .collect()
}

/// Announces and hands over.
pub(super) async fn send(knocker: &Knocker, log: &mut MemberLog, sealed: &Sealed) -> Vec<u8> {
    log.announce(&knocker.hub).await;
    knocker
        .hub
        .put(sealed.packet, &sealed.seal, Some(&sealed.body()))
        .await
        .unwrap()
}

/// What `check` waits for comes within seconds or never.
pub(super) const SOON: Duration = Duration::from_secs(20);
