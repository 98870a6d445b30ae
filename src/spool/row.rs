//! Small readings and writings of rows that several files of this room share.

use std::str::FromStr;

use time::OffsetDateTime;

use super::Error;
use crate::clock::Moment;
use crate::packet::Envelope;
use crate::store::{OptionalExt, Tx, params};

/// Moments lie as milliseconds since 1970.
pub(super) fn millis(moment: Moment) -> i64 {
    i64::try_from(moment.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

pub(super) fn moment(millis: i64) -> Moment {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

pub(super) fn parsed<T: FromStr>(text: &str, what: &str) -> Result<T, Error> {
    text.parse()
        .map_err(|_| Error::Damaged(format!("{what} {text:?}")))
}

pub(super) fn envelope(text: &str) -> Result<Envelope, Error> {
    serde_json::from_str(text).map_err(|error| Error::Damaged(format!("envelope: {error}")))
}

pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

pub(super) fn cursor(tx: &Tx<'_>, name: &str) -> Result<u64, Error> {
    let found: Option<i64> = tx
        .prepare_cached("SELECT value FROM cursor WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()?;
    Ok(found.map_or(0, unsigned))
}

pub(super) fn keep_cursor(tx: &Tx<'_>, name: &str, value: u64) -> Result<(), Error> {
    tx.prepare_cached("INSERT OR REPLACE INTO cursor (name, value) VALUES (?1, ?2)")?
        .execute(params![name, signed(value)])?;
    Ok(())
}
