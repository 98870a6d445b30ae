//! `trucgate backup`: what a running box keeps, in a file that only the agency opens; and its rehearsal.

mod carry;
mod judge;
mod make;
mod rehearse;

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::run::{self, Failure};
use crate::config::{self, RelayConfig};
use crate::journal::{self, ids};
use crate::{backup, durable::Disk};

pub(super) use judge::{directory_of, signed_by};
pub(super) use make::ENDING;

/// Sao lưu / a backup.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct Arguments {
    #[command(flatten)]
    make: make::Make,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Thử khôi phục bản sao lưu gần nhất rồi kiểm tra tất cả / restores the last backup on trial and verifies all of it
    Rehearse(At),
    /// Chép bản mới nhất ra đĩa khác rồi đọc lại / copies the newest one to a medium and reads it back
    Carry(carry::Carry),
    /// Lấy phong bì CMS ra, để mở bằng khoá ở máy khác / takes the CMS envelope out, to open it where the key is
    Envelope {
        /// Tệp sao lưu / the backup
        file: PathBuf,
        /// Tệp DER ghi ra / DER file to write
        #[arg(long)]
        out: PathBuf,
    },
}

/// Which box.
#[derive(Debug, clap::Args)]
pub(super) struct At {
    /// Cấu hình của máy / the relay's configuration
    #[arg(long, default_value = "/etc/trucgate/relay.toml")]
    pub(super) config: PathBuf,
}

impl At {
    pub(super) fn load(&self) -> Result<RelayConfig, Failure> {
        config::load(&self.config).map_err(Failure::configuration)
    }
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let _journal = journal::init("trucgate-backup");
    match arguments.verb {
        None => make::run(&arguments.make).inspect_err(|failure| {
            journal::line(&ids::BACKUP_FAILED)
                .step("backup")
                .reason(failure.reason())
                .next("mend what the reason names, then make the backup again; the last one stays as it is")
                .say("no backup was made");
        }),
        Some(Verb::Rehearse(at)) => rehearse::run(&at),
        Some(Verb::Carry(arguments)) => carry::run(&arguments).inspect_err(|failure| {
            journal::line(&ids::BACKUP_NOT_CARRIED)
                .step("carry")
                .reason(failure.reason())
                .next("mend what the reason names, or take another medium, and plug it in again")
                .say("the newest backup did not come onto the medium");
        }),
        Some(Verb::Envelope { file, out }) => {
            let checked = backup::check(&file).map_err(Failure::other)?;
            let disk = Disk::real();
            let told = |error| Failure::other(format!("{}: {error}", out.display()));
            disk.replace(&out, &checked.envelope).map_err(told)?;
            say(&format!(
                "Mở ở máy giữ khoá / open it where the key is:\n  openssl cms -decrypt -inform DER -in {} -inkey KEY.pem -recip CERT.pem -out content.key",
                out.display()
            ));
            Ok(())
        }
    }
}

/// One command at a time; the lock ends with the process.
pub(super) fn alone(state: &Path) -> Result<File, Failure> {
    let path = state.join("backup.lock");
    let taken = "đang có lệnh sao lưu, thử hoặc khôi phục khác, hãy chờ / another backup, rehearsal or restore is at work, wait for it";
    let lock = run::lock(&path, taken)?;
    hand_over(&path, state)?;
    Ok(lock)
}

/// What root has written in a state directory belongs to the directory's owner.
pub(super) fn hand_over(path: &Path, state: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::{MetadataExt, chown};
    if !nix::unistd::geteuid().is_root() {
        return Ok(());
    }
    let told = |error| Failure::other(format!("{}: {error}", path.display()));
    let owner = std::fs::metadata(state).map_err(told)?;
    chown(path, Some(owner.uid()), Some(owner.gid())).map_err(told)
}

/// To people; who has closed the output wants to know nothing.
pub(super) fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}
