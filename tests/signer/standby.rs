//! A second token serves while the first is away, and gives back.
//!
//! The first is a copy of the token behind p11-kit, which is killed, stopped and started; the second is the token itself.

use std::path::Path;
use std::time::{Duration, Instant};

use hsm::KeyKind;
use trucgate::clock::Clock;
use trucgate::durable::Disk;
use trucgate::merkle::{Hash, node_hash};
use trucgate::retry::Class;
use trucgate::signer::config::{Config, Standby, StandbyConfig};
use trucgate::signer::server::Server;
use trucgate::signer::{Client, KeyUse, SealAnswer, SealRequest};

use crate::authority::{openssl_accepts, put};
use crate::process::{
    World, certified, configuration, handshake, leaf, request, tls, with_signer, world,
};
use crate::token;

const MEMBER: &str = "000.00.00.G22";
/// What the first token may leave unserved.
const AFTER: Duration = Duration::from_millis(700);
const SLACK: Duration = Duration::from_secs(1);

/// The configuration of [`world`] with the token behind p11-kit first and the token itself second.
fn two_tokens(dir: &Path) -> World {
    let mut world = world(dir, token::client_module());
    world.config.standby = Some(second(dir, token::LABEL));
    world
}

fn second(dir: &Path, label: &str) -> StandbyConfig {
    StandbyConfig {
        module: token::module(),
        token_label: Some(label.into()),
        token_serial: None,
        pin_credential: None,
        pin_file: Some(dir.join("pin")),
        profile: None,
        after_ms: u64::try_from(AFTER.as_millis()).unwrap(),
    }
}

/// A log that grows by one entry each time a head of it is signed.
struct Growing {
    size: u64,
    /// Roots of the complete subtrees, largest first.
    peaks: Vec<(u64, Hash)>,
}

impl Growing {
    fn new() -> Self {
        Self {
            size: 0,
            peaks: Vec::new(),
        }
    }

    /// The request for the next head. Its proof is read off the peaks: all of them merged or kept.
    fn next(&mut self) -> SealRequest {
        let from = self.size;
        let new = leaf(u8::try_from(self.size % 200).unwrap());
        let old = self.peaks.clone();
        self.size += 1;
        self.peaks.push((1, new));
        while let [.., (a, left), (b, right)] = self.peaks[..] {
            if a != b {
                break;
            }
            self.peaks.truncate(self.peaks.len() - 2);
            self.peaks.push((a + b, node_hash(&left, &right)));
        }
        request(MEMBER, self.size, self.root(), from, &proof(&old, &new))
    }

    fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev().map(|(_, hash)| *hash);
        let last = peaks.next().unwrap();
        peaks.fold(last, |right, left| node_hash(&left, &right))
    }
}

/// From the old peaks to one more leaf (RFC 9162 section 2.1.4.1): the last old peak unless the old tree is whole, the new
/// leaf, then the peaks to the left.
fn proof(old: &[(u64, Hash)], new: &Hash) -> Vec<Hash> {
    let [left @ .., (_, last)] = old else {
        return Vec::new();
    };
    let mut proof = Vec::new();
    if !left.is_empty() {
        proof.push(*last);
    }
    proof.push(*new);
    proof.extend(left.iter().rev().map(|(_, hash)| *hash));
    proof
}

/// Seals as the sequencer does, again and again until it is done; gives the signature and how long it took.
async fn seal(client: &Client, request: &SealRequest) -> (Vec<u8>, Duration) {
    let begun = Instant::now();
    loop {
        match client.seal("seal", request.clone()).await {
            Ok(SealAnswer::Signed { cms }) => return (cms, begun.elapsed()),
            Ok(behind) => panic!("{behind:?}"),
            Err(error) => assert_eq!(error.class(), Class::Retry, "{error}"),
        }
        assert!(begun.elapsed() < 10 * AFTER, "no seal");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Seals until the first token, before which the spy stands, is the one that signs.
async fn until_first_signs(dir: &Path, client: &Client, log: &mut Growing, within: Duration) {
    let back = Instant::now();
    let before = token::calls(dir, "C_Sign");
    while token::calls(dir, "C_Sign") == before {
        assert!(
            back.elapsed() < within,
            "the first token does not serve again"
        );
        seal(client, &log.next()).await;
    }
}

#[test]
fn the_same_key_in_a_second_token_serves_until_the_first_is_back() {
    token::alone(
        "standby::the_same_key_in_a_second_token_serves_until_the_first_is_back",
        |dir| {
            let World {
                config, authority, ..
            } = two_tokens(dir);
            let mut first = Some(token::Server::of_copy(dir));
            with_signer(config, |client| async move {
                let mut log = Growing::new();
                seal(&client, &log.next()).await;
                for round in 0..3 {
                    until_first_signs(dir, &client, &mut log, SLACK).await;
                    first.take().unwrap().kill();
                    let request = log.next();
                    let (cms, took) = seal(&client, &request).await;
                    assert!(openssl_accepts(&cms, &request.checkpoint, &authority.pem));
                    assert!(
                        AFTER <= took && took < AFTER + SLACK,
                        "round {round}: {took:?}"
                    );
                    // From now on nobody waits, handshakes neither.
                    let (_, took) = seal(&client, &log.next()).await;
                    assert!(took < AFTER, "round {round}: {took:?}");
                    tls(&client, "tls", handshake()).await.unwrap();
                    first = Some(token::Server::of_copy(dir));
                }
                until_first_signs(dir, &client, &mut log, SLACK).await;
            });
        },
    );
}

#[test]
fn a_first_token_that_says_nothing_is_left_and_returned_to() {
    token::alone(
        "standby::a_first_token_that_says_nothing_is_left_and_returned_to",
        |dir| {
            let World { config, .. } = two_tokens(dir);
            let first = token::Server::of_copy(dir);
            with_signer(config, |client| async move {
                let mut log = Growing::new();
                seal(&client, &log.next()).await;
                first.hang(true);
                let (_, took) = seal(&client, &log.next()).await;
                assert!(AFTER <= took && took < AFTER + SLACK, "{took:?}");
                for _ in 0..10 {
                    let (_, took) = seal(&client, &log.next()).await;
                    assert!(took < AFTER, "{took:?}");
                }
                first.hang(false);
                until_first_signs(dir, &client, &mut log, SLACK).await;
            });
        },
    );
}

#[test]
fn a_sister_key_seals_with_its_own_certificate() {
    token::alone(
        "standby::a_sister_key_seals_with_its_own_certificate",
        |dir| {
            let sister = token::furnish_another("hộp 2", [("chị em", KeyKind::P256)]);
            let World {
                mut config,
                authority,
                ..
            } = two_tokens(dir);
            let certified = certified(dir, &authority, "sister", KeyUse::Seal, "", &sister[0].spki);
            config.standby = Some(second(dir, "hộp 2"));
            config.keys[0].standby = Some(Standby::Sister {
                label: "chị em".into(),
                certificates: certified.certificates.clone(),
            });
            config.keys[1].standby = Some(Standby::None);
            let own = |key: &trucgate::signer::config::KeyConfig| {
                let pem = std::fs::read_to_string(&key.certificates).unwrap();
                trucgate::trust::pem::certificates(pem.as_bytes()).unwrap()[0].clone()
            };
            let (own_one, own_other) = (own(&config.keys[0]), own(&certified));
            let contains = |cms: &[u8], der: &[u8]| cms.windows(der.len()).any(|part| part == der);
            let first = token::Server::of_copy(dir);
            with_signer(config, |client| async move {
                let mut log = Growing::new();
                let (cms, _) = seal(&client, &log.next()).await;
                assert!(contains(&cms, &own_one) && !contains(&cms, &own_other));
                first.kill();
                let request = log.next();
                let (cms, _) = seal(&client, &request).await;
                assert!(contains(&cms, &own_other) && !contains(&cms, &own_one));
                assert!(openssl_accepts(&cms, &request.checkpoint, &authority.pem));
                // What has nothing in the second token waits for the first.
                let waits = tls(&client, "tls", handshake()).await.unwrap_err();
                assert_eq!(waits.class(), Class::Retry, "{waits}");
            });
        },
    );
}

#[test]
fn two_tokens_of_one_module_serve_one_process() {
    token::alone(
        "standby::two_tokens_of_one_module_serve_one_process",
        |dir| {
            let sister = token::furnish_another("hộp 2", [("chị em", KeyKind::P256)]);
            let World {
                mut config,
                authority,
                ..
            } = world(dir, token::module());
            let certified = certified(dir, &authority, "sister", KeyUse::Seal, "", &sister[0].spki);
            config.keys[0].standby = Some(Standby::Sister {
                label: "chị em".into(),
                certificates: certified.certificates,
            });
            config.keys[1].standby = Some(Standby::None);
            // The first refuses its PIN, which is the second's.
            put(&dir.join("pin-2"), token::PIN.as_bytes());
            put(&dir.join("pin"), b"00000000");
            let pin_file = Some(dir.join("pin-2"));
            config.standby = Some(StandbyConfig {
                pin_file,
                ..second(dir, "hộp 2")
            });
            with_signer(config, |client| async move {
                let mut log = Growing::new();
                for _ in 0..5 {
                    let request = log.next();
                    let (cms, took) = seal(&client, &request).await;
                    assert!(took < AFTER + SLACK, "{took:?}");
                    assert!(openssl_accepts(&cms, &request.checkpoint, &authority.pem));
                }
            });
        },
    );
}

#[test]
fn what_the_second_token_lacks_is_found_at_the_start() {
    token::alone(
        "standby::what_the_second_token_lacks_is_found_at_the_start",
        |dir| {
            token::furnish_another("hộp 2", [("rsa", KeyKind::Rsa { bits: 2048 })]);
            let World { config, .. } = world(dir, token::module());
            let refused = |change: &dyn Fn(&mut Config)| {
                let mut config = Config {
                    standby: Some(second(dir, "hộp 2")),
                    ..config.clone()
                };
                change(&mut config);
                let runtime = tokio::runtime::Runtime::new().unwrap();
                let bound = runtime.block_on(Server::bind(config, Disk::real(), Clock::system()));
                let refused = bound.unwrap_err();
                assert_eq!(refused.class(), Class::Fatal);
                refused.to_string()
            };
            // Another key under the label, then none at all.
            let other = refused(&|_| {});
            assert!(
                other.contains("key seal in the second token") && other.contains("another key"),
                "{other}"
            );
            let none = refused(&|config| config.keys.retain(|key| key.name == "tls"));
            assert!(
                none.contains("key tls in the second token") && none.contains("no key"),
                "{none}"
            );
        },
    );
}

/// The second token must not slow the start down where it is away, nor what the first serves.
#[test]
fn a_second_token_that_is_away_disturbs_nothing() {
    token::alone(
        "standby::a_second_token_that_is_away_disturbs_nothing",
        |dir| {
            let World { mut config, .. } = world(dir, token::module());
            let keys = std::mem::take(&mut config.keys);
            let mut config = configuration(dir, token::module(), keys);
            let module = token::client_module();
            config.standby = Some(StandbyConfig {
                module,
                ..second(dir, token::LABEL)
            });
            let begun = Instant::now();
            with_signer(config, |client| async move {
                let mut log = Growing::new();
                for _ in 0..20 {
                    seal(&client, &log.next()).await;
                }
                assert!(begun.elapsed() < SLACK, "{:?}", begun.elapsed());
            });
        },
    );
}
