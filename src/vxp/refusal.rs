//! What the software is told when the answer is no.

use std::fmt;

use crate::retry::Class;

/// The codes of `ErrorCode` that a box may answer with (connection guide 2.2); 100 belongs to the SDK itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// The file is no document at all, was cut short or differs from its `hash-file`.
    FileInvalid = 10,
    /// Wrong systemid or secret, or a header set that they did not sign.
    WrongSystem = 15,
    /// A receiver's code is not in the directory.
    ReceiverUnknown = 18,
    /// The sender is not registered, or this system may not speak for it.
    SenderNotRegistered = 19,
    /// The exchange can't take it now: intake stopped, quota used up, or a fault of ours.
    HubError = 20,
    /// The request was understood and could not be carried out.
    NotProcessed = 21,
    /// The edXML does not conform.
    NotConforming = 22,
    /// A receiver is locked or closed.
    ReceiverLocked = 23,
}

impl ErrorCode {
    /// All codes, in order.
    pub const ALL: [Self; 8] = [
        Self::FileInvalid,
        Self::WrongSystem,
        Self::ReceiverUnknown,
        Self::SenderNotRegistered,
        Self::HubError,
        Self::NotProcessed,
        Self::NotConforming,
        Self::ReceiverLocked,
    ];

    /// The number on the wire, where it is written as a string.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }
}

/// A refusal as the software's users read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The code of the connection guide.
    pub code: ErrorCode,
    /// What is wrong and what to do, in Vietnamese.
    pub reason_vi: String,
}

impl Refusal {
    /// A refusal with its reason in Vietnamese.
    #[must_use]
    pub fn new(code: ErrorCode, reason_vi: impl Into<String>) -> Self {
        Self {
            code,
            reason_vi: reason_vi.into(),
        }
    }

    /// The one answer to a docId that does not exist and to one of somebody else, so that neither can be told apart.
    #[must_use]
    pub fn no_such_document() -> Self {
        Self::new(
            ErrorCode::NotProcessed,
            "Không tìm thấy văn bản có docId này trong số văn bản của đơn vị; kiểm tra lại docId trong danh sách nhận.",
        )
    }

    /// [`Class::Retry`] for [`ErrorCode::HubError`], else [`Class::Refuse`].
    #[must_use]
    pub fn class(&self) -> Class {
        match self.code {
            ErrorCode::HubError => Class::Retry,
            _ => Class::Refuse,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.number(), self.reason_vi)
    }
}

impl std::error::Error for Refusal {}
