//! The page of the network: how it is, and the form in which a person changes the machine's settings.

use super::keys::Key;
use super::language::{Language, shown};
use super::more::{key_row, title};
use super::order::Order;
use super::page::{Sight, TITLE, WIDTH, rule};
use super::power::ordering;
use super::row::{Row, Tone, paragraph};
use crate::appliance::{Field, Form};
use crate::gauge::Text;

/// Most letters of a line.
const LONGEST: usize = 1_000;
/// Columns of a line's name.
const LABEL: usize = 36;

/// How the network is, and what may be done about it.
pub(super) fn network(
    sight: &Sight,
    editor: Option<&Editor>,
    done: Option<&Result<Order, String>>,
    language: Language,
) -> Vec<Row> {
    let mut rows = vec![title(language.say("Mạng", "Network")), Row::default()];
    if let Some(editor) = editor {
        rows.extend(editor.rows(language));
        return rows;
    }
    let name = language.say("Tên máy", "Host name");
    rows.push(Row::plain(format!(
        " {name:TITLE$} {}",
        shown(&sight.machine.name)
    )));
    for interface in &sight.machine.interfaces {
        let (tone, state) = if interface.running {
            (Tone::Good, language.say("có tín hiệu", "link is up"))
        } else {
            (
                Tone::Act,
                language.say(
                    "không có tín hiệu, xem dây cắm",
                    "no link, look at the cable",
                ),
            )
        };
        rows.push(Row::plain(format!(" {:TITLE$} ", shown(&interface.name))).then(tone, state));
        for (address, prefix) in &interface.addresses {
            rows.push(Row::plain(format!(" {:TITLE$} {address}/{prefix}", "")));
        }
        if interface.addresses.is_empty() {
            let none = language.say("chưa có địa chỉ", "no address");
            rows.push(Row::plain(format!(" {:TITLE$} {none}", "")));
        }
    }
    if sight.machine.interfaces.is_empty() {
        let none = language.say(
            "máy không có cổng mạng nào",
            "the machine has no network interface",
        );
        rows.push(Row::new(Tone::Stops, format!(" {none}")));
    }
    rows.push(Row::default());
    if sight.machine.image.is_none() {
        let own = language.say(
            " Máy này không tạo từ ảnh hệ thống; mạng do hệ điều hành của nó đặt.",
            " This machine was not made from an image; its own system sets the network.",
        );
        rows.push(Row::plain(own));
        return rows;
    }
    if let Err(why) = &sight.settings {
        rows.extend(paragraph(Tone::Stops, &format!(" {}", shown(why)), " "));
        return rows;
    }
    let choices = [("1", language.say("đổi cài đặt", "change the settings"))];
    rows.extend(ordering(None, done, &choices, language));
    rows
}

/// The form as it is being filled in.
#[derive(Debug)]
pub(super) struct Editor {
    form: Form,
    /// The values before.
    before: Vec<String>,
    /// The line that is typed; behind the last one stands what changes.
    at: usize,
    typed: String,
    wrong: Option<Text>,
}

/// What a key did to it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Edited {
    Going,
    /// A person agrees: these settings are to be in force.
    Agreed(String),
    Left,
}

impl Editor {
    pub(super) fn open(form: Form) -> Self {
        let before: Vec<String> = form.fields().iter().map(|one| one.value.clone()).collect();
        Self {
            typed: before.first().cloned().unwrap_or_default(),
            form,
            before,
            at: 0,
            wrong: None,
        }
    }

    /// Which row is to be seen.
    pub(super) fn row(&self) -> usize {
        self.at
    }

    pub(super) fn press(&mut self, key: Key) -> Edited {
        match key {
            Key::Back => return Edited::Left,
            Key::Up => self.go(self.at.saturating_sub(1)),
            Key::Letter('y') if self.is_at_end() && self.is_changed() => {
                if let Ok(text) = self.form.text() {
                    return Edited::Agreed(text);
                }
            }
            _ if self.is_at_end() => {}
            Key::Letter(letter) if self.typed.len() < LONGEST => self.typed.push(letter),
            Key::Erase => drop(self.typed.pop()),
            Key::Clear => self.typed.clear(),
            Key::Enter | Key::Down => match self.form.set(self.at, &self.typed) {
                Ok(()) => self.go(self.at + 1),
                Err(why) => self.wrong = Some(why),
            },
            _ => {}
        }
        Edited::Going
    }

    fn go(&mut self, at: usize) {
        self.at = at;
        self.wrong = None;
        match self.form.fields().get(at) {
            Some(field) => self.typed = field.value.clone(),
            None => {
                let whole = self.form.text();
                self.wrong = whole.err().map(|why| Text::same(&why));
            }
        }
    }

    fn is_at_end(&self) -> bool {
        self.at == self.form.fields().len()
    }

    fn changed(&self) -> impl Iterator<Item = (&Field, &String)> {
        let fields = self.form.fields().iter().zip(&self.before);
        fields.filter(|(field, before)| field.value != **before)
    }

    fn is_changed(&self) -> bool {
        self.changed().next().is_some()
    }

    /// What the keys do here, where letters are typed.
    pub(super) fn keys(&self, language: Language) -> Vec<Row> {
        let next = ("Enter", "Dòng sau", "Next line");
        let back = ("↑", "Dòng trước", "Line before");
        let clear = ("Ctrl-U", "Xoá dòng", "Clear it");
        let leave = ("Esc", "Thôi, không đổi gì", "Leave all as it was");
        let row = if self.is_at_end() {
            key_row(&[back, leave], language)
        } else {
            key_row(&[next, back, clear, leave], language)
        };
        vec![rule(), row]
    }

    fn rows(&self, language: Language) -> Vec<Row> {
        if self.is_at_end() {
            return self.end(language);
        }
        let mut rows = Vec::new();
        for (at, field) in self.form.fields().iter().enumerate() {
            let name = language.of(&field.name);
            if at == self.at {
                rows.push(
                    Row::new(Tone::Key, format!(" > {name:LABEL$} "))
                        .then(Tone::Plain, tail(&self.typed) + "_"),
                );
            } else {
                rows.push(Row::plain(format!(
                    "   {name:LABEL$} {}",
                    tail(&field.value)
                )));
            }
        }
        rows.push(Row::default());
        if let Some(why) = &self.wrong {
            let text = format!(" {}", language.of(why));
            rows.extend(paragraph(Tone::Stops, &text, " "));
        } else if let Some(field) = self.form.fields().get(self.at) {
            let like = language.say("Viết như", "Typed like");
            rows.push(Row::plain(format!(" {like}: {}", field.example)));
        }
        rows
    }

    /// What changes, and the question.
    fn end(&self, language: Language) -> Vec<Row> {
        let mut rows = Vec::new();
        for (field, before) in self.changed() {
            let none = language.say("(trống)", "(none)");
            let or_none = |text: &str| match text {
                "" => none.to_owned(),
                text => shown(text),
            };
            let (was, is) = (or_none(before), or_none(&field.value));
            let text = format!(" {}: {was} → {is}", language.of(&field.name));
            rows.extend(paragraph(Tone::Plain, &text, "     "));
        }
        if !self.is_changed() {
            rows.push(Row::plain(
                language.say(" Không có gì thay đổi.", " Nothing changes."),
            ));
        }
        rows.push(Row::default());
        if let Some(why) = &self.wrong {
            let text = format!(" {}", language.of(why));
            rows.extend(paragraph(Tone::Stops, &text, " "));
        } else if self.is_changed() {
            let text = language.say(
                " ĐỔI CÀI ĐẶT: kết nối có thể ngắt trong ít giây; bản cũ được giữ ở settings.toml.before. Nhấn Y để đồng ý.",
                " NEW SETTINGS: connections may break for seconds; the old ones stay in settings.toml.before. Press Y to agree.",
            );
            rows.extend(paragraph(Tone::Stops, text, " "));
            let listens = language.say(
                " Rút đĩa TRUC-SET, nếu không lần khởi động sau máy lấy lại cài đặt trên đĩa. Địa chỉ mà máy nghe phần mềm nằm trong kế hoạch cấp phát (plan.toml), đổi ở đó nếu cần.",
                " Take a medium TRUC-SET out, or the next start takes its settings again. Where the box listens for software stands in its plan (plan.toml), to be changed there.",
            );
            rows.extend(paragraph(Tone::Plain, listens, " "));
        }
        rows
    }
}

/// The end of a line that is longer than its room.
fn tail(text: &str) -> String {
    let room = WIDTH - LABEL - 6;
    let text = shown(text);
    let letters = text.chars().count();
    if letters <= room {
        return text;
    }
    "…".to_owned() + &text.chars().skip(letters + 1 - room).collect::<String>()
}
