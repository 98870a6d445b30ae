//! `trucgate hub`: the exchange itself, and what its operator enters.

mod board;
mod certificates;
mod enrol;
mod history;
mod register;
mod statistics;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use super::relay::{not_reloaded, refused, stamp};
use super::run::{self, Failure, Signals};
use super::{control, identity};
use crate::clock::{Chance, Clock};
use crate::config::{self, HubConfig};
use crate::control::HubStage;
use crate::control::agreed::{Anchors, AtHub};
use crate::durable::Disk;
use crate::evidence::{Archive, Log, SignerKey};
use crate::https::{Protocols, Server, ServerConfig, ServerTls};
use crate::hub::admin::Order;
use crate::hub::{Hub, Parts, SCHEMAS};
use crate::packet::MemberId;
use crate::pki::{Keeper, Material};
use crate::spool::Bodies;
use crate::store::Store;
use crate::tls::{self, Clients, Current, Grounds, Judge, Watchful};
use crate::trust::Purpose;
use crate::web::Site;

/// How long a start waits until the register as it stands is published: its signature needs the token.
const FIRST_DIRECTORY: Duration = Duration::from_secs(5);

/// Trục liên thông / the hub.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Tệp cấu hình / configuration file
    #[arg(long)]
    config: PathBuf,
    #[command(subcommand)]
    admin: Option<Verb>,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Việc của người vận hành / the operator's changes to the register
    #[command(subcommand)]
    Admin(Admin),
}

#[derive(Debug, clap::Subcommand)]
enum Admin {
    /// Ghi các thay đổi trong tệp JSON, tất cả hoặc không / enters a file of changes, all or none
    Apply {
        /// Tệp JSON, `-` là đầu vào chuẩn / JSON file
        file: PathBuf,
    },
    /// Nhập nhiều đơn vị từ bảng CSV / enters the members of a table
    Import {
        /// Tệp CSV, UTF-8, có dòng tiêu đề; `-` là đầu vào chuẩn / CSV file with a header line
        file: PathBuf,
        /// Bỏ qua các dòng sai, nhập các dòng đúng / enters the right lines though others are wrong
        #[arg(long)]
        skip_refused: bool,
    },
    /// Chứng thư và trạng thái của từng cái / certificates, and how far each has come
    Certificates(certificates::Arguments),
    /// Ai đã thay đổi gì trong danh bạ, kèm chứng cứ / who entered what into the register, with the proof
    History(history::Arguments),
    /// Số liệu rút từ chứng cứ / figures out of the evidence
    Statistics(statistics::Arguments),
    /// Bảng số liệu công khai thành trang tĩnh / the public board as static pages
    Board(board::Arguments),
    /// Cấp mã đăng ký dùng một lần cho một máy chủ bảo mật / gives a box a single-use enrolment code
    Invite {
        /// Mã của máy chủ bảo mật / code of the box
        #[arg(long = "box")]
        box_code: MemberId,
        /// Mã định danh của từng đơn vị / code of each of its members
        #[arg(long = "member", required = true)]
        members: Vec<MemberId>,
        /// Số giờ có hiệu lực / hours until it is over
        #[arg(long, default_value_t = 72)]
        hours: u16,
    },
    /// Máy chủ bảo mật đang chờ duyệt, kèm vân tay / boxes that wait, with their fingerprints
    Pending,
    /// Duyệt một máy chủ bảo mật / registers a box that waits
    Approve {
        /// Mã của máy chủ bảo mật / code of the box
        code: MemberId,
        /// Đơn vị đang dùng máy chủ khác thì chuyển sang / members behind another box move to this one
        #[arg(long = "move")]
        may_move: bool,
        /// Máy mới thay máy cũ: chứng thư TLS cũ không còn vào được / the new box takes the old one's place, which is let in no more
        #[arg(long = "replace")]
        replaces: bool,
    },
    /// Từ chối một máy chủ bảo mật / refuses a box that waits
    Refuse {
        /// Mã của máy chủ bảo mật / code of the box
        code: MemberId,
        /// Lý do / reason that the box is told
        #[arg(long)]
        reason: String,
    },
    /// Nhận đăng ký từ tệp / takes an enrolment from a file
    Enrol {
        /// Tệp do `provision enrol --file` ghi / file that `provision enrol --file` wrote
        file: PathBuf,
    },
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let config: HubConfig = config::load(&arguments.config).map_err(Failure::configuration)?;
    match arguments.admin {
        None => run::daemon("trucgate-hub", || {
            run::process(2, |signals| work(config, Disk::real(), signals))
        }),
        Some(Verb::Admin(Admin::Apply { file })) => register::apply(&config, &file),
        Some(Verb::Admin(Admin::Import { file, skip_refused })) => {
            register::import(&config, &file, skip_refused)
        }
        Some(Verb::Admin(Admin::Certificates(arguments))) => certificates::run(&config, arguments),
        Some(Verb::Admin(Admin::History(arguments))) => history::run(&config, arguments),
        Some(Verb::Admin(Admin::Statistics(arguments))) => statistics::run(&config, arguments),
        Some(Verb::Admin(Admin::Board(arguments))) => board::run(config, arguments),
        Some(Verb::Admin(Admin::Invite {
            box_code,
            members,
            hours,
        })) => enrol::invite(&config, box_code, members, hours),
        Some(Verb::Admin(Admin::Pending)) => enrol::pending(&config),
        Some(Verb::Admin(Admin::Approve {
            code,
            may_move,
            replaces,
        })) => enrol::approve(&config, code, may_move, replaces),
        Some(Verb::Admin(Admin::Refuse { code, reason })) => enrol::refuse(&config, code, reason),
        Some(Verb::Admin(Admin::Enrol { file })) => enrol::enrol(&config, &file),
    }
}

/// All of the process but its runtime, its signals and its disk.
///
/// # Errors
/// What it could not start with.
pub async fn work(config: HubConfig, disk: Disk, signals: Signals) -> Result<(), Failure> {
    let (clock, chance) = (config.test.clock(), Chance::system());
    let store = open_store(&config, &disk)?;
    let signer = identity::signer(&config.own)?;
    let material = Material::open(
        config.trust.clone(),
        config.revocation.clone(),
        disk.clone(),
        config.own.state.join("pki"),
    )
    .map_err(Failure::configuration)?;
    let trust = material
        .first_trust(&clock)
        .map_err(Failure::configuration)?;
    let (grounds, seen) = watch::channel(Grounds::new(Arc::new(trust), None));
    let publish = grounds.clone();
    let keeper = Keeper::new(material, grounds.clone(), clock.clone(), chance.clone());
    let current = identity::present(
        &config.own,
        signer.clone(),
        chance.clone(),
        signals.reload.clone(),
        keeper.clone(),
    )
    .await;
    keeper.witness(Archive::new(store.clone()));
    keeper.follow();
    let stamped = seen.clone();
    let judge = Judge::new(seen.clone(), clock.clone());
    enrol::door(
        &config,
        &store,
        seen.clone(),
        &current,
        judge.clone(),
        signals.stop.clone(),
    )
    .await?;
    tokio::spawn(reload(keeper.clone(), signals.reload.clone()));
    let key = Arc::new(SignerKey::new(signer.clone(), config.seal_key.clone()));
    let log = Log::open(
        Archive::new(store.clone()),
        config.own.code.clone(),
        key,
        Arc::new(Vec::new),
        chance.clone(),
    );
    let logs = std::slice::from_ref(&log);
    stamp(&config.time_stamps, logs, &stamped, &clock, &chance)?;
    let bodies =
        Bodies::open(disk.clone(), &config.own.state.join("bodies")).map_err(Failure::other)?;
    let parts = Parts {
        store,
        bodies,
        log,
        grounds,
        clock: clock.clone(),
        chance,
    };
    let hub = Hub::open(config.hub.clone(), parts)
        .await
        .map_err(Failure::other)?;
    let anchors = Anchors {
        files: config.trust.clone(),
        disk: disk.clone(),
        draft: config.own.state.join("anchors.draft"),
        current: current.clone(),
        clock: clock.clone(),
        purpose: Purpose::TlsServer,
        reload: Box::new(move || keeper.reload().map_err(|error| error.to_string())),
    };
    let gauges = control::Gauges {
        role: "hub",
        hub: None,
        plain: None,
        tls: Purpose::TlsServer,
        copied: None,
        stage: Box::new(HubStage(hub.clone())),
        site: Site::Hub(hub.clone()),
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
            walk: Arc::new(hub.clone()),
            tracer: Arc::new(hub.clone()),
            act: Arc::new(AtHub {
                hub: hub.clone(),
                signer,
                anchors,
            }),
        },
        gauges,
        &signals,
    )?;
    // What was entered while the hub stood still holds for the first packet, too: one for a member that has closed is
    // refused. Should it fail, the publisher tells why.
    let _ = timeout(FIRST_DIRECTORY, hub.refresh_directory()).await;
    let (publisher, ender, stop) = (hub.clone(), hub.clone(), signals.stop.clone());
    tokio::spawn(async move { publisher.keep_directory(stop).await });
    let (sweeper, stop) = (hub.clone(), signals.stop.clone());
    tokio::spawn(async move { sweeper.keep_room(stop).await });
    let (counter, stop) = (hub.clone(), signals.stop.clone());
    tokio::spawn(async move { counter.keep_counts(stop).await });
    let mut stop = signals.stop.clone();
    tokio::spawn(async move {
        // A sender that is gone means stop, too.
        let _ = stop.wait_for(|stop| *stop).await;
        ender.end_polls();
    });
    serve(&config, hub, &current, judge, &clock, signals.stop).await
}

/// What this command enters is ordered by whoever runs it.
fn ordered(config: &HubConfig) -> Order {
    Order::new(history::operator(), &config.test.clock(), &Chance::system())
}

fn open_store(config: &HubConfig, disk: &Disk) -> Result<Store, Failure> {
    Store::open(config.own.state.join("hub.db"), disk.clone(), SCHEMAS).map_err(Failure::other)
}

async fn serve(
    config: &HubConfig,
    hub: Hub,
    current: &Arc<Current>,
    judge: Judge,
    clock: &Clock,
    stop: watch::Receiver<bool>,
) -> Result<(), Failure> {
    let clients = Clients::Boxes(judge.clone());
    let tls = tls::server_config(current.clone(), clients, clock.clone(), &["h2"])
        .map_err(Failure::configuration)?;
    // One configuration for ever: credential and trust change behind it.
    let (_keep, configuration) = watch::channel(tls);
    let boxes = Arc::new(Watchful::new(judge));
    let connected = boxes.clone();
    let mut server = ServerConfig::secure(
        config.listen,
        ServerTls {
            config: configuration,
            protocols: Protocols::Http2,
            judge: Some(Arc::new(move |connection| {
                Ok(Some(Arc::new(connected.connection(connection)?)))
            })),
            recheck: Some(Arc::new(move |identity| match identity {
                Some(identity) => Ok(boxes.request(identity)?),
                None => Ok(()),
            })),
        },
    );
    server.limits.body = u64::MAX;
    server.limits.streams = 512;
    server.on_refused = Some(Arc::new(refused));
    let server = Server::bind(server).map_err(Failure::other)?;
    run::ready("hub", &server.local_addr().to_string());
    server.serve(Arc::new(hub), stop).await;
    Ok(())
}

/// SIGHUP: trust files are read again; what can't be used leaves the old in force.
async fn reload(keeper: Arc<Keeper>, mut asked: watch::Receiver<u64>) {
    while asked.changed().await.is_ok() {
        if let Err(error) = keeper.reload() {
            not_reloaded(&error.to_string());
        }
    }
}
