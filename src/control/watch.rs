//! Lets the journal know what gauges say: when one gets worse or better, and long before something ends.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::clock::{Moment, rfc3339};
use crate::durable::Disk;
use crate::gauge::{End, Gauge, Kind, Level};
use crate::journal::{self, ids};

/// Days before the end at which a line is written.
const THRESHOLDS: [i64; 7] = [90, 60, 30, 14, 7, 3, 1];
/// What ended that long ago is forgotten.
const REMEMBERED: time::Duration = time::Duration::days(90);

/// What was told already; thresholds also before the last start.
#[derive(Debug)]
pub struct Watch {
    disk: Disk,
    file: PathBuf,
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
struct Told {
    ends: BTreeMap<String, Threshold>,
    levels: HashMap<(Kind, String), Level>,
}

/// The last threshold told of one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Threshold {
    days: i64,
    #[serde(with = "crate::clock::text")]
    ends: Moment,
}

impl Watch {
    /// Goes on from what `file` says was told; a file that can't be read begins anew, since a line twice is better than
    /// none.
    #[must_use]
    pub fn open(disk: Disk, file: PathBuf) -> Self {
        let ends = std::fs::read(&file)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        Self {
            disk,
            file,
            told: Mutex::new(Told {
                ends,
                levels: HashMap::new(),
            }),
        }
    }

    /// Takes note of a reading.
    pub fn see(&self, gauges: &[Gauge], now: Moment) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let mut news = false;
        for gauge in gauges {
            level(&mut told.levels, gauge);
            if let Some(end) = &gauge.end
                && let Some(days) = crossed(end, now)
            {
                let last = told.ends.get(&end.id).map(|last| last.days);
                if last.is_none_or(|last| days < last) {
                    ends_soon(gauge, end, now);
                    let ends = end.at;
                    told.ends.insert(end.id.clone(), Threshold { days, ends });
                    news = true;
                }
            }
        }
        if news {
            let shown = |id: &String| {
                let ends = gauges.iter().filter_map(|gauge| gauge.end.as_ref());
                ends.into_iter().any(|end| end.id == *id)
            };
            told.ends
                .retain(|id, end| now - end.ends < REMEMBERED || shown(id));
            self.keep(&told.ends);
        }
    }

    fn keep(&self, ends: &BTreeMap<String, Threshold>) {
        let written = serde_json::to_vec(ends)
            .map_err(std::io::Error::other)
            .and_then(|bytes| self.disk.replace(&self.file, &bytes));
        if let Err(error) = written {
            journal::line(&ids::DISK_FAULT)
                .step("gauges")
                .reason(error)
                .next("after a start the same warnings may come once more")
                .warning("what was warned of could not be kept");
        }
    }
}

/// The smallest threshold that is reached. What lives shortly is not warned of in the first half of its life.
fn crossed(end: &End, now: Moment) -> Option<i64> {
    let (left, life) = (end.at - now, end.at - end.begun);
    THRESHOLDS
        .into_iter()
        .filter(|days| {
            left <= time::Duration::days(*days) && time::Duration::days(*days) * 2 <= life
        })
        .min()
}

fn ends_soon(gauge: &Gauge, end: &End, now: Moment) {
    let left = (end.at - now).whole_days();
    let what = format!("{} {}", gauge.kind.name().en, gauge.subject);
    let next = gauge.unless.as_ref().map_or_else(
        || "nothing yet; see `trucgate status`".to_owned(),
        |unless| unless.en.clone(),
    );
    journal::line(&ids::ENDS_SOON)
        .step(gauge.kind.name().en)
        .count(u64::try_from(left).unwrap_or(0))
        .reason(format_args!("{} ends at {}", end.id, rfc3339(end.at)))
        .next(next)
        .warning(if end.at > now {
            format!("{what} ends in {left} days")
        } else {
            format!("{what} has ended")
        });
}

fn level(levels: &mut HashMap<(Kind, String), Level>, gauge: &Gauge) {
    let key = (gauge.kind, gauge.subject.clone());
    let before = levels.insert(key, gauge.level);
    let quiet = gauge.level < Level::Warning;
    if before == Some(gauge.level) || (quiet && before.is_none_or(|before| before < Level::Warning))
    {
        return;
    }
    let next = gauge
        .unless
        .as_ref()
        .map_or("", |unless| unless.en.as_str());
    let line = journal::line(&ids::GAUGE_CHANGED)
        .step(gauge.kind.name().en)
        .reason(&gauge.state.en)
        .next(next);
    let what = format!(
        "{} {}: {:?}",
        gauge.kind.name().en,
        gauge.subject,
        gauge.level
    );
    match gauge.level {
        Level::Good | Level::Risk => line.notice(what),
        Level::Warning => line.warning(what),
        Level::Stops => line.error(what),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::parse_rfc3339;
    use crate::gauge::Text;

    fn certificate(id: &str, begun: Moment, at: Moment) -> Gauge {
        let mut gauge = Gauge::good(Kind::Certificate, "tls", Text::new("", ""));
        let id = id.to_owned();
        gauge.end = Some(End { id, begun, at });
        gauge
    }

    /// Lines told by `see` of things with this id.
    fn lines(told: &std::sync::mpsc::Receiver<std::sync::Arc<journal::Entry>>, id: &str) -> usize {
        told.try_iter()
            .filter(|entry| entry.id == &ids::ENDS_SOON)
            .filter(|entry| entry.reason.as_deref().is_some_and(|r| r.starts_with(id)))
            .count()
    }

    #[test]
    fn each_threshold_is_told_once_also_after_a_restart() {
        let heard = journal::listen();
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("told");
        let begun = parse_rfc3339("2026-01-01T00:00:00Z").unwrap();
        let end = begun + time::Duration::days(365);
        let at = |left: i64| end - time::Duration::days(left);
        let gauges = [certificate("year-long", begun, end)];
        let mut told = Vec::new();
        for left in (0..=100).rev() {
            // A restart before every reading, and every reading twice.
            let watch = Watch::open(Disk::real(), file.clone());
            watch.see(&gauges, at(left));
            watch.see(&gauges, at(left));
            let count = lines(&heard, "year-long");
            told.extend(std::iter::repeat_n(left, count));
        }
        assert_eq!(told, THRESHOLDS);
        // Found late, it is told once, not once for each threshold that has passed.
        let watch = Watch::open(Disk::real(), directory.path().join("other"));
        watch.see(&[certificate("found-late", begun, end)], at(5));
        assert_eq!(lines(&heard, "found-late"), 1);
    }

    #[test]
    fn what_lives_for_a_week_is_not_warned_of_from_its_first_day() {
        let begun = parse_rfc3339("2026-01-01T00:00:00Z").unwrap();
        let end = End {
            id: "list".to_owned(),
            begun,
            at: begun + time::Duration::days(7),
        };
        let after = |days: i64| crossed(&end, begun + time::Duration::days(days));
        assert_eq!(
            (after(0), after(3), after(4), after(6)),
            (None, None, Some(3), Some(1))
        );
    }
}
