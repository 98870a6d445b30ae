//! The exchange in one page: the sentence of the opening day for any window, and all that stands behind it.

mod agencies;
mod chart;
mod cost;
mod lead;
mod matrix;
mod register;
mod times;

pub(super) use agencies::{Access, agencies, domain as domain_name};

use super::html::{esc, put};
use super::language::Language;
use super::page::{Column, Page, scrolling, table_of};
use crate::hub::Overview;
use crate::hub::statistics::Day;

/// For whom a board is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Audience {
    /// Those who run the exchange.
    Operators,
    /// Everybody: nothing of who writes to whom, of certificates, of persons.
    Public,
}

pub(super) fn page(overview: &Overview, l: Language, audience: Audience) -> String {
    let agencies = agencies(overview);
    let operators = audience == Audience::Operators;
    let mut out = String::with_capacity(128 * 1024);
    if operators {
        windows(&mut out, overview, l);
    }
    lead::sentence(&mut out, overview, &agencies, l);
    lead::tiles(&mut out, overview, l);
    section(
        &mut out,
        "days",
        l.say("Văn bản theo ngày", "Documents by day"),
        |out| {
            chart::days(out, &overview.picture, l);
        },
    );
    section(
        &mut out,
        "times",
        l.say("Thời gian chuyển văn bản", "How long documents take"),
        |out| {
            times::table(out, overview, l);
        },
    );
    if operators {
        section(
            &mut out,
            "pairs",
            l.say("Ai gửi cho ai", "Who writes to whom"),
            |out| {
                matrix::table(out, overview, l);
            },
        );
    }
    section(
        &mut out,
        "onboarding",
        l.say("Kết nối và nâng cấp phần mềm", "Connection and software"),
        |out| {
            register::stages(out, &agencies, l);
        },
    );
    if operators {
        section(
            &mut out,
            "servers",
            l.say(
                "Máy chủ bảo mật và chứng thư",
                "Security servers and certificates",
            ),
            |out| {
                register::servers(out, overview, l);
            },
        );
    }
    section(
        &mut out,
        "silent",
        l.say(
            "Cơ quan chưa gửi hoặc đã im lặng",
            "Agencies that are silent",
        ),
        |out| {
            register::silent(out, overview, &agencies, l);
        },
    );
    if operators {
        section(
            &mut out,
            "failures",
            l.say("Không tới nơi", "What did not arrive"),
            |out| {
                times::failures(out, overview, l);
            },
        );
    }
    section(
        &mut out,
        "cost",
        l.say("Ước tính tiết kiệm", "What it saves"),
        |out| {
            cost::table(out, overview, l);
        },
    );
    section(
        &mut out,
        "agencies",
        l.say("Từng cơ quan", "Agency by agency"),
        |out| {
            agencies::table(out, &agencies, l);
        },
    );
    downloads(&mut out, overview, l, operators);
    around(overview, l, audience, out)
}

fn around(overview: &Overview, l: Language, audience: Audience, content: String) -> String {
    let window = overview.picture.window;
    let operators = audience == Audience::Operators;
    let other = if operators {
        let (from, to) = (window.first, window.last);
        format!("./?from={from}&to={to}&lang={}", l.other().code())
    } else {
        match l.other() {
            Language::Vi => "index.html".to_owned(),
            Language::En => "en.html".to_owned(),
        }
    };
    let links = if operators {
        vec![
            (
                format!("trace?lang={}", l.code()),
                l.say("Tra cứu văn bản", "Trace a document").to_owned(),
            ),
            (
                format!("status?lang={}", l.code()),
                l.say("Tình trạng", "Status").to_owned(),
            ),
        ]
    } else {
        Vec::new()
    };
    Page {
        language: l,
        title: l.say(
            "Trục liên thông văn bản quốc gia",
            "National document exchange",
        ),
        over: l.say("Báo cáo liên thông", "Exchange report").to_owned(),
        under: match l {
            Language::Vi => format!(
                "Từ {} đến {} · {} ngày, giờ Việt Nam · lập lúc {}",
                window.first.vi(),
                window.last.vi(),
                window.days(),
                l.moment(overview.at),
            ),
            Language::En => format!(
                "{} to {} · {} days, Vietnam time · made at {}",
                window.first.en(),
                window.last.en(),
                window.days(),
                l.moment(overview.at),
            ),
        },
        other,
        links,
        content,
    }
    .html()
}

fn section(out: &mut String, id: &str, title: &str, content: impl FnOnce(&mut String)) {
    put!(
        *out,
        "<section id=\"{id}\" aria-labelledby=\"h-{id}\">\n<h2 id=\"h-{id}\">{}</h2>\n",
        esc(title)
    );
    content(out);
    put!(*out, "</section>\n");
}

/// The choice of a window: two dates, and the usual ones.
fn windows(out: &mut String, overview: &Overview, l: Language) {
    let window = overview.picture.window;
    put!(
        *out,
        "<form class=\"window\" action=\"./\" method=\"get\"><label>{} <input type=\"date\" name=\"from\" value=\"{}\"></label>\
         <label>{} <input type=\"date\" name=\"to\" value=\"{}\"></label>\
         <input type=\"hidden\" name=\"lang\" value=\"{}\"><button>{}</button><span class=\"usual\">",
        l.say("Từ", "From"),
        window.first,
        l.say("đến", "to"),
        window.last,
        l.code(),
        l.say("Xem", "Show"),
    );
    let today = Day::of(overview.at);
    for (days, name) in [
        (1, l.say("hôm nay", "today")),
        (7, l.say("7 ngày", "7 days")),
        (30, l.say("30 ngày", "30 days")),
        (365, l.say("1 năm", "1 year")),
    ] {
        let first = today.plus(1 - days);
        put!(
            *out,
            "<a href=\"./?from={first}&amp;to={today}&amp;lang={}\">{name}</a>",
            l.code()
        );
    }
    put!(
        *out,
        "<a href=\"./?lang={}\">{}</a></span></form>\n",
        l.code(),
        l.say("từ ngày đầu", "from the first day")
    );
}

fn downloads(out: &mut String, overview: &Overview, l: Language, operators: bool) {
    put!(
        *out,
        "<section id=\"data\" aria-labelledby=\"h-data\"><h2 id=\"h-data\">{}</h2><p class=\"links\">",
        l.say("Dữ liệu", "The data")
    );
    let window = overview.picture.window;
    let names = super::table::NAMES
        .iter()
        .filter(|(_, public)| operators || *public);
    for name in [super::table::JSON]
        .into_iter()
        .chain(names.map(|(name, _)| *name))
    {
        if operators {
            put!(
                *out,
                "<a href=\"{name}?from={}&amp;to={}&amp;lang={}\">{name}</a> ",
                window.first,
                window.last,
                l.code()
            );
        } else {
            put!(*out, "<a href=\"{name}\">{name}</a> ");
        }
    }
    put!(
        *out,
        "</p><p class=\"note\">{}</p></section>\n",
        l.say(
            "Số liệu được đếm từ chứng cứ đã niêm phong mà Trục giữ; đếm lại từ đầu cho cùng kết quả. Một văn bản gửi nhiều nơi là một văn bản gửi và nhiều văn bản nhận; trạng thái xử lý không tính là văn bản.",
            "Counted from the sealed evidence that the exchange holds; counted anew it is the same. A document to several agencies is one sent and several received; statuses are no documents.",
        )
    );
    if overview.picture.uncounted > 0 {
        put!(
            *out,
            "<p class=\"note\">{} {}</p>",
            l.number(overview.picture.uncounted),
            l.say("bản ghi mới chưa đếm.", "new records are not counted yet."),
        );
    }
}
