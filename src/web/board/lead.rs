//! What the country was told on the opening day, and the figures behind it at a glance.

use super::super::html::{esc, put};
use super::super::language::Language;
use super::agencies::{Access, Agency};
use crate::hub::Overview;
use crate::hub::statistics::{Stage as Timed, Traffic};
use crate::trust::directory::Stage;

/// Silent agencies that the sentence names.
const NAMED: usize = 3;

pub(super) fn sentence(out: &mut String, overview: &Overview, agencies: &[Agency], l: Language) {
    let count = |fits: &dyn Fn(&Agency) -> bool| {
        strong(l.number(agencies.iter().filter(|agency| fits(agency)).count() as u64))
    };
    let access = |wanted: Access| count(&move |agency| agency.access == wanted);
    let stage = |wanted: Stage| count(&move |agency| agency.member.stage == Some(wanted));
    let all = overview.picture.nation.documents();
    let (first, last) = (overview.picture.window.first, overview.picture.window.last);
    let (sent, received) = (strong(l.number(all.sent)), strong(l.number(all.delivered)));
    let connected = count(&|agency| agency.access != Access::None);
    let total = strong(l.number(agencies.len() as u64));
    let silent = silent(agencies, l);
    let (own, shared) = (access(Access::Dedicated), access(Access::Shared));
    let [done, test, upgrading, planned] = Stage::ALL.map(stage);
    let said = match l {
        Language::Vi => format!(
            "Từ {} đến {}, {sent} văn bản đã được gửi và {received} văn bản đã được nhận qua Trục liên thông. \
             {connected}/{total} cơ quan đã kết nối; {silent}. {own} cơ quan có máy chủ bảo mật riêng, {shared} cơ quan dùng chung; \
             phần mềm của {done} cơ quan đã nâng cấp xong, {test} đang thử nghiệm, {upgrading} đang nâng cấp, {planned} đã có kế hoạch.",
            first.vi(),
            last.vi(),
        ),
        Language::En => format!(
            "From {} to {}, {sent} documents were sent and {received} received through the exchange. \
             {connected} of {total} agencies are connected; {silent}. {own} have a security server of their own, {shared} share one; \
             the software of {done} is upgraded, of {test} in test, of {upgrading} being upgraded, of {planned} planned.",
            first.en(),
            last.en(),
        ),
    };
    put!(*out, "<p class=\"lead\">{said}</p>\n");
}

fn strong(text: String) -> String {
    format!("<strong>{text}</strong>")
}

fn silent(agencies: &[Agency], l: Language) -> String {
    let silent: Vec<&Agency> = agencies
        .iter()
        .filter(|agency| agency.standing.documents().sent == 0)
        .collect();
    if silent.is_empty() {
        return l
            .say("tất cả đều đã gửi văn bản", "every one of them has sent")
            .to_owned();
    }
    let names: Vec<String> = silent
        .iter()
        .take(NAMED)
        .map(|agency| esc(&agency.member.name).to_string())
        .collect();
    let more = silent.len().saturating_sub(NAMED);
    let rest = match (more, l) {
        (0, _) => String::new(),
        (more, Language::Vi) => format!(" và {more} cơ quan khác"),
        (more, Language::En) => format!(" and {more} others"),
    };
    let count = strong(l.number(silent.len() as u64));
    match l {
        Language::Vi => format!(
            "{count} cơ quan chưa gửi văn bản nào ({}{rest})",
            names.join(", ")
        ),
        Language::En => format!("{count} sent none ({}{rest})", names.join(", ")),
    }
}

pub(super) fn tiles(out: &mut String, overview: &Overview, l: Language) {
    let nation = &overview.picture.nation;
    let all: Traffic = nation.documents();
    put!(*out, "<dl class=\"tiles\">");
    let mut tile = |name: &str, value: String, under: String| {
        put!(
            *out,
            "<div><dt>{name}</dt><dd>{value}<span>{under}</span></dd></div>"
        );
    };
    let each = (all.addressed * 10).checked_div(all.sent).unwrap_or(0);
    tile(
        l.say("Văn bản gửi", "Documents sent"),
        l.number(all.sent),
        format!(
            "{} {}",
            l.tenths(each),
            l.say("nơi nhận mỗi văn bản", "recipients each")
        ),
    );
    tile(
        l.say("Văn bản nhận", "Documents received"),
        l.number(all.delivered),
        format!(
            "{} {}",
            l.share(all.delivered, all.addressed),
            l.say("đã tới nơi", "have arrived")
        ),
    );
    tile(
        l.say("Tới nơi trong", "Delivered within"),
        l.span(nation.time(Timed::Delivery).percentile(0.5)),
        format!(
            "{} {}",
            l.say("9/10 trong", "9 of 10 within"),
            l.span(nation.time(Timed::Delivery).percentile(0.9))
        ),
    );
    tile(
        l.say("Phần mềm đã lấy", "Taken by software"),
        l.share(all.collected, all.delivered),
        format!(
            "{} {}",
            l.say("một nửa trong", "half of them within"),
            l.span(nation.time(Timed::Collection).percentile(0.5))
        ),
    );
    tile(
        l.say("Ước tính tiết kiệm", "Estimated saving"),
        l.money(overview.cost.saved(all).total()),
        format!(
            "<a href=\"#cost\">{}</a>",
            l.say("cách tính", "how it is reckoned")
        ),
    );
    put!(*out, "</dl>\n");
}
