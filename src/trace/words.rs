//! What is said of each station and each place of waiting.

use super::Standing;
use crate::gauge::Text;

/// A station.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The sender's software handed it in.
    Kept,
    /// The sender's box sealed it.
    Sealed,
    /// The hub took it.
    Accepted,
    /// The hub would not take it.
    Refused,
    /// The hub does not reach that recipient.
    Unreached,
    /// It came to the recipient's box, which verified it.
    Delivered,
    /// The recipient's software has it.
    Collected,
    /// The recipient could not take it.
    Failed,
    /// The recipient, or the sender, says what becomes of it.
    Status(String),
}

impl Step {
    /// In a word, for programs.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Sealed => "sealed",
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Unreached => "unreached",
            Self::Delivered => "delivered",
            Self::Collected => "collected",
            Self::Failed => "failed",
            Self::Status(_) => "status",
        }
    }

    pub(super) fn text(&self) -> Text {
        let (vi, en) = match self {
            Self::Kept => (
                "Phần mềm nơi gửi đã nộp, máy chủ bảo mật đã lưu chắc chắn",
                "handed in by the sender's software, kept durably by its security server",
            ),
            Self::Sealed => (
                "Máy chủ bảo mật nơi gửi đã ký niêm phong",
                "sealed by the sender's security server",
            ),
            Self::Accepted => ("Trục liên thông đã nhận", "accepted by the exchange"),
            Self::Refused => ("Trục liên thông từ chối nhận", "refused by the exchange"),
            Self::Unreached => (
                "Trục không chuyển tới được nơi nhận này",
                "the exchange does not reach this recipient",
            ),
            Self::Delivered => (
                "Đã tới máy chủ bảo mật nơi nhận và kiểm tra đạt",
                "arrived at the recipient's security server and verified there",
            ),
            Self::Collected => (
                "Phần mềm nơi nhận đã lấy văn bản",
                "taken by the recipient's software",
            ),
            Self::Failed => (
                "Nơi nhận không nhận được",
                "the recipient could not take it",
            ),
            Self::Status(code) => {
                let name = status_name(code);
                return Text::new(
                    format!("Trạng thái {code}: {}", name.vi),
                    format!("status {code}: {}", name.en),
                );
            }
        };
        Text::new(vi, en)
    }
}

/// A business status in words (QCVN 102).
#[must_use]
pub fn status_name(code: &str) -> Text {
    let (vi, en) = match code {
        "01" => ("đã đến, văn thư chưa xử lý", "arrived, not handled yet"),
        "02" => ("bị từ chối tiếp nhận", "refused by the clerk"),
        "03" => (
            "đã tiếp nhận, vào sổ",
            "taken in and entered in the register",
        ),
        "04" => ("đã phân công xử lý", "assigned"),
        "05" => ("đang xử lý", "being processed"),
        "06" => ("đã hoàn thành", "completed"),
        "13" => ("nơi gửi xin lấy lại văn bản", "the sender asks for it back"),
        "15" => (
            "đồng ý cho cập nhật hoặc lấy lại",
            "update or return agreed",
        ),
        "16" => (
            "không đồng ý cho cập nhật hoặc lấy lại",
            "update or return refused",
        ),
        _ => ("trạng thái khác", "another status"),
    };
    Text::new(vi, en)
}

/// A kind of packet in words.
#[must_use]
pub fn kind_name(kind: &str) -> Text {
    let (vi, en) = match kind {
        "recall" => ("Thu hồi văn bản", "recall"),
        "update" => ("Cập nhật văn bản", "update"),
        "replacement" => ("Văn bản thay thế", "replacement"),
        "status" => ("Trạng thái xử lý", "status"),
        _ => ("Văn bản", "document"),
    };
    Text::new(vi, en)
}

/// Where a packet is on its way to one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// At its sender's box, not sealed; and what keeps the line to the hub down, where something does: a box that knows its
    /// line is away begins no seal.
    Unsealed(Option<String>),
    /// At its sender's box, sealed; and what keeps the line down, likewise.
    Unsubmitted(Option<String>),
    /// At the hub, behind an earlier one that it must not overtake.
    Behind,
    /// At the hub, in the recipient's mailbox.
    Mailbox,
    /// Between hub and the recipient's box.
    Fetching,
    /// Somewhere between hub and the recipient's box: its sender's box sees no closer.
    Accepted,
    /// At the recipient's box, offered to its software.
    Offered,
    /// With the recipient's software.
    Arrived,
    /// Nowhere: it failed.
    Failed,
    /// Nowhere: the recipient's code is not reached.
    Unreached,
    /// Nowhere: the hub never took it.
    Refused,
}

impl Place {
    /// In a word, for programs.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Unsealed(_) => "unsealed",
            Self::Unsubmitted(_) => "unsubmitted",
            Self::Behind => "behind",
            Self::Mailbox => "mailbox",
            Self::Fetching => "fetching",
            Self::Accepted => "accepted",
            Self::Offered => "offered",
            Self::Arrived => "arrived",
            Self::Failed => "failed",
            Self::Unreached => "unreached",
            Self::Refused => "refused",
        }
    }

    /// What a clerk is told of it.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let [state, next, todo] = self.words();
        let mut standing = Standing {
            place: self.word().to_owned(),
            state: Text::new(state.0, state.1),
            next: Text::new(next.0, next.1),
            todo: Text::new(todo.0, todo.1),
        };
        if let Self::Unsealed(Some(why)) | Self::Unsubmitted(Some(why)) = self {
            standing.state.vi += &format!(" (chưa gọi được Trục: {why})");
            standing.state.en += &format!(" (the exchange can't be reached: {why})");
        }
        standing
    }

    #[rustfmt::skip] // Pairs of sentences read side by side.
    fn words(&self) -> [(&'static str, &'static str); 3] {
        match self {
            Self::Unsealed(Some(_)) => [
                ("đang ở máy chủ bảo mật nơi gửi, chờ đường tới Trục thông rồi ký niêm phong",
                 "at the sender's security server, to be sealed when the line to the exchange is back"),
                ("tự ký và gửi khi đường truyền thông", "it is sealed and goes up by itself when the line is back"),
                ("không gửi lại; nếu quá 15 phút, báo người vận hành xem đường tới Trục: `trucgate status`",
                 "don't send it again; after 15 minutes ask the operator to look at the line: `trucgate status`"),
            ],
            Self::Unsealed(None) => [
                ("đang ở máy chủ bảo mật nơi gửi, chờ ký niêm phong bằng thiết bị HSM",
                 "at the sender's security server, waiting for the HSM to seal it"),
                ("ký xong sẽ tự gửi lên Trục", "it goes up by itself once it is sealed"),
                ("không gửi lại; nếu quá 15 phút, báo người vận hành xem bộ ký và token: `trucgate status`",
                 "don't send it again; after 15 minutes ask the operator to look at signer and token: `trucgate status`"),
            ],
            Self::Unsubmitted(_) => [
                ("đã niêm phong, đang chờ gửi lên Trục", "sealed, waiting to go up to the exchange"),
                ("tự gửi khi đường truyền thông", "it goes up by itself when the line is back"),
                ("không gửi lại; nếu quá 15 phút, báo người vận hành xem đường tới Trục: `trucgate status`",
                 "don't send it again; after 15 minutes ask the operator to look at the line: `trucgate status`"),
            ],
            Self::Behind => [
                ("đang ở Trục, chờ văn bản gửi trước đó tới cùng nơi nhận đi trước",
                 "at the exchange, behind an earlier packet to the same recipient that it must not overtake"),
                ("tự đi tiếp khi gói trước tới nơi", "it goes on by itself when the earlier one has arrived"),
                ("tra cứu văn bản được nhắc tới trong gói này; gói đó đang chờ ở đâu thì xử lý ở đó",
                 "trace the document that this one names, and help that one on"),
            ],
            Self::Mailbox => [
                ("đang ở hộp thư của nơi nhận tại Trục, chờ máy chủ bảo mật nơi nhận lấy về",
                 "in the recipient's mailbox at the exchange, waiting for its security server"),
                ("máy chủ nơi nhận tự lấy về, thường trong vài giây", "its security server fetches it, within seconds as a rule"),
                ("nếu quá 1 giờ, đề nghị nơi nhận kiểm tra máy chủ bảo mật và đường truyền",
                 "after an hour ask the recipient to look at its security server and line"),
            ],
            Self::Fetching => [
                ("máy chủ bảo mật nơi nhận đang lấy về", "its recipient's security server is fetching it"),
                ("kiểm tra niêm phong, rồi mời phần mềm lấy", "the seal is verified, then it is offered to the software"),
                ("chưa cần làm gì", "nothing to do yet"),
            ],
            Self::Accepted => [
                ("đang ở Trục hoặc trên đường tới nơi nhận", "at the exchange or on its way to the recipient"),
                ("máy chủ nơi nhận tự lấy về, thường trong vài giây", "its security server fetches it, within seconds as a rule"),
                ("nếu quá 1 giờ, đề nghị nơi nhận kiểm tra máy chủ bảo mật và đường truyền",
                 "after an hour ask the recipient to look at its security server and line"),
            ],
            Self::Offered => [
                ("đã tới máy chủ bảo mật nơi nhận, chờ phần mềm nơi nhận lấy", "at the recipient's security server, waiting for its software"),
                ("phần mềm tự lấy theo chu kỳ của nó, có nơi 15 phút một lần, trạng thái có nơi mỗi đêm một lần",
                 "the software fetches at its own pace: documents every 15 minutes, statuses once a night at some agencies"),
                ("nếu quá một ngày làm việc, gọi văn thư nơi nhận", "after a working day call the recipient's clerk"),
            ],
            Self::Arrived => [
                ("đã ở phần mềm nơi nhận", "with the recipient's software"),
                ("trạng thái xử lý sẽ được gửi về", "statuses come back as it is handled"),
                ("không cần làm gì; chờ trạng thái hoặc hỏi văn thư nơi nhận", "nothing; wait for a status or ask the recipient's clerk"),
            ],
            Self::Failed => [
                ("nơi nhận không nhận được", "the recipient could not take it"),
                ("không tự gửi lại", "it is not sent again by itself"),
                ("sửa theo lý do ở trên rồi gửi lại thành gói mới", "mend what the reason names, then send it anew"),
            ],
            Self::Unreached => [
                ("không tới được nơi nhận này", "it does not reach this recipient"),
                ("các nơi nhận khác không bị ảnh hưởng", "the other recipients have theirs"),
                ("xem lý do: chọn mã đang dùng hoặc mã kế thừa trong danh bạ rồi gửi lại", "see the reason: choose a code in use, or its successor, and send again"),
            ],
            Self::Refused => [
                ("Trục không nhận, gói đã bị huỷ tại nơi gửi", "the exchange did not take it, its sender gave it up"),
                ("không tự gửi lại", "it is not sent again by itself"),
                ("sửa theo lý do ở trên rồi gửi lại", "mend what the reason names, then send it again"),
            ],
        }
    }
}
