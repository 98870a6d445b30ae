//! Many members at once, from JSON or CSV.

use std::collections::HashMap;
use std::str::FromStr;

use super::Change;
use crate::hub::Error;
use crate::trust::directory::{Fingerprint, Member, State};

/// Reads a JSON array of members, written as in the directory.
///
/// # Errors
/// [`Error::Registry`] that names the place.
pub fn members_of_json(text: &str) -> Result<Vec<Change>, Error> {
    let members: Vec<Member> =
        serde_json::from_str(text).map_err(|error| Error::Registry(error.to_string()))?;
    Ok(members
        .into_iter()
        .map(|member| Change::AddMember(Box::new(member)))
        .collect())
}

/// Reads members from CSV (RFC 4180) with a header line. Columns, in any order: `code`, `id`, `name`, and perhaps
/// `code102`, `old_code`, `pid`, `mail`, `level`, `parent`, `box_code`, `seal` (fingerprints, separated by spaces),
/// `domain`, `stage`, `stage_date`, `contact`.
///
/// # Errors
/// [`Error::Registry`] that names the line and the column.
pub fn members_of_csv(text: &str) -> Result<Vec<Change>, Error> {
    let mut rows = rows(text.strip_prefix('\u{feff}').unwrap_or(text))?.into_iter();
    let header = rows
        .next()
        .ok_or_else(|| Error::Registry("no header line".to_owned()))?;
    const KNOWN: [&str; 15] = [
        "code",
        "code102",
        "old_code",
        "id",
        "pid",
        "name",
        "mail",
        "level",
        "parent",
        "box_code",
        "seal",
        "domain",
        "stage",
        "stage_date",
        "contact",
    ];
    if let Some(unknown) = header.iter().find(|name| !KNOWN.contains(&name.as_str())) {
        return Err(Error::Registry(format!("unknown column {unknown:?}")));
    }
    rows.enumerate()
        .map(|(at, row)| {
            if row.len() != header.len() {
                let (have, want) = (row.len(), header.len());
                return Err(Error::Registry(format!(
                    "member {}: {have} columns instead of {want}",
                    at + 1
                )));
            }
            let columns = header.iter().map(String::as_str).zip(row).collect();
            member(&Columns {
                at: at + 1,
                columns,
            })
            .map(|m| Change::AddMember(Box::new(m)))
        })
        .collect()
}

struct Columns<'a> {
    at: usize,
    columns: HashMap<&'a str, String>,
}

impl Columns<'_> {
    fn text(&self, name: &str) -> &str {
        self.columns.get(name).map_or("", |value| value.trim())
    }

    fn maybe<T: FromStr>(&self, name: &str) -> Result<Option<T>, Error> {
        match self.text(name) {
            "" => Ok(None),
            value => value.parse().map(Some).map_err(|_| self.wrong(name)),
        }
    }

    fn must<T: FromStr>(&self, name: &str) -> Result<T, Error> {
        self.maybe(name)?.ok_or_else(|| self.wrong(name))
    }

    fn wrong(&self, name: &str) -> Error {
        Error::Registry(format!(
            "member {}: column {name} is {:?}",
            self.at,
            self.text(name)
        ))
    }
}

fn member(columns: &Columns<'_>) -> Result<Member, Error> {
    let print = |text: &str| {
        text.parse::<Fingerprint>()
            .map_err(|_| columns.wrong("seal"))
    };
    Ok(Member {
        code: columns.must("code")?,
        code102: columns.maybe("code102")?,
        old_code: columns.maybe("old_code")?,
        id: columns.must("id")?,
        pid: columns.maybe("pid")?,
        name: columns.must("name")?,
        mail: columns.text("mail").to_owned(),
        level: columns.maybe("level")?.unwrap_or(0),
        parent: columns.maybe("parent")?,
        box_code: columns.maybe("box_code")?,
        seal: columns
            .text("seal")
            .split_whitespace()
            .map(print)
            .collect::<Result<_, _>>()?,
        state: State::Active,
        successor: None,
        domain: columns.maybe("domain")?,
        stage: columns.maybe("stage")?,
        stage_date: columns.maybe("stage_date")?,
        contact: columns.text("contact").to_owned(),
        changed: None,
    })
}

/// Rows of fields; a field in quotes may hold commas, line ends and doubled quotes.
fn rows(text: &str) -> Result<Vec<Vec<String>>, Error> {
    let (mut rows, mut row, mut field) = (Vec::new(), Vec::new(), String::new());
    let mut quoted = false;
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' if quoted && characters.next_if_eq(&'"').is_some() => field.push('"'),
            '"' if quoted => quoted = false,
            '"' if field.is_empty() => quoted = true,
            ',' if !quoted => row.push(std::mem::take(&mut field)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            c => field.push(c),
        }
    }
    if quoted {
        return Err(Error::Registry("a quoted field does not end".to_owned()));
    }
    if !field.is_empty() || !row.is_empty() {
        row.push(field);
        rows.push(row);
    }
    rows.retain(|row| row.len() > 1 || row.iter().any(|field| !field.is_empty()));
    Ok(rows)
}
