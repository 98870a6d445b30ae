//! A table of members as an office program saves it (CSV, RFC 4180): its lines, and what each says of a member.

use std::collections::{HashMap, HashSet};
use std::str::FromStr;

use crate::gauge::Text;
use crate::hub::Error;
use crate::packet::MemberId;
use crate::trust::directory::Member;

/// Columns that may stand in the header line, in any order. `code` must be there; what is not there is left as it is.
const COLUMNS: [&str; 15] = [
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
/// A table that was read.
pub(super) struct Table {
    header: Vec<String>,
    rows: Vec<(u64, Result<Vec<String>, Text>)>,
}

impl Table {
    /// Reads a table.
    ///
    /// # Errors
    /// When it has no usable header line.
    pub(super) fn read(text: &str) -> Result<Self, Error> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        // Where the comma is the decimal sign, as in Vietnamese, office programs part by semicolons.
        let first = text.lines().next().unwrap_or_default();
        let by = if first.contains(';') && !first.contains(',') {
            b';'
        } else {
            b','
        };
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(by)
            .flexible(true)
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let header: Vec<String> = match reader.headers() {
            Ok(header) => header.iter().map(str::to_owned).collect(),
            Err(error) => return Err(Error::Registry(error.to_string())),
        };
        if let Some(unknown) = header.iter().find(|name| !COLUMNS.contains(&name.as_str())) {
            let known = COLUMNS.join(", ");
            return Err(Error::Registry(format!(
                "the header line has a column {unknown:?}; known are {known}"
            )));
        }
        let mut seen = HashSet::new();
        if let Some(twice) = header.iter().find(|name| !seen.insert(name.as_str())) {
            return Err(Error::Registry(format!("the column {twice} stands twice")));
        }
        if !seen.contains("code") {
            return Err(Error::Registry(
                "the header line has no column code".to_owned(),
            ));
        }
        let (mut rows, mut lines) = (Vec::new(), Lines::of(text));
        for row in reader.records() {
            let row = row.map_err(|error| Error::Registry(error.to_string()))?;
            let line = lines.at(row.position().map_or(0, csv::Position::byte));
            let (have, want) = (row.len(), header.len());
            rows.push((
                line,
                if have == want {
                    Ok(row.iter().map(str::to_owned).collect())
                } else {
                    Err(Text::new(
                        format!("có {have} cột, dòng tiêu đề có {want}"),
                        format!("has {have} columns, the header line {want}"),
                    ))
                },
            ));
        }
        Ok(Self { header, rows })
    }

    /// Each line by its number, and what stands in it; the header line is 1.
    pub(super) fn lines(&self) -> impl Iterator<Item = (u64, Result<Columns<'_>, Text>)> {
        self.rows.iter().map(|(line, row)| {
            let columns = row.clone().map(|row| Columns {
                columns: self.header.iter().map(String::as_str).zip(row).collect(),
            });
            (*line, columns)
        })
    }
}

/// Counts lines up to bytes that come in their order. The reader's own count is one short behind CR LF.
struct Lines<'a> {
    text: &'a [u8],
    at: usize,
    line: u64,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        Self {
            text: text.as_bytes(),
            at: 0,
            line: 1,
        }
    }

    /// The line of the row that is read from `byte` on; empty lines and the end of the row before stand in front of it.
    fn at(&mut self, byte: u64) -> u64 {
        let byte = usize::try_from(byte).unwrap_or(usize::MAX);
        while let Some(next) = self.text.get(self.at)
            && (self.at < byte || matches!(next, b'\r' | b'\n'))
        {
            self.line += u64::from(*next == b'\n');
            self.at += 1;
        }
        self.line
    }
}

/// What stands in a line, by column.
pub(super) struct Columns<'a> {
    columns: HashMap<&'a str, String>,
}

impl Columns<'_> {
    /// The member as the line has it, by what is known of it.
    ///
    /// # Errors
    /// What is wrong with the line.
    pub(super) fn member(&self, known: &HashMap<&MemberId, &Member>) -> Result<Member, Text> {
        let code: MemberId = self.must("code")?;
        let mut member = match known.get(&code) {
            Some(member) => (*member).clone(),
            None => Member::new(code, self.must("id")?, self.must("name")?),
        };
        self.set("code102", &mut member.code102)?;
        self.set("old_code", &mut member.old_code)?;
        self.set("pid", &mut member.pid)?;
        self.set("parent", &mut member.parent)?;
        self.set("box_code", &mut member.box_code)?;
        self.set("domain", &mut member.domain)?;
        self.set("stage", &mut member.stage)?;
        self.set("stage_date", &mut member.stage_date)?;
        if self.text("id").is_some() {
            member.id = self.must("id")?;
        }
        if self.text("name").is_some() {
            member.name = self.must("name")?;
        }
        if let Some(mail) = self.text("mail") {
            mail.clone_into(&mut member.mail);
        }
        if let Some(contact) = self.text("contact") {
            contact.clone_into(&mut member.contact);
        }
        if let Some(level) = self.text("level") {
            member.level = if level.is_empty() {
                0
            } else {
                self.must("level")?
            };
        }
        if let Some(seal) = self.text("seal") {
            let prints = seal
                .split_whitespace()
                .map(|print| print.parse().map_err(|_| self.wrong("seal")));
            member.seal = prints.collect::<Result<_, _>>()?;
        }
        Ok(member)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.columns.get(name).map(String::as_str)
    }

    fn must<T: FromStr>(&self, name: &str) -> Result<T, Text> {
        match self.text(name) {
            None | Some("") => Err(Text::new(
                format!("thiếu {name}"),
                format!("{name} is missing"),
            )),
            Some(value) => value.parse().map_err(|_| self.wrong(name)),
        }
    }

    /// An empty field takes away what was there.
    fn set<T: FromStr>(&self, name: &str, place: &mut Option<T>) -> Result<(), Text> {
        match self.text(name) {
            None => {}
            Some("") => *place = None,
            Some(_) => *place = Some(self.must(name)?),
        }
        Ok(())
    }

    fn wrong(&self, name: &str) -> Text {
        let value = self.text(name).unwrap_or_default();
        Text::new(
            format!("{name} không đọc được: {value:?}"),
            format!("{name} can't be read: {value:?}"),
        )
    }
}
