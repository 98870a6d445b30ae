//! How far traffic is from stopping: each room says it of what it depends on, and whoever asks reads all of it.
//!
//! A gauge tells what really happened last, with its age, never what ought to be: a room notes each outcome in a
//! [`Track`] and answers a [`Board`] as its [`Source`].

use std::fmt::{self, Display};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::clock::Moment;

/// What a gauge means for traffic, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Nothing to do.
    Good,
    /// Works as configured, and the configuration is a declared risk.
    Risk,
    /// Traffic stops one day unless somebody acts.
    Warning,
    /// Traffic stops soon, or has stopped.
    Stops,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The signer and its token.
    Signer,
    /// A member's seal key.
    Seal,
    /// The line to the hub.
    Hub,
    /// Time.
    Clock,
    /// Room on the disk.
    Disk,
    /// Lists and answers on revoked certificates.
    Revocation,
    /// The hub-signed list of members.
    Directory,
    /// A certificate's validity.
    Certificate,
    /// What is on its way.
    Queue,
    /// A door to software that protects nothing.
    Door,
    /// The last backup and its rehearsal.
    Backup,
    /// A restored box that is not let to work yet.
    Fence,
}

impl Kind {
    /// Its name for people.
    #[must_use]
    pub fn name(self) -> Text {
        let (vi, en) = match self {
            Self::Signer => ("Bộ ký và token", "signer and token"),
            Self::Seal => ("Khoá con dấu", "seal key"),
            Self::Hub => ("Đường tới Trục", "line to the hub"),
            Self::Clock => ("Đồng hồ", "clock"),
            Self::Disk => ("Ổ đĩa", "disk"),
            Self::Revocation => ("Danh sách thu hồi", "revocation"),
            Self::Directory => ("Danh bạ", "directory"),
            Self::Certificate => ("Chứng thư", "certificate"),
            Self::Queue => ("Hàng đợi", "queue"),
            Self::Door => ("Cửa HTTP không mã hoá", "plain-HTTP door"),
            Self::Backup => ("Sao lưu", "backup"),
            Self::Fence => ("Khôi phục", "restore"),
        };
        Text::new(vi, en)
    }
}

/// The same words in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// Vietnamese.
    pub vi: String,
    /// English.
    pub en: String,
}

impl Text {
    /// Both texts.
    #[must_use]
    pub fn new(vi: impl Into<String>, en: impl Into<String>) -> Self {
        Self {
            vi: vi.into(),
            en: en.into(),
        }
    }

    /// Words that are the same in both: a program's, or of an error that has but one form.
    #[must_use]
    pub fn same(words: impl Display) -> Self {
        let words = words.to_string();
        Self::new(words.clone(), words)
    }
}

impl Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} / {}", self.vi, self.en)
    }
}

/// Something that ends at a known time, such as a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct End {
    /// What ends, the same text as long as it is the same thing: a fingerprint, a list's issuer and date.
    pub id: String,
    /// When it began.
    #[serde(with = "crate::clock::text")]
    pub begun: Moment,
    /// When it ends.
    #[serde(with = "crate::clock::text")]
    pub at: Moment,
}

impl End {
    /// How long it still lasts, for people, in whole days.
    #[must_use]
    pub fn left(&self, now: Moment) -> Text {
        if self.at < now {
            return Text::new("đã hết hạn", "has ended");
        }
        let days = (self.at - now).whole_days();
        Text::new(format!("còn {days} ngày"), format!("{days} days left"))
    }
}

/// One reading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gauge {
    /// What is measured.
    pub kind: Kind,
    /// Which one: a member's code, a certificate's subject; empty where there is but one.
    pub subject: String,
    /// What it means.
    pub level: Level,
    /// How it stands.
    pub state: Text,
    /// When traffic stops; in the past when it has stopped.
    #[serde(default, with = "crate::clock::optional_text")]
    pub stops_at: Option<Moment>,
    /// What prevents that.
    pub unless: Option<Text>,
    /// Seconds since the last event that this reading rests on.
    pub age: Option<u64>,
    /// What ends by itself, for warnings long before.
    pub end: Option<End>,
}

impl Gauge {
    /// A reading with nothing to do.
    #[must_use]
    pub fn good(kind: Kind, subject: impl Into<String>, state: Text) -> Self {
        Self {
            kind,
            subject: subject.into(),
            level: Level::Good,
            state,
            stops_at: None,
            unless: None,
            age: None,
            end: None,
        }
    }

    /// The same at another level, with what is to be done.
    #[must_use]
    pub fn at(mut self, level: Level, unless: Text) -> Self {
        self.level = level;
        self.unless = Some(unless);
        self
    }

    /// The same, resting on an event that long ago.
    #[must_use]
    pub fn aged(mut self, age: Option<Duration>) -> Self {
        self.age = age.map(|age| age.as_secs());
        self
    }
}

/// How early somebody has to act.
#[derive(Clone, Copy, Debug)]
pub struct Lead {
    /// How long the certification authority takes.
    pub authority: time::Duration,
    /// How long before the last day to ask it is warned.
    pub warning: time::Duration,
}

impl Lead {
    /// What it means that something ends in `left`: the last day to act is the authority's time before the end.
    #[must_use]
    pub fn level(self, left: time::Duration) -> Level {
        if left <= self.authority {
            Level::Stops
        } else if left <= self.authority + self.warning {
            Level::Warning
        } else {
            Level::Good
        }
    }
}

/// What really happened last with something: noted by who works with it, read by gauges. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Track(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    good: Option<Instant>,
    bad: Option<(Instant, String)>,
}

/// What a [`Track`] shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Last {
    /// How long ago it last worked; `None` when it never has.
    pub good: Option<Duration>,
    /// What has failed since, and how long ago it was tried last.
    pub failing: Option<(Duration, String)>,
}

impl Track {
    /// It worked.
    pub fn good(&self) {
        let mut seen = self.lock();
        seen.good = Some(Instant::now());
        seen.bad = None;
    }

    /// It did not, and why.
    pub fn bad(&self, why: impl Display) {
        self.lock().bad = Some((Instant::now(), why.to_string()));
    }

    /// The newest outcomes.
    #[must_use]
    pub fn last(&self) -> Last {
        let seen = self.lock();
        Last {
            good: seen.good.map(|at| at.elapsed()),
            failing: seen
                .bad
                .as_ref()
                .map(|(at, why)| (at.elapsed(), why.clone())),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Readings on their way.
pub type Reading<'a> = Pin<Box<dyn Future<Output = Vec<Gauge>> + Send + 'a>>;

/// A room that knows how something stands.
pub trait Source: Send + Sync {
    /// Reads its gauges as of `now`. It answers whatever is away: what can't be read is a gauge that says so.
    fn read(&self, now: Moment) -> Reading<'_>;
}

/// Where rooms hang their gauges. Cheap to clone.
#[derive(Clone, Default)]
pub struct Board(Arc<Mutex<Vec<Arc<dyn Source>>>>);

impl fmt::Debug for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Board")
    }
}

impl Board {
    /// Hangs a room's gauges.
    pub fn hang(&self, source: Arc<dyn Source>) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(source);
    }

    /// Reads all of them, ordered by what they measure.
    pub async fn read(&self, now: Moment) -> Vec<Gauge> {
        let sources = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let mut all = Vec::new();
        for source in sources {
            all.extend(source.read(now).await);
        }
        all.sort_by(|a, b| (a.kind, &a.subject).cmp(&(b.kind, &b.subject)));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authoritys_time_is_counted_in() {
        let days = time::Duration::days;
        let lead = Lead {
            authority: days(14),
            warning: days(30),
        };
        for (left, level) in [
            (45, Level::Good),
            (44, Level::Warning),
            (15, Level::Warning),
            (14, Level::Stops),
            (-1, Level::Stops),
        ] {
            assert_eq!(lead.level(days(left)), level, "{left}");
        }
    }

    #[test]
    fn a_failure_shows_until_it_works_again_and_never_worked_is_said() {
        let track = Track::default();
        assert_eq!(track.last().good, None);
        track.bad("away");
        let last = track.last();
        assert_eq!((last.good, last.failing.unwrap().1), (None, "away".into()));
        track.good();
        assert_eq!(track.last().failing, None);
        track.bad("away again");
        let last = track.last();
        assert!(last.good.is_some() && last.failing.is_some());
    }
}
