//! The `Range` header (RFC 9110, section 14): one range of bytes, or none.

use std::ops::Range;

use super::{HeaderMap, HeaderValue, header};

/// What a request asks of a content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of it: no range, several ranges, or one that is not understood.
    Whole,
    /// These bytes.
    Part(Range<u64>),
    /// Bytes that the content does not have.
    Nothing,
}

/// Reads `Range` and `If-Range` for a content of `length` bytes with the entity tag `etag`.
pub(super) fn wanted(headers: &HeaderMap, length: u64, etag: Option<&HeaderValue>) -> Wanted {
    let Some(range) = headers.get(header::RANGE).and_then(|v| v.to_str().ok()) else {
        return Wanted::Whole;
    };
    // Another version than the one the client holds a piece of: it needs the whole.
    if headers
        .get(header::IF_RANGE)
        .is_some_and(|version| Some(version) != etag)
    {
        return Wanted::Whole;
    }
    let Some((first, last)) = range
        .strip_prefix("bytes=")
        .filter(|set| !set.contains(','))
        .and_then(|spec| spec.trim().split_once('-'))
    else {
        return Wanted::Whole;
    };
    match (number(first), number(last)) {
        (Some(first), Some(last)) if first > last => Wanted::Whole,
        (Some(first), _) if first >= length && number_or_empty(last) => Wanted::Nothing,
        (Some(first), Some(last)) => Wanted::Part(first..length.min(last.saturating_add(1))),
        (Some(first), None) if last.is_empty() => Wanted::Part(first..length),
        (None, Some(0)) if first.is_empty() => Wanted::Nothing,
        (None, Some(_)) if first.is_empty() && length == 0 => Wanted::Nothing,
        (None, Some(last)) if first.is_empty() => Wanted::Part(length.saturating_sub(last)..length),
        _ => Wanted::Whole,
    }
}

fn number(text: &str) -> Option<u64> {
    // `u64::from_str` would take a plus sign.
    text.bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
}

fn number_or_empty(text: &str) -> bool {
    text.is_empty() || number(text).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        use Wanted::{Nothing, Part, Whole};
        for (text, expected) in [
            ("bytes=0-9", Part(0..10)),
            ("bytes=90-", Part(90..100)),
            ("bytes=90-200", Part(90..100)),
            ("bytes=-10", Part(90..100)),
            ("bytes=-200", Part(0..100)),
            ("bytes=0-18446744073709551615", Part(0..100)),
            ("bytes=100-", Nothing),
            ("bytes=100-200", Nothing),
            ("bytes=-0", Nothing),
            ("bytes=9-0", Whole),
            ("bytes=0-1,5-6", Whole),
            ("bytes=+1-2", Whole),
            ("bytes=a-b", Whole),
            ("bytes=-", Whole),
            ("bytes=99999999999999999999-", Whole),
            ("lines=1-2", Whole),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::RANGE, HeaderValue::from_static(text));
            assert_eq!(wanted(&headers, 100, None), expected, "{text}");
        }
    }

    #[test]
    fn a_range_of_another_version_is_not_served() {
        let etag = HeaderValue::from_static("\"v1\"");
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_static("bytes=0-0"));
        headers.insert(header::IF_RANGE, etag.clone());
        assert_eq!(wanted(&headers, 9, Some(&etag)), Wanted::Part(0..1));
        assert_eq!(wanted(&headers, 9, None), Wanted::Whole);
    }
}
