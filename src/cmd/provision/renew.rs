//! `trucgate provision renew`: a new key and certificate while documents travel.

use std::io::Read;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hsm::Pin;
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use nix::unistd::Pid;
use serde::Deserialize;

use super::super::operator::Whom;
use super::super::run::{self, Failure};
use crate::config::{self, Control, Own, Test};
use crate::control::{Answer, Ask, NOT_SERVED, Report};
use crate::durable::Disk;
use crate::gauge::{Gauge, Kind, Level};
use crate::journal::{self, ids};
use crate::provision::bundle;
use crate::provision::renew::{Renewal, Stage};
use crate::signer;
use crate::tls::TrustFiles;
use crate::trust::directory::Fingerprint;

/// How long a process may take to show what it has read anew.
const PATIENCE: Duration = Duration::from_secs(75);
/// How often a running process is asked.
const EVERY: Duration = Duration::from_secs(1);
/// Readings in a row that make a failure; a single one may be a line that was down for a moment.
const FAILURES: u32 = 3;

/// Thay khoá và chứng thư mà không dừng / a new key and certificate without an outage.
#[derive(Debug, clap::Args)]
#[command(after_help = "Thứ tự / in this order:
  renew KHOÁ begin            khoá mới cạnh khoá cũ, ghi yêu cầu / the new key beside the old, its request
  renew KHOÁ import TỆP       chứng thư được cấp / the issued certificate
  (Trục)                      đăng ký cả hai chứng thư / the hub registers both: add-certificate
  renew KHOÁ rehearse         diễn tập với Trục đang chạy / a rehearsal with the live hub
  renew KHOÁ switch           chuyển, tự quay lại nếu hỏng / switches, returns by itself if it fails")]
pub(in crate::cmd) struct Arguments {
    /// Tên khoá ở bộ ký / the key's name at the signer
    key: String,
    /// Cấu hình của bộ ký / the signer's configuration
    #[arg(long)]
    signer: PathBuf,
    /// Cấu hình của relay hoặc hub / the configuration of the relay or the hub
    #[arg(long)]
    config: PathBuf,
    /// Tệp chứa PIN, nếu PIN là credential / file with the PIN, where the PIN is a credential
    #[arg(long)]
    pin: Option<PathBuf>,
    #[command(subcommand)]
    step: Option<Step>,
}

#[derive(Debug, clap::Subcommand)]
enum Step {
    /// Tạo khoá mới và ghi yêu cầu / makes the new key and writes its request
    Begin,
    /// Nhập chứng thư được cấp / imports the issued certificate
    Import {
        /// Tệp PEM, DER hoặc PKCS#7 / files
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Diễn tập với Trục đang chạy / a rehearsal with the live hub
    Rehearse,
    /// Chuyển sang khoá mới, tự quay lại nếu những phút đầu hỏng / switches, and returns if the first minutes fail
    Switch {
        /// Theo dõi bao nhiêu giây / seconds to watch
        #[arg(long, default_value_t = 180)]
        watch: u64,
    },
    /// Quay lại khoá cũ / returns to the old key
    Back,
}

/// What box and hub configurations have in common.
#[derive(Debug, Deserialize)]
struct Process {
    #[serde(rename = "box")]
    own: Own,
    trust: TrustFiles,
    #[serde(default)]
    control: Control,
    #[serde(default)]
    test: Test,
}

/// What a look at the running process shows.
struct Seen {
    /// Whether the new certificate is in use.
    shown: bool,
    /// What has stopped of all that depends on the key.
    trouble: Option<String>,
}

/// One renewal at a running process.
struct Work<'a> {
    key: &'a str,
    renewal: Renewal,
    process: Process,
    whom: Whom,
    socket: PathBuf,
}

pub(super) fn run(whom: &Whom, arguments: &Arguments) -> Result<(), Failure> {
    let mut signer: signer::Config =
        config::load(&arguments.signer).map_err(Failure::configuration)?;
    if let Some(file) = &arguments.pin {
        signer.pin = Some(Pin::read(file).map_err(Failure::other)?);
    }
    let process: Process = config::load(&arguments.config).map_err(Failure::configuration)?;
    let socket = process.control.socket_in(&process.own.state);
    let work = Work {
        key: &arguments.key,
        renewal: Renewal::of(signer, &arguments.key, Disk::real()).map_err(Failure::other)?,
        whom: if whom.is_given() {
            whom.clone()
        } else {
            Whom::at(socket.clone())
        },
        process,
        socket,
    };
    match &arguments.step {
        None => work.show(),
        Some(Step::Begin) => work.begin(),
        Some(Step::Import { files }) => work.import(files),
        Some(Step::Rehearse) => work.rehearse(),
        Some(Step::Switch { watch }) => work.switch(Duration::from_secs(*watch)),
        Some(Step::Back) => work.back("operator"),
    }
}

impl Work<'_> {
    fn show(&self) -> Result<(), Failure> {
        let (state, next) = match self.renewal.stage() {
            Stage::Idle => ("chưa bắt đầu / not begun", "begin"),
            Stage::Requested => ("đã ghi yêu cầu, chờ chứng thư / requested", "import TỆP"),
            Stage::Imported => ("đã có chứng thư mới / certified", "rehearse, switch"),
        };
        println!("{}: {state}. Tiếp theo / next: {next}", self.key);
        Ok(())
    }

    fn begin(&self) -> Result<(), Failure> {
        let today = self.process.test.clock().now().date();
        let file = self.renewal.begin(today).map_err(Failure::other)?;
        println!(
            "Khoá mới đã có trong token, khoá cũ vẫn dùng. Gửi tệp này cho CA: / the new key is in the token, the old one goes on; for the CA:\n  {}",
            file.display()
        );
        Ok(())
    }

    fn import(&self, files: &[PathBuf]) -> Result<(), Failure> {
        let contents = files
            .iter()
            .map(|file| content(file))
            .collect::<Result<Vec<_>, _>>()?;
        let now = self.process.test.clock().now();
        let imported = self.renewal.import(&contents, &self.process.trust, now);
        let found = imported.map_err(Failure::other)?;
        hang_up(&self.signer_socket())?;
        let print = Fingerprint::of(&self.renewal.next().map_err(Failure::other)?);
        println!(
            "Chứng thư mới: {}, đến {}. / The new certificate.\nTrục cần đăng ký thêm, cạnh chứng thư cũ: / the hub registers it beside the old one:\n  [{{\"add-certificate\":{{\"code\":\"{}\",\"use\":\"{}\",\"certificate\":\"{print}\"}}}}]",
            found.subject,
            found.not_after.date(),
            self.renewal.key().member,
            self.renewal.key().use_.as_str(),
        );
        Ok(())
    }

    /// Rehearses; a signer that is just reading its files is waited for.
    fn rehearse(&self) -> Result<(), Failure> {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.whom.ask(&Ask::Rehearse(self.key.to_owned())) {
                Ok(Answer::Done(passed)) => {
                    println!("{passed}");
                    return Ok(());
                }
                Ok(Answer::Refused(why))
                    if why.en.starts_with(NOT_SERVED)
                        && self.renewal.stage() == Stage::Imported
                        && Instant::now() < end => {}
                Ok(Answer::Refused(why)) => return Err(Failure::other(why)),
                Ok(other) => return Err(Failure::other(format!("{other:?}"))),
                Err(reason) => return Err(Failure::other(reason)),
            }
            run::pause(EVERY);
        }
    }

    fn switch(&self, watch: Duration) -> Result<(), Failure> {
        self.rehearse()?;
        let _journal = journal::init("trucgate-provision");
        let next = self.renewal.next().map_err(Failure::other)?;
        let print = Fingerprint::of(&next).to_string();
        self.renewal.switch().map_err(Failure::other)?;
        self.reload()?;
        journal::line(&ids::RENEWED)
            .step(self.key)
            .reason(format_args!("certificate {print}"))
            .say("a renewed key is in force; its first minutes are watched");
        match self.first_minutes(&print, watch) {
            Ok(()) => {
                println!(
                    "Đã chuyển và ổn định. Trục có thể bỏ chứng thư cũ: remove-certificate. / Switched and steady; the hub may take the old certificate out."
                );
                Ok(())
            }
            Err(why) => {
                self.back(&why)?;
                Err(Failure::other(format!(
                    "đã tự quay lại khoá cũ vì: {why} / returned to the old key by itself"
                )))
            }
        }
    }

    /// Waits until the new certificate is shown, then watches.
    fn first_minutes(&self, print: &str, watch: Duration) -> Result<(), String> {
        let (mut failures, mut until) = (0, None);
        let patience = Instant::now() + PATIENCE;
        loop {
            let why = match self.look(print) {
                Ok(Seen { shown, trouble }) => {
                    if shown {
                        until.get_or_insert_with(|| Instant::now() + watch);
                    }
                    trouble
                }
                Err(why) => Some(why),
            };
            match (until, why) {
                (Some(_), Some(why)) => {
                    failures += 1;
                    if failures >= FAILURES {
                        return Err(why);
                    }
                }
                (Some(until), None) => {
                    failures = 0;
                    if Instant::now() >= until {
                        return Ok(());
                    }
                }
                (None, why) if Instant::now() > patience => {
                    let unseen =
                        "chứng thư mới không được dùng / the new certificate is not taken into use";
                    return Err(why.unwrap_or_else(|| unseen.to_owned()));
                }
                (None, _) => {}
            }
            run::pause(EVERY);
        }
    }

    /// Whether the new certificate is in use, and what is wrong with anything that depends on it.
    fn look(&self, print: &str) -> Result<Seen, String> {
        let report = self.report()?;
        let member = self.renewal.key().member.as_str();
        let (named, id) = (format!("({})", self.key), format!("certificate {print}"));
        let of_key = |subject: &str| subject.contains(member) && subject.ends_with(&named);
        let concerned = |kind: Kind, subject: &str| match kind {
            Kind::Signer | Kind::Hub => true,
            Kind::Seal | Kind::Certificate => of_key(subject),
            _ => false,
        };
        let own = |gauge: &&Gauge| concerned(gauge.kind, &gauge.subject);
        let stops = |gauge: &&Gauge| gauge.level == Level::Stops;
        Ok(Seen {
            shown: report
                .gauges
                .iter()
                .filter(own)
                .any(|gauge| gauge.end.as_ref().is_some_and(|end| end.id == id)),
            trouble: report
                .gauges
                .iter()
                .filter(own)
                .find(stops)
                .map(|gauge| format!("{}: {}", gauge.kind.name(), gauge.state)),
        })
    }

    fn report(&self) -> Result<Report, String> {
        match self.whom.ask(&Ask::Status)? {
            Answer::Status(report) => Ok(*report),
            Answer::Refused(text) => Err(text.to_string()),
            other => Err(format!("{other:?}")),
        }
    }

    fn back(&self, why: &str) -> Result<(), Failure> {
        self.renewal.back().map_err(Failure::other)?;
        self.reload()?;
        journal::line(&ids::RENEWAL_TAKEN_BACK)
            .step(self.key)
            .reason(why)
            .next("mend what the reason names and rehearse again; the old key goes on")
            .say("a renewed key was taken back");
        println!("Khoá cũ đang dùng lại. / The old key is in force again.");
        Ok(())
    }

    fn signer_socket(&self) -> PathBuf {
        self.process.own.signer.clone()
    }

    /// Signer first: whoever asks it afterwards gets what it has read.
    fn reload(&self) -> Result<(), Failure> {
        hang_up(&self.signer_socket())?;
        hang_up(&self.socket)
    }
}

fn content(file: &Path) -> Result<Vec<u8>, Failure> {
    let told = |error: std::io::Error| Failure::other(format!("{}: {error}", file.display()));
    let mut bytes = Vec::new();
    let longest = bundle::LONGEST as u64 + 1;
    std::fs::File::open(file)
        .and_then(|file| file.take(longest).read_to_end(&mut bytes))
        .map_err(told)?;
    Ok(bytes)
}

/// SIGHUP to whoever listens at that socket: the kernel knows its process.
fn hang_up(socket: &Path) -> Result<(), Failure> {
    let told = |error: &dyn std::fmt::Display| {
        Failure::other(format!(
            "không báo được tiến trình ở {} đọc lại: {error} / it can't be told to read its files again",
            socket.display()
        ))
    };
    let stream = UnixStream::connect(socket).map_err(|error| told(&error))?;
    let peer = getsockopt(&stream, PeerCredentials).map_err(|error| told(&error))?;
    kill(Pid::from_raw(peer.pid()), Signal::SIGHUP).map_err(|error| told(&error))
}
