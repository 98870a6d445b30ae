//! `trucgate provision ca`: the officer's side, with a TEST CA.

use std::path::{Path, PathBuf};

use super::{lock, serve};
use crate::clock::{Chance, Clock, rfc3339};
use crate::cmd::run::Failure;
use crate::durable::Disk;
use crate::provision::ca::{Ca, Index, Layout, Settings, UseName, Which};
use crate::trust::issue::Reason;

#[derive(Debug, clap::Subcommand)]
pub(in crate::cmd) enum Verb {
    /// Lập CA thử nghiệm: token, khoá, gốc, hai CA trung gian, CRL / makes the TEST CA
    Init(Init),
    /// Cấp chứng thư theo yêu cầu / issues certificates from requests
    Issue(Issue),
    /// Thu hồi một chứng thư / revokes a certificate and renews the lists
    Revoke(Revoke),
    /// Làm mới danh sách thu hồi / makes the revocation lists anew
    RenewCrl(RenewCrl),
    /// Máy trả lời OCSP, kèm CRL / the OCSP responder, with the revocation lists beside it
    Ocsp(serve::Ocsp),
    /// Máy cấp dấu thời gian / the time-stamp authority
    Tsa(serve::Tsa),
    /// Chứng thư đã cấp / every certificate issued
    List(At),
}

#[derive(Debug, clap::Args)]
pub(in crate::cmd) struct At {
    /// Thư mục của CA / directory of the CA
    #[arg(long)]
    dir: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(in crate::cmd) struct Init {
    #[command(flatten)]
    at: At,
    /// Mô-đun PKCS#11 / PKCS#11 module
    #[arg(long, default_value = super::SOFT_TOKEN)]
    module: PathBuf,
    /// Nhãn của token / label of the CA's token
    #[arg(long, default_value = "trucgate-test-ca")]
    label: String,
    /// URL của thư mục CRL, ghi vào chứng thư / URL below which the lists are found
    #[arg(long)]
    list_url: Option<String>,
    /// URL của máy trả lời OCSP, ghi vào chứng thư / URL of the OCSP responder
    #[arg(long)]
    ocsp_url: Option<String>,
    /// Số ngày CRL có hiệu lực / days for which a list is good
    #[arg(long, default_value_t = 7)]
    list_days: u16,
}

#[derive(Debug, clap::Args)]
pub(in crate::cmd) struct Issue {
    #[command(flatten)]
    at: At,
    /// Chỉ chấp nhận loại này (tls, seal) / refuse requests of another kind
    #[arg(long)]
    profile: Option<UseName>,
    /// Số ngày có hiệu lực / days of validity
    #[arg(long, default_value_t = 365)]
    days: u16,
    /// Thư mục ghi chứng thư, mặc định cạnh yêu cầu / where certificates go; beside the request unless said
    #[arg(long)]
    out: Option<PathBuf>,
    /// Các tệp yêu cầu (PKCS#10) / request files
    #[arg(required = true)]
    requests: Vec<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(in crate::cmd) struct Revoke {
    #[command(flatten)]
    at: At,
    /// Số sê-ri (hex) / serial number
    #[arg(long)]
    serial: String,
    /// Lý do (RFC 5280): keyCompromise, superseded, … / reason
    #[arg(long, default_value = "superseded")]
    reason: Reason,
}

#[derive(Debug, clap::Args)]
pub(in crate::cmd) struct RenewCrl {
    #[command(flatten)]
    at: At,
    /// Số ngày có hiệu lực / days for which the lists are good
    #[arg(long)]
    days: Option<u16>,
}

pub(super) fn run(verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Init(arguments) => init(arguments),
        Verb::Issue(arguments) => issue(&arguments),
        Verb::Revoke(arguments) => {
            let (ca, _alone) = open(&arguments.at.dir)?;
            ca.revoke(&arguments.serial, arguments.reason)
                .map_err(Failure::other)?;
            println!(
                "Đã thu hồi {} ({}); CRL đã làm mới. / {} is revoked, the lists are renewed.",
                arguments.serial, arguments.reason, arguments.serial
            );
            Ok(())
        }
        Verb::RenewCrl(arguments) => {
            let (ca, _alone) = open(&arguments.at.dir)?;
            ca.renew_lists(arguments.days.unwrap_or(ca.settings.list_days))
                .map_err(Failure::other)?;
            println!("CRL đã làm mới. / The revocation lists are renewed.");
            Ok(())
        }
        Verb::Ocsp(arguments) => serve::ocsp(&arguments),
        Verb::Tsa(arguments) => serve::tsa(&arguments),
        Verb::List(at) => {
            let index = Index::read(&Layout::at(&at.dir)).map_err(Failure::other)?;
            for line in index.lines() {
                println!("{}", line.text());
            }
            Ok(())
        }
    }
}

fn init(arguments: Init) -> Result<(), Failure> {
    let disk = Disk::real();
    disk.make_dir(&arguments.at.dir).map_err(Failure::other)?;
    let _alone = lock(&arguments.at.dir)?;
    let settings = Settings {
        module: arguments.module,
        token_label: arguments.label,
        list_url: arguments.list_url,
        ocsp_url: arguments.ocsp_url,
        list_days: arguments.list_days,
    };
    let layout = Layout::at(&arguments.at.dir);
    let ca = Ca::init(layout, settings, disk, Clock::system(), Chance::system())
        .map_err(Failure::other)?;
    println!(
        "CA THỬ NGHIỆM, không phải CA Chính phủ, ở {} / a TEST CA, not the real one\n",
        ca.layout.directory().display()
    );
    for which in Which::ALL {
        println!(
            "  {:<60} {}",
            which.name(),
            ca.layout.certificate(which).display()
        );
    }
    println!(
        "\nTiếp theo, khi có yêu cầu / next, when there are requests:\n  trucgate provision ca issue --dir {} FILE.csr",
        ca.layout.directory().display()
    );
    Ok(())
}

fn issue(arguments: &Issue) -> Result<(), Failure> {
    let (ca, _alone) = open(&arguments.at.dir)?;
    let mut refused = Vec::new();
    for request in &arguments.requests {
        let above = request
            .parent()
            .filter(|above| !above.as_os_str().is_empty());
        let beside = above.unwrap_or(Path::new("."));
        let out = arguments.out.as_deref().unwrap_or(beside);
        match ca.issue(request, arguments.profile, arguments.days, out) {
            Ok(issued) => println!(
                "{} {} {} -> {} (đến / until {}){}",
                issued.line.usage,
                issued.line.code,
                issued.line.serial,
                issued.file.display(),
                rfc3339(issued.line.not_after),
                if issued.again {
                    " đã cấp trước đó / issued before"
                } else {
                    ""
                }
            ),
            Err(reason) => refused.push(reason),
        }
    }
    if refused.is_empty() {
        Ok(())
    } else {
        Err(Failure::other(refused.join("\n")))
    }
}

fn open(directory: &Path) -> Result<(Ca, std::fs::File), Failure> {
    let layout = Layout::at(directory);
    Settings::read(&layout).map_err(Failure::other)?;
    let alone = lock(directory)?;
    let ca = Ca::open(layout, Disk::real(), Clock::system(), Chance::system())
        .map_err(Failure::other)?;
    Ok((ca, alone))
}
