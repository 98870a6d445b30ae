//! The public extract: the board as files that any web server shows, without what is not everybody's business.

use super::board::{self, Audience};
use super::language::Language;
use super::{page, table};
use crate::hub::Overview;

/// Names and contents.
#[must_use]
pub fn files(overview: &Overview) -> Vec<(&'static str, Vec<u8>)> {
    let page_in = |language| board::page(overview, language, Audience::Public).into_bytes();
    let json = serde_json::to_vec_pretty(&table::json(overview, true)).unwrap_or_default();
    let mut files = vec![
        ("index.html", page_in(Language::Vi)),
        ("en.html", page_in(Language::En)),
        ("style.css", page::STYLE.as_bytes().to_vec()),
        ("icon.svg", page::ICON.as_bytes().to_vec()),
        (table::JSON, json),
    ];
    for (name, _) in table::NAMES.iter().filter(|(_, public)| *public) {
        let sheet = table::csv(overview, name, Language::Vi).unwrap_or_default();
        files.push((name, sheet.into_bytes()));
    }
    files
}
