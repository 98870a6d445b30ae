//! `trucgate hub admin statistics`: a window's figures out of the evidence, and counting it anew.

use std::sync::Arc;

use super::open_store;
use crate::clock::Clock;
use crate::cmd::run::{self, Failure};
use crate::config::HubConfig;
use crate::durable::Disk;
use crate::hub::admin;
use crate::hub::statistics::{self, Day, Picture, Window};
use crate::store::Store;

/// Which window, and how it is shown.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Từ ngày, giờ Việt Nam; mặc định là ngày đầu có văn bản / first day, in Vietnam; the first that has anything
    #[arg(long, value_name = "YYYY-MM-DD")]
    from: Option<Day>,
    /// Đến hết ngày; mặc định là hôm nay / last day; today
    #[arg(long, value_name = "YYYY-MM-DD")]
    to: Option<Day>,
    /// Bỏ số đã đếm, đếm lại từ chứng cứ / takes the counts away and counts the evidence anew
    #[arg(long)]
    rebuild: bool,
    /// Dạng JSON / as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(config: &HubConfig, arguments: Arguments) -> Result<(), Failure> {
    let store = open_store(config, &Disk::real())?;
    let clock = config.test.clock();
    run::process(1, |_| async move {
        if arguments.rebuild {
            statistics::rebuild(&store).await.map_err(Failure::other)?;
        }
        let picture = picture(&store, &clock, &arguments).await?;
        if arguments.json {
            let json = serde_json::to_string_pretty(&picture).map_err(Failure::other)?;
            println!("{json}");
        } else {
            print(&picture);
        }
        Ok(())
    })
}

async fn picture(store: &Store, clock: &Clock, arguments: &Arguments) -> Result<Picture, Failure> {
    let today = Day::of(clock.now());
    let first = match arguments.from {
        Some(first) => first,
        None => statistics::earliest(store)
            .await
            .map_err(Failure::other)?
            .unwrap_or(today),
    };
    let last = arguments.to.unwrap_or(today).max(first);
    let directory = admin::listed(store).await.map_err(Failure::other)?;
    statistics::picture(store, Window { first, last }, Some(Arc::new(directory)))
        .await
        .map_err(Failure::other)
}

fn print(picture: &Picture) {
    let (first, last) = (picture.window.first, picture.window.last);
    let all = picture.nation.documents();
    println!(
        "Từ {} đến {}: {} văn bản gửi, {} văn bản nhận, {} lỗi\n{first} to {last}: {} documents sent, {} received, {} failed\n",
        first.vi(),
        last.vi(),
        all.sent,
        all.delivered,
        all.failed,
        all.sent,
        all.delivered,
        all.failed,
    );
    println!(
        "{:<20} {:>10} {:>10} {:>10} {:>8}",
        "", "gửi/sent", "nhận/rcvd", "lấy/taken", "lỗi/fail"
    );
    for (code, standing) in &picture.members {
        let of = standing.documents();
        println!(
            "{code:<20} {:>10} {:>10} {:>10} {:>8}",
            of.sent, of.delivered, of.collected, of.failed
        );
    }
    if picture.uncounted > 0 {
        let more = picture.uncounted;
        println!("\n{more} bản ghi chưa đếm, đang đếm tiếp / {more} records are not counted yet");
    }
}
