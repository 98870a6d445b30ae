use std::collections::BTreeSet;
use std::io::Write as _;

use bytes::Bytes;

use super::super::directory::difference::{Difference, Touched, write};
use super::super::directory::{BoxEntry, Content, Directory, Fingerprint, Member, Source};
use super::*;
use crate::packet::Digest;

fn content(version: u64, members: &[(&str, &str)], boxes: &[(&str, u8)]) -> Content {
    let members = members.iter().enumerate().map(|(at, (text, name))| Member {
        box_code: boxes.first().map(|(text, _)| code(text)),
        ..Member::new(code(text), at as u64, (*name).to_owned())
    });
    let boxes = boxes.iter().map(|(text, print)| BoxEntry {
        code: code(text),
        tls: vec![Fingerprint([*print; 32])],
        seal: vec![],
    });
    Content {
        version,
        issued: NOW,
        valid_until: NOW + Duration::days(version.cast_signed()),
        hub: None,
        members: members.collect(),
        boxes: boxes.collect(),
    }
}

fn entered(before: &Directory, difference: Vec<u8>) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    Difference::read(difference.into())?.enter(before, |piece| {
        out.extend_from_slice(piece);
        Ok(())
    })?;
    Ok(out)
}

type Listing<'a> = (&'a [(&'a str, &'a str)], &'a [(&'a str, u8)]);

#[test]
fn a_difference_makes_the_next_directory_to_the_byte() {
    let base: Listing<'_> = (
        &[("C", "c"), ("E", "e \"}],{["), ("G", "g\\")],
        &[("X", 1), ("Y", 2)],
    );
    let states: &[Listing<'_>] = &[
        base,
        (
            &[("A", "first"), ("C", "c"), ("E", "e"), ("G", "g")],
            &[("W", 3), ("X", 1)],
        ),
        (
            &[("C", "c"), ("D", "between"), ("G", "g\\"), ("H", "last")],
            &[("X", 1), ("Y", 2), ("Z", 4)],
        ),
        (&[("E", "e \"}],{[")], &[("Y", 9)]),
        (
            &[("C", "another name"), ("E", "e \"}],{["), ("G", "g\\")],
            &[("X", 1), ("Y", 2)],
        ),
        (&[], &[]),
        (&[("B", "all"), ("F", "others")], &[]),
    ];
    for (from, before) in states.iter().enumerate() {
        for (to, after) in states.iter().enumerate() {
            let before = Directory::new(content(7, before.0, before.1)).unwrap();
            let after = Directory::new(content(8, after.0, after.1)).unwrap();
            let touched = Touched::between(&before, &after).unwrap();
            assert_eq!(
                touched.count() == 0,
                from == to,
                "{from} to {to}: {touched:?}"
            );
            let difference = write(7, &after, &touched).unwrap();
            let made = entered(&before, difference.clone()).unwrap();
            assert_eq!(made, after.json().unwrap(), "{from} to {to}");
            // Codes that were touched and are as they were do no harm.
            let mut more = touched.clone();
            for one in states {
                more.members
                    .extend(one.0.iter().map(|(text, _)| code(text)));
                more.boxes.extend(one.1.iter().map(|(text, _)| code(text)));
            }
            let made = entered(&before, write(7, &after, &more).unwrap()).unwrap();
            assert_eq!(made, after.json().unwrap(), "{from} to {to}, more touched");
        }
    }
}

#[test]
fn a_difference_that_is_cut_forged_or_of_another_version_never_makes_the_sealed_one() {
    let before = Directory::new(content(7, &[("C", "c"), ("E", "e")], &[("X", 1)])).unwrap();
    let after = Directory::new(content(8, &[("C", "c"), ("D", "d")], &[("X", 2)])).unwrap();
    let sealed = Digest::of(&after.json().unwrap());
    let touched = Touched::between(&before, &after).unwrap();
    let good = write(7, &after, &touched).unwrap();
    assert_eq!(Digest::of(&entered(&before, good.clone()).unwrap()), sealed);
    for length in 0..good.len() {
        assert!(
            entered(&before, good[..length].to_vec()).is_err(),
            "{length}"
        );
    }
    for at in 0..good.len() {
        let mut forged = good.clone();
        forged[at] ^= 1;
        let made = entered(&before, forged);
        assert!(
            made.is_err() || Digest::of(&made.unwrap()) != sealed,
            "byte {at}"
        );
    }
    let older = Directory::new(content(6, &[("C", "c")], &[])).unwrap();
    let refused = entered(&older, good).unwrap_err().to_string();
    assert!(
        refused.contains("version 7 is no use to version 6"),
        "{refused}"
    );
    let silent = write(7, &after, &Touched::default()).unwrap();
    assert_ne!(Digest::of(&entered(&before, silent).unwrap()), sealed);
    let unsorted = Directory::new(content(7, &[("E", "e"), ("C", "c")], &[("X", 1)])).unwrap();
    let all = Touched {
        members: BTreeSet::from(["C", "D", "E"].map(code)),
        boxes: BTreeSet::new(),
    };
    let made = entered(&unsorted, write(7, &after, &all).unwrap());
    assert!(made.is_err() || Digest::of(&made.unwrap()) != sealed);
}

#[test]
fn a_directory_in_a_file_is_the_one_in_memory_whatever_becomes_of_the_name() {
    let listed = content(7, &[("C", "c"), ("E", "e \"}],{[")], &[("X", 1), ("Y", 2)]);
    let memory = Directory::new(listed.clone()).unwrap();
    let json = memory.json().unwrap();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"seal").unwrap();
    file.write_all(&json).unwrap();
    let source = Source::file(file.reopen().unwrap(), 4).unwrap();
    let (kept, digest) = Directory::read(source).unwrap();
    assert_eq!(digest, Digest::of(&json));
    let path = file.path().to_owned();
    drop(file);
    assert!(!path.exists());
    assert_eq!(kept.content(), listed);
    assert_eq!(kept.json().unwrap(), json);
    assert_eq!(kept.find(&code("E")), memory.find(&code("E")));
    assert_eq!(kept.count_of_box(&code("X")), 2);
    assert_eq!(kept.members_of_box(&code("X")).count(), 2);
    assert_eq!(kept.members_of_box(&code("Y")).count(), 0);
}

#[test]
fn what_is_no_directory_is_refused_wherever_it_ends() {
    let good = Directory::new(content(7, &[("C", "c")], &[("X", 1)])).unwrap();
    let json = good.json().unwrap();
    for length in 0..json.len() {
        assert!(
            Directory::from_json(json.slice(..length)).is_err(),
            "{length}"
        );
    }
    let text = std::str::from_utf8(&json).unwrap();
    for (part, wrong) in [
        ("\"version\":7", "\"version\":7,\"version\":8"),
        ("\"version\":7", "\"version\":7,\"other\":[{}]"),
        ("\"members\":", "\"members\":[],\"members\":"),
        ("\"boxes\":", "\"box\":"),
        ("\"name\":\"c\"", "\"name\":\"c\",\"surprise\":1"),
        ("]}", "]}x"),
    ] {
        assert!(text.contains(part), "{part}");
        let bad = Bytes::from(text.replacen(part, wrong, 1));
        assert!(Directory::from_json(bad).is_err(), "{wrong}");
    }
    let long = format!("\"name\":\"{}\"", "c".repeat(70_000));
    let bad = Bytes::from(text.replacen("\"name\":\"c\"", &long, 1));
    assert!(Directory::from_json(bad).is_err());
}
