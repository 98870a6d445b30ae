//! Clients and servers of the uplink that are none of our processes: strangers, thieves, a false hub.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use trucgate::clock::{Chance, Clock};
use trucgate::cmd::demo::exchange::{Exchange, is};
use trucgate::cmd::demo::process::Process;
use trucgate::https::{
    Client, ClientConfig, ClientTls, Error, Handler, Protocols, Request, Response, Server,
    ServerConfig, ServerTls, StatusCode,
};
use trucgate::hub::admin::Change;
use trucgate::journal::ids;
use trucgate::provision::lab::{Lab, Machine};
use trucgate::signer;
use trucgate::tls::{
    self, Clients, Credential, Current, Grounds, HubVerifier, Judge, KeyHandle, Scheme, SignerKey,
};
use trucgate::trust::directory::{BoxEntry, Fingerprint};
use trucgate::trust::issue::{TestCa, TestKey, Use, Wanted};
use trucgate::trust::{Profile, Revocation, Trust, pem};
use trucgate::uplink;
use x509_cert::der::Decode;

use super::{PATIENCE, member, now, write};

/// A key in memory.
#[derive(Debug)]
struct Soft(TestKey);

impl KeyHandle for Soft {
    fn sign(&self, scheme: Scheme, message: &[u8]) -> io::Result<Vec<u8>> {
        match scheme {
            Scheme::EcdsaP256Sha256 => self.0.sign(message).map_err(io::Error::other),
            other => Err(io::Error::other(format!("asked for {other:?}"))),
        }
    }
}

/// What a stranger's certificate is to say.
pub struct Paper<'a> {
    pub code: &'a str,
    pub usage: Use<'a>,
    /// Begin and end of validity, in hours from now.
    pub hours: (i64, i64),
}

/// A certificate with its key in memory.
pub struct Stranger {
    pub der: Vec<u8>,
    pub credential: Credential,
}

impl Stranger {
    /// Certified by the lab's authority; shows `whole` chain or its leaf alone.
    pub fn of(lab: &Lab, paper: &Paper<'_>, whole: bool) -> Self {
        let intermediate = first_certificate(&lab.intermediates());
        Self::made(paper, whole.then_some(intermediate), |wanted| {
            lab.issue(wanted).unwrap()
        })
    }

    /// Certified by an authority of nobody's trust.
    pub fn of_another_authority(paper: &Paper<'_>) -> Self {
        let chance = Chance::system();
        let ca = TestCa::new(&chance, now() - time::Duration::days(30)).unwrap();
        Self::made(paper, Some(ca.intermediate_der()), |wanted| {
            ca.issue(wanted, &chance).unwrap()
        })
    }

    fn made(
        paper: &Paper<'_>,
        above: Option<Vec<u8>>,
        issue: impl FnOnce(&Wanted<'_>) -> Vec<u8>,
    ) -> Self {
        let key = TestKey::new().unwrap();
        let code = member(paper.code);
        let der = issue(&Wanted {
            spki_der: &key.spki_der(),
            usage: paper.usage,
            code: Some(&code),
            name: &format!("TEST stranger {}", paper.code),
            not_before: now() + time::Duration::hours(paper.hours.0),
            not_after: now() + time::Duration::hours(paper.hours.1),
        });
        let chain = std::iter::once(der.clone()).chain(above).collect();
        let credential = Credential::new(chain, Arc::new(Soft(key))).unwrap();
        Self { der, credential }
    }

    pub fn serial(&self) -> String {
        serial(&self.der)
    }

    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.der)
    }
}

/// Serial number of a certificate in lower-case hexadecimal.
pub fn serial(der: &[u8]) -> String {
    let certificate = x509_cert::Certificate::from_der(der).unwrap();
    let serial = certificate.tbs_certificate.serial_number;
    data_encoding::HEXLOWER.encode(serial.as_bytes())
}

pub fn first_certificate(path: &Path) -> Vec<u8> {
    pem::certificates(&std::fs::read(path).unwrap())
        .unwrap()
        .remove(0)
}

/// The identity of a real machine, whose key only its signer has.
pub async fn stolen(machine: &Machine) -> Credential {
    let client = signer::Client::new(&machine.signer_socket()).unwrap();
    let keys = client.keys().await.unwrap();
    let key = keys.into_iter().find(|key| key.name == "tls").unwrap();
    let handle = Arc::new(SignerKey::new(client, key.name, &key.chain));
    Credential::new(key.chain, handle).unwrap()
}

/// HTTP/2 to the hub as a box does it, showing `credential` if any.
pub fn to_hub(lab: &Lab, credential: Option<Credential>) -> Client {
    let read = |path| std::fs::read(path).unwrap();
    let trust = Trust::new(
        vec![read(lab.anchors())],
        vec![read(lab.intermediates())],
        Profile::default(),
        Revocation::none(),
    );
    let (_, grounds) = watch::channel(Grounds::new(Arc::new(trust.unwrap()), None));
    let judge = Judge::new(grounds, Clock::system());
    let hub = HubVerifier::new(judge, Some(lab.hub.code.clone()), true);
    let current = credential.map_or_else(Current::empty, Current::new);
    let config = tls::client_config(current, hub, Clock::system(), &["h2"]).unwrap();
    let (_, config) = watch::channel(config);
    Client::http2(ClientConfig::new(
        lab.hub.address.to_string(),
        Some(ClientTls {
            config,
            server_name: "localhost".to_owned(),
            judge: None,
        }),
    ))
}

/// One small question to the hub.
pub async fn ask(client: &Client) -> Result<StatusCode, Error> {
    let path = format!("{}?have=0&wait=0", uplink::DIRECTORY);
    let mut answer = client.get(&path, Duration::from_secs(10)).await?;
    answer.body.read_all(1 << 20).await?;
    Ok(answer.status)
}

/// What the hub's operator enters; returns when the hub and every running box have the new directory.
pub fn enter(exchange: &Exchange, changes: &[Change]) {
    let hub = exchange.hub.main.as_ref().unwrap();
    let boxes = exchange.boxes.iter().filter_map(|pair| pair.main.as_ref());
    let waiting: Vec<(&Process, usize)> = std::iter::once(hub)
        .chain(boxes)
        .map(|process| (process, process.lines()))
        .collect();
    let file = exchange.lab.directory().join("changes.json");
    write(&file, serde_json::to_vec(changes).unwrap());
    exchange.apply(&file).unwrap();
    for (process, from) in waiting {
        let updated = |line: &serde_json::Value| is(line, &ids::DIRECTORY_UPDATED);
        process.line(from, PATIENCE, updated).unwrap();
    }
}

/// A box in the register whose TLS certificates are these.
pub fn box_with(code: &str, tls: Vec<Fingerprint>) -> Change {
    Change::AddBox(BoxEntry {
        code: member(code),
        tls,
        seal: Vec::new(),
    })
}

/// Tells a process to read its files again and waits until it has.
pub fn reload(process: &Process) {
    let from = process.lines();
    process.reload().unwrap();
    let read = |line: &serde_json::Value| {
        is(line, &ids::CERTIFICATE_RELOADED) && line["MESSAGE"] == "trust files read again"
    };
    process.line(from, PATIENCE, read).unwrap();
}

/// Somebody else at the hub's address.
pub struct FalseHub {
    current: Arc<Current>,
    asked: Arc<Mutex<Vec<String>>>,
    stop: watch::Sender<bool>,
    serving: tokio::task::JoinHandle<()>,
}

struct Curious(Arc<Mutex<Vec<String>>>);

impl Handler for Curious {
    async fn handle(&self, request: Request) -> Response {
        self.0.lock().unwrap().push(request.path.clone());
        Response::empty(StatusCode::OK)
    }
}

impl FalseHub {
    /// Takes anybody, without asking who it is.
    pub fn start(lab: &Lab, shown: &Stranger) -> Self {
        let current = Current::new(shown.credential.clone());
        let tls = tls::server_config(current.clone(), Clients::Anybody, Clock::system(), &["h2"]);
        let (_, config) = watch::channel(tls.unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let tls = ServerTls {
            config,
            protocols: Protocols::Http2,
            judge: None,
            recheck: None,
        };
        let server = Server::bind(ServerConfig::secure(lab.hub.address, tls)).unwrap();
        let (stop, stopped) = watch::channel(false);
        let handler = Arc::new(Curious(asked.clone()));
        let serving = tokio::spawn(async move {
            server.serve(handler, stopped).await;
        });
        Self {
            current,
            asked,
            stop,
            serving,
        }
    }

    pub fn show(&self, shown: &Stranger) {
        self.current.replace(shown.credential.clone());
    }

    /// Ends it; gives what it was asked.
    pub async fn end(self) -> Vec<String> {
        self.stop.send_replace(true);
        self.serving.await.unwrap();
        self.asked.lock().unwrap().clone()
    }
}
