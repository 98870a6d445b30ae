//! The page of maintenance sessions: what opens one, and the order to begin.

use super::language::Language;
use super::more::title;
use super::order::Order;
use super::power::ordering;
use super::row::{Row, Tone, paragraph};

/// The page.
pub(super) fn maintenance(
    asked: Option<Order>,
    done: Option<&Result<Order, String>>,
    language: Language,
) -> Vec<Row> {
    let mut rows = vec![
        title(language.say("Bảo trì", "Maintenance")),
        Row::default(),
    ];
    let texts = [
        language.say(
            " Phiên bảo trì mở vỏ lệnh của máy ở bàn điều khiển này, trong số phút có hạn. Mọi dòng hiện ra được ghi vào nhật ký.",
            " A maintenance session opens the machine's shell at this console, for some minutes. Every line of it is journalled.",
        ),
        language.say(
            " Cần giấy phép do người vận hành ký, dùng một lần: tệp maintenance.permit trên đĩa USB nhãn TRUC-MNT. Máy chưa cấp phát thì không cần.",
            " It needs a permit that an operator has signed, of use once: maintenance.permit on a medium labelled TRUC-MNT. A machine that is not provisioned yet needs none.",
        ),
    ];
    for text in texts {
        rows.extend(paragraph(Tone::Plain, text, " "));
        rows.push(Row::default());
    }
    let choices = [("1", language.say("mở phiên bảo trì", "open a session"))];
    rows.extend(ordering(asked, done, &choices, language));
    rows
}
