//! The catalog's source files, read as systemd reads them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    Vietnamese,
}

/// One explained kind of line.
#[derive(Debug)]
pub(crate) struct Entry {
    /// From the comment above it.
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) subject: String,
    /// Without the header.
    pub(crate) text: Vec<String>,
}

/// The files of a language, by name.
pub(crate) fn files(language: Language) -> Vec<PathBuf> {
    let catalog = Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd/catalog");
    let mut files: Vec<PathBuf> = std::fs::read_dir(catalog)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            assert!(name.ends_with(".catalog"), "systemd reads no {name}");
            name.ends_with(".vi.catalog") == (language == Language::Vietnamese)
        })
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

pub(crate) fn read(file: &Path) -> Vec<Entry> {
    let text = std::fs::read_to_string(file).unwrap();
    let mut entries: Vec<Entry> = Vec::new();
    let (mut name, mut in_head) = (String::new(), false);
    for line in text.lines() {
        assert_eq!(
            line.trim_end(),
            line,
            "{}: blanks at the end",
            file.display()
        );
        if let Some(comment) = line.strip_prefix("# ") {
            comment.clone_into(&mut name);
        } else if let Some(id) = line.strip_prefix("-- ") {
            in_head = true;
            entries.push(Entry {
                name: name.clone(),
                id: id.to_owned(),
                subject: String::new(),
                text: Vec::new(),
            });
        } else if let Some(entry) = entries.last_mut() {
            match line.split_once(": ") {
                _ if line.is_empty() => {
                    in_head = false;
                    entry.text.push(String::new());
                }
                Some(("Subject", subject)) if in_head => subject.clone_into(&mut entry.subject),
                Some(("Defined-By", by)) if in_head => assert_eq!(by, "trucgate"),
                Some(("Support", place)) if in_head => {
                    assert!(place.starts_with("file:///usr/share/doc/trucgate/"));
                }
                _ if in_head => panic!("{}: {line} in a header", file.display()),
                _ => entry.text.push(line.to_owned()),
            }
        }
    }
    for entry in &mut entries {
        assert!(!entry.subject.is_empty(), "{} has no subject", entry.name);
        let blank = |line: &String| line.is_empty();
        entry
            .text
            .drain(..entry.text.iter().take_while(|line| blank(line)).count());
        while entry.text.last().is_some_and(blank) {
            entry.text.pop();
        }
    }
    entries
}

/// Subject and text without the commands.
pub(crate) fn prose(entry: &Entry) -> Vec<&str> {
    std::iter::once(&entry.subject)
        .chain(&entry.text)
        .map(String::as_str)
        .filter(|line| !line.starts_with("    "))
        .collect()
}

/// What is to be typed.
pub(crate) fn commands(entry: &Entry) -> Vec<String> {
    entry
        .text
        .iter()
        .filter_map(|line| line.strip_prefix("    "))
        .map(str::to_owned)
        .collect()
}

/// The fields that are put in.
pub(crate) fn fields(entry: &Entry) -> BTreeSet<String> {
    let text = format!("{}\n{}", entry.subject, entry.text.join("\n"));
    let pieces: Vec<&str> = text.split('@').collect();
    assert!(pieces.len() % 2 == 1, "{}: an odd number of @", entry.name);
    pieces
        .iter()
        .skip(1)
        .step_by(2)
        .map(|field| (*field).to_owned())
        .collect()
}
