use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::*;
use crate::clock::{Chance, Clock, Moment};
use crate::durable::{Faults, Op, Verdict};
use crate::packet::record::{Record, RecordKind};
use crate::packet::{Digest, DocId, Envelope, Kind, MemberId, PacketId, Priority};

const SENDER: &str = "000.00.00.G22";
const RECEIVER: &str = "000.00.00.H41";
const HOUR: Duration = Duration::from_secs(3_600);

fn member(code: &str) -> MemberId {
    code.parse().unwrap()
}

fn now() -> Moment {
    Clock::system().now()
}

fn packet() -> PacketId {
    PacketId::new(now(), &Chance::system())
}

fn open(directory: &Path, disk: Disk) -> Spool {
    let store = Store::open(
        directory.join("box.db"),
        disk.clone(),
        &[SEAL_HEADS, SCHEMA],
    )
    .unwrap();
    Spool::open(store, disk, &directory.join("bodies")).unwrap()
}

fn envelope() -> Envelope {
    Envelope {
        kind: Kind::New,
        from: member(SENDER),
        to: vec![member(RECEIVER)],
        document: Some("000.00.00.G22,2026/01/01,1/CV".to_owned()),
        number: Some("1".to_owned()),
        notation: Some("CV".to_owned()),
        promulgated: None,
        type_name: None,
        subject: None,
        priority: Priority::Normal,
        refs: Vec::new(),
        status: None,
        reason: None,
        attachments: Vec::new(),
        notes: Vec::new(),
    }
}

fn submission(content: &[u8], body: Body, at: Moment) -> Submission {
    Submission {
        packet: packet(),
        from: member(SENDER),
        to: vec![member(RECEIVER)],
        messagetype: "edoc".to_owned(),
        shelf: member(SENDER),
        envelope: envelope(),
        digest: Digest::of(content),
        size: content.len() as u64,
        body,
        at,
        window: HOUR,
    }
}

fn parted(front: &[u8]) -> Parted {
    (front, &b" under a head"[..]).into()
}

fn small(content: &[u8], at: Moment) -> Submission {
    submission(content, Body::Inline(content.into()), at)
}

fn new(keeping: Keeping) -> Kept {
    match keeping {
        Keeping::New(kept) => *kept,
        Keeping::Known(packet) => panic!("{packet} was known"),
    }
}

fn receipt(packet: PacketId, content: &[u8], status: &str) -> Record {
    let what = (Digest::of(content), content.len() as u64);
    let mut record = Record::new(RecordKind::Receipt, packet, what, member(RECEIVER), now());
    record.status = Some(status.to_owned());
    record
}

fn arrival(packet: PacketId, content: &[u8]) -> Arrival {
    Arrival {
        packet,
        member: member(RECEIVER),
        from: member(SENDER),
        envelope: envelope(),
        digest: Digest::of(content),
        size: content.len() as u64,
        body: Body::Inline(content.into()),
        seal: parted(b"seal"),
        receipt: receipt(packet, content, "delivered"),
        at: now(),
    }
}

#[tokio::test]
async fn the_same_submission_is_known_within_its_window_and_new_after_a_failure() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path(), Disk::real());
    let start = now();
    let first = new(spool.keep(small(b"one", start)).await.unwrap());
    assert_eq!(first.record.to[0].sequence, 1);
    let Keeping::Known(again) = spool.keep(small(b"one", start)).await.unwrap() else {
        panic!("kept twice");
    };
    assert_eq!(again, first.packet);
    let other = new(spool.keep(small(b"other", start)).await.unwrap());
    assert_eq!(other.record.to[0].sequence, 2, "places have no gaps");

    spool
        .refuse(&other, "closed", parted(b"void"), start)
        .await
        .unwrap();
    new(spool.keep(small(b"other", start)).await.unwrap());
    new(spool.keep(small(b"one", start + 2 * HOUR)).await.unwrap());
    assert_eq!(spool.waiting().await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_late_delivery_never_takes_back_what_the_software_said() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path(), Disk::real());
    let kept = new(spool.keep(small(b"one", now())).await.unwrap());
    spool
        .finish(&kept, parted(b"accepted"), Vec::new(), now())
        .await
        .unwrap();
    for (status, fresh) in [
        ("collected", true),
        ("delivered", true),
        ("collected", false),
    ] {
        let record = receipt(kept.packet, b"one", status);
        let told = spool
            .received_receipt(&record, parted(b"seal"), now())
            .await;
        assert_eq!(told.unwrap(), fresh);
        let sent = spool
            .sent(&member(SENDER), "edoc", Window::default())
            .await
            .unwrap();
        assert_eq!(sent[0].received, "done");
    }
    let stranger = receipt(packet(), b"one", "collected");
    let told = spool
        .received_receipt(&stranger, parted(b"seal"), now())
        .await;
    assert!(matches!(told, Err(Error::Missing(_))));
    assert_eq!(spool.load().await.unwrap(), Load::default());
}

#[tokio::test]
async fn an_arrival_is_one_document_and_no_other_under_its_id() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path(), Disk::real());
    let id = packet();
    let doc = DocId::of_recipient(id, &member(RECEIVER));
    assert_eq!(
        spool.admit(arrival(id, b"one")).await.unwrap(),
        Admitted::New(doc)
    );
    assert_eq!(
        spool.admit(arrival(id, b"one")).await.unwrap(),
        Admitted::Known(doc)
    );
    let other = spool.admit(arrival(id, b"two")).await;
    assert!(matches!(other, Err(Error::Conflict(_))), "{other:?}");
    let stranger = spool.document(&member(SENDER), doc).await;
    assert!(
        matches!(stranger, Err(Error::Missing(_))),
        "another tenant's: {stranger:?}"
    );

    let owed = spool.owed(&member(RECEIVER), 10).await.unwrap();
    assert_eq!(owed.len(), 1, "one word about it, however often it came");
    let settled = owed
        .into_iter()
        .map(|owed| (owed, parted(b"seal")))
        .collect();
    spool.settle(settled).await.unwrap();

    let say = async |said: &str| {
        let record = receipt(id, b"one", said);
        spool
            .report(&member(RECEIVER), doc, said, None, now(), record)
            .await
    };
    say("processing").await.unwrap();
    say("done").await.unwrap();
    say("done").await.unwrap();
    assert!(matches!(say("fail").await, Err(Error::Impossible(_))));
    assert!(
        spool
            .inbox(&member(RECEIVER), "edoc", Window::default())
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(spool.owed(&member(RECEIVER), 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_start_sweeps_bodies_that_no_row_knows_and_no_others() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path(), Disk::real());
    let content = vec![7; 100_000];
    let body = async |packet| {
        let mut intake = spool.intake(&member(SENDER), packet);
        intake.feed(&content).unwrap();
        intake.finish().await.unwrap()
    };
    let stray = body(packet()).await;
    let mut waiting = submission(&content, Body::Inline([].into()), now());
    waiting.body = body(waiting.packet).await;
    let kept = new(spool.keep(waiting).await.unwrap());
    assert_eq!(spool.sweep().await.unwrap(), 1);
    let there = |body: &Body| matches!(body, Body::File(path) if path.exists());
    assert!(!there(&stray) && there(&kept.body));
    spool
        .finish(&kept, parted(b""), Vec::new(), now())
        .await
        .unwrap();
    assert!(!there(&kept.body));
}

/// Fails the commits while it is told to.
struct Commits(AtomicBool, Verdict);

impl Faults for Commits {
    fn next(&self, op: Op) -> Verdict {
        let fails = op == Op::Commit && self.0.load(Ordering::SeqCst);
        if fails { self.1 } else { Verdict::Do }
    }
}

#[tokio::test]
async fn what_is_in_the_store_is_kept_whatever_the_commit_reported() {
    for (verdict, is_kept) in [(Verdict::DoneButFailed, true), (Verdict::NotDone, false)] {
        let dir = tempfile::tempdir().unwrap();
        let faults = Arc::new(Commits(AtomicBool::new(false), verdict));
        let spool = open(dir.path(), Disk::failing(faults.clone()));
        faults.0.store(true, Ordering::SeqCst);
        let keeping = spool.keep(small(b"one", now())).await;
        assert_eq!(keeping.is_ok(), is_kept, "{verdict:?}");
        assert_eq!(spool.waiting().await.unwrap().len(), usize::from(is_kept));
    }
}

#[test]
fn turns_go_to_the_urgent_first_then_around_the_members() {
    let schedule = Schedule::new(1);
    let now = |future: &mut std::pin::Pin<&mut dyn Future<Output = Turn>>| match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(turn) => Some(turn),
        Poll::Pending => None,
    };
    let holder = member(RECEIVER);
    let mut held = now(&mut pin!(schedule.turn(&holder, Priority::Normal)));
    assert!(held.is_some());
    let asked = [
        (SENDER, Priority::Normal),
        (SENDER, Priority::Normal),
        (RECEIVER, Priority::Normal),
        (SENDER, Priority::Express),
    ];
    let asked = asked.map(|(code, priority)| (member(code), priority));
    let mut turns: Vec<_> = asked
        .iter()
        .map(|(member, priority)| Box::pin(schedule.turn(member, *priority)))
        .collect();
    let mut order = Vec::new();
    assert!(turns.iter_mut().all(|turn| now(&mut pin!(turn)).is_none()));
    assert_eq!(schedule.waiting(), 4);
    while order.len() < turns.len() {
        drop(held.take());
        for (number, turn) in turns.iter_mut().enumerate() {
            if !order.contains(&number)
                && let Some(turn) = now(&mut pin!(turn))
            {
                order.push(number);
                held = Some(turn);
            }
        }
    }
    assert_eq!(order, [3, 0, 2, 1]);
}
