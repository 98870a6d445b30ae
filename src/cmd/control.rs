//! What every running box or hub does for its operators: gauges, their watch, the local socket, the management address.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::relay::refused;
use super::run::{Failure, Signals};
use crate::clock::Clock;
use crate::config::{Control, Own, Plain};
use crate::control::agreed::{self, Act, Agreed};
use crate::control::gauges::{self, Keys, Material, Time};
use crate::control::{self, Desk, Door, Rehearsal, Socket, Stage, Watch};
use crate::durable::Disk;
use crate::gauge::{Board, Source};
use crate::https::{Protocols, Server, ServerConfig, ServerTls};
use crate::journal::{self, ids};
use crate::relay::Relay;
use crate::signer::Client;
use crate::tls::{self, Clients, Current, Grounds, Judge};
use crate::trace::Tracer;
use crate::trust::Purpose;
use crate::uplink::Hub;
use crate::web::{self, Site};

/// How often the journal is told what the gauges say.
const EVERY: Duration = Duration::from_secs(60);

/// How long after a fault the local socket is tried again.
const AGAIN: Duration = Duration::from_secs(5);

/// What box and hub have in common.
pub(super) struct Parts<'a> {
    pub(super) own: &'a Own,
    pub(super) control: &'a Control,
    pub(super) moved: bool,
    pub(super) disk: Disk,
    pub(super) clock: Clock,
    pub(super) signer: Client,
    pub(super) current: Arc<Current>,
    /// What is judged by, and where it is said whether the clock can be relied on.
    pub(super) grounds: watch::Sender<Grounds>,
    pub(super) judge: Judge,
    /// The relay's or the hub's own gauges.
    pub(super) walk: Arc<dyn Source>,
    /// The relay's or the hub's own knowledge of where packets are.
    pub(super) tracer: Arc<dyn Tracer>,
    /// Who carries out what two operators agree upon.
    pub(super) act: Arc<dyn Act>,
}

/// What only one of them has.
pub(super) struct Gauges {
    pub(super) role: &'static str,
    pub(super) hub: Option<Hub>,
    pub(super) plain: Option<Plain>,
    pub(super) tls: Purpose,
    /// The box of which copies are made.
    pub(super) copied: Option<Arc<Relay>>,
    /// Whom renewed keys are tried with.
    pub(super) stage: Box<dyn Stage>,
    /// What browsers are shown at the management address.
    pub(super) site: Site,
}

/// Opens both ways in and starts to watch.
pub(super) fn start(parts: &Parts<'_>, own: Gauges, signals: &Signals) -> Result<(), Failure> {
    if parts.control.listen.is_some() && parts.control.operators.is_empty() {
        return Err(Failure::configuration(
            "control.listen without control.operators: nobody could use it",
        ));
    }
    let rehearsal = Rehearsal {
        signer: parts.signer.clone(),
        grounds: parts.grounds.subscribe(),
        clock: parts.clock.clone(),
        at_hub: own.tls == Purpose::TlsServer,
        stage: own.stage,
    };
    let (role, site) = (own.role, own.site);
    let file = parts.own.state.join("warned");
    let agreed = Agreed::new(agreed::Parts {
        code: parts.own.code.to_string(),
        operators: parts.control.operators.clone(),
        window: time::Duration::minutes(i64::from(parts.control.agree_minutes)),
        clock: parts.clock.clone(),
        grounds: parts.grounds.subscribe(),
        disk: parts.disk.clone(),
        directory: parts.own.state.join("agreed"),
        act: parts.act.clone(),
    });
    let desk = Desk::new(control::Parts {
        code: parts.own.code.to_string(),
        role,
        clock: parts.clock.clone(),
        board: board(parts, own.hub, own.plain, own.tls),
        watch: Arc::new(Watch::open(parts.disk.clone(), file)),
        agreed,
        rehearsal,
        tracer: parts.tracer.clone(),
        copied: own.copied,
    });
    let desk = Arc::new(desk);
    socket(parts, &desk, signals)?;
    management(parts, &desk, site, signals)?;
    tokio::spawn(watch_over(desk, signals.stop.clone()));
    Ok(())
}

fn board(parts: &Parts<'_>, hub: Option<Hub>, plain: Option<Plain>, tls: Purpose) -> Board {
    let (board, lead) = (Board::default(), parts.control.lead());
    board.hang(parts.walk.clone());
    board.hang(Arc::new(Keys::new(
        parts.signer.clone(),
        parts.current.clone(),
        parts.grounds.subscribe(),
        tls,
        lead,
    )));
    board.hang(Arc::new(Material::new(parts.grounds.subscribe(), lead)));
    let skew = time::Duration::minutes(i64::from(parts.control.clock_skew_minutes));
    let time = Arc::new(Time::new(parts.clock.clone(), hub, parts.moved, skew));
    tokio::spawn(time.clone().follow(parts.grounds.clone()));
    board.hang(time);
    if let Some(plain) = plain {
        board.hang(Arc::new(gauges::Plain {
            listen: plain.listen,
            from: plain.from,
        }));
    }
    board
}

fn socket(parts: &Parts<'_>, desk: &Arc<Desk>, signals: &Signals) -> Result<(), Failure> {
    let path = parts.control.socket_in(&parts.own.state);
    let mut allow =
        crate::signer::server::users(&parts.control.allow).map_err(Failure::configuration)?;
    allow.push(nix::unistd::getuid().as_raw());
    let (disk, desk, stop) = (parts.disk.clone(), desk.clone(), signals.stop.clone());
    // What operators ask by must not keep documents from travelling: a fault is tried again beside them.
    let first = Socket::bind(&disk, &path, allow.clone());
    tokio::spawn(async move {
        let mut bound = first;
        loop {
            match bound {
                Ok(socket) => return socket.serve(desk, stop).await,
                Err(error) => journal::line(&ids::DISK_FAULT)
                    .step("control socket")
                    .reason(format_args!("{}: {error}", path.display()))
                    .next("look at the directory of the socket; documents go on, and it is tried again")
                    .warning("operators can't ask at the local socket"),
            }
            tokio::time::sleep(AGAIN).await;
            bound = Socket::bind(&disk, &path, allow.clone());
        }
    });
    Ok(())
}

fn management(
    parts: &Parts<'_>,
    desk: &Arc<Desk>,
    site: Site,
    signals: &Signals,
) -> Result<(), Failure> {
    let Some(listen) = parts.control.listen else {
        return Ok(());
    };
    let clients = Clients::Software {
        judge: parts.judge.clone(),
        required: true,
    };
    let (current, clock) = (parts.current.clone(), parts.clock.clone());
    let tls = tls::server_config(current, clients, clock, &["http/1.1"])
        .map_err(Failure::configuration)?;
    let (keep, configuration) = watch::channel(tls);
    let again = parts.judge.clone();
    let mut server = ServerConfig::secure(
        listen,
        ServerTls {
            config: configuration,
            protocols: Protocols::Http1,
            judge: Some(Arc::new(move |connection| {
                tls::judge_software_connection(&again, connection)?;
                Ok(None)
            })),
            recheck: None,
        },
    );
    server.on_refused = Some(Arc::new(refused));
    let server = Server::bind(server).map_err(Failure::other)?;
    journal::line(&ids::READY).notice(format_args!(
        "operators are answered at {}",
        server.local_addr()
    ));
    let door = Door::new(desk.clone(), parts.control.operators.clone());
    let door = Arc::new(web::Door::new(door, desk.clone(), site));
    let stop = signals.stop.clone();
    tokio::spawn(async move {
        server.serve(door, stop).await;
        drop(keep);
    });
    Ok(())
}

/// The journal learns by itself what `trucgate status` would say.
async fn watch_over(desk: Arc<Desk>, mut stop: watch::Receiver<bool>) {
    let mut tick = tokio::time::interval(EVERY);
    // At the very start nothing has happened yet that could be told.
    tick.reset();
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            _ = tick.tick() => {}
        }
        desk.report().await;
    }
}
