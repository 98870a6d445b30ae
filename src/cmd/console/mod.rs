//! `trucgate console`: the machine's own screen or serial line shows how it stands, instead of a login.
//!
//! Nothing is decided here: what is shown comes from the same answer as `trucgate status --json`, and what is ordered is
//! asked of systemd. Whoever stands before the machine sees no document and no secret.

mod app;
mod errors;
mod keys;
mod language;
mod maintenance;
mod more;
mod network;
mod order;
mod page;
mod power;
mod row;
mod screen;
mod sight;
mod standing;
mod support;
mod terminal;
mod update;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use super::operator::Whom;
use super::run::Failure;
use crate::clock::Clock;
use crate::durable::Disk;
use crate::journal;
use app::{App, Wish};
use language::Language;
use order::Order;
use screen::Screen;
use sight::{Watcher, look};
use terminal::Terminal;

/// How often the page moves on: its clock shows that it lives.
const TICK: Duration = Duration::from_secs(1);

/// Màn hình điều khiển / the console.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Ngôn ngữ lúc bắt đầu, đổi bằng phím L / language to begin with, changed by the key L
    #[arg(long, value_enum, default_value = "vi")]
    lang: Language,
    /// In một lần rồi thôi, không cần bàn phím / prints the page once, without keys
    #[arg(long)]
    once: bool,
    /// Không thoát bằng phím Q: đứng thay cho đăng nhập / the key Q does not end it: it stands instead of a login
    #[arg(long)]
    stay: bool,
    /// Tên đường dây, ghi vào nhật ký khi có lệnh / name of the line, for the journal when something is ordered
    #[arg(long, value_name = "NAME")]
    line: Option<String>,
    /// Thư mục của máy chủ bảo mật / directory of the box
    #[arg(long, default_value = "/etc/trucgate")]
    dir: PathBuf,
    /// Nơi đặt yêu cầu tắt máy cho systemd / where systemd looks for a request to shut down
    #[arg(long, default_value = "/run/trucgate-console")]
    requests: PathBuf,
    /// Nơi giữ trạng thái cập nhật / where the state of updates is kept
    #[arg(long, default_value = "/var/lib/trucgate-update")]
    updates: PathBuf,
    /// Tiến độ cập nhật / how far an update is
    #[arg(long, default_value = "/run/trucgate-update/progress.json")]
    update_progress: PathBuf,
    /// Tiến độ gói hỗ trợ / how far a support bundle is
    #[arg(long, default_value = "/run/trucgate-support/progress.json")]
    support_progress: PathBuf,
    /// Tệp nhật ký, thay cho nhật ký của máy / a journal file instead of the machine's journal
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
}

/// What the page waits for.
enum Event {
    Keys(Vec<keys::Key>),
    Seen(Box<page::Sight>),
}

pub(super) fn run(whom: &Whom, arguments: &Arguments) -> Result<(), Failure> {
    let watcher = Watcher {
        whom: whom.clone(),
        directory: arguments.dir.clone(),
        journal: arguments.journal.clone(),
        updates: update::Places {
            state: arguments.updates.clone(),
            progress: arguments.update_progress.clone(),
        },
        support: arguments.support_progress.clone(),
    };
    let (clock, mut app) = (Clock::system(), App::new(arguments.lang));
    if arguments.once {
        let sight = look(&watcher);
        print!(
            "{}",
            screen::plain(&app.rows(Some(&sight), clock.now(), None))
        );
        return Ok(());
    }
    let _journal = journal::init("trucgate-console");
    let (events, happened) = channel();
    let terminal = Terminal::open(events.clone()).map_err(Failure::other)?;
    let again = sight::follow(watcher, events).map_err(Failure::other)?;
    let mut screen = Screen::open(terminal.understands_ansi());
    let line = arguments.line.clone().unwrap_or_else(|| terminal.name());
    let give = |order: Order, with: Option<&str>| {
        let with = with.unwrap_or(&line);
        order.give(&Disk::real(), &arguments.requests, &line, with)
    };
    let (mut seen, mut due) = (None, Instant::now());
    loop {
        let rows = app.rows(seen.as_deref(), clock.now(), screen.height());
        screen.show(&rows).map_err(Failure::other)?;
        if Instant::now() >= due {
            due = Instant::now() + TICK;
        }
        match happened.recv_timeout(due.saturating_duration_since(Instant::now())) {
            Ok(Event::Seen(sight)) => seen = Some(sight),
            Ok(Event::Keys(keys)) => {
                for key in keys {
                    match app.press(key, seen.as_deref()) {
                        Wish::Nothing => {}
                        Wish::Anew(size) => screen.anew(size),
                        Wish::Look => drop(again.send(())),
                        Wish::Order(order) => app.ordered(give(order, None)),
                        Wish::Settings(text) => app.ordered(give(Order::Settings, Some(&text))),
                        Wish::Leave if arguments.stay => {}
                        Wish::Leave => return screen.leave().map_err(Failure::other),
                        Wish::Gone => return Ok(()),
                    }
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            // Both threads live as long as the process.
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}
