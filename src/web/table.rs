//! The board's figures as CSV (RFC 4180) and JSON.

use std::fmt::Display;

use serde_json::{Value, json};

use super::board::{Access, agencies};
use super::html::put;
use super::language::Language;
use crate::hub::Overview;
use crate::hub::statistics::{Failure, Kind, Stage, Standing};

/// All of it.
pub(super) const JSON: &str = "board.json";
/// The tables, and whether everybody may have them.
pub(super) const NAMES: [(&str, bool); 8] = [
    ("agencies.csv", true),
    ("days.csv", true),
    ("times.csv", true),
    ("cost.csv", true),
    ("pairs.csv", false),
    ("failures.csv", false),
    ("certificates.csv", false),
    ("servers.csv", false),
];

pub(super) fn is_csv(name: &str) -> bool {
    NAMES.iter().any(|(known, _)| *known == name)
}

/// Rows of cells.
struct Sheet(String);

impl Sheet {
    fn new(columns: &[&str]) -> Self {
        // Spreadsheets take a file for UTF-8 by this mark alone.
        let mut sheet = Self("\u{feff}".to_owned());
        let columns: Vec<&dyn Display> = columns.iter().map(|name| name as &dyn Display).collect();
        sheet.row(&columns);
        sheet
    }

    fn row(&mut self, cells: &[&dyn Display]) {
        for (at, cell) in cells.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            put!(self.0, "{comma}{}", cell_of(&cell.to_string()));
        }
        self.0.push_str("\r\n");
    }
}

/// A cell that no spreadsheet takes for a formula, quoted where it has to be.
fn cell_of(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        "'"
    } else {
        ""
    };
    if text.contains(['"', ',', '\n', '\r']) || !guard.is_empty() {
        format!("\"{guard}{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// One of [`NAMES`].
pub(super) fn csv(overview: &Overview, name: &str, l: Language) -> Option<String> {
    let sheet = match name {
        "agencies.csv" => by_agency(overview, l),
        "days.csv" => by_day(overview),
        "times.csv" => by_stage(overview),
        "cost.csv" => of_cost(overview),
        "pairs.csv" => {
            let mut sheet = Sheet::new(&["from", "to", "packets"]);
            for pair in &overview.picture.pairs {
                sheet.row(&[&pair.from, &pair.to, &pair.packets]);
            }
            sheet
        }
        "failures.csv" => by_failure(overview),
        "certificates.csv" => {
            let columns = ["code", "use", "state", "fingerprint", "ends", "days_left"];
            let mut sheet = Sheet::new(&columns);
            for one in &overview.certificates {
                let text = |text: Option<String>| text.unwrap_or_default();
                let left = one.ends.map(|ends| (ends - overview.at).whole_days());
                sheet.row(&[
                    &one.code,
                    &one.use_.as_str(),
                    &one.state.words().1,
                    &text(one.fingerprint.map(|print| print.to_string())),
                    &text(one.ends.map(crate::clock::rfc3339)),
                    &text(left.map(|left| left.to_string())),
                ]);
            }
            sheet
        }
        "servers.csv" => {
            let mut sheet = Sheet::new(&["code", "members", "connected"]);
            for entry in overview.directory.boxes() {
                let members = overview.directory.count_of_box(&entry.code);
                let here = overview.connected.get(entry.code.as_str());
                let here = here.map_or_else(String::new, ToString::to_string);
                sheet.row(&[&entry.code, &members, &here]);
            }
            sheet
        }
        _ => return None,
    };
    Some(sheet.0)
}

fn by_agency(overview: &Overview, l: Language) -> Sheet {
    let mut sheet = Sheet::new(&[
        "code",
        "name",
        "domain",
        "server",
        "stage",
        "stage_date",
        "sent",
        "addressed",
        "received",
        "collected",
        "failed",
        "statuses_sent",
        "sent_bytes",
        "received_bytes",
        "delivery_median_ms",
        "collection_median_ms",
        "first_sent",
        "last_sent",
        "last_received",
    ]);
    for agency in agencies(overview) {
        let (of, at) = (agency.standing.documents(), agency.standing.activity);
        let median = |stage| {
            let median = agency.standing.time(stage).percentile(0.5);
            median.map_or_else(String::new, |millis| millis.to_string())
        };
        let day = |day: Option<crate::hub::statistics::Day>| {
            day.map_or_else(String::new, |day| day.to_string())
        };
        let member = &agency.member;
        let date = member.stage_date.map(String::from).unwrap_or_default();
        sheet.row(&[
            &member.code,
            &member.name,
            &super::board::domain_name(member.domain, l),
            &access(agency.access),
            &member.stage.map_or("", |stage| stage.word()),
            &date,
            &of.sent,
            &of.addressed,
            &of.delivered,
            &of.collected,
            &of.failed,
            &agency.standing.of(Kind::Status).sent,
            &of.sent_bytes,
            &of.received_bytes,
            &median(Stage::Delivery),
            &median(Stage::Collection),
            &day(at.first_sent),
            &day(at.last_sent),
            &day(at.last_received),
        ]);
    }
    sheet
}

fn access(access: Access) -> &'static str {
    match access {
        Access::Dedicated => "dedicated",
        Access::Shared => "shared",
        Access::None => "none",
    }
}

fn by_day(overview: &Overview) -> Sheet {
    let mut sheet = Sheet::new(&[
        "day",
        "sent",
        "addressed",
        "received",
        "collected",
        "failed",
        "sent_bytes",
        "statuses_sent",
        "statuses_received",
    ]);
    for day in &overview.picture.days {
        let of = day.documents;
        sheet.row(&[
            &day.day,
            &of.sent,
            &of.addressed,
            &of.delivered,
            &of.collected,
            &of.failed,
            &of.sent_bytes,
            &day.statuses.sent,
            &day.statuses.delivered,
        ]);
    }
    sheet
}

fn by_stage(overview: &Overview) -> Sheet {
    let mut sheet = Sheet::new(&["stage", "count", "p50_ms", "p90_ms", "p95_ms", "p99_ms"]);
    for stage in Stage::ALL {
        let times = overview.picture.nation.time(stage);
        let within = |share| {
            let millis = times.percentile(share);
            millis.map_or_else(String::new, |millis: u64| millis.to_string())
        };
        sheet.row(&[
            &stage_word(stage),
            &times.count(),
            &within(0.5),
            &within(0.9),
            &within(0.95),
            &within(0.99),
        ]);
    }
    sheet
}

fn stage_word(stage: Stage) -> &'static str {
    match stage {
        Stage::Delivery => "document-delivered",
        Stage::Collection => "document-collected",
        Stage::StatusDelivery => "status-delivered",
        Stage::StatusCollection => "status-collected",
    }
}

fn by_failure(overview: &Overview) -> Sheet {
    let mut sheet = Sheet::new(&["reason", "count"]);
    for class in Failure::ALL {
        let count = overview.picture.nation.failures.get(class.word());
        sheet.row(&[&class.word(), &count.copied().unwrap_or(0)]);
    }
    sheet
}

fn of_cost(overview: &Overview) -> Sheet {
    let (cost, saved) = (
        overview.cost,
        overview.cost.saved(overview.picture.nation.documents()),
    );
    let mut sheet = Sheet::new(&["name", "value"]);
    let rows: [(&str, u64); 14] = [
        ("pages", cost.pages.into()),
        ("paper_per_page", cost.paper_per_page.into()),
        ("ink_per_page", cost.ink_per_page.into()),
        ("copies_at_recipient", cost.copies_at_recipient.into()),
        ("envelope", cost.envelope.into()),
        ("postage", cost.postage.into()),
        ("minutes", cost.minutes.into()),
        ("wage_per_hour", cost.wage_per_hour.into()),
        ("deliveries", saved.deliveries),
        ("saved_paper", saved.paper),
        ("saved_ink", saved.ink),
        ("saved_post", saved.post),
        ("saved_work", saved.work),
        ("saved", saved.total()),
    ];
    for (name, value) in rows {
        sheet.row(&[&name, &value]);
    }
    sheet
}

/// All of it for programs; for everybody without who writes to whom, certificates and servers.
pub(super) fn json(overview: &Overview, public: bool) -> Value {
    let picture = &overview.picture;
    let agencies: Vec<Value> = agencies(overview)
        .iter()
        .map(|agency| {
            let member = &agency.member;
            json!({
                "code": member.code, "name": member.name, "domain": member.domain,
                "server": access(agency.access), "stage": member.stage, "stage_date": member.stage_date,
                "figures": standing(&agency.standing, public),
            })
        })
        .collect();
    let saved = overview.cost.saved(picture.nation.documents());
    let mut all = json!({
        "hub": overview.hub,
        "made": crate::clock::rfc3339(overview.at),
        "first": picture.window.first,
        "last": picture.window.last,
        "uncounted": picture.uncounted,
        "nation": standing(&picture.nation, public),
        "agencies": agencies,
        "days": picture.days,
        "cost": { "assumptions": overview.cost, "saved": saved, "total": saved.total() },
    });
    if !public && let Some(all) = all.as_object_mut() {
        all.insert("pairs".to_owned(), json!(picture.pairs));
        all.insert("certificates".to_owned(), json!(overview.certificates));
        all.insert("servers".to_owned(), json!(overview.connected));
    }
    all
}

fn standing(of: &Standing, public: bool) -> Value {
    let times: serde_json::Map<String, Value> = Stage::ALL
        .into_iter()
        .map(|stage| {
            let times = of.time(stage);
            let within = |share| times.percentile(share);
            let value = json!({
                "count": times.count(), "p50_ms": within(0.5), "p90_ms": within(0.9), "p95_ms": within(0.95), "p99_ms": within(0.99),
            });
            (stage_word(stage).to_owned(), value)
        })
        .collect();
    let kinds: serde_json::Map<String, Value> = Kind::ALL
        .into_iter()
        .map(|kind| (kind.word().to_owned(), json!(of.of(kind))))
        .collect();
    let mut all = json!({
        "documents": of.documents(), "kinds": kinds, "times": times, "activity": of.activity,
    });
    if !public && let Some(all) = all.as_object_mut() {
        all.insert("failures".to_owned(), json!(of.failures));
        all.insert("statuses".to_owned(), json!(of.statuses));
    }
    all
}
