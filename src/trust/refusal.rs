//! Why somebody was not let in: which certificate, what is wrong, and what to do.

use std::fmt;

use crate::clock::{self, Moment};
use crate::retry::Class;

/// What was found wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// No path leads from the certificate to a configured anchor.
    UnknownIssuer,
    /// A certificate of the path is past its end.
    Expired,
    /// A certificate of the path has not begun.
    NotYetValid,
    /// A certificate may not be used for this.
    WrongUsage,
    /// The issuer has revoked the certificate.
    Revoked,
    /// The bytes are not what they claim to be.
    Malformed,
    /// Key or signature algorithm is weaker than the profile asks, or unknown.
    WeakKey,
    /// The certificate does not say whose it is.
    NoMemberCode,
    /// Valid, but not registered in the directory.
    NotRegistered,
    /// It belongs to another member than the one expected.
    AnotherMember,
    /// None was shown.
    NoCertificate,
    /// No revocation list young enough is at hand.
    RevocationUnknown,
    /// The clock cannot be relied on, so nothing is judged.
    ClockUnsure,
    /// A signature does not match what it is said to sign.
    BadSignature,
    /// A critical extension is unknown here (RFC 5280 section 4.2).
    CriticalExtension,
    /// The server's names do not cover the one that was dialled.
    WrongName,
}

impl Verdict {
    /// The verdict as one word, for fields of the journal.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.texts().0
    }

    /// Word, English sentence, what to do, and both in Vietnamese.
    fn texts(
        self,
    ) -> (
        &'static str,
        &'static str,
        &'static str,
        &'static str,
        &'static str,
    ) {
        match self {
            Self::UnknownIssuer => (
                "unknown-issuer",
                "no configured certification authority issued it",
                "install a certificate of the Government CA, or configure the missing intermediate",
                "chứng thư không do cơ quan chứng thực đã cấu hình cấp",
                "cài chứng thư do CA Chính phủ cấp, hoặc cấu hình chứng thư CA trung gian còn thiếu",
            ),
            Self::Expired => (
                "expired",
                "it has expired",
                "renew the certificate and register the new one in the directory",
                "chứng thư đã hết hạn",
                "gia hạn chứng thư và đăng ký chứng thư mới vào danh bạ",
            ),
            Self::NotYetValid => (
                "not-yet-valid",
                "it is not valid yet",
                "check both clocks, or wait for the beginning of its validity",
                "chứng thư chưa đến thời điểm có hiệu lực",
                "kiểm tra đồng hồ hai bên, hoặc chờ đến thời điểm chứng thư có hiệu lực",
            ),
            Self::WrongUsage => (
                "wrong-usage",
                "it may not be used for this",
                "use the certificate that was issued for this purpose (TLS or seal)",
                "chứng thư không được cấp cho mục đích sử dụng này",
                "dùng đúng loại chứng thư: chứng thư TLS để kết nối, chứng thư con dấu để ký",
            ),
            Self::Revoked => (
                "revoked",
                "its issuer has revoked it",
                "stop using the key, ask the certification authority for a new certificate and register it",
                "chứng thư đã bị thu hồi",
                "ngừng dùng khóa này, xin cấp chứng thư mới và đăng ký vào danh bạ",
            ),
            Self::Malformed => (
                "malformed",
                "it cannot be read",
                "export the certificate again in DER or PEM",
                "không đọc được chứng thư hoặc chữ ký vì sai cấu trúc",
                "xuất lại chứng thư ở dạng DER hoặc PEM rồi thử lại",
            ),
            Self::WeakKey => (
                "weak-key",
                "its key or algorithm is not accepted",
                "make a key of RSA 2048 bits or more, or P-256, and have it certified with SHA-256",
                "khóa hoặc thuật toán của chứng thư không đủ mạnh hoặc không được chấp nhận",
                "tạo khóa RSA từ 2048 bit trở lên hoặc P-256 và xin cấp chứng thư dùng SHA-256",
            ),
            Self::NoMemberCode => (
                "no-member-code",
                "it carries no identification code where the profile looks for it",
                "ask for a certificate with the code, or name the right place in the profile",
                "chứng thư không có mã định danh ở vị trí mà cấu hình quy định",
                "xin cấp chứng thư có mã định danh, hoặc cấu hình đúng vị trí của mã",
            ),
            Self::NotRegistered => (
                "not-registered",
                "it is not registered in the directory",
                "have the hub's administrator register this certificate",
                "chứng thư chưa được đăng ký trong danh bạ của Trục",
                "đề nghị quản trị viên Trục đăng ký chứng thư này",
            ),
            Self::AnotherMember => (
                "another-member",
                "it belongs to another member",
                "use the member's own certificate",
                "chứng thư thuộc về đơn vị khác",
                "dùng chứng thư của chính đơn vị mình",
            ),
            Self::NoCertificate => (
                "no-certificate",
                "no certificate was shown",
                "configure the client with its TLS certificate and key",
                "bên kết nối không xuất trình chứng thư",
                "cấu hình chứng thư TLS và khóa cho bên kết nối",
            ),
            Self::RevocationUnknown => (
                "revocation-unknown",
                "whether it is revoked is not known",
                "bring a current revocation list of its issuer, or change the declared mode",
                "không xác định được chứng thư có bị thu hồi hay không",
                "cập nhật danh sách thu hồi (CRL) mới của cơ quan cấp, hoặc đổi chế độ đã khai báo",
            ),
            Self::ClockUnsure => (
                "clock-unsure",
                "the clock cannot be relied on",
                "synchronise the clock of this machine",
                "đồng hồ của máy không đáng tin cậy nên không thể xét chứng thư",
                "đồng bộ lại thời gian của máy",
            ),
            Self::BadSignature => (
                "bad-signature",
                "a signature does not match",
                "ask the sender to sign again; if it happens again, treat it as an attack",
                "chữ ký không khớp với nội dung",
                "đề nghị bên gửi ký lại; nếu lặp lại, xử lý như một sự cố an toàn",
            ),
            Self::CriticalExtension => (
                "critical-extension",
                "it has a critical extension that is unknown here",
                "ask the certification authority for a certificate of the agreed profile",
                "chứng thư có phần mở rộng bắt buộc mà hệ thống không biết",
                "xin cấp chứng thư đúng khuôn dạng đã thống nhất",
            ),
            Self::WrongName => (
                "wrong-name",
                "it does not name the server that was dialled",
                "check the configured address, or the names in the server's certificate",
                "chứng thư không mang tên của máy chủ được kết nối",
                "kiểm tra địa chỉ đã cấu hình hoặc tên trong chứng thư của máy chủ",
            ),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A refusal that says which certificate, what is wrong with it and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What was found wrong.
    pub verdict: Verdict,
    /// Subject of the certificate at fault (RFC 4514); empty when none could be read.
    pub subject: String,
    /// Its serial number in lower-case hex; empty when none could be read.
    pub serial: String,
    /// Begin and end of its validity.
    pub validity: Option<(Moment, Moment)>,
    /// More of the same, in English.
    pub detail: String,
    pub(crate) deferred: bool,
}

impl Refusal {
    /// A refusal that points at no readable certificate.
    #[must_use]
    pub fn new(verdict: Verdict, detail: impl Into<String>) -> Self {
        Self {
            verdict,
            subject: String::new(),
            serial: String::new(),
            validity: None,
            detail: detail.into(),
            deferred: false,
        }
    }

    /// What to do, in English.
    #[must_use]
    pub fn next(&self) -> &'static str {
        self.verdict.texts().2
    }

    /// What to do, in Vietnamese.
    #[must_use]
    pub fn next_vi(&self) -> &'static str {
        self.verdict.texts().4
    }

    /// The whole reason in Vietnamese: what, which certificate, what to do.
    #[must_use]
    pub fn reason_vi(&self) -> String {
        let mut text = format!("Từ chối: {}", self.verdict.texts().3);
        if !self.subject.is_empty() {
            text += &format!(". Chứng thư: {}, số sê-ri {}", self.subject, self.serial);
        }
        if let Some((from, until)) = self.validity {
            text += &format!(
                ", hiệu lực từ {} đến {}",
                clock::rfc3339(from),
                clock::rfc3339(until)
            );
        }
        text + &format!(". Cách xử lý: {}.", self.next_vi())
    }

    /// Refuse, or Retry where time heals it: the list that is missing, the clock, the declared mode *queue*.
    #[must_use]
    pub fn class(&self) -> Class {
        if self.deferred || self.verdict == Verdict::ClockUnsure {
            Class::Retry
        } else {
            Class::Refuse
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.subject.is_empty() && self.serial.is_empty() {
            f.write_str("certificate refused: ")?;
        } else {
            write!(f, "certificate {} (serial {}", self.subject, self.serial)?;
            if let Some((from, until)) = self.validity {
                write!(
                    f,
                    ", valid {} to {}",
                    clock::rfc3339(from),
                    clock::rfc3339(until)
                )?;
            }
            f.write_str(") refused: ")?;
        }
        f.write_str(self.verdict.texts().1)?;
        if self.detail.is_empty() {
            Ok(())
        } else {
            write!(f, ": {}", self.detail)
        }
    }
}

impl std::error::Error for Refusal {}
