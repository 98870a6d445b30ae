//! What paper would have cost, with every assumption in sight.

use super::super::html::{esc, put};
use super::super::language::Language;
use super::{Column, scrolling, table_of};
use crate::hub::Overview;

pub(super) fn table(out: &mut String, overview: &Overview, l: Language) {
    let (cost, saved) = (
        overview.cost,
        overview.cost.saved(overview.picture.nation.documents()),
    );
    let days = u64::from(overview.picture.window.days()).max(1);
    let year = saved.total() * 365 / days;
    put!(
        *out,
        "<p>{} <strong>{}</strong>{} <strong>{}</strong>.</p>\n",
        l.say(
            "Nếu gửi bằng giấy, số văn bản nhận trong kỳ đã tốn khoảng",
            "On paper, what was received in this window would have cost about"
        ),
        l.money(saved.total()),
        l.say(
            "; cùng nhịp ấy, một năm khoảng",
            "; at this pace a year comes to about"
        ),
        l.money(year),
    );
    let caption = l.say(
        "Giả định cho một văn bản giấy tới một nơi nhận; người vận hành đặt được từng số",
        "Assumptions for one document on paper to one recipient; the operator can set each",
    );
    let number = |number: u32| l.number(u64::from(number));
    let dong = |amount: u32| l.money(u64::from(amount));
    let pages = format!(
        "{} {} × (1 + {}) {}",
        number(cost.pages),
        l.say("trang", "pages"),
        number(cost.copies_at_recipient),
        l.say("bản", "copies"),
    );
    let rows = [
        (
            l.say("Giấy", "Paper"),
            format!("{pages} × {}", dong(cost.paper_per_page)),
            saved.paper,
        ),
        (
            l.say("Mực và máy in", "Ink and copier"),
            format!("{pages} × {}", dong(cost.ink_per_page)),
            saved.ink,
        ),
        (
            l.say("Phong bì và cước gửi", "Envelope and post"),
            format!("{} + {}", dong(cost.envelope), dong(cost.postage)),
            saved.post,
        ),
        (
            l.say("Công văn thư hai đầu", "Clerks' time at both ends"),
            format!(
                "{} {} × {}/{}",
                number(cost.minutes),
                l.say("phút", "min"),
                dong(cost.wage_per_hour),
                l.say("giờ", "h")
            ),
            saved.work,
        ),
    ];
    let times = format!(
        "× {} {}",
        l.number(saved.deliveries),
        l.say("văn bản nhận", "received")
    );
    let columns = [
        Column::Words(l.say("Khoản", "Item")),
        Column::Words(l.say("Mỗi nơi nhận", "Each recipient")),
        Column::Numbers(&times),
    ];
    let mut table = table_of("cost", caption, &columns);
    for (name, how, amount) in rows {
        put!(
            table,
            "<tr><th scope=\"row\">{name}</th><td>{}</td><td class=\"n\">{}</td></tr>",
            esc(how),
            l.money(amount),
        );
    }
    put!(
        table,
        "</tbody><tfoot><tr><th scope=\"row\" colspan=\"2\">{}</th><td class=\"n\">{}</td></tr></tfoot></table>",
        l.say("Cộng", "In all"),
        l.money(saved.total()),
    );
    scrolling(out, caption, &table);
}
