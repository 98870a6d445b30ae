//! `trucgate provision delete-key`: destroys a key pair that two operators have agreed to destroy.

use std::path::PathBuf;

use hsm::{KeyName, Pin, TokenName, Workbench};

use super::super::operator::Whom;
use super::super::run::Failure;
use crate::control::agreed::{Action, Proposal};
use crate::control::{Answer, Ask};
use crate::packet::PacketId;

#[derive(Debug, clap::Args)]
pub(in crate::cmd) struct Arguments {
    /// Mô-đun PKCS#11 / PKCS#11 module
    #[arg(long)]
    module: PathBuf,
    /// Nhãn của token / label of the token
    #[arg(long)]
    label: String,
    /// Tệp chứa PIN của người dùng / file with the user's PIN
    #[arg(long)]
    pin: PathBuf,
    /// Mã đề nghị đã được duyệt / id of the agreed proposal
    #[arg(long)]
    agreement: PacketId,
}

pub(super) fn run(whom: &Whom, arguments: &Arguments) -> Result<(), Failure> {
    let pin = Pin::read(&arguments.pin).map_err(Failure::other)?;
    let mut bench = Workbench::open(&arguments.module).map_err(Failure::other)?;
    let token = TokenName::Label(arguments.label.clone());
    bench.login(&token, &pin).map_err(Failure::other)?;
    // Taken last, since it is given once.
    let agreement = match whom.ask(&Ask::Claim(arguments.agreement)) {
        Ok(Answer::Claimed(agreement)) => agreement,
        Ok(Answer::Refused(text)) => return Err(Failure::other(text)),
        Ok(other) => return Err(Failure::other(format!("{other:?}"))),
        Err(reason) => return Err(Failure::other(reason)),
    };
    let Some(Proposal {
        action: Action::DeleteKey(key),
        ..
    }) = Proposal::parse(&agreement.proposal.text)
    else {
        return Err(Failure::other(
            "thoả thuận này không phải để huỷ khoá / this agreement is not about a key",
        ));
    };
    let name = KeyName::Label(key.clone());
    if bench.halves(&name).map_err(Failure::other)? == (0, 0) {
        return Err(Failure::other(format!(
            "token không có khoá {key} / the token has no key {key}"
        )));
    }
    bench.destroy(&name).map_err(Failure::other)?;
    println!(
        "Đã huỷ khoá {key}; {} đề nghị, {} duyệt. / Key {key} is destroyed.",
        agreement.proposed_by, agreement.approved_by
    );
    Ok(())
}
