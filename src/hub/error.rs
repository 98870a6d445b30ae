//! What can go wrong in the exchange, and its face towards a box.

use std::fmt;
use std::io;

use crate::evidence;
use crate::https::{self, Problem, Response, StatusCode};
use crate::journal::{self, ids};
use crate::packet::{MemberId, PacketId};
use crate::retry::Class;
use crate::seal;
use crate::store;
use crate::trust::Refusal;
use crate::uplink::{self, wire};

/// Problem type of a packet id that is known with other content.
pub(super) const CONFLICT: &str = "urn:trucgate:problem:packet-id-conflict";

/// Why the exchange did not do what was asked.
#[derive(Debug)]
pub enum Error {
    /// The store could not keep or give it.
    Store(store::Error),
    /// The hub's own log did not take the record.
    Evidence(evidence::Error),
    /// The body could not be kept or read.
    Disk(io::Error),
    /// No directory is published yet.
    NoDirectory,
    /// What is stored or registered contradicts itself.
    Registry(String),
    /// Too many polls of this box wait already.
    Crowded,
    /// The peer is no registered box.
    Stranger(Refusal),
    /// The member is not one of the box that asks.
    NotYours(MemberId),
    /// The request's body broke, stalled or is too long.
    Request(https::Error),
    /// The call is none of this protocol.
    Call(String),
    /// The seal proves nothing.
    Seal(seal::Refused),
    /// The head must be announced first; the newest known one has that size.
    Behind(u64),
    /// A head that contradicts the log as it was seen before.
    Fork {
        /// Whose log.
        member: MemberId,
        /// What contradicts.
        what: String,
    },
    /// That packet id is known with another content.
    Conflict(PacketId),
    /// The sender's code was given up; who answers for it now, where somebody does.
    SenderClosed(MemberId, Option<MemberId>),
    /// Not a recipient, and who is instead.
    Recipient {
        /// The code that was named.
        code: MemberId,
        /// Why it gets nothing.
        why: NotReached,
    },
    /// The packet is beyond a bound.
    TooLarge(String),
    /// There is no such thing, or it is not for this box.
    Missing,
}

/// Why a code gets no packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotReached {
    /// Not in the directory.
    Unknown,
    /// Given up; who answers for it now, where somebody does.
    Closed(Option<MemberId>),
    /// A connection centre (W): a system, not an agency.
    Centre,
}

impl Error {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Store(error) => error.class(),
            Self::Evidence(error) => error.class(),
            Self::Seal(error) => error.class(),
            Self::Stranger(refusal) => refusal.class(),
            Self::Request(error) => error.class(),
            Self::Disk(_) | Self::NoDirectory | Self::Crowded | Self::Behind(_) => Class::Retry,
            _ => Class::Refuse,
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Store(_) | Self::Evidence(_) | Self::Disk(_) | Self::NoDirectory => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Registry(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Crowded => StatusCode::TOO_MANY_REQUESTS,
            Self::Seal(error) if error.class() == Class::Retry => StatusCode::SERVICE_UNAVAILABLE,
            // A certificate or registration can be mended, so the packets of its owner wait for that.
            Self::Stranger(_) | Self::NotYours(_) | Self::Seal(seal::Refused::Signer(_)) => {
                StatusCode::FORBIDDEN
            }
            Self::Call(_) | Self::Request(_) => StatusCode::BAD_REQUEST,
            Self::Seal(_) | Self::SenderClosed(..) | Self::Recipient { .. } => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Self::Behind(_) | Self::Fork { .. } | Self::Conflict(_) => StatusCode::CONFLICT,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Missing => StatusCode::NOT_FOUND,
        }
    }

    fn title_vi(&self) -> &'static str {
        match self {
            Self::Store(_) | Self::Evidence(_) | Self::Disk(_) => "Trục tạm thời chưa nhận được",
            Self::NoDirectory => "Trục chưa công bố danh bạ",
            Self::Registry(_) => "Lỗi nội bộ của Trục",
            Self::Crowded => "Quá nhiều lượt chờ cùng lúc",
            Self::Stranger(_) => "Máy chủ bảo mật chưa được đăng ký",
            Self::NotYours(_) => "Đơn vị không thuộc máy chủ bảo mật này",
            Self::Request(_) | Self::Call(_) => "Yêu cầu không đúng giao thức",
            Self::Seal(_) => "Dấu niêm phong không hợp lệ",
            Self::Behind(_) => "Chưa biết điểm kiểm tra của nhật ký",
            Self::Fork { .. } => "Nhật ký của đơn vị mâu thuẫn với điều đã thấy",
            Self::Conflict(_) => "Mã gói tin đã dùng cho nội dung khác",
            Self::SenderClosed(..) => "Mã định danh của nơi gửi đã đóng",
            Self::Recipient { .. } => "Nơi nhận không hợp lệ",
            Self::TooLarge(_) => "Gói tin quá lớn",
            Self::Missing => "Không có",
        }
    }

    fn reason_vi(&self) -> String {
        match self {
            Self::Stranger(refusal) | Self::Seal(seal::Refused::Signer(refusal)) => {
                refusal.reason_vi()
            }
            Self::NotYours(member) => {
                format!("Danh bạ không ghi {member} dùng máy chủ bảo mật đang kết nối.")
            }
            Self::SenderClosed(code, successor) => closed_vi(code, successor.as_ref()),
            Self::Recipient { code, why } => match why {
                NotReached::Unknown => format!("Mã định danh {code} không có trong danh bạ."),
                NotReached::Closed(successor) => closed_vi(code, successor.as_ref()),
                NotReached::Centre => {
                    format!("{code} là mã hệ thống kết nối, không phải nơi nhận văn bản.")
                }
            },
            Self::Store(_) | Self::Evidence(_) | Self::Disk(_) | Self::NoDirectory => {
                "Hãy gửi lại sau; gói tin chưa được xác nhận.".to_owned()
            }
            Self::Crowded => "Hãy chờ các lượt đang mở kết thúc.".to_owned(),
            Self::Behind(size) => format!("Hãy công bố điểm kiểm tra, chứng minh từ cỡ {size}."),
            Self::Fork { .. } => {
                "Hãy báo người vận hành: nhật ký bị lùi hoặc bị rẽ nhánh.".to_owned()
            }
            Self::Conflict(packet) => format!("Gói tin {packet} đã có với nội dung khác."),
            _ => String::new(),
        }
    }

    /// What a box, and through it a clerk, is told.
    pub(super) fn detail(&self) -> String {
        let (english, vietnamese) = (self.to_string(), self.reason_vi());
        match (vietnamese.is_empty(), self.class()) {
            (true, _) => english,
            // What the hub's disk says is no peer's business.
            (false, Class::Retry) if !matches!(self, Self::Behind(_)) => vietnamese,
            (false, _) => format!("{vietnamese} ({english})"),
        }
    }

    /// Writes the journal's line about a refusal or a fault; what a box does about by itself has none.
    pub(super) fn tell(&self, peer: &dyn fmt::Display, packet: Option<PacketId>) {
        let (id, next) = match self {
            Self::Stranger(refusal) => (&ids::PEER_REFUSED, refusal.next()),
            Self::NotYours(_) => (
                &ids::PEER_REFUSED,
                "register the member for this box, or find out why the box speaks for it",
            ),
            Self::Seal(seal::Refused::Signer(refusal)) => (&ids::PACKET_REFUSED, refusal.next()),
            Self::Seal(_) => (
                &ids::PACKET_REFUSED,
                "let the sending box seal again; if it happens again, treat it as an attack",
            ),
            Self::SenderClosed(..) => (
                &ids::PACKET_REFUSED,
                "the successor sends under its own code; a code that was closed by mistake is entered anew",
            ),
            Self::Recipient { .. } => (&ids::PACKET_REFUSED, "send to a registered, open code"),
            Self::TooLarge(_) => (&ids::PACKET_REFUSED, "send less, or raise the hub's limit"),
            Self::Fork { .. } => (
                &ids::CHECKPOINT_REFUSED,
                "compare the member's log with the hub's; a restored box opens a new epoch",
            ),
            Self::Conflict(_) => (
                &ids::PACKET_ID_REUSED,
                "find out why the box uses one packet id twice",
            ),
            Self::Store(_) | Self::Disk(_) => (
                &ids::DISK_FAULT,
                "look at the disk; boxes send again by themselves",
            ),
            Self::Evidence(_) => (
                &ids::SIGNER_AWAY,
                "look at the signer; boxes send again by themselves",
            ),
            _ => return,
        };
        let mut line = journal::line(id).peer(peer).reason(self).next(next);
        if let Some(packet) = packet {
            line = line.packet(packet);
        }
        if let Self::Fork { member, .. } | Self::NotYours(member) = self {
            line = line.member(member);
        }
        line.say("a call of a box was not carried out");
    }
}

impl Error {
    /// What the box is told.
    pub(super) fn problem(&self) -> Problem {
        let problem = Problem::new(self.status(), self.title_vi()).detail(self.detail());
        match self {
            Self::Behind(_) => problem.kind(uplink::BEHIND),
            Self::Fork { .. } => problem.kind(uplink::FORK),
            Self::Conflict(_) => problem.kind(CONFLICT),
            _ => problem,
        }
    }
}

impl From<&Error> for Response {
    fn from(error: &Error) -> Self {
        match error {
            Error::Request(error) => error.into(),
            error => error.problem().into(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => write!(f, "{error}"),
            Self::Evidence(error) => write!(f, "{error}"),
            Self::Disk(error) => write!(f, "body: {error}"),
            Self::NoDirectory => f.write_str("no directory is published yet"),
            Self::Registry(what) => write!(f, "registry: {what}"),
            Self::Crowded => f.write_str("too many polls of this box wait already"),
            Self::Stranger(refusal) => write!(f, "{refusal}"),
            Self::NotYours(member) => write!(f, "{member} is no member of this box"),
            Self::Request(error) => write!(f, "{error}"),
            Self::Call(what) => f.write_str(what),
            Self::Seal(refused) => write!(f, "{refused}"),
            Self::Behind(size) => write!(f, "the head is not known; prove it from size {size}"),
            Self::Fork { member, what } => write!(f, "the log of {member}: {what}"),
            Self::Conflict(packet) => write!(f, "packet {packet} is known with other content"),
            Self::SenderClosed(code, successor) => closed(f, code, successor.as_ref()),
            Self::Recipient { code, why } => match why {
                NotReached::Unknown => write!(f, "{code} is not in the directory"),
                NotReached::Closed(successor) => closed(f, code, successor.as_ref()),
                NotReached::Centre => write!(f, "{code} is a connection centre, no recipient"),
            },
            Self::TooLarge(what) => f.write_str(what),
            Self::Missing => f.write_str("there is no such thing for this box"),
        }
    }
}

fn closed(
    f: &mut fmt::Formatter<'_>,
    code: &MemberId,
    successor: Option<&MemberId>,
) -> fmt::Result {
    match successor {
        None => write!(f, "{code} is closed"),
        Some(next) => write!(f, "{code} is closed; its successor is {next}"),
    }
}

fn closed_vi(code: &MemberId, successor: Option<&MemberId>) -> String {
    match successor {
        None => format!("Mã định danh {code} đã đóng."),
        Some(next) => format!("Mã định danh {code} đã đóng; đơn vị kế thừa là {next}."),
    }
}

impl std::error::Error for Error {}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        Self::Store(error)
    }
}

impl From<store::SqlError> for Error {
    fn from(error: store::SqlError) -> Self {
        Self::Store(error.into())
    }
}

impl From<evidence::Error> for Error {
    fn from(error: evidence::Error) -> Self {
        Self::Evidence(error)
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

impl From<https::Error> for Error {
    fn from(error: https::Error) -> Self {
        Self::Request(error)
    }
}

impl From<seal::Refused> for Error {
    fn from(error: seal::Refused) -> Self {
        Self::Seal(error)
    }
}

impl From<wire::Malformed> for Error {
    fn from(error: wire::Malformed) -> Self {
        Self::Call(error.to_string())
    }
}
