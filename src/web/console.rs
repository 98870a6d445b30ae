//! How a box or hub stands, as a page.

use super::html::{esc, put};
use super::language::Language;
use super::page::Page;
use crate::control::{Asker, Desk, Report, span};
use crate::gauge::{Gauge, Level};

pub(super) async fn page(desk: &Desk, asker: &Asker, language: Language, hub: bool) -> String {
    render(&desk.report_to(asker).await, language, hub)
}

pub(super) fn render(report: &Report, l: Language, hub: bool) -> String {
    let title = if hub {
        l.say("Tình trạng Trục liên thông", "How the exchange stands")
    } else {
        l.say(
            "Tình trạng máy chủ bảo mật",
            "How the security server stands",
        )
    };
    let mut links = vec![(
        format!("trace?lang={}", l.code()),
        l.say("Tra cứu văn bản", "Trace a document").to_owned(),
    )];
    if hub {
        links.insert(
            0,
            (
                format!("./?lang={}", l.code()),
                l.say("Bảng số liệu", "Board").to_owned(),
            ),
        );
    }
    let mut content = String::new();
    let (class, head) = level(report.level, l);
    put!(
        content,
        "<p class=\"lead state {class}\">{head}</p>\n<ul class=\"gauges\">\n"
    );
    for gauge in &report.gauges {
        one(&mut content, gauge, report, l);
    }
    put!(content, "</ul>\n");
    Page {
        language: l,
        title,
        over: report.code.clone(),
        under: format!("{} · trucgate {}", l.moment(report.time), report.version),
        other: format!("status?lang={}", l.other().code()),
        links,
        content,
    }
    .html()
}

fn level(level: Level, l: Language) -> (&'static str, &'static str) {
    match level {
        Level::Good => ("good", l.say("Mọi thứ bình thường.", "All in order.")),
        Level::Risk => (
            "risk",
            l.say(
                "Hoạt động, có rủi ro đã khai báo.",
                "Working, with declared risks.",
            ),
        ),
        Level::Warning => (
            "warning",
            l.say("Cần có người xử lý.", "Somebody has to act."),
        ),
        Level::Stops => (
            "stops",
            l.say(
                "Liên thông sắp dừng hoặc đã dừng.",
                "Traffic stops soon or has stopped.",
            ),
        ),
    }
}

/// The same of one gauge.
fn word(of: Level, l: Language) -> (&'static str, &'static str) {
    let said = match of {
        Level::Good => l.say("Bình thường", "In order"),
        Level::Risk => l.say("Rủi ro đã khai báo", "Declared risk"),
        Level::Warning => l.say("Cần xử lý", "Somebody has to act"),
        Level::Stops => l.say("Liên thông dừng ở đây", "Traffic stops here"),
    };
    (level(of, l).0, said)
}

fn one(out: &mut String, gauge: &Gauge, report: &Report, l: Language) {
    let (class, said) = word(gauge.level, l);
    put!(
        *out,
        "<li class=\"{class}\"><h2>{} <span class=\"code\">{}</span></h2><p>{}",
        esc(l.pick(&gauge.kind.name())),
        esc(&gauge.subject),
        esc(l.pick(&gauge.state)),
    );
    if let Some(age) = gauge.age {
        let (vi, en) = span(age);
        put!(
            *out,
            " <span class=\"faint\">({})</span>",
            match l {
                Language::Vi => format!("{vi} trước"),
                Language::En => format!("{en} ago"),
            }
        );
    }
    put!(*out, "</p><p class=\"verdict\">{said}</p>");
    if let Some(at) = gauge.stops_at {
        let word = if at > report.time {
            l.say("Liên thông dừng lúc", "Traffic stops at")
        } else {
            l.say("Liên thông dừng từ", "Traffic stopped at")
        };
        put!(*out, "<p>{word} {}</p>", l.moment(at));
    }
    if let Some(unless) = &gauge.unless {
        let word = l.say("Việc cần làm", "What to do");
        put!(
            *out,
            "<p class=\"todo\"><strong>{word}:</strong> {}</p>",
            esc(l.pick(unless))
        );
    }
    put!(*out, "</li>\n");
}
