//! The certification authority's web server: lists of the lab, and an OCSP responder that the lab's authority appointed.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::watch;
use tokio::task::JoinHandle;
use trucgate::clock::{Clock, Moment};
use trucgate::cmd::demo::exchange::Exchange;
use trucgate::https::{Handler, Request, Response, Server, ServerConfig, StatusCode};
use trucgate::provision::lab::Lab;
use trucgate::trust::issue::{TestKey, Use, Wanted};
use trucgate::trust::ocsp::{RESPONSE_TYPE, Reply, Responder, asked};

use super::boxes::first_certificate;
use super::{now, write};

struct Desk {
    trust: PathBuf,
    key: TestKey,
    responder: Responder,
    clock: Clock,
    /// Seconds for which an answer is good.
    life: AtomicI64,
    revoked: Mutex<Vec<(String, Moment)>>,
    asked: AtomicUsize,
}

impl Desk {
    fn answer(&self, question: &[u8]) -> Option<Vec<u8>> {
        let asked = asked(question).ok()?;
        let register = |serial: &str| {
            let revoked = self.revoked.lock().unwrap();
            let found = revoked.iter().find(|(one, _)| one == serial);
            found.map_or(Reply::Good, |(_, since)| Reply::Revoked(*since))
        };
        let from = self.clock.now();
        let life = time::Duration::seconds(self.life.load(Ordering::Relaxed));
        let sign = |tbs: &[u8]| self.key.sign(tbs).map_err(|error| error.to_string());
        self.responder
            .answer(&asked, register, (from, from + life), sign)
            .ok()
    }
}

impl Handler for Desk {
    async fn handle(&self, mut request: Request) -> Response {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let question = request.body.read_all(1 << 20).await.unwrap_or_default();
        let given = match request.path.as_str() {
            "/root.crl" | "/issuing.crl" => std::fs::read(self.trust.join(&request.path[1..])).ok(),
            "/ocsp" => self.answer(&question),
            _ => None,
        };
        match given {
            Some(bytes) => Response::bytes(StatusCode::OK, RESPONSE_TYPE, bytes),
            None => Response::empty(StatusCode::NOT_FOUND),
        }
    }
}

/// Where the processes of an exchange ask, and what they ask for.
pub struct Authority {
    desk: Arc<Desk>,
    address: SocketAddr,
    running: Option<(watch::Sender<bool>, JoinHandle<()>)>,
}

impl Authority {
    /// Of the lab's authority; answers are good for `life`.
    pub fn start(lab: &Lab, clock: Clock, life: time::Duration) -> Self {
        let key = TestKey::new().unwrap();
        let delegate = lab.issue(&Wanted {
            spki_der: &key.spki_der(),
            usage: Use::OcspResponder,
            code: None,
            name: "TEST OCSP responder",
            not_before: now() - time::Duration::days(1),
            not_after: now() + time::Duration::days(300),
        });
        let issuing = first_certificate(&lab.intermediates());
        let desk = Desk {
            trust: lab.directory().join("trust"),
            responder: Responder::new(&issuing, Some(&delegate.unwrap())).unwrap(),
            key,
            clock,
            life: AtomicI64::new(life.whole_seconds()),
            revoked: Mutex::default(),
            asked: AtomicUsize::new(0),
        };
        let mut one = Self {
            desk: Arc::new(desk),
            address: "127.0.0.1:0".parse().unwrap(),
            running: None,
        };
        one.begin();
        one
    }

    /// Answers, at the address it had before.
    pub fn begin(&mut self) {
        let server = Server::bind(ServerConfig::plain(self.address)).unwrap();
        self.address = server.local_addr();
        let (stop, stopped) = watch::channel(false);
        let desk = self.desk.clone();
        let serving = tokio::spawn(async move {
            server.serve(desk, stopped).await;
        });
        self.running = Some((stop, serving));
    }

    /// Answers nobody any more.
    pub async fn end(&mut self) {
        let (stop, serving) = self.running.take().unwrap();
        stop.send_replace(true);
        serving.await.unwrap();
    }

    pub fn revoke(&self, serial: &str) {
        let since = self.desk.clock.now() - time::Duration::minutes(1);
        self.desk
            .revoked
            .lock()
            .unwrap()
            .push((serial.to_owned(), since));
    }

    pub fn asked(&self) -> usize {
        self.desk.asked.load(Ordering::Relaxed)
    }

    /// An address at which nobody has ever answered.
    pub fn nobody() -> String {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", free.local_addr().unwrap())
    }

    /// `[revocation]` of a process: the lists, each first at a dead source.
    pub fn lists(&self, dead: &str) -> String {
        let one = |name: &str| {
            format!(
                "[[revocation.lists]]\nurls = [\"{dead}/{name}\", \"http://{}/{name}\"]\n",
                self.address
            )
        };
        one("root.crl") + &one("issuing.crl")
    }

    /// `[revocation]` of a process: the issuing authority's responder, first at a dead source; the root's list is a file.
    pub fn responder(&self, lab: &Lab, dead: &str, stale_hours: u32) -> String {
        format!(
            "[revocation]\nanswer_stale_hours = {stale_hours}\n[[revocation.responders]]\nissuer = \"{}\"\nnonce = true\n\
             urls = [\"{dead}/ocsp\", \"http://{}/ocsp\"]\n",
            lab.intermediates().display(),
            self.address
        )
    }
}

/// Rewrites the trust of every process of an exchange: which list files, what happens when all is too old, which sources.
pub fn declare(exchange: &Exchange, files: &[&str], stale: &str, revocation: &str) {
    let lab = &exchange.lab;
    for machine in std::iter::once(&lab.hub).chain(&lab.boxes) {
        let text = std::fs::read_to_string(machine.config()).unwrap();
        // What an earlier declaration put at the end goes.
        let text = text.split("\n[revocation]").next().unwrap();
        let text = text.split("\n[[revocation.").next().unwrap();
        let kept: Vec<&str> = text
            .lines()
            .filter(|line| !line.starts_with("stale_") && !line.starts_with("revocation_lists"))
            .collect();
        let files: Vec<String> = files
            .iter()
            .map(|name| format!("\"{}\"", lab.directory().join("trust").join(name).display()))
            .collect();
        let trust = format!(
            "[trust]\nrevocation_lists = [{}]\n{stale}",
            files.join(", ")
        );
        let text = kept.join("\n").replace("[trust]", &trust) + "\n" + revocation;
        write(&machine.config(), text);
    }
}
