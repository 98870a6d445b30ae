//! Many members at once, from a table (CSV, RFC 4180) as an office program saves it.

use std::collections::{HashMap, HashSet};
use std::fmt;

use super::history::{self, Done, Order};
use super::table::Table;
use super::{Registry, put, registry};
use crate::gauge::Text;
use crate::hub::Error;
use crate::packet::MemberId;
use crate::store::Store;
use crate::trust::directory::Member;

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
pub async fn import(
    store: &Store,
    order: &Order,
    table: &str,
    skip_refused: bool,
) -> Result<Imported, Error> {
    let table = Table::read(table)?;
    for _ in 0..TRIES {
        let (counter, known) = store
            .read(|tx| Ok::<_, Error>((super::change(tx)?, registry(tx)?)))
            .await?;
        let (mut report, members) = plan(&table, &known);
        if !report.refused.is_empty() && !skip_refused {
            return Ok(report);
        }
        checked(known, &members)?;
        // Planned outside, so that a running hub waits for the rows alone.
        let done = Done::Imported(members);
        let text = history::Text::of(order.clone(), &done)?;
        let entered = store
            .write(move |tx| {
                if super::change(tx)? != counter {
                    return Ok(false);
                }
                let Done::Imported(members) = &done else {
                    return Ok(true);
                };
                for member in members {
                    put(tx, "member", &member.code, member)?;
                }
                if !members.is_empty() {
                    text.keep(tx)?;
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
    known.check()
}

/// What is to be written, by what is known; refused lines stand in the report.
fn plan(table: &Table, known: &Registry) -> (Imported, Vec<Member>) {
    let by_code: HashMap<&MemberId, &Member> = known.members.iter().map(|m| (&m.code, m)).collect();
    let boxes: HashSet<&MemberId> = known.boxes.iter().map(|entry| &entry.code).collect();
    let (mut report, mut members, mut lines) = (Imported::default(), Vec::new(), HashMap::new());
    for (line, columns) in table.lines() {
        let member = columns.and_then(|columns| {
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
            match lines.insert(member.code.clone(), line) {
                Some(first) => Err(Text::new(
                    format!("{} đã có ở dòng {first}", member.code),
                    format!("{} stands in line {first} already", member.code),
                )),
                None => Ok(member),
            }
        });
        match member {
            Err(why) => report.refused.push(RefusedLine { line, why }),
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
