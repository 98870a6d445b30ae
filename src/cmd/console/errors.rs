//! The last lines of the journal that tell of an error, and what the catalog says of them.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::language::{Language, shown};
use crate::clock::Moment;

/// How many are shown.
const LAST: usize = 20;
/// What is read of a line: the fields of `journal` and when it was written.
const FIELDS: [&str; 12] = [
    "MESSAGE",
    "MESSAGE_ID",
    "SYSLOG_IDENTIFIER",
    "PACKET_ID",
    "MEMBER",
    "PEER",
    "DOC_CODE",
    "STEP",
    "REASON",
    "NEXT",
    "COUNT",
    "DURATION_US",
];
/// Whose lines.
const PROCESSES: [&str; 4] = [
    "trucgate-relay",
    "trucgate-signer",
    "trucgate-hub",
    "trucgate-provision",
];

/// A room's file of the catalog, Vietnamese and English.
macro_rules! room {
    ($name:literal) => {
        (
            include_str!(concat!(
                "../../../systemd/catalog/trucgate-",
                $name,
                ".vi.catalog"
            )),
            include_str!(concat!(
                "../../../systemd/catalog/trucgate-",
                $name,
                ".catalog"
            )),
        )
    };
}

/// The catalog as it is installed, compiled in: the page explains itself on a machine whose locale is another.
const CATALOG: [(&str, &str); 11] = [
    room!("process"),
    room!("packet"),
    room!("software"),
    room!("signer"),
    room!("trust"),
    room!("hub"),
    room!("control"),
    room!("update"),
    room!("backup"),
    room!("support"),
    room!("maintenance"),
];

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
        .arg(format!("--output-fields={}", FIELDS.join(",")))
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
        let fields = FIELDS.into_iter().filter_map(|name| {
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
        let entry = self.entry(language);
        let subject = entry.and_then(|entry| {
            let mut lines = entry.lines();
            lines.find_map(|line| line.strip_prefix("Subject: "))
        });
        match subject {
            Some(subject) => self.filled(subject),
            None => self.field("MESSAGE").to_owned(),
        }
    }

    /// What the catalog says of it, line by line.
    pub(super) fn explanation(&self, language: Language) -> Vec<String> {
        let Some(entry) = self.entry(language) else {
            return vec![self.reason().to_owned()];
        };
        let text = entry.split_once("\n\n").map_or("", |(_, text)| text);
        text.lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| self.filled(line))
            .collect()
    }

    fn entry(&self, language: Language) -> Option<&'static str> {
        let id = Some(self.field("MESSAGE_ID")).filter(|id| id.len() == 32)?;
        CATALOG.iter().find_map(|(vi, en)| {
            let file: &'static str = match language {
                Language::Vi => vi,
                Language::En => en,
            };
            let at = file.find(&format!("-- {id}\n"))?;
            let entry = &file[at..];
            let end = entry.find("\n\n# ").unwrap_or(entry.len());
            Some(&entry[..end])
        })
    }

    fn filled(&self, line: &str) -> String {
        let pieces = line.split('@').enumerate();
        let pieces = pieces.map(|(at, piece)| match at % 2 {
            0 => piece,
            _ => self.field(piece),
        });
        pieces.collect()
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
    use crate::journal::ids;

    #[test]
    fn every_id_has_its_entry_in_what_is_compiled_in() {
        for id in ids::ALL {
            let line = Line::of(Moment::UNIX_EPOCH, &[("MESSAGE_ID", id.message_id)]);
            for language in [Language::Vi, Language::En] {
                assert!(!line.subject(language).is_empty(), "{}", id.name);
                let text = line.explanation(language).join("\n");
                let begins = language.say("Sự việc:", "What happened:");
                assert!(text.starts_with(begins), "{}: {text}", id.name);
                assert!(!text.contains("\n-- "), "{}: {text}", id.name);
            }
        }
    }

    #[test]
    fn a_line_of_journalctl_is_read_and_what_is_no_field_of_ours_is_not() {
        let json = r#"{"__REALTIME_TIMESTAMP":"1790000000000000","MESSAGE":"x","REASON":"a\u001b[2Jb","SECRET":"s","PEER":[1,2]}"#;
        let line = Line::parse(json).unwrap();
        assert_eq!(line.at.unix_timestamp(), 1_790_000_000);
        assert_eq!(line.reason(), "a [2Jb");
        assert_eq!(line.fields.len(), 2);
    }
}
