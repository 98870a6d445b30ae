//! The last lines of the journal that tell of an error, and what the catalog says of them.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::language::{Language, shown};
use crate::clock::Moment;
use crate::journal::{self, Explanation};

/// How many are shown.
const LAST: usize = 20;
/// Whose lines.
const PROCESSES: [&str; 4] = [
    "trucgate-relay",
    "trucgate-signer",
    "trucgate-hub",
    "trucgate-provision",
];

/// What is read of a line besides when it was written.
fn fields() -> impl Iterator<Item = &'static str> {
    journal::FIELDS.into_iter().chain(["SYSLOG_IDENTIFIER"])
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) at: Moment,
    fields: BTreeMap<String, String>,
}

/// The newest first. `journal` is a journal file instead of the machine's own journal.
pub(super) fn last(journal: Option<&Path>) -> Result<Vec<Line>, String> {
    let mut command = Command::new("journalctl");
    command
        .args([
            "--quiet",
            "--no-pager",
            "--output=json",
            "--priority=err",
            "--reverse",
        ])
        .arg(format!("--lines={LAST}"))
        .arg(format!(
            "--output-fields={}",
            fields().collect::<Vec<_>>().join(",")
        ))
        .args(PROCESSES.map(|process| format!("SYSLOG_IDENTIFIER={process}")))
        .stdin(Stdio::null());
    match journal {
        Some(file) => command.arg(format!("--file={}", file.display())),
        None => command.arg("--boot"),
    };
    let told = command
        .output()
        .map_err(|error| format!("journalctl: {error}"))?;
    if !told.status.success() {
        return Err(format!(
            "journalctl: {}",
            String::from_utf8_lossy(&told.stderr).trim()
        ));
    }
    let text = String::from_utf8_lossy(&told.stdout);
    Ok(text.lines().filter_map(Line::parse).collect())
}

impl Line {
    fn parse(json: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(json).ok()?;
        let microseconds: i128 = value["__REALTIME_TIMESTAMP"].as_str()?.parse().ok()?;
        let fields = fields().filter_map(|name| {
            let text = value[name].as_str()?;
            Some((name.to_owned(), shown(text)))
        });
        Some(Self {
            at: Moment::from_unix_timestamp_nanos(microseconds * 1_000).ok()?,
            fields: fields.collect(),
        })
    }

    fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    pub(super) fn process(&self) -> &str {
        self.field("SYSLOG_IDENTIFIER")
    }

    pub(super) fn reason(&self) -> &str {
        self.field("REASON")
    }

    /// What it is about: the catalog's subject, or its own English words.
    pub(super) fn subject(&self, language: Language) -> String {
        let subject = self
            .entry(language)
            .and_then(|entry| entry.subject(|name| self.field(name)));
        subject.unwrap_or_else(|| self.field("MESSAGE").to_owned())
    }

    /// What the catalog says of it, line by line.
    pub(super) fn explanation(&self, language: Language) -> Vec<String> {
        match self.entry(language) {
            Some(entry) => entry.text(|name| self.field(name)),
            None => vec![self.reason().to_owned()],
        }
    }

    fn entry(&self, language: Language) -> Option<Explanation> {
        let [vi, en] = Explanation::of(self.field("MESSAGE_ID"))?;
        Some(match language {
            Language::Vi => vi,
            Language::En => en,
        })
    }
}

#[cfg(test)]
impl Line {
    pub(super) fn of(at: Moment, fields: &[(&str, &str)]) -> Self {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), shown(value));
        Self {
            at,
            fields: fields.iter().map(own).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_journalctl_is_read_and_what_is_no_field_of_ours_is_not() {
        let json = r#"{"__REALTIME_TIMESTAMP":"1790000000000000","MESSAGE":"x","REASON":"a\u001b[2Jb","SECRET":"s","PEER":[1,2]}"#;
        let line = Line::parse(json).unwrap();
        assert_eq!(line.at.unix_timestamp(), 1_790_000_000);
        assert_eq!(line.reason(), "a [2Jb");
        assert_eq!(line.fields.len(), 2);
    }
}
