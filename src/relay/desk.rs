//! What the door to the software asks of the walk: each question by an authenticated system, answered for its members only.

use std::sync::Arc;

use bytes::Bytes;

use super::outbound::{Arrived, accept, no_directory};
use super::{Error, Relay, deliver, policy};
use crate::packet::{Digest, DocId, Limits, MemberId, PacketId, Reader};
use crate::spool;
use crate::trust::directory::Directory;
use crate::vxp::{
    self, Agency, Document, ErrorCode, MessageType, NewAgency, ReceivedRow, Refusal, Rows,
    SendParams, SentRow, System, Transport, Unit, Window,
};

/// The walk, as the door sees it.
#[derive(Clone)]
pub struct Desk(Arc<Relay>);

impl Desk {
    /// The desk of a box.
    #[must_use]
    pub fn new(relay: Arc<Relay>) -> Self {
        Self(relay)
    }

    fn directory(&self) -> Result<Arc<Directory>, Refusal> {
        self.0
            .grounds
            .borrow()
            .directory
            .clone()
            .ok_or_else(no_directory)
    }

    fn members(&self, system: &System) -> Result<Vec<MemberId>, Refusal> {
        fenced(&self.0)?;
        Ok(policy::members_of(&*self.directory()?, system))
    }
}

/// Step 1: the body streams to disk while its header is read; memory is flat.
pub struct Intake {
    relay: Arc<Relay>,
    packet: PacketId,
    system: System,
    params: SendParams,
    reader: Reader,
    body: spool::Intake,
}

impl vxp::Intake for Intake {
    async fn feed(&mut self, bytes: Bytes) -> Result<(), Refusal> {
        self.reader
            .feed(&bytes)
            .map_err(|error| not_conforming(&error))?;
        self.body.feed(&bytes).map_err(|error| not_written(&error))
    }

    async fn finish(self, digest: Digest, size: u64) -> Result<DocId, Refusal> {
        let envelope = self
            .reader
            .finish()
            .map_err(|error| not_conforming(&error))?;
        let body = self
            .body
            .finish()
            .await
            .map_err(|error| not_written(&error))?;
        let arrived = Arrived {
            packet: self.packet,
            system: self.system,
            params: self.params,
            envelope,
            digest,
            size,
            body,
        };
        accept(&self.relay, arrived).await
    }
}

impl vxp::Desk for Desk {
    type Intake = Intake;

    async fn begin(&self, system: &System, params: SendParams) -> Result<Intake, Refusal> {
        let relay = &self.0;
        fenced(relay)?;
        room(relay, params.body_len)?;
        let packet = PacketId::new(relay.clock.now(), &relay.chance);
        Ok(Intake {
            packet,
            system: system.clone(),
            params,
            reader: Reader::new(Limits::default()),
            body: relay.spool.intake(&system.member, packet),
            relay: relay.clone(),
        })
    }

    async fn received(
        &self,
        system: &System,
        message_type: MessageType,
        window: Window,
    ) -> Result<Rows<ReceivedRow>, Refusal> {
        let members = self.members(system)?;
        deliver::received(&self.0, &members, message_type, window)
            .await
            .map_err(|error| failed(&error))
    }

    async fn sent(
        &self,
        system: &System,
        message_type: MessageType,
        window: Window,
    ) -> Result<Rows<SentRow>, Refusal> {
        let members = self.members(system)?;
        deliver::sent(&self.0, &members, message_type, window)
            .await
            .map_err(|error| failed(&error))
    }

    async fn open(&self, system: &System, doc: DocId) -> Result<Document, Refusal> {
        let members = self.members(system)?;
        deliver::open(&self.0, &members, doc)
            .await
            .map_err(|error| failed(&error))
    }

    async fn proof(&self, system: &System, doc: DocId) -> Result<Bytes, Refusal> {
        let members = self.members(system)?;
        deliver::proof(&self.0, &members, doc)
            .await
            .map(Bytes::from)
            .map_err(|error| failed(&error))
    }

    async fn update_status(
        &self,
        system: &System,
        doc: DocId,
        status: Transport,
        description: Option<String>,
    ) -> Result<(), Refusal> {
        let members = self.members(system)?;
        deliver::confirm(&self.0, &members, doc, status, description)
            .await
            .map_err(|error| failed(&error))
    }

    async fn count(&self, system: &System, message_type: MessageType) -> Result<u64, Refusal> {
        let members = self.members(system)?;
        deliver::count(&self.0, &members, message_type)
            .await
            .map_err(|error| failed(&error))
    }

    async fn agencies(&self, _system: &System, level: Option<u8>) -> Result<Rows<Agency>, Refusal> {
        Ok(deliver::agencies(self.directory()?, level))
    }

    async fn units(&self, _system: &System, since: Option<u64>) -> Result<Rows<Unit>, Refusal> {
        Ok(deliver::units(self.directory()?, since))
    }

    async fn register_agency(&self, _system: &System, agency: NewAgency) -> Result<(), Refusal> {
        Err(not_here(&agency.code))
    }

    async fn delete_agency(&self, _system: &System, code: MemberId) -> Result<(), Refusal> {
        Err(not_here(&code))
    }
}

/// A box that was restored takes and offers nothing before it knows what became of all since its backup.
fn fenced(relay: &Relay) -> Result<(), Refusal> {
    if relay.fence.is_open() {
        return Ok(());
    }
    Err(Refusal::new(
        ErrorCode::HubError,
        "Máy chủ bảo mật vừa được khôi phục từ bản sao lưu và đang đối chiếu với Trục; văn bản chưa được nhận, hãy gửi hoặc hỏi lại sau.",
    ))
}

/// Always leaves room to finish what is kept, before the first byte is taken.
fn room(relay: &Relay, announced: Option<u64>) -> Result<(), Refusal> {
    let free = relay.free.bytes(&relay.spool);
    let needed = relay
        .config
        .reserve_bytes
        .saturating_add(announced.unwrap_or(0));
    let turned = relay.free.turned(free >= needed);
    if free >= needed {
        if turned {
            crate::journal::line(&crate::journal::ids::INTAKE_RESUMED)
                .step("room")
                .notice(format_args!(
                    "{free} bytes are free: documents are taken again"
                ));
        }
        return Ok(());
    }
    crate::journal::line(&crate::journal::ids::INTAKE_STOPPED)
        .step("room")
        .reason(format_args!("{free} bytes are free"))
        .next("free disk space; what is kept still goes on, software may send again")
        .error("the disk is nearly full: nothing new is taken");
    Err(Refusal::new(
        ErrorCode::HubError,
        "Máy chủ bảo mật tạm ngừng nhận vì ổ đĩa sắp đầy; văn bản chưa được nhận, hãy báo quản trị và gửi lại sau.",
    ))
}

fn not_conforming(error: &crate::packet::Invalid) -> Refusal {
    Refusal::new(ErrorCode::NotConforming, error.reason_vi())
}

fn not_written(error: &std::io::Error) -> Refusal {
    crate::journal::line(&crate::journal::ids::DISK_FAULT)
        .step("parse")
        .reason(error)
        .next("check the disk; the software was told to send again")
        .error("a body could not be written");
    Refusal::new(
        ErrorCode::HubError,
        "Máy chủ bảo mật không ghi được văn bản xuống ổ đĩa; văn bản chưa được nhận, hãy gửi lại sau ít phút.",
    )
}

fn failed(error: &Error) -> Refusal {
    match error {
        Error::Spool(spool::Error::Missing(_)) => Refusal::no_such_document(),
        Error::Spool(spool::Error::Impossible(_)) => Refusal::new(
            ErrorCode::NotProcessed,
            "Văn bản này đã được xác nhận với trạng thái khác (done hoặc fail) nên không đổi được nữa.",
        ),
        error => {
            crate::journal::line(&crate::journal::ids::DISK_FAULT)
                .step("answer software")
                .reason(error)
                .next("the software was told to ask again")
                .error("a question of the software could not be answered");
            Refusal::new(
                ErrorCode::HubError,
                "Máy chủ bảo mật chưa trả lời được do lỗi nội bộ; hãy thử lại sau ít phút.",
            )
        }
    }
}

/// The national register is kept by the hub's operator alone.
fn not_here(code: &MemberId) -> Refusal {
    Refusal::new(
        ErrorCode::NotProcessed,
        format!(
            "Danh bạ do đơn vị vận hành Trục liên thông quản lý; hãy gửi đề nghị đăng ký hoặc xoá mã {code} cho đơn vị đó."
        ),
    )
}
