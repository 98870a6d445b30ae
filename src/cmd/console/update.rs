//! The page of updates: what runs, what is on trial, how far an update is, and the order to begin one.

use std::path::PathBuf;

use super::super::progress::Sign;
use super::language::{Language, shown};
use super::more::title;
use super::order::Order;
use super::page::{Sight, TITLE};
use super::power::ordering;
use super::row::{Row, Tone, paragraph};
use crate::update::{Stage, State};

/// Where an appliance keeps what it knows of updates.
#[derive(Clone, Debug)]
pub(super) struct Places {
    pub(super) state: PathBuf,
    pub(super) progress: PathBuf,
}

/// Updates as they stand.
#[derive(Clone, Debug, Default)]
pub(super) struct Updates {
    pub(super) state: State,
    /// Of the update that is under way, or was the last since the machine started.
    pub(super) progress: Option<Sign>,
}

impl Updates {
    /// Looks; a machine that takes no updates has none.
    pub(super) fn look(places: &Places) -> Self {
        Self {
            state: State::read(&places.state).unwrap_or_default(),
            progress: Sign::read(&places.progress),
        }
    }
}

/// The page.
pub(super) fn update(
    sight: &Sight,
    asked: Option<Order>,
    done: Option<&Result<Order, String>>,
    language: Language,
) -> Vec<Row> {
    let mut rows = vec![title(language.say("Cập nhật", "Update")), Row::default()];
    let Some(image) = &sight.machine.image else {
        rows.push(Row::plain(language.say(
            " Máy này không tạo từ ảnh hệ thống, nên không cập nhật ở đây.",
            " This machine was not made from an image and is not updated here.",
        )));
        return rows;
    };
    let Updates { state, progress } = &sight.updates;
    rows.push(row(language.say("Đang chạy", "Runs"), &shown(image)));
    if let Some(floor) = state.floor {
        let name = language.say("Mức thấp nhất", "Floor");
        rows.push(row(name, &floor.to_string()));
    }
    if let Some(trial) = &state.trial {
        let (version, previous) = (trial.version, trial.previous);
        let text = match (trial.stage, language) {
            (Stage::Writing, Language::Vi) => format!("{version} chưa ghi xong"),
            (Stage::Writing, Language::En) => format!("{version} is not yet written"),
            (Stage::Written, Language::Vi) => {
                format!("{version} ở lần khởi động sau; không đạt thì trở lại {previous}")
            }
            (Stage::Written, Language::En) => {
                format!("{version} at the next start; should it fail, back to {previous}")
            }
        };
        rows.push(row(language.say("Dùng thử", "On trial"), &text));
    }
    rows.extend(how_far(progress.as_ref(), language));
    rows.push(Row::default());
    let medium = language.say(
        " Cắm đĩa USB nhãn TRUC-UPD, trên đó có đúng một tệp *.update do nơi phát hành ký.",
        " Plug in a medium labelled TRUC-UPD that holds one *.update, signed by the builder.",
    );
    rows.extend(paragraph(Tone::Plain, medium, " "));
    rows.push(Row::default());
    let choices = [
        (
            "1",
            language.say(
                "kiểm tra gói rồi ghi vào khe trống",
                "check the bundle, then write the idle slot",
            ),
        ),
        ("2", language.say("khởi động lại", "restart")),
    ];
    rows.extend(ordering(asked, done, &choices, language));
    rows
}

/// How far what was ordered is, or how it ended.
pub(super) fn how_far(progress: Option<&Sign>, language: Language) -> Vec<Row> {
    let Some(sign) = progress else {
        return Vec::new();
    };
    let tone = match sign.good {
        None => Tone::Act,
        Some(true) => Tone::Good,
        Some(false) => Tone::Stops,
    };
    let mut rows = vec![Row::plain(language.say(" Tiến độ:", " Progress:"))];
    let words = format!("     {}", shown(language.say(&sign.vi, &sign.en)));
    rows.extend(paragraph(tone, &words, "     "));
    rows
}

fn row(name: &str, value: &str) -> Row {
    Row::plain(format!(" {name:TITLE$} {value}"))
}
