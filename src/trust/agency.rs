//! What the register says of an agency beside its certificates: which part of the state it is of, and how far its software
//! has come.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Error;

/// A part of the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Domain {
    /// A ministry or another body of the Government.
    Ministry,
    /// A province or a city under the centre.
    Province,
    /// A body of the Party.
    Party,
}

impl Domain {
    /// All of them, in the order of protocol.
    pub const ALL: [Self; 3] = [Self::Party, Self::Ministry, Self::Province];

    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ministry => "ministry",
            Self::Province => "province",
            Self::Party => "party",
        }
    }
}

impl FromStr for Domain {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|one| one.word() == text);
        found
            .ok_or_else(|| Error::Directory(format!("{text:?} is not ministry, province or party")))
    }
}

/// How far an agency's software has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// There is a plan.
    Planned,
    /// It is being upgraded.
    Upgrading,
    /// It is in test.
    Test,
    /// It is in production.
    Production,
}

impl Stage {
    /// All of them, the furthest first.
    pub const ALL: [Self; 4] = [Self::Production, Self::Test, Self::Upgrading, Self::Planned];

    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Upgrading => "upgrading",
            Self::Test => "test",
            Self::Production => "production",
        }
    }
}

impl FromStr for Stage {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|one| one.word() == text);
        found.ok_or_else(|| {
            Error::Directory(format!(
                "{text:?} is not planned, upgrading, test or production"
            ))
        })
    }
}

/// A day of the calendar, written 2019-03-08.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Date(time::Date);

impl Date {
    /// The calendar's date.
    #[must_use]
    pub fn date(self) -> time::Date {
        self.0
    }
}

impl FromStr for Date {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let mut parts = text.splitn(3, '-');
        let mut next = |length: usize| {
            let part = parts.next().filter(|part| part.len() == length)?;
            let digits = part.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| part.parse::<u16>().ok())?
        };
        let date = (|| {
            let (year, month, day) = (next(4)?, next(2)?, next(2)?);
            let month = time::Month::try_from(u8::try_from(month).ok()?).ok()?;
            time::Date::from_calendar_date(i32::from(year), month, u8::try_from(day).ok()?).ok()
        })();
        date.map(Self)
            .ok_or_else(|| Error::Directory(format!("{text:?} is not a date such as 2019-03-08")))
    }
}

impl TryFrom<String> for Date {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<Date> for String {
    fn from(date: Date) -> Self {
        let (year, month, day) = date.0.to_calendar_date();
        format!("{year:04}-{:02}-{day:02}", u8::from(month))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_back_and_others_named() {
        for domain in Domain::ALL {
            assert_eq!(domain.word().parse::<Domain>().unwrap(), domain);
            assert_eq!(serde_json::to_value(domain).unwrap(), domain.word());
        }
        for stage in Stage::ALL {
            assert_eq!(stage.word().parse::<Stage>().unwrap(), stage);
            assert_eq!(serde_json::to_value(stage).unwrap(), stage.word());
        }
        let error = "live".parse::<Stage>().unwrap_err().to_string();
        assert!(error.contains("production"), "{error}");
        assert_eq!(
            String::from("2019-03-08".parse::<Date>().unwrap()),
            "2019-03-08"
        );
        assert!("2019-02-30".parse::<Date>().is_err());
    }
}
