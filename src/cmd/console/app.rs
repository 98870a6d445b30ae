//! Which page is shown, and what a key does.

use super::keys::Key;
use super::language::Language;
use super::maintenance;
use super::more;
use super::network::{self, Edited, Editor};
use super::order::Order;
use super::page::{self, Sight};
use super::power;
use super::row::{Row, Tone};
use super::support;
use super::update;
use crate::clock::Moment;

/// The pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    First,
    Network,
    Checklist,
    Gauges,
    Errors,
    Power,
    Update,
    Support,
    Maintenance,
}

/// What a key asks of whoever holds the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Nothing,
    /// Draw all of it, on a screen of this size where one is told.
    Anew(Option<(usize, usize)>),
    /// Ask the process again, at once.
    Look,
    Order(Order),
    /// Put these settings into force.
    Settings(String),
    Leave,
    Gone,
}

/// The page's state.
#[derive(Debug)]
pub(super) struct App {
    language: Language,
    place: Place,
    scroll: usize,
    asked: Option<Order>,
    done: Option<Result<Order, String>>,
    /// New settings, as they are being typed.
    editor: Option<Editor>,
}

impl App {
    pub(super) fn new(language: Language) -> Self {
        Self {
            language,
            place: Place::First,
            scroll: 0,
            asked: None,
            done: None,
            editor: None,
        }
    }

    pub(super) fn press(&mut self, key: Key, sight: Option<&Sight>) -> Wish {
        if let Some(wish) = self.edit(key) {
            return wish;
        }
        // Whatever is not the agreement takes the question back.
        let asked = self.asked.take();
        match (key, self.place) {
            (Key::Gone, _) => return Wish::Gone,
            (Key::Size(rows, columns), _) => {
                self.asked = asked;
                return Wish::Anew(Some((rows, columns)));
            }
            (
                Key::Letter('y'),
                Place::Power | Place::Update | Place::Support | Place::Maintenance,
            ) => {
                if let Some(order) = asked {
                    return Wish::Order(order);
                }
            }
            (Key::Letter('1'), Place::Network) if self.done.is_none() => {
                self.editor = sight.and_then(Sight::form).map(Editor::open);
            }
            (Key::Letter('1'), Place::Power) if self.done.is_none() => {
                self.asked = Some(Order::PowerOff);
            }
            (Key::Letter('1'), Place::Update) if self.done.is_none() => {
                self.asked = Some(Order::Update);
            }
            (Key::Letter('1'), Place::Support) if self.done.is_none() => {
                self.asked = Some(Order::Support);
            }
            (Key::Letter('1'), Place::Maintenance) if self.done.is_none() => {
                self.asked = Some(Order::Maintenance);
            }
            (Key::Letter('2'), Place::Power | Place::Update) if self.done.is_none() => {
                self.asked = Some(Order::Restart);
            }
            (Key::Letter('l'), _) => {
                self.language = self.language.other();
                self.asked = asked;
            }
            (Key::Letter('r'), _) => return Wish::Look,
            (Key::Letter('q'), Place::First) => return Wish::Leave,
            (Key::Letter(digit @ '1'..='8'), Place::First) => {
                self.go(match digit {
                    '1' => Place::Network,
                    '2' => Place::Checklist,
                    '3' => Place::Gauges,
                    '4' => Place::Errors,
                    '5' => Place::Power,
                    '6' => Place::Update,
                    '7' => Place::Support,
                    _ => Place::Maintenance,
                });
                return Wish::Anew(None);
            }
            (Key::Letter('0' | 'q') | Key::Back | Key::Erase | Key::Enter, _) => {
                self.go(Place::First);
                return Wish::Anew(None);
            }
            (Key::Letter('j') | Key::Down, _) => self.scroll += 1,
            (Key::Letter('k') | Key::Up, _) => self.scroll = self.scroll.saturating_sub(1),
            (Key::Letter(' ') | Key::PageDown, _) => self.scroll += 10,
            (Key::PageUp, _) => self.scroll = self.scroll.saturating_sub(10),
            (Key::Letter(_) | Key::Clear, _) => {}
        }
        Wish::Nothing
    }

    /// What a key does where settings are typed; none where they are not.
    fn edit(&mut self, key: Key) -> Option<Wish> {
        let editor = self.editor.as_mut()?;
        match key {
            Key::Gone => Some(Wish::Gone),
            Key::Size(rows, columns) => Some(Wish::Anew(Some((rows, columns)))),
            key => match editor.press(key) {
                Edited::Going => {
                    // Half of a page stays below the line that is typed.
                    self.scroll = editor.row().saturating_sub(8);
                    Some(Wish::Nothing)
                }
                Edited::Left => {
                    self.go(Place::Network);
                    Some(Wish::Anew(None))
                }
                Edited::Agreed(text) => {
                    self.go(Place::Network);
                    Some(Wish::Settings(text))
                }
            },
        }
    }

    /// What became of an order.
    pub(super) fn ordered(&mut self, done: Result<Order, String>) {
        self.done = Some(done);
    }

    fn go(&mut self, place: Place) {
        self.place = place;
        self.scroll = 0;
        self.done = None;
        self.editor = None;
    }

    /// The page as it is now, filling `height` rows, or all of it where there is no height.
    pub(super) fn rows(
        &mut self,
        sight: Option<&Sight>,
        now: Moment,
        height: Option<usize>,
    ) -> Vec<Row> {
        let language = self.language;
        let Some(sight) = sight else {
            let text = language.say(
                " Đang xem tình trạng của máy…",
                " Looking at how the machine stands…",
            );
            return vec![Row::new(Tone::Key, text)];
        };
        let first = self.place == Place::First;
        let mut rows = if first {
            page::first(sight, now, language)
        } else {
            let mut rows = page::head(sight, now, language);
            rows.truncate(2);
            rows.push(page::rule());
            rows
        };
        let mut body = match self.place {
            Place::First => Vec::new(),
            Place::Network => {
                network::network(sight, self.editor.as_ref(), self.done.as_ref(), language)
            }
            Place::Checklist => more::checklist(sight, language),
            Place::Gauges => more::gauges(sight, language),
            Place::Errors => more::errors(sight, language),
            Place::Power => power::power(self.asked, self.done.as_ref(), language),
            Place::Update => update::update(sight, self.asked, self.done.as_ref(), language),
            Place::Support => support::support(sight, self.asked, self.done.as_ref(), language),
            Place::Maintenance => {
                maintenance::maintenance(self.asked, self.done.as_ref(), language)
            }
        };
        let room = height.map(|height| height.saturating_sub(rows.len() + 2));
        let scrolls = room.is_some_and(|room| body.len() > room);
        if let Some(room) = room.filter(|_| !first) {
            self.scroll = self.scroll.min(body.len().saturating_sub(room));
            body.drain(..self.scroll);
            body.truncate(room);
        }
        rows.append(&mut body);
        let keys = match &self.editor {
            Some(editor) => editor.keys(language),
            None => more::keys(first, scrolls, language),
        };
        if let Some(height) = height {
            fill(&mut rows, height.saturating_sub(keys.len()));
        }
        rows.extend(keys);
        rows
    }
}

/// Leaves out what may be left out, from the end, then cuts; blank rows below.
fn fill(rows: &mut Vec<Row>, height: usize) {
    while rows.len() > height
        && let Some(spare) = rows.iter().rposition(|row| row.spare)
    {
        rows.remove(spare);
    }
    rows.resize(height, Row::default());
}
