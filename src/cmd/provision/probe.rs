//! `trucgate provision probe`: what an unknown token can do, and the profile that it needs.

use std::path::PathBuf;

use hsm::TokenName;

use crate::cmd::run::Failure;
use crate::provision::probe;

/// Tạo khoá thử trong token rồi xoá đi; với token mềm, dừng signer trước / makes test keys in the token and removes
/// them; a soft token's signer is to be stopped before
#[derive(Debug, clap::Args)]
pub(in crate::cmd) struct Probe {
    /// Mô-đun PKCS#11 / PKCS#11 module
    #[arg(long)]
    module: PathBuf,
    /// Nhãn của token / label of the token
    #[arg(long, conflicts_with = "serial")]
    label: Option<String>,
    /// Số sê-ri của token / serial number of the token
    #[arg(long)]
    serial: Option<String>,
    /// Tệp chứa PIN của người dùng; PIN chỉ được thử một lần / file with the user's PIN, which is tried once
    #[arg(long)]
    pin_file: PathBuf,
    /// Không thử nhiều luồng cùng lúc / don't try several threads at once
    #[arg(long)]
    no_threads: bool,
}

pub(super) fn run(wanted: Probe) -> Result<(), Failure> {
    let token = wanted.label.map(TokenName::Label);
    let wanted = probe::Wanted {
        module: wanted.module,
        token: token.or(wanted.serial.map(TokenName::Serial)),
        pin: wanted.pin_file,
        threads: !wanted.no_threads,
    };
    let outcome = probe::probe(&wanted, &mut |finding| println!("{finding}"));
    let outcome = outcome.map_err(Failure::other)?;
    if !outcome.fit {
        return Err(Failure::other(
            "token này không dùng cho signer được, lý do ở trên / this token can't serve a signer, the reasons stand above",
        ));
    }
    println!("\n# Thêm vào cuối signer.toml / to be added at the end of signer.toml");
    print!("{}", outcome.toml());
    Ok(())
}
