//! `trucgate relay`: opens a box's rooms from the ground up and lets them work.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::watch;

use super::run::{self, Failure, Signals};
use super::{control, identity};
use crate::clock::{Chance, Clock};
use crate::config::{self, RelayConfig};
use crate::control::agreed::{Anchors, AtBox};
use crate::control::{BoxStage, Dial};
use crate::durable::Disk;
use crate::evidence::{Archive, Log, SignerKey};
use crate::https::{
    self, Client, ClientConfig, ClientTls, Protocols, Server, ServerConfig, ServerTls,
};
use crate::journal;
use crate::pki::{self, Keeper, Material, Stamper};
use crate::relay::{Desk, Directories, Fence, Parts, Refresher, Relay, SCHEMAS, Witness};
use crate::spool::Spool;
use crate::store::Store;
use crate::tls::{self, Clients, Current, Grounds, HubVerifier, Judge};
use crate::trust::Purpose;
use crate::uplink::Hub;
use crate::vxp::{Door, Systems};
use crate::web::Site;

pub(super) fn run(path: &Path) -> Result<(), Failure> {
    let config: RelayConfig = config::load(path).map_err(Failure::configuration)?;
    run::process(2, |signals| work(config, Disk::real(), signals))
}

/// All of the process but its runtime, its signals and its disk.
///
/// # Errors
/// What it could not start with.
pub async fn work(config: RelayConfig, disk: Disk, signals: Signals) -> Result<(), Failure> {
    let (clock, chance) = (config.test.clock(), Chance::system());
    let systems = Systems::load(&config.vxp.systems).map_err(Failure::configuration)?;
    let store = open_store(&config, &disk)?;
    let signer = identity::signer(&config.own)?;
    let Standing {
        keeper,
        refresher,
        grounds,
        publish,
    } = standing(&config, &disk, &clock, &chance)?;
    let current = identity::present(
        &config.own,
        signer.clone(),
        chance.clone(),
        signals.reload.clone(),
        keeper.clone(),
    )
    .await;
    let judge = Judge::new(grounds.clone(), clock.clone());
    let hub = Hub::new(hub_client(&config, &current, &judge, &clock)?);
    let witness = Witness::open(disk.clone(), config.own.state.join("hub-head"));
    let fence = Fence::open(disk.clone(), &config.own.state).map_err(Failure::other)?;
    let logs = logs(&config, &store, &signer, &chance, &witness, &fence);
    stamp(&config.time_stamps, &logs, &grounds, &clock, &chance)?;
    let archive = Archive::new(store.clone());
    let spool = Spool::open(store, disk.clone(), &config.own.state.join("bodies"))
        .map_err(Failure::other)?;
    let relay = Relay::new(Parts {
        config: config.relay.clone(),
        clock: clock.clone(),
        chance,
        spool,
        logs,
        hub: hub.clone(),
        witness,
        grounds,
        disk: disk.clone(),
        state: config.own.state.clone(),
        fence,
        backed_up: config.backup.is_some(),
        code: config.own.code.clone(),
        current: current.clone(),
    })
    .map_err(Failure::other)?;
    relay
        .start(signals.stop.clone())
        .await
        .map_err(Failure::other)?;
    let again = keeper.clone();
    let anchors = Anchors {
        files: config.trust.clone(),
        disk: disk.clone(),
        draft: config.own.state.join("anchors.draft"),
        current: current.clone(),
        clock: clock.clone(),
        purpose: Purpose::TlsClient,
        reload: Box::new(move || again.reload().map_err(|error| error.to_string())),
    };
    let gauges = control::Gauges {
        role: "relay",
        hub: Some(hub.clone()),
        plain: config.software.plain.clone(),
        tls: Purpose::TlsClient,
        copied: Some(relay.clone()),
        stage: Box::new(BoxStage {
            relay: relay.clone(),
            hub: hub.clone(),
            dial: side_connection(&config, &judge, &clock),
        }),
        site: Site::Box(relay.clone()),
    };
    control::start(
        &control::Parts {
            own: &config.own,
            control: &config.control,
            moved: config.test.clock.is_some(),
            disk,
            clock: clock.clone(),
            signer: signer.clone(),
            current: current.clone(),
            grounds: publish,
            judge: judge.clone(),
            walk: Arc::new(relay.clone()),
            tracer: Arc::new(relay.clone()),
            act: Arc::new(AtBox {
                relay: relay.clone(),
                signer,
                anchors,
            }),
        },
        gauges,
        &signals,
    )?;
    tokio::spawn(refresher.follow(hub));
    keeper.witness(archive);
    keeper.follow();
    let (publish, systems) = watch::channel(Arc::new(systems));
    tokio::spawn(reload(
        config.clone(),
        keeper,
        publish,
        signals.reload.clone(),
    ));
    let door = Arc::new(Door::new(
        Arc::new(Desk::new(relay)),
        systems,
        &config.vxp,
        clock.clone(),
    ));
    serve(&config, door, &current, &judge, &clock, signals.stop).await
}

fn open_store(config: &RelayConfig, disk: &Disk) -> Result<Store, Failure> {
    let path = config.own.state.join("box.db");
    Store::open(path, disk.clone(), SCHEMAS).map_err(Failure::other)
}

/// What verdicts rest on, and who keeps it fresh.
struct Standing {
    keeper: Arc<Keeper>,
    refresher: Arc<Refresher>,
    grounds: watch::Receiver<Grounds>,
    publish: watch::Sender<Grounds>,
}

fn standing(
    config: &RelayConfig,
    disk: &Disk,
    clock: &Clock,
    chance: &Chance,
) -> Result<Standing, Failure> {
    let file = config.own.state.join("directory");
    let directories = Directories::new(disk.clone(), file, config.hub.code.clone());
    let material = Material::open(
        config.trust.clone(),
        config.revocation.clone(),
        disk.clone(),
        config.own.state.join("pki"),
    )
    .map_err(Failure::configuration)?;
    let trust = material
        .first_trust(clock)
        .map_err(Failure::configuration)?;
    let (publish, grounds) = watch::channel(directories.grounds(trust, clock));
    let keeper = Keeper::new(material, publish.clone(), clock.clone(), chance.clone());
    let refresher = Refresher::new(directories, clock.clone(), chance.clone(), publish.clone());
    Ok(Standing {
        keeper,
        refresher: Arc::new(refresher),
        grounds,
        publish,
    })
}

fn logs(
    config: &RelayConfig,
    store: &Store,
    signer: &crate::signer::Client,
    chance: &Chance,
    witness: &Witness,
    fence: &Fence,
) -> Vec<Log> {
    let archive = Archive::new(store.clone());
    config
        .relay
        .members
        .iter()
        .map(|member| {
            let key = Arc::new(SignerKey::new(signer.clone(), member.seal_key.clone()));
            Log::open(
                archive.clone(),
                member.code.clone(),
                fence.before(key),
                witness.extensions(),
                chance.clone(),
            )
        })
        .collect()
}

/// Has the heads of logs stamped with the time, where that is configured.
pub(super) fn stamp(
    configured: &Option<pki::TimeStamps>,
    logs: &[Log],
    grounds: &watch::Receiver<Grounds>,
    clock: &Clock,
    chance: &Chance,
) -> Result<(), Failure> {
    let Some(configured) = configured else {
        return Ok(());
    };
    let stamper = Stamper::new(configured, grounds.clone(), clock.clone(), chance.clone())
        .map_err(Failure::configuration)?;
    let stamper = Arc::new(stamper);
    for log in logs.iter().cloned() {
        let stamper = stamper.clone();
        tokio::spawn(async move { stamper.follow(log).await });
    }
    Ok(())
}

fn hub_client(
    config: &RelayConfig,
    current: &Arc<Current>,
    judge: &Judge,
    clock: &Clock,
) -> Result<Client, Failure> {
    let expected = config.hub.code.clone();
    let verifier = HubVerifier::new(judge.clone(), Some(expected), true);
    let again = verifier.clone();
    let mut changes = current.changes();
    let (current, clock) = (current.clone(), clock.clone());
    let make =
        move || tls::client_config(current.clone(), verifier.clone(), clock.clone(), &["h2"]);
    let tls = make().map_err(Failure::configuration)?;
    // Trust changes behind a configuration. A credential has its own, else its predecessor's sessions were resumed.
    let (publish, configuration) = watch::channel(tls);
    tokio::spawn(async move {
        while changes.changed().await.is_ok() {
            if let Ok(tls) = make() {
                publish.send_replace(tls);
            }
        }
    });
    Ok(Client::http2(ClientConfig::new(
        config.hub.address.clone(),
        Some(ClientTls {
            config: configuration,
            server_name: config.hub.name.clone(),
            judge: Some(Arc::new(move |connection| {
                let identity = again.judge_connection(connection)?;
                Ok(Some(Arc::new(identity)))
            })),
        }),
    )))
}

/// A connection of its own to the hub, for a rehearsal.
fn side_connection(config: &RelayConfig, judge: &Judge, clock: &Clock) -> Dial {
    let (config, judge, clock) = (config.clone(), judge.clone(), clock.clone());
    Box::new(move |credential| {
        let current = Current::new(credential);
        hub_client(&config, &current, &judge, &clock)
            .map(Hub::new)
            .map_err(|failure| failure.reason().to_owned())
    })
}

/// Software's doors: HTTPS, and plain HTTP only where it is declared.
async fn serve(
    config: &RelayConfig,
    door: Arc<Door<Desk>>,
    current: &Arc<Current>,
    judge: &Judge,
    clock: &Clock,
    stop: watch::Receiver<bool>,
) -> Result<(), Failure> {
    let clients = Clients::Software {
        judge: judge.clone(),
        required: false,
    };
    let tls = tls::server_config(current.clone(), clients, clock.clone(), &["http/1.1"])
        .map_err(Failure::configuration)?;
    let (_keep, configuration) = watch::channel(tls);
    let again = judge.clone();
    let mut secure = ServerConfig::secure(
        config.software.listen,
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
    secure.limits = config.vxp.limits();
    secure.on_refused = Some(Arc::new(refused));
    let secure = Server::bind(secure).map_err(Failure::other)?;
    let plain = plain_server(config)?;
    run::ready("relay", &secure.local_addr().to_string());
    let both = async {
        if let Some(plain) = plain {
            tokio::join!(
                secure.serve(door.clone(), stop.clone()),
                plain.serve(door, stop)
            );
        } else {
            secure.serve(door, stop).await;
        }
    };
    both.await;
    Ok(())
}

fn plain_server(config: &RelayConfig) -> Result<Option<Server>, Failure> {
    let Some(plain) = &config.software.plain else {
        return Ok(None);
    };
    let from = plain.from.clone();
    let mut server = ServerConfig::plain(plain.listen);
    server.limits = config.vxp.limits();
    server.admit = Some(Arc::new(move |address| from.contains(&address)));
    server.on_refused = Some(Arc::new(refused));
    Server::bind(server).map(Some).map_err(Failure::other)
}

pub(super) fn refused(peer: std::net::SocketAddr, refusal: &https::Refusal) {
    let line = journal::line(&journal::ids::PEER_REFUSED)
        .peer(peer)
        .step("connect")
        .reason(refusal);
    let handshake = match refusal {
        https::Refusal::Handshake(error) => tls::refusal_in(error),
        _ => None,
    };
    match https::find_cause(refusal).or(handshake.as_ref()) {
        Some(refusal) => line.next(crate::trust::Refusal::next(refusal)),
        None => line.next(
            "nothing, unless this address is one of ours: then let it speak TLS 1.2 or 1.3 as this side does",
        ),
    }
    .warning("a connection is refused");
}

/// SIGHUP: trust files and systems are read again; what can't be used leaves the old in force.
async fn reload(
    config: RelayConfig,
    keeper: Arc<Keeper>,
    systems: watch::Sender<Arc<Systems>>,
    mut asked: watch::Receiver<u64>,
) {
    while asked.changed().await.is_ok() {
        if let Err(error) = keeper.reload() {
            not_reloaded(&error.to_string());
        }
        match Systems::load(&config.vxp.systems) {
            Ok(new) => drop(systems.send_replace(Arc::new(new))),
            Err(error) => not_reloaded(&error.to_string()),
        }
    }
}

pub(super) fn not_reloaded(reason: &str) {
    journal::line(&journal::ids::CONFIGURATION_REFUSED)
        .step("reload")
        .reason(reason)
        .next("mend the file and reload again; what was in force stays")
        .error("a file could not be read again");
}
