//! The journal catalog: every kind of line is explained, in both languages, with fields and commands that exist, and
//! systemd's own tools take it.

#![expect(clippy::unwrap_used, reason = "a test that can't go on ends")]

#[path = "catalog/entries.rs"]
mod entries;
#[path = "catalog/journal.rs"]
mod journal;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use entries::{Entry, Language, commands, fields, files, prose, read};
use trucgate::journal::ids;

/// Widest line of prose: the journal puts three columns before it.
const WIDEST: usize = 77;

/// What each entry says, in this order.
const PARTS: [(Language, [&str; 3]); 2] = [
    (Language::English, ["What happened:", "Why:", "What to do:"]),
    (
        Language::Vietnamese,
        ["Sự việc:", "Nguyên nhân:", "Cần làm:"],
    ),
];

fn all(language: Language) -> BTreeMap<String, Entry> {
    let mut found = BTreeMap::new();
    for file in files(language) {
        for entry in read(&file) {
            let (id, name) = (entry.id.clone(), entry.name.clone());
            let before = found.insert(id, entry);
            assert!(before.is_none(), "{name} is explained twice");
        }
    }
    found
}

#[test]
fn every_id_is_explained_in_both_languages_and_nothing_else_is() {
    let known: BTreeSet<(&str, &str)> =
        ids::ALL.iter().map(|id| (id.message_id, id.name)).collect();
    for language in [Language::English, Language::Vietnamese] {
        let found = all(language);
        let found: BTreeSet<(&str, &str)> = found
            .values()
            .map(|entry| (entry.id.as_str(), entry.name.as_str()))
            .collect();
        assert_eq!(found, known, "{language:?}");
    }
}

#[test]
fn a_room_has_its_entries_in_the_same_file_and_order_in_both_languages() {
    let ids = |language| -> Vec<Vec<String>> {
        files(language)
            .iter()
            .map(|file| read(file).into_iter().map(|entry| entry.id).collect())
            .collect()
    };
    assert_eq!(ids(Language::English), ids(Language::Vietnamese));
}

#[test]
fn each_entry_says_what_happened_why_and_what_to_do() {
    for (language, parts) in PARTS {
        for entry in all(language).values() {
            let text = entry.text.join("\n");
            let places: Vec<_> = parts.iter().map(|part| text.find(part)).collect();
            assert!(
                places[0] == Some(0) && places.is_sorted() && places.iter().all(Option::is_some),
                "{language:?} {}: wants {parts:?} in order",
                entry.name
            );
        }
    }
}

#[test]
fn only_fields_of_the_journal_are_put_in_and_the_same_in_both_languages() {
    let allowed = journal::fields();
    let (english, vietnamese) = (all(Language::English), all(Language::Vietnamese));
    for (id, entry) in &english {
        let (here, there) = (fields(entry), fields(&vietnamese[id]));
        assert_eq!(here, there, "{}", entry.name);
        let foreign: Vec<_> = here.difference(&allowed).collect();
        assert!(
            foreign.is_empty(),
            "{}: no such field {foreign:?}",
            entry.name
        );
    }
}

#[test]
fn vietnamese_has_its_diacritics_composed_and_english_has_none() {
    for entry in all(Language::English).values() {
        let text = format!("{}\n{}", entry.subject, entry.text.join("\n"));
        assert!(text.is_ascii(), "{}", entry.name);
    }
    for entry in all(Language::Vietnamese).values() {
        for line in prose(entry) {
            let strange: Vec<char> = line
                .chars()
                .filter(|c| !c.is_ascii() && !is_vietnamese(*c))
                .collect();
            assert!(
                strange.is_empty(),
                "{}: not composed or not Vietnamese: {strange:?} in {line:?}",
                entry.name
            );
        }
        let text = prose(entry).join(" ");
        let letters = text.chars().filter(|c| c.is_alphabetic()).count();
        let marked = text.chars().filter(|c| is_vietnamese(*c)).count();
        assert!(
            marked * 5 >= letters,
            "{}: {marked} of {letters} letters have marks, too few for Vietnamese",
            entry.name
        );
    }
}

/// A letter of the Vietnamese alphabet with a mark, as one character (NFC).
fn is_vietnamese(c: char) -> bool {
    const MARKED: &str = "àáảãạăằắẳẵặâầấẩẫậđèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵ";
    c.to_lowercase().all(|c| MARKED.contains(c))
}

#[test]
fn lines_fit_a_console_and_commands_stand_alone() {
    for language in [Language::English, Language::Vietnamese] {
        for entry in all(language).values() {
            for line in prose(entry) {
                let wide = line.chars().count();
                assert!(wide <= WIDEST, "{}: {wide} columns: {line}", entry.name);
                for verb in [
                    "status",
                    "hub",
                    "provision",
                    "agree",
                    "signer",
                    "relay",
                    "evidence",
                    "update",
                    "support",
                ] {
                    assert!(
                        !line.contains(&format!("trucgate {verb}")),
                        "{}: a command inside prose is not checked: {line}",
                        entry.name
                    );
                }
            }
        }
    }
}

#[test]
fn every_command_exists() {
    let (english, vietnamese) = (all(Language::English), all(Language::Vietnamese));
    let mut named = BTreeSet::new();
    for (id, entry) in &english {
        assert_eq!(commands(entry), commands(&vietnamese[id]), "{}", entry.name);
        named.extend(commands(entry));
    }
    assert!(named.len() > 15, "{named:?}");
    for command in named {
        exists(&command);
    }
}

/// Of ours: the command line with `--help` behind it is understood. Of the system's: the tool is one that a box has, and
/// units and message ids are ours.
fn exists(command: &str) {
    let words: Vec<String> = command.split(' ').map(stands_for).collect();
    match words[0].as_str() {
        "trucgate" => {
            let asked = Command::new(env!("CARGO_BIN_EXE_trucgate"))
                .args(&words[1..])
                .arg("--help")
                .output()
                .unwrap();
            assert!(
                asked.status.success(),
                "{command}: {}",
                String::from_utf8_lossy(&asked.stderr)
            );
        }
        "journalctl" | "systemctl" | "systemd-creds" | "timedatectl" | "df" => {}
        tool => panic!("{command}: {tool} is not on every box"),
    }
    for word in &words[1..] {
        if let Some(id) = word.strip_prefix("MESSAGE_ID=") {
            assert!(ids::ALL.iter().any(|one| one.message_id == id), "{command}");
        }
        let unit = word.strip_prefix("--unit=").unwrap_or(word);
        if unit.starts_with("trucgate-") {
            let units = ["systemd", "systemd/appliance/usr/lib/systemd/system"];
            let house = Path::new(env!("CARGO_MANIFEST_DIR"));
            let known = |at: &&str| house.join(at).join(format!("{unit}.service")).exists();
            assert!(
                units.iter().any(known),
                "{command}: there is no unit {unit}"
            );
        }
    }
}

/// A word as it may be typed: what stands for something else replaced by an example.
fn stands_for(word: &str) -> String {
    match word {
        "CODE" | "@MEMBER@" => "000.00.00.H41",
        "@PACKET_ID@" => "0198f4c2-7a11-7c3e-9a51-3a4ddba0ce5e",
        "@SYSLOG_IDENTIFIER@" => "trucgate-relay",
        word => word,
    }
    .to_owned()
}

#[test]
fn systemd_compiles_it_and_gives_each_entry_in_both_languages() {
    let compiled = journal::Compiled::of(&files(Language::English), &files(Language::Vietnamese));
    for language in [Language::English, Language::Vietnamese] {
        let dumped = compiled.dump(language);
        for entry in all(language).values() {
            let head = format!("-- {}\nSubject: {}\n", entry.id, entry.subject);
            assert!(dumped.contains(&head), "{language:?} {}", entry.name);
        }
    }
}

#[test]
fn the_journal_explains_its_lines_in_the_readers_language() {
    let compiled = journal::Compiled::of(&files(Language::English), &files(Language::Vietnamese));
    let lines = compiled.journal_of_all_ids();
    for language in [Language::English, Language::Vietnamese] {
        let Some(shown) = compiled.explain(&lines, language) else {
            return;
        };
        for entry in all(language).values() {
            let subject = format!("Subject: {}", entry.subject);
            let told: Vec<String> = std::iter::once(&subject)
                .chain(&entry.text)
                .map(|line| journal::filled(line, &entry.name))
                .collect();
            for line in told {
                assert!(
                    shown.contains(&format!("░░ {line}\n")),
                    "{language:?} {}: {line:?} is not shown",
                    entry.name
                );
            }
        }
        assert!(!shown.contains('@'), "a field stays open: {shown}");
    }
}
