//! The first page: how the machine stands, on one screen of 80 by 24.

use std::collections::BTreeMap;

use super::super::machine::Machine;
use super::super::progress::Sign;
use super::errors::Line;
use super::language::{Language, shown};
use super::row::{Row, Tone, paragraph};
use super::standing;
use super::update::Updates;
use crate::appliance::Form;
use crate::clock::{Moment, local_to_second};
use crate::control::Report;
use crate::gauge::{Kind, Level};

/// Columns of a screen that nobody knows better.
pub(super) const WIDTH: usize = 80;
/// Columns of a name before its value.
pub(super) const NAME: usize = 21;
/// The same where no sign stands before it.
pub(super) const TITLE: usize = NAME + 3;
/// Members that are named on this page.
const MEMBERS: usize = 3;
/// Errors that are shown on this page.
const ERRORS: usize = 3;

/// All that is seen at one time.
#[derive(Clone, Debug)]
pub(super) struct Sight {
    /// Of the process that was asked, or why nobody answered.
    pub(super) report: Result<Report, String>,
    pub(super) machine: Machine,
    pub(super) updates: Updates,
    /// The machine's settings as a form, or why there is none.
    pub(super) settings: Result<Form, String>,
    /// How far a support bundle is, or how the last one ended.
    pub(super) support: Option<Sign>,
    /// The newest first.
    pub(super) errors: Result<Vec<Line>, String>,
    /// Members' names by code, as the plan of the box writes them.
    pub(super) names: BTreeMap<String, String>,
    /// The checklist of provisioning, or why there is none.
    pub(super) checklist: Result<String, String>,
}

impl Sight {
    /// The form, where the machine is an appliance.
    pub(super) fn form(&self) -> Option<Form> {
        self.machine.image.as_ref()?;
        self.settings.clone().ok()
    }
}

/// Name of machine, time, version, level.
pub(super) fn head(sight: &Sight, now: Moment, language: Language) -> Vec<Row> {
    let (role, code) = match &sight.report {
        Ok(report) if report.role == "hub" => {
            (language.say("TRỤC LIÊN THÔNG", "HUB"), report.code.as_str())
        }
        Ok(report) => (
            language.say("MÁY CHỦ BẢO MẬT", "SECURITY SERVER"),
            report.code.as_str(),
        ),
        Err(_) => (language.say("MÁY CHỦ BẢO MẬT", "SECURITY SERVER"), ""),
    };
    let code = if code.is_empty() {
        String::new()
    } else {
        format!(" {}", shown(code))
    };
    let left = format!(" {role}{code} · {}", shown(&sight.machine.name));
    let right = format!("{} (UTC+7) ", local_to_second(now));
    let gap = WIDTH.saturating_sub(left.chars().count() + right.chars().count());
    let top = format!("{left}{:gap$}{right}", "");
    let (tone, word) = match sight.report.as_ref().map(|report| report.level) {
        Ok(Level::Good) => (Tone::Good, language.say("BÌNH THƯỜNG", "IN ORDER")),
        Ok(Level::Risk) => (
            Tone::Good,
            language.say(
                "BÌNH THƯỜNG, CÓ RỦI RO ĐÃ KHAI BÁO",
                "IN ORDER, WITH DECLARED RISKS",
            ),
        ),
        Ok(Level::Warning) => (Tone::Act, language.say("CẦN XỬ LÝ", "SOMEBODY HAS TO ACT")),
        Ok(Level::Stops) => (
            Tone::Stops,
            language.say(
                "LIÊN THÔNG SẮP DỪNG HOẶC ĐÃ DỪNG",
                "TRAFFIC STOPS SOON OR HAS STOPPED",
            ),
        ),
        Err(_) => (Tone::Stops, language.say("CHƯA CHẠY", "NOT RUNNING")),
    };
    vec![
        Row::new(Tone::Head, top),
        Row::plain(format!(" {:TITLE$} ", language.say("Tình trạng", "State"))).then(tone, word),
        Row::plain(format!(
            " {:TITLE$} {}",
            language.say("Phiên bản", "Version"),
            version(sight, language)
        )),
    ]
}

fn version(sight: &Sight, language: Language) -> String {
    let running = sight.report.as_ref().map(|report| report.version.as_str());
    let mut text = format!(
        "trucgate {}",
        shown(running.unwrap_or(env!("CARGO_PKG_VERSION")))
    );
    if let Some(image) = &sight.machine.image {
        text += &format!(
            ", {} {}",
            language.say("ảnh hệ thống", "image"),
            shown(image)
        );
    }
    if let Some(slot) = &sight.machine.slot {
        text += &format!(
            ", {} {} ({})",
            language.say("khe", "slot"),
            slot.letter,
            shown(&slot.label)
        );
    }
    text
}

/// The first page.
pub(super) fn first(sight: &Sight, now: Moment, language: Language) -> Vec<Row> {
    let mut rows = head(sight, now, language);
    rows.extend(members(sight, language));
    let addresses = sight.machine.addresses();
    rows.push(Row::plain(format!(
        " {:TITLE$} {}",
        language.say("Địa chỉ", "Addresses"),
        if addresses.is_empty() {
            language.say("chưa có", "none")
        } else {
            &addresses
        }
    )));
    rows.push(rule());
    match &sight.report {
        Ok(report) => {
            rows.extend(standing::rows(report, now, language));
        }
        Err(why) => rows.extend(nobody(why, language)),
    }
    rows.push(rule());
    rows.extend(errors(sight, language));
    rows
}

pub(super) fn rule() -> Row {
    Row::plain("─".repeat(WIDTH))
}

fn members(sight: &Sight, language: Language) -> Vec<Row> {
    let codes: Vec<&str> = match &sight.report {
        Ok(report) => report
            .gauges
            .iter()
            .filter(|gauge| gauge.kind == Kind::Queue && !gauge.subject.is_empty())
            .map(|gauge| gauge.subject.as_str())
            .collect(),
        Err(_) => sight.names.keys().map(String::as_str).collect(),
    };
    let mut rows = Vec::new();
    for (at, code) in codes.iter().take(MEMBERS).enumerate() {
        let name = sight.names.get(*code).map_or("", String::as_str);
        let title = if at == 0 {
            language.say("Đơn vị", "Members")
        } else {
            ""
        };
        let text = format!(" {title:TITLE$} {} {}", shown(code), shown(name));
        let row = Row::plain(text.trim_end());
        rows.push(if at == 0 { row } else { row.spare() });
    }
    if codes.len() > MEMBERS {
        let more = codes.len() - MEMBERS;
        let text = match language {
            Language::Vi => format!(" {:TITLE$} … và {more} đơn vị khác", ""),
            Language::En => format!(" {:TITLE$} … and {more} more", ""),
        };
        rows.push(Row::plain(text));
    }
    rows
}

/// Nobody answers: the bench is where to go on, or the journal.
fn nobody(why: &str, language: Language) -> Vec<Row> {
    let told = language.say(
        "Không tiến trình nào trả lời: máy chưa cấp phát xong, hoặc dịch vụ đã dừng.",
        "No process answers: the machine is not provisioned yet, or its services have ended.",
    );
    let see = language.say(
        "Xem danh sách việc [2] và lỗi gần nhất [4].",
        "See the checklist [2] and the last errors [4].",
    );
    let mut rows = vec![
        Row::new(Tone::Stops, " XX ").then(Tone::Plain, told),
        Row::new(Tone::Act, format!("     → {see}")),
    ];
    let why = format!("    {}", shown(why));
    rows.extend(paragraph(Tone::Plain, &why, "    ").map(Row::spare));
    rows
}

fn errors(sight: &Sight, language: Language) -> Vec<Row> {
    let title = language.say(" Lỗi gần nhất:", " Last errors:");
    let lines = match &sight.errors {
        Ok(lines) if lines.is_empty() => {
            let none = language.say(
                " không có từ lúc máy khởi động",
                " none since the machine started",
            );
            return vec![Row::plain(format!("{title}{none}"))];
        }
        Ok(lines) => lines,
        Err(why) => {
            let cannot = language.say(" không đọc được nhật ký: ", " the journal can't be read: ");
            return vec![Row::plain(format!("{title}{cannot}{}", shown(why)))];
        }
    };
    let mut rows = vec![Row::plain(title)];
    for (at, line) in lines.iter().take(ERRORS).enumerate() {
        let row = error_row(line, language);
        rows.push(if at == 0 { row } else { row.spare() });
    }
    rows
}

pub(super) fn error_row(line: &Line, language: Language) -> Row {
    Row::plain(format!("  {}  ", local_to_second(line.at)))
        .then(Tone::Key, line.subject(language))
        .then(Tone::Plain, format!("  {}", line.reason()))
}
