use std::process::Command;
use std::sync::Mutex;
use std::sync::mpsc;

use super::*;

#[derive(Debug)]
struct Away;

impl KeyHandle for Away {
    fn sign(&self, _scheme: Scheme, _message: &[u8]) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotConnected.into())
    }
}

#[test]
fn only_a_proven_pair_becomes_a_credential() {
    let world = World::new();
    let chain = vec![world.box_leaf.clone()];
    let other = TestKey::new().unwrap();
    let wrong = Credential::new(chain.clone(), Soft::new(&other)).unwrap_err();
    assert!(matches!(&wrong, Error::NotAPair(subject) if subject.contains(BOX)));
    assert_eq!(wrong.class(), Class::Refuse);
    let away = Credential::new(chain, Arc::new(Away)).unwrap_err();
    assert_eq!(away.class(), Class::Retry);
    assert!(Credential::new(vec![], Arc::new(Away)).is_err());
    assert!(Credential::new(vec![b"junk".to_vec()], Arc::new(Away)).is_err());
}

#[tokio::test]
async fn a_new_credential_is_presented_at_once_and_open_connections_stay() {
    let world = World::new();
    let current = Current::empty();
    let server = server_config(
        current.clone(),
        Clients::Anybody,
        world.clock.clone(),
        &["h2"],
    )
    .unwrap();
    let client = || {
        let hub = HubVerifier::new(world.judge.clone(), None, true);
        client_config(Current::empty(), hub, world.clock.clone(), &["h2"]).unwrap()
    };
    let (nothing, _) = handshake(server.clone(), client()).await;
    assert!(nothing.is_err(), "no credential yet");
    current.replace(world.hub.clone());
    let (old_server, old_client) = handshake(server.clone(), client()).await;
    let (mut old_server, mut old_client) = (old_server.unwrap(), old_client.unwrap());

    let key = TestKey::new().unwrap();
    let leaf = tls_leaf(&world.ca, &world.chance, &key, HUB, 0);
    world.publish.send_modify(|grounds| {
        let mut content = grounds.directory.as_ref().unwrap().content();
        content
            .hub
            .as_mut()
            .unwrap()
            .tls
            .push(Fingerprint::of(&leaf));
        grounds.directory = Some(Arc::new(Directory::new(content).unwrap()));
    });
    current.replace(Credential::new(vec![leaf.clone()], Soft::new(&key)).unwrap());
    let (_, fresh) = handshake(server, client()).await;
    let fresh = fresh.unwrap();
    let shown = fresh.get_ref().1.peer_certificates().unwrap();
    assert_eq!(shown[0].as_ref(), leaf.as_slice());
    old_server.write_all(b"still here").await.unwrap();
    old_server.flush().await.unwrap();
    let mut text = [0; 10];
    old_client.read_exact(&mut text).await.unwrap();
    assert_eq!(&text, b"still here");
}

#[tokio::test]
async fn an_rsa_key_serves_tls_1_3_and_1_2() {
    let world = World::new();
    let made = Command::new("openssl")
        .args([
            "genpkey",
            "-algorithm",
            "RSA",
            "-pkeyopt",
            "rsa_keygen_bits:2048",
        ])
        .output()
        .unwrap();
    let key = TestKey::from_pem(std::str::from_utf8(&made.stdout).unwrap()).unwrap();
    let leaf = tls_leaf(&world.ca, &world.chance, &key, HUB, 0);
    assert_eq!(key_of(&leaf).unwrap().kind, crate::trust::KeyKind::Rsa);
    let credential = Credential::new(vec![leaf], Soft::new(&key)).unwrap();
    let server = server_config(
        Current::new(credential),
        Clients::Anybody,
        world.clock.clone(),
        &["h2"],
    )
    .unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(world.ca.root_der().into()).unwrap();
    roots.add(world.ca.intermediate_der().into()).unwrap();
    // A stranger's client: rustls's own verifier instead of ours.
    let clock = world.clock.clone();
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let client = ClientConfig::builder_with_details(provider, config::time(clock.clone()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots.clone())
            .with_no_client_auth();
        let (accepted, _) = handshake(server.clone(), Arc::new(client)).await;
        let accepted = accepted.unwrap();
        let connection = accepted.get_ref().1;
        assert_eq!(connection.protocol_version(), Some(version.version));
    }
}

/// A token that answers only after somebody else on the same runtime has done something.
#[derive(Debug)]
struct Slow {
    key: Arc<Soft>,
    begun: mpsc::Sender<()>,
    gate: Mutex<mpsc::Receiver<()>>,
}

impl KeyHandle for Slow {
    fn sign(&self, scheme: Scheme, message: &[u8]) -> io::Result<Vec<u8>> {
        self.begun.send(()).map_err(io::Error::other)?;
        let limit = std::time::Duration::from_secs(10);
        let gate = self.gate.lock().unwrap();
        gate.recv_timeout(limit).map_err(io::Error::other)?;
        self.key.sign(scheme, message)
    }
}

#[test]
fn a_slow_token_does_not_freeze_other_connections() {
    let world = World::new();
    let (begun, started) = mpsc::channel();
    let (open, gate) = mpsc::channel();
    let slow = Slow {
        key: Soft::new(&world.box_key),
        begun,
        gate: Mutex::new(gate),
    };
    open.send(()).unwrap();
    let leaf = tls_leaf(&world.ca, &world.chance, &world.box_key, HUB, 0);
    let credential = Credential::new(vec![leaf], Arc::new(slow)).unwrap();
    started.recv().unwrap();
    let server = server_config(
        Current::new(credential),
        Clients::Anybody,
        world.clock.clone(),
        &[],
    )
    .unwrap();
    let hub = HubVerifier::new(world.judge.clone(), None, false);
    world
        .publish
        .send_modify(|grounds| grounds.directory = None);
    let client = client_config(Current::empty(), hub, world.clock.clone(), &[]).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let done = tokio::spawn(async move { handshake(server, client).await });
        // The token is at work on the only worker; this task needs that worker, too.
        tokio::task::spawn_blocking(move || started.recv().unwrap())
            .await
            .unwrap();
        tokio::spawn(async move { open.send(()).unwrap() })
            .await
            .unwrap();
        let (accepted, connected) = done.await.unwrap();
        accepted.unwrap();
        connected.unwrap();
    });
}
