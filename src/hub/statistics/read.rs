//! A window's picture: sums over a few runs of spans, members found in the directory.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::Serialize;

use super::day::{Day, Window};
use super::histogram::Histogram;
use super::measure::{Failure, Kind, Stage, Traffic};
use super::span::{Run, cover};
use super::tally::FAILED;
use crate::hub::{Error, unsigned};
use crate::packet::MemberId;
use crate::store::{Row, SqlResult, Store, Tx, params};
use crate::trust::directory::Directory;

/// When a member was first and last seen, over all time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Activity {
    /// The first day on which it sent.
    pub first_sent: Option<Day>,
    /// The last one.
    pub last_sent: Option<Day>,
    /// The first day on which something was delivered to it.
    pub first_received: Option<Day>,
    /// The last one.
    pub last_received: Option<Day>,
}

/// How a member, or the nation, stands in a window.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// By kind of packet, in [`Kind::ALL`]'s order.
    pub traffic: [Traffic; 5],
    /// Times, in [`Stage::ALL`]'s order.
    pub times: [Histogram; 4],
    /// Failures by class.
    pub failures: BTreeMap<&'static str, u64>,
    /// Business statuses that it reported, by code.
    pub statuses: BTreeMap<String, u64>,
    /// Over all time.
    pub activity: Activity,
}

impl Standing {
    /// One kind's traffic.
    #[must_use]
    pub fn of(&self, kind: Kind) -> Traffic {
        self.traffic[kind as usize]
    }

    /// All kinds but statuses.
    #[must_use]
    pub fn documents(&self) -> Traffic {
        let mut all = Traffic::default();
        for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Status) {
            all += self.of(kind);
        }
        all
    }

    /// One stage's times.
    #[must_use]
    pub fn time(&self, stage: Stage) -> &Histogram {
        &self.times[stage as usize]
    }
}

/// The nation's traffic on one day: documents, statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Daily {
    /// The day.
    pub day: Day,
    /// Of documents.
    pub documents: Traffic,
    /// Of statuses.
    pub statuses: Traffic,
}

/// How much one wrote to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pair {
    /// Who.
    pub from: String,
    /// To whom.
    pub to: String,
    /// Packets of all kinds.
    pub packets: u64,
}

/// All of a window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Picture {
    /// Which.
    pub window: Window,
    /// Packets and receipts on record that are not counted yet.
    pub uncounted: u64,
    /// Everybody together.
    pub nation: Standing,
    /// By registered code; a code that is in no directory stands as it was written.
    pub members: BTreeMap<String, Standing>,
    /// Each day of the window, also those without traffic.
    pub days: Vec<Daily>,
    /// Who wrote to whom, the busiest first.
    pub pairs: Vec<Pair>,
}

/// Reads a window.
///
/// # Errors
/// When the store can't be read.
pub async fn picture(
    store: &Store,
    window: Window,
    directory: Option<Arc<Directory>>,
) -> Result<Picture, Error> {
    store
        .read(move |tx| read(tx, window, directory.as_deref()))
        .await
}

/// The first day that has anything.
///
/// # Errors
/// When the store can't be read.
pub async fn earliest(store: &Store) -> Result<Option<Day>, Error> {
    let first = |tx: &Tx<'_>| -> Result<Option<Day>, Error> {
        let select = "SELECT min(span) FROM stat_traffic WHERE level = 0";
        let first: Option<i32> = tx.query_row(select, [], |row| row.get(0))?;
        Ok(first.map(Day::numbered))
    };
    store.read(first).await
}

fn read(tx: &Tx<'_>, window: Window, directory: Option<&Directory>) -> Result<Picture, Error> {
    let codes = Codes::read(tx, directory)?;
    let runs = cover(window);
    let mut standings = vec![Standing::default(); codes.names.len()];
    for (at, activity) in &codes.activity {
        merge(&mut standings[*at].activity, *activity);
    }
    let mut pairs: HashMap<(usize, usize), u64> = HashMap::new();
    for run in &runs {
        traffic(tx, *run, &codes, &mut standings)?;
        times(tx, *run, &codes, &mut standings)?;
        words(tx, *run, &codes, &mut standings)?;
        let select = "SELECT sender, recipient, packets FROM stat_pair WHERE level = ?1 AND span BETWEEN ?2 AND ?3";
        rows(tx, select, *run, |row| {
            let pair = (codes.at(row.get(0)?), codes.at(row.get(1)?));
            *pairs.entry(pair).or_default() += unsigned(row.get(2)?);
            Ok(())
        })?;
    }
    let mut pairs: Vec<Pair> = pairs
        .into_iter()
        .map(|((from, to), packets)| Pair {
            from: codes.names[from].clone(),
            to: codes.names[to].clone(),
            packets,
        })
        .collect();
    pairs.sort_by(|a, b| (b.packets, &a.from, &a.to).cmp(&(a.packets, &b.from, &b.to)));
    let mut members: BTreeMap<String, Standing> = codes.names.into_iter().zip(standings).collect();
    let nation = members.remove(super::NATION).unwrap_or_default();
    Ok(Picture {
        window,
        uncounted: uncounted(tx)?,
        nation,
        members,
        days: days(tx, window)?,
        pairs,
    })
}

/// What the numbers in the tables stand for; several codes of one member are one place.
struct Codes {
    names: Vec<String>,
    places: HashMap<i64, usize>,
    activity: Vec<(usize, Activity)>,
}

impl Codes {
    fn read(tx: &Tx<'_>, directory: Option<&Directory>) -> Result<Self, Error> {
        let mut codes = Self {
            names: vec![super::NATION.to_owned()],
            places: HashMap::new(),
            activity: Vec::new(),
        };
        let mut by_name = HashMap::new();
        let mut select = tx.prepare_cached(
            "SELECT number, code, first_sent, last_sent, first_received, last_received FROM stat_member
             WHERE number > 0 ORDER BY number",
        )?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let name = registered(row.get(1)?, directory);
            let place = *by_name.entry(name.clone()).or_insert_with(|| {
                codes.names.push(name);
                codes.names.len() - 1
            });
            codes.places.insert(row.get(0)?, place);
            let day = |column| -> SqlResult<Option<Day>> {
                Ok(row.get::<_, Option<i64>>(column)?.map(Day::of_millis))
            };
            let activity = Activity {
                first_sent: day(2)?,
                last_sent: day(3)?,
                first_received: day(4)?,
                last_received: day(5)?,
            };
            codes.activity.push((place, activity));
        }
        Ok(codes)
    }

    /// The nation's place for number 0 and, never to be met, for what is not there.
    fn at(&self, number: i64) -> usize {
        self.places.get(&number).copied().unwrap_or(0)
    }
}

fn registered(code: String, directory: Option<&Directory>) -> String {
    let known = || {
        let id: MemberId = code.parse().ok()?;
        Some(directory?.find(&id)?.code.to_string())
    };
    known().unwrap_or(code)
}

fn merge(all: &mut Activity, one: Activity) {
    let first = |a: Option<Day>, b: Option<Day>| a.into_iter().chain(b).min();
    all.first_sent = first(all.first_sent, one.first_sent);
    all.last_sent = all.last_sent.max(one.last_sent);
    all.first_received = first(all.first_received, one.first_received);
    all.last_received = all.last_received.max(one.last_received);
}

fn traffic(tx: &Tx<'_>, run: Run, codes: &Codes, all: &mut [Standing]) -> Result<(), Error> {
    let select = "SELECT member, kind, sent, addressed, sent_bytes, voided, delivered, received_bytes, collected, failed
         FROM stat_traffic WHERE level = ?1 AND span BETWEEN ?2 AND ?3";
    rows(tx, select, run, |row| {
        let kind = Kind::numbered(row.get(1)?);
        all[codes.at(row.get(0)?)].traffic[kind as usize] += amounts(row, 2)?;
        Ok(())
    })
}

fn amounts(row: &Row<'_>, first: usize) -> SqlResult<Traffic> {
    let amount = |column: usize| row.get(first + column).map(unsigned);
    Ok(Traffic {
        sent: amount(0)?,
        addressed: amount(1)?,
        sent_bytes: amount(2)?,
        voided: amount(3)?,
        delivered: amount(4)?,
        received_bytes: amount(5)?,
        collected: amount(6)?,
        failed: amount(7)?,
    })
}

fn times(tx: &Tx<'_>, run: Run, codes: &Codes, all: &mut [Standing]) -> Result<(), Error> {
    let select = "SELECT member, stage, bucket, count FROM stat_time WHERE level = ?1 AND span BETWEEN ?2 AND ?3";
    rows(tx, select, run, |row| {
        if let Some(stage) = Stage::numbered(row.get(1)?) {
            let times = &mut all[codes.at(row.get(0)?)].times[stage as usize];
            times.add(row.get(2)?, unsigned(row.get(3)?));
        }
        Ok(())
    })
}

fn words(tx: &Tx<'_>, run: Run, codes: &Codes, all: &mut [Standing]) -> Result<(), Error> {
    let select =
        "SELECT member, word, count FROM stat_word WHERE level = ?1 AND span BETWEEN ?2 AND ?3";
    rows(tx, select, run, |row| {
        let standing = &mut all[codes.at(row.get(0)?)];
        let (word, count): (String, u64) = (row.get(1)?, unsigned(row.get(2)?));
        let failure = word
            .strip_prefix(FAILED)
            .and_then(|word| Failure::ALL.into_iter().find(|class| class.word() == word));
        match failure {
            Some(class) => *standing.failures.entry(class.word()).or_default() += count,
            None => *standing.statuses.entry(word).or_default() += count,
        }
        Ok(())
    })
}

fn rows(
    tx: &Tx<'_>,
    select: &str,
    run: Run,
    mut take: impl FnMut(&Row<'_>) -> SqlResult<()>,
) -> Result<(), Error> {
    let mut select = tx.prepare_cached(select)?;
    let mut rows = select.query(params![run.level, run.first, run.last])?;
    while let Some(row) = rows.next()? {
        take(row)?;
    }
    Ok(())
}

fn days(tx: &Tx<'_>, window: Window) -> Result<Vec<Daily>, Error> {
    let mut days: Vec<Daily> = (window.first.number()..=window.last.number())
        .map(|day| Daily {
            day: Day::numbered(day),
            documents: Traffic::default(),
            statuses: Traffic::default(),
        })
        .collect();
    // One look-up a day finds the nation's rows; a range over the days would walk through everybody's.
    let mut select = tx.prepare_cached(
        "SELECT kind, sent, addressed, sent_bytes, voided, delivered, received_bytes, collected, failed
         FROM stat_traffic WHERE level = 0 AND span = ?1 AND member = 0",
    )?;
    for daily in &mut days {
        let mut rows = select.query([daily.day.number()])?;
        while let Some(row) = rows.next()? {
            match Kind::numbered(row.get(0)?) {
                Kind::Status => daily.statuses += amounts(row, 1)?,
                _ => daily.documents += amounts(row, 1)?,
            }
        }
    }
    Ok(days)
}

fn uncounted(tx: &Tx<'_>) -> Result<u64, Error> {
    let at = super::gather::Cursors::read(tx)?;
    let newest = |select: &str| -> SqlResult<i64> { tx.query_row(select, [], |row| row.get(0)) };
    let packets = newest("SELECT ifnull(max(number), 0) FROM hub_packet")?;
    let receipts = newest("SELECT ifnull(max(position), 0) FROM hub_receipt")?;
    Ok(unsigned(packets - at.packet) + unsigned(receipts - at.receipt))
}
