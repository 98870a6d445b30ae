//! `trucgate restore`: a backup put in place on a new box, which then starts behind its fence.

mod place;

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;

use super::backup::{alone, directory_of, say, signed_by};
use super::run::Failure;
use crate::backup::envelope::{self, ContentKey};
use crate::backup::{Checked, Contents, Kind, check, extract, inspect};
use crate::clock::{Chance, rfc3339};
use crate::config::{self, RelayConfig};
use crate::durable::{Disk, free_bytes};
use crate::journal::{self, ids};
use crate::packet::PacketId;
use crate::relay::{Fence, Restored, SCHEMAS};
use crate::{spool, store};

/// Name of the scratch directory in a state directory.
const SCRATCH: &str = "restoring";

/// Khôi phục / a restore.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Tệp sao lưu / the backup
    #[arg(long)]
    from: PathBuf,
    #[command(flatten)]
    opens: Opens,
    /// Cấu hình của máy mới / the new box's configuration
    #[arg(long, default_value = "/etc/trucgate/relay.toml")]
    config: PathBuf,
}

/// What opens it.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Opens {
    /// Khoá riêng của cơ quan, PKCS#8 PEM / the agency's private key
    #[arg(long)]
    key: Option<PathBuf>,
    /// 32 byte mà `openssl cms -decrypt` lấy ra ở máy giữ khoá / the 32 bytes that openssl took out where the key is
    #[arg(long)]
    content_key: Option<PathBuf>,
}

impl Opens {
    fn open(&self, checked: &Checked) -> Result<ContentKey, Failure> {
        let read = |path: &Path| {
            std::fs::read(path)
                .map_err(|error| Failure::other(format!("{}: {error}", path.display())))
        };
        if let Some(path) = &self.key {
            let pem = zeroize::Zeroizing::new(read(path)?);
            let pem = std::str::from_utf8(&pem).unwrap_or_default();
            return envelope::open(&checked.envelope, pem).map_err(Failure::other);
        }
        let path = self.content_key.as_deref().unwrap_or(Path::new(""));
        let bytes = zeroize::Zeroizing::new(read(path)?);
        let key = <[u8; 32]>::try_from(&bytes[..]).map_err(|_| {
            let what = format!("{} byte, cần 32 / bytes, 32 are needed", bytes.len());
            Failure::other(format!("{}: {what}", path.display()))
        })?;
        Ok(ContentKey::new(key))
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let _journal = journal::init("trucgate-restore");
    let config: RelayConfig = config::load(&arguments.config).map_err(Failure::configuration)?;
    let (state, disk) = (&config.own.state, Disk::real());
    disk.make_dir(state).map_err(Failure::other)?;
    let _alone = alone(state)?;
    stopped(&config)?;
    let checked = check(&arguments.from).map_err(Failure::other)?;
    fits(&config, &checked)?;
    let member = signed_by(&config, &checked, None).map_err(Failure::other)?;
    let (header, made) = (&checked.header, rfc3339(checked.header.made));
    say(&format!(
        "Bản sao lưu {} của {} lúc {made}, do khoá con dấu của {member} ký / backup {} of {} at {made}, signed by the seal key of {member}",
        header.id, header.own, header.id, header.own
    ));
    if !is_empty(&config)? {
        return already(&config, &checked);
    }
    let scratch = state.join(SCRATCH);
    let tidy = || disk.remove_tree(&scratch).map_err(Failure::other);
    tidy()?;
    let key = arguments.opens.open(&checked)?;
    let contents = extracted(&config, arguments, &checked, &key, &scratch);
    let contents = match contents {
        Ok(contents) => contents,
        Err(failure) => {
            tidy()?;
            return Err(failure);
        }
    };
    let (now, chance) = (config.test.clock().now(), Chance::system());
    let fresh = || PacketId::new(now, &chance);
    let members = config.relay.members.iter();
    let restored = Restored {
        backup: header.id,
        made: header.made,
        restored: now,
        id: fresh(),
        voids: members.map(|own| (own.code.clone(), fresh())).collect(),
        logs: header.logs.clone(),
    };
    let fence = Fence::raise(&disk, state, &restored).map_err(Failure::other)?;
    place::all(&config, &disk, &scratch, &fence)?;
    journal::line(&ids::BOX_RESTORED)
        .step("restore")
        .reason(format_args!("backup {} of {made}", header.id))
        .next("start the relay; trucgate status says what it waits for")
        .say("a backup was put in place; the box starts behind its fence");
    told(&contents);
    Ok(())
}

fn told(contents: &Contents) {
    for log in &contents.logs {
        say(&format!(
            "  {}: {} bản ghi / records, {} điểm / heads",
            log.log, log.records, log.heads
        ));
    }
    say(&format!(
        "  {} văn bản / bodies, {} byte\n\
         Xong. Máy khởi động sau hàng rào: không gửi, không nhận, không giao gì trước khi đối chiếu xong với Trục.\n\
         Done. The box starts behind its fence: nothing is sent, fetched or offered before it has come to terms with the hub.\n\
         Tiếp theo / next:\n  systemctl start trucgate-signer trucgate-relay\n  trucgate status",
        contents.bodies, contents.bytes
    ));
}

/// Nothing may be at work on what is replaced.
fn stopped(config: &RelayConfig) -> Result<(), Failure> {
    let socket = config.control.socket_in(&config.own.state);
    if UnixStream::connect(&socket).is_err() {
        return Ok(());
    }
    Err(Failure::other(
        "máy đang chạy; dừng trước đã / the relay runs, stop it first: systemctl stop trucgate-relay",
    ))
}

/// The same box with the same members, as the new one's own configuration has them.
fn fits(config: &RelayConfig, checked: &Checked) -> Result<(), Failure> {
    let header = &checked.header;
    if header.own != config.own.code {
        return Err(Failure::other(format!(
            "bản sao lưu của máy {}, cấu hình này của máy {} / the backup is of box {}, this configuration of {}",
            header.own, config.own.code, header.own, config.own.code
        )));
    }
    let missing = header.logs.iter().find(|log| {
        !config
            .relay
            .members
            .iter()
            .any(|own| own.code == log.member)
    });
    match missing {
        None => Ok(()),
        Some(log) => Err(Failure::other(format!(
            "cấu hình máy mới thiếu đơn vị {}; thêm vào kế hoạch, tạo khoá rồi làm lại / the new box's configuration lacks member {}: add it to the plan, make its keys, then try again",
            log.member, log.member
        ))),
    }
}

fn is_empty(config: &RelayConfig) -> Result<bool, Failure> {
    let file = Kind::Store.below(&config.own.state);
    if !file.exists() {
        return Ok(true);
    }
    // Opened as the relay opens it, so that what a power cut left beside it is tidied up.
    let opened = store::Store::open(&file, Disk::real(), SCHEMAS);
    let opened = opened.map_err(Failure::other)?;
    let empty = opened
        .read_blocking(spool::is_empty)
        .map_err(Failure::other);
    drop(opened);
    place::belongs(&config.own.state)?;
    empty
}

/// A box with a past is never overwritten; one that this very backup was put into is told so.
fn already(config: &RelayConfig, checked: &Checked) -> Result<(), Failure> {
    let fence = Fence::open(Disk::real(), &config.own.state).map_err(Failure::other)?;
    if fence.stands_for(checked.header.id) {
        // The power may have been cut just behind the last step.
        let scratch = config.own.state.join(SCRATCH);
        Disk::real().remove_tree(&scratch).map_err(Failure::other)?;
        say(
            "Bản này đã khôi phục xong trên máy này; khởi động máy. / It is in place on this box already: start it.",
        );
        return Ok(());
    }
    Err(Failure::other(format!(
        "máy này đã có dữ liệu ở {}; chỉ khôi phục lên máy trống / this box has data already: only an empty one is restored",
        config.own.state.display()
    )))
}

/// Everything in the scratch directory, verified as a rehearsal does it.
fn extracted(
    config: &RelayConfig,
    arguments: &Arguments,
    checked: &Checked,
    key: &ContentKey,
    scratch: &Path,
) -> Result<Contents, Failure> {
    let disk = Disk::real();
    disk.make_dir(scratch).map_err(Failure::other)?;
    let needed = std::fs::metadata(&arguments.from).map_or(0, |found| found.len());
    let free = free_bytes(scratch).map_err(Failure::other)?;
    if free < needed {
        return Err(Failure::other(format!(
            "ổ đĩa còn {free} byte, cần {needed} / {free} bytes are free, {needed} are needed"
        )));
    }
    extract(&arguments.from, checked, key, &disk, scratch).map_err(Failure::other)?;
    let directory = directory_of(config, scratch).map_err(Failure::other)?;
    signed_by(config, checked, Some(&directory)).map_err(Failure::other)?;
    let contents = inspect(scratch, SCHEMAS).map_err(Failure::other)?;
    for log in &checked.header.logs {
        let same = contents.logs.iter().any(|one| {
            one.log == log.member && one.size == log.size && HEXLOWER.encode(&one.root) == log.root
        });
        if !same {
            return Err(Failure::other(format!(
                "nhật ký của {} không khớp đầu bản sao lưu / the log of {} does not end as the header says",
                log.member, log.member
            )));
        }
    }
    Ok(contents)
}
