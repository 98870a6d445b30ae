//! Makes one: the relay copies, this process encrypts, the relay has it signed.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use data_encoding::HEXLOWER;

use super::{At, alone, hand_over, say};
use crate::backup::envelope::Recipient;
use crate::backup::{Error, Header, Kind, Last, LogHead, Part, write};
use crate::clock::{Chance, rfc3339};
use crate::cmd::run::Failure;
use crate::config::RelayConfig;
use crate::control::{self, Answer, Ask, AskBackup};
use crate::durable::Disk;
use crate::evidence::audit;
use crate::journal::{self, ids};
use crate::packet::{MemberId, PacketId};
use crate::seal::Paper;
use crate::store;
use crate::trust::pem;

/// How long a copy may take.
const PATIENCE: Duration = Duration::from_secs(3_600);
/// How a file ends that is named by this command.
pub(in crate::cmd) const ENDING: &str = ".trucgate-backup";

#[derive(Debug, clap::Args)]
pub(super) struct Make {
    #[command(flatten)]
    at: At,
    /// Tệp sao lưu, hoặc thư mục giữ các bản gần nhất / the file, or a directory that keeps the newest ones
    #[arg(long, required = true)]
    out: Option<PathBuf>,
}

pub(super) fn run(arguments: &Make) -> Result<(), Failure> {
    let config = arguments.at.load()?;
    let out = arguments.out.as_deref().unwrap_or(Path::new("."));
    let state = &config.own.state;
    let recipients = recipients(&config)?;
    let _alone = alone(state)?;
    // One that was cut off has left its copy.
    ask(&config, AskBackup::EndCopy)?;
    let done = copied(&config).and_then(|copy| made(&config, arguments, &recipients, &copy, out));
    let ended = ask(&config, AskBackup::EndCopy);
    let last = done?;
    ended?;
    if out.is_dir() {
        let keep = config.backup.as_ref().map_or(1, |backup| backup.keep);
        prune(&config.own.code, usize::from(keep.max(1)), out)?;
    }
    journal::line(&ids::BACKUP_MADE)
        .step("backup")
        .reason(format_args!(
            "{}, {} bytes",
            last.file.display(),
            last.bytes
        ))
        .next("take it to another place than this machine's")
        .say("a backup was made");
    say(&format!(
        "Đã sao lưu / backed up: {}\n  {} byte, {}",
        last.file.display(),
        last.bytes,
        last.digest
    ));
    Ok(())
}

/// For whom it is; read before anything is done.
pub(super) fn recipients(config: &RelayConfig) -> Result<Vec<Recipient>, Failure> {
    let backup = config.backup.as_ref().ok_or_else(|| {
        Failure::configuration(
            "thiếu [backup] certificates trong cấu hình: chứng thư P-256 của cơ quan, khoá giữ ở nơi khác / [backup] certificates is missing: the agency's P-256 certificate, whose key is kept elsewhere",
        )
    })?;
    let mut all = Vec::new();
    for path in &backup.certificates {
        let told = |error: &dyn std::fmt::Display| {
            Failure::configuration(format!("{}: {error}", path.display()))
        };
        let bytes = std::fs::read(path).map_err(|error| told(&error))?;
        let certificates = pem::certificates(&bytes)
            .filter(|found| !found.is_empty())
            .unwrap_or_else(|| vec![bytes]);
        for der in certificates {
            all.push(Recipient::of(&der).map_err(|error| told(&error))?);
        }
    }
    if all.is_empty() {
        return Err(Failure::configuration(
            "[backup] certificates: không có / none",
        ));
    }
    Ok(all)
}

fn ask(config: &RelayConfig, what: AskBackup) -> Result<Answer, Failure> {
    ask_relay(config, &Ask::Backup(what))
}

fn ask_relay(config: &RelayConfig, ask: &Ask) -> Result<Answer, Failure> {
    let socket = config.control.socket_in(&config.own.state);
    match control::local(&socket, ask) {
        Ok(Answer::Refused(text)) => Err(Failure::other(text)),
        Ok(answer) => Ok(answer),
        Err(error) => Err(Failure::other(format!(
            "không hỏi được máy đang chạy; sao lưu cần trucgate-relay đang chạy / the running box can't be asked, is trucgate-relay running? {error}"
        ))),
    }
}

fn copied(config: &RelayConfig) -> Result<PathBuf, Failure> {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        match ask(config, AskBackup::Copy)? {
            Answer::Copied(Some(directory)) => return Ok(directory),
            Answer::Copied(None) => {}
            other => return Err(odd(&other)),
        }
    }
    Err(Failure::other("chụp quá lâu / the copy takes too long"))
}

fn odd(answer: &Answer) -> Failure {
    Failure::other(format!("câu trả lời lạ / an odd answer: {answer:?}"))
}

fn made(
    config: &RelayConfig,
    arguments: &Make,
    recipients: &[Recipient],
    copy: &Path,
    out: &Path,
) -> Result<Last, Failure> {
    let (disk, chance, now) = (Disk::real(), Chance::system(), config.test.clock().now());
    let logs = store::look(&Kind::Store.below(copy), audit::sizes).map_err(Failure::other)?;
    let header = Header {
        id: PacketId::new(now, &chance),
        own: config.own.code.clone(),
        made: now,
        logs: logs
            .into_iter()
            .map(|(member, head)| LogHead {
                member,
                size: head.size,
                root: HEXLOWER.encode(&head.root),
            })
            .collect(),
    };
    let file = if out.is_dir() {
        let time: String = rfc3339(now)
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .collect();
        out.join(format!("{}-{time}{ENDING}", config.own.code))
    } else {
        out.to_owned()
    };
    let sign = |digest| {
        let paper = Paper::Backup;
        let answer = ask_relay(config, &Ask::Attest { paper, digest })
            .map_err(|failure| Error::Signer(failure.reason().to_owned()))?;
        answer.attestation().map_err(Error::Signer)
    };
    let parts = parts(config, &arguments.at.config);
    let written = write(
        &disk,
        &file,
        &header,
        (copy, &parts),
        recipients,
        &chance,
        sign,
    );
    let written = written.map_err(Failure::other)?;
    let file = std::fs::canonicalize(&file).unwrap_or(file);
    let last = Last {
        file,
        header,
        bytes: written.bytes,
        digest: written.digest,
        key: HEXLOWER.encode(&written.key[..]),
        rehearsal: None,
    };
    let kept = last
        .keep(&disk, &config.own.state)
        .map_err(Failure::other)?;
    hand_over(&kept, &config.own.state)?;
    Ok(last)
}

/// Small files beside the copied spool, those that are there.
fn parts(config: &RelayConfig, relay: &Path) -> Vec<Part> {
    let state = &config.own.state;
    let mut wanted: Vec<(Kind, PathBuf)> = vec![
        (Kind::Directory, Kind::Directory.below(state)),
        (Kind::HubHead, Kind::HubHead.below(state)),
        (Kind::Relay, relay.to_owned()),
        (Kind::Systems, config.vxp.systems.clone()),
    ];
    let numbered = |files: &[PathBuf], kind: fn(u8) -> Kind| -> Vec<(Kind, PathBuf)> {
        (0..u8::MAX).map(kind).zip(files.iter().cloned()).collect()
    };
    wanted.extend(numbered(&config.trust.anchors, Kind::Anchors));
    wanted.extend(numbered(&config.trust.intermediates, Kind::Intermediates));
    let agreed = std::fs::read_dir(state.join("agreed"));
    wanted.extend(agreed.into_iter().flatten().flatten().filter_map(|file| {
        let name = file.file_name().to_string_lossy().into_owned();
        let id = name.strip_suffix(".json")?.parse().ok()?;
        Some((Kind::Agreement(id), file.path()))
    }));
    wanted
        .into_iter()
        .filter(|(_, from)| from.is_file())
        .map(|(kind, from)| Part { kind, from })
        .collect()
}

/// Old ones go, and what was cut off.
pub(super) fn prune(own: &MemberId, keep: usize, directory: &Path) -> Result<(), Failure> {
    let told = |error: std::io::Error| Failure::other(format!("{}: {error}", directory.display()));
    let begin = format!("{own}-");
    let names = std::fs::read_dir(directory)
        .map_err(told)?
        .flatten()
        .filter_map(|file| {
            let name = file.file_name().into_string().ok()?;
            name.starts_with(&begin).then_some(name)
        });
    let (mut whole, cut): (Vec<String>, Vec<String>) = names
        .filter(|name| name.contains(ENDING))
        .partition(|name| name.ends_with(ENDING));
    // Their names are in the order of time.
    whole.sort_unstable_by(|a, b| b.cmp(a));
    for name in whole.iter().skip(keep).chain(&cut) {
        Disk::real().remove(&directory.join(name)).map_err(told)?;
    }
    Ok(())
}
