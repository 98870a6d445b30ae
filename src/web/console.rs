//! How a box or hub stands, as a page.

use std::sync::Arc;

use super::door::Site;
use super::html::{esc, put};
use super::language::Language;
use super::page::Page;
use super::trace::party;
use crate::clock::parse_rfc3339;
use crate::control::{Asker, Desk, Report, span};
use crate::gauge::{Gauge, Kind, Level};
use crate::journal::{self, Entry, Explanation};
use crate::trace::Party;

/// What of it an operator sees.
pub(super) struct Sight {
    pub(super) report: Report,
    /// The members of a box; none at the hub, whose board lists all.
    pub(super) members: Option<Vec<Party>>,
    /// The newest first.
    pub(super) errors: Vec<Arc<Entry>>,
}

pub(super) async fn page(desk: &Desk, asker: &Asker, site: &Site, l: Language) -> String {
    let report = desk.report_to(asker).await;
    let own = |code: &str| match asker.members() {
        Some(only) => only.iter().any(|member| member.as_str() == code),
        None => true,
    };
    let members = match site {
        Site::Hub(_) => None,
        Site::Box(relay) => {
            let mut members = relay.parties();
            members.retain(|party| own(&party.code));
            Some(members)
        }
    };
    let mut errors = journal::errors();
    errors.retain(|entry| own(entry.member.as_deref().unwrap_or_default()));
    let sight = Sight {
        report,
        members,
        errors,
    };
    render(&sight, l)
}

pub(super) fn render(sight: &Sight, l: Language) -> String {
    let (report, hub) = (&sight.report, sight.members.is_none());
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
    if let Some(members) = &sight.members {
        listed(&mut content, members, l);
    }
    errors(&mut content, &sight.errors, l);
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

fn listed(out: &mut String, members: &[Party], l: Language) {
    let head = l.say("Đơn vị của máy này", "Members of this box");
    put!(*out, "<section><h2>{head}</h2>\n<ul>\n");
    for member in members {
        put!(*out, "<li>{}</li>\n", party(member));
    }
    put!(*out, "</ul></section>\n");
}

/// The last errors, each with what the catalog says of it.
fn errors(out: &mut String, errors: &[Arc<Entry>], l: Language) {
    let head = l.say("Lỗi gần nhất", "Last errors");
    put!(*out, "<section id=\"errors\"><h2>{head}</h2>\n");
    if errors.is_empty() {
        let none = l.say(
            "Không có lỗi nào từ khi chương trình khởi động.",
            "None since the program started.",
        );
        put!(*out, "<p class=\"note\">{none}</p>\n");
    }
    for entry in errors {
        let field = |name: &str| entry.field(name).unwrap_or_default();
        let explained = Explanation::of(entry.id.message_id).map(|[vi, en]| match l {
            Language::Vi => vi,
            Language::En => en,
        });
        let subject = explained.and_then(|explained| explained.subject(field));
        let at = parse_rfc3339(&entry.timestamp);
        put!(
            *out,
            "<details><summary><span class=\"faint\">{}</span> {}</summary><p class=\"said\">{}</p></details>\n",
            at.map_or_else(String::new, |at| l.moment(at)),
            esc(&subject.unwrap_or_else(|| entry.message.clone())),
            esc(&explained
                .map_or_else(Vec::new, |explained| explained.text(field))
                .join("\n")),
        );
    }
    put!(*out, "</section>\n");
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
    if let Some(end) = gauge
        .end
        .as_ref()
        .filter(|_| gauge.kind == Kind::Certificate)
    {
        let left = end.left(report.time);
        put!(*out, " <strong>({})</strong>", l.pick(&left));
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
