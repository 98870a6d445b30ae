//! One verb, one exit code.

mod agree;
mod backup;
mod console;
mod control;
pub mod demo;
pub mod evidence;
pub mod hub;
mod identity;
mod install;
mod machine;
mod maintenance;
mod operator;
mod progress;
mod provision;
mod raw;
pub mod relay;
mod restore;
pub mod run;
mod settings;
mod signer;
mod status;
mod support;
mod trace;
mod update;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::durable::Disk;
use run::Failure;

/// Máy chủ bảo mật và Trục liên thông văn bản / security server and hub of the document exchange.
#[derive(Debug, Parser)]
#[command(name = "trucgate", version, about, disable_help_subcommand = true)]
pub struct Arguments {
    #[command(flatten)]
    whom: operator::Whom,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Đường dữ liệu của máy chủ bảo mật / a box's data path
    Relay(Configured),
    /// Một mình với thiết bị HSM / alone with the token
    Signer(Configured),
    /// Trục liên thông / the exchange itself
    Hub(hub::Arguments),
    /// Việc trên bàn: token, khoá, chứng thư / bench work: tokens, keys, certificates
    #[command(subcommand)]
    Provision(provision::Verb),
    /// Cài đặt của thiết bị: tên, mạng, đồng hồ, cửa / an appliance's settings: name, network, clocks, doors
    Settings(settings::Arguments),
    /// Hỏi máy đang chạy: mọi thứ có ổn không / asks a running box or hub how all stands
    Status(status::Arguments),
    /// Văn bản đang ở đâu, chờ gì, cần làm gì / where a document is, what it waits for, what to do
    Trace(trace::Arguments),
    /// Màn hình điều khiển của máy, thay cho đăng nhập / the machine's own screen, instead of a login
    Console(console::Arguments),
    /// Cập nhật thiết bị bằng gói đã ký / an appliance's next version, from a signed bundle
    #[command(subcommand)]
    Update(update::Verb),
    /// Phiên bảo trì có giấy phép ở bàn điều khiển / a permitted maintenance session at the console
    #[command(subcommand)]
    Maintenance(maintenance::Verb),
    /// Ghi thiết bị lên một ổ đĩa, từ đĩa cài đặt / writes the appliance onto a disk, from the installer's medium
    Install(install::Arguments),
    /// Việc không hoàn lại được: hai người cùng đồng ý / what can't be undone: two persons agree
    #[command(subcommand)]
    Agree(agree::Verb),
    /// Sao lưu máy đang chạy, mã hoá cho cơ quan / backs a running box up, encrypted for the agency
    Backup(backup::Arguments),
    /// Gói hỗ trợ: tình trạng máy cho người giúp, không có bí mật, có chữ ký / a support bundle: how the machine stands, without
    /// secrets, signed
    Support(support::Arguments),
    /// Khôi phục một bản sao lưu lên máy mới / puts a backup in place on a new box
    Restore(restore::Arguments),
    /// Chứng cứ: xuất và kiểm tra, không cần mạng / proofs, offline
    #[command(subcommand)]
    Evidence(Evidence),
    /// Toàn bộ Trục liên thông trên máy này / the whole exchange on this machine
    Demo(demo::Arguments),
}

#[derive(Debug, Subcommand)]
enum Evidence {
    /// Kiểm tra một chứng cứ / verifies a proof
    Verify(Box<evidence::VerifyArgs>),
    /// Xuất chứng cứ cho người ngoài kiểm tra / unpacks a proof for strangers
    Export(evidence::ExportArgs),
}

/// A process with a configuration file.
#[derive(Debug, clap::Args)]
struct Configured {
    /// Tệp cấu hình / configuration file
    #[arg(long)]
    config: PathBuf,
}

/// Runs what the command line asks for.
#[must_use]
pub fn main(arguments: Arguments) -> ExitCode {
    let whom = arguments.whom;
    let asks = match &arguments.verb {
        Verb::Status(_)
        | Verb::Trace(_)
        | Verb::Agree(_)
        | Verb::Console(_)
        | Verb::Support(_)
        | Verb::Maintenance(_) => true,
        Verb::Provision(verb) => verb.asks(),
        _ => false,
    };
    if whom.is_given() && !asks {
        return Failure::configuration(
            "--box, --operator và --socket chỉ dùng cho lệnh hỏi máy đang chạy / are for questions to a running process only",
        )
        .told();
    }
    let done = match arguments.verb {
        Verb::Relay(at) => run::daemon("trucgate-relay", || relay::run(&at.config)),
        Verb::Signer(at) => run::daemon("trucgate-signer", || signer::run(&at.config)),
        Verb::Hub(arguments) => hub::run(arguments),
        Verb::Provision(verb) => provision::run(&whom, verb),
        Verb::Settings(arguments) => settings::run(&arguments),
        Verb::Status(arguments) => return status::run(&whom, &arguments),
        Verb::Trace(arguments) => return trace::run(&whom, &arguments),
        Verb::Console(arguments) => console::run(&whom, &arguments),
        Verb::Update(verb) => update::run(verb),
        Verb::Maintenance(verb) => maintenance::run(&whom, verb),
        Verb::Install(arguments) => install::run(&arguments),
        Verb::Agree(verb) => return agree::run(&whom, verb),
        Verb::Backup(arguments) => backup::run(arguments),
        Verb::Support(arguments) => support::run(&whom, arguments),
        Verb::Restore(arguments) => restore::run(&arguments),
        Verb::Evidence(evidence) => return proofs(&evidence),
        Verb::Demo(arguments) => demo::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.told(),
    }
}

fn proofs(verb: &Evidence) -> ExitCode {
    let mut out = std::io::stdout();
    ExitCode::from(match verb {
        Evidence::Verify(arguments) => evidence::verify(arguments, &mut out),
        Evidence::Export(arguments) => evidence::export(arguments, &Disk::real(), &mut out),
    })
}
