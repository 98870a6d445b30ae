//! How long documents take, and what did not arrive.

use super::super::html::{esc, put};
use super::super::language::Language;
use super::{Column, scrolling, table_of};
use crate::hub::Overview;
use crate::hub::statistics::{Failure, Stage};

/// A stage's name.
pub(in crate::web) fn stage_name(stage: Stage, l: Language) -> &'static str {
    match stage {
        Stage::Delivery => l.say(
            "Văn bản tới máy chủ nơi nhận",
            "Document at the recipient's server",
        ),
        Stage::Collection => l.say(
            "Văn bản vào phần mềm nơi nhận",
            "Document in the recipient's software",
        ),
        Stage::StatusDelivery => l.say(
            "Trạng thái về máy chủ nơi gửi",
            "Status back at the sender's server",
        ),
        Stage::StatusCollection => l.say(
            "Trạng thái vào phần mềm nơi gửi",
            "Status in the sender's software",
        ),
    }
}

pub(super) fn table(out: &mut String, overview: &Overview, l: Language) {
    let caption = l.say(
        "Tính từ lúc máy chủ nơi gửi nhận văn bản từ phần mềm, theo giờ đã niêm phong",
        "From the sender's software handing it in, by sealed times",
    );
    let mut table = String::new();
    put!(
        table,
        "<table class=\"times\"><caption>{caption}</caption><thead><tr><th scope=\"col\">{}</th><th scope=\"col\" class=\"n\">{}</th>",
        l.say("Chặng", "Stage"),
        l.say("Số lần", "Count"),
    );
    for share in ["50%", "90%", "95%", "99%"] {
        let word = l.say("trong", "within");
        put!(table, "<th scope=\"col\" class=\"n\">{share} {word}</th>");
    }
    put!(table, "</tr></thead><tbody>");
    for stage in Stage::ALL {
        let times = overview.picture.nation.time(stage);
        put!(
            table,
            "<tr><th scope=\"row\">{}</th><td class=\"n\">{}</td>",
            stage_name(stage, l),
            l.number(times.count()),
        );
        for share in [0.5, 0.9, 0.95, 0.99] {
            put!(
                table,
                "<td class=\"n\">{}</td>",
                l.span(times.percentile(share))
            );
        }
        put!(table, "</tr>");
    }
    put!(table, "</tbody></table>");
    scrolling(out, caption, &table);
}

pub(super) fn failures(out: &mut String, overview: &Overview, l: Language) {
    let all = &overview.picture.nation.failures;
    if all.is_empty() {
        put!(
            *out,
            "<p>{}</p>\n",
            l.say(
                "Trong kỳ không có văn bản nào bị lỗi.",
                "Nothing failed in this window."
            )
        );
        return;
    }
    let caption = l.say(
        "Số lần không tới nơi, theo lý do",
        "How often it did not arrive, by reason",
    );
    let columns = [
        Column::Words(l.say("Lý do", "Reason")),
        Column::Numbers(l.say("Số lần", "Count")),
    ];
    let mut table = table_of("narrow-table", caption, &columns);
    for class in Failure::ALL {
        if let Some(count) = all.get(class.word()) {
            put!(
                table,
                "<tr><th scope=\"row\">{}</th><td class=\"n\">{}</td></tr>",
                esc(l.pick(&class.name())),
                l.number(*count),
            );
        }
    }
    put!(table, "</tbody></table>");
    scrolling(out, caption, &table);
}
