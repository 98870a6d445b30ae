//! `trucgate provision`: bench work.

mod ca;
mod delete_key;
mod drill;
mod enrol;
mod medium;
mod probe;
mod renew;
mod self_test;
mod serve;
mod steps;

use std::fs::File;
use std::path::{Path, PathBuf};

use super::operator::Whom;
use super::run::{self, Failure};
use crate::provision::token::{self, Kind, Wanted};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Ghi kế hoạch: máy nào, đơn vị nào / writes the plan of a box
    Plan(Box<steps::MakePlan>),
    /// Danh sách việc: xong gì, tiếp theo là gì / the checklist
    Status(steps::Status),
    /// Tìm hoặc khởi tạo token, đặt hai PIN / finds or initialises the token
    InitToken(steps::InitToken),
    /// Cất PIN bằng systemd-creds / seals the PIN as a systemd credential
    Pin(steps::SealPin),
    /// Tạo cặp khoá trong token / makes the key pairs
    Keys(steps::At),
    /// Ghi yêu cầu cấp chứng thư / writes the certificate requests
    Request(steps::At),
    /// Nhập chứng thư được cấp / imports issued certificates
    Import(steps::Import),
    /// Ghi tệp cấu hình / writes the configuration files
    Configure(steps::At),
    /// Đăng ký với Trục / enrols at the hub
    Enrol(enrol::Enrol),
    /// Gửi cho chính mình một văn bản qua Trục / a document to itself and back
    SelfTest(steps::At),
    /// Niêm: không hoàn lại được nữa / closes the box to changes
    Close(steps::Close),
    /// Hoàn lại bước cuối / undoes the last step
    Undo(steps::Undo),
    /// Đi hết danh sách việc theo một đĩa, cho máy không có dòng lệnh / walks the checklist by a medium, where there is no shell
    Medium(medium::Medium),
    /// Chuẩn bị token và cặp khoá, in khoá công khai (JSON) / prepares a token and its keys
    Token(Token),
    /// Thăm dò một token chưa biết, in hồ sơ cho signer.toml / inspects an unknown token and prints its profile
    Probe(probe::Probe),
    /// CA thử nghiệm: phía cán bộ cấp chứng thư / a TEST CA: the officer's side
    #[command(subcommand)]
    Ca(ca::Verb),
    /// Huỷ một cặp khoá đã được hai người thoả thuận / destroys a key pair that two persons agreed to destroy
    DeleteKey(delete_key::Arguments),
    /// Thay khoá và chứng thư mà không dừng / a new key and certificate without an outage
    Renew(renew::Arguments),
    /// Diễn tập: những tháng tới sẽ ra sao / what the coming months bring, if nothing is renewed
    Drill(drill::Arguments),
}

impl Verb {
    /// Whether it asks a running process.
    pub(super) fn asks(&self) -> bool {
        matches!(self, Self::DeleteKey(_) | Self::Renew(_) | Self::Drill(_))
    }
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

/// Where Debian puts SoftHSM2.
const SOFT_TOKEN: &str = "/usr/lib/softhsm/libsofthsm2.so";

pub(super) fn run(whom: &Whom, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Plan(arguments) => steps::plan(*arguments),
        Verb::Status(arguments) => steps::status(&arguments),
        Verb::InitToken(arguments) => steps::init_token(&arguments),
        Verb::Pin(arguments) => steps::pin(&arguments),
        Verb::Keys(at) => steps::keys(&at),
        Verb::Request(at) => steps::request(&at),
        Verb::Import(arguments) => steps::import(&arguments),
        Verb::Configure(at) => steps::configure(&at),
        Verb::Enrol(arguments) => enrol::run(arguments),
        Verb::SelfTest(at) => self_test::run(&at),
        Verb::Close(arguments) => steps::close(&arguments),
        Verb::Undo(arguments) => steps::undo(&arguments),
        Verb::Medium(arguments) => medium::run(&arguments),
        Verb::Token(token) => prepare(token),
        Verb::Probe(wanted) => probe::run(wanted),
        Verb::Ca(verb) => ca::run(verb),
        Verb::DeleteKey(arguments) => delete_key::run(whom, &arguments),
        Verb::Renew(arguments) => renew::run(whom, &arguments),
        Verb::Drill(arguments) => drill::run(whom, &arguments),
    }
}

/// One command at a time works in a directory; the lock ends with the process.
fn lock(directory: &Path) -> Result<File, Failure> {
    let taken = "một lệnh khác đang chạy ở đây, hãy chờ / another command works here, wait for it";
    run::lock(&directory.join(".lock"), taken)
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
