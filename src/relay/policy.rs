//! Who may send what to whom: pure decisions over the directory.

use std::sync::Arc;

use crate::packet::{Envelope, Kind, MemberId};
use crate::trust::directory::{Directory, Member, State};
use crate::vxp::{ErrorCode, MessageType, Refusal, SendParams, System};

/// Sender and recipients as the directory writes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parties {
    pub(super) from: MemberId,
    pub(super) to: Vec<MemberId>,
}

/// Most recipients of one packet.
const MOST_RECIPIENTS: usize = 1_000;

/// This software speaks for this member; From is that member; every To is in the directory.
pub(super) fn permit(
    directory: &Directory,
    ours: impl Fn(&MemberId) -> bool,
    system: &System,
    params: &SendParams,
    envelope: &Envelope,
) -> Result<Parties, Refusal> {
    let from = sender(directory, &envelope.from)?;
    if let Some(claimed) = &params.from
        && sender(directory, claimed)?.code != from.code
    {
        return Err(Refusal::new(
            ErrorCode::SenderNotRegistered,
            format!(
                "Tham số from ({claimed}) khác với OrganId của From trong gói tin ({}); sửa cho hai mã giống nhau rồi gửi lại.",
                envelope.from
            ),
        ));
    }
    if !speaks_for(directory, system, &from.code) {
        return Err(Refusal::new(
            ErrorCode::SenderNotRegistered,
            format!(
                "Phần mềm này không được gửi thay cho đơn vị {}; kiểm tra From/OrganId hoặc khai báo phần mềm tại máy chủ bảo mật.",
                from.code
            ),
        ));
    }
    if !ours(&from.code) {
        return Err(Refusal::new(
            ErrorCode::SenderNotRegistered,
            format!(
                "Đơn vị {} không thuộc máy chủ bảo mật này; liên hệ quản trị.",
                from.code
            ),
        ));
    }
    if from.state == State::Closed {
        return Err(closed(ErrorCode::SenderNotRegistered, &from));
    }
    kind_fits(params.message_type, envelope)?;
    let wanted = params
        .to
        .as_ref()
        .filter(|to| !to.is_empty())
        .unwrap_or(&envelope.to);
    if wanted.len() > MOST_RECIPIENTS {
        return Err(Refusal::new(
            ErrorCode::NotProcessed,
            format!(
                "Gói tin có {} nơi nhận, nhiều nhất là {MOST_RECIPIENTS}; chia thành nhiều lần gửi.",
                wanted.len()
            ),
        ));
    }
    let mut to: Vec<MemberId> = Vec::with_capacity(wanted.len());
    for code in wanted {
        let member = recipient(directory, code)?;
        if !to.contains(&member.code) {
            to.push(member.code.clone());
        }
    }
    Ok(Parties {
        from: from.code.clone(),
        to,
    })
}

/// Whether a software speaks for a member, whatever generation of codes either is written in.
pub(super) fn speaks_for(directory: &Directory, system: &System, code: &MemberId) -> bool {
    members_of(directory, system).contains(code)
}

/// The members that a software speaks for, as the directory writes them.
pub(super) fn members_of(directory: &Directory, system: &System) -> Vec<MemberId> {
    system
        .members()
        .filter_map(|code| directory.find(code).map(|member| member.code.clone()))
        .collect()
}

fn sender(directory: &Directory, code: &MemberId) -> Result<Arc<Member>, Refusal> {
    directory.find(code).ok_or_else(|| {
        Refusal::new(
            ErrorCode::SenderNotRegistered,
            format!(
                "Mã đơn vị gửi {code} chưa đăng ký trên Trục liên thông; kiểm tra From/OrganId."
            ),
        )
    })
}

fn recipient(directory: &Directory, code: &MemberId) -> Result<Arc<Member>, Refusal> {
    let unknown = || {
        Refusal::new(
            ErrorCode::ReceiverUnknown,
            format!(
                "Mã đơn vị nhận {code} không có trong danh bạ của Trục liên thông; kiểm tra To/OrganId hoặc cập nhật danh bạ."
            ),
        )
    };
    let member = directory.find(code).ok_or_else(unknown)?;
    match member.state {
        State::Closed => Err(closed(ErrorCode::ReceiverLocked, &member)),
        State::Active => Ok(member),
    }
}

fn closed(code: ErrorCode, member: &Member) -> Refusal {
    let successor = member.successor.as_ref().map_or_else(
        || "không có đơn vị kế thừa được khai báo".to_owned(),
        |successor| format!("gửi đến đơn vị kế thừa {successor}"),
    );
    Refusal::new(
        code,
        format!("Mã {} ({}) đã đóng; {successor}.", member.code, member.name),
    )
}

fn kind_fits(message_type: MessageType, envelope: &Envelope) -> Result<(), Refusal> {
    let is_status = envelope.kind == Kind::Status;
    if is_status == (message_type == MessageType::Status) {
        return Ok(());
    }
    let (is, declared) = if is_status {
        ("gói tin trạng thái", "edoc")
    } else {
        ("văn bản", "status")
    };
    Err(Refusal::new(
        ErrorCode::FileInvalid,
        format!("Nội dung là {is} nhưng messagetype là {declared}; sửa messagetype rồi gửi lại."),
    ))
}
