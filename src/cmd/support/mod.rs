//! `trucgate support`: what those who help need to know of this machine, in one signed file, and its verification.

mod about;
mod ask;
mod certificates;
mod config;
mod gather;
mod journal;
mod verify;

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::operator::Whom;
use super::progress::Progress;
use super::run::Failure;
use crate::clock::{Clock, rfc3339};
use crate::control::Ask;
use crate::durable::Disk;
use crate::journal::{self as lines, ids};
use crate::seal::Paper;
use crate::support::{self, Written};
use gather::{Gathered, Places};

/// Gói hỗ trợ / a support bundle.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct Arguments {
    #[command(flatten)]
    make: Make,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Kiểm tra một gói, không cần mạng / verifies a bundle, offline
    Verify(verify::Arguments),
}

#[derive(Debug, clap::Args)]
struct Make {
    /// Tệp ghi ra, hoặc thư mục / the file, or a directory
    #[arg(long, required = true)]
    out: Option<PathBuf>,
    /// Nhãn của đĩa phải đang gắn ở thư mục đó / label of the medium that has to be mounted at that directory
    #[arg(long, value_name = "LABEL")]
    medium: Option<String>,
    /// Ghi tiến độ vào tệp này / progress is written to this file
    #[arg(long, value_name = "FILE")]
    progress: Option<PathBuf>,
    #[command(flatten)]
    places: Places,
}

pub(super) fn run(whom: &Whom, arguments: Arguments) -> Result<(), Failure> {
    match arguments.verb {
        Some(Verb::Verify(arguments)) => verify::run(&arguments),
        None => {
            let _journal = lines::init("trucgate-support");
            let mut progress = Progress::to(arguments.make.progress.clone());
            let made = make(whom, &arguments.make, &mut progress).inspect_err(|failure| {
                lines::line(&ids::SUPPORT_FAILED)
                    .step("support")
                    .reason(failure.reason())
                    .next("mend what the reason names, then make the bundle again")
                    .say("no support bundle was made");
            });
            let text = made.as_ref().map(told);
            progress.end(text.as_deref().map_err(|failure| *failure));
            made.map(drop)
        }
    }
}

fn make(whom: &Whom, make: &Make, progress: &mut Progress) -> Result<Written, Failure> {
    if whom.is_remote() {
        return Err(Failure::configuration(
            "gói hỗ trợ chỉ lập ngay trên máy, không dùng --box / a support bundle is made on the machine itself, without --box",
        ));
    }
    let out = make.out.as_deref().unwrap_or(Path::new("."));
    if let Some(label) = &make.medium {
        mounted(out, label)?;
    }
    let made = Clock::system().now();
    let Gathered { name, entries } = gather::gather(whom, &make.places, made, progress);
    let file = if out.is_dir() {
        let time = rfc3339(made);
        let time = time.split(['.', 'Z']).next().unwrap_or_default();
        let time: String = time.chars().filter(char::is_ascii_alphanumeric).collect();
        out.join(format!("trucgate-support-{name}-{time}Z.tar"))
    } else {
        out.to_owned()
    };
    progress.tell("đang ký và ghi gói", "signing and writing the bundle");
    let sign = |digest| {
        let paper = Paper::Support;
        whom.ask(&Ask::Attest { paper, digest })?.attestation()
    };
    let written = support::write(&Disk::real(), &file, (&entries, made), sign);
    let written = written.map_err(|error| {
        let full = error.kind() == std::io::ErrorKind::StorageFull;
        let hint = if full {
            "đĩa đầy, hãy dùng đĩa còn chỗ trống / the medium is full, take one with more room: "
        } else {
            ""
        };
        Failure::other(format!("{}: {hint}{error}", file.display()))
    })?;
    lines::line(&ids::SUPPORT_MADE)
        .step("support")
        .reason(format_args!(
            "{}, {} bytes, {}",
            written.path.display(),
            written.bytes,
            written
                .unsigned
                .as_ref()
                .map_or_else(|| "signed".to_owned(), |why| format!("unsigned: {why}"))
        ))
        .next("hand it to whoever helps; nothing of it is secret, but it names addresses")
        .say("a support bundle was made");
    Ok(written)
}

/// Without a medium the directory is one in memory, and what is written there is lost.
fn mounted(at: &Path, label: &str) -> Result<(), Failure> {
    let device = |path: &Path| std::fs::metadata(path).map(|found| found.dev()).ok();
    let above = at.parent().and_then(device);
    match device(at) {
        Some(own) if Some(own) != above => Ok(()),
        _ => Err(Failure::other(format!(
            "không thấy đĩa nào mang nhãn {label}; cắm đĩa FAT hoặc ext4 có nhãn đó rồi làm lại / \
             there is no medium labelled {label}; plug in one (FAT or ext4), then try again"
        ))),
    }
}

/// In Vietnamese and English, a line each.
fn told(written: &Written) -> String {
    let name = written.path.file_name().unwrap_or_default();
    let (name, kib) = (name.to_string_lossy(), written.bytes.div_ceil(1024));
    match &written.unsigned {
        None => format!(
            "Đã lập gói hỗ trợ {name}, {kib} KiB, máy đã ký.\n\
             The support bundle {name} is made, {kib} KiB, signed by this box."
        ),
        Some(why) => {
            let (vi, en) = why.split_once(" / ").unwrap_or((why, why));
            format!(
                "Đã lập gói hỗ trợ {name}, {kib} KiB, KHÔNG CÓ CHỮ KÝ: {vi}\n\
                 The support bundle {name} is made, {kib} KiB, UNSIGNED: {en}"
            )
        }
    }
}
