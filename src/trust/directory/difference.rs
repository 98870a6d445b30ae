//! What changed from one directory to the next, and how the next is made of it.
//!
//! A difference needs no trust of its own: who enters it gets the bytes that the hub sealed, or others whose digest is not the
//! sealed one. Entries are taken over as they are written, so that the result is the same to the byte.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::iter::Peekable;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::scan::{Scanner, wrong};
use super::table::{Listed, Table};
use super::{Directory, Source};
use crate::packet::MemberId;
use crate::trust::Error;

/// The codes of what two directories do not list alike.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Touched {
    /// Members that came, changed or went.
    pub members: BTreeSet<MemberId>,
    /// Boxes likewise.
    pub boxes: BTreeSet<MemberId>,
}

impl Directory {
    /// All members with their codes, as they are written.
    pub(super) fn written(&self) -> impl Iterator<Item = Written> {
        written(self, &self.members)
    }
}

impl Touched {
    /// By comparing two directories whose entries are in the order of their codes.
    ///
    /// # Errors
    /// When an entry has no code.
    pub fn between(before: &Directory, after: &Directory) -> Result<Self, Error> {
        Ok(Self {
            members: unlike(before, &before.members, after, &after.members)?,
            boxes: unlike(before, &before.boxes, after, &after.boxes)?,
        })
    }

    /// How many they are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.members.len() + self.boxes.len()
    }

    /// Adds what was touched in another step.
    pub fn extend(&mut self, other: &Self) {
        self.members.extend(other.members.iter().cloned());
        self.boxes.extend(other.boxes.iter().cloned());
    }
}

/// The entries of a table with their codes, as they are written.
fn written<'a, T: Listed>(
    directory: &'a Directory,
    table: &'a Table<T>,
) -> impl Iterator<Item = Written> {
    table.numbers().map(|number| {
        let raw = table.raw(&directory.source, number);
        Ok((code_of(&raw)?, raw))
    })
}

fn code_of(raw: &[u8]) -> Result<MemberId, Error> {
    // As it is written here; a code has nothing that would be escaped.
    let first = raw.strip_prefix(b"{\"code\":\"");
    let code = first.and_then(|rest| rest.split(|byte| *byte == b'"').next());
    if let Some(code) = code.and_then(|code| std::str::from_utf8(code).ok()?.parse().ok()) {
        return Ok(code);
    }
    #[derive(Deserialize)]
    struct Coded {
        code: MemberId,
    }
    let coded: Coded = serde_json::from_slice(raw).map_err(wrong)?;
    Ok(coded.code)
}

fn unlike<T: Listed>(
    before: &Directory,
    old: &Table<T>,
    after: &Directory,
    new: &Table<T>,
) -> Result<BTreeSet<MemberId>, Error> {
    let mut touched = BTreeSet::new();
    let mut old = written(before, old).peekable();
    for one in written(after, new) {
        let (code, raw) = one?;
        while let Some(gone) = taken_if(&mut old, |other| *other < code)? {
            touched.insert(gone.0);
        }
        match taken_if(&mut old, |other| *other == code)? {
            Some((_, same)) if same == raw => {}
            _ => drop(touched.insert(code)),
        }
    }
    for one in old {
        touched.insert(one?.0);
    }
    Ok(touched)
}

pub(super) type Written = Result<(MemberId, Bytes), Error>;

pub(super) fn taken_if(
    entries: &mut Peekable<impl Iterator<Item = Written>>,
    fits: impl Fn(&MemberId) -> bool,
) -> Result<Option<(MemberId, Bytes)>, Error> {
    let next = entries.next_if(|one| one.as_ref().map_or(true, |(code, _)| fits(code)));
    next.transpose()
}

/// The difference that makes `after` of version `since`, where `touched` names whatever changed in between.
///
/// # Errors
/// Never for a directory that was read.
pub fn write(since: u64, after: &Directory, touched: &Touched) -> Result<Vec<u8>, Error> {
    let header = serde_json::to_string(&after.header).map_err(wrong)?;
    let mut out = format!("{{\"since\":{since},\"header\":{header}").into_bytes();
    part(&mut out, "members", after, &after.members, &touched.members)?;
    part(&mut out, "boxes", after, &after.boxes, &touched.boxes)?;
    out.push(b'}');
    Ok(out)
}

fn part<T: Listed>(
    out: &mut Vec<u8>,
    name: &str,
    after: &Directory,
    table: &Table<T>,
    touched: &BTreeSet<MemberId>,
) -> Result<(), Error> {
    let (mut there, mut gone) = (Vec::new(), Vec::new());
    for code in touched {
        match table.find(&after.source, code) {
            Some((number, entry)) if entry.code() == code => {
                there.push(table.raw(&after.source, number));
            }
            _ => gone.push(code),
        }
    }
    let gone = serde_json::to_string(&gone).map_err(wrong)?;
    out.extend_from_slice(format!(",\"{name}_gone\":{gone},\"{name}\":").as_bytes());
    list(there.into_iter().map(Ok), &mut |bytes| {
        out.extend_from_slice(bytes);
        Ok(())
    })
}

/// Writes entries as a list.
fn list(
    entries: impl Iterator<Item = Result<Bytes, Error>>,
    put: &mut impl FnMut(&[u8]) -> io::Result<()>,
) -> Result<(), Error> {
    let mut between: &[u8] = b"[";
    for entry in entries {
        put(between).map_err(wrong)?;
        put(&entry?).map_err(wrong)?;
        between = b",";
    }
    put(if between == b"[" { b"[]" } else { b"]" }).map_err(wrong)
}

/// What a difference says of a code: the new entry, or that it is gone.
type Changes = BTreeMap<MemberId, Option<Bytes>>;

/// A difference that was read.
#[derive(Debug)]
pub struct Difference {
    since: u64,
    header: Vec<u8>,
    members: Changes,
    boxes: Changes,
}

impl Difference {
    /// Reads one.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(json: Bytes) -> Result<Self, Error> {
        let source = Source::Memory(json);
        let mut scanner = Scanner::new(&source);
        let (mut since, mut header) = (Vec::new(), Vec::new());
        let (mut members, mut boxes) = (Changes::new(), Changes::new());
        let mut first = true;
        while let Some(name) = scanner.name(first)? {
            first = false;
            match name.as_str() {
                "since" => scanner.value(&mut since)?,
                "header" => scanner.value(&mut header)?,
                "members" => entries(&mut scanner, &mut members)?,
                "boxes" => entries(&mut scanner, &mut boxes)?,
                "members_gone" => gone(&mut scanner, &mut members)?,
                "boxes_gone" => gone(&mut scanner, &mut boxes)?,
                other => return Err(wrong(format_args!("{other:?} in a difference"))),
            }
        }
        scanner.end()?;
        if header.pop() != Some(b'}') {
            return Err(wrong("a difference without a header"));
        }
        Ok(Self {
            since: serde_json::from_slice(&since).map_err(wrong)?,
            header,
            members,
            boxes,
        })
    }

    /// Writes the directory that `before` becomes by it, piece by piece.
    ///
    /// # Errors
    /// When it is the difference from another version, or `put` fails.
    pub fn enter(
        self,
        before: &Directory,
        mut put: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(), Error> {
        if self.since != before.version {
            let (since, version) = (self.since, before.version);
            return Err(wrong(format_args!(
                "the difference from version {since} is no use to version {version}"
            )));
        }
        put(&self.header).map_err(wrong)?;
        put(b",\"members\":").map_err(wrong)?;
        let members = written(before, &before.members).peekable();
        list(merged(members, self.members), &mut put)?;
        put(b",\"boxes\":").map_err(wrong)?;
        let boxes = written(before, &before.boxes).peekable();
        list(merged(boxes, self.boxes), &mut put)?;
        put(b"}").map_err(wrong)
    }
}

fn entries(scanner: &mut Scanner<'_>, changes: &mut Changes) -> Result<(), Error> {
    scanner.list(|_, raw| {
        changes.insert(code_of(raw)?, Some(Bytes::copy_from_slice(raw)));
        Ok(())
    })
}

fn gone(scanner: &mut Scanner<'_>, changes: &mut Changes) -> Result<(), Error> {
    scanner.list(|_, raw| {
        let code = serde_json::from_slice(raw).map_err(wrong)?;
        changes.entry(code).or_insert(None);
        Ok(())
    })
}

/// Old entries with the changes entered, both in the order of their codes.
fn merged(
    mut old: Peekable<impl Iterator<Item = Written>>,
    changes: Changes,
) -> impl Iterator<Item = Result<Bytes, Error>> {
    let mut changes = changes.into_iter().peekable();
    std::iter::from_fn(move || {
        loop {
            let next = changes.peek().map(|(code, _)| code);
            let before = |code: &MemberId| next.is_none_or(|next| code < next);
            match taken_if(&mut old, before) {
                Ok(Some((_, raw))) => return Some(Ok(raw)),
                Ok(None) => {}
                Err(error) => return Some(Err(error)),
            }
            // The old entry of a code that changed makes room for the new one, or for none.
            let (code, new) = changes.next()?;
            if let Err(error) = taken_if(&mut old, |other| *other == code) {
                return Some(Err(error));
            }
            if let Some(raw) = new {
                return Some(Ok(raw));
            }
        }
    })
}
