//! What all pages have around them.

use super::html::{esc, put};
use super::language::Language;

/// The style sheet, a file of its own: the policy allows no style in a page.
pub(super) const STYLE: &str = include_str!("style.css");
/// The sign in a browser's tab: four agencies and the exchange between them.
pub(super) const ICON: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#8c1c24"/><path d="M8 8l16 16M24 8L8 24" stroke="#f6d98b" stroke-width="2.4"/><circle cx="16" cy="16" r="4.6" fill="#f6d98b"/><g fill="#fff"><circle cx="8" cy="8" r="2.8"/><circle cx="24" cy="8" r="2.8"/><circle cx="8" cy="24" r="2.8"/><circle cx="24" cy="24" r="2.8"/></g></svg>"##;

/// A page before it is put together.
pub(super) struct Page<'a> {
    pub(super) language: Language,
    pub(super) title: &'a str,
    /// Above the title: whose page it is.
    pub(super) over: String,
    /// Below it.
    pub(super) under: String,
    /// Where the same is in the other language.
    pub(super) other: String,
    /// Other pages: address and name.
    pub(super) links: Vec<(String, String)>,
    pub(super) content: String,
}

impl Page<'_> {
    pub(super) fn html(&self) -> String {
        let l = self.language;
        let mut out = String::with_capacity(self.content.len() + 4_096);
        put!(
            out,
            "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light\">\n<title>{}</title>\n\
             <link rel=\"stylesheet\" href=\"style.css\">\n<link rel=\"icon\" href=\"icon.svg\" type=\"image/svg+xml\">\n\
             </head>\n<body>\n<a class=\"skip\" href=\"#main\">{}</a>\n<header class=\"top\">\n<div class=\"over\"><span>{}</span>",
            l.code(),
            esc(self.title),
            l.say("Tới nội dung", "Skip to content"),
            esc(&self.over),
        );
        put!(
            out,
            "<nav aria-label=\"{}\">",
            l.say("Trang và ngôn ngữ", "Pages and language")
        );
        for (address, name) in &self.links {
            put!(out, "<a href=\"{}\">{}</a>", esc(address), esc(name));
        }
        put!(
            out,
            "<a href=\"{}\" lang=\"{}\" hreflang=\"{}\">{}</a></nav></div>\n<h1>{}</h1>\n",
            esc(&self.other),
            l.other().code(),
            l.other().code(),
            l.other().say("Tiếng Việt", "English"),
            esc(self.title),
        );
        if !self.under.is_empty() {
            put!(out, "<p class=\"under\">{}</p>\n", esc(&self.under));
        }
        put!(
            out,
            "</header>\n<main id=\"main\">\n{}</main>\n",
            self.content
        );
        put!(
            out,
            "<footer><p>trucgate {}</p></footer>\n</body>\n</html>\n",
            env!("CARGO_PKG_VERSION")
        );
        out
    }
}

/// A column by what stands in it, with its head.
pub(super) enum Column<'a> {
    Words(&'a str),
    /// To the right.
    Numbers(&'a str),
}

/// Begins a table, up to its first row.
pub(super) fn table_of(class: &str, caption: &str, columns: &[Column<'_>]) -> String {
    let mut table = String::new();
    put!(
        table,
        "<table class=\"{class}\"><caption>{caption}</caption><thead><tr>"
    );
    for column in columns {
        match column {
            Column::Words(head) => put!(table, "<th scope=\"col\">{head}</th>"),
            Column::Numbers(head) => put!(table, "<th scope=\"col\" class=\"n\">{head}</th>"),
        }
    }
    table.push_str("</tr></thead><tbody>");
    table
}

/// A table that scrolls by itself where the screen is narrow; the keyboard reaches it. Its caption is for those who hear
/// it: what is seen stands above, where it does not scroll away.
pub(super) fn scrolling(out: &mut String, label: &str, table: &str) {
    put!(
        *out,
        "<p class=\"caption\" aria-hidden=\"true\">{label}</p><div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{label}\">{table}</div>\n",
        label = esc(label)
    );
}
