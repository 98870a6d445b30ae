use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::super::{Kind, Picture, Stage, Step, picture, rebuild, step};
use super::window;
use crate::clock::{Chance, Moment, parse_rfc3339};
use crate::durable::{Disk, Faults, Op, Verdict};
use crate::evidence::{Addressee, Record, RecordKind};
use crate::hub::SCHEMAS;
use crate::packet::{Digest, MemberId, PacketId};
use crate::seal::{Seal, apart};
use crate::store::{Error, Store, params};

/// Evidence as the hub's rows hold it; signatures are none of counting's business.
pub(super) struct Evidence {
    pub(super) store: Store,
    chance: Chance,
    now: Moment,
}

fn code(text: &str) -> MemberId {
    text.parse().unwrap()
}

fn front(record: &Record) -> Vec<u8> {
    let seal = Seal {
        record: record.encode(),
        index: 0,
        path: Vec::new(),
        checkpoint: Vec::new(),
        cms: Vec::new(),
    }
    .encode();
    apart(&seal).0.to_vec()
}

impl Evidence {
    pub(super) fn new(store: Store) -> Self {
        Self {
            store,
            chance: Chance::system(),
            now: parse_rfc3339("2019-01-19T01:00:00Z").unwrap(),
        }
    }

    fn later(&mut self, seconds: i64) {
        self.now += time::Duration::seconds(seconds);
    }

    async fn packet(
        &self,
        from: &str,
        to: &[&str],
        message: &str,
        unreached: Option<String>,
    ) -> Record {
        let id = PacketId::new(self.now, &self.chance);
        let what = (Digest::of(id.to_string().as_bytes()), 1_000);
        let mut record = Record::new(RecordKind::Packet, id, what, code(from), self.now);
        record.message = Some(message.to_owned());
        record.status = (message == "status").then(|| "03".to_owned());
        record.to = to
            .iter()
            .map(|to| Addressee {
                member: code(to),
                sequence: 1,
            })
            .collect();
        self.kept(&record, unreached).await;
        record
    }

    async fn kept(&self, record: &Record, unreached: Option<String>) {
        let row = (
            record.packet.to_string(),
            record.from.to_string(),
            front(record),
        );
        let (void, at) = (
            record.kind == RecordKind::Void,
            crate::hub::millis(self.now),
        );
        let insert = self.store.write(move |tx| {
            tx.execute(
                "INSERT INTO hub_packet (id, void, sender, leaf, digest, size, names, kept_at, seal, head, unreached)
                 VALUES (?1, ?2, ?3, x'', '', 0, '', ?4, ?5, 0, ?6)",
                params![row.0, void, row.1, at, row.2, unreached],
            )
            .map_err(Error::from)
        });
        insert.await.unwrap();
    }

    async fn receipt(&mut self, of: &Record, from: &str, status: &str, after: i64) {
        self.later(after);
        let what = (of.digest, of.size);
        let mut record = Record::new(RecordKind::Receipt, of.packet, what, code(from), self.now);
        record.status = Some(status.to_owned());
        let (packet, from, status) = (of.packet.to_string(), from.to_owned(), status.to_owned());
        let (front, at) = (front(&record), crate::hub::millis(self.now));
        let insert = self.store.write(move |tx| {
            tx.execute(
                "INSERT INTO hub_receipt (box, packet, member, status, at, seal, head) VALUES ('', ?1, ?2, ?3, ?4, ?5, 0)",
                params![packet, from, status, at, front],
            )
            .map_err(Error::from)
        });
        insert.await.unwrap();
    }

    /// A few days of all that can happen, some of it about packets long counted.
    pub(super) async fn days(&mut self, count: usize) {
        for day in 0..count {
            let new = self.packet("G22", &["H41", "H14"], "new", None).await;
            self.receipt(&new, "H41", "delivered", 2).await;
            self.receipt(&new, "H41", "collected", 900).await;
            self.receipt(&new, "H14", "delivered", 4).await;
            self.receipt(&new, "H14", "failed", 60).await;
            let status = self.packet("H41", &["G22"], "status", None).await;
            self.receipt(&status, "G22", "delivered", 1).await;
            let recall = self.packet("G22", &["H41"], "recall", None).await;
            self.receipt(&recall, "H41", "failed", 3).await;
            let closed = format!("H17: {day} (H17 is closed)");
            self.packet("G22", &["H41", "H17"], "new", Some(closed))
                .await;
            let mut void = Record::new(
                RecordKind::Void,
                PacketId::new(self.now, &self.chance),
                (Digest::of(b""), 0),
                code("H14"),
                self.now,
            );
            void.message = Some("update".to_owned());
            self.kept(&void, None).await;
            self.later(86_400 / 2);
        }
    }

    pub(super) async fn all(&self) -> Picture {
        let all = window("2019-01-01", "2019-12-31");
        picture(&self.store, all, None).await.unwrap()
    }

    /// Every row, its codes written out.
    fn rows(&self) -> Vec<String> {
        let tables = [
            "SELECT 'm', code, ifnull(first_sent, 0), ifnull(last_sent, 0), ifnull(first_received, 0), ifnull(last_received, 0) FROM stat_member",
            "SELECT 'c', name, value, 0, 0, 0 FROM stat_cursor",
            "SELECT 't', code, level || ':' || span, kind || ':' || sent || ':' || addressed || ':' || sent_bytes, voided || ':' || delivered,
               received_bytes || ':' || collected || ':' || failed FROM stat_traffic JOIN stat_member ON number = member",
            "SELECT 'p', s.code, level || ':' || span, r.code, packets, 0 FROM stat_pair
               JOIN stat_member s ON s.number = sender JOIN stat_member r ON r.number = recipient",
            "SELECT 'h', code, level || ':' || span, stage, bucket, count FROM stat_time JOIN stat_member ON number = member",
            "SELECT 'w', code, level || ':' || span, word, count, 0 FROM stat_word JOIN stat_member ON number = member",
        ];
        let rows = self.store.read_blocking(|tx| {
            let mut rows = Vec::new();
            for table in tables {
                let mut select = tx.prepare(table)?;
                let mut found = select.query([])?;
                while let Some(row) = found.next()? {
                    let columns = (0..6).map(|at| format!("{:?}", row.get_ref(at)));
                    rows.push(columns.collect::<Vec<_>>().join(" "));
                }
            }
            rows.sort();
            Ok::<_, Error>(rows)
        });
        rows.unwrap()
    }
}

fn open(directory: &tempfile::TempDir, disk: Disk) -> Store {
    Store::open(directory.path().join("db"), disk, SCHEMAS).unwrap()
}

#[tokio::test]
async fn all_that_can_happen_is_counted_once_and_under_its_name() {
    let directory = tempfile::tempdir().unwrap();
    let mut evidence = Evidence::new(open(&directory, Disk::real()));
    evidence.days(3).await;
    assert_eq!(evidence.all().await.uncounted, 3 * 5 + 3 * 6);
    super::super::count(&evidence.store).await.unwrap();
    let seen = evidence.all().await;
    assert_eq!(seen.uncounted, 0);
    let nation = seen.nation.documents();
    assert_eq!((nation.sent, nation.addressed, nation.voided), (9, 12, 3));
    assert_eq!(
        (nation.delivered, nation.collected, nation.failed),
        (6, 3, 6)
    );
    assert_eq!((nation.sent_bytes, nation.received_bytes), (9_000, 6_000));
    let failures: Vec<_> = seen.nation.failures.iter().map(|(w, n)| (*w, *n)).collect();
    let wanted = [
        ("closed", 3),
        ("given-up", 3),
        ("refused-by-box", 3),
        ("refused-by-software", 3),
    ];
    assert_eq!(failures, wanted);
    assert_eq!(seen.members["H41"].statuses["03"], 3);
    assert_eq!(seen.members["H41"].of(Kind::Status).sent, 3);
    let took = seen.nation.time(Stage::Delivery);
    assert_eq!(took.count(), 6);
    assert!(
        (800_000..1_000_000)
            .contains(&seen.nation.time(Stage::Collection).percentile(0.5).unwrap())
    );
    let busiest = &seen.pairs[0];
    assert_eq!(
        (busiest.from.as_str(), busiest.to.as_str(), busiest.packets),
        ("G22", "H41", 9)
    );
    assert_eq!(seen.days.iter().map(|d| d.documents.sent).sum::<u64>(), 9);
    assert_eq!(
        seen.members["H14"].activity.last_sent, None,
        "it never sent"
    );
    assert_eq!(
        seen.members["G22"].activity.first_sent.unwrap().to_string(),
        "2019-01-19"
    );
    // One day alone.
    let one = window("2019-01-19", "2019-01-19");
    let one = picture(&evidence.store, one, None).await.unwrap();
    assert!(one.nation.documents().sent < 9 && one.days.len() == 1);
}

/// Some commits of all fail as the verdict says.
struct FailSome {
    seen: AtomicI64,
    every: i64,
    verdict: Verdict,
}

impl Faults for FailSome {
    fn next(&self, op: Op) -> Verdict {
        let nth = self.seen.fetch_add(1, Ordering::SeqCst);
        if op == Op::Commit && nth >= 0 && nth % self.every == self.every / 2 {
            self.verdict
        } else {
            Verdict::Do
        }
    }
}

#[tokio::test]
async fn counted_anew_it_is_the_same_whatever_was_cut_and_whenever() {
    let mut whole = Vec::new();
    for (verdict, every) in [
        (Verdict::Do, 1),
        (Verdict::NotDone, 2),
        (Verdict::DoneButFailed, 2),
        (Verdict::NotDone, 5),
        (Verdict::DoneButFailed, 3),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let faults = Arc::new(FailSome {
            // Nothing fails while the evidence is laid down.
            seen: AtomicI64::new(i64::MIN / 2),
            every,
            verdict,
        });
        let mut evidence = Evidence::new(open(&directory, Disk::failing(faults.clone())));
        let mut cuts = 0;
        for (days, limit) in [(4, 3), (3, 7), (1, 1)] {
            evidence.days(days).await;
            faults.seen.store(0, Ordering::SeqCst);
            loop {
                match step(&evidence.store, limit).await {
                    Ok(Step::Done) => break,
                    Ok(_) => {}
                    Err(_) => cuts += 1,
                }
            }
            faults.seen.store(i64::MIN / 2, Ordering::SeqCst);
        }
        assert_eq!(cuts > 0, verdict != Verdict::Do);
        let running = evidence.rows();
        assert!(running.len() > 200, "{}", running.len());
        // Counted anew, and cut in that.
        faults.seen.store(0, Ordering::SeqCst);
        let mut begun = rebuild(&evidence.store).await;
        while begun.is_err() {
            begun = super::super::count(&evidence.store).await;
        }
        faults.seen.store(i64::MIN / 2, Ordering::SeqCst);
        assert_eq!(evidence.rows(), running, "{verdict:?} {every}");
        whole.push(numbers(&running));
    }
    assert!(whole.windows(2).all(|two| two[0] == two[1]), "{whole:?}");
}

/// Rows but those with moments and packet ids in them: how many of each table.
fn numbers(rows: &[String]) -> Vec<(String, usize)> {
    let mut counts = std::collections::BTreeMap::new();
    for row in rows {
        *counts.entry(row[..12].to_owned()).or_default() += 1;
    }
    counts.into_iter().collect()
}

#[tokio::test]
async fn two_that_count_at_once_count_nothing_twice_and_purged_bodies_change_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut evidence = Evidence::new(open(&directory, Disk::real()));
    evidence.days(5).await;
    let other = Store::open(directory.path().join("db"), Disk::real(), SCHEMAS).unwrap();
    let count = |store: Store| async move { while step(&store, 4).await.unwrap() != Step::Done {} };
    tokio::join!(
        count(evidence.store.clone()),
        count(other.clone()),
        count(evidence.store.clone())
    );
    let running = evidence.rows();
    let purge = |tx: &crate::store::Tx<'_>| -> Result<(), Error> {
        tx.execute("UPDATE hub_packet SET body = NULL, purged = 1", [])?;
        Ok(())
    };
    evidence.store.write(purge).await.unwrap();
    let (one, two) = tokio::join!(rebuild(&evidence.store), rebuild(&other));
    one.unwrap();
    two.unwrap();
    assert_eq!(evidence.rows(), running);
    assert_eq!(evidence.all().await.uncounted, 0);
}
