//! Days and windows in Vietnam's time, which has had no summer time since it is UTC+7.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use time::{Date, Duration, OffsetDateTime};

use crate::clock::Moment;
use crate::trust::directory::Date as Written;

const OFFSET_HOURS: i64 = 7;
const DAY_MILLIS: i64 = 86_400_000;
/// The Julian day of 1970-01-01.
const EPOCH: i32 = 2_440_588;
/// Further from 1970 than any document: calendar arithmetic stays in its bounds.
const FARTHEST: i32 = 1_000_000;

/// A day in Vietnam, counted from 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i32);

impl Day {
    /// The day on which that moment lies in Vietnam.
    #[must_use]
    pub fn of(at: Moment) -> Self {
        Self::of_millis(crate::hub::millis(at))
    }

    /// As [`Day::of`], of milliseconds since 1970.
    #[must_use]
    pub fn of_millis(at: i64) -> Self {
        let days = at
            .saturating_add(OFFSET_HOURS * 3_600_000)
            .div_euclid(DAY_MILLIS);
        Self::numbered(i32::try_from(days).unwrap_or(FARTHEST))
    }

    /// The day of that number.
    #[must_use]
    pub fn numbered(number: i32) -> Self {
        Self(number.clamp(-FARTHEST, FARTHEST))
    }

    /// Days since 1970-01-01.
    #[must_use]
    pub fn number(self) -> i32 {
        self.0
    }

    /// So many days later, or earlier.
    #[must_use]
    pub fn plus(self, days: i32) -> Self {
        Self::numbered(self.0.saturating_add(days))
    }

    /// The calendar's date.
    #[must_use]
    pub fn date(self) -> Date {
        Date::from_julian_day(self.0 + EPOCH).unwrap_or(Date::MIN)
    }

    /// Its first moment.
    #[must_use]
    pub fn begins(self) -> Moment {
        OffsetDateTime::UNIX_EPOCH + Duration::days(i64::from(self.0))
            - Duration::hours(OFFSET_HOURS)
    }

    /// As people in Vietnam write it: day, month, year.
    #[must_use]
    pub fn vi(self) -> String {
        let date = self.date();
        format!(
            "{:02}/{:02}/{}",
            date.day(),
            u8::from(date.month()),
            date.year()
        )
    }

    /// As it is written in English.
    #[must_use]
    pub fn en(self) -> String {
        let date = self.date();
        format!("{} {} {}", date.day(), date.month(), date.year())
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = self.date();
        let month = u8::from(date.month());
        write!(f, "{:04}-{month:02}-{:02}", date.year(), date.day())
    }
}

/// Not a date of the form 2019-03-08.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoDay;

impl fmt::Display for NoDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ngày phải có dạng 2019-03-08 / a date looks like 2019-03-08")
    }
}

impl std::error::Error for NoDay {}

impl FromStr for Day {
    type Err = NoDay;

    fn from_str(text: &str) -> Result<Self, NoDay> {
        let date: Written = text.parse().map_err(|_| NoDay)?;
        Ok(Self::numbered(date.date().to_julian_day() - EPOCH))
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

/// Days from the first to the last, both of them in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Window {
    /// The first day.
    pub first: Day,
    /// The last day.
    pub last: Day,
}

impl Window {
    /// How many days.
    #[must_use]
    pub fn days(self) -> u32 {
        u32::try_from(self.last.number() - self.first.number() + 1).unwrap_or(0)
    }
}
