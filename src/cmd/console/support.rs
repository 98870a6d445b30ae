//! The page of support: what a bundle holds and what it does not, how far one is, and the order to make one.

use super::language::Language;
use super::more::title;
use super::order::Order;
use super::page::Sight;
use super::power::ordering;
use super::row::{Row, Tone, paragraph};
use super::update::how_far;

/// The page.
pub(super) fn support(
    sight: &Sight,
    asked: Option<Order>,
    done: Option<&Result<Order, String>>,
    language: Language,
) -> Vec<Row> {
    let mut rows = vec![
        title(language.say("Gói hỗ trợ", "Support bundle")),
        Row::default(),
    ];
    if sight.machine.image.is_none() {
        rows.push(Row::plain(language.say(
            " Máy này không tạo từ ảnh hệ thống; lập gói bằng lệnh:",
            " This machine was not made from an image; the bundle is made by the command:",
        )));
        rows.push(Row::new(Tone::Key, "     trucgate support --out DIR"));
        return rows;
    }
    for (head, text) in [
        (
            language.say(" Trong gói có:", " What is in it:"),
            language.say(
                "     phiên bản, khe, đồng hồ, cập nhật; tình trạng; hạn chứng thư; dịch vụ, mạng, ổ đĩa; cấu hình đã bỏ phần bí mật; nhật ký 7 ngày.",
                "     version, slot, clock, updates; how all stands; certificates' ends; units, network, disks; configuration without secrets; 7 days of journal.",
            ),
        ),
        (
            language.say(" Không có:", " What is not:"),
            language.say(
                "     khoá, mã PIN, mã bí mật của phần mềm; gói tin, nội dung và trích yếu văn bản.",
                "     keys, PINs, secrets of software; packets, documents and their subjects.",
            ),
        ),
    ] {
        rows.push(Row::plain(head));
        rows.extend(paragraph(Tone::Plain, text, "     "));
    }
    rows.push(Row::default());
    let medium = language.say(
        " Cắm đĩa USB nhãn TRUC-SUP (FAT hoặc ext4). Máy ký gói; ai nhận cũng kiểm tra được.",
        " Plug in a medium labelled TRUC-SUP (FAT or ext4). The box signs the bundle, so that whoever gets it can verify it.",
    );
    rows.extend(paragraph(Tone::Plain, medium, " "));
    rows.extend(how_far(sight.support.as_ref(), language));
    rows.push(Row::default());
    let choices = [(
        "1",
        language.say(
            "lập gói và ghi lên đĩa",
            "make it and write it to the medium",
        ),
    )];
    rows.extend(ordering(asked, done, &choices, language));
    rows
}
