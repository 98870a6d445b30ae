//! `trucgate hub admin board`: the public extract as files.

use std::path::PathBuf;
use std::sync::Arc;

use super::open_store;
use crate::cmd::run::{self, Failure};
use crate::config::HubConfig;
use crate::durable::Disk;
use crate::hub::statistics::{self, Day};
use crate::hub::{Overview, admin};
use crate::web;

/// Where to, and which window.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Thư mục nhận trang tĩnh công khai / directory for the public pages
    #[arg(long, value_name = "DIR")]
    export: PathBuf,
    /// Từ ngày, giờ Việt Nam; mặc định là ngày đầu có văn bản / first day, in Vietnam; the first that has anything
    #[arg(long, value_name = "YYYY-MM-DD")]
    from: Option<Day>,
    /// Đến hết ngày; mặc định là hôm nay / last day; today
    #[arg(long, value_name = "YYYY-MM-DD")]
    to: Option<Day>,
}

pub(super) fn run(config: HubConfig, arguments: Arguments) -> Result<(), Failure> {
    let disk = Disk::real();
    let store = open_store(&config, &disk)?;
    let now = config.test.clock().now();
    run::process(1, |_| async move {
        // A hub that runs counts by itself; where none does, what has come since is counted here.
        statistics::count(&store).await.map_err(Failure::other)?;
        let directory = admin::listed(&store).await.map_err(Failure::other)?;
        let seen = (&config.own.code, now, None);
        let window = (arguments.from, arguments.to);
        let overview = Overview::read(&store, Arc::new(directory), seen, &config.hub, window).await;
        let overview = overview.map_err(Failure::other)?;
        let told = |error: std::io::Error| {
            Failure::other(format!("{}: {error}", arguments.export.display()))
        };
        disk.make_dir(&arguments.export).map_err(told)?;
        let files = web::files(&overview);
        for (name, content) in &files {
            disk.replace(&arguments.export.join(name), content)
                .map_err(told)?;
        }
        println!(
            "Đã ghi {} tệp vào {}; mở index.html. / {} files written; open index.html.",
            files.len(),
            arguments.export.display(),
            files.len(),
        );
        Ok(())
    })
}
