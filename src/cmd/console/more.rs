//! The pages behind the first one: checklist, all gauges, errors explained.

use super::errors::Line;
use super::language::{Language, shown};
use super::page::{Sight, error_row, rule};
use super::row::{Row, Tone, paragraph};
use super::standing::{gauge_row, to_do};

/// What is done of provisioning, and the next command.
pub(super) fn checklist(sight: &Sight, language: Language) -> Vec<Row> {
    let mut rows = vec![
        title(language.say("Danh sách việc cấp phát", "Provisioning checklist")),
        Row::default(),
    ];
    let (Ok(text) | Err(text)) = &sight.checklist;
    for line in text.lines() {
        rows.extend(paragraph(Tone::Plain, &shown(line), "     "));
    }
    rows
}

/// Every gauge with what is to be done.
pub(super) fn gauges(sight: &Sight, language: Language) -> Vec<Row> {
    let mut rows = vec![
        title(language.say("Tình trạng chi tiết", "All gauges")),
        Row::default(),
    ];
    match &sight.report {
        Ok(report) => {
            for gauge in &report.gauges {
                let state = language.of(&gauge.state);
                let subject = shown(&gauge.subject);
                let text = if subject.is_empty() {
                    state.clone()
                } else {
                    subject.clone()
                };
                rows.push(gauge_row(gauge, &text, language));
                if !subject.is_empty() {
                    rows.extend(paragraph(Tone::Plain, &format!("     {state}"), "     "));
                }
                rows.extend(to_do(gauge, report.time, language));
            }
        }
        Err(why) => rows.extend(cannot(why)),
    }
    rows
}

/// Each error with what the catalog says of it.
pub(super) fn errors(sight: &Sight, language: Language) -> Vec<Row> {
    let mut rows = vec![
        title(language.say(
            "Lỗi gần nhất, mới nhất trước",
            "Last errors, the newest first",
        )),
        Row::default(),
    ];
    match &sight.errors {
        Ok(lines) if lines.is_empty() => {
            let none = language.say(
                " Không có lỗi nào từ lúc máy khởi động.",
                " None since the machine started.",
            );
            rows.push(Row::plain(none));
        }
        Ok(lines) => {
            let mut told: Vec<String> = Vec::new();
            for line in lines {
                rows.push(error_row(line, language));
                // The same words twenty times would hide the next error.
                let subject = line.subject(language);
                if !told.contains(&subject) {
                    rows.extend(explained(line, language));
                    told.push(subject);
                }
            }
        }
        Err(why) => rows.extend(cannot(why)),
    }
    rows
}

fn explained(line: &Line, language: Language) -> Vec<Row> {
    let mut rows = Vec::new();
    if !line.process().is_empty() {
        let from = language.say("ghi bởi", "written by");
        rows.push(Row::plain(format!("  {from} {}", line.process())));
    }
    rows.push(Row::default());
    for text in line.explanation(language) {
        rows.extend(paragraph(Tone::Plain, format!("  {text}").trim_end(), "  "));
    }
    rows.push(Row::default());
    rows
}

/// Why there is nothing to show.
fn cannot(why: &str) -> impl Iterator<Item = Row> + use<> {
    paragraph(Tone::Plain, &format!(" {}", shown(why)), " ")
}

pub(super) fn title(text: &str) -> Row {
    Row::new(Tone::Key, format!(" {text}"))
}

/// The last rows: what the keys do.
pub(super) fn keys(first: bool, scrolls: bool, language: Language) -> Vec<Row> {
    let rows: &[&[(&str, &str, &str)]] = if first {
        &[
            &[
                ("1", "Mạng", "Network"),
                ("2", "Cấp phát", "Tasks"),
                ("3", "Chi tiết", "Gauges"),
                ("4", "Lỗi", "Errors"),
                ("L", "English", "Tiếng Việt"),
            ],
            &[
                ("5", "Tắt máy", "Power"),
                ("6", "Cập nhật", "Update"),
                ("7", "Hỗ trợ", "Support"),
                ("8", "Bảo trì", "Maintenance"),
            ],
        ]
    } else if scrolls {
        &[&[
            ("0", "Về trang đầu", "First page"),
            ("↓ J", "Xuống", "Down"),
            ("↑ K", "Lên", "Up"),
            ("L", "English", "Tiếng Việt"),
        ]]
    } else {
        &[&[
            ("0", "Về trang đầu", "First page"),
            ("L", "English", "Tiếng Việt"),
        ]]
    };
    let mut shown = vec![rule()];
    shown.extend(rows.iter().map(|entries| key_row(entries, language)));
    shown
}

/// What some keys do: a key, and that in both languages.
pub(super) fn key_row(entries: &[(&str, &str, &str)], language: Language) -> Row {
    let row = Row::default();
    entries.iter().fold(row, |row, (key, vi, en)| {
        row.then(Tone::Key, format!(" [{key}] "))
            .then(Tone::Plain, language.say(vi, en))
    })
}
