//! What the hub's operator does about enrolments, and the door that takes them.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::watch;

use super::{open_store, ordered, refused};
use crate::clock::{Chance, rfc3339};
use crate::cmd::run::{self, Failure};
use crate::config::HubConfig;
use crate::durable::Disk;
use crate::https::{Protocols, Server, ServerConfig, ServerTls};
use crate::hub::admin::enrolment as admin;
use crate::hub::enrolment::{self, EnrolmentDoor};
use crate::packet::MemberId;
use crate::store::Store;
use crate::tls::{self, Clients, Current, Grounds, Judge};
use crate::uplink::enrolment::{Enrolment, Shown};

/// The door of enrolments, where one is configured.
pub(super) async fn door(
    config: &HubConfig,
    store: &Store,
    grounds: watch::Receiver<Grounds>,
    current: &Arc<Current>,
    judge: Judge,
    stop: watch::Receiver<bool>,
) -> Result<(), Failure> {
    let Some(at) = &config.enrolment else {
        return Ok(());
    };
    let clock = config.test.clock();
    let clients = Clients::Candidates(judge.clone());
    let tls = tls::server_config(current.clone(), clients, clock.clone(), &["h2"])
        .map_err(Failure::configuration)?;
    let (keep, configuration) = watch::channel(tls);
    let mut server = ServerConfig::secure(
        at.listen,
        ServerTls {
            config: configuration,
            protocols: Protocols::Http2,
            judge: Some(Arc::new(move |connection| {
                let identity = tls::judge_candidate_connection(&judge, connection)?;
                Ok(Some(Arc::new(identity)))
            })),
            recheck: None,
        },
    );
    server.on_refused = Some(Arc::new(refused));
    let server = Server::bind(server).map_err(Failure::other)?;
    let door = EnrolmentDoor::new(enrolment::Parts {
        hub: config.own.code.clone(),
        store: store.clone(),
        grounds,
        clock,
        calls_per_minute: at.calls_per_minute,
    });
    tokio::spawn(async move {
        server.serve(Arc::new(door), stop).await;
        drop(keep);
    });
    Ok(())
}

pub(super) fn invite(
    config: &HubConfig,
    box_code: MemberId,
    members: Vec<MemberId>,
    hours: u16,
) -> Result<(), Failure> {
    let store = open_store(config, &Disk::real())?;
    let expires = config.test.clock().now() + time::Duration::hours(i64::from(hours));
    let chance = Chance::system();
    run::process(1, |_| async move {
        let code = admin::invite(&store, box_code.clone(), members, expires, &chance);
        let code = code.await.map_err(Failure::other)?;
        println!(
            "Mã đăng ký của {box_code}, dùng một lần, đến {0} / single use, until {0}:\n\n  {code}\n\n\
             Đưa cho người vận hành máy chủ bảo mật bằng đường khác với mạng. / Give it to the box's operator by another way than the network:\n  \
             trucgate provision enrol --code {code}",
            rfc3339(expires)
        );
        Ok(())
    })
}

pub(super) fn pending(config: &HubConfig) -> Result<(), Failure> {
    let store = open_store(config, &Disk::real())?;
    run::process(1, |_| async move {
        let waiting = admin::pending(&store).await.map_err(Failure::other)?;
        if waiting.is_empty() {
            println!("Không có máy chủ bảo mật nào chờ. / No box waits.");
        }
        for one in &waiting {
            let message = &one.message;
            println!("máy chủ bảo mật / box {}", message.box_code);
            println!("  TLS   {}", print(&message.tls));
            for (member, (_, home)) in message.members.iter().zip(&one.today) {
                let today = match home {
                    None => "mới / new".to_owned(),
                    Some(None) => "có trong danh bạ / listed".to_owned(),
                    Some(Some(other)) => format!("đang dùng / today behind {other}"),
                };
                println!("  {}  {} ({today})", member.code, member.name);
                println!("        {}", print(&member.seal));
            }
            println!(
                "So vân tay với người vận hành máy chủ bảo mật, rồi / compare the fingerprints with the box's operator, then:\n  \
                 trucgate hub --config FILE admin approve {0}\n  trucgate hub --config FILE admin refuse {0} --reason \"…\"\n",
                message.box_code
            );
        }
        Ok(())
    })
}

fn print(shown: &Shown) -> String {
    shown
        .fingerprint()
        .map_or_else(|refusal| refusal.to_string(), |print| print.to_string())
}

pub(super) fn approve(
    config: &HubConfig,
    code: MemberId,
    may_move: bool,
    replaces: bool,
) -> Result<(), Failure> {
    let order = ordered(config);
    let store = open_store(config, &Disk::real())?;
    run::process(1, |_| async move {
        admin::approve(&store, order, code.clone(), may_move, replaces)
            .await
            .map_err(Failure::other)?;
        println!(
            "Đã duyệt {code}; danh bạ mới được phát hành trong giây lát. / {code} is approved."
        );
        Ok(())
    })
}

pub(super) fn refuse(config: &HubConfig, code: MemberId, reason: String) -> Result<(), Failure> {
    let store = open_store(config, &Disk::real())?;
    run::process(1, |_| async move {
        admin::refuse(&store, code.clone(), reason)
            .await
            .map_err(Failure::other)?;
        println!("Đã từ chối {code}. / {code} is refused.");
        Ok(())
    })
}

/// An enrolment that came in a file, for networks in which a box can't reach the hub before it is registered.
pub(super) fn enrol(config: &HubConfig, file: &Path) -> Result<(), Failure> {
    let told = |error: String| Failure::other(format!("{}: {error}", file.display()));
    let bytes = std::fs::read(file).map_err(|error| told(error.to_string()))?;
    let message: Enrolment =
        serde_json::from_slice(&bytes).map_err(|error| told(error.to_string()))?;
    let trust = config.trust.load().map_err(Failure::configuration)?;
    let now = config.test.clock().now();
    let code = message.box_code.clone();
    let judged = enrolment::judge(message, &config.own.code, &trust, now)
        .map_err(|refused| told(refused.to_string()))?;
    let store = open_store(config, &Disk::real())?;
    run::process(1, |_| async move {
        let state = enrolment::keep(&store, judged, now)
            .await
            .map_err(|refused| told(refused.to_string()))?;
        println!("{code}: {state}");
        Ok(())
    })
}
