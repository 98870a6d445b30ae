//! The board over the replayed weeks: what the register says of the members, and the pages that show the announcement.

use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use super::replay::Replay;
use super::{Cast, FIRST, members, weeks};
use crate::cmd::demo::exchange::Exchange;
use crate::cmd::demo::screen::{Fault, Screen};
use crate::durable::Disk;
use crate::hub::statistics::Day;
use crate::hub::{Config, Overview, admin};
use crate::web;

/// How many members' software stood at each stage; which they were is the replay's choice. The others had a plan.
const STAGES: [(&str, usize); 3] = [("production", 32), ("test", 8), ("upgrading", 19)];

/// What both languages have to say of the weeks.
const SAID: [(&str, [&str; 5]); 2] = [
    (
        "index.html",
        [
            "<strong>12.257</strong> văn bản đã được gửi và <strong>35.360</strong> văn bản đã được nhận",
            "<strong>95</strong>/<strong>95</strong> cơ quan đã kết nối",
            "<strong>1</strong> cơ quan chưa gửi văn bản nào",
            "<strong>63</strong> cơ quan có máy chủ bảo mật riêng, <strong>32</strong> cơ quan dùng chung",
            "<strong>32</strong> cơ quan đã nâng cấp xong, <strong>8</strong> đang thử nghiệm, <strong>19</strong> đang nâng cấp, \
             <strong>36</strong> đã có kế hoạch",
        ],
    ),
    (
        "en.html",
        [
            "From 19 January 2019 to 8 March 2019, <strong>12,257</strong> documents were sent and <strong>35,360</strong> received",
            "<strong>95</strong> of <strong>95</strong> agencies are connected",
            "<strong>1</strong> sent none",
            "<strong>63</strong> have a security server of their own, <strong>32</strong> share one",
            "the software of <strong>32</strong> is upgraded, of <strong>8</strong> in test, of <strong>19</strong> being upgraded, \
             of <strong>36</strong> planned",
        ],
    ),
];

/// Enters at the hub of which part of the state each member is, and how far its software has come.
pub(super) fn describe(exchange: &Exchange, cast: &Cast, directory: &Path) -> Result<(), String> {
    let mut stages = STAGES
        .iter()
        .flat_map(|(stage, count)| std::iter::repeat_n(*stage, *count));
    let changes: Vec<_> = cast
        .members
        .iter()
        .map(|(code, _)| {
            json!({"describe-member": {
                "code": code,
                "domain": members::domain(code.as_str()),
                "stage": stages.next().unwrap_or("planned"),
                "stage_date": "2019-03-08",
            }})
        })
        .collect();
    let file = directory.join("members.json");
    let changes = serde_json::to_vec_pretty(&changes).map_err(|error| error.to_string())?;
    Disk::real()
        .replace(&file, &changes)
        .map_err(|error| error.to_string())?;
    exchange.apply(&file)
}

/// Writes the board's pages; whether they say what was announced.
pub(super) async fn show(
    exchange: &Exchange,
    replay: &Replay<'_>,
    directory: &Path,
    screen: &mut Screen,
) -> Result<bool, Fault> {
    let told = |error: &dyn std::fmt::Display| Fault::from(error.to_string());
    let listed = admin::listed(&replay.store)
        .await
        .map_err(|error| told(&error))?;
    let days = i32::try_from(weeks::DAYS).unwrap_or(0);
    let (first, last) = (Day::of(FIRST), Day::of(FIRST).plus(days - 1));
    let seen = (&exchange.lab.hub.code, exchange.lab.clock().now(), None);
    let window = (Some(first), Some(last));
    let config = Config::default();
    let overview = Overview::read(&replay.store, Arc::new(listed), seen, &config, window);
    let files = web::files(&overview.await.map_err(|error| told(&error))?);
    let board = directory.join("board");
    let disk = Disk::real();
    disk.make_dir(&board).map_err(|error| told(&error))?;
    for (name, content) in &files {
        disk.replace(&board.join(name), content)
            .map_err(|error| told(&error))?;
    }
    for (page, said) in SAID {
        let html = files.iter().find(|(name, _)| *name == page);
        let html = html.map_or_else(String::new, |(_, html)| {
            String::from_utf8_lossy(html).into_owned()
        });
        if let Some(missing) = said.iter().find(|said| !html.contains(*said)) {
            screen.bad(
                &format!("bảng số liệu không nói: {missing}"),
                &format!("{page} of the board does not say so"),
            );
            return Ok(false);
        }
    }
    let index = board.join("index.html");
    screen.good(
        &format!("bảng số liệu nói đúng như công bố: {}", index.display()),
        "the board says what was announced; open it in a browser",
    );
    Ok(true)
}
