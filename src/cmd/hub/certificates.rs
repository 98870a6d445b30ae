//! How far each certificate has come, for the hub's operator.

use std::sync::Arc;

use super::open_store;
use crate::clock::rfc3339;
use crate::cmd::run::{self, Failure};
use crate::config::HubConfig;
use crate::durable::Disk;
use crate::hub::{Known, State, admin};
use crate::packet::MemberId;
use crate::pki::Material;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Chỉ chứng thư của mã này / of this code alone
    #[arg(long)]
    code: Option<MemberId>,
    /// Chỉ trạng thái này / in this state alone: requested, issued, registered, active, retiring, revoked
    #[arg(long, value_parser = state)]
    state: Option<State>,
    /// Dạng JSON / as JSON
    #[arg(long)]
    json: bool,
}

fn state(word: &str) -> Result<State, String> {
    let found = State::ALL.into_iter().find(|one| one.words().1 == word);
    found.ok_or_else(|| "requested, issued, registered, active, retiring, revoked".to_owned())
}

pub(super) fn run(config: &HubConfig, arguments: Arguments) -> Result<(), Failure> {
    let disk = Disk::real();
    let store = open_store(config, &disk)?;
    let (clock, hub) = (config.test.clock(), config.own.code.clone());
    let material = Material::open(
        config.trust.clone(),
        config.revocation.clone(),
        disk,
        config.own.state.join("pki"),
    )
    .map_err(Failure::configuration)?;
    let trust = material
        .first_trust(&clock)
        .map_err(Failure::configuration)?;
    run::process(1, |_| async move {
        let listed = admin::listed(&store).await.map_err(Failure::other)?;
        let (listed, now) = (Arc::new(listed), clock.now());
        let known = Known::load(&store, &listed, &hub, now)
            .await
            .map_err(Failure::other)?;
        let mut all = known.certificates(&listed, listed.members(), Some((&trust, now)));
        let of = arguments.code.as_ref().map(|code| {
            let member = listed.find(code);
            member.map_or_else(|| code.clone(), |member| member.code.clone())
        });
        all.retain(|one| {
            of.as_ref().is_none_or(|code| one.code == code.as_str())
                && arguments.state.is_none_or(|state| one.state == state)
        });
        if arguments.json {
            let text = serde_json::to_string_pretty(&all).map_err(Failure::other)?;
            println!("{text}");
            return Ok(());
        }
        for one in &all {
            let (vi, en) = one.state.words();
            let ends = one.ends.map_or_else(
                || "chưa rõ hạn / end not known".to_owned(),
                |ends| {
                    let days = (ends - now).whole_days();
                    format!("{}  còn {days} ngày / {days} days left", rfc3339(ends))
                },
            );
            let print = one.fingerprint.map_or_else(
                || "chưa có chứng thư / none yet".to_owned(),
                |print| print.to_string(),
            );
            println!(
                "{:<20} {:<4}  {vi} / {en}  {ends}  {print}",
                one.code,
                one.use_.as_str()
            );
        }
        Ok(())
    })
}
