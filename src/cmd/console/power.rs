//! The page that turns the machine off: the choice, the question, and what became of it.

use super::language::{Language, shown};
use super::more::title;
use super::order::Order;
use super::row::{Row, Tone, paragraph};

/// The page; `asked` waits for a person to agree, `done` has been ordered or could not be.
pub(super) fn power(
    asked: Option<Order>,
    done: Option<&Result<Order, String>>,
    language: Language,
) -> Vec<Row> {
    let mut rows = vec![
        title(language.say("Tắt hoặc khởi động lại", "Shut down or restart")),
        Row::default(),
        Row::plain(language.say(
            " Văn bản đã nhận được giữ trên ổ đĩa và tự đi tiếp khi máy chạy lại.",
            " What was taken is kept on the disk and goes on when the machine runs again.",
        )),
        Row::default(),
    ];
    let choices = [
        ("1", language.say("tắt máy", "shut down")),
        ("2", language.say("khởi động lại", "restart")),
    ];
    rows.extend(ordering(asked, done, &choices, language));
    rows
}

/// The choices; or the question, once one is made; or what became of it.
pub(super) fn ordering(
    asked: Option<Order>,
    done: Option<&Result<Order, String>>,
    choices: &[(&str, &str)],
    language: Language,
) -> Vec<Row> {
    match (done, asked) {
        (Some(Ok(order)), _) => vec![Row::new(Tone::Act, under_way(*order, language))],
        (Some(Err(why)), _) => {
            let cannot = language.say("Không làm được", "It can't be done");
            let text = format!(" {cannot}: {}", shown(why));
            paragraph(Tone::Stops, &text, " ").collect()
        }
        (None, Some(order)) => vec![Row::new(Tone::Stops, question(order, language))],
        (None, None) => choices
            .iter()
            .map(|(key, what)| choice(key, what))
            .collect(),
    }
}

fn question(order: Order, language: Language) -> &'static str {
    match order {
        Order::PowerOff => language.say(
            " TẮT MÁY: liên thông của mọi đơn vị trên máy này sẽ dừng. Nhấn Y để đồng ý.",
            " SHUT DOWN: traffic of all members of this machine stops. Press Y to agree.",
        ),
        Order::Restart => language.say(
            " KHỞI ĐỘNG LẠI: liên thông dừng trong ít phút. Nhấn Y để đồng ý.",
            " RESTART: traffic stops for some minutes. Press Y to agree.",
        ),
        Order::Support => language.say(
            " GÓI HỖ TRỢ: ghi lên đĩa TRUC-SUP, người cầm đĩa đọc được. Nhấn Y để đồng ý.",
            " SUPPORT: written to TRUC-SUP, whose holder can read it. Press Y to agree.",
        ),
        Order::Update => language.say(
            " CẬP NHẬT: gói được kiểm tra rồi ghi vào khe trống. Nhấn Y để đồng ý.",
            " UPDATE: the bundle is checked, then the idle slot written. Press Y to agree.",
        ),
        // The form has asked already, below what changes.
        Order::Settings => "",
        Order::Maintenance => language.say(
            " BẢO TRÌ: vỏ lệnh mở ở đây, mọi dòng được ghi lại. Nhấn Y để đồng ý.",
            " MAINTENANCE: a shell opens here, every line is kept. Press Y to agree.",
        ),
    }
}

fn under_way(order: Order, language: Language) -> &'static str {
    match order {
        Order::PowerOff => language.say(" Đang tắt máy…", " Shutting down…"),
        Order::Restart => language.say(" Đang khởi động lại…", " Restarting…"),
        Order::Update | Order::Support => language.say(
            " Đã bắt đầu; tiến độ hiện ở trên, nhấn R để xem ngay.",
            " It has begun; how far it is stands above, the key R looks at once.",
        ),
        Order::Settings => language.say(
            " Đang đặt; mạng hiện ở trên sau ít giây, nhấn R để xem ngay. Lỗi nếu có: trang [4].",
            " It is being done; above stands the network in seconds, the key R looks. Errors: page [4].",
        ),
        Order::Maintenance => {
            language.say(" Đang mở phiên bảo trì…", " The session is being opened…")
        }
    }
}

fn choice(key: &str, what: &str) -> Row {
    Row::new(Tone::Key, format!("   [{key}] ")).then(Tone::Plain, what)
}
