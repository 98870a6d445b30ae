//! Everything that goes into a bundle, in its order.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::about::{about, code};
use super::ask::{self, WORDS, ask};
use super::certificates::certificates;
use super::config::configuration;
use super::journal;
use crate::clock::Moment;
use crate::cmd::machine::Machine;
use crate::cmd::operator::Whom;
use crate::cmd::progress::Progress;
use crate::control::{Answer, Ask, Report};
use crate::support::{ABOUT, Entry, without};
use crate::systemd::Credentials;

/// Where to look.
#[derive(Debug, clap::Args)]
pub(super) struct Places {
    /// Thư mục của máy chủ bảo mật / directory of the box
    #[arg(long, default_value = "/etc/trucgate")]
    dir: PathBuf,
    /// Nơi giữ trạng thái cập nhật / where the state of updates is kept
    #[arg(long, default_value = "/var/lib/trucgate-update")]
    updates: PathBuf,
    /// Tệp nhật ký, thay cho nhật ký của máy / a journal file instead of the machine's journal
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
}

/// What was gathered.
pub(super) struct Gathered {
    /// The box's code, else the machine's name.
    pub(super) name: String,
    pub(super) entries: Vec<Entry>,
}

/// The appliance's wall as it was told whom to let through.
const DOORS: &str = "/run/trucgate/doors.nft";
const UNITS: [&[&str]; 3] = [
    &[
        "systemctl",
        "--no-pager",
        "--plain",
        "--full",
        "--state=failed",
        "list-units",
    ],
    &[
        "systemctl",
        "--no-pager",
        "--plain",
        "--full",
        "--all",
        "list-units",
        "trucgate-*",
        "provisioned.target",
        "chrony.service",
        "nftables.service",
        "systemd-networkd.service",
        "systemd-journal*.service",
    ],
    &[
        "systemctl",
        "--no-pager",
        "--plain",
        "--full",
        "--all",
        "list-timers",
        "trucgate-*",
    ],
];
const NETWORK: [&[&str]; 3] = [&["ip", "address"], &["ip", "route"], &["ip", "-6", "route"]];
const DISKS: [&[&str]; 2] = [
    &["df", "--human-readable", "--print-type"],
    &[
        "lsblk",
        "--output=NAME,SIZE,TYPE,RO,FSTYPE,LABEL,PARTLABEL,MOUNTPOINTS",
    ],
];

/// Gathers all of it; what can't be had says why.
pub(super) fn gather(
    whom: &Whom,
    places: &Places,
    made: Moment,
    progress: &mut Progress,
) -> Gathered {
    progress.tell(
        "đang thu thập tình trạng và cấu hình",
        "gathering state and configuration",
    );
    let machine = Machine::look();
    let report = report(whom);
    let known = report.as_ref().ok();
    let code = known
        .map(|report| report.code.clone())
        .or_else(|| code(&places.dir));
    let about = about(&machine, code.as_deref(), known, &places.updates, made);
    let status = match &report {
        Ok(report) => json!(report),
        Err(why) => json!({ "unanswered": why }),
    };
    let configuration = configuration(&places.dir, &Credentials::from_environment());
    let mut entries = vec![
        (ABOUT, pretty(&about)),
        ("status.json", pretty(&status)),
        ("certificates.json", pretty(&certificates(&places.dir))),
        ("units.txt", ask::texts(&UNITS)),
        ("network.txt", ask::texts(&NETWORK) + &doors()),
        ("disks.txt", ask::texts(&DISKS)),
    ];
    progress.tell("đang thu thập nhật ký", "gathering the journal");
    let journal = journal::lines(&failed(), places.journal.as_deref());
    let journal = journal.unwrap_or_else(|why| format!("{}\n", json!({ "unread": why })));
    entries.push(("journal.json", journal));
    let plain = entries.into_iter().filter_map(|(name, text)| {
        Entry::new(name, without(text.into_bytes(), &configuration.removed))
    });
    let mut entries: Vec<Entry> = plain.collect();
    let last = entries.pop();
    let name = code.unwrap_or(machine.name);
    entries.extend(
        configuration.entries.into_iter().filter_map(|entry| {
            Entry::new(entry.name, without(entry.bytes, &configuration.removed))
        }),
    );
    entries.extend(last);
    Gathered { name, entries }
}

/// What the wall was told. What it says itself takes a power over it, which this process is not to have.
fn doors() -> String {
    let text = std::fs::read_to_string(DOORS);
    format!(
        "{DOORS}\n{}",
        text.unwrap_or_else(|why| format!("({why})\n"))
    )
}

fn report(whom: &Whom) -> Result<Report, String> {
    match whom.ask(&Ask::Status)? {
        Answer::Status(report) => Ok(*report),
        Answer::Refused(why) => Err(why.to_string()),
        other => Err(format!("{other:?}")),
    }
}

fn failed() -> Vec<String> {
    let words = [
        "systemctl",
        "--no-pager",
        "--plain",
        "--no-legend",
        "--state=failed",
        "list-units",
    ];
    let said = ask(&words, WORDS).unwrap_or_default();
    let text = String::from_utf8_lossy(&said);
    let units = text
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    units.map(str::to_owned).collect()
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}
