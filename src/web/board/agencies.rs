//! The agencies that count as such: ministries, provinces, bodies of the Party.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::html::{esc, put};
use super::super::language::Language;
use super::scrolling;
use crate::hub::Overview;
use crate::hub::statistics::{Stage as Timed, Standing};
use crate::packet::MemberId;
use crate::trust::directory::{Domain, Member, Stage, State};

/// How an agency is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::web) enum Access {
    /// By a security server of its own.
    Dedicated,
    /// By one that it shares.
    Shared,
    /// Not yet.
    None,
}

/// One agency with its figures.
pub(in crate::web) struct Agency {
    pub(in crate::web) member: Arc<Member>,
    pub(in crate::web) standing: Standing,
    pub(in crate::web) access: Access,
}

/// All of them, by domain and name. Units below them are told with `level`: they are no agencies of their own here.
pub(in crate::web) fn agencies(overview: &Overview) -> Vec<Agency> {
    let directory = &overview.directory;
    let active = |member: &Arc<Member>| member.state == State::Active;
    let mut members: Vec<Arc<Member>> = directory.agencies().filter(active).collect();
    if members.is_empty() {
        members = directory
            .members()
            .filter(|member| active(member) && member.box_code.is_some())
            .collect();
    }
    let mut behind: BTreeMap<MemberId, usize> = BTreeMap::new();
    for member in &members {
        if let Some(entry) = directory.box_of(member) {
            *behind.entry(entry.code.clone()).or_default() += 1;
        }
    }
    let mut all: Vec<Agency> = members
        .into_iter()
        .map(|member| {
            let access = match directory.box_of(&member) {
                None => Access::None,
                Some(entry) if behind.get(&entry.code) == Some(&1) => Access::Dedicated,
                Some(_) => Access::Shared,
            };
            let standing = overview.picture.members.get(member.code.as_str());
            Agency {
                member,
                standing: standing.cloned().unwrap_or_default(),
                access,
            }
        })
        .collect();
    all.sort_by_key(|agency| {
        let domain = Domain::ALL
            .iter()
            .position(|d| Some(*d) == agency.member.domain);
        (
            domain.unwrap_or(usize::MAX),
            agency.member.name.clone(),
            agency.member.code.clone(),
        )
    });
    all
}

/// A domain's name.
pub(in crate::web) fn domain(domain: Option<Domain>, l: Language) -> &'static str {
    match domain {
        Some(Domain::Party) => l.say("Cơ quan Đảng", "Party"),
        Some(Domain::Ministry) => l.say("Bộ, ngành", "Ministries and bodies"),
        Some(Domain::Province) => l.say("Tỉnh, thành phố", "Provinces and cities"),
        None => l.say("Khác", "Others"),
    }
}

/// A stage's name.
pub(in crate::web) fn stage(stage: Option<Stage>, l: Language) -> &'static str {
    match stage {
        Some(Stage::Production) => l.say("đã nâng cấp", "in production"),
        Some(Stage::Test) => l.say("đang thử nghiệm", "in test"),
        Some(Stage::Upgrading) => l.say("đang nâng cấp", "upgrading"),
        Some(Stage::Planned) => l.say("có kế hoạch", "planned"),
        None => l.say("chưa có kế hoạch", "no plan yet"),
    }
}

/// An access's name.
pub(in crate::web) fn access(access: Access, l: Language) -> &'static str {
    match access {
        Access::Dedicated => l.say("riêng", "own"),
        Access::Shared => l.say("dùng chung", "shared"),
        Access::None => l.say("chưa kết nối", "none"),
    }
}

pub(super) fn table(out: &mut String, agencies: &[Agency], l: Language) {
    let caption = l.say(
        "Văn bản gửi, nhận và thời gian chuyển của từng cơ quan trong kỳ",
        "Documents sent, received and their times, agency by agency",
    );
    let mut table = String::new();
    put!(
        table,
        "<table class=\"agencies\"><caption>{caption}</caption><thead><tr><th scope=\"col\">{}</th>\
         <th scope=\"col\" class=\"n\">{}</th><th scope=\"col\" class=\"n\">{}</th><th scope=\"col\" class=\"n\">{}</th>\
         <th scope=\"col\" class=\"n\">{}</th><th scope=\"col\" class=\"n\">{}</th><th scope=\"col\" class=\"n\">{}</th>\
         <th scope=\"col\">{}</th><th scope=\"col\">{}</th></tr></thead>\n",
        l.say("Cơ quan", "Agency"),
        l.say("Gửi", "Sent"),
        l.say("Nhận", "Received"),
        l.say("Đã lấy", "Taken"),
        l.say("Lỗi", "Failed"),
        l.say("Trạng thái", "Statuses"),
        l.say("Lấy sau (giữa)", "Taken within (median)"),
        l.say("Máy chủ", "Server"),
        l.say("Phần mềm", "Software"),
    );
    let mut last = None;
    for agency in agencies {
        let of = agency.member.domain;
        if last != Some(of) {
            let close = if last.is_some() { "</tbody>" } else { "" };
            put!(
                table,
                "{close}<tbody><tr class=\"group\"><th colspan=\"9\" scope=\"rowgroup\">{}</th></tr>\n",
                domain(of, l)
            );
            last = Some(of);
        }
        row(&mut table, agency, l);
    }
    put!(table, "</tbody></table>");
    scrolling(out, caption, &table);
}

fn row(table: &mut String, agency: &Agency, l: Language) {
    let traffic = agency.standing.documents();
    let statuses = agency
        .standing
        .of(crate::hub::statistics::Kind::Status)
        .sent;
    put!(
        *table,
        "<tr><th scope=\"row\">{} <span class=\"code\">{}</span></th>",
        esc(&agency.member.name),
        esc(&agency.member.code),
    );
    for count in [
        traffic.sent,
        traffic.delivered,
        traffic.collected,
        traffic.failed,
        statuses,
    ] {
        let class = if count == 0 { "n zero" } else { "n" };
        put!(*table, "<td class=\"{class}\">{}</td>", l.number(count));
    }
    put!(
        *table,
        "<td class=\"n\">{}</td><td>{}</td><td>{}</td></tr>\n",
        l.span(agency.standing.time(Timed::Collection).percentile(0.5)),
        access(agency.access, l),
        stage(agency.member.stage, l),
    );
}
