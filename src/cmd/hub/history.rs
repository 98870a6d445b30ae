//! Who entered what into the register, and the proof of it.

use std::path::{Path, PathBuf};

use nix::unistd::{User, getuid};

use super::open_store;
use crate::clock::rfc3339;
use crate::cmd::run::{self, Failure};
use crate::config::HubConfig;
use crate::durable::Disk;
use crate::hub::admin::{self, Line};
use crate::packet::MemberId;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Chỉ các thay đổi của mã này / of this code alone
    #[arg(long)]
    code: Option<MemberId>,
    /// Số dòng nhiều nhất, mới nhất trước / lines at most, the newest first
    #[arg(long, default_value_t = 100)]
    most: u32,
    /// Dạng JSON / as JSON
    #[arg(long)]
    json: bool,
    /// Xuất nội dung và chứng cứ của thay đổi số N / writes the text and the proof of change N
    #[arg(long, value_name = "N", requires = "out")]
    proof: Option<u64>,
    /// Thư mục để ghi / directory to write them to
    #[arg(long, value_name = "DIRECTORY", requires = "proof")]
    out: Option<PathBuf>,
}

pub(super) fn run(config: &HubConfig, arguments: Arguments) -> Result<(), Failure> {
    let store = open_store(config, &Disk::real())?;
    let hub = config.own.code.clone();
    run::process(1, |_| async move {
        if let (Some(number), Some(out)) = (arguments.proof, &arguments.out) {
            let found = admin::proof(&store, &hub, number).await;
            let (line, text, bundle) = found.map_err(Failure::other)?;
            let bundle = bundle.map(|bundle| bundle.to_json());
            return export(out, &hub, &line, &text, bundle);
        }
        let lines = admin::history(&store, arguments.code, arguments.most).await;
        let lines = lines.map_err(Failure::other)?;
        if arguments.json {
            let text = serde_json::to_string_pretty(&lines).map_err(Failure::other)?;
            println!("{text}");
            return Ok(());
        }
        if lines.is_empty() {
            println!("Chưa có thay đổi nào được ghi. / Nothing was entered yet.");
        }
        for line in &lines {
            let recorded = if line.recorded {
                "đã vào chứng cứ / on record"
            } else {
                "chờ Trục ghi chứng cứ / not on record yet"
            };
            let (vi, en) = word(&line.kind);
            println!(
                "{:>6}  {}  {vi} / {en}: {}  {}  {}  {recorded}",
                line.number,
                rfc3339(line.at),
                line.count,
                line.by,
                line.digest
            );
        }
        Ok(())
    })
}

fn word(kind: &str) -> (&'static str, &'static str) {
    match kind {
        "applied" => ("tệp thay đổi", "file of changes"),
        "imported" => ("nhập từ bảng", "import"),
        "approved" => ("duyệt đăng ký", "enrolment"),
        _ => ("xoá đơn vị", "removal"),
    }
}

fn export(
    out: &Path,
    hub: &MemberId,
    line: &Line,
    text: &[u8],
    bundle: Option<Vec<u8>>,
) -> Result<(), Failure> {
    let disk = Disk::real();
    disk.make_dir(out).map_err(Failure::other)?;
    let change = out.join(format!("change-{}.json", line.number));
    disk.replace(&change, text).map_err(Failure::other)?;
    println!("nội dung / text: {}", change.display());
    let Some(bundle) = bundle else {
        return Err(Failure::other(
            "Trục chưa ký bản ghi chứng cứ này; chạy lại sau khi Trục phát hành danh bạ mới / \
             the hub has not signed this record yet: run this again when it has published its next directory",
        ));
    };
    let proof = out.join(format!("change-{}.proof.json", line.number));
    disk.replace(&proof, &bundle).map_err(Failure::other)?;
    println!("chứng cứ / proof: {}", proof.display());
    println!(
        "kiểm tra / to verify:\n  trucgate evidence verify --proof {} --document {} --member {hub} --anchors ROOT.pem",
        proof.display(),
        change.display()
    );
    Ok(())
}

/// Who runs this command at the hub's machine.
pub(super) fn operator() -> String {
    let uid = getuid();
    let name = User::from_uid(uid).ok().flatten().map(|user| user.name);
    let name = name.unwrap_or_else(|| uid.to_string());
    match std::env::var("SUDO_USER") {
        Ok(person) if person != name => format!("local: {name} (sudo: {person})"),
        _ => format!("local: {name}"),
    }
}
