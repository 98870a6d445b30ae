//! `trucgate update`: a signed bundle into the idle slot, and what became of it.

mod fetch;
mod source;
mod told;

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::operator::Whom;
use super::progress::Progress;
use super::run::{self, Failure};
use crate::control::{Answer, Ask};
use crate::durable::Disk;
use crate::journal::{self, ids};
use crate::update::{Bundle, Error, Esp, Install, Outcome, Phase, State, System};
use source::Source;

/// Bundles, and versions on trial.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Kiểm tra một gói cập nhật, không ghi gì / verifies a bundle, writes nothing
    Check {
        #[command(flatten)]
        source: Source,
        #[command(flatten)]
        machine: Machine,
    },
    /// Kiểm tra rồi ghi vào khe đang trống; lần khởi động sau dùng thử / verifies, then writes the idle slot, which the next
    /// start tries
    Install {
        #[command(flatten)]
        source: Source,
        /// Khởi động lại ngay sau khi ghi xong / restart as soon as it is written
        #[arg(long)]
        restart: bool,
        /// Ghi tiến độ vào tệp này / progress is written to this file
        #[arg(long, value_name = "FILE")]
        progress: Option<PathBuf>,
        #[command(flatten)]
        machine: Machine,
    },
    /// Tải một gói qua HTTPS, chỉ giữ gói tốt / brings a bundle over HTTPS and keeps a good one
    Fetch {
        /// Địa chỉ, hoặc tệp có địa chỉ / the URL, or a file with it
        #[arg(value_name = "URL")]
        url: String,
        /// Chứng thư gốc của máy chủ (PEM) / the anchors of its server
        #[arg(long, value_name = "FILE")]
        anchors: PathBuf,
        /// Nơi để gói, tên tệp *.update / where the bundle is kept, as *.update
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
        /// Ghi tiến độ vào tệp này / progress is written to this file
        #[arg(long, value_name = "FILE")]
        progress: Option<PathBuf>,
        #[command(flatten)]
        machine: Machine,
    },
    /// Phiên bản đang chạy, mức thấp nhất, phiên bản dùng thử / what runs, the floor, what is on trial
    Status {
        #[command(flatten)]
        machine: Machine,
    },
    /// Sau mỗi lần khởi động đạt tự kiểm tra: ghi lại kết quả dùng thử / behind each start that has passed its self-test: what
    /// became of the trial
    Settle {
        #[command(flatten)]
        machine: Machine,
    },
    /// Phiên bản dùng thử phải trả lời như phiên bản trước / a version on trial has to answer as the one before did
    SelfTest {
        /// Chờ bao nhiêu giây / seconds to wait
        #[arg(long, default_value_t = 120)]
        patience: u64,
        #[command(flatten)]
        machine: Machine,
    },
    /// Phiên bản dùng thử không đạt tự kiểm tra; mã thoát khác 0 nếu không có phiên bản nào đang thử / the version on trial
    /// has failed its self-test; not zero where none is on trial
    TrialFailed {
        #[command(flatten)]
        machine: Machine,
    },
}

/// Where the machine keeps what.
#[derive(Debug, clap::Args)]
pub(super) struct Machine {
    /// Gốc hệ thống / root of the system
    #[arg(long, value_name = "DIR", default_value = "/")]
    system: PathBuf,
    /// Nơi giữ trạng thái cập nhật / where the state of updates is kept
    #[arg(long, value_name = "DIR", default_value = "/var/lib/trucgate-update")]
    state: PathBuf,
    /// Phân vùng khởi động / the loader's file system
    #[arg(long, value_name = "DIR", default_value = "/boot")]
    boot: PathBuf,
    /// Lệnh systemd-sysupdate, các tham số cách nhau bằng dấu cách / systemd-sysupdate, with arguments between spaces
    #[arg(
        long,
        value_name = "COMMAND",
        default_value = "/usr/lib/systemd/systemd-sysupdate --verify=no"
    )]
    sysupdate: String,
}

impl Machine {
    fn install(&self) -> Result<Install, Error> {
        let system = System::read(&self.system)?;
        Ok(Install {
            disk: Disk::real(),
            esp: Esp::at(&self.boot, &system.product),
            state: self.state.clone(),
            sysupdate: self.sysupdate.split(' ').map(str::to_owned).collect(),
            system,
        })
    }
}

pub(super) fn run(verb: Verb) -> Result<(), Failure> {
    let _journal = journal::init("trucgate-update");
    match verb {
        Verb::Check { source, machine } => check(&source, &machine),
        Verb::Install {
            source,
            restart,
            progress,
            machine,
        } => {
            let mut told = Progress::to(progress);
            let installed = install(&source, &machine, &mut told);
            told.end(installed.as_deref());
            installed?;
            if restart { restart_now() } else { Ok(()) }
        }
        Verb::Fetch {
            url,
            anchors,
            to,
            progress,
            machine,
        } => {
            let mut told = Progress::to(progress);
            let fetched = fetch(&url, &anchors, &to, &machine, &mut told);
            if fetched.is_err() {
                told.end(fetched.as_ref().map(|()| ""));
            }
            fetched
        }
        Verb::Status { machine } => status(&machine).map_err(Failure::other),
        Verb::Settle { machine } => settle(&machine).map_err(Failure::other),
        Verb::SelfTest { patience, machine } => self_test(&machine, patience),
        Verb::TrialFailed { machine } => trial_failed(&machine),
    }
}

fn check(source: &Source, machine: &Machine) -> Result<(), Failure> {
    let check = || {
        let install = machine.install()?;
        let floor = State::read(&install.state)?.floor(install.system.floor);
        let bundle = Bundle::open(source.open()?, &install.system)?;
        bundle.judge(&install.system, floor)?;
        bundle.check(&mut |_, _| {})
    };
    let manifest = check().map_err(|error| told(&error, source))?.manifest;
    println!(
        "Gói tốt / a good bundle: {} {}, mức thấp nhất / floor {}, {} MiB",
        manifest.product,
        manifest.version,
        manifest.floor,
        manifest.size() >> 20
    );
    Ok(())
}

fn fetch(
    url: &str,
    anchors: &Path,
    to: &Path,
    machine: &Machine,
    progress: &mut Progress,
) -> Result<(), Failure> {
    // A file with the URL, as the settings of the machine leave it.
    let url = match std::fs::read_to_string(url) {
        Ok(text) => text.trim().to_owned(),
        Err(_) => url.to_owned(),
    };
    let fetch = |progress: &mut Progress| {
        let install = machine.install()?;
        let floor = State::read(&install.state)?.floor(install.system.floor);
        let anchors = std::fs::read(anchors)
            .map_err(|error| Error::Machine(format!("{}: {error}", anchors.display())))?;
        let here = (&install.system, floor);
        fetch::fetch(&url, &anchors, here, to, &mut |read, all| {
            tell(progress, Phase::Fetching(read, all));
        })
    };
    fetch(progress).map_err(|error| told(&error, &url))
}

fn tell(progress: &mut Progress, phase: Phase) {
    let (vi, en) = told::phase(phase);
    progress.tell(&vi, &en);
}

/// Gives what happens next, in words.
fn install(source: &Source, machine: &Machine, progress: &mut Progress) -> Result<String, Failure> {
    let mut install = || {
        let install = machine.install()?;
        let bundle = source.open()?;
        install.run(bundle, answers(), &mut |phase| tell(progress, phase))
    };
    let (manifest, trial) = install().map_err(|error| told(&error, source))?;
    journal::line(&ids::UPDATE_WRITTEN)
        .step(trial.version)
        .peer(source)
        .next(format_args!("restart: {} is tried then", trial.version))
        .say(format_args!(
            "the idle slot holds {}, {} goes on until the restart",
            trial.version, trial.previous
        ));
    let (version, previous) = (manifest.version, trial.previous);
    Ok(format!(
        "Đã ghi phiên bản {version}. Lần khởi động sau máy dùng thử; nếu không đạt tự kiểm tra, máy tự trở lại {previous}.\n\
         Version {version} is written. The next start tries it; should it fail its self-test, {previous} comes back by itself."
    ))
}

/// Journals why nothing came of it.
fn told(error: &Error, source: impl Display) -> Failure {
    let text = error.to_string();
    let reason = text.lines().next().unwrap_or_default();
    match error {
        Error::Refused(refused) => journal::line(&ids::UPDATE_REFUSED)
            .peer(source)
            .step(refused.step())
            .reason(reason)
            .next(refused.next())
            .say("an update was refused; nothing has changed"),
        Error::Machine(_) => journal::line(&ids::UPDATE_NOT_WRITTEN)
            .peer(source)
            .reason(reason)
            .next("mend what the reason names, then update again")
            .say("an update was not written; the version that runs is as it was"),
    }
    Failure::other(text)
}

fn restart_now() -> Result<(), Failure> {
    let asked = Command::new("systemctl")
        .args(["--no-block", "reboot"])
        .status();
    match asked {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::other(format!("systemctl reboot: {status}"))),
        Err(error) => Err(Failure::other(format!("systemctl: {error}"))),
    }
}

fn status(machine: &Machine) -> Result<(), Error> {
    let install = machine.install()?;
    let state = State::read(&install.state)?;
    println!("Đang chạy / runs: {}", install.system.running);
    println!(
        "Mức thấp nhất / floor: {}",
        state.floor(install.system.floor)
    );
    for entry in install.esp.entries()? {
        let tries = match entry.left {
            None => "không đếm / not counted".to_owned(),
            Some(0) => "đã thôi dùng / given up".to_owned(),
            Some(left) => format!("còn {left} lần thử / {left} tries left"),
        };
        println!("Khe / slot: {}, {tries}", entry.version);
    }
    if let Some(trial) = &state.trial {
        println!("{}", told::trial(trial));
    }
    Ok(())
}

fn settle(machine: &Machine) -> Result<(), Error> {
    let install = machine.install()?;
    let mut state = State::read(&install.state)?;
    let entry = match &state.trial {
        Some(trial) => install.esp.entry(trial.version)?,
        None => None,
    };
    let outcome = state.outcome(install.system.running, entry.as_ref());
    match &outcome {
        Outcome::Nothing => {}
        Outcome::Good(trial) => journal::line(&ids::UPDATE_IN_FORCE)
            .step(trial.version)
            .say(format_args!(
                "{} has passed its self-test and is in force, {} lies in the other slot",
                trial.version, trial.previous
            )),
        Outcome::CutOff(trial) => journal::line(&ids::UPDATE_NOT_WRITTEN)
            .step(trial.version)
            .reason("it was cut off in the middle of writing")
            .next("update again with the same bundle")
            .say(format_args!(
                "{} was not written, {} runs as before",
                trial.version, trial.previous
            )),
        Outcome::FellBack { trial, tries } => journal::line(&ids::UPDATE_FELL_BACK)
            .step(trial.version)
            .count(u64::from(*tries))
            .reason(
                trial
                    .failed
                    .as_deref()
                    .unwrap_or("it did not come to the end of its start"),
            )
            .next("read the journal of the starts before this one, and tell the builder")
            .say(format_args!(
                "{} was tried and has failed, {} runs again",
                trial.version, trial.previous
            )),
    }
    let floor = Some(state.floor(install.system.floor));
    if outcome != Outcome::Nothing || state.floor != floor {
        state.floor = floor;
        if outcome != Outcome::Nothing {
            state.trial = None;
        }
        install.disk.make_dir(&install.state)?;
        state.keep(&install.disk, &install.state)?;
    }
    Ok(())
}

/// Whether a relay or hub of this machine answers.
fn answers() -> bool {
    matches!(Whom::default().ask(&Ask::Status), Ok(Answer::Status(_)))
}

fn self_test(machine: &Machine, patience: u64) -> Result<(), Failure> {
    let install = machine.install().map_err(Failure::other)?;
    let state = State::read(&install.state).map_err(Failure::other)?;
    let has_to = state
        .trial
        .is_some_and(|trial| trial.relays && trial.version == install.system.running);
    let until = Instant::now() + Duration::from_secs(patience);
    while has_to && !answers() {
        if Instant::now() > until {
            return Err(Failure::other(
                "tiến trình không trả lời dưới phiên bản mới / the process does not answer under the new version",
            ));
        }
        run::pause(Duration::from_secs(1));
    }
    Ok(())
}

fn trial_failed(machine: &Machine) -> Result<(), Failure> {
    let record = || {
        let install = machine.install()?;
        let mut state = State::read(&install.state)?;
        let running = install.system.running;
        let trial = state.trial.as_mut();
        let Some(trial) = trial.filter(|trial| trial.version == running) else {
            return Ok::<_, Error>(false);
        };
        let reason = "it has failed its self-test";
        trial.failed = Some(reason.to_owned());
        journal::line(&ids::UPDATE_TRIAL_FAILED)
            .step(running)
            .reason(reason)
            .next(format_args!(
                "nothing: the machine starts again, and after its tries {} comes back",
                trial.previous
            ))
            .say(format_args!("{running} is on trial and has failed"));
        state.keep(&install.disk, &install.state)?;
        Ok(true)
    };
    match record() {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::other(
            "không có phiên bản dùng thử nào đang chạy / no version on trial runs",
        )),
        Err(error) => Err(Failure::other(error)),
    }
}
