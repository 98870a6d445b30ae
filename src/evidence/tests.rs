use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use tokio::sync::Semaphore;

use super::*;
use crate::clock::{Chance, Clock, parse_rfc3339};
use crate::durable::{Disk, Faults, Op, Verdict};
use crate::merkle::checkpoint::Checkpoint;
use crate::merkle::{Hash, leaf_hash, verify_consistency, verify_inclusion};
use crate::packet::{Digest, MemberId, PacketId};
use crate::retry::Class;
use crate::store::Store;

/// A key that checks what a signer checks: each tree continues the last one.
#[derive(Default)]
struct StrictKey {
    /// Turns at it, if they are to be waited for.
    turns: Option<Arc<Semaphore>>,
    last: Mutex<(u64, Hash)>,
    away: AtomicBool,
    signatures: AtomicU64,
    forget: AtomicBool,
}

impl SealKey for StrictKey {
    fn turn(&self) -> Pin<Box<dyn Future<Output = Turn> + Send + '_>> {
        Box::pin(async {
            let turns = self.turns.clone()?;
            turns.acquire_owned().await.ok()
        })
    }

    fn seal(&self, body: Vec<u8>, from: u64, proof: Vec<Hash>) -> Signing<'_> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            if self.away.load(Ordering::SeqCst) {
                return Err(Error::Signer("away".into(), Class::Retry));
            }
            let checkpoint = Checkpoint::parse(&body).unwrap();
            let mut last = self.last.lock().unwrap();
            if (checkpoint.size, checkpoint.root) != *last {
                if from != last.0 {
                    return Ok(Sealing::Behind(last.0));
                }
                let old = if from == 0 {
                    crate::merkle::empty_root()
                } else {
                    last.1
                };
                assert!(
                    verify_consistency(from, &old, checkpoint.size, &checkpoint.root, &proof),
                    "fork or rollback from {from} to {}",
                    checkpoint.size
                );
                *last = (checkpoint.size, checkpoint.root);
            }
            let number = self.signatures.fetch_add(1, Ordering::SeqCst);
            if self.forget.swap(false, Ordering::SeqCst) {
                return Err(Error::Signer(
                    "signed, but the answer got lost".into(),
                    Class::Retry,
                ));
            }
            Ok(Sealing::Signed(format!("signature {number}").into_bytes()))
        })
    }
}

struct FailOnce(AtomicUsize, usize, Verdict);

impl Faults for FailOnce {
    fn next(&self, op: Op) -> Verdict {
        if op == Op::Commit && self.0.fetch_add(1, Ordering::SeqCst) == self.1 {
            self.2
        } else {
            Verdict::Do
        }
    }
}

fn member() -> MemberId {
    "000.00.00.G22".parse().unwrap()
}

fn open(directory: &Path, disk: Disk, key: &Arc<StrictKey>) -> Log {
    let schemas = [SCHEMA, MATERIAL_SCHEMA, RESEALED_SCHEMA];
    let store = Store::open(directory.join("db"), disk, &schemas).unwrap();
    let chance = Chance::system();
    Log::open(
        Archive::new(store),
        member(),
        key.clone(),
        Arc::new(Vec::new),
        chance,
    )
}

fn entry(number: u64) -> Entry {
    let at = Clock::system().now();
    let bytes = number.to_string();
    let digest = Digest::of(bytes.as_bytes());
    let packet = PacketId::new(at, &Chance::system());
    Entry {
        key: format!("packet:{number}"),
        record: Record::new(
            RecordKind::Packet,
            packet,
            (digest, bytes.len() as u64),
            member(),
            at,
        ),
    }
}

fn holds(proof: &Proof) -> bool {
    let leaf = leaf_hash(&proof.record);
    verify_inclusion(
        &leaf,
        proof.index,
        proof.head.size,
        &proof.path,
        &proof.head.root,
    )
}

async fn append_until_done(log: &Log, entry: Entry) -> Proof {
    loop {
        match log.append(entry.clone()).await {
            Ok(proof) => return proof,
            Err(error) => assert_eq!(error.class(), Class::Retry, "{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_while_the_token_works_shares_one_signature() {
    let directory = tempfile::tempdir().unwrap();
    let key = Arc::new(StrictKey::default());
    key.away.store(true, Ordering::SeqCst);
    let log = open(directory.path(), Disk::real(), &key);
    let mut appends = tokio::task::JoinSet::new();
    for number in 0..500 {
        let log = log.clone();
        appends.spawn(async move { log.append(entry(number)).await.unwrap() });
    }
    tokio::task::yield_now().await;
    key.away.store(false, Ordering::SeqCst);
    let proofs = appends.join_all().await;
    assert!(proofs.iter().all(holds));
    assert!(key.signatures.load(Ordering::SeqCst) < 50);
    let mut places: Vec<u64> = proofs.iter().map(|p| p.index).collect();
    places.sort_unstable();
    assert_eq!(places, (0..500).collect::<Vec<_>>());
    let stored = log.archive().proof(&member(), "packet:77").await.unwrap();
    assert!(holds(&stored));
}

/// Polls once, so that what is appended stands in the log's line.
fn begun<T: Send + 'static>(
    tasks: &mut tokio::task::JoinSet<T>,
    task: impl Future<Output = T> + Send + 'static,
) {
    let mut task = Box::pin(task);
    let polled = task.as_mut().now_or_never();
    assert!(polled.is_none());
    tasks.spawn(task);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_is_cut_when_its_turn_has_come_and_not_before() {
    let directory = tempfile::tempdir().unwrap();
    let turns = Arc::new(Semaphore::new(0));
    let key = Arc::new(StrictKey {
        turns: Some(turns.clone()),
        ..StrictKey::default()
    });
    let log = open(directory.path(), Disk::real(), &key);
    let mut appends = tokio::task::JoinSet::new();
    for number in 0..30 {
        let of_log = log.clone();
        begun(&mut appends, async move {
            of_log.append(entry(number)).await.unwrap()
        });
        // What wants only its place gets it while the turn is waited for, and so all before it has its place, too.
        log.enter(entry(1_000 + number)).await.unwrap();
    }
    assert_eq!(key.signatures.load(Ordering::SeqCst), 0);
    turns.add_permits(1);
    let proofs = appends.join_all().await;
    assert!(
        proofs
            .iter()
            .all(|proof| holds(proof) && proof.head.size == 60)
    );
    assert_eq!(key.signatures.load(Ordering::SeqCst), 1);
    assert_eq!(turns.available_permits(), 1, "the turn was given back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_does_not_wait_for_the_token_and_one_signature_covers_its_absence() {
    let directory = tempfile::tempdir().unwrap();
    let turns = Arc::new(Semaphore::new(1));
    let key = Arc::new(StrictKey {
        turns: Some(turns.clone()),
        ..StrictKey::default()
    });
    key.away.store(true, Ordering::SeqCst);
    let log = open(directory.path(), Disk::real(), &key);
    let mut appends = tokio::task::JoinSet::new();
    for number in 0..20 {
        let of_log = log.clone();
        begun(&mut appends, async move {
            of_log.append(entry(number)).await.unwrap()
        });
        log.enter(entry(1_000 + number)).await.unwrap();
        // A log whose signature fails keeps the turn from nobody.
        drop(turns.acquire().await.unwrap());
    }
    key.away.store(false, Ordering::SeqCst);
    let proofs = appends.join_all().await;
    assert!(
        proofs
            .iter()
            .all(|proof| holds(proof) && proof.head.size == 40)
    );
    assert_eq!(key.signatures.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_gives_the_first_proof_again_also_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let key = Arc::new(StrictKey::default());
    let first = {
        let log = open(directory.path(), Disk::real(), &key);
        log.append(entry(1)).await.unwrap()
    };
    let log = open(directory.path(), Disk::real(), &key);
    let again = log.append(entry(1)).await.unwrap();
    assert_eq!((again.index, &again.record), (first.index, &first.record));
    assert!(holds(&again));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_whose_answer_got_lost_is_made_for_the_same_tree_again() {
    let directory = tempfile::tempdir().unwrap();
    let key = Arc::new(StrictKey::default());
    let log = open(directory.path(), Disk::real(), &key);
    for number in 0..5 {
        key.forget.store(number % 2 == 0, Ordering::SeqCst);
        assert!(holds(&log.append(entry(number)).await.unwrap()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_commit_fails_once_in_both_ways_and_the_log_has_each_record_once() {
    for verdict in [Verdict::NotDone, Verdict::DoneButFailed] {
        for index in 1..16 {
            let directory = tempfile::tempdir().unwrap();
            let key = Arc::new(StrictKey::default());
            let faults = Arc::new(FailOnce(AtomicUsize::new(0), index, verdict));
            let log = open(directory.path(), Disk::failing(faults), &key);
            for number in 0..6 {
                let proof = append_until_done(&log, entry(number)).await;
                assert!(holds(&proof), "{verdict:?} at {index}");
                assert_eq!(proof.index, number, "{verdict:?} at {index}");
            }
            let records = log.archive().records(&member(), 0, 100).await.unwrap();
            assert_eq!(records.len(), 6, "{verdict:?} at {index}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_sealed_again_keeps_its_first_signature_with_its_stamp_and_what_was_proven_by_it() {
    let directory = tempfile::tempdir().unwrap();
    let key = Arc::new(StrictKey::default());
    let log = open(directory.path(), Disk::real(), &key);
    let (archive, at) = (log.archive().clone(), Clock::system().now());
    let (member, one, two) = (member(), "packet:1", "packet:2");
    let first = log.append(entry(1)).await.unwrap().head;
    archive
        .keep_stamp(&first, at, b"over the first".to_vec())
        .await
        .unwrap();
    log.seal_again().await.unwrap();
    let newest = archive.newest(&member).await.unwrap().unwrap();
    assert_eq!((newest.size, &newest.body), (first.size, &first.body));
    assert_ne!(newest.cms, first.cms);
    assert_eq!(log.heads().borrow().as_deref(), Some(&newest));
    let shown = archive.next_head(&member, 0).await.unwrap().unwrap();
    assert_eq!(shown.head, newest, "others are shown the last signature");
    // What was taken under the first one stays so.
    assert_eq!(archive.proof(&member, one).await.unwrap().head, first);
    let stamped = archive.stamped(&member, one).await.unwrap().unwrap();
    assert_eq!(
        (stamped.proof.head, stamped.token),
        (first.clone(), b"over the first".to_vec())
    );

    // A record that was refused under its own head's signature is proven by the last one, also after a restart.
    let own = log.append(entry(2)).await.unwrap().head;
    archive
        .keep_stamp(&own, at, b"too early".to_vec())
        .await
        .unwrap();
    log.seal_again().await.unwrap();
    log.seal_again().await.unwrap();
    let moved = archive.proof_now(&member, two).await.unwrap();
    assert!(holds(&moved) && moved.head.size == own.size && moved.head.cms != own.cms);
    drop(log);
    let log = open(directory.path(), Disk::real(), &key);
    let again = log.append(entry(2)).await.unwrap();
    assert_eq!(again.head, moved.head);
    assert_eq!(log.archive().proof(&member, one).await.unwrap().head, first);
    // No stamp is older than the signature that it is shown with.
    assert!(archive.stamped(&member, two).await.unwrap().is_none());
    let third = log.append(entry(3)).await.unwrap().head;
    archive
        .keep_stamp(&third, at, b"later".to_vec())
        .await
        .unwrap();
    let stamped = archive.stamped(&member, two).await.unwrap().unwrap();
    assert!(holds(&stamped.proof));
    assert_eq!(
        (stamped.proof.head, stamped.token),
        (third, b"later".to_vec())
    );
    // A stamp over a signature that nobody knows is not kept.
    let foreign = Head {
        cms: b"other".to_vec(),
        ..(*first).clone()
    };
    assert!(archive.keep_stamp(&foreign, at, vec![]).await.is_err());
}

#[test]
fn records_read_back_byte_for_byte_and_refuse_other_forms() {
    let at = parse_rfc3339("2019-03-12T08:00:00.123Z").unwrap();
    let mut record = entry(3).record;
    record.time = at;
    record.to.push(Addressee {
        member: "H41".parse().unwrap(),
        sequence: 9,
    });
    record.code = Some("7816/VPCP-TTĐT".into());
    record.reason = Some("two\nlines".into());
    record.refs = vec!["000.00.00.G22,2015/09/30,7816/VPCP-TTĐT".into()];
    let bytes = record.encode();
    record.reason = Some("two lines".into());
    assert_eq!(Record::parse(&bytes), Ok(record));
    let text = String::from_utf8(bytes).unwrap();
    for (from, to) in [
        ("trucgate-record 1", "trucgate-record 2"),
        ("kind: packet", "kind: parcel"),
        ("size: 1", "size: 01"),
        ("priority: 0", "priority: 0\nextra: 1"),
        ("2019-03-12T08:00:00.123Z", "2019-03-12T15:00:00.123+07:00"),
        ("to: H41 9\n", "to: H41\n"),
    ] {
        let hostile = text.replace(from, to);
        assert_ne!(hostile, text, "{from}");
        assert!(Record::parse(hostile.as_bytes()).is_err(), "{to}");
    }
}
