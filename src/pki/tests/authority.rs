//! A certification authority's web server in this process, which can be made to misbehave.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::clock::{Chance, Clock, Moment};
use crate::durable::Disk;
use crate::https::{Bytes, Handler, Request, Response, Server, ServerConfig, StatusCode};
use crate::trust::issue::{TestCa, TestKey, Use, Wanted};
use crate::trust::ocsp::{RESPONSE_TYPE, Reply, Responder, asked};
use crate::trust::{pem, summary};

/// How a source behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    Good,
    /// What it gives is past its end, window included.
    Stale,
    /// Answers and lists of another authority.
    Stranger,
    /// Another certificate than the one asked about.
    OtherSerial,
    /// The first half of what it should give.
    Truncated,
    /// No end of bytes.
    Huge,
    /// A byte now and then.
    Drip,
    /// Takes the question and says nothing.
    Silent,
    /// HTTP 500.
    Broken,
    /// Signed by a certificate of the authority that is not for this.
    NoResponder,
}

impl Manner {
    pub(super) const HOSTILE: [Self; 9] = [
        Self::Stale,
        Self::Stranger,
        Self::OtherSerial,
        Self::Truncated,
        Self::Huge,
        Self::Drip,
        Self::Silent,
        Self::Broken,
        Self::NoResponder,
    ];
}

struct Ca {
    ca: TestCa,
    key: TestKey,
    delegate: Vec<u8>,
    wrong: Vec<u8>,
    clock: Clock,
    revoked: Mutex<Vec<String>>,
    life: Mutex<time::Duration>,
}

impl Ca {
    fn new(clock: &Clock) -> Self {
        let chance = Chance::system();
        let ca = TestCa::new(&chance, clock.now() - time::Duration::days(30)).unwrap();
        let key = TestKey::new().unwrap();
        let issue = |usage| {
            let wanted = Wanted {
                spki_der: &key.spki_der(),
                usage,
                code: None,
                name: "TEST responder",
                not_before: clock.now() - time::Duration::days(20),
                not_after: clock.now() + time::Duration::days(300),
            };
            ca.issue(&wanted, &chance).unwrap()
        };
        Self {
            delegate: issue(Use::OcspResponder),
            wrong: issue(Use::Seal),
            ca,
            key,
            clock: clock.clone(),
            revoked: Mutex::default(),
            life: Mutex::new(time::Duration::days(1)),
        }
    }

    fn list(&self, root: bool, made: Moment) -> Vec<u8> {
        let next = made + time::Duration::days(1);
        if root {
            self.ca.root_revocation_list(&[], made, next).unwrap()
        } else {
            let revoked = self.revoked.lock().unwrap();
            self.ca.revocation_list(&revoked, made, next).unwrap()
        }
    }

    fn answer(&self, question: &[u8], made: Moment, delegate: &[u8]) -> Option<Vec<u8>> {
        let asked = asked(question).ok()?;
        let register = |serial: &str| {
            let revoked = self.revoked.lock().unwrap();
            if revoked.iter().any(|one| one == serial) {
                Reply::Revoked(made - time::Duration::minutes(1))
            } else {
                Reply::Good
            }
        };
        let until = (made, made + *self.life.lock().unwrap());
        let sign = |tbs: &[u8]| self.key.sign(tbs).map_err(|error| error.to_string());
        // The intermediate's certificate is asked about, too.
        for authority in [self.ca.intermediate_der(), self.ca.root_der()] {
            let responder = Responder::new(&authority, Some(delegate)).unwrap();
            let by_authority = Responder::new(&authority, None).unwrap();
            if !responder.knows(&asked) {
                continue;
            }
            let root = authority == self.ca.root_der();
            return Some(if root {
                let sign = |tbs: &[u8]| Ok(self.ca.root_sign(tbs));
                by_authority.answer(&asked, register, until, sign).unwrap()
            } else {
                responder.answer(&asked, register, until, sign).unwrap()
            });
        }
        None
    }
}

struct Desk {
    ca: Arc<Ca>,
    stranger: Ca,
    manner: Mutex<Manner>,
    asked: AtomicUsize,
}

impl Desk {
    fn give(&self, path: &str, question: &[u8], manner: Manner) -> Option<Vec<u8>> {
        let ca = if manner == Manner::Stranger {
            &self.stranger
        } else {
            &*self.ca
        };
        let now = ca.clock.now();
        let made = if manner == Manner::Stale {
            now - time::Duration::days(10)
        } else {
            now
        };
        match path {
            "/root.crl" => Some(ca.list(true, made)),
            "/issuing.crl" => Some(ca.list(false, made)),
            "/ocsp" if manner == Manner::Stranger => {
                // Its own certificate about a question that is not its own.
                self.ca.answer(question, made, &self.stranger.delegate)
            }
            "/ocsp" if manner == Manner::NoResponder => ca.answer(question, made, &ca.wrong),
            "/ocsp" => ca.answer(question, made, &ca.delegate),
            _ => None,
        }
    }
}

impl Handler for Desk {
    async fn handle(&self, mut request: Request) -> Response {
        let question = request.body.read_all(1 << 20).await.unwrap_or_default();
        self.asked.fetch_add(1, Ordering::Relaxed);
        let manner = *self.manner.lock().unwrap();
        let Some(mut given) = self.give(&request.path, &question, manner) else {
            return Response::empty(StatusCode::NOT_FOUND);
        };
        match manner {
            Manner::Truncated => given.truncate(given.len() / 2),
            Manner::OtherSerial => {
                // One bit of the serial number in a good answer: its signature can't hold.
                let at = given.len() / 3;
                given[at] ^= 1;
            }
            Manner::Broken => return Response::empty(StatusCode::INTERNAL_SERVER_ERROR),
            Manner::Silent => std::future::pending().await,
            Manner::Huge | Manner::Drip => {
                let (send, chunks) = mpsc::channel(1);
                tokio::spawn(async move {
                    let chunk = if manner == Manner::Huge {
                        vec![0x30; 1 << 20]
                    } else {
                        vec![0x30]
                    };
                    while send.send(Ok(Bytes::from(chunk.clone()))).await.is_ok() {
                        if manner == Manner::Drip {
                            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                        }
                    }
                });
                return Response::stream(StatusCode::OK, RESPONSE_TYPE, None, chunks);
            }
            _ => {}
        }
        Response::bytes(StatusCode::OK, RESPONSE_TYPE, given)
    }
}

/// An authority and its web server.
pub(super) struct Authority {
    desk: Arc<Desk>,
    address: SocketAddr,
    running: Mutex<Option<(watch::Sender<bool>, JoinHandle<()>)>>,
}

impl Authority {
    /// Writes the certificates of the authority to `directory` and answers.
    pub(super) async fn start(directory: &Path, clock: &Clock) -> Self {
        let ca = Arc::new(Ca::new(clock));
        for (name, der) in [
            ("root.pem", ca.ca.root_der()),
            ("issuing.pem", ca.ca.intermediate_der()),
        ] {
            let text = pem::encode("CERTIFICATE", &der);
            Disk::real()
                .replace(&directory.join(name), text.as_bytes())
                .unwrap();
        }
        Self::of(ca).await
    }

    async fn of(ca: Arc<Ca>) -> Self {
        let stranger = Ca::new(&ca.clock);
        let one = Self {
            desk: Arc::new(Desk {
                ca,
                stranger,
                manner: Mutex::new(Manner::Good),
                asked: AtomicUsize::new(0),
            }),
            address: "127.0.0.1:0".parse().unwrap(),
            running: Mutex::default(),
        };
        let address = one.listen(one.address);
        Self { address, ..one }
    }

    /// The same authority at another address.
    pub(super) async fn twin(&self) -> Self {
        Self::of(self.desk.ca.clone()).await
    }

    fn listen(&self, address: SocketAddr) -> SocketAddr {
        let server = Server::bind(ServerConfig::plain(address)).unwrap();
        let address = server.local_addr();
        let (stop, stopped) = watch::channel(false);
        let desk = self.desk.clone();
        let serving = tokio::spawn(async move {
            server.serve(desk, stopped).await;
        });
        *self.running.lock().unwrap() = Some((stop, serving));
        address
    }

    /// Answers again.
    pub(super) async fn begin(&self) {
        let runs = self.running.lock().unwrap().is_some();
        if !runs {
            self.listen(self.address);
        }
    }

    /// Answers nobody any more.
    pub(super) async fn end(&self) {
        let running = self.running.lock().unwrap().take();
        if let Some((stop, serving)) = running {
            stop.send_replace(true);
            serving.await.unwrap();
        }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    pub(super) fn behave(&self, manner: Manner) {
        *self.desk.manner.lock().unwrap() = manner;
    }

    /// How long answers are good from now on.
    pub(super) fn live(&self, life: time::Duration) {
        *self.desk.ca.life.lock().unwrap() = life;
    }

    pub(super) fn asked(&self) -> usize {
        self.desk.asked.load(Ordering::Relaxed)
    }

    pub(super) fn revoke(&self, leaf: &[u8]) {
        let serial = summary(leaf).unwrap().serial;
        self.desk.ca.revoked.lock().unwrap().push(serial);
    }

    /// A new TLS certificate.
    pub(super) fn leaf(&self) -> Vec<u8> {
        self.leaf_shaped(|_| {})
    }

    pub(super) fn leaf_that_names(&self, responder: &str) -> Vec<u8> {
        use der::Encode;
        use x509_cert::ext::pkix::name::GeneralName;
        use x509_cert::ext::pkix::{AccessDescription, AuthorityInfoAccessSyntax};
        let access = AuthorityInfoAccessSyntax(vec![AccessDescription {
            access_method: const_oid::db::rfc5280::ID_AD_OCSP,
            access_location: GeneralName::UniformResourceIdentifier(
                der::asn1::Ia5String::new(responder).unwrap(),
            ),
        }]);
        let access = access.to_der().unwrap();
        self.leaf_shaped(|params| {
            let oid = [1, 3, 6, 1, 5, 5, 7, 1, 1];
            let one = rcgen::CustomExtension::from_oid_content(&oid, access);
            params.custom_extensions.push(one);
        })
    }

    fn leaf_shaped(&self, shape: impl FnOnce(&mut rcgen::CertificateParams)) -> Vec<u8> {
        let ca = &self.desk.ca;
        let wanted = Wanted {
            spki_der: &TestKey::new().unwrap().spki_der(),
            usage: Use::Tls { names: &[] },
            code: Some(&"000.00.00.G22".parse().unwrap()),
            name: "TEST leaf",
            not_before: ca.clock.now() - time::Duration::days(1),
            not_after: ca.clock.now() + time::Duration::days(100),
        };
        ca.ca
            .issue_shaped(&wanted, &Chance::system(), shape)
            .unwrap()
    }

    /// Root and issuing authority with their keys, and the responder's: what openssl needs.
    pub(super) fn files(&self, directory: &Path, leaf: &[u8]) {
        let ca = &self.desk.ca;
        let put = |name: &str, text: String| {
            Disk::real()
                .replace(&directory.join(name), text.as_bytes())
                .unwrap();
        };
        put("responder.pem", pem::encode("CERTIFICATE", &ca.delegate));
        put(
            "responder.key",
            pem::encode("PRIVATE KEY", &ca.key.pkcs8_der()),
        );
        let serial = summary(leaf).unwrap().serial.to_uppercase();
        put(
            "index.txt",
            format!("V\t350301080000Z\t\t{serial}\tunknown\t/CN=leaf\n"),
        );
    }
}
