//! Why two persons did not get their way.

use crate::gauge::Text;
use crate::retry::Class;

/// Why something that needs two persons was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// No operator's certificate, or one that does not hold.
    Stranger(String),
    /// The operator may not approve.
    NoRole(String),
    /// The signature does not fit the text, or the text is not the canonical one.
    Altered,
    /// For another box or hub.
    OtherMachine(String),
    /// Outside the window.
    Expired,
    /// The same operator twice.
    SamePerson(String),
    /// It was agreed upon before.
    Replayed,
    /// No such proposal waits.
    Unknown,
    /// Too many proposals wait.
    Crowded,
    /// It could not be done as things stand.
    Unfit(Text),
    /// Agreed and on record, but not done.
    Failed(Text),
}

impl Refused {
    /// Retry for what was agreed and failed or waits for room; Refuse for the rest.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Failed(_) | Self::Crowded => Class::Retry,
            _ => Class::Refuse,
        }
    }

    /// In words, with what to do.
    #[must_use]
    pub fn text(&self) -> Text {
        let (vi, en) = match self {
            Self::Stranger(who) => (
                format!("chữ ký không phải của người vận hành nào ở đây: {who}"),
                format!("the signature is no operator's of this machine: {who}"),
            ),
            Self::NoRole(name) => (
                format!("{name} không có vai trò approve"),
                format!("{name} lacks the role approve"),
            ),
            Self::Altered => (
                "nội dung không đúng với chữ ký; hãy đề nghị hoặc duyệt lại từ đầu".into(),
                "the content is not what was signed; propose or approve it anew".into(),
            ),
            Self::OtherMachine(at) => (
                format!("chữ ký dành cho máy {at}, không phải máy này"),
                format!("it was signed for {at}, not for this machine"),
            ),
            Self::Expired => (
                "đã quá thời hạn thoả thuận; hãy đề nghị lại".into(),
                "the window is over; propose it anew".into(),
            ),
            Self::SamePerson(name) => (
                format!("{name} đã đề nghị nên không được tự duyệt; cần người thứ hai"),
                format!("{name} proposed it and can't approve it: a second person is needed"),
            ),
            Self::Replayed => (
                "đề nghị này đã được dùng; hãy đề nghị lại nếu vẫn cần".into(),
                "this proposal was used before; propose it anew if it is still wanted".into(),
            ),
            Self::Unknown => (
                "không có đề nghị nào như vậy đang chờ; xem `trucgate agree list`".into(),
                "no such proposal waits here; see `trucgate agree list`".into(),
            ),
            Self::Crowded => (
                "quá nhiều đề nghị đang chờ".into(),
                "too many proposals wait".into(),
            ),
            Self::Unfit(text) => return text.clone(),
            Self::Failed(text) => (
                format!("đã thoả thuận nhưng chưa làm được: {}", text.vi),
                format!("agreed but not done: {}", text.en),
            ),
        };
        Text { vi, en }
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.text())
    }
}

impl std::error::Error for Refused {}
