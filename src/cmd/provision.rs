//! `trucgate provision`: bench work.

use std::path::PathBuf;

use hsm::TokenName;

use super::run::Failure;
use crate::provision::probe;
use crate::provision::token::{self, Kind, Wanted};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Chuẩn bị token và cặp khoá, in khoá công khai (JSON) / prepares a token and its keys
    Token(Token),
    /// Thăm dò một token chưa biết, in hồ sơ cho signer.toml / inspects an unknown token and prints its profile
    Probe(Probe),
}

#[derive(Debug, clap::Args)]
pub(super) struct Token {
    /// Mô-đun PKCS#11 / PKCS#11 module
    #[arg(long)]
    module: PathBuf,
    /// Nhãn của token / label of the token
    #[arg(long)]
    label: String,
    /// Tệp chứa PIN của người quản trị token / file with the security officer's PIN
    #[arg(long)]
    so_pin: PathBuf,
    /// Tệp chứa PIN của người dùng / file with the user's PIN
    #[arg(long)]
    pin: PathBuf,
    /// NHÃN=LOẠI, loại là rsa-2048, rsa-3072 hoặc p-256 / LABEL=KIND
    #[arg(long = "key", value_parser = key)]
    keys: Vec<(String, Kind)>,
}

/// Tạo khoá thử trong token rồi xoá đi; với token mềm, dừng signer trước / makes test keys in the token and removes
/// them; a soft token's signer is to be stopped before
#[derive(Debug, clap::Args)]
pub(super) struct Probe {
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

pub(super) fn run(verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Token(token) => prepare(token),
        Verb::Probe(wanted) => inspect(wanted),
    }
}

fn inspect(wanted: Probe) -> Result<(), Failure> {
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

fn prepare(token: Token) -> Result<(), Failure> {
    let halves = token::prepare(&Wanted {
        module: token.module,
        label: token.label,
        so_pin: token.so_pin,
        pin: token.pin,
        keys: token.keys,
    })
    .map_err(Failure::other)?;
    let json = serde_json::to_string_pretty(&halves).map_err(Failure::other)?;
    println!("{json}");
    Ok(())
}

fn key(text: &str) -> Result<(String, Kind), String> {
    let (label, kind) = text
        .split_once('=')
        .ok_or_else(|| format!("{text:?} is not LABEL=KIND"))?;
    Ok((label.to_owned(), kind.parse()?))
}
