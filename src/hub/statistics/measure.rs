//! What is counted, and by which words.

use std::ops::AddAssign;

use serde::{Serialize, Serializer};

use crate::gauge::Text;

/// Kinds of packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A document.
    New,
    /// One that takes another's place.
    Replacement,
    /// A change of one.
    Update,
    /// One is withdrawn.
    Recall,
    /// What the recipient says happened to one.
    Status,
}

impl Kind {
    /// All of them, by number.
    pub const ALL: [Self; 5] = [
        Self::New,
        Self::Replacement,
        Self::Update,
        Self::Recall,
        Self::Status,
    ];

    /// As a record's `message` says it. What it does not say is a document.
    #[must_use]
    pub fn of(message: Option<&str>) -> Self {
        let said = Self::ALL
            .into_iter()
            .find(|kind| Some(kind.word()) == message);
        said.unwrap_or(Self::New)
    }

    /// The record's word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Replacement => "replacement",
            Self::Update => "update",
            Self::Recall => "recall",
            Self::Status => "status",
        }
    }

    /// Its name for people.
    #[must_use]
    pub fn name(self) -> Text {
        match self {
            Self::New => Text::new("Văn bản mới", "New documents"),
            Self::Replacement => Text::new("Văn bản thay thế", "Replacements"),
            Self::Update => Text::new("Cập nhật", "Updates"),
            Self::Recall => Text::new("Thu hồi", "Recalls"),
            Self::Status => Text::new("Trạng thái xử lý", "Statuses"),
        }
    }

    pub(super) fn numbered(number: i64) -> Self {
        usize::try_from(number)
            .ok()
            .and_then(|number| Self::ALL.get(number))
            .copied()
            .unwrap_or(Self::New)
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

/// What is timed, from the sender's sealed record to the recipient's sealed receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// A document, until it is delivered to the box.
    Delivery,
    /// A document, until the software has it.
    Collection,
    /// A status, until it is delivered.
    StatusDelivery,
    /// A status, until the software has it.
    StatusCollection,
}

impl Stage {
    /// All of them, by number.
    pub const ALL: [Self; 4] = [
        Self::Delivery,
        Self::Collection,
        Self::StatusDelivery,
        Self::StatusCollection,
    ];

    /// What a receipt of that word times.
    pub(super) fn of(kind: Kind, receipt: &str) -> Option<Self> {
        match (receipt, kind) {
            ("delivered", Kind::Status) => Some(Self::StatusDelivery),
            ("delivered", _) => Some(Self::Delivery),
            ("collected", Kind::Status) => Some(Self::StatusCollection),
            ("collected", _) => Some(Self::Collection),
            _ => None,
        }
    }

    pub(super) fn numbered(number: i64) -> Option<Self> {
        Self::ALL.get(usize::try_from(number).ok()?).copied()
    }
}

/// Why something did not reach whom it was meant for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    /// The code is in no directory; the sender's.
    NotListed,
    /// The code is given up; the sender's.
    Closed,
    /// The code is a connection centre; the sender's.
    Centre,
    /// The hub would not take it, so the box gave it up; the sender's.
    GivenUp,
    /// The recipient's box could not take it; the recipient's.
    RefusedByBox,
    /// The recipient's software said fail; the recipient's.
    RefusedBySoftware,
    /// A record that can't be read back.
    Damaged,
}

impl Failure {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::NotListed,
        Self::Closed,
        Self::Centre,
        Self::GivenUp,
        Self::RefusedByBox,
        Self::RefusedBySoftware,
        Self::Damaged,
    ];

    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::NotListed => "not-listed",
            Self::Closed => "closed",
            Self::Centre => "centre",
            Self::GivenUp => "given-up",
            Self::RefusedByBox => "refused-by-box",
            Self::RefusedBySoftware => "refused-by-software",
            Self::Damaged => "damaged",
        }
    }

    /// Its name for people.
    #[must_use]
    pub fn name(self) -> Text {
        match self {
            Self::NotListed => Text::new(
                "Mã nơi nhận không có trong danh bạ",
                "Recipient's code not in the directory",
            ),
            Self::Closed => Text::new("Mã nơi nhận đã đóng", "Recipient's code closed"),
            Self::Centre => Text::new(
                "Nơi nhận là mã hệ thống, không phải cơ quan",
                "Recipient is a system, not an agency",
            ),
            Self::GivenUp => Text::new(
                "Trục không nhận, máy gửi đã huỷ",
                "Refused by the exchange, given up by its sender",
            ),
            Self::RefusedByBox => Text::new(
                "Máy chủ bảo mật nơi nhận từ chối",
                "Refused by the recipient's security server",
            ),
            Self::RefusedBySoftware => Text::new(
                "Phần mềm nơi nhận báo lỗi",
                "Refused by the recipient's software",
            ),
            Self::Damaged => Text::new("Bản ghi không đọc được", "Record that can't be read"),
        }
    }

    /// Why the hub did not reach somebody, by what it wrote down.
    pub(super) fn unreached(reason: &str) -> Self {
        if reason.contains("is closed") {
            Self::Closed
        } else if reason.contains("is a connection centre") {
            Self::Centre
        } else {
            Self::NotListed
        }
    }
}

/// How much went out and came in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Traffic {
    /// Packets that the hub accepted from it.
    pub sent: u64,
    /// Recipients that they named.
    pub addressed: u64,
    /// Bytes of those packets, each once.
    pub sent_bytes: u64,
    /// Packets of it that the hub never took.
    pub voided: u64,
    /// Packets that were delivered to it.
    pub delivered: u64,
    /// Bytes of those.
    pub received_bytes: u64,
    /// Packets that its software took.
    pub collected: u64,
    /// Packets that it could not take.
    pub failed: u64,
}

impl AddAssign for Traffic {
    fn add_assign(&mut self, other: Self) {
        self.sent += other.sent;
        self.addressed += other.addressed;
        self.sent_bytes += other.sent_bytes;
        self.voided += other.voided;
        self.delivered += other.delivered;
        self.received_bytes += other.received_bytes;
        self.collected += other.collected;
        self.failed += other.failed;
    }
}
