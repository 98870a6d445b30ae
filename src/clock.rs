//! Time and chance, handed in by the door so that tests and drills can move them.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use ring::rand::{SecureRandom, SystemRandom};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::{format_description, offset};

/// A moment of calendar time, always in UTC.
pub type Moment = OffsetDateTime;

/// A cheap handle to the time of day.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Manual(Arc<AtomicI64>),
    /// The system's time moved by the seconds written in a file, so that several processes share one moved clock.
    Moved(Arc<PathBuf>),
}

impl Clock {
    /// The machine's own clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands at `start` until it is moved (tests).
    #[must_use]
    pub fn manual(start: Moment) -> Self {
        Self(Source::Manual(Arc::new(AtomicI64::new(
            start.unix_timestamp(),
        ))))
    }

    /// The machine's clock moved by the whole seconds that `file` holds; a missing file moves nothing.
    /// Only the demo and tests configure it.
    #[must_use]
    pub fn moved(file: PathBuf) -> Self {
        Self(Source::Moved(Arc::new(file)))
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Moment {
        match &self.0 {
            Source::System => system_now(),
            Source::Manual(seconds) => {
                OffsetDateTime::from_unix_timestamp(seconds.load(Ordering::Relaxed))
                    .unwrap_or(OffsetDateTime::UNIX_EPOCH)
            }
            Source::Moved(file) => {
                let offset = std::fs::read_to_string(file.as_path())
                    .ok()
                    .and_then(|text| text.trim().parse().ok())
                    .unwrap_or(0);
                system_now() + time::Duration::seconds(offset)
            }
        }
    }

    /// Moves a manual clock forward; other clocks ignore it.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(seconds) = &self.0 {
            seconds.fetch_add(
                i64::try_from(by.as_secs()).unwrap_or(i64::MAX),
                Ordering::Relaxed,
            );
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the door through which time comes in"
)]
fn system_now() -> Moment {
    OffsetDateTime::now_utc()
}

/// Writes a moment as RFC 3339 in UTC with at most milliseconds, the form of records and logs.
#[must_use]
pub fn rfc3339(moment: Moment) -> String {
    let milliseconds = moment.millisecond();
    moment
        .to_offset(time::UtcOffset::UTC)
        .replace_nanosecond(u32::from(milliseconds) * 1_000_000)
        .ok()
        .and_then(|at| at.format(&Rfc3339).ok())
        .unwrap_or_else(|| "0000-01-01T00:00:00Z".to_owned())
}

/// A moment as people read it: day/month/year and time in Việt Nam, UTC+7 without summer time, to the minute.
#[must_use]
pub fn local(moment: Moment) -> String {
    moment
        .to_offset(offset!(+7))
        .format(format_description!("[day]/[month]/[year] [hour]:[minute]"))
        .unwrap_or_default()
}

/// [`local`], to the second.
#[must_use]
pub fn local_to_second(moment: Moment) -> String {
    format!("{}:{:02}", local(moment), moment.second())
}

/// Reads what [`rfc3339`] writes.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<Moment> {
    OffsetDateTime::parse(text, &Rfc3339).ok()
}

/// A moment as RFC 3339 text, for serde's `with`.
pub mod text {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::{Moment, parse_rfc3339, rfc3339};

    /// Writes it.
    ///
    /// # Errors
    /// The serializer's.
    pub fn serialize<S: Serializer>(at: &Moment, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&rfc3339(*at))
    }

    /// Reads it.
    ///
    /// # Errors
    /// When the text is no time of RFC 3339.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Moment, D::Error> {
        let text = String::deserialize(from)?;
        parse_rfc3339(&text)
            .ok_or_else(|| D::Error::custom(format!("{text:?} is not a time of RFC 3339")))
    }
}

/// A moment that may be missing, as [`text`].
pub mod optional_text {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::{Moment, parse_rfc3339, rfc3339};

    /// Writes it.
    ///
    /// # Errors
    /// The serializer's.
    pub fn serialize<S: Serializer>(at: &Option<Moment>, to: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => to.serialize_some(&rfc3339(*at)),
            None => to.serialize_none(),
        }
    }

    /// Reads it.
    ///
    /// # Errors
    /// When the text is no time of RFC 3339.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Moment>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| {
            parse_rfc3339(&text)
                .ok_or_else(|| D::Error::custom(format!("{text:?} is not a time of RFC 3339")))
        })
        .transpose()
    }
}

/// A cheap handle to unpredictable bytes.
#[derive(Clone, Debug)]
pub struct Chance(SystemRandom);

impl Chance {
    /// The operating system's generator.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the door through which randomness comes in"
    )]
    pub fn system() -> Self {
        Self(SystemRandom::new())
    }

    /// `N` fresh random bytes.
    ///
    /// # Panics
    /// When the operating system has no randomness to give, which ends the process by intention.
    #[must_use]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0
            .fill(&mut bytes)
            .expect("the operating system gives randomness");
        bytes
    }

    /// The same generator, for ring's signatures.
    #[must_use]
    pub fn ring(&self) -> &dyn SecureRandom {
        &self.0
    }

    /// A number in `0..=1` for jitter.
    #[must_use]
    pub fn fraction(&self) -> f64 {
        f64::from(u32::from_be_bytes(self.bytes())) / f64::from(u32::MAX)
    }
}
