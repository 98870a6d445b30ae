//! What a browser is shown: the board of the exchange, a document's way, a box's page. Rendered here, without any script.
//!
//! | file | what it does |
//! |---|---|
//! | `door` | routes, who may see what, headers |
//! | `query` | the part of an address behind `?` |
//! | `language` | Vietnamese and English: words, numbers, dates, spans, money |
//! | `html` | text that can't become markup |
//! | `page` | what all pages have around them |
//! | `board` | the exchange in one page |
//! | `table` | the same figures as CSV and JSON |
//! | `export` | the public extract as files |
//! | `trace`, `console` | a document's way; how a box or hub stands |
//! | `metrics` | OpenMetrics for monitoring |

mod board;
mod console;
mod door;
mod export;
mod html;
mod language;
mod metrics;
mod page;
mod query;
mod table;
mod trace;

pub use door::{Door, Site};
pub use export::files;
pub use language::Language;

#[cfg(test)]
mod tests;
