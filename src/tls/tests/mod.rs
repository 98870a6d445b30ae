use std::io;
use std::sync::Arc;

use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::{PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, HandshakeKind, ServerConfig, SignatureScheme};
use time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

use super::*;
use crate::clock::{Chance, Clock, Moment};
use crate::packet::MemberId;
use crate::trust::directory::{BoxEntry, Content, Directory, Fingerprint};
use crate::trust::issue::{TestCa, TestKey, Use, Wanted};
use crate::trust::{Profile, Revocation, Stale, Trust, Verdict, key_of};

mod admitted;
mod credential;
mod resumed;

const NOW: Moment = time::macros::datetime!(2026-03-01 08:00 UTC);
const BOX: &str = "000.00.00.G22";
const HUB: &str = "W00";

fn code(text: &str) -> MemberId {
    text.parse().unwrap()
}

/// A key in memory instead of a token.
#[derive(Debug)]
struct Soft(Arc<dyn rustls::sign::SigningKey>);

impl Soft {
    fn new(key: &TestKey) -> Arc<Self> {
        let der = PrivatePkcs8KeyDer::from(key.pkcs8_der());
        Arc::new(Self(any_supported_type(&der.into()).unwrap()))
    }
}

impl KeyHandle for Soft {
    fn sign(&self, scheme: Scheme, message: &[u8]) -> io::Result<Vec<u8>> {
        let wanted = match scheme {
            Scheme::RsaPssSha256 => SignatureScheme::RSA_PSS_SHA256,
            Scheme::RsaPkcs1Sha256 => SignatureScheme::RSA_PKCS1_SHA256,
            Scheme::EcdsaP256Sha256 => SignatureScheme::ECDSA_NISTP256_SHA256,
        };
        let signer = self.0.choose_scheme(&[wanted]);
        let signer = signer.ok_or(io::ErrorKind::Unsupported)?;
        signer.sign(message).map_err(io::Error::other)
    }
}

/// A test authority, a hub and a box, both registered.
struct World {
    ca: TestCa,
    chance: Chance,
    clock: Clock,
    hub: Credential,
    box_key: TestKey,
    box_leaf: Vec<u8>,
    publish: watch::Sender<Grounds>,
    judge: Judge,
}

impl World {
    fn new() -> Self {
        let chance = Chance::system();
        let ca = TestCa::new(&chance, NOW).unwrap();
        let clock = Clock::manual(NOW);
        let (hub_key, box_key) = (TestKey::new().unwrap(), TestKey::new().unwrap());
        let hub_leaf = tls_leaf(&ca, &chance, &hub_key, HUB, 0);
        let box_leaf = tls_leaf(&ca, &chance, &box_key, BOX, 0);
        let chain = vec![hub_leaf.clone(), ca.intermediate_der()];
        let hub = Credential::new(chain, Soft::new(&hub_key)).unwrap();
        let trust = Arc::new(trust(&ca, Revocation::none()));
        let entry = |text, der: &[u8]| BoxEntry {
            code: code(text),
            tls: vec![Fingerprint::of(der)],
            seal: vec![],
        };
        let directory = Directory::new(Content {
            version: 1,
            issued: NOW,
            valid_until: NOW + Duration::days(1),
            hub: Some(entry(HUB, &hub_leaf)),
            members: vec![],
            boxes: vec![entry(BOX, &box_leaf)],
        });
        let grounds = Grounds::new(trust, Some(Arc::new(directory.unwrap())));
        let (publish, receiver) = watch::channel(grounds);
        let judge = Judge::new(receiver, clock.clone());
        Self {
            ca,
            chance,
            clock,
            hub,
            box_key,
            box_leaf,
            publish,
            judge,
        }
    }

    fn box_credential(&self) -> Credential {
        Credential::new(vec![self.box_leaf.clone()], Soft::new(&self.box_key)).unwrap()
    }

    fn server(&self, clients: Clients) -> Arc<ServerConfig> {
        let current = Current::new(self.hub.clone());
        server_config(current, clients, self.clock.clone(), &["h2", "http/1.1"]).unwrap()
    }

    fn hub_server(&self) -> Arc<ServerConfig> {
        self.server(Clients::Boxes(self.judge.clone()))
    }

    fn client(&self, current: Arc<Current>) -> Arc<ClientConfig> {
        let hub = HubVerifier::new(self.judge.clone(), Some(code(HUB)), true);
        client_config(current, hub, self.clock.clone(), &["h2"]).unwrap()
    }

    fn revoke(&self, leaf: &[u8]) {
        let identity = self.publish.borrow().trust.judge(
            &[leaf.to_vec()],
            crate::trust::Purpose::TlsClient,
            NOW,
        );
        let list =
            self.ca
                .revocation_list(&[identity.unwrap().serial], NOW, NOW + Duration::days(1));
        let revocation = Revocation {
            lists: vec![list.unwrap()],
            window: std::time::Duration::ZERO,
            then: Stale::Continue,
        };
        self.publish.send_modify(|grounds| {
            grounds.trust = Arc::new(grounds.trust.with_revocation(&revocation).unwrap());
        });
    }
}

fn trust(ca: &TestCa, revocation: Revocation) -> Trust {
    Trust::new(
        vec![ca.root_der()],
        vec![ca.intermediate_der()],
        Profile::default(),
        revocation,
    )
    .unwrap()
}

/// A TLS certificate that begins `days` from now.
fn tls_leaf(ca: &TestCa, chance: &Chance, key: &TestKey, owner: &str, days: i64) -> Vec<u8> {
    let wanted = Wanted {
        spki_der: &key.spki_der(),
        usage: Use::Tls {
            names: &["localhost".to_owned()],
        },
        code: Some(&code(owner)),
        name: owner,
        not_before: NOW + Duration::days(days) - Duration::hours(1),
        not_after: NOW + Duration::days(days + 1),
    };
    ca.issue(&wanted, chance).unwrap()
}

type Ends = (
    io::Result<server::TlsStream<TcpStream>>,
    io::Result<client::TlsStream<TcpStream>>,
);

/// One real handshake; after it the server sends a byte, which the client reads.
async fn handshake(server: Arc<ServerConfig>, client: Arc<ClientConfig>) -> Ends {
    handshake_with(server, client, "localhost").await
}

async fn handshake_with(
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
    name: &'static str,
) -> Ends {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let accept = tokio::spawn(async move {
        let (socket, _) = listener.accept().await?;
        let mut stream = TlsAcceptor::from(server).accept(socket).await?;
        stream.write_all(b"!").await?;
        stream.flush().await?;
        Ok(stream)
    });
    let socket = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from(name).unwrap();
    let connect = async {
        let mut stream = TlsConnector::from(client).connect(name, socket).await?;
        let mut byte = [0];
        stream.read_exact(&mut byte).await?;
        Ok(stream)
    };
    let connected = connect.await;
    (accept.await.unwrap(), connected)
}
