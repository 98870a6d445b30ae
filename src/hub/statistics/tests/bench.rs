use std::time::{Duration, Instant};

use super::super::{Picture, Step, picture, step};
use super::{day, window};
use crate::durable::Disk;
use crate::hub::SCHEMAS;
use crate::hub::statistics::span::{LEVELS, span};
use crate::store::{Error, Store, Tx, params};

/// Members of the opening day.
const MEMBERS: i64 = 95;

/// Fills a year: every member sends documents and statuses on each day, to `partners` others.
fn fill(tx: &Tx<'_>, partners: i64) -> Result<(), Error> {
    for member in 1..=MEMBERS {
        tx.execute(
            "INSERT INTO stat_member (number, code, first_sent, last_sent, first_received, last_received)
  VALUES (?1, 'G' || ?1, 0, 0, 0, 0)",
            [member],
        )?;
    }
    let (first, last) = (day("2025-01-01").number(), day("2025-12-31").number());
    for level in LEVELS {
        let mut spans: Vec<i32> = (first..=last)
            .map(|number| span(super::Day::numbered(number), level))
            .collect();
        spans.dedup();
        for span in spans {
            row(tx, level, span, partners << level.min(1))?;
        }
    }
    Ok(())
}

fn row(tx: &Tx<'_>, level: u8, span: i32, partners: i64) -> Result<(), Error> {
    for member in 0..=MEMBERS {
        for kind in 0..5 {
            tx.prepare_cached(
                "INSERT INTO stat_traffic (level, span, member, kind, sent, addressed, sent_bytes, voided, delivered, received_bytes, collected, failed)
  VALUES (?1, ?2, ?3, ?4, 6, 20, 9999, 0, 20, 9999, 19, 1)",
            )?
            .execute(params![level, span, member, kind])?;
        }
        for stage in 0..4 {
            for bucket in 18..28 {
                tx.prepare_cached("INSERT INTO stat_time (level, span, member, stage, bucket, count) VALUES (?1, ?2, ?3, ?4, ?5, 2)")?
                    .execute(params![level, span, member, stage, bucket])?;
            }
        }
        for word in ["01", "03", "06", "failed:refused-by-software"] {
            tx.prepare_cached("INSERT INTO stat_word (level, span, member, word, count) VALUES (?1, ?2, ?3, ?4, 5)")?
                .execute(params![level, span, member, word])?;
        }
        // Number 0 is all of them together, which writes to nobody.
        let partners = if member == 0 { 0 } else { partners };
        for partner in 0..partners.min(MEMBERS - 1) {
            let to = 1 + (member + partner) % MEMBERS;
            tx.prepare_cached("INSERT INTO stat_pair (level, span, sender, recipient, packets) VALUES (?1, ?2, ?3, ?4, 2)")?
                .execute(params![level, span, member, to])?;
        }
    }
    Ok(())
}

async fn timed(store: &Store, first: &str, last: &str) -> (Picture, Duration) {
    let mut best = Duration::MAX;
    let mut seen = None;
    for _ in 0..3 {
        let begun = Instant::now();
        seen = Some(picture(store, window(first, last), None).await.unwrap());
        best = best.min(begun.elapsed());
    }
    (seen.unwrap(), best)
}

#[tokio::test]
#[ignore = "fills a year of a million documents; `make test-year`, which builds it as released, runs it"]
async fn any_window_over_a_year_of_a_million_documents_is_read_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path().join("db"), Disk::real(), SCHEMAS).unwrap();
    store.write(|tx| fill(tx, 40)).await.unwrap();
    for (first, last) in [
        ("2025-01-01", "2025-12-31"),
        ("2025-01-02", "2025-12-30"),
        ("2025-02-27", "2025-11-03"),
        ("2025-06-01", "2025-06-30"),
        ("2025-06-15", "2025-06-15"),
    ] {
        let (seen, took) = timed(&store, first, last).await;
        println!("{first} to {last}: {took:?}");
        assert_eq!(seen.members.len(), 95);
        assert!(
            took < Duration::from_millis(100),
            "{first} to {last}: {took:?}"
        );
    }
}

#[tokio::test]
#[ignore = "a measurement of the released program; `make test-year` runs it"]
async fn counting_leaves_the_writer_to_others() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path().join("db"), Disk::real(), SCHEMAS).unwrap();
    let mut evidence = super::evidence::Evidence::new(store.clone());
    // 5 packets and 6 receipts a day, many days at a time: nothing of a chunk adds up to one row.
    evidence.days(800).await;
    let (mut rows, mut kept) = (0, Duration::ZERO);
    let begun = Instant::now();
    while let Step::Counted(count, took) = step(&store, 512).await.unwrap() {
        (rows, kept) = (rows + count, kept + took);
    }
    let each = kept / u32::try_from(rows).unwrap();
    println!(
        "{rows} rows in {:?}, the writer kept for {kept:?}, {each:?} a row",
        begun.elapsed()
    );
    assert_eq!(rows, 800 * 11);
    assert!(each < Duration::from_micros(200), "{each:?}");
}
