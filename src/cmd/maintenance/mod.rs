//! `trucgate maintenance`: the one way to a shell on an appliance. An operator signs a permit at their desk; at the
//! machine's console it opens a session that ends by itself and stands in the journal from its first line to its last.

mod session;

use std::path::{Path, PathBuf};

use super::operator::{OperatorFile, Whom};
use super::run::Failure;
use crate::clock::{Chance, Clock, rfc3339};
use crate::config::{self, RelayConfig};
use crate::control::agreed::Signed;
use crate::control::key::Key;
use crate::control::permit::Permit;
use crate::durable::Disk;
use crate::journal::{self, ids};
use crate::packet::PacketId;
use crate::signer::wire::Bytes;

/// The permit's name on its medium.
const FILE: &str = "maintenance.permit";
/// A session on a box that has no operators yet.
const UNPROVISIONED_MINUTES: u16 = 60;

/// Phiên bảo trì / a maintenance session.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Người vận hành ký giấy phép, chép lên đĩa nhãn TRUC-MNT / an operator signs a permit, for a medium labelled TRUC-MNT
    Permit {
        /// Mã của máy / the machine's code
        #[arg(long, value_name = "CODE")]
        at: String,
        /// Việc gì / what for
        #[arg(long)]
        reason: String,
        /// Phiên dài nhất bao nhiêu phút / minutes that a session may last
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=i64::from(Permit::MINUTES)))]
        minutes: u16,
        /// Giấy phép dùng được trong bao nhiêu giờ / hours within which it may begin
        #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u16).range(1..=168))]
        hours: u16,
        /// Thư mục ghi ra / directory to write it to
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Mở phiên ở bàn điều khiển này / opens a session at this console
    Session(Session),
}

/// Where a session finds what.
#[derive(Debug, clap::Args)]
pub(super) struct Session {
    /// Thư mục có giấy phép / directory with the permit
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// Tên đường dây, ghi vào nhật ký / name of the line, for the journal
    #[arg(long, value_name = "NAME")]
    line: String,
    /// Cấu hình của máy / the relay's configuration
    #[arg(long, default_value = "/etc/trucgate/relay.toml")]
    config: PathBuf,
    /// Giấy phép đã dùng / permits that were used
    #[arg(
        long,
        value_name = "DIR",
        default_value = "/var/lib/trucgate-maintenance"
    )]
    used: PathBuf,
    /// Lệnh mở vỏ lệnh, các tham số cách nhau bằng dấu cách / the shell, with arguments between spaces
    #[arg(
        long,
        value_name = "COMMAND",
        default_value = "/usr/bin/setsid --ctty --wait /bin/sh -i"
    )]
    shell: String,
}

pub(super) fn run(whom: &Whom, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Permit {
            at,
            reason,
            minutes,
            hours,
            out,
        } => permit(whom, at, reason, (minutes, hours), &out),
        Verb::Session(arguments) => {
            let _journal = journal::init("trucgate-maintenance");
            let done = opened(&arguments);
            if let Err(failure) = &done {
                // To who stands there; the journal is elsewhere.
                println!("\r\n{}\r", failure.reason().replace('\n', "\r\n"));
                journal::line(&ids::MAINTENANCE_REFUSED)
                    .peer(&arguments.line)
                    .reason(failure.reason())
                    .next("look at who stands at the console; an operator signs a permit with `trucgate maintenance permit`")
                    .say("no maintenance session was opened");
            }
            done
        }
    }
}

fn permit(
    whom: &Whom,
    at: String,
    reason: String,
    (minutes, hours): (u16, u16),
    out: &Path,
) -> Result<(), Failure> {
    let file: OperatorFile = whom.file().map_err(Failure::configuration)?;
    let chain = file.chain().map_err(Failure::configuration)?;
    let key = Key::open(&file.key).map_err(Failure::configuration)?;
    let time = Clock::system().now();
    // Whole seconds are what the text holds.
    let time = time.replace_nanosecond(0).unwrap_or(time);
    let permit = Permit {
        id: PacketId::new(time, &Chance::system()),
        at,
        until: time + time::Duration::hours(i64::from(hours)),
        minutes,
        reason,
        by: file.name,
        time,
    };
    let text = permit.encode();
    if Permit::parse(&text).is_none() {
        return Err(Failure::configuration(
            "lý do và mã máy viết trên một dòng, không để trống / reason and code are one line each, and not empty",
        ));
    }
    let cms = key
        .cms(&chain, text.as_bytes(), time)
        .map_err(Failure::other)?;
    let signed = Signed {
        text: text.clone(),
        cms: Bytes(cms),
    };
    let path = out.join(FILE);
    let json = serde_json::to_vec_pretty(&signed).map_err(Failure::other)?;
    Disk::real()
        .replace(&path, &json)
        .map_err(|error| Failure::other(format!("{}: {error}", path.display())))?;
    println!(
        "{text}\nChép lên đĩa nhãn TRUC-MNT, cắm vào máy rồi chọn Bảo trì ở bàn điều khiển.\nOn a medium labelled TRUC-MNT it opens a session: choose Maintenance at the console.\n  {}",
        path.display()
    );
    Ok(())
}

fn opened(arguments: &Session) -> Result<(), Failure> {
    let clock = Clock::system();
    let (who, minutes, reason) = if arguments.config.exists() {
        let permit = judged(arguments, &clock)?;
        (permit.by, permit.minutes, permit.reason)
    } else {
        // There is nothing yet that it could open.
        let words = "the machine is not provisioned and knows no operator".to_owned();
        ("-".to_owned(), UNPROVISIONED_MINUTES, words)
    };
    let until = clock.now() + time::Duration::minutes(i64::from(minutes));
    journal::line(&ids::MAINTENANCE_OPENED)
        .peer(format_args!("{}, {who}", arguments.line))
        .reason(&reason)
        .next(format_args!("it ends by itself at {}", rfc3339(until)))
        .say("a maintenance session has begun: every line of it follows");
    println!(
        "\r\nPHIÊN BẢO TRÌ, {minutes} phút; mọi dòng được ghi vào nhật ký. Gõ exit để kết thúc.\r\nMAINTENANCE SESSION, {minutes} minutes; every line is journalled. It ends with exit.\r\n"
    );
    let patience = std::time::Duration::from_secs(u64::from(minutes) * 60);
    let ended = session::run(&arguments.shell, patience).map_err(Failure::other)?;
    journal::line(&ids::MAINTENANCE_CLOSED)
        .peer(format_args!("{}, {who}", arguments.line))
        .reason(ended.reason())
        .count(ended.lines)
        .say("the maintenance session is over");
    println!("\r\nPhiên bảo trì đã kết thúc / the maintenance session is over\r\n");
    Ok(())
}

fn judged(arguments: &Session, clock: &Clock) -> Result<Permit, Failure> {
    let config: RelayConfig = config::load(&arguments.config).map_err(Failure::configuration)?;
    let path = arguments.from.join(FILE);
    let told = |error: &dyn std::fmt::Display| {
        Failure::other(format!(
            "{}: {error}\nCần giấy phép do người vận hành ký, trên đĩa nhãn TRUC-MNT / a permit that an operator has signed is needed, on a medium labelled TRUC-MNT",
            path.display()
        ))
    };
    let json = std::fs::read(&path).map_err(|error| told(&error))?;
    let signed: Signed = serde_json::from_slice(&json).map_err(|error| told(&error))?;
    let trust = config.trust.load().map_err(Failure::configuration)?;
    let operators = &config.control.operators;
    let at = config.own.code.to_string();
    let permit = Permit::judge(&signed, &at, (&trust, operators), clock.now())
        .map_err(|refused| told(&refused))?;
    permit
        .use_up(&Disk::real(), &arguments.used)
        .map_err(|refused| told(&refused))?;
    Ok(permit)
}
