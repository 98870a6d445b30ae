use super::super::histogram::{Histogram, bucket};
use super::super::measure::Failure;
use super::super::span::{LEVELS, cover, span};
use super::{day, window};
use crate::clock::parse_rfc3339;
use crate::hub::Error;
use crate::hub::error::NotReached;
use crate::hub::statistics::{Day, Window};

#[test]
fn a_day_begins_at_midnight_in_vietnam() {
    for (at, on) in [
        ("2019-01-18T16:59:59.999Z", "2019-01-18"),
        ("2019-01-18T17:00:00Z", "2019-01-19"),
        ("1969-12-31T16:59:59Z", "1969-12-31"),
        ("2024-02-29T16:00:00Z", "2024-02-29"),
    ] {
        let moment = parse_rfc3339(at).unwrap();
        assert_eq!(Day::of(moment).to_string(), on, "{at}");
        assert_eq!(Day::of(day(on).begins()), day(on));
    }
    assert_eq!(day("2019-03-08").vi(), "08/03/2019");
    assert_eq!(day("2019-03-08").en(), "8 March 2019");
    for wrong in [
        "2019-02-30",
        "2019-3-08",
        "19-03-08",
        "2019-03-08 ",
        "+019-03-08",
        "",
    ] {
        assert!(wrong.parse::<Day>().is_err(), "{wrong:?}");
    }
}

#[test]
fn a_cover_is_exactly_its_window_and_small() {
    for first in [-70, 0, 1, 63, 17_915] {
        for length in [1, 7, 8, 9, 49, 365, 366, 1_500] {
            let window = Window {
                first: Day::numbered(first),
                last: Day::numbered(first + length - 1),
            };
            let runs = cover(window);
            let mut days = Vec::new();
            for run in &runs {
                let bits = 3 * u32::from(run.level);
                days.extend(run.first << bits..(run.last + 1) << bits);
            }
            let wanted: Vec<i32> = (first..first + length).collect();
            assert_eq!(days, wanted, "{first} {length}");
            let spans: i32 = runs.iter().map(|run| run.last - run.first + 1).sum();
            assert!(spans <= 2 * 7 * 3 + 3, "{spans} spans");
        }
    }
    let at = Day::numbered(-1);
    assert!(LEVELS.iter().all(|level| span(at, *level) == -1));
}

#[test]
fn buckets_double_every_second_and_percentiles_lie_within_a_fifth() {
    assert_eq!([-5, 0, 1, 2, 3, 4].map(bucket), [0, 0, 1, 3, 4, 5]);
    assert_eq!(bucket(i64::MAX), 126);
    for millis in [1_u64, 10, 999, 12_345, 86_400_000, 31_536_000_000] {
        let mut times = Histogram::default();
        times.add(bucket(i64::try_from(millis).unwrap()), 9);
        let shown = times.percentile(0.5).unwrap();
        assert!(
            shown * 6 >= millis * 5 - 5 && shown * 5 <= millis * 6 + 5,
            "{millis} is shown as {shown}"
        );
    }
    let mut times = Histogram::default();
    assert_eq!(times.percentile(0.5), None);
    times.add(bucket(0), 50);
    times.add(bucket(1_000), 40);
    times.add(bucket(60_000), 10);
    assert_eq!(times.percentile(0.5), Some(0));
    assert!((700..1_100).contains(&times.percentile(0.9).unwrap()));
    assert!(times.percentile(0.95).unwrap() > 40_000);
    assert_eq!(times.count(), 100);
}

#[test]
fn why_the_hub_did_not_reach_somebody_is_read_from_what_it_wrote() {
    let code: crate::packet::MemberId = "H41".parse().unwrap();
    for (why, class) in [
        (NotReached::Unknown, Failure::NotListed),
        (NotReached::Closed(None), Failure::Closed),
        (NotReached::Closed(Some(code.clone())), Failure::Closed),
        (NotReached::Centre, Failure::Centre),
    ] {
        let error = Error::Recipient {
            code: code.clone(),
            why,
        };
        assert_eq!(Failure::unreached(&error.detail()), class);
    }
    assert_eq!(window("2019-01-19", "2019-03-08").days(), 49);
}
