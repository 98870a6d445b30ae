//! A signer with a real token in a process of its own.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::watch;

use crate::authority::{Authority, openssl_accepts, put};
use crate::token;
use trucgate::clock::Clock;
use trucgate::durable::Disk;
use trucgate::merkle::checkpoint::Checkpoint;
use trucgate::merkle::{Hash, leaf_hash, node_hash};
use trucgate::packet::Digest;
use trucgate::retry::Class;
use trucgate::signer::cms::Signer;
use trucgate::signer::config::{Config, KeyConfig, Who};
use trucgate::signer::server::Server;
use trucgate::signer::wire;
use trucgate::signer::{Client, Error, KeyUse, SealAnswer, SealRequest, TlsScheme};

const MEMBER: &str = "000.00.00.G22";

pub(crate) struct World {
    pub(crate) config: Config,
    pub(crate) authority: Authority,
    tls_point: Vec<u8>,
}

/// A token with an RSA seal key and a P-256 TLS key, both certified, and the signer's configuration over it.
pub(crate) fn world(dir: &Path, module: PathBuf) -> World {
    let [rsa, ec] = token::furnish();
    let authority = Authority::new();
    let keys = vec![
        certified(dir, &authority, "seal", KeyUse::Seal, "rsa", &rsa.spki),
        certified(dir, &authority, "tls", KeyUse::Tls, "ec", &ec.spki),
    ];
    let config = configuration(dir, module, keys);
    World {
        config,
        authority,
        tls_point: ec.spki[26..].to_vec(),
    }
}

/// A key of [`MEMBER`] with a certificate of its own, for the user that runs the tests.
pub(crate) fn certified(
    dir: &Path,
    authority: &Authority,
    name: &str,
    use_: KeyUse,
    label: &str,
    spki: &[u8],
) -> KeyConfig {
    let key = rcgen::SubjectPublicKeyInfo::from_der(spki).unwrap();
    let certificates = dir.join(format!("{name}.pem"));
    let pem = authority.issue(name, &key).pem() + &authority.pem;
    put(&certificates, pem.as_bytes());
    KeyConfig {
        name: name.into(),
        member: MEMBER.parse().unwrap(),
        use_,
        label: label.into(),
        certificates,
        standby: None,
        allow: vec![Who::Uid(nix::unistd::getuid().as_raw())],
    }
}

/// A signer over the furnished token.
pub(crate) fn configuration(dir: &Path, module: PathBuf, keys: Vec<KeyConfig>) -> Config {
    put(&dir.join("pin"), token::PIN.as_bytes());
    Config {
        socket: dir.join("signer.socket"),
        heads: dir.join("heads"),
        module,
        token_label: Some(token::LABEL.into()),
        token_serial: None,
        pin_credential: None,
        profile: None,
        pin: None,
        pin_file: Some(dir.join("pin")),
        seal_sessions: 2,
        tls_sessions: 1,
        queue: 600,
        deadline_ms: 8_000,
        min_sign_time_ms: None,
        standby: None,
        keys,
    }
}

/// Runs `test` beside a signer, which ends well when the test has.
pub(crate) fn with_signer<F: Future<Output = ()>>(config: Config, test: impl FnOnce(Client) -> F) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (stop, stopped) = watch::channel(false);
    let socket = config.socket.clone();
    runtime.block_on(async move {
        let bound = Server::bind(config, Disk::real(), Clock::system()).await;
        let serving = tokio::spawn(bound.unwrap().serve(stopped));
        test(Client::new(&socket).unwrap()).await;
        stop.send(true).unwrap();
        serving.await.unwrap().unwrap();
    });
}

pub(crate) fn leaf(n: u8) -> Hash {
    leaf_hash(&[n])
}

pub(crate) fn request(
    origin: &str,
    size: u64,
    root: Hash,
    from_size: u64,
    proof: &[Hash],
) -> SealRequest {
    let checkpoint = Checkpoint {
        origin: origin.into(),
        size,
        root,
        extensions: vec!["hub 7".into()],
    };
    SealRequest {
        checkpoint: checkpoint.body().into_bytes(),
        proof: proof.to_vec(),
        from_size,
    }
}

pub(crate) fn handshake() -> Vec<u8> {
    [
        &[b' '; 64][..],
        b"TLS 1.3, server CertificateVerify\0",
        &[7; 32],
    ]
    .concat()
}

pub(crate) async fn tls(
    client: &Client,
    key: &'static str,
    message: Vec<u8>,
) -> Result<Vec<u8>, Error> {
    let keys = client.keys().await?;
    let shown = keys.iter().find(|one| one.name == key);
    let certificate = Digest::of(shown.map_or(&[], |key| &key.chain[0]));
    tls_showing(client, key, certificate, message).await
}

/// For a handshake that shows the certificate of that digest.
pub(crate) async fn tls_showing(
    client: &Client,
    key: &'static str,
    certificate: Digest,
    message: Vec<u8>,
) -> Result<Vec<u8>, Error> {
    let client = client.clone();
    let scheme = TlsScheme::EcdsaP256Sha256;
    let blocking = move || client.tls_sign_blocking(key, certificate, scheme, &message);
    tokio::task::spawn_blocking(blocking).await.unwrap()
}

#[test]
fn it_signs_logs_that_grow_and_handshakes_and_nothing_else() {
    token::alone(
        "process::it_signs_logs_that_grow_and_handshakes_and_nothing_else",
        |dir| {
            let World {
                config,
                authority,
                tls_point,
            } = world(dir, token::module());
            let again = config.clone();
            with_signer(config, |client| async move {
                let keys = client.keys().await.unwrap();
                assert_eq!(keys.len(), 2);
                assert_eq!(keys[0].chain.len(), 2);

                let first = request(MEMBER, 1, leaf(1), 0, &[]);
                let SealAnswer::Signed { cms } = client.seal("seal", first.clone()).await.unwrap()
                else {
                    panic!()
                };
                assert!(openssl_accepts(&cms, &first.checkpoint, &authority.pem));
                let root = node_hash(&leaf(1), &leaf(2));
                let behind = client.seal("seal", request(MEMBER, 2, root, 0, &[])).await;
                assert_eq!(behind, Ok(SealAnswer::Behind { size: 1 }));
                let second = request(MEMBER, 2, root, 1, &[leaf(2)]);
                // Many at once, all the same head: each is signed.
                let many = (0..200).map(|_| {
                    let (client, second) = (client.clone(), second.clone());
                    tokio::spawn(async move { client.seal("seal", second).await })
                });
                for answered in many.collect::<Vec<_>>() {
                    let answer = answered.await.unwrap().unwrap();
                    assert!(matches!(answer, SealAnswer::Signed { .. }));
                }

                for (key, bad) in [
                    ("seal", first),
                    ("seal", request(MEMBER, 2, leaf(9), 1, &[leaf(9)])),
                    ("seal", request(MEMBER, 3, leaf(9), 2, &[leaf(9)])),
                    ("seal", request("H41", 3, leaf(9), 2, &[])),
                    ("tls", second.clone()),
                    ("none", second.clone()),
                ] {
                    let refused = client.seal(key, bad).await.unwrap_err();
                    assert_eq!(refused.class(), Class::Refuse, "{refused}");
                }

                let signed = tls(&client, "tls", handshake()).await.unwrap();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &tls_point)
                    .verify(&handshake(), &signed)
                    .unwrap();
                for (key, bad) in [
                    ("tls", second.checkpoint.clone()),
                    ("tls", handshake()[1..].to_vec()),
                    ("seal", handshake()),
                ] {
                    let refused = tls(&client, key, bad).await.unwrap_err();
                    assert_eq!(refused.class(), Class::Refuse, "{refused}");
                }
            });

            // Another life: the ledger still knows, and a user without a key is told so.
            let mut strange = again.clone();
            with_signer(again, |client| async move {
                let back = client
                    .seal("seal", request(MEMBER, 1, leaf(1), 0, &[]))
                    .await;
                assert_eq!(back.unwrap_err().class(), Class::Refuse);
            });
            strange
                .keys
                .iter_mut()
                .for_each(|key| key.allow = vec![Who::Uid(4_000_000_000)]);
            with_signer(strange, |client| async move {
                assert_eq!(client.keys().await.unwrap_err().class(), Class::Refuse);
            });
        },
    );
}

#[test]
fn hostile_peers_disturb_nobody() {
    token::alone("process::hostile_peers_disturb_nobody", |dir| {
        let World { config, .. } = world(dir, token::module());
        let socket = config.socket.clone();
        with_signer(config, |client| async move {
            client.keys().await.unwrap();
            let frame = |text: &[u8]| [&(text.len() as u32).to_be_bytes()[..], text].concat();
            let keys = br#"{"id":5,"ask":"keys"}"#;
            for bytes in [
                vec![0xff; 64],
                frame(b"no json"),
                frame(br#"{"id":1}"#),
                frame(&[b'['; 100_000]),
                vec![0, 0, 0, 9, b'{'],
                Vec::new(),
            ] {
                let mut stream = UnixStream::connect(&socket).await.unwrap();
                // It may close before it has read all.
                let _ = stream.write_all(&bytes).await;
                let _ = stream.shutdown().await;
                let mut rest = Vec::new();
                let _ = stream.read_to_end(&mut rest).await;
            }
            // What it does not know is named, and the connection lives on; bytes may trickle in.
            let mut stream = UnixStream::connect(&socket).await.unwrap();
            for byte in [frame(br#"{"id":4,"ask":{"decrypt":1}}"#), frame(keys)].concat() {
                stream.write_all(&[byte]).await.unwrap();
            }
            let mut answers = [0, 0].map(|_| String::new());
            for answer in &mut answers {
                let bytes = wire::read(&mut stream, wire::LONGEST).await.unwrap();
                *answer = String::from_utf8(bytes.unwrap()).unwrap();
            }
            assert!(answers[0].contains(r#""id":4"#) && answers[0].contains("decrypt"));
            assert!(answers[1].contains(r#""id":5"#) && answers[1].contains(MEMBER));
            // Connections that say nothing keep no one out and don't hold up the stop.
            let _idle: Vec<_> = [0; 20].map(|_| UnixStream::connect(&socket)).into();
            client.keys().await.unwrap();
        });
    });
}

#[test]
fn renewed_certificates_come_into_force_only_with_their_key() {
    token::alone(
        "process::renewed_certificates_come_into_force_only_with_their_key",
        |dir| {
            let World {
                config, authority, ..
            } = world(dir, token::module());
            let (stop, stopped) = watch::channel(false);
            let client = Client::new(&config.socket).unwrap();
            let file = config.keys[0].certificates.clone();
            let old = std::fs::read(&file).unwrap();
            tokio::runtime::Runtime::new().unwrap().block_on(async {
                let server = Server::bind(config.clone(), Disk::real(), Clock::system()).await;
                let server = server.unwrap();
                let reload = server.reload();
                let serving = tokio::spawn(server.serve(stopped));
                let before = client.keys().await.unwrap();
                // Another's certificate, then none at all: what was in force stays.
                for bad in [std::fs::read(&config.keys[1].certificates).unwrap(), vec![]] {
                    put(&file, &bad);
                    assert_eq!(
                        reload.keys(&config).await.unwrap_err().class(),
                        Class::Fatal
                    );
                    assert_eq!(client.keys().await.unwrap(), before);
                }
                let first = rcgen::SubjectPublicKeyInfo::from_der(
                    Signer::new(&before[0].chain).unwrap().spki(),
                );
                let renewed = authority.issue("mới", &first.unwrap()).pem();
                put(&file, renewed.as_bytes());
                reload.keys(&config).await.unwrap();
                let after = client.keys().await.unwrap();
                assert_ne!(after[0].chain, before[0].chain);
                let sealed = request(MEMBER, 1, leaf(1), 0, &[]);
                let SealAnswer::Signed { cms } = client.seal("seal", sealed.clone()).await.unwrap()
                else {
                    panic!()
                };
                assert!(openssl_accepts(&cms, &sealed.checkpoint, &authority.pem));
                stop.send(true).unwrap();
                serving.await.unwrap().unwrap();
                put(&file, &old);
                assert!(reload.keys(&config).await.is_err());
            });
        },
    );
}

#[test]
fn a_key_of_another_certificate_stops_the_start() {
    token::alone(
        "process::a_key_of_another_certificate_stops_the_start",
        |dir| {
            let World { mut config, .. } = world(dir, token::module());
            config.keys[0].label = "ec".into();
            let runtime = tokio::runtime::Runtime::new().unwrap();
            let bound = runtime.block_on(Server::bind(config, Disk::real(), Clock::system()));
            let refused = bound.unwrap_err();
            assert_eq!(refused.class(), Class::Fatal);
            assert!(refused.to_string().contains("another key"), "{refused}");
        },
    );
}

#[test]
fn an_rsa_key_for_tls_without_pss_stops_the_start() {
    token::alone(
        "process::an_rsa_key_for_tls_without_pss_stops_the_start",
        |dir| {
            let World { mut config, .. } = world(dir, token::module());
            config.keys[0].use_ = KeyUse::Tls;
            let (_, mut profile) = hsm::Profile::of("", "");
            profile.mechanisms = vec![hsm::Mechanism::RsaPkcs, hsm::Mechanism::Ecdsa];
            config.profile = Some(profile);
            let runtime = tokio::runtime::Runtime::new().unwrap();
            let bound = runtime.block_on(Server::bind(config, Disk::real(), Clock::system()));
            let refused = bound.unwrap_err();
            assert_eq!(refused.class(), Class::Fatal);
            assert!(
                refused.to_string().contains("CKM_RSA_PKCS_PSS"),
                "{refused}"
            );
        },
    );
}

#[test]
fn a_wrong_pin_is_said_and_the_signer_stays_so_that_it_is_not_tried_again() {
    token::alone(
        "process::a_wrong_pin_is_said_and_the_signer_stays_so_that_it_is_not_tried_again",
        |dir| {
            let World { mut config, .. } = world(dir, token::module());
            let _spied = token::Server::spied(dir);
            config.module = token::client_module();
            put(&dir.join("pin"), b"0000\n");
            with_signer(config, |client| async move {
                let said = client
                    .seal("seal", request(MEMBER, 1, leaf(1), 0, &[]))
                    .await;
                let Err(error @ Error::Halted(_)) = said else {
                    panic!("{said:?}")
                };
                assert_eq!(error.class(), Class::Retry);
                assert!(error.to_string().contains("PIN"), "{error}");
                let many = (0..50).map(|_| {
                    let client = client.clone();
                    let first = request(MEMBER, 1, leaf(1), 0, &[]);
                    tokio::spawn(async move { client.seal("seal", first).await })
                });
                for refused in many.collect::<Vec<_>>() {
                    assert!(matches!(refused.await.unwrap(), Err(Error::Halted(_))));
                }
                // What needs no token is still answered.
                assert_eq!(client.keys().await.unwrap().len(), 2);
            });
            assert_eq!(token::calls(dir, "C_Login"), 1);
        },
    );
}

#[test]
fn it_starts_without_a_token_and_serves_within_a_second_of_its_return() {
    token::alone(
        "process::it_starts_without_a_token_and_serves_within_a_second_of_its_return",
        |dir| {
            let World { mut config, .. } = world(dir, token::module());
            config.module = token::client_module();
            with_signer(config, |client| async move {
                let seal = || client.seal("seal", request(MEMBER, 1, leaf(1), 0, &[]));
                assert_eq!(seal().await.unwrap_err().class(), Class::Retry);
                for _ in 0..2 {
                    let server = token::Server::start(dir);
                    let back = Instant::now();
                    while let Err(error) = seal().await {
                        assert_eq!(error.class(), Class::Retry, "{error}");
                        assert!(back.elapsed() < Duration::from_secs(1), "{error}");
                    }
                    assert!(back.elapsed() < Duration::from_secs(1));
                    server.kill();
                    assert_eq!(seal().await.unwrap_err().class(), Class::Retry);
                }
            });
        },
    );
}

#[test]
fn a_signer_that_is_not_there_is_away() {
    let dir = tempfile::tempdir().unwrap();
    let client = Client::new(&dir.path().join("none")).unwrap();
    let away = client.tls_sign_blocking("tls", Digest::of(b""), TlsScheme::EcdsaP256Sha256, b"x");
    assert_eq!(away.unwrap_err().class(), Class::Retry);
}
