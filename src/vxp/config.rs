//! The door's part of the configuration.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use time::UtcOffset;

use super::headers::Freshness;
pub use super::quota::Quota;
use crate::https::Limits;

/// Settings of the door to the software; an unknown key is an error.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The systems file (TOML, `[[system]]`), readable by this process alone.
    pub systems: PathBuf,
    /// Paths below which the calls hang; `/*` at the end lets any path stand before the call.
    #[serde(default = "prefixes")]
    pub prefixes: Vec<String>,
    /// Greatest age of a header set, in seconds. The SDK stamps its object once and repeats that.
    #[serde(default = "max_age")]
    pub max_age_seconds: u32,
    /// How far a software's clock may run ahead, in seconds.
    #[serde(default = "ahead")]
    pub ahead_seconds: u32,
    /// The software's local time, in minutes east of UTC (-1080 to 1080).
    #[serde(default = "utc_offset", deserialize_with = "within_a_day")]
    pub utc_offset_minutes: i16,
    /// Largest body of `sendEdoc`, in bytes.
    #[serde(default = "max_document")]
    pub max_document_bytes: u64,
    /// What each system may use.
    #[serde(default)]
    pub quota: Quota,
}

impl Config {
    /// The defaults over a systems file.
    #[must_use]
    pub fn new(systems: PathBuf) -> Self {
        Self {
            systems,
            prefixes: prefixes(),
            max_age_seconds: max_age(),
            ahead_seconds: ahead(),
            utc_offset_minutes: utc_offset(),
            max_document_bytes: max_document(),
            quota: Quota::default(),
        }
    }

    /// Limits of the server in front of the door, wider than the door's own: what the server itself refuses is
    /// answered in HTTP's words, which the SDK does not understand.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits {
            head: 4 * 64 * 1024,
            body: u64::MAX,
            ..Limits::default()
        }
    }

    /// How fresh a header set must be.
    #[must_use]
    pub fn freshness(&self) -> Freshness {
        let minutes = i32::from(self.utc_offset_minutes);
        Freshness {
            max_age: Duration::from_secs(u64::from(self.max_age_seconds)),
            ahead: Duration::from_secs(u64::from(self.ahead_seconds)),
            zone: UtcOffset::from_whole_seconds(minutes * 60).unwrap_or(UtcOffset::UTC),
        }
    }
}

fn prefixes() -> Vec<String> {
    vec![
        "/XrdAdapter/adapter".to_owned(),
        "/XrdAdapter/RestService/forward/*".to_owned(),
    ]
}

const fn max_age() -> u32 {
    24 * 60 * 60
}

const fn ahead() -> u32 {
    5 * 60
}

const fn utc_offset() -> i16 {
    7 * 60
}

fn within_a_day<'de, D: Deserializer<'de>>(source: D) -> Result<i16, D::Error> {
    let minutes = i16::deserialize(source)?;
    if (-1080..=1080).contains(&minutes) {
        Ok(minutes)
    } else {
        Err(serde::de::Error::custom(
            "utc_offset_minutes lies between -1080 and 1080",
        ))
    }
}

const fn max_document() -> u64 {
    2 << 30
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_an_error() {
        let config: Config = toml::from_str("systems = \"systems.toml\"").unwrap();
        assert_eq!(config.freshness().zone, time::macros::offset!(+7));
        assert!(toml::from_str::<Config>("systems = \"s\"\nmax_age = 5").is_err());
        assert!(toml::from_str::<Config>("systems = \"s\"\nutc_offset_minutes = 2000").is_err());
        assert!(toml::from_str::<Config>("systems = \"s\"\n[quota]\nrate = 5").is_err());
    }
}
