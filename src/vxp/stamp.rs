//! Times as the SDK and its users write them: local, without a zone.

use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{Date, PrimitiveDateTime, Time, UtcOffset};

use crate::clock::Moment;

const ROW: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
const DATES: [&[BorrowedFormatItem<'_>]; 4] = [
    format_description!("[year]-[month]-[day]"),
    format_description!("[year]/[month]/[day]"),
    format_description!("[day]/[month]/[year]"),
    format_description!("[day]-[month]-[year]"),
];
const TIMES: [&[BorrowedFormatItem<'_>]; 2] = [
    format_description!("[hour]:[minute]:[second]"),
    format_description!("[hour]:[minute]"),
];

/// Reads `ddMMyyyy'T'HHmmss+SSSS`, where `SSSS` are milliseconds with leading zeros, in the software's zone.
pub(super) fn parse(text: &str, zone: UtcOffset) -> Option<Moment> {
    let bytes = text.as_bytes();
    if bytes.len() != 20 || bytes[8] != b'T' || bytes[15] != b'+' {
        return None;
    }
    let number = |range: std::ops::Range<usize>| -> Option<u16> {
        let digits = bytes.get(range)?;
        digits.iter().try_fold(0_u16, |sum, digit| {
            digit
                .is_ascii_digit()
                .then(|| sum * 10 + u16::from(digit - b'0'))
        })
    };
    let small = |range| number(range).and_then(|n| u8::try_from(n).ok());
    let date = Date::from_calendar_date(
        i32::from(number(4..8)?),
        small(2..4)?.try_into().ok()?,
        small(0..2)?,
    )
    .ok()?;
    let time = Time::from_hms_milli(
        small(9..11)?,
        small(11..13)?,
        small(13..15)?,
        number(16..20)?,
    )
    .ok()?;
    Some(
        date.with_time(time)
            .assume_offset(zone)
            .to_offset(UtcOffset::UTC),
    )
}

/// Writes what [`parse`] reads.
pub(super) fn write(at: Moment, zone: UtcOffset) -> String {
    let local = at.to_offset(zone);
    format!(
        "{:02}{:02}{:04}T{:02}{:02}{:02}+{:04}",
        local.day(),
        u8::from(local.month()),
        local.year(),
        local.hour(),
        local.minute(),
        local.second(),
        local.millisecond()
    )
}

/// A time in a list's row: `yyyy-MM-dd HH:mm:ss` in the zone of the software.
pub(super) fn row(at: Moment, zone: UtcOffset) -> String {
    at.to_offset(zone).format(ROW).unwrap_or_default()
}

/// Which end of a window a date without a time names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    First,
    Last,
}

/// Reads `fromDate` or `toDate`: a date in one of the usual notations, with a time behind it or without.
pub(super) fn bound(text: &str, end: End, zone: UtcOffset) -> Option<Moment> {
    let text = text.trim();
    let (day, hour) = match text.split_once([' ', 'T']) {
        Some((day, hour)) => (day, Some(hour.trim())),
        None => (text, None),
    };
    let date = DATES.iter().find_map(|form| Date::parse(day, form).ok())?;
    let time = match (hour, end) {
        (Some(hour), _) => {
            // Fractions and a zone behind the seconds are not worth a refusal in a filter of whole days.
            let plain = hour.get(..8).unwrap_or(hour);
            TIMES
                .iter()
                .find_map(|form| Time::parse(plain, form).ok())?
        }
        (None, End::First) => Time::MIDNIGHT,
        (None, End::Last) => Time::MAX,
    };
    let local = PrimitiveDateTime::new(date, time);
    Some(local.assume_offset(zone).to_offset(UtcOffset::UTC))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{parse_rfc3339, rfc3339};

    const HANOI: UtcOffset = time::macros::offset!(+7);

    #[test]
    fn the_sdk_writes_milliseconds_where_a_zone_would_stand() {
        let at = parse("23112026T165903+0123", HANOI).unwrap();
        assert_eq!(rfc3339(at), "2026-11-23T09:59:03.123Z");
        assert_eq!(write(at, HANOI), "23112026T165903+0123");
    }

    #[test]
    fn no_other_writing_is_a_timestamp() {
        for bad in [
            "",
            "2026-11-23T16:59:03",
            "23112026T165903",
            "23112026T165903+123",
            "23112026T165903+1000",
            "31022026T165903+0000",
            "23112026T245903+0000",
            "23112026t165903+0000",
            "+3112026T165903+0000",
            "23112026T165903+00000",
            "23112026T16590\u{110}+00",
        ] {
            assert_eq!(parse(bad, HANOI), None, "{bad}");
        }
    }

    #[test]
    fn windows_are_read_in_the_usual_notations() {
        for text in ["2026-11-23", "2026/11/23", "23/11/2026", "23-11-2026"] {
            let first = bound(text, End::First, HANOI).unwrap();
            assert_eq!(
                first,
                parse_rfc3339("2026-11-22T17:00:00Z").unwrap(),
                "{text}"
            );
            let last = bound(text, End::Last, HANOI).unwrap();
            assert_eq!(rfc3339(last), "2026-11-23T16:59:59.999Z", "{text}");
        }
        let timed = bound("23/11/2026 08:30:00", End::Last, HANOI).unwrap();
        assert_eq!(rfc3339(timed), "2026-11-23T01:30:00Z");
        assert_eq!(bound("hôm qua", End::First, HANOI), None);
    }
}
