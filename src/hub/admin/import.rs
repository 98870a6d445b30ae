//! Many members at once, from a table (CSV, RFC 4180) as an office program saves it.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::str::FromStr;

use super::{Registry, put, registry};
use crate::clock::Moment;
use crate::gauge::Text;
use crate::hub::Error;
use crate::packet::MemberId;
use crate::store::Store;
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
/// How often an import is planned anew when the register changes under it.
const TRIES: usize = 5;

/// What came of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Members that are new.
    pub added: usize,
    /// Members of which something was changed.
    pub changed: usize,
    /// Members that stood so already.
    pub unchanged: usize,
    /// Lines that were not taken.
    pub refused: Vec<RefusedLine>,
    /// Whether it was entered: nothing is where a line was refused, unless that was asked for.
    pub entered: bool,
}

/// A line that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedLine {
    /// Its number in the file, the header line being 1.
    pub line: u64,
    /// What is wrong with it.
    pub why: Text,
}

impl fmt::Display for RefusedLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "dòng / line {}: {}", self.line, self.why)
    }
}

/// Enters the members of `table`, all or none; with `skip_refused` those whose lines are right. A member that is
/// registered keeps what the table has no column for.
///
/// # Errors
/// [`Error::Registry`] when the table has no usable header line or the result would contradict itself.
pub async fn import(store: &Store, table: &str, skip_refused: bool) -> Result<Imported, Error> {
    let table = Table::read(table)?;
    for _ in 0..TRIES {
        let (counter, known) = store
            .read(|tx| Ok::<_, Error>((super::change(tx)?, registry(tx)?)))
            .await?;
        let (mut report, members) = table.plan(&known);
        if !report.refused.is_empty() && !skip_refused {
            return Ok(report);
        }
        checked(known, &members)?;
        // Planned outside, so that a running hub waits for the rows alone.
        let entered = store
            .write(move |tx| {
                if super::change(tx)? != counter {
                    return Ok(false);
                }
                for member in &members {
                    put(tx, "member", &member.code, member)?;
                }
                if !members.is_empty() {
                    tx.execute("UPDATE hub_registry_change SET counter = counter + 1", [])?;
                }
                Ok::<_, Error>(true)
            })
            .await?;
        if entered {
            report.entered = true;
            return Ok(report);
        }
    }
    Err(Error::Registry(
        "the register changes all the time: import again when nobody else enters changes"
            .to_owned(),
    ))
}

fn checked(mut known: Registry, members: &[Member]) -> Result<(), Error> {
    let replaced: HashSet<&MemberId> = members.iter().map(|member| &member.code).collect();
    known
        .members
        .retain(|member| !replaced.contains(&member.code));
    known.members.extend(members.iter().cloned());
    known
        .directory(0, Moment::UNIX_EPOCH, Moment::UNIX_EPOCH, None)
        .map(drop)
}

struct Table {
    header: Vec<String>,
    rows: Vec<(u64, Result<Vec<String>, Text>)>,
}

impl Table {
    fn read(text: &str) -> Result<Self, Error> {
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

    /// What is to be written, by what is known; refused lines stand in the report.
    fn plan(&self, known: &Registry) -> (Imported, Vec<Member>) {
        let by_code: HashMap<&MemberId, &Member> =
            known.members.iter().map(|m| (&m.code, m)).collect();
        let boxes: HashSet<&MemberId> = known.boxes.iter().map(|entry| &entry.code).collect();
        let (mut report, mut members, mut lines) =
            (Imported::default(), Vec::new(), HashMap::new());
        for (line, row) in &self.rows {
            let member = row.clone().and_then(|row| {
                let columns = Columns {
                    columns: self.header.iter().map(String::as_str).zip(row).collect(),
                };
                let member = columns.member(&by_code)?;
                if let Some(code) = member
                    .box_code
                    .as_ref()
                    .filter(|code| !boxes.contains(code))
                {
                    return Err(Text::new(
                        format!("{code} không phải máy chủ bảo mật đã đăng ký"),
                        format!("{code} is no registered box"),
                    ));
                }
                match lines.insert(member.code.clone(), *line) {
                    Some(first) => Err(Text::new(
                        format!("{} đã có ở dòng {first}", member.code),
                        format!("{} stands in line {first} already", member.code),
                    )),
                    None => Ok(member),
                }
            });
            match member {
                Err(why) => report.refused.push(RefusedLine { line: *line, why }),
                Ok(member) => match by_code.get(&member.code) {
                    Some(before) if **before == member => report.unchanged += 1,
                    before => {
                        match before {
                            Some(_) => report.changed += 1,
                            None => report.added += 1,
                        }
                        members.push(member);
                    }
                },
            }
        }
        (report, members)
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

struct Columns<'a> {
    columns: HashMap<&'a str, String>,
}

impl Columns<'_> {
    fn member(&self, known: &HashMap<&MemberId, &Member>) -> Result<Member, Text> {
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
