//! `trucgate demo`: the whole exchange on this machine, with real processes and real documents.

mod agency;
mod cast;
pub mod documents;
pub mod exchange;
mod ground;
mod ledger;
mod opening;
mod playground;
pub mod process;
mod report;
mod scenes;
mod screen;
mod stage;
mod story;
mod table;
mod verify;

use std::path::{Path, PathBuf};

use super::run::{self, Failure, Signals};
use crate::provision::lab::module;
use exchange::Exchange;
use ground::Ground;
use process::Process;
use screen::{Fault, Screen, seconds};
use stage::Stage;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// `2019`: diễn lại bảy tuần trước ngày khai trương / replays the seven weeks before the opening
    #[arg(value_enum)]
    what: Option<What>,
    /// Thư mục làm việc, xoá và dựng lại mỗi lần chạy; mặc định target/demo hoặc target/demo-2019 / working directory, laid out
    /// anew at each run
    #[arg(long)]
    directory: Option<PathBuf>,
    /// Để mọi thứ chạy tiếp cho đến khi nhấn Ctrl-C / leaves all of it running until Ctrl-C
    #[arg(long)]
    keep: bool,
    /// Ít và nhỏ hơn, để thử nhanh / fewer and smaller, for a quick try
    #[arg(long)]
    quick: bool,
}

/// What is played instead of all scenes.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum What {
    /// The weeks before the opening.
    #[value(name = "2019")]
    Opening,
}

impl Arguments {
    fn directory(&self) -> &Path {
        match (&self.directory, self.what) {
            (Some(directory), _) => directory,
            (None, Some(What::Opening)) => Path::new("target/demo-2019"),
            (None, None) => Path::new("target/demo"),
        }
    }
}

/// Exit code after Ctrl-C, as shells count it.
const INTERRUPTED: u8 = 130;

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    run::process(2, |signals| perform(arguments, signals))
}

async fn perform(arguments: &Arguments, signals: Signals) -> Result<(), Failure> {
    let ground = Ground::clear(arguments.directory()).map_err(Failure::other)?;
    let mut stop = signals.stop.clone();
    let play = async {
        match arguments.what {
            Some(What::Opening) => opening(arguments, &ground, signals).await,
            None => all(arguments, &ground, signals).await,
        }
    };
    tokio::select! {
        done = play => done,
        _ = stop.wait_for(|stop| *stop), if !arguments.keep => Err(interrupted()),
    }
}

async fn all(arguments: &Arguments, ground: &Ground, mut signals: Signals) -> Result<(), Failure> {
    let mut screen = Screen::open();
    let exchange = match set_up(ground, &mut screen) {
        Ok(exchange) => exchange,
        Err(fault) => return Err(failed("Dựng / set-up", &mut screen, ground.path(), &fault)),
    };
    let logs = ground.path();
    let told = |fault: &Fault| failed("Dựng / set-up", &mut Screen::open(), logs, fault);
    let mut stage = Stage::set(exchange, screen, arguments.quick).map_err(|fault| told(&fault))?;
    let played = tokio::select! {
        played = scenes::play(&mut stage) => played,
        _ = signals.stop.wait_for(|stop| *stop) => return Err(interrupted()),
    };
    let holds = match played {
        Ok(holds) => holds,
        Err(fault) => {
            let scene = stage.scene.clone();
            let ended = ended(&stage.exchange);
            if !ended.is_empty() {
                let names = ended.join(", ");
                stage.screen.bad(
                    &format!("tiến trình không còn chạy: {names}"),
                    "processes that run no longer",
                );
            }
            return Err(failed(&scene, &mut stage.screen, logs, &fault));
        }
    };
    report::sum_up(&mut stage.screen, &stage.ledger, holds);
    tell_a_story(&mut stage);
    if arguments.keep {
        stay(&mut stage, &mut signals).await?;
    }
    if holds {
        Ok(())
    } else {
        Err(Failure::other(format!("logs: {}", logs.display())))
    }
}

async fn opening(
    arguments: &Arguments,
    ground: &Ground,
    mut signals: Signals,
) -> Result<(), Failure> {
    let mut screen = Screen::open();
    let played = opening::play(ground, &mut screen).await;
    let (_exchange, holds) =
        played.map_err(|fault| failed("Diễn lại / replay", &mut screen, ground.path(), &fault))?;
    if arguments.keep {
        wait(&mut screen, &mut signals).await;
    }
    if holds {
        Ok(())
    } else {
        Err(Failure::other(
            "số liệu khác công bố / other figures than announced",
        ))
    }
}

/// Lays the exchange out and starts it, from an empty directory on.
fn set_up(ground: &Ground, screen: &mut Screen) -> Result<Exchange, Fault> {
    screen.heading(
        "trucgate: toàn bộ Trục liên thông văn bản trên máy này",
        "trucgate: the whole document exchange on this machine",
    );
    let module = module();
    if !module.exists() {
        return Err(Fault::new(
            "SoftHSM2 đã được cài (make demo tự cài) / SoftHSM2 is installed (make demo does it)",
            format!("không có / missing: {}", module.display()),
        ));
    }
    let plan = cast::plan().map_err(|error| error.to_string())?;
    let executable = std::env::current_exe().map_err(|error| error.to_string())?;
    screen.passing("tạo CA thử nghiệm, token và khoá / test CA, tokens, keys");
    let mut exchange = Exchange::lay(&plan, ground.path(), &executable)?;
    playground::write_access(&exchange)?;
    screen.good(
        "CA thử nghiệm (gốc, trung gian, danh sách thu hồi), 3 token SoftHSM2, khoá RSA-2048 không rời token",
        "a TEST authority (root, intermediate, revocation lists), three SoftHSM2 tokens, RSA-2048 keys that never leave them",
    );
    screen.passing("khởi động các tiến trình / starting processes");
    exchange.start_all()?;
    screen.good(
        &format!(
            "Trục; máy chủ bảo mật riêng của {}; máy chủ bảo mật chung của {}: 6 tiến trình thật, TLS hai chiều",
            cast::name(cast::OFFICE),
            cast::PROVINCES.map(cast::short).join(", "),
        ),
        "a hub, a dedicated box, a box shared by three agencies: six real processes, mutual TLS",
    );
    let time = seconds(screen.elapsed());
    screen.faint(&format!("    {time}"));
    Ok(exchange)
}

/// Follows the first document through all journals.
fn tell_a_story(stage: &mut Stage) {
    let first = stage.ledger.groups.first();
    let Some((group, entry)) = first.and_then(|g| Some((g, g.entries.first()?))) else {
        return;
    };
    let directory = stage.exchange.lab.directory();
    let packet = crate::packet::PacketId::of_sender(entry.doc).to_string();
    story::show(&mut stage.screen, directory, &packet, &group.label);
}

async fn stay(stage: &mut Stage, signals: &mut Signals) -> Result<(), Failure> {
    if let Err(fault) = playground::invite(&stage.exchange, &mut stage.screen) {
        return Err(failed(
            "Mời tự thử / try it",
            &mut stage.screen,
            stage.exchange.lab.directory(),
            &fault,
        ));
    }
    wait(&mut stage.screen, signals).await;
    Ok(())
}

/// Until Ctrl-C.
async fn wait(screen: &mut Screen, signals: &mut Signals) {
    screen.heading(
        "Mọi thứ vẫn chạy. Nhấn Ctrl-C để dừng.",
        "All of it goes on running. Ctrl-C ends it.",
    );
    // A sender that is gone means stop, too.
    let _ = signals.stop.wait_for(|stop| *stop).await;
    screen.line("");
    screen.good("đã dừng", "stopped");
}

/// Processes that ended, or that a scene took away and had not brought back.
fn ended(exchange: &Exchange) -> Vec<String> {
    let runs = |process: &Option<Process>| {
        // One that has ended holds no memory.
        let process = process.as_ref();
        process.is_some_and(|process| process.peak_memory().is_some())
    };
    let machines = std::iter::once(&exchange.lab.hub).chain(&exchange.lab.boxes);
    let pairs = std::iter::once(&exchange.hub).chain(&exchange.boxes);
    let mut ended = Vec::new();
    for (machine, pair) in machines.zip(pairs) {
        let main = if machine.tenants.is_empty() {
            "hub"
        } else {
            "relay"
        };
        for (name, process) in [(main, &pair.main), ("signer", &pair.signer)] {
            if !runs(process) {
                ended.push(format!("{} {name}", machine.name));
            }
        }
    }
    ended
}

fn failed(scene: &str, screen: &mut Screen, directory: &Path, fault: &Fault) -> Failure {
    screen.line("");
    screen.bad(&format!("KHÔNG ĐẠT / FAILED: {scene}"), "");
    screen.line(&format!("    mong đợi / expected : {}", fault.expected));
    screen.line(&format!("    thực tế  / came     : {}", fault.came));
    let logs = story::shown(directory);
    Failure::other(format!("nhật ký nằm ở / the logs lie at {logs}/*/*.log"))
}

fn interrupted() -> Failure {
    Failure::with(INTERRUPTED, "dừng theo yêu cầu / stopped as asked")
}
