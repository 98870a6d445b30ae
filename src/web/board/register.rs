//! How far the country has come: stages, security servers, certificates, the silent.

use super::super::html::{esc, put};
use super::super::language::Language;
use super::agencies::{Access, Agency, access, domain, stage};
use super::{Column, scrolling, table_of};
use crate::hub::statistics::Day;
use crate::hub::{Overview, State};
use crate::signer::KeyUse;
use crate::trust::directory::{Domain, Stage};

/// Certificates with fewer days left stand by name.
const SOON: i64 = 90;

/// A bar of parts, and their legend with counts.
fn parts(out: &mut String, label: &str, parts: &[(&str, &str, usize)], l: Language) {
    let whole: usize = parts.iter().map(|(.., count)| count).sum();
    put!(
        *out,
        "<figure class=\"parts\"><svg viewBox=\"0 0 1000 26\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\">",
        esc(label)
    );
    let mut at = 0;
    for (class, _, count) in parts {
        let (from, to) = (at * 1000 / whole.max(1), (at + count) * 1000 / whole.max(1));
        put!(
            *out,
            "<rect x=\"{from}\" width=\"{}\" y=\"0\" height=\"26\" class=\"{class}\"/>",
            to - from
        );
        at += count;
    }
    put!(*out, "</svg><figcaption>");
    for (class, name, count) in parts {
        put!(
            *out,
            "<span><span class=\"key {class}\"></span>{} <strong>{}</strong></span>",
            esc(name),
            l.number(*count as u64)
        );
    }
    put!(*out, "</figcaption></figure>\n");
}

pub(super) fn stages(out: &mut String, agencies: &[Agency], l: Language) {
    let count = |wanted: Option<Stage>| {
        agencies
            .iter()
            .filter(|one| one.member.stage == wanted)
            .count()
    };
    let of = |class, wanted| (class, stage(wanted, l), count(wanted));
    let all = [
        of("s4", Some(Stage::Production)),
        of("s3", Some(Stage::Test)),
        of("s2", Some(Stage::Upgrading)),
        of("s1", Some(Stage::Planned)),
        of("s0", None),
    ];
    put!(
        *out,
        "<h3>{}</h3>",
        l.say("Phần mềm quản lý văn bản", "Document-management software")
    );
    parts(
        out,
        l.say(
            "Các giai đoạn nâng cấp phần mềm",
            "Stages of the software's upgrade",
        ),
        &all,
        l,
    );
    let servers = |wanted: Access| agencies.iter().filter(|one| one.access == wanted).count();
    let all = [
        (
            "s4",
            l.say("máy chủ riêng", "server of its own"),
            servers(Access::Dedicated),
        ),
        ("s2", l.say("dùng chung", "shared"), servers(Access::Shared)),
        (
            "s0",
            l.say("chưa kết nối", "not connected"),
            servers(Access::None),
        ),
    ];
    put!(
        *out,
        "<h3>{}</h3>",
        l.say("Máy chủ bảo mật", "Security servers")
    );
    parts(
        out,
        l.say("Cách kết nối của các cơ quan", "How agencies are connected"),
        &all,
        l,
    );
    by_domain(out, agencies, l);
}

fn by_domain(out: &mut String, agencies: &[Agency], l: Language) {
    let caption = l.say("Giai đoạn theo khối", "Stages by domain");
    let stages = Stage::ALL.map(Some).into_iter().chain([None]);
    let mut table = String::new();
    put!(
        table,
        "<table class=\"stages\"><caption>{caption}</caption><thead><tr><th scope=\"col\">{}</th>",
        l.say("Khối", "Domain")
    );
    for one in stages.clone() {
        put!(
            table,
            "<th scope=\"col\" class=\"n\">{}</th>",
            stage(one, l)
        );
    }
    put!(
        table,
        "<th scope=\"col\" class=\"n\">{}</th></tr></thead><tbody>",
        l.say("Tất cả", "All")
    );
    for of in Domain::ALL.map(Some).into_iter().chain([None]) {
        let here: Vec<_> = agencies
            .iter()
            .filter(|one| one.member.domain == of)
            .collect();
        if here.is_empty() {
            continue;
        }
        put!(table, "<tr><th scope=\"row\">{}</th>", domain(of, l));
        for one in stages.clone() {
            let count = here
                .iter()
                .filter(|agency| agency.member.stage == one)
                .count();
            put!(table, "<td class=\"n\">{}</td>", l.number(count as u64));
        }
        put!(
            table,
            "<td class=\"n\">{}</td></tr>",
            l.number(here.len() as u64)
        );
    }
    put!(table, "</tbody></table>");
    scrolling(out, caption, &table);
}

pub(super) fn servers(out: &mut String, overview: &Overview, l: Language) {
    let left = |ends: crate::clock::Moment| (ends - overview.at).whole_days();
    let between = |low: i64, high: i64| {
        let ends = overview.certificates.iter().filter_map(|one| one.ends);
        ends.filter(|ends| (low..high).contains(&left(*ends)))
            .count()
    };
    let bins = [
        ("bad", l.say("hết hạn", "expired"), between(i64::MIN, 0)),
        (
            "warn",
            l.say("dưới 30 ngày", "under 30 days"),
            between(0, 30),
        ),
        ("s2", l.say("30–90 ngày", "30–90 days"), between(30, SOON)),
        (
            "s3",
            l.say("90–365 ngày", "90–365 days"),
            between(SOON, 365),
        ),
        (
            "s4",
            l.say("trên 1 năm", "over a year"),
            between(365, i64::MAX),
        ),
    ];
    put!(
        *out,
        "<h3>{}</h3>",
        l.say(
            "Chứng thư theo số ngày còn lại",
            "Certificates by days left"
        )
    );
    parts(
        out,
        l.say(
            "Chứng thư theo số ngày còn lại",
            "Certificates by days left",
        ),
        &bins,
        l,
    );
    states(out, overview, l);
    let all = overview.certificates.iter();
    let soon = all.filter_map(|one| Some((one, one.ends.filter(|ends| left(*ends) < SOON)?)));
    let mut table = String::new();
    for (one, ends) in soon {
        let days = left(ends);
        let class = if days < 30 { "n bad" } else { "n" };
        put!(
            table,
            "<tr><th scope=\"row\" class=\"code\">{}</th><td>{}</td><td>{}</td><td>{}</td><td class=\"{class}\">{days}</td></tr>",
            esc(&one.code),
            use_of(one.use_, l),
            state_of(one.state, l),
            l.day(Day::of(ends)),
        );
    }
    if !table.is_empty() {
        let caption = l.say("Chứng thư sắp hết hạn", "Certificates that end soon");
        let columns = [
            Column::Words(l.say("Mã", "Code")),
            Column::Words(l.say("Dùng cho", "Use")),
            Column::Words(l.say("Trạng thái", "State")),
            Column::Words(l.say("Hết hạn", "Ends")),
            Column::Numbers(l.say("Còn (ngày)", "Days left")),
        ];
        let head = table_of("narrow-table", caption, &columns);
        scrolling(out, caption, &format!("{head}{table}</tbody></table>"));
    }
    connected(out, overview, l);
}

fn use_of(use_: KeyUse, l: Language) -> &'static str {
    match use_ {
        KeyUse::Seal => l.say("con dấu", "seal"),
        KeyUse::Tls => l.say("TLS của máy chủ", "server's TLS"),
    }
}

fn state_of(state: State, l: Language) -> &'static str {
    let (vi, en) = state.words();
    l.say(vi, en)
}

/// How many certificates of each use are in each state.
fn states(out: &mut String, overview: &Overview, l: Language) {
    let caption = l.say("Trạng thái chứng thư", "States of certificates");
    let mut columns = vec![Column::Words(l.say("Dùng cho", "Use"))];
    columns.extend(State::ALL.map(|state| Column::Numbers(state_of(state, l))));
    let mut table = table_of("narrow-table", caption, &columns);
    for use_ in [KeyUse::Seal, KeyUse::Tls] {
        put!(table, "<tr><th scope=\"row\">{}</th>", use_of(use_, l));
        for state in State::ALL {
            let all = overview.certificates.iter();
            let count = all
                .filter(|one| one.use_ == use_ && one.state == state)
                .count();
            put!(table, "<td class=\"n\">{}</td>", l.number(count as u64));
        }
        put!(table, "</tr>");
    }
    put!(table, "</tbody></table>");
    scrolling(out, caption, &table);
}

fn connected(out: &mut String, overview: &Overview, l: Language) {
    let caption = l.say("Máy chủ bảo mật", "Security servers");
    let columns = [
        Column::Words(l.say("Mã", "Code")),
        Column::Numbers(l.say("Đơn vị", "Members")),
        Column::Words(l.say("Kết nối", "Line")),
    ];
    let mut table = table_of("narrow-table", caption, &columns);
    for entry in overview.directory.boxes() {
        let members = overview.directory.count_of_box(&entry.code);
        let (class, line) = match overview.connected.get(entry.code.as_str()) {
            Some(true) => ("good", l.say("đang kết nối", "connected")),
            Some(false) => ("bad", l.say("không kết nối", "not connected")),
            None => ("faint", "–"),
        };
        put!(
            table,
            "<tr><th scope=\"row\" class=\"code\">{}</th><td class=\"n\">{}</td><td class=\"{class}\">{line}</td></tr>",
            esc(&entry.code),
            l.number(members as u64),
        );
    }
    put!(table, "</tbody></table>");
    let all = overview.directory.box_count() as u64;
    let here = overview.connected.values().filter(|here| **here).count() as u64;
    put!(
        *out,
        "<details><summary>{}: {} / {}</summary>",
        l.say("Máy chủ đang kết nối", "Servers connected"),
        l.number(here),
        l.number(all)
    );
    scrolling(out, caption, &table);
    put!(*out, "</details>\n");
}

pub(super) fn silent(out: &mut String, overview: &Overview, agencies: &[Agency], l: Language) {
    let today = Day::of(overview.at);
    let since = today.plus(-i32::from(overview.silent_days));
    let quiet: Vec<_> = agencies
        .iter()
        .filter(|one| {
            one.standing
                .activity
                .last_sent
                .is_none_or(|last| last < since)
        })
        .collect();
    if quiet.is_empty() {
        put!(
            *out,
            "<p>{} {} {}</p>\n",
            l.say(
                "Cơ quan nào cũng đã gửi văn bản trong",
                "Every agency has sent a document within"
            ),
            overview.silent_days,
            l.say("ngày qua.", "days."),
        );
        return;
    }
    let caption = match l {
        Language::Vi => format!(
            "Chưa từng gửi, hoặc không gửi gì trong {} ngày qua",
            overview.silent_days
        ),
        Language::En => format!(
            "Never sent, or nothing within {} days",
            overview.silent_days
        ),
    };
    let columns = [
        l.say("Cơ quan", "Agency"),
        l.say("Gửi lần cuối", "Last sent"),
        l.say("Nhận lần cuối", "Last received"),
        l.say("Máy chủ", "Server"),
    ];
    let mut table = table_of("silent", &caption, &columns.map(Column::Words));
    let day = |day: Option<Day>| {
        day.map_or_else(
            || l.say("chưa lần nào", "never").to_owned(),
            |day| l.day(day),
        )
    };
    for one in quiet {
        put!(
            table,
            "<tr><th scope=\"row\">{} <span class=\"code\">{}</span></th><td>{}</td><td>{}</td><td>{}</td></tr>",
            esc(&one.member.name),
            esc(&one.member.code),
            day(one.standing.activity.last_sent),
            day(one.standing.activity.last_received),
            access(one.access, l),
        );
    }
    put!(table, "</tbody></table>");
    scrolling(out, &caption, &table);
}
