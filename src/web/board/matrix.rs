//! Who writes to whom, among the busiest.

use std::collections::BTreeMap;

use super::super::html::{esc, put};
use super::super::language::Language;
use super::scrolling;
use crate::hub::Overview;
use crate::packet::MemberId;

/// Agencies that have a row and a column of their own.
const SHOWN: usize = 14;
/// Shades of a cell.
const SHADES: u64 = 6;

pub(super) fn table(out: &mut String, overview: &Overview, l: Language) {
    let mut busy: BTreeMap<&str, u64> = BTreeMap::new();
    for pair in &overview.picture.pairs {
        *busy.entry(&pair.from).or_default() += pair.packets;
        *busy.entry(&pair.to).or_default() += pair.packets;
    }
    let mut codes: Vec<&str> = busy.keys().copied().collect();
    codes.sort_by_key(|code| (std::cmp::Reverse(busy[code]), *code));
    let rest = codes.len().saturating_sub(SHOWN);
    codes.truncate(SHOWN);
    if codes.is_empty() {
        put!(
            *out,
            "<p>{}</p>\n",
            l.say(
                "Trong kỳ không có gói tin nào.",
                "Nothing was sent in this window."
            )
        );
        return;
    }
    // What is not among the busiest stands together in the last place.
    let place = |code: &str| {
        codes
            .iter()
            .position(|one| *one == code)
            .unwrap_or(codes.len())
    };
    let size = codes.len() + usize::from(rest > 0);
    let mut cells = vec![vec![0_u64; size]; size];
    for pair in &overview.picture.pairs {
        cells[place(&pair.from)][place(&pair.to)] += pair.packets;
    }
    let highest = (0..codes.len())
        .flat_map(|row| cells[row][..codes.len()].iter())
        .max();
    let highest = highest.copied().unwrap_or(0);
    let caption = l.say(
        "Số gói tin (văn bản và trạng thái) từ cơ quan ở hàng tới cơ quan ở cột; các cơ quan nhiều nhất trong kỳ",
        "Packets (documents and statuses) from the row's agency to the column's; the busiest of the window",
    );
    let mut table = String::new();
    put!(
        table,
        "<table class=\"matrix\"><caption>{caption}</caption><thead><tr><th scope=\"col\">{}</th>",
        l.say("Nơi gửi ↓ Nơi nhận →", "From ↓ To →")
    );
    let others = l.say("khác", "others");
    for code in codes.iter().copied().chain((rest > 0).then_some(others)) {
        put!(
            table,
            "<th scope=\"col\"><span class=\"code\">{}</span></th>",
            esc(code)
        );
    }
    put!(table, "</tr></thead><tbody>");
    for (row, counts) in cells.iter().enumerate() {
        match codes.get(row) {
            Some(code) => {
                let name = name(overview, code);
                put!(
                    table,
                    "<tr><th scope=\"row\">{} <span class=\"code\">{}</span></th>",
                    esc(name),
                    esc(code)
                );
            }
            None => put!(
                table,
                "<tr><th scope=\"row\">{} ({})</th>",
                l.say("Các cơ quan khác", "Others"),
                l.number(rest as u64)
            ),
        }
        for (column, count) in counts.iter().enumerate() {
            let own = row < codes.len() && column < codes.len();
            cell(&mut table, *count, if own { highest } else { 0 }, l);
        }
        put!(table, "</tr>");
    }
    put!(table, "</tbody></table>");
    scrolling(out, caption, &table);
}

fn cell(table: &mut String, count: u64, highest: u64, l: Language) {
    match count {
        0 => put!(
            *table,
            "<td class=\"n h0\"><span class=\"none\">·</span></td>"
        ),
        count => {
            let shade = if highest == 0 {
                0
            } else {
                (count * SHADES).div_ceil(highest).min(SHADES)
            };
            put!(*table, "<td class=\"n h{shade}\">{}</td>", l.number(count));
        }
    }
}

fn name(overview: &Overview, code: &str) -> String {
    let listed = code
        .parse::<MemberId>()
        .ok()
        .and_then(|id| overview.directory.find(&id));
    listed.map_or_else(String::new, |member| member.name.clone())
}
