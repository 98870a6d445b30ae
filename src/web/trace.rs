//! A document's way, as a page.

use super::html::{esc, put};
use super::language::Language;
use super::page::Page;
use super::query::{Query, encoded};
use crate::control::{Asker, Desk};
use crate::trace::{Hop, Leg, Party, Trace, kind_name};

pub(super) async fn page(desk: &Desk, asker: &Asker, query: &Query, l: Language) -> String {
    let what = query.get("what").unwrap_or_default();
    let traces = if what.is_empty() {
        Ok(Vec::new())
    } else {
        desk.traces(asker, what).await
    };
    render(what, traces, l)
}

pub(super) fn render(what: &str, traces: Result<Vec<Trace>, String>, l: Language) -> String {
    let mut out = String::new();
    put!(
        out,
        "<form class=\"ask\" action=\"trace\" method=\"get\"><label for=\"what\">{}</label>\
         <div><input id=\"what\" name=\"what\" value=\"{}\" maxlength=\"200\" autocomplete=\"off\">\
         <input type=\"hidden\" name=\"lang\" value=\"{}\"><button>{}</button></div></form>\n",
        l.say(
            "Số/ký hiệu văn bản, DocumentId, DocId hoặc mã gói tin",
            "Document code, DocumentId, DocId or packet id",
        ),
        esc(what),
        l.code(),
        l.say("Tra cứu", "Trace"),
    );
    match traces {
        Err(reason) => put!(out, "<p class=\"lead\">{}</p>\n", esc(reason)),
        Ok(traces) if traces.is_empty() && !what.is_empty() => put!(
            out,
            "<p class=\"lead\">{}</p>\n",
            l.say(
                "Không có văn bản nào tên như vậy ở đây. Kiểm tra số/ký hiệu; hỏi ở máy chủ bảo mật nơi gửi hoặc tại Trục.",
                "No document is called so here. Check its code; ask at its sender's security server or at the exchange.",
            )
        ),
        Ok(traces) => traces.iter().for_each(|trace| one(&mut out, trace, l)),
    }
    Page {
        language: l,
        title: l.say("Văn bản đang ở đâu", "Where a document is"),
        over: l
            .say(
                "Trục liên thông văn bản quốc gia",
                "National document exchange",
            )
            .to_owned(),
        under: String::new(),
        other: format!("trace?what={}&lang={}", encoded(what), l.other().code()),
        links: vec![(
            format!("./?lang={}", l.code()),
            l.say("Trang đầu", "Home").to_owned(),
        )],
        content: out,
    }
    .html()
}

fn one(out: &mut String, trace: &Trace, l: Language) {
    let kind = kind_name(&trace.kind);
    let unnumbered = l.say("không số", "no number");
    put!(
        *out,
        "<article class=\"trace\"><h2>{} {}</h2>\n",
        esc(capital(l.pick(&kind))),
        esc(trace.code.as_deref().unwrap_or(unnumbered)),
    );
    if let Some(subject) = &trace.subject {
        put!(*out, "<p class=\"subject\">{}</p>", esc(subject));
    }
    put!(*out, "<dl class=\"facts\">");
    let mut fact = |name: &str, value: String| {
        put!(*out, "<div><dt>{name}</dt><dd>{value}</dd></div>");
    };
    fact(l.say("Nơi gửi", "From"), party(&trace.from));
    if let Some(document) = &trace.document {
        fact(
            "DocumentId",
            format!("<span class=\"code\">{}</span>", esc(document)),
        );
    }
    let code = |text: &str| format!("<span class=\"code\">{}</span>", esc(text));
    fact(l.say("Gói tin", "Packet"), code(&trace.packet));
    fact("SHA-256", code(trace.digest.trim_start_matches("sha256:")));
    fact(l.say("Dung lượng", "Size"), l.bytes(trace.size));
    put!(*out, "</dl>\n<ol class=\"way\">");
    trace.hops.iter().for_each(|hop| station(out, hop, l));
    put!(*out, "</ol>\n");
    trace.legs.iter().for_each(|one| leg(out, one, l));
    if trace.left_off > 0 {
        let more = l.number(trace.left_off);
        put!(
            *out,
            "<p>… {} {more}</p>",
            l.say("và số nơi nhận nữa:", "and more recipients:")
        );
    }
    put!(*out, "</article>\n");
}

/// As a sentence begins.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).collect()
}

/// An agency's name and code.
pub(super) fn party(party: &Party) -> String {
    let code = format!("<span class=\"code\">{}</span>", esc(&party.code));
    match party.name.as_str() {
        "" => code,
        name => format!("{} {code}", esc(name)),
    }
}

fn leg(out: &mut String, leg: &Leg, l: Language) {
    put!(
        *out,
        "<section class=\"leg {}\"><h3>→ {}</h3>\n<ol class=\"way\">",
        esc(&leg.now.place),
        party(&leg.to)
    );
    leg.hops.iter().for_each(|hop| station(out, hop, l));
    put!(*out, "</ol>\n<dl class=\"now\">");
    for (name, text) in [
        (l.say("Hiện nay", "Now"), &leg.now.state),
        (l.say("Tiếp theo", "Next"), &leg.now.next),
        (l.say("Cần làm", "To do"), &leg.now.todo),
    ] {
        put!(
            *out,
            "<div><dt>{name}</dt><dd>{}</dd></div>",
            esc(capital(l.pick(text)))
        );
    }
    put!(*out, "</dl></section>\n");
}

fn station(out: &mut String, hop: &Hop, l: Language) {
    put!(*out, "<li><p>");
    if let Some(at) = hop.at {
        let (_, _, second) = at.to_hms();
        let shown = l.moment(at);
        let (clock, day) = shown.split_once(' ').unwrap_or((&shown, ""));
        put!(
            *out,
            "<time datetime=\"{}\">{clock}:{second:02} <span>{day}</span></time> ",
            crate::clock::rfc3339(at)
        );
    }
    put!(*out, "{}</p>", esc(capital(l.pick(&hop.what))));
    if let Some(reason) = &hop.reason {
        put!(
            *out,
            "<p class=\"reason\">{}: {}</p>",
            l.say("Lý do", "Reason"),
            esc(reason)
        );
    }
    if let Some(proof) = &hop.proof {
        let (class, sign) = if proof.holds {
            ("holds", "✓")
        } else {
            ("broken", "✗")
        };
        put!(
            *out,
            "<p class=\"proof {class}\"><span aria-hidden=\"true\">{sign}</span> {}</p>",
            esc(capital(l.pick(&proof.told)))
        );
    }
    put!(*out, "</li>");
}
