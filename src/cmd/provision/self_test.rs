//! `trucgate provision self-test`: each member sends itself a document through the hub and takes it back, as software does.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nix::unistd::geteuid;
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::time::{Instant, interval, timeout};

use super::enrol::refresh;
use super::steps::{At, open, show};
use crate::clock::Clock;
use crate::cmd::demo::documents::Draft;
use crate::cmd::relay;
use crate::cmd::run::{self, Failure, Signals};
use crate::config::{self, RelayConfig};
use crate::durable::Disk;
use crate::https::{Bytes, ClientTls};
use crate::journal;
use crate::provision::bench::Bench;
use crate::provision::configure;
use crate::provision::plan::Member;
use crate::provision::steps::Step;
use crate::signer::{self, config::Who};
use crate::tls::{self, Current, Grounds, HubVerifier, Judge};
use crate::uplink::enrolment::Enrolled;
use crate::vxp::client::{Sending, Software};
use crate::vxp::{MessageType, Transport};

/// How long one member's document may take.
const PATIENCE: Duration = Duration::from_secs(60);
const TICK: Duration = Duration::from_millis(100);

pub(super) fn run(at: &At) -> Result<(), Failure> {
    // What signer and relay do inside this command is evidence, too.
    let _journal = journal::init_in_service("trucgate-self-test");
    let (mut bench, _alone) = open(&at.dir)?;
    bench.ready_to_test().map_err(Failure::other)?;
    let work = &mut bench;
    run::process(2, |signals| async move {
        if !work.is_done(Step::Enrolment) && !work.is_done(Step::Close) {
            ask(work).await?;
        }
        let own = Own::start(work, &signals).await?;
        let sent = every_member(work, &own).await;
        own.end().await;
        work.tested(sent?).map_err(Failure::other)
    })?;
    show(&bench);
    Ok(())
}

async fn ask(bench: &mut Bench) -> Result<(), Failure> {
    let token = bench.workbench().map_err(Failure::other)?;
    let token = Arc::new(Mutex::new(token));
    match refresh(bench, &token).await? {
        Enrolled::Approved => Ok(()),
        other => Err(Failure::other(format!(
            "đăng ký: {other}\nở Trục / at the hub:\n  trucgate hub --config HUB-CONFIG admin approve {}",
            bench.plan.own.code
        ))),
    }
}

/// Signer and relay of this box: those that run already, or ones inside this process for as long as the test takes.
struct Own {
    ended: watch::Receiver<Option<String>>,
    stop: Option<watch::Sender<bool>>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
    owners: Vec<(PathBuf, Option<(u32, u32)>)>,
    socket: PathBuf,
}

impl Own {
    async fn start(bench: &Bench, signals: &Signals) -> Result<Self, Failure> {
        let plan = &bench.plan;
        let signer = UnixStream::connect(&plan.run.socket).await.is_ok();
        let relay = TcpStream::connect(dialled(plan.software.listen))
            .await
            .is_ok();
        let (tell, ended) = watch::channel(None);
        let socket = bench.directory.join("provision/self-test.sock");
        let mut own = Self {
            ended,
            stop: None,
            tasks: Vec::new(),
            owners: Vec::new(),
            socket,
        };
        match (signer, relay) {
            (true, true) => {
                println!("Dùng dịch vụ đang chạy / the running services are used");
                Ok(own)
            }
            (false, false) => {
                println!(
                    "Dịch vụ chưa chạy, tự chạy trong lúc kiểm tra / signer and relay run inside this command"
                );
                own.owners = owners(bench);
                own.run(bench, signals, tell).await?;
                Ok(own)
            }
            _ => Err(Failure::other(format!(
                "chỉ một trong hai dịch vụ đang chạy / only one of signer ({}) and relay ({}) runs: start or stop both",
                plan.run.socket.display(),
                plan.software.listen
            ))),
        }
    }

    async fn run(
        &mut self,
        bench: &Bench,
        signals: &Signals,
        tell: watch::Sender<Option<String>>,
    ) -> Result<(), Failure> {
        let (stop, stopped) = watch::channel(false);
        let mut config: signer::Config = config::load(&configure::signer_file(&bench.directory))
            .map_err(Failure::configuration)?;
        config.socket.clone_from(&self.socket);
        config.pin = Some(bench.pin().map_err(Failure::other)?);
        for key in &mut config.keys {
            key.allow = vec![Who::Uid(geteuid().as_raw())];
        }
        let server = signer::server::Server::bind(config, Disk::real(), Clock::system())
            .await
            .map_err(Failure::other)?;
        let (end, told) = (stopped.clone(), tell.clone());
        self.tasks.push(tokio::spawn(async move {
            if let Err(error) = server.serve(end).await {
                told.send_replace(Some(error.to_string()));
            }
        }));
        let mut config: RelayConfig = config::load(&configure::relay_file(&bench.directory))
            .map_err(Failure::configuration)?;
        config.own.signer.clone_from(&self.socket);
        Disk::real()
            .make_dir(&config.own.state)
            .map_err(Failure::other)?;
        let signals = Signals {
            stop: stopped,
            reload: signals.reload.clone(),
        };
        self.tasks.push(tokio::spawn(async move {
            if let Err(failure) = Box::pin(relay::work(config, Disk::real(), signals)).await {
                tell.send_replace(Some(failure.reason().to_owned()));
            }
        }));
        self.stop = Some(stop);
        Ok(())
    }

    /// Why a service has ended before its time.
    fn fault(&self) -> Option<String> {
        self.ended.borrow().clone()
    }

    async fn end(self) {
        let Some(stop) = self.stop else { return };
        stop.send_replace(true);
        for task in self.tasks {
            // The journal of a service that does not end in time is no part of this test.
            let _ = timeout(Duration::from_secs(10), task).await;
        }
        let _ = Disk::real().remove(&self.socket);
        for (path, owner) in &self.owners {
            if let Some(owner) = owner {
                give(path, *owner);
            }
        }
    }
}

/// To whom what the services keep belongs: to the owner of the state, and to the owner above the heads.
fn owners(bench: &Bench) -> Vec<(PathBuf, Option<(u32, u32)>)> {
    use std::os::unix::fs::MetadataExt;
    let of = |path: &Path| {
        let found = std::fs::metadata(path).ok()?;
        Some((found.uid(), found.gid()))
    };
    let run = &bench.plan.run;
    let above = run.heads.parent().and_then(of);
    vec![
        (run.state.clone(), of(&run.state)),
        (run.heads.clone(), above),
    ]
}

/// Gives a directory and all below it to a user; what can't be given is left to systemd's StateDirectory.
fn give(path: &Path, (user, group): (u32, u32)) {
    let _ = std::os::unix::fs::lchown(path, Some(user), Some(group));
    for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            give(&path, (user, group));
        } else {
            let _ = std::os::unix::fs::lchown(&path, Some(user), Some(group));
        }
    }
}

async fn every_member(bench: &Bench, own: &Own) -> Result<Vec<String>, Failure> {
    let mut docs = Vec::new();
    for member in &bench.plan.members {
        let software = software(bench, member)?;
        let walk = Walk { own, software };
        let doc = walk.there_and_back(member).await.map_err(|why| {
            Failure::other(format!("tự kiểm tra / self-test {}: {why}", member.code))
        })?;
        println!(
            "{}: {doc} đã gửi, nhận lại và xác nhận / sent, taken back and confirmed",
            member.code
        );
        docs.push(doc);
    }
    println!();
    Ok(docs)
}

struct Walk<'a> {
    own: &'a Own,
    software: Software,
}

impl Walk<'_> {
    async fn there_and_back(&self, member: &Member) -> Result<String, String> {
        let now = Clock::system().now();
        // Another document each time: the same one again would be the one that was taken before.
        let millis = now.unix_timestamp_nanos() / 1_000_000;
        let number = u32::try_from(millis.rem_euclid(1_000_000_000)).unwrap_or(1);
        let mut draft = Draft::new(
            &member.code,
            std::slice::from_ref(&member.code),
            number,
            now,
        );
        draft.subject = "Tự kiểm tra của máy chủ bảo mật (trucgate self-test)".to_owned();
        let edxml = Bytes::from(draft.edxml()?);
        let doc = self
            .until("gửi / send", async || {
                let sending = Sending {
                    from: None,
                    to: None,
                    message_type: MessageType::Edoc,
                };
                let reply = self.software.send(&sending, edxml.clone()).await;
                let reply = reply.map_err(|error| error.to_string())?;
                match reply.doc_id() {
                    Some(doc) if reply.is_ok() => Ok(doc.to_owned()),
                    _ => Err(format!("{reply:?}")),
                }
            })
            .await?;
        self.until("nhận lại / take back", async || {
            self.take(&doc, &edxml).await
        })
        .await?;
        self.until("xác nhận / confirm", async || self.confirmed(&doc).await)
            .await?;
        Ok(doc)
    }

    /// Takes the document that is ours byte for byte, and no other.
    async fn take(&self, doc: &str, edxml: &Bytes) -> Result<(), String> {
        let told = |error: crate::vxp::client::Error| error.to_string();
        let list = self
            .software
            .received(MessageType::Edoc)
            .await
            .map_err(told)?;
        for row in list.rows() {
            let Some(id) = row["docId"].as_str() else {
                continue;
            };
            let reply = self.software.get(id).await.map_err(told)?;
            if reply.document().as_deref() == Some(&edxml[..]) {
                let done = self.software.update_status(id, Transport::Done, None).await;
                done.map_err(told)?;
                return Ok(());
            }
        }
        let row = self.row(doc).await?;
        Err(format!(
            "chưa về / not there yet; {} {} {}",
            row["sendStatus"], row["sendStatusDesc"], row["receiveStatusDesc"]
        ))
    }

    /// What the box says of a document that was sent.
    async fn row(&self, doc: &str) -> Result<serde_json::Value, String> {
        let list = self.software.sent(MessageType::Edoc).await;
        let list = list.map_err(|error| error.to_string())?;
        let row = list.rows().iter().find(|row| row["senderDocId"] == doc);
        row.cloned()
            .ok_or_else(|| format!("{doc}: không có trong danh sách đã gửi / not listed as sent"))
    }

    async fn confirmed(&self, doc: &str) -> Result<(), String> {
        let row = self.row(doc).await?;
        if row["receiveStatus"] == Transport::Done.as_str() {
            Ok(())
        } else {
            Err(format!("trạng thái / status {}", row["receiveStatus"]))
        }
    }

    /// Asks again until it goes well; the last reason is told when time is up.
    async fn until<T>(
        &self,
        what: &str,
        mut ask: impl AsyncFnMut() -> Result<T, String>,
    ) -> Result<T, String> {
        let (end, mut tick) = (Instant::now() + PATIENCE, interval(TICK));
        loop {
            tick.tick().await;
            if let Some(fault) = self.own.fault() {
                return Err(fault);
            }
            match ask().await {
                Ok(done) => return Ok(done),
                Err(why) if Instant::now() > end => {
                    return Err(format!(
                        "{what}: sau / after {} s: {why}",
                        PATIENCE.as_secs()
                    ));
                }
                Err(_) => {}
            }
        }
    }
}

/// The member's software over HTTPS, which judges the box's certificate as strange software would.
fn software(bench: &Bench, member: &Member) -> Result<Software, Failure> {
    let plan = &bench.plan;
    let trust = plan.trust.load().map_err(Failure::configuration)?;
    let (_keep, grounds) = watch::channel(Grounds::new(Arc::new(trust), None));
    let clock = Clock::system();
    let verifier = HubVerifier::new(Judge::new(grounds, clock.clone()), None, true);
    let config = tls::client_config(Current::empty(), verifier, clock.clone(), &["http/1.1"])
        .map_err(Failure::configuration)?;
    let (_keep, config) = watch::channel(config);
    let tls = ClientTls {
        config,
        server_name: plan.own.names[0].clone(),
        judge: None,
    };
    let file = configure::systems_file(&bench.directory);
    let systems: toml::Table = config::load(&file).map_err(Failure::configuration)?;
    let secret = systems["system"].as_array().and_then(|all| {
        let own = member.systemid();
        let own = all
            .iter()
            .find(|one| one["systemid"].as_str() == Some(&own))?;
        own["secret"].as_str()
    });
    let secret = secret.ok_or_else(|| {
        Failure::configuration(format!(
            "{}: no system {}",
            file.display(),
            member.systemid()
        ))
    })?;
    let endpoint = format!(
        "https://{}/XrdAdapter/adapter",
        dialled(plan.software.listen)
    );
    Software::new(&endpoint, &member.systemid(), secret, Some(tls), &clock).map_err(Failure::other)
}

/// Where this machine reaches a listener of its own.
fn dialled(listen: SocketAddr) -> SocketAddr {
    match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, listen.port()).into(),
        IpAddr::V6(ip) if ip.is_unspecified() => {
            (std::net::Ipv6Addr::LOCALHOST, listen.port()).into()
        }
        _ => listen,
    }
}
